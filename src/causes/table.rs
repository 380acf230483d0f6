//! The table of causes, the most specific first: each takes what it explains, and leaves the rest to those after it.

use super::explanation::Explanation;
use super::kinds::{
    aggregation, best_effort, columns_exchanged, converted_values, delivered_twice, expired,
    export_cut, interface_absent, late, masked, nodata_rows, not_read, objects_gone, one_sided,
    outage, refused_by_age, traffic_type,
};
use super::next::NextStep;
use super::scene::Scene;

/// A cause that is known: one line of [`CAUSES`].
pub struct CauseKind {
    /// What it is called in reports.
    pub name: &'static str,
    /// Finds it, and explains what it explains.
    pub find: fn(&mut Scene<'_>),
    /// Says what it is, in a sentence that begins small and ends without a stop.
    pub text: fn(&Explanation) -> String,
    /// What to do about it.
    pub step: fn(&Explanation) -> NextStep,
}

macro_rules! line {
    ($name:literal, $module:ident) => {
        CauseKind {
            name: $name,
            find: $module::find,
            text: $module::text,
            step: $module::step,
        }
    };
}

/// Every cause that is known.
pub static CAUSES: &[CauseKind] = &[
    line!("converted-values", converted_values),
    line!("masked", masked),
    line!("delivered-twice", delivered_twice),
    line!("columns-exchanged", columns_exchanged),
    line!("aggregation", aggregation),
    line!("best-effort-fields", best_effort),
    line!("nodata-rows", nodata_rows),
    line!("traffic-type", traffic_type),
    line!("one-sided-flow-log", one_sided),
    line!("objects-gone", objects_gone),
    line!("refused-by-age", refused_by_age),
    line!("expired", expired),
    line!("export-cut", export_cut),
    line!("interface-absent", interface_absent),
    line!("outage", outage),
    line!("late", late),
    line!("not-read", not_read),
];

/// Returns the cause of that name.
///
/// # Panics
/// If there is none: only causes of the table are found.
pub fn kind(name: &str) -> &'static CauseKind {
    let kind = CAUSES.iter().find(|kind| kind.name == name);
    kind.expect("only causes of the table are found")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        let names: BTreeSet<&str> = CAUSES.iter().map(|kind| kind.name).collect();
        assert_eq!(names.len(), CAUSES.len());
        for name in names {
            assert_eq!(kind(name).name, name);
        }
    }
}
