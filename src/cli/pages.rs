//! The pages of `docs/`, as `flowdiff help TOPIC` prints them.

/// A page of what there is to know.
#[derive(Clone, Copy, Debug)]
pub struct HelpPage {
    /// What it is asked for by.
    pub topic: &'static str,
    /// What it is about, in a few words.
    pub about: &'static str,
    /// The page, in Markdown.
    pub text: &'static str,
}

/// All pages, in the order in which README.md lists them.
pub const PAGES: [HelpPage; 15] = [
    HelpPage {
        topic: "sources",
        about: "Sources and formats",
        text: include_str!("../../docs/sources.md"),
    },
    HelpPage {
        topic: "shapes",
        about: "All shapes of files that are read",
        text: include_str!("../../docs/shapes.md"),
    },
    HelpPage {
        topic: "aws",
        about: "Flow logs, permissions, doctor, plan, costs",
        text: include_str!("../../docs/aws.md"),
    },
    HelpPage {
        topic: "aws-settings",
        about: "Which settings of the AWS CLI are read",
        text: include_str!("../../docs/aws-settings.md"),
    },
    HelpPage {
        topic: "records",
        about: "What is the same record, and what the words mean",
        text: include_str!("../../docs/records.md"),
    },
    HelpPage {
        topic: "late",
        about: "Late data",
        text: include_str!("../../docs/late.md"),
    },
    HelpPage {
        topic: "reports",
        about: "Reports",
        text: include_str!("../../docs/reports.md"),
    },
    HelpPage {
        topic: "repair",
        about: "From an alarm to the cure",
        text: include_str!("../../docs/repair.md"),
    },
    HelpPage {
        topic: "digests",
        about: "Sides that are not in one place",
        text: include_str!("../../docs/digests.md"),
    },
    HelpPage {
        topic: "receipts",
        about: "Proof of what was there",
        text: include_str!("../../docs/receipts.md"),
    },
    HelpPage {
        topic: "jobs",
        about: "Scheduled jobs and alarms",
        text: include_str!("../../docs/jobs.md"),
    },
    HelpPage {
        topic: "archives",
        about: "What a job keeps, and for how long",
        text: include_str!("../../docs/archives.md"),
    },
    HelpPage {
        topic: "options",
        about: "All options of a check",
        text: include_str!("../../docs/options.md"),
    },
    HelpPage {
        topic: "promises",
        about: "What flowdiff promises, and how that is tested",
        text: include_str!("../../docs/promises.md"),
    },
    HelpPage {
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
