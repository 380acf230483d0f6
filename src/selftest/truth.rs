//! The truth: what there is to find in a situation, by counting copies one by one.
//!
//! Nothing here comes from the modules that are tested; the rules are those of docs/records.md.

mod leftovers;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::model::{Side, Sides};
use crate::record::{FieldName, Layout};

use super::delivered::Delivered;
use super::form::{PartForm, PartRow};
use super::part::PlantedPart;
use super::situation::Situation;

/// What a leftover or a pair is, and on which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TruthKind {
    Missing(Side),
    Surplus(Side),
    Divergent,
    Pending(Side),
    Undetermined(Side),
}

/// Interface and slot, a half blank if it is not compared.
pub(super) type TruthBucket = (String, Option<i64>);

/// What is found on one side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SideTruth {
    pub records: u64,
    pub nodata: u64,
    pub skipdata: u64,
    pub masked: u64,
    /// The part and the row of each, by their numbers.
    pub malformed: Vec<(usize, usize)>,
    pub unreadable: BTreeSet<String>,
    pub first_start: Option<i64>,
    pub last_start: Option<i64>,
}

/// What there is to find.
#[derive(Clone, Debug, Default)]
pub(super) struct Truth {
    /// The compared fields, in order.
    pub compared: Vec<FieldName>,
    pub sides: Sides<SideTruth>,
    /// Each difference by what it is, where, and its canonical text, or both texts of a pair; with `-` for what it lacks, and
    /// an asterisk for what cannot be seen.
    pub differences: BTreeMap<(TruthBucket, TruthKind, String, String), u64>,
    /// How many agree in all that both have, by what was not compared.
    pub fewer: BTreeMap<Vec<FieldName>, u64>,
    /// How many of the copies that are missing on a side, or surplus on the other one, may be its malformed rows: so many
    /// are undetermined, and which of them nobody can tell.
    pub hidden: Sides<u64>,
    pub exit_code: u8,
    /// Whether a late copy is of a record that did not differ before it came, or came to both sides: then it is for the
    /// next check, unless another difference in its bucket shows it.
    pub arrives_unseen: bool,
}

/// The records that were read, by the values of the compared fields, in two ways: as text, by which they are in order, and one
/// by one, `None` for those that a record lacks or that cannot be seen.
type Heaps = BTreeMap<(String, Vec<Option<String>>), Heap>;

/// One copy that was read.
struct ReadCopy {
    values: Vec<Option<String>>,
    /// As a difference is told.
    told: String,
    bucket: TruthBucket,
    young: bool,
    late: bool,
}

/// The copies of one record on both sides.
struct Heap {
    told: String,
    bucket: TruthBucket,
    copies: Sides<u64>,
    /// How many of them are young.
    young: Sides<u64>,
    /// How many of them came late.
    late: Sides<u64>,
}

impl Heap {
    fn arrives_unseen(&self) -> bool {
        let first = Sides::from_fn(|side| self.copies[side] - self.late[side]);
        let late = self.late.s3 + self.late.cwl > 0;
        late && first.s3 == first.cwl || self.late.s3.min(self.late.cwl) > 0
    }
}

impl Truth {
    pub(super) fn of(situation: &Situation, delivered: &Sides<Delivered>) -> Self {
        let compared = compared(situation, delivered);
        let mut truth = Self {
            compared,
            ..Self::default()
        };
        let mut heaps = Heaps::new();
        for side in Side::BOTH {
            for copy in truth.read(situation, delivered, side) {
                let seen: Vec<&str> = copy.values.iter().flatten().map(String::as_str).collect();
                let key = (seen.join(" "), copy.values);
                let heap = heaps.entry(key).or_insert_with(|| Heap {
                    told: copy.told,
                    bucket: copy.bucket,
                    copies: Sides::default(),
                    young: Sides::default(),
                    late: Sides::default(),
                });
                heap.copies[side] += 1;
                heap.late[side] += u64::from(copy.late);
                heap.young[side] += u64::from(copy.young);
            }
        }
        truth.arrives_unseen = heaps.values().any(Heap::arrives_unseen);
        truth.tell(situation, &heaps);
        truth.hidden = Sides::from_fn(|side| truth.hidden_on(situation, side));
        truth.exit_code = truth.exit_code_of(situation);
        truth
    }

