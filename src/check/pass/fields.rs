//! Which fields are compared: what both sides have, as the user narrows it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use itertools::Itertools;

use crate::decode::Format;
use crate::model::{Error, Side, Sides};
use crate::record::{ComparedFields, FieldName, FieldSet, Layout, PerKind, RecordKind};
use crate::report::FieldDoubt;

/// The layouts of each side that a record in the window has.
pub(in crate::check) type Layouts = Sides<BTreeSet<Layout>>;

/// What the user says of the fields to compare.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Compare just these; empty is all that both sides have.
    pub only: Vec<FieldName>,
    /// Leave these out.
    pub ignored: Vec<FieldName>,
    /// Compare exactly these, whatever both sides have; nothing that a user says.
    pub(in crate::check) exact: Option<PerKind<ComparedFields>>,
}

impl Selection {
    /// Returns what is compared of each kind of record, given the layouts met so far: the fields that both sides have,
    /// each in any of its layouts. A side that has no layout of a kind has whatever the other one has. If none was met at
    /// all, what is asked for is taken to be there.
    ///
    /// The fields stand in the order that all layouts have them in, so that their lines can be taken as they stand; else in
    /// table order.
    pub(in crate::check) fn compared(&self, layouts: &Layouts) -> PerKind<ComparedFields> {
        if let Some(exact) = &self.exact {
            return exact.clone();
        }
        PerKind::from_fn(|kind| {
            let of_kind = layouts.as_ref().map(|met| {
                met.iter()
                    .filter(|layout| layout.kind() == kind)
                    .collect_vec()
            });
            let has = of_kind.as_ref().map(|met| fields_of(met.iter().copied()));
            let shared: BTreeSet<FieldName> = match (of_kind.s3.is_empty(), of_kind.cwl.is_empty())
            {
                (false, false) => has.s3.intersection(&has.cwl).cloned().collect(),
                (false, true) => has.s3,
                (true, false) => has.cwl,
                (true, true) => self.of_nothing(kind, layouts),
            };
            let asked = |name: &FieldName| self.only.is_empty() || self.only.contains(name);
            let shared = shared
                .into_iter()
                .filter(|name| asked(name) && !self.ignored.contains(name));
            let met = of_kind.s3.into_iter().chain(of_kind.cwl);
            ComparedFields::new(in_order(shared.collect(), &met.collect_vec()))
        })
    }

    /// What is compared if a user says this.
    pub fn of(only: Vec<FieldName>, ignored: Vec<FieldName>) -> Self {
        Self {
            only,
            ignored,
            exact: None,
        }
    }

    /// Returns the fields that all of a side's layouts of a kind share, as the user narrows them, in table order; those of the
    /// default format if it has no layout of the kind.
    pub(in crate::check) fn of_one_side(
        &self,
        layouts: &BTreeSet<Layout>,
        kind: RecordKind,
    ) -> ComparedFields {
        let of_kind = layouts.iter().filter(|layout| layout.kind() == kind);
        let columns = |layout: &Layout| layout.columns().iter().cloned().collect();
        let all: Vec<BTreeSet<FieldName>> = of_kind.map(columns).collect();
        let shared = all
            .iter()
            .cloned()
            .reduce(|one, other| match self.only.is_empty() {
                true => one.intersection(&other).cloned().collect(),
                // What is asked for by name has to be in all of them, which is told by its lack.
                false => one.union(&other).cloned().collect(),
            });
        let shared = shared.unwrap_or_else(|| columns(&default_layout(kind)));
        let wanted = |name: &FieldName| {
            (self.only.is_empty() || self.only.contains(name)) && !self.ignored.contains(name)
        };
        ComparedFields::new(shared.into_iter().filter(wanted))
    }

    /// Returns what is compared of a kind that was not met.
    fn of_nothing(&self, kind: RecordKind, layouts: &Layouts) -> BTreeSet<FieldName> {
        let default = default_layout(kind);
        if layouts_met(layouts) || self.only.is_empty() {
            return default.columns().iter().cloned().collect();
        }
        self.only.iter().cloned().collect()
    }

    /// Holds what the user says against the layouts that have a record in the window, and all that were met.
    ///
    /// # Errors
    /// A field asked for is not there, or nothing is left to compare of records that both sides have.
    pub(in crate::check) fn check(&self, layouts: &Layouts, seen: &Layouts) -> Result<(), Error> {
        if !layouts_met(layouts) {
            return Ok(());
        }
        // A field that AWS has may be in no record of just this window.
        let mut ignored = self.ignored.iter().filter(|name| !name.is_known());
        if let Some(name) =
            ignored.find(|name| !Side::BOTH.iter().any(|&side| has(&seen[side], name)))
        {
            let why = format!("--ignore-fields: no field `{name}` on either side");
            return Err(Error::Usage(why));
        }
        for side in Side::BOTH
            .into_iter()
            .filter(|&side| !layouts[side].is_empty())
        {
            if let Some(name) = self.only.iter().find(|name| !has(&seen[side], name)) {
                let why = format!(
                    "--fields: {side} has no field `{name}`: it has {}",
                    listed(&layouts[side])
                );
                return Err(Error::Usage(why));
            }
        }
        let on = |side: Side, kind| layouts[side].iter().any(|layout| layout.kind() == kind);
        for (kind, compared) in self.compared(layouts).iter() {
            if on(Side::S3, kind) && on(Side::Cwl, kind) && compared.fields().is_empty() {
                return Err(Error::Incomparable(format!(
                    "no field is left to compare: s3 has {}, cwl has {}",
                    listed(&layouts.s3),
                    listed(&layouts.cwl)
                )));
            }
        }
        Ok(())
    }
}

