//! Parts: how a side's copies are spread over objects, files and streams, what these are called, and what is wrong
//! with some of them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::model::Side;
use crate::record::Layout;

use super::SLOT;
use super::fate::{FaultPlan, PlantedCopy};
use super::form::{Body, PartForm, PartRow};
use super::random::Random;
use super::record::PlantedRecord;

/// The flow log that is compared, and another one that delivers to the same prefix. Both sort before and after it.
pub(super) const FLOW_LOG: &str = "fl-0f1a2b3c4d5e6f708";
const SECOND_FLOW_LOG: &str = "fl-0f1a2b";

/// A part that one side is to have.
#[derive(Clone, Debug)]
pub(super) struct PlantedPart {
    pub name: String,
    pub form: PartForm,
    pub rows: Vec<PartRow>,
    pub fault: Option<PartFault>,
    pub told: NameTells,
    /// Whether it is there only when somebody looks again.
    pub late: bool,
    /// Whether it is an object of another flow log.
    pub foreign: bool,
    /// Whether its rows have the side's second layout.
    pub is_narrow: bool,
}

impl PlantedPart {
    /// Tells whether there are rows in it and none is a record, so that nobody knows what it stands for. An event of a live
    /// stream stands for one record at most.
    pub(super) fn holds_no_record(&self) -> bool {
        let malformed = |row: &PartRow| matches!(row, PartRow::Malformed { .. });
        let any = self.fault.is_none() && self.form != PartForm::Live && !self.rows.is_empty();
        any && self.rows.iter().all(malformed)
    }
}

/// What the name tells of what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NameTells {
    Nothing,
    /// The time in a delivered object's name.
    Slot(i64),
    /// The interface of a stream.
    Interface(String),
}

/// Why a part cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartFault {
    /// The listing says so.
    Denied,
    /// Reading fails; of a live stream after some pages.
    Broken { pages: usize },
    /// The end is gone.
    Cut,
    /// A gzip whose checksum is wrong.
    Checksum,
    /// Something follows a gzip.
    Trailing,
    /// The answer says that it is not the last.
    MoreFollows,
}

impl PartFault {
    /// Picks one that can apply_fault the form. `json` tells whether one may show within a document, after rows.
    pub(super) fn of(form: PartForm, json: bool, random: &mut Random) -> Self {
        let is_gzip = matches!(
            form,
            PartForm::Gzip | PartForm::Export | PartForm::Subscription
        );
        let mut faults = vec![
            Self::Denied,
            Self::Broken {
                pages: random.below(3),
            },
        ];
        if form.shows_a_cut() && (json || !form.is_json()) {
            faults.push(Self::Cut);
        }
        if is_gzip {
            faults.extend([Self::Checksum, Self::Trailing]);
        }
        if form == PartForm::Filtered && json {
            faults.push(Self::MoreFollows);
        }
        *random.pick(&faults)
    }

    /// Does to the content what befell it.
    pub(super) fn apply_fault(self, form: PartForm, body: &mut Body, random: &mut Random) {
        let Body::Bytes(bytes) = body else { return };
        match self {
            Self::Denied | Self::Broken { .. } => {}
            // Of several documents only the last may be cut, since between two of them nothing would show.
            Self::Cut if form.is_json() => bytes.truncate(bytes.len() - 3 - random.below(20)),
            Self::Cut => bytes.truncate(4 + random.below(bytes.len() - 5)),
            Self::Checksum => {
                let at = bytes.len() - 8 + random.below(4);
                bytes[at] ^= 1 << random.below(8);
            }
            Self::Trailing => bytes.extend_from_slice(b"<html>"),
            Self::MoreFollows => {
                let open = bytes.iter().position(|&byte| byte == b'{').unwrap_or(0);
                bytes.splice(open + 1..=open, *b"\"nextToken\": \"Bxkq\", ");
            }
        }
    }
}

/// One side's habits.
#[derive(Clone, Debug)]
struct Habits {
    /// What the parts are written as, by turns.
    forms: Vec<PartForm>,
    /// Whether what was delivered has been put into one file.
    merged: bool,
    /// The most rows of a part.
    rows: usize,
    /// Hive-compatible folders, and folders by the hour.
    hive: bool,
    hourly: bool,
    /// Which flow log, for names.
    flow_log: &'static str,
}