    /// What a difference of a kind may as well be said to be.
    pub(super) fn class(&self, kind: TruthKind) -> TruthKind {
        let hidden = |side: Side| self.hidden[side] > 0;
        match kind {
            TruthKind::Missing(side) if hidden(side) => TruthKind::Undetermined(side),
            TruthKind::Surplus(side) if hidden(side.other()) => {
                TruthKind::Undetermined(side.other())
            }
            TruthKind::Missing(_)
            | TruthKind::Surplus(_)
            | TruthKind::Divergent
            | TruthKind::Pending(_)
            | TruthKind::Undetermined(_) => kind,
        }
    }

    /// Returns how many of the copies that the side lacks may be its malformed rows, each one at most: rows are given
    /// copies one after the other, and those that have one move on to another if that helps.
    fn hidden_on(&self, situation: &Situation, side: Side) -> u64 {
        let lacks = |kind: TruthKind| {
            kind == TruthKind::Missing(side) || kind == TruthKind::Surplus(side.other())
        };
        let lacking = self
            .differences
            .iter()
            .filter(|((_, kind, ..), _)| lacks(*kind));
        let lacking = lacking.flat_map(|((bucket, ..), copies)| (0..*copies).map(move |_| bucket));
        let lacking: Vec<&TruthBucket> = lacking.collect();
        let rows = self.sides[side].malformed.iter();
        let may: Vec<Vec<usize>> = rows
            .map(|&(part, _)| {
                let told = &situation.parts[side][part].told;
                let copies = lacking.iter().enumerate();
                let may = copies.filter(|(_, (interface, slot))| told.may_hold(interface, *slot));
                may.map(|(copy, _)| copy).collect()
            })
            .collect();
        let mut taken: Vec<Option<usize>> = vec![None; lacking.len()];
        let given = (0..may.len()).filter(|&row| give(row, &may, &mut taken, &mut HashSet::new()));
        given.count() as u64
    }

    /// Sums up differences of a kind.
    pub(super) fn count(&self, kind: TruthKind) -> u64 {
        let of_kind = self
            .differences
            .iter()
            .filter(|((_, is, ..), _)| *is == kind);
        of_kind.map(|(_, copies)| copies).sum()
    }

    /// Counts the rows of a side, and returns the copies that are asked for.
    fn read(
        &mut self,
        situation: &Situation,
        delivered: &Sides<Delivered>,
        side: Side,
    ) -> Vec<ReadCopy> {
        let (mut copies, mut events) = (Vec::new(), HashSet::new());
        let summary = &mut self.sides[side];
        for (number, part) in situation.parts[side].iter().enumerate() {
            if !situation.asks_for(side, part) {
                continue;
            }
            if part.fault.is_some() || part.holds_no_record() {
                summary.unreadable.insert(part.name.clone());
            }
            if part.holds_no_record() {
                continue;
            }
            let rows = part.rows.iter().take(delivered[side].rows_given(number));
            for (index, row) in rows.enumerate() {
                let (record, event) = match *row {
                    PartRow::Record { record, event } => (record, event),
                    PartRow::Malformed { at } => {
                        if part.form != PartForm::Live || may_lie_in(situation, at) {
                            summary.malformed.push((number, index));
                        }
                        continue;
                    }
                };
                let seen = See::of(situation, side, (part, record));
                if !seen.is_asked_for() || (part.form.has_ids() && !events.insert(event)) {
                    continue;
                }
                summary.records += 1;
                summary.nodata += u64::from(seen.is("NODATA"));
                summary.skipdata += u64::from(seen.is("SKIPDATA"));
                summary.masked += u64::from(seen.is_masked(&self.compared));
                let start = seen.number("start");
                summary.first_start = summary.first_start.into_iter().chain(start).min();
                summary.last_start = summary.last_start.into_iter().chain(start).max();
                copies.push(seen.copy(&self.compared, part.late));
            }
        }
        copies
    }

