//! The pages of `docs/`, as `flowdiff help TOPIC` prints them.

/// A page of what there is to know.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// What it is asked for by.
    pub topic: &'static str,
    /// What it is about, in a few words.
    pub about: &'static str,
    /// The page, in Markdown.
    pub text: &'static str,
}

/// All pages, in the order in which README.md lists them.
pub const PAGES: [Page; 12] = [
    Page {
        topic: "sources",
        about: "Sources and formats",
        text: include_str!("../../docs/sources.md"),
    },
    Page {
        topic: "shapes",
        about: "All shapes of files that are read",
        text: include_str!("../../docs/shapes.md"),
    },
    Page {
        topic: "aws",
        about: "Flow logs, permissions, doctor, plan, costs",
        text: include_str!("../../docs/aws.md"),
    },
    Page {
        topic: "aws-settings",
        about: "Which settings of the AWS CLI are read",
        text: include_str!("../../docs/aws-settings.md"),
    },
    Page {
        topic: "records",
        about: "What is the same record, and what the words mean",
        text: include_str!("../../docs/records.md"),
    },
    Page {
        topic: "late",
        about: "Late data",
        text: include_str!("../../docs/late.md"),
    },
    Page {
        topic: "reports",
        about: "Reports",
        text: include_str!("../../docs/reports.md"),
    },
    Page {
        topic: "repair",
        about: "From an alarm to the cure",
        text: include_str!("../../docs/repair.md"),
    },
    Page {
        topic: "jobs",
        about: "Scheduled jobs and alarms",
        text: include_str!("../../docs/jobs.md"),
    },
    Page {
        topic: "options",
        about: "All options of a check",
        text: include_str!("../../docs/options.md"),
    },
    Page {
        topic: "promises",
        about: "What flowdiff promises, and how that is tested",
        text: include_str!("../../docs/promises.md"),
    },
    Page {
        topic: "performance",
        about: "Performance",
        text: include_str!("../../docs/performance.md"),
    },
];

/// Lists the topics, for the foot of the help.
pub(super) fn topics() -> String {
    let mut text = "Pages (flowdiff help TOPIC):".to_owned();
    for page in &PAGES {
        text += &format!("\n  {:<12} {}", page.topic, page.about);
    }
    text
}
