//! Events that are found more than once.

use std::sync::Mutex;

use hashbrown::HashSet;

use super::*;
use crate::check::first::screen::{DigestVisitor, Size};
use crate::check::pass::fields::Selection;
use crate::decode::Format;
use crate::digest::Fingerprints;
use crate::model::Cover;
use crate::model::Side;
use crate::model::Sides;
use crate::model::window::{Settle, Window};
use crate::record::PerKind;
use crate::record::{Cells, ComparedFields};
use std::sync::Arc;

const SIZE: Size = Size {
    differences: 8,
    lines: 8,
    filters: 1 << 10,
};

fn rules() -> Rules {
    let layout = Layout::vpc_default();
    let format = Format::not_given();
    Rules {
        compared: PerKind::from_fn(|_| ComparedFields::new(layout.columns().to_vec())),
        sets: Arc::default(),
        selection: Selection::default(),
        layouts: Mutex::default(),
        seen: Mutex::default(),
        plausible: crate::check::pass::plausible::Plausible::now(0),
        window: Window::ALL,
        settle: Settle { now: 0, seconds: 0 },
        interfaces: HashSet::new(),
        others: crate::check::Others::default(),
        ignore_nodata: false,
        key: Fingerprints::seeded(1),
        formats: Sides {
            s3: format.clone(),
            cwl: format,
        },
        halt: Mutex::default(),
    }
}

fn origin(number: usize) -> Origin {
    Origin {
        side: Side::Cwl,
        number,
        name: format!("{number}.json").into(),
        cover: Cover::default(),
        delivered: None,
        verbatim: false,
    }
}

fn begin<V: Visitor>(intake: &mut Intake<'_, V>) {
    intake.provisional();
    intake.layout(&Layout::vpc_default()).unwrap();
}

fn event<V: Visitor>(intake: &mut Intake<'_, V>, id: &str) {
    let row = "2 1 eni-0aa 10.0.0.1 10.0.0.2 1 2 6 1 40 1700000000 1700000060 ACCEPT OK";
    let cells: Vec<&[u8]> = row.split(' ').map(str::as_bytes).collect();
    let row = Row {
        number: 1,
        cells: Cells::Apart(&cells),
        alone: false,
        named: None,
        event_id: Some(id),
    };
    intake.row(row).unwrap();
}

/// Two workers each with a part that holds the event `a`; `whole` tells which of the parts are, in the order in which
/// they end. Returns how often `a` counts in the end, and how many of the parts must be taken again.
fn at_once(whole: [bool; 2]) -> (u64, usize) {
    let (rules, first) = (rules(), WorkerResult::new(DigestVisitor::new(SIZE), 8));
    let (mut one, mut other) = (first.empty_like(), first.empty_like());
    let origins = [origin(0), origin(1)];
    let mut intakes = [
        Intake::new(&rules, &origins[0], &mut one),
        Intake::new(&rules, &origins[1], &mut other),
    ];
    for intake in &mut intakes {
        begin(intake);
        event(intake, "a");
        event(intake, "a");
    }
    let ends = intakes.into_iter().zip(whole);
    let again = ends.filter_map(|(intake, whole)| (!intake.finish(whole)).then_some(()));
    let again = again.count();
    (
        one.sides.cwl.tally.records + other.sides.cwl.tally.records,
        again,
    )
}

#[test]
fn an_event_counts_once_whichever_of_two_parts_is_whole() {
    assert_eq!(at_once([true, false]), (1, 0));
    assert_eq!(at_once([false, true]), (1, 0));
    assert_eq!(at_once([true, true]), (1, 1));
    assert_eq!(at_once([false, false]), (0, 0));
}

#[test]
fn a_part_that_fails_gives_up_no_other_parts_events() {
    let (rules, mut worker) = (rules(), WorkerResult::new(DigestVisitor::new(SIZE), 8));
    for (number, whole) in [(0, true), (1, false), (2, true)] {
        let origin = origin(number);
        let mut intake = Intake::new(&rules, &origin, &mut worker);
        begin(&mut intake);
        event(&mut intake, "a");
        assert!(intake.finish(whole));
    }
    assert_eq!(worker.sides.cwl.tally.records, 1);
}