/// Writes down where a side's copies lie.
pub(super) fn of_side(
    random: &mut Random,
    side: Side,
    plan: &FaultPlan,
    copies: &[PlantedCopy],
    records: &[PlantedRecord],
    layout: &Layout,
    is_large: bool,
) -> Vec<PlantedPart> {
    let forms = forms(random, side, is_large);
    let habits = Habits {
        merged: random.percent(15),
        rows: if is_large {
            2_000
        } else {
            1 + random.below(80)
        },
        hive: random.percent(50),
        hourly: random.percent(50),
        flow_log: FLOW_LOG,
        forms,
    };
    let row = |(event, copy): (usize, &PlantedCopy)| PartRow::Record {
        record: copy.record,
        event: event as u64,
    };
    // In a bucket a second flow log has its own objects; in a stream nothing tells the two apart.
    let is_apart = habits.forms[0].has_header() && !habits.merged;
    let of = |late: bool, foreign: bool| {
        let copies = copies.iter().enumerate();
        copies.filter(move |(_, copy)| copy.late == late && (copy.foreign && is_apart) == foreign)
    };
    let mut rows: Vec<PartRow> = of(false, false).map(row).collect();
    if plan.repeats && habits.forms.iter().all(|form| form.has_ids()) {
        // Answers overlap, and a subscription delivers at least once.
        let again: Vec<PartRow> = rows
            .iter()
            .filter(|_| random.percent(10))
            .copied()
            .collect();
        rows.extend(again);
    }
    let takes_malformed = habits.forms.iter().all(|form| {
        *form != PartForm::Parquet
            || layout
                .columns()
                .iter()
                .any(super::form::columns::can_be_malformed)
    });
    if plan.malformed > 0 && takes_malformed && random.percent(60) {
        // Near a record, so that some are just inside and some just outside the window.
        let near = |random: &mut Random| {
            let start = records
                .get(random.below(records.len()))
                .map(|near| near.start);
            start.map(|start| start + random.seconds(180) - 90)
        };
        rows.extend((0..plan.malformed).map(|_| PartRow::Malformed {
            at: near(random).unwrap_or(1_700_000_000),
        }));
    }
    let mut parts = spread(rows, records, &habits, random);
    let mut late = spread(of(true, false).map(row).collect(), records, &habits, random);
    for part in &mut late {
        part.late = true;
        part.name.push_str("-late");
    }
    parts.extend(late);
    let habits = Habits {
        flow_log: SECOND_FLOW_LOG,
        ..habits
    };
    let mut foreign = spread(of(false, true).map(row).collect(), records, &habits, random);
    for part in &mut foreign {
        part.foreign = true;
    }
    parts.extend(foreign);
    parts
}

/// One form for a whole side, or several.
fn forms(random: &mut Random, side: Side, is_large: bool) -> Vec<PartForm> {
    if is_large {
        return vec![if side == Side::S3 {
            PartForm::Gzip
        } else {
            PartForm::Export
        }];
    }
    // Any address may stand for any side.
    let delivered = random.percent(if side == Side::S3 { 80 } else { 15 });
    let all: &[PartForm] = if delivered {
        &PartForm::DELIVERED
    } else {
        &PartForm::STREAMED
    };
    let one = *random.pick(all);
    if random.percent(80) || one == PartForm::Live {
        return vec![one];
    }
    let other = *random.pick(all);
    if other == PartForm::Live {
        vec![one]
    } else {
        vec![one, other]
    }
}

/// Spreads rows over parts.
fn spread(
    rows: Vec<PartRow>,
    records: &[PlantedRecord],
    habits: &Habits,
    random: &mut Random,
) -> Vec<PlantedPart> {
    let mut parts = Vec::new();
    let mut heaps: BTreeMap<(Option<i64>, Option<&str>), Vec<PartRow>> = BTreeMap::new();
    let delivered = habits.forms[0].has_header();
    for row in rows {
        let key = match row {
            PartRow::Record { record, .. } if delivered && !habits.merged => {
                (Some(slot_in_name(&records[record], random)), None)
            }
            PartRow::Record { record, .. } if !delivered => {
                (None, Some(records[record].interface.as_str()))
            }
            PartRow::Record { .. } | PartRow::Malformed { .. } => {
                let any = heaps.keys().nth(random.below(heaps.len()));
                any.copied().unwrap_or((None, None))
            }
        };
        heaps.entry(key).or_default().push(row);
    }
    for (key, mut rows) in heaps {
        if delivered {
            random.shuffle(&mut rows);
        } else {
            rows.sort_by_key(|row| match *row {
                PartRow::Record { record, .. } => records[record].start,
                PartRow::Malformed { at } => at,
            });
        }
        let form = *random.pick(&habits.forms);
        // A stream is one part, however long it is.
        let most = if form == PartForm::Live {
            usize::MAX
        } else {
            habits.rows
        };
        for rows in rows.chunks(most) {
            let number = parts.len();
            let (name, told) = match key {
                (Some(slot), _) => (
                    object_name(slot, number, form, habits),
                    NameTells::Slot(slot),
                ),
                (None, Some(interface)) => stream_name(interface, number, form),
                (None, None) => (format!("merged/{number:04}"), NameTells::Nothing),
            };
            parts.push(PlantedPart {
                name,
                form,
                rows: rows.to_vec(),
                fault: None,
                told,
                late: false,
                foreign: false,
                is_narrow: false,
            });
        }
    }
    parts
}

