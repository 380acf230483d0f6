//! A report that stays where it is while a job has nothing due, and says when the job looked last.

use crate::model::window::rfc3339;

/// How the line begins that a text report has then.
const TEXT: &str = "Looked last at ";
/// The beginning of a page's content, and how the paragraph begins that it has then.
const CONTENT: &str = "<main>";
const PARAGRAPH: &str = "<p class=\"unknown\">Looked last at ";

/// Leaves a report as it is.
pub(super) fn unchanged(report: &str, _: i64) -> String {
    report.to_owned()
}

/// Says it in the first line of a text.
pub(super) fn text(report: &str, at: i64) -> String {
    let before = match report.strip_prefix(TEXT) {
        None => report,
        Some(rest) => rest.split_once("\n\n").map_or("", |(_, before)| before),
    };
    let at = rfc3339(at);
    format!("{TEXT}{at}: nothing was due. What follows is of the round before.\n\n{before}")
}

/// Says it in `state.looked_at` of a JSON document, or of the first of JSON lines. The member's name with a quotation mark on both sides
/// cannot stand in a value.
pub(super) fn json(report: &str, at: i64) -> String {
    const MEMBER: &str = "\"looked_at\":";
    let Some((before, rest)) = report.split_once(MEMBER) else {
        return report.to_owned();
    };
    let value = |rest: &str| {
        let (space, rest) = rest.split_once('"')?;
        let (_, rest) = rest.split_once('"')?;
        Some(format!("{before}{MEMBER}{space}\"{}\"{rest}", rfc3339(at)))
    };
    value(rest).unwrap_or_else(|| report.to_owned())
}

/// Says it at the top of a page.
pub(super) fn html(report: &str, at: i64) -> String {
    let Some((before, rest)) = report.split_once(CONTENT) else {
        return report.to_owned();
    };
    let rest = match rest.strip_prefix(PARAGRAPH) {
        None => rest,
        Some(rest) => rest.split_once("</p>").map_or(rest, |(_, rest)| rest),
    };
    let at = rfc3339(at);
    format!(
        "{before}{CONTENT}{PARAGRAPH}{at}: nothing was due. What follows is of the round before.</p>{rest}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{RENDERERS, Style};
    use crate::report::sample;

    #[test]
    fn a_report_says_when_and_nothing_else_changes() {
        let report = sample::of_a_job();
        for renderer in RENDERERS {
            let Some(looked) = renderer.looked else {
                assert!(renderer.series, "{}", renderer.name);
                continue;
            };
            let mut out = Vec::new();
            (renderer.write)(&report, Style::default(), &mut out).unwrap();
            let before = String::from_utf8(out).unwrap();
            let once = looked(&before, 1_700_000_000);
            let twice = looked(&once, 1_700_000_300);
            let is_told = !matches!(renderer.name, "csv" | "junit");
            for (text, at) in [
                (&once, "2023-11-14T22:13:20Z"),
                (&twice, "2023-11-14T22:18:20Z"),
            ] {
                assert_eq!(
                    text.matches(at).count(),
                    usize::from(is_told),
                    "{}",
                    renderer.name
                );
            }
            assert_eq!(twice.len(), once.len(), "{}", renderer.name);
            match renderer.name {
                "text" => assert!(once.ends_with(&before)),
                "html" => assert!(once.ends_with(before.split_once(CONTENT).unwrap().1)),
                _ => assert_eq!(once.len(), before.len(), "{}", renderer.name),
            }
            // What is there may be anything.
            looked("", 0);
            looked("\"looked_at\": 7 <main>", 0);
        }
    }
}