/// A row that is no record counts once as well, whatever is wrong with it: a value, or a time that no flow log has.
#[test]
fn a_damaged_event_is_one_row_wherever_it_is_found() {
    let good = "2 1 eni-0aa 10.0.0.1 10.0.0.2 1 2 6 1 40 1700000000 1700000060 ACCEPT OK";
    for damaged in [
        good.replace(" 40 ", " x "),
        good.replace("1700000000", "170000022"),
        good.replace(" OK", ""),
    ] {
        let (rules, mut worker) = (rules(), WorkerResult::new(DigestVisitor::new(SIZE), 8));
        let answer = format!(
            r#"{{"events":[{{"eventId":"a","message":"{good}"}},{{"eventId":"b","message":"{damaged}"}}]}}"#
        );
        for number in 0..2 {
            let content = Content::Bytes(answer.clone().into());
            take(&rules, &origin(number), content, &mut worker).unwrap();
        }
        let tally = &worker.sides.cwl.tally;
        assert_eq!((tally.records, tally.malformed), (1, 1), "{damaged}");
    }
}

#[test]
fn what_must_be_taken_again_is_taken_without_what_others_have() {
    let (rules, mut worker) = (rules(), WorkerResult::new(DigestVisitor::new(SIZE), 8));
    let mut other = worker.empty_like();
    let line = "2 1 eni-0aa 10.0.0.1 10.0.0.2 1 2 6 1 40 1700000000 1700000060 ACCEPT OK";
    let answer = |ids: &[&str]| {
        let events = ids
            .iter()
            .map(|id| format!(r#"{{"eventId":"{id}","message":"{line}"}}"#));
        let events: Vec<String> = events.collect();
        Content::Bytes(format!(r#"{{"events":[{}]}}"#, events.join(",")).into())
    };
    take(&rules, &origin(0), answer(&["a", "b"]), &mut worker).unwrap();
    take(&rules, &origin(1), answer(&["b", "c"]), &mut other).unwrap();
    worker.merge(other);
    assert_eq!(worker.sides.cwl.tally.records, 3);
}

/// What the malformed row of a text after a good one tells of where and when it would be a record.
fn known_of(malformed: &str) -> Vec<(Option<String>, Option<i64>)> {
    let good = "2 1 eni-0aa 10.0.0.1 10.0.0.2 1 2 6 1 40 1700000000 1700000060 ACCEPT OK";
    let text = format!("{good}\n{malformed}\n");
    let rules = Rules {
        plausible: crate::check::pass::plausible::Plausible::now(1_700_000_000),
        ..rules()
    };
    let mut taken = WorkerResult::new(DigestVisitor::new(SIZE), 8);
    take(&rules, &origin(0), Content::Bytes(text.into()), &mut taken).unwrap();
    let stands = taken.sides.cwl.stands.all();
    let known = stands.flat_map(|(cover, _)| cover.known.clone());
    known.map(|known| (known.interface, known.start)).collect()
}

/// Found by the oracle, seed 7604: a word too many was taken for the name of a stream, and the rest for the cells of a record.
#[test]
fn a_row_tells_nothing_behind_a_word_that_may_be_a_cell_too_many() {
    let row = "2 1 eni-0aa 10.0.0.1 10.0.0.2 1 2 6 1 x 1700000000 1700000060 ACCEPT OK";
    let known = (Some("eni-0aa".to_owned()), Some(1_700_000_000));
    for (before, expected) in [
        ("", vec![known.clone()]),
        ("2023-11-14T22:13:20.000Z ", vec![known.clone()]),
        ("2023-11-14T22:13:20.000Z eni-0aa-all ", vec![known]),
        ("2023-11-14T22:13:20.000Z eni-0bb-all ", vec![]),
        ("2023-11-14T22:13:20.000Z None ", vec![]),
    ] {
        assert_eq!(known_of(&format!("{before}{row}")), expected, "{before}");
    }
}