fn default_layout(kind: RecordKind) -> Layout {
    match kind {
        RecordKind::Vpc => Layout::vpc_default(),
        RecordKind::TransitGateway => Layout::transit_gateway_default(),
    }
}

/// Returns the fields in the order in which all layouts have them; in table order if there is no such order, or no layout
/// with all of them.
fn in_order(fields: BTreeSet<FieldName>, layouts: &[&Layout]) -> Vec<FieldName> {
    let among = |layout: &&Layout| {
        let columns = layout.columns().iter();
        columns
            .filter(|name| fields.contains(*name))
            .cloned()
            .collect_vec()
    };
    let orders = layouts.iter().map(among).collect_vec();
    let whole = orders.iter().find(|order| order.len() == fields.len());
    let keeps = |order: &Vec<FieldName>, whole: &Vec<FieldName>| {
        let mut rest = whole.iter();
        order.iter().all(|name| rest.any(|other| other == name))
    };
    match whole {
        Some(whole) if orders.iter().all(|order| keeps(order, whole)) => whole.clone(),
        _ => fields.into_iter().collect(),
    }
}

/// Returns the fields that a side has, in any of its layouts of a kind, and that are not compared, in table order.
pub(in crate::check) fn left_out(
    compared: &PerKind<ComparedFields>,
    layouts: &Layouts,
) -> PerKind<Sides<Vec<FieldName>>> {
    PerKind::from_fn(|kind| {
        Sides::from_fn(|side| {
            let of_kind = layouts[side].iter().filter(|layout| layout.kind() == kind);
            let names = fields_of(of_kind).into_iter();
            names
                .filter(|name| !compared[kind].fields().contains(name))
                .collect()
        })
    })
}

/// Returns what is compared of these kinds, by name in table order.
pub(in crate::check) fn told(
    compared: &PerKind<ComparedFields>,
    kinds: &BTreeSet<RecordKind>,
) -> BTreeMap<RecordKind, Vec<String>> {
    let sorted = |kind| {
        compared[kind]
            .fields()
            .iter()
            .sorted()
            .cloned()
            .collect_vec()
    };
    let told = kinds.iter().map(|&kind| (kind, names(&sorted(kind))));
    told.collect()
}

/// Returns the kinds of the records that were met; if none was, of those that the user has given formats of, or else VPC.
pub(in crate::check) fn kinds(layouts: &Layouts, formats: &Sides<Format>) -> BTreeSet<RecordKind> {
    let met = Side::BOTH.into_iter().flat_map(|side| &layouts[side]);
    let met: BTreeSet<RecordKind> = met.map(Layout::kind).collect();
    if !met.is_empty() {
        return met;
    }
    let given = Side::BOTH.into_iter().filter(|&side| formats[side].given);
    let given = given.flat_map(|side| formats[side].layouts());
    let given: BTreeSet<RecordKind> = given.map(Layout::kind).collect();
    if given.is_empty() {
        BTreeSet::from([RecordKind::Vpc])
    } else {
        given
    }
}

/// Returns the names as text.
pub(in crate::check) fn names(fields: &[FieldName]) -> Vec<String> {
    fields.iter().map(ToString::to_string).collect()
}

/// How alike two names are (0 to 1, Jaro and Winkler) if one may be the other misspelt.
const ALIKE: f64 = 0.85;

/// Tells why equal values may be no sign of equal records: `sets` are the field sets that records have, `left_out` what only
/// one side has.
pub(in crate::check) fn doubts<'s>(
    selection: &Selection,
    sets: impl Iterator<Item = &'s Arc<FieldSet>>,
    left_out: &PerKind<Sides<Vec<FieldName>>>,
) -> Vec<FieldDoubt> {
    let blind: BTreeSet<RecordKind> = sets
        .filter(|set| set.is_blind())
        .map(|set| set.kind)
        .collect();
    let blind = blind.into_iter();
    let blind = blind.map(|kind| FieldDoubt::Blind { kind });
    let misspelt = left_out.iter().flat_map(|(_, sides)| {
        Side::BOTH.into_iter().flat_map(move |side| {
            // Who names the fields has chosen.
            let chosen =
                |name: &FieldName| !selection.only.is_empty() || selection.ignored.contains(name);
            let unknown = sides[side].iter();
            let unknown = unknown.filter(move |name| !name.is_known() && !chosen(name));
            unknown.filter_map(move |name| {
                let others = sides[side.other()].iter().filter(|other| !chosen(other));
                let nearest = nearest(name, others)?;
                Some(FieldDoubt::Misspelt {
                    side,
                    field: name.to_string(),
                    nearest: nearest.to_string(),
                })
            })
        })
    });
    blind.chain(misspelt).collect()
}