    fn exit_code_of(&self, situation: &Situation) -> u8 {
        let sure = |kind: &TruthKind| {
            matches!(
                kind,
                TruthKind::Missing(_) | TruthKind::Surplus(_) | TruthKind::Divergent
            )
        };
        let sure = self
            .differences
            .iter()
            .filter(|((_, kind, ..), _)| sure(kind));
        let sure: u64 = sure.map(|(_, copies)| copies).sum();
        if sure > self.hidden.s3 + self.hidden.cwl {
            return 1;
        }
        let Sides { s3, cwl } = &self.sides;
        let not_known = [s3, cwl]
            .iter()
            .any(|side| !side.malformed.is_empty() || !side.unreadable.is_empty());
        let empty = s3.records + cwl.records == 0 && !situation.allow_empty;
        let telling = [
            "start",
            "interface-id",
            "srcaddr",
            "dstaddr",
            "pkt-srcaddr",
            "pkt-dstaddr",
        ];
        let tells = |name: &FieldName| telling.contains(&name.as_str());
        let blind = s3.records + cwl.records > 0 && !self.compared.iter().any(tells);
        let unseen = s3.masked + cwl.masked > 0 || !self.fewer.is_empty();
        if not_known || unseen || blind || empty || !self.differences.is_empty() {
            3
        } else {
            0
        }
    }
}

/// Gives a row a copy that it may be, if need be one that another row can do without.
fn give(
    row: usize,
    may: &[Vec<usize>],
    taken: &mut [Option<usize>],
    tried: &mut HashSet<usize>,
) -> bool {
    for &copy in &may[row] {
        if !tried.insert(copy) {
            continue;
        }
        let free = match taken[copy] {
            None => true,
            Some(other) => give(other, may, taken, tried),
        };
        if free {
            taken[copy] = Some(row);
            return true;
        }
    }
    false
}

/// What all sides have, of what is asked for: what any layout has of which a record was met. A side of which none was met has the
/// format that was given.
fn compared(situation: &Situation, delivered: &Sides<Delivered>) -> Vec<FieldName> {
    let met = |side: Side| -> Vec<&Layout> {
        let parts = situation.parts[side].iter().enumerate();
        let read = parts.filter(|(_, part)| situation.asks_for(side, part));
        let met = read.filter(|(number, part)| {
            let mut rows = part.rows.iter().take(delivered[side].rows_given(*number));
            rows.any(|row| match *row {
                PartRow::Record { record, .. } => {
                    See::of(situation, side, (part, record)).is_asked_for()
                }
                PartRow::Malformed { .. } => false,
            })
        });
        let met: Vec<&Layout> = met.map(|(_, part)| situation.layout(side, part)).collect();
        match met.is_empty() && situation.formats[side].given {
            true => vec![&situation.layouts[side]],
            false => met,
        }
    };
    let known = Sides::from_fn(met);
    let is_known = |side: Side| !known[side].is_empty();
    if !Side::BOTH.into_iter().any(is_known) {
        return Vec::new();
    }
    let has = |side: Side, name: &FieldName| {
        let mut layouts = known[side].iter();
        !is_known(side) || layouts.any(|layout| layout.position(name).is_some())
    };
    let names = situation.fields.0.iter();
    let both = names.filter(|name| Side::BOTH.into_iter().all(|side| has(side, name)));
    let mut fields: Vec<FieldName> = both.cloned().collect();
    fields.retain(|name| situation.only.is_empty() || situation.only.contains(name));
    fields.retain(|name| !situation.ignored.contains(name));
    fields.sort();
    fields
}