/// The slot of `end`, most often; a file may hold records of the slot before, and records that end a little after.
fn slot_in_name(record: &PlantedRecord, random: &mut Random) -> i64 {
    let slot = record.end.div_euclid(SLOT) * SLOT;
    match random.below(10) {
        0 => slot + SLOT,
        1 if record.end - slot < 10 => slot - SLOT,
        _ => slot,
    }
}

fn object_name(slot: i64, number: usize, form: PartForm, habits: &Habits) -> String {
    let time = Timestamp::from_second(slot).unwrap_or_default();
    let folder = match (habits.hive, habits.hourly) {
        (false, false) => "AWSLogs/123456789010/vpcflowlogs/eu-west-1/%Y/%m/%d",
        (false, true) => "AWSLogs/123456789010/vpcflowlogs/eu-west-1/%Y/%m/%d/%H",
        (true, false) => {
            "AWSLogs/aws-account-id=123456789010/aws-service=vpcflowlogs/aws-region=eu-west-1/year=%Y/month=%m/day=%d"
        }
        (true, true) => {
            "AWSLogs/aws-account-id=123456789010/aws-service=vpcflowlogs/aws-region=eu-west-1/year=%Y/month=%m/day=%d/hour=%H"
        }
    };
    let (folder, minute) = (time.strftime(folder), time.strftime("%Y%m%dT%H%MZ"));
    let ending = match form {
        PartForm::Parquet => "log.parquet",
        PartForm::Text => "log",
        PartForm::Gzip
        | PartForm::Export
        | PartForm::Lines
        | PartForm::Tail
        | PartForm::Answers
        | PartForm::Filtered
        | PartForm::Subscription
        | PartForm::Live => "log.gz",
    };
    let id = habits.flow_log;
    format!("{folder}/123456789010_vpcflowlogs_eu-west-1_{id}_{minute}_{number:08x}.{ending}")
}

/// Streams are called after their interface, but for those of transit gateways.
fn stream_name(interface: &str, number: usize, form: PartForm) -> (String, NameTells) {
    let told = if interface.starts_with("eni-") {
        NameTells::Interface(interface.to_owned())
    } else {
        NameTells::Nothing
    };
    match form {
        // A second task exports again what has come since.
        PartForm::Export | PartForm::Subscription => {
            let task = format!("0fb5b2d6-{number:04x}");
            (
                format!("exportedlogs/{task}/{interface}-all/000000.gz"),
                told,
            )
        }
        PartForm::Live => (format!("{interface}-all"), told),
        PartForm::Gzip
        | PartForm::Text
        | PartForm::Parquet
        | PartForm::Lines
        | PartForm::Tail
        | PartForm::Answers
        | PartForm::Filtered => (
            format!("{interface}-all-{number:03}.log"),
            NameTells::Nothing,
        ),
    }
}

impl NameTells {
    /// Tells whether a record of this bucket may be in the part: AWS promises only that a file's records ended in the
    /// slot of its name or the one before, give or take, and intervals are ten minutes at most.
    pub(super) fn may_hold(&self, interface: &str, slot: Option<i64>) -> bool {
        match self {
            Self::Nothing => true,
            Self::Interface(only) => only == interface || interface == "-",
            Self::Slot(name) => {
                slot.is_none_or(|slot| slot + SLOT > name - 900 && slot < name + 600)
            }
        }
    }

    /// Tells whether the part is looked at for records of this window on these interfaces (none is all).
    pub(super) fn is_asked_for(
        &self,
        window: (Option<i64>, Option<i64>),
        interfaces: &[String],
    ) -> bool {
        let floor = |second: i64| second.div_euclid(SLOT) * SLOT;
        match self {
            Self::Nothing => true,
            Self::Interface(only) => interfaces.is_empty() || interfaces.contains(only),
            Self::Slot(name) => {
                let after = window.0.is_none_or(|start| *name >= floor(start) - SLOT);
                let before = window.1.is_none_or(|end| *name <= floor(end + 600) + SLOT);
                after && before
            }
        }
    }
}
