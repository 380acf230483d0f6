//! What is found where objects or files lie, judged.

use itertools::Itertools;

use super::{SideDiagnosis, form};
use crate::model::window::rfc3339;
use crate::model::words::count;
use crate::source::examine::{CallAnswer, Places};

/// Judges a folder or a file.
pub(super) fn judge(chart: &mut SideDiagnosis<'_>, answer: &CallAnswer<Places>) {
    match answer {
        Err(trouble) => {
            let advice = trouble.advice.clone();
            let advice = advice.unwrap_or_else(|| "check the path".to_owned());
            chart.fail("files", trouble.text.as_str(), advice);
        }
        Ok(found) if found.is_empty() => {
            chart.warn("files", "there are none", "check the path");
        }
        Ok(found) => {
            chart.ok("files", count(found.seen as u64, "file"));
            places(chart, found);
            if let Some(head) = &found.head {
                form::judge_file(chart, head);
            }
        }
    }
}

/// Judges what lies in a place that is not empty.
pub(super) fn places(chart: &mut SideDiagnosis<'_>, places: &Places) {
    let layouts = places.layouts.iter().format("; ").to_string();
    let more = if places.more {
        " (not all were listed)"
    } else {
        ""
    };
    match layouts.as_str() {
        "" => chart.ok(
            "layout",
            format!("not that of delivered logs: all there is is read{more}"),
        ),
        layouts => chart.ok("layout", format!("{layouts}{more}")),
    }
    newest(chart, places);
    flow_logs(chart, places);
    if let Some((name, reason)) = places.unreadable.first() {
        let found = format!(
            "{} of those met cannot be read: {name}: {reason}",
            places.unreadable.len()
        );
        chart.warn(
            "unreadable",
            found,
            "a check has no verdict on what they hold",
        );
    }
}

/// Judges whose objects lie there: records of a second flow log look like copies too many.
fn flow_logs(chart: &mut SideDiagnosis<'_>, places: &Places) {
    let ids = &places.flow_logs;
    if ids.is_empty() {
        return;
    }
    let found = ids.iter().format(", ").to_string();
    if ids.len() == 1 || !chart.options.flow_log_ids.is_empty() {
        return chart.ok("flow-logs", found);
    }
    let advice = ids
        .iter()
        .format_with(" or ", |id, f| f(&format_args!("`--flow-log-id {id}`")));
    chart.warn(
        "flow-logs",
        format!(
            "{} share the place: {found}",
            count(ids.len() as u64, "flow log")
        ),
        format!("pick the one to compare, or the others' records are surplus: {advice}"),
    );
}

/// Judges the newest objects or files.
fn newest(chart: &mut SideDiagnosis<'_>, places: &Places) {
    let Some(newest) = &places.newest else { return };
    let time = rfc3339(newest.time);
    let name = last(&newest.name);
    if places.in_window.is_some() {
        return chart.ok("newest-object", format!("{name} of {time}"));
    }
    let window = chart.check.window;
    let names = window.object_names();
    let advice = if names.start.is_some_and(|start| newest.time < start) {
        "the flow log has not delivered since (its status: --flow-logs), or --since is too late"
    } else {
        "what was there has been removed (a lifecycle rule?), or --until is too early"
    };
    chart.warn(
        "newest-object",
        format!("none may hold records of {window}; the newest is {name} of {time}"),
        advice,
    );
}

/// Returns the last component of a key, which tells most.
fn last(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}
