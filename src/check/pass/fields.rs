//! Which fields are compared: what both sides have, as the user narrows it.

use std::collections::BTreeSet;

use crate::model::{Error, Side, Sides};
use crate::record::{Comparison, FieldName, Layout};

/// The layouts met on each side.
pub(in crate::check) type Layouts = Sides<BTreeSet<Layout>>;

/// What the user says of the fields to compare.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Compare just these; empty is all that both sides have.
    pub only: Vec<FieldName>,
    /// Leave these out.
    pub ignored: Vec<FieldName>,
}

impl Selection {
    /// Returns what to compare, given the layouts met so far. A side has a field if all its layouts
    /// have it; a side on which no layout was met has whatever the other one has. If none was met at all, what is asked
    /// for is taken to be there.
    ///
    /// # Errors
    /// A field asked for is not there, or nothing is left to compare.
    pub fn comparison(&self, layouts: &Layouts) -> Result<Comparison, Error> {
        let has = Sides::from_fn(|side| in_all(&layouts[side]));
        if let (true, Some(name)) = (
            layouts_met(layouts),
            self.ignored
                .iter()
                .find(|name| !name_is_there(name, layouts)),
        ) {
            return Err(Error::Usage(format!(
                "--ignore-fields: no field `{name}` on either side"
            )));
        }
        let common: BTreeSet<FieldName> = match (has.s3, has.cwl) {
            (Some(s3), Some(cwl)) => {
                self.all_there(Side::S3, &s3)?;
                self.all_there(Side::Cwl, &cwl)?;
                s3.intersection(&cwl).cloned().collect()
            }
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) if !self.only.is_empty() => self.only.iter().cloned().collect(),
            (None, None) => Layout::vpc_default().columns().iter().cloned().collect(),
        };
        let asked = |name: &FieldName| self.only.is_empty() || self.only.contains(name);
        let compared: Vec<_> = common
            .into_iter()
            .filter(|name| asked(name) && !self.ignored.contains(name))
            .collect();
        if compared.is_empty() {
            return Err(Error::Incomparable(format!(
                "no field is left to compare: s3 has {}, cwl has {}",
                listed(&layouts.s3),
                listed(&layouts.cwl)
            )));
        }
        Ok(Comparison::new(compared))
    }

    fn all_there(&self, side: Side, fields: &BTreeSet<FieldName>) -> Result<(), Error> {
        match self.only.iter().find(|name| !fields.contains(name)) {
            Some(name) => Err(Error::Usage(format!(
                "--fields: not all of {side} has a field `{name}`"
            ))),
            None => Ok(()),
        }
    }
}

/// Returns the fields that a side has, in any of its layouts, and that are not compared, in table order.
pub(in crate::check) fn left_out(
    comparison: &Comparison,
    layouts: &BTreeSet<Layout>,
) -> Vec<String> {
    let names: BTreeSet<_> = layouts.iter().flat_map(Layout::columns).collect();
    names
        .into_iter()
        .filter(|name| !comparison.fields().contains(name))
        .map(ToString::to_string)
        .collect()
}

fn in_all(layouts: &BTreeSet<Layout>) -> Option<BTreeSet<FieldName>> {
    let each = layouts
        .iter()
        .map(|layout| layout.columns().iter().cloned().collect::<BTreeSet<_>>());
    each.reduce(|a, b| a.intersection(&b).cloned().collect())
}

fn layouts_met(layouts: &Layouts) -> bool {
    !layouts.s3.is_empty() || !layouts.cwl.is_empty()
}

fn name_is_there(name: &FieldName, layouts: &Layouts) -> bool {
    Side::BOTH.iter().any(|&side| {
        layouts[side]
            .iter()
            .any(|layout| layout.position(name).is_some())
    })
}

fn listed(layouts: &BTreeSet<Layout>) -> String {
    let names: BTreeSet<_> = layouts
        .iter()
        .flat_map(Layout::columns)
        .map(FieldName::as_str)
        .collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.into_iter().collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layouts(s3: &[&[&str]], cwl: &[&[&str]]) -> Layouts {
        let set = |all: &[&[&str]]| {
            all.iter()
                .map(|names| Layout::from_names(names.iter().copied()).unwrap())
                .collect()
        };
        Sides {
            s3: set(s3),
            cwl: set(cwl),
        }
    }

    fn names(text: &[&str]) -> Vec<FieldName> {
        text.iter().map(|name| FieldName::new(name)).collect()
    }

    #[test]
    fn what_all_layouts_of_both_sides_have() {
        let met = layouts(
            &[&["end", "start", "vpc-id"], &["start", "end"]],
            &[&["new", "start", "end"]],
        );
        let comparison = Selection::default().comparison(&met).unwrap();
        assert_eq!(comparison.fields(), names(&["start", "end"]));
        assert_eq!(
            Sides::from_fn(|side| left_out(&comparison, &met[side])),
            Sides {
                s3: vec!["vpc-id".into()],
                cwl: vec!["new".into()]
            }
        );
    }

    #[test]
    fn an_empty_side_has_what_the_other_has() {
        let comparison = Selection::default()
            .comparison(&layouts(&[], &[&["start", "odd"]]))
            .unwrap();
        assert_eq!(comparison.fields(), names(&["start", "odd"]));
    }

    #[test]
    fn what_is_asked_for_and_not_there_is_named() {
        let met = layouts(&[&["start"]], &[&["start", "end"]]);
        let refuse = |only: &[&str], ignored: &[&str]| {
            let selection = Selection {
                only: names(only),
                ignored: names(ignored),
            };
            selection.comparison(&met).unwrap_err().to_string()
        };
        assert_eq!(
            refuse(&["end"], &[]),
            "--fields: not all of s3 has a field `end`"
        );
        assert_eq!(
            refuse(&[], &["sturt"]),
            "--ignore-fields: no field `sturt` on either side"
        );
        assert_eq!(
            refuse(&[], &["start"]),
            "no field is left to compare: s3 has start, cwl has end, start"
        );
    }
}