/// Returns the known field among these that a name is most like, if it is.
fn nearest<'n>(
    name: &FieldName,
    among: impl Iterator<Item = &'n FieldName>,
) -> Option<&'n FieldName> {
    let alike = |other: &FieldName| strsim::jaro_winkler(name.as_str(), other.as_str());
    let known = among.filter(|other| other.is_known());
    let nearest = known.max_by(|a, b| alike(a).total_cmp(&alike(b)))?;
    (alike(nearest) >= ALIKE).then_some(nearest)
}

fn fields_of<'l>(layouts: impl Iterator<Item = &'l Layout>) -> BTreeSet<FieldName> {
    layouts.flat_map(Layout::columns).cloned().collect()
}

fn has(layouts: &BTreeSet<Layout>, name: &FieldName) -> bool {
    layouts.iter().any(|layout| layout.position(name).is_some())
}

fn layouts_met(layouts: &Layouts) -> bool {
    !layouts.s3.is_empty() || !layouts.cwl.is_empty()
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

    fn compared(s3: &[&[&str]], cwl: &[&[&str]]) -> Vec<FieldName> {
        let compared = Selection::default().compared(&layouts(s3, cwl));
        compared.vpc.fields().to_vec()
    }

    #[test]
    fn what_both_sides_have_in_any_of_their_layouts() {
        let met = layouts(
            &[&["end", "start", "vpc-id"], &["start", "bytes"]],
            &[&["new", "start", "end"], &["bytes", "start"]],
        );
        let compared = Selection::default().compared(&met);
        assert_eq!(compared.vpc.fields(), names(&["bytes", "start", "end"]));
        assert_eq!(
            left_out(&compared, &met).vpc,
            Sides {
                s3: names(&["vpc-id"]),
                cwl: names(&["new"])
            }
        );
    }

    #[test]
    fn kinds_are_compared_each_in_their_own_fields() {
        let met = layouts(
            &[&["start", "bytes"], &["tgw-id", "start", "end"]],
            &[&["start", "tgw-id"], &["start", "bytes", "end"]],
        );
        let compared = Selection::default().compared(&met);
        assert_eq!(compared.vpc.fields(), names(&["start", "bytes"]));
        assert_eq!(
            compared.transit_gateway.fields(),
            names(&["start", "tgw-id"])
        );
        assert_eq!(
            left_out(&compared, &met).transit_gateway.s3,
            names(&["end"])
        );
    }

    #[test]
    fn an_empty_side_has_what_the_other_has() {
        assert_eq!(
            compared(&[], &[&["start", "odd"]]),
            names(&["start", "odd"])
        );
    }

    #[test]
    fn fields_stand_in_the_order_that_all_layouts_share() {
        let own = ["start", "srcaddr", "version"];
        assert_eq!(compared(&[&own], &[&own]), names(&own));
        assert_eq!(
            compared(
                &[&own, &["start", "version"]],
                &[&["end", "start", "srcaddr", "version"]]
            ),
            names(&own)
        );
        let table = names(&["version", "srcaddr", "start"]);
        assert_eq!(
            compared(&[&own], &[&["version", "srcaddr", "start"]]),
            table
        );
        let halves: &[&[&str]] = &[&["start", "srcaddr"], &["srcaddr", "version"]];
        assert_eq!(compared(halves, halves), table);
    }

    #[test]
    fn what_is_asked_for_and_not_there_is_named() {
        let met = layouts(&[&["start"]], &[&["start", "end"]]);
        let refuse = |only: &[&str], ignored: &[&str]| {
            let selection = Selection::of(names(only), names(ignored));
            selection.check(&met, &met).unwrap_err().to_string()
        };
        assert_eq!(
            refuse(&["end"], &[]),
            "--fields: s3 has no field `end`: it has start"
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

    #[test]
    fn what_is_asked_for_is_compared_where_nothing_was_met() {
        let selection = Selection::of(names(&["tgw-id", "brand-new"]), Vec::new());
        let compared = selection.compared(&Layouts::default());
        assert_eq!(compared.vpc.fields(), names(&["tgw-id", "brand-new"]));
        assert!(
            selection
                .check(&Layouts::default(), &Layouts::default())
                .is_ok()
        );
    }

    /// Found by the oracle, seed 630942: who ignores `srcaddr` was told that it is not compared with a `src-addr`.
    #[test]
    fn a_slip_is_none_where_the_field_meant_is_ignored() {
        let left_out = PerKind::from_fn(|kind| match kind {
            RecordKind::Vpc => Sides {
                s3: names(&["srcaddr"]),
                cwl: names(&["src-addr"]),
            },
            RecordKind::TransitGateway => Sides::default(),
        });
        for (ignored, number) in [(&[][..], 1), (&["src-addr"], 0), (&["srcaddr"], 0)] {
            let selection = Selection::of(Vec::new(), names(ignored));
            let doubts = doubts(&selection, std::iter::empty(), &left_out);
            assert_eq!(doubts.len(), number, "{ignored:?}");
        }
    }
}
