//! Words that several causes use.

use crate::causes::explanation::Explanation;
use crate::model::Side;
use crate::model::window::rfc3339;
use crate::model::words::count;

/// Says how many records of how many interfaces it explains.
pub(super) fn records(of: &Explanation) -> String {
    format!(
        "{} of {}",
        count(of.records, "record"),
        count(of.interfaces, "interface")
    )
}

/// Returns the name of the side that is at fault.
pub(super) fn side(of: &Explanation) -> &'static str {
    of.side.map_or("one side", Side::name)
}

/// Returns the name of the side that is not.
pub(super) fn other(of: &Explanation) -> &'static str {
    of.side.map_or("the other", |side| side.other().name())
}

/// Says from when to when it was.
pub(super) fn times(of: &Explanation) -> String {
    match of.since.zip(of.until) {
        Some((since, until)) => format!("from {} to {}", rfc3339(since), rfc3339(until)),
        None => "at unknown times".to_owned(),
    }
}

/// Joins names with commas.
pub(super) fn list(names: &[&str]) -> String {
    names.join(", ")
}
