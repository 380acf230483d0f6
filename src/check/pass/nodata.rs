//! Whether both sides can tell NODATA rows, by the same rule.

use std::collections::BTreeMap;

use itertools::Itertools;

use super::fields::Layouts;
use crate::model::{Error, Side};
use crate::record::{FieldName, Layout, RecordKind};

/// By what a layout's rows are told to be NODATA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum NodataRule {
    /// They say so.
    Status,
    /// They have none of the traffic, as SKIPDATA rows have none either.
    NoTraffic,
    /// By nothing.
    None,
}

impl NodataRule {
    fn of(layout: &Layout) -> Self {
        if layout.position(&FieldName::new("log-status")).is_some() {
            Self::Status
        } else if layout.columns().iter().any(FieldName::is_traffic) {
            Self::NoTraffic
        } else {
            Self::None
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Status => "by `log-status`",
            Self::NoTraffic => {
                "by the traffic that they lack, as SKIPDATA rows do, for there is no `log-status`"
            }
            Self::None => "by nothing, for there is neither `log-status` nor traffic",
        }
    }
}

/// Refuses to leave NODATA rows out where layouts that were met do not tell them by the same rule: what one side leaves out
/// the other would keep, and it would look missing.
///
/// # Errors
/// [`Error::Usage`] with both rules.
pub(in crate::check) fn check(seen: &Layouts) -> Result<(), Error> {
    for kind in [RecordKind::Vpc, RecordKind::TransitGateway] {
        let rules: BTreeMap<NodataRule, Side> = Side::BOTH
            .into_iter()
            .flat_map(|side| seen[side].iter().map(move |layout| (side, layout)))
            .filter(|(_, layout)| layout.kind() == kind)
            .map(|(side, layout)| (NodataRule::of(layout), side))
            .collect();
        if rules.len() > 1 {
            let told = rules
                .iter()
                .map(|(rule, side)| format!("on {side} {}", rule.words()));
            return Err(Error::Usage(format!(
                "--ignore-nodata: NODATA rows are not told by the same rule: {}. Leave the option out",
                told.collect_vec().join("; ")
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::Sides;

    fn said(s3: &[&str], cwl: &[&str]) -> Option<String> {
        let layouts = |formats: &[&str]| {
            let formats = formats.iter();
            let layouts = formats.map(|format| Layout::from_names(format.split(' ')).unwrap());
            layouts.collect::<BTreeSet<_>>()
        };
        let seen = Sides {
            s3: layouts(s3),
            cwl: layouts(cwl),
        };
        check(&seen).err().map(|error| error.to_string())
    }

    #[test]
    fn both_sides_tell_nodata_by_the_same_rule_or_not_at_all() {
        let status = "interface-id start log-status";
        let traffic = "interface-id start bytes";
        let neither = "interface-id start";
        for alike in [status, traffic, neither] {
            assert_eq!(said(&[alike], &[alike]), None);
            assert_eq!(said(&[alike], &[]), None);
        }
        for (s3, cwl, named) in [
            (&[status][..], &[traffic][..], "on cwl by the traffic"),
            (&[status], &[neither], "on cwl by nothing"),
            (&[traffic], &[neither], "on s3 by the traffic"),
            (&[status, traffic], &[status], "on s3 by the traffic"),
        ] {
            let said = said(s3, cwl).unwrap();
            assert!(said.contains(named), "{said}");
        }
        assert_eq!(said(&[status], &["tgw-id start bytes"]), None);
    }
}