/// Whether what an event holds may be of the window: its time is that of its record, give or take a minute.
fn may_lie_in(situation: &Situation, at: i64) -> bool {
    let (start, end) = (situation.window.start, situation.window.end);
    start.is_none_or(|start| start - 60 <= at) && end.is_none_or(|end| at < end + 60)
}

/// Whether the side may hold what was not seen there.
fn in_doubt(situation: &Situation, side: Side, (interface, slot): &TruthBucket) -> bool {
    situation.parts[side].iter().any(|part| {
        let unread = part.fault.is_some() || part.holds_no_record();
        unread && situation.asks_for(side, part) && part.told.may_hold(interface, *slot)
    })
}

/// A record as a part tells it.
struct See<'a> {
    situation: &'a Situation,
    layout: &'a Layout,
    record: usize,
}

impl<'a> See<'a> {
    fn of(situation: &'a Situation, side: Side, (part, record): (&PlantedPart, usize)) -> Self {
        Self {
            situation,
            layout: situation.layout(side, part),
            record,
        }
    }

    fn has(&self, name: &FieldName) -> bool {
        self.layout.position(name).is_some()
    }

    /// Whether a value that is compared cannot be seen.
    fn is_masked(&self, compared: &[FieldName]) -> bool {
        let mut values = compared.iter().filter_map(|name| self.value(name));
        values.any(|value| value.contains('*'))
    }

    fn value(&self, name: &FieldName) -> Option<&str> {
        let at = self
            .situation
            .fields
            .0
            .iter()
            .position(|field| field == name)?;
        self.situation.records[self.record].values[at]
            .as_deref()
            .filter(|_| self.has(name))
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.value(&FieldName::new(name))?.parse().ok()
    }

    /// Without a `log-status` a NODATA row can be told by its having no traffic.
    fn is(&self, status: &str) -> bool {
        let name = FieldName::new("log-status");
        if self.has(&name) {
            return self.value(&name) == Some(status);
        }
        let traffic: Vec<&FieldName> = self
            .layout
            .columns()
            .iter()
            .filter(|name| name.is_traffic())
            .collect();
        status == "NODATA"
            && !traffic.is_empty()
            && traffic.iter().all(|name| self.value(name).is_none())
    }

    fn is_asked_for(&self) -> bool {
        let situation = self.situation;
        let in_window = self.number("start").is_none_or(|start| {
            let Some((from, to)) = situation.window.start.zip(situation.window.end) else {
                return situation.window.start.is_none_or(|from| from <= start)
                    && situation.window.end.is_none_or(|to| start < to);
            };
            (from..to).contains(&start)
        });
        let interface = &situation.records[self.record].interface;
        let wanted = situation.interfaces.is_empty() || situation.interfaces.contains(interface);
        in_window && wanted && !(situation.ignore_nodata && self.is("NODATA"))
    }

    fn copy(&self, compared: &[FieldName], late: bool) -> ReadCopy {
        let value = |name: &FieldName| self.value(name).unwrap_or("-");
        let is_seen = |name: &FieldName| self.has(name) && !value(name).contains('*');
        let seen = |name: &FieldName| is_seen(name).then(|| value(name).to_owned());
        let told = |name: &FieldName| {
            if value(name).contains('*') {
                "*"
            } else {
                value(name)
            }
        };
        let is_compared = |name: &str| compared.iter().any(|field| field.as_str() == name);
        let settle = &self.situation.settle;
        let end = self
            .number("end")
            .or(self.number("start").map(|start| start + 600));
        ReadCopy {
            late,
            values: compared.iter().map(seen).collect(),
            told: compared.iter().map(told).collect::<Vec<_>>().join(" "),
            bucket: (
                if is_compared("interface-id") {
                    value(&FieldName::new("interface-id")).to_owned()
                } else {
                    "-".to_owned()
                },
                self.number("start")
                    .filter(|_| is_compared("start"))
                    .map(|start| start.div_euclid(300) * 300),
            ),
            young: end.is_some_and(|end| end + settle.seconds > settle.now),
        }
    }
}
