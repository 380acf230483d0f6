//! The state against a naive world: records that arrive early, late or never, and streams that cannot be read for a
//! while. Every record must come to its right end exactly once, whatever the times of the looks.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::model::finding::{Bucket, Evidence, Finding, LeftoverKind, Place, ReadTrouble};
use crate::model::window::{Settle, Window, slot};
use crate::model::{Counts, Cover, Side, Sides};
use crate::record::{FieldName, Record, RecordKind};
use crate::report::held::HeldOverTime;
use crate::report::{Report, SideSummary, Verdict};

use super::{GiveUp, JobState, JobSubject, again, due};

const SETTLE: i64 = 900;
const GIVE_UP: i64 = 7200;
const STEP: i64 = 1800;
const HOURS: i64 = 2;

/// A record that one side has from its end on.
#[derive(Clone, Debug)]
struct ModelFlow {
    interface: u8,
    start: i64,
    length: i64,
    /// The side that has it at once.
    owner: Side,
    /// How long after its end the other side gets it, if ever.
    other: Option<i64>,
}

impl ModelFlow {
    fn end(&self) -> i64 {
        self.start + self.length
    }

    fn is_on(&self, side: Side, now: i64) -> bool {
        side == self.owner || self.other.is_some_and(|delay| self.end() + delay <= now)
    }

    fn bucket(&self) -> Bucket {
        Bucket {
            interface: name(self.interface).into(),
            slot: Some(slot(self.start)),
        }
    }
}

fn name(interface: u8) -> String {
    format!("eni-{interface}")
}

/// A log stream that cannot be read from one time to another.
#[derive(Clone, Debug)]
struct Outage {
    interface: u8,
    from: i64,
    to: i64,
}

#[derive(Debug)]
struct World {
    flows: Vec<ModelFlow>,
    outages: Vec<Outage>,
}

impl World {
    fn is_hidden(&self, side: Side, interface: u8, now: i64) -> bool {
        let mut outages = self.outages.iter();
        side == Side::Cwl
            && outages.any(|it| it.interface == interface && (it.from..it.to).contains(&now))
    }

    fn sees(&self, side: Side, flow: &ModelFlow, now: i64) -> bool {
        flow.is_on(side, now) && !self.is_hidden(side, flow.interface, now)
    }

    /// What a check of the window would say. The number of a flow is its `bytes`.
    fn check(&self, window: Window, now: i64) -> Report {
        let settle = Settle {
            now,
            seconds: SETTLE,
        };
        let mut found: BTreeMap<(Bucket, LeftoverKind, Side), Vec<Evidence>> = BTreeMap::new();
        let mut copies: BTreeMap<Bucket, Sides<u64>> = BTreeMap::new();
        for (number, flow) in self.flows.iter().enumerate() {
            if !window.contains(flow.start) {
                continue;
            }
            let on = Side::BOTH.map(|side| self.sees(side, flow, now));
            let count = copies.entry(flow.bucket()).or_default();
            count.s3 += u64::from(on[0]);
            count.cwl += u64::from(on[1]);
            let lacking = match on {
                [true, false] => Side::Cwl,
                [false, true] => Side::S3,
                _ => continue,
            };
            let kind = if settle.is_young(Some(flow.start), Some(flow.end())) {
                LeftoverKind::Pending
            } else if self.is_hidden(lacking, flow.interface, now) {
                LeftoverKind::Undetermined
            } else {
                LeftoverKind::Missing
            };
            let shown = found.entry((flow.bucket(), kind, lacking)).or_default();
            shown.push(evidence(number, flow));
        }
        let leftovers =
            found
                .into_iter()
                .map(|((bucket, kind, side), evidence)| Finding::Leftovers {
                    kind,
                    side,
                    bucket,
                    records: evidence.len() as u64,
                    evidence,
                });
        let hidden = (0..3).filter(|&interface| self.is_hidden(Side::Cwl, interface, now));
        let unreadable = hidden.map(|interface| ReadTrouble::Unreadable {
            side: Side::Cwl,
            part: name(interface).into(),
            cover: Cover {
                interface: Some(name(interface)),
                starts: Window::ALL,
            },
            reason: "an outage".to_owned(),
        });
        report(
            window,
            settle,
            leftovers.collect(),
            unreadable.collect(),
            copies,
        )
    }
}

fn evidence(number: usize, flow: &ModelFlow) -> Evidence {
    let fields = [
        ("start", flow.start.to_string()),
        ("end", flow.end().to_string()),
        ("bytes", number.to_string()),
    ];
    let fields = fields.map(|(name, value)| (FieldName::new(name), Some(value)));
    Evidence {
        record: Record::new(fields.to_vec()),
        found_in: Place {
            part: "part".into(),
            row: 1,
        },
    }
}

fn report(
    window: Window,
    settle: Settle,
    findings: Vec<Finding>,
    troubles: Vec<ReadTrouble>,
    copies: BTreeMap<Bucket, Sides<u64>>,
) -> Report {
    Report {
        verdict: Verdict::Unknown,
        window,
        settle,
        fields: BTreeMap::from([(
            RecordKind::Vpc,
            ["start", "end", "bytes"].map(str::to_owned).to_vec(),
        )]),
        fields_left_out: BTreeMap::new(),
        field_doubts: Vec::new(),
        fewer_fields: Vec::new(),
        sides: Sides::from_fn(|_| SideSummary::default()),
        counts: Counts::default(),
        findings,
        troubles,
        evidence_capped: false,
        causes: Vec::new(),
        why: crate::causes::Why::default(),
        next: None,
        suggested_settle_seconds: None,
        rechecked: false,
        looks: 1,
        interrupted: false,
        hours: BTreeMap::new(),
        gaps: Vec::new(),
        forms: Sides::default(),
        arguments: Vec::new(),
        reached: Sides::default(),
        held: HeldOverTime::default(),
        tolerated: Vec::new(),
        took: std::time::Duration::ZERO,
        copies,
        state: None,
    }
}

/// What was said of each flow, by number.
#[derive(Debug, Default)]
struct ModelSaid {
    missing: BTreeMap<usize, Vec<i64>>,
    open: BTreeSet<usize>,
    late: u64,
    given_up: u64,
}

impl ModelSaid {
    fn note(&mut self, findings: &[Finding], now: i64) {
        for finding in findings {
            let Finding::Leftovers {
                kind,
                evidence,
                records,
                ..
            } = finding
            else {
                continue;
            };
            // A copy that was there and is out of sight cannot be shown.
            let all_shown = evidence.len() as u64 == *records;
            assert!(all_shown || *kind != LeftoverKind::Missing, "{finding:?}");
            for one in evidence {
                let number = one.record.get("bytes").unwrap().parse().unwrap();
                match kind {
                    LeftoverKind::Missing => self.missing.entry(number).or_default().push(now),
                    LeftoverKind::Pending | LeftoverKind::Undetermined => {
                        self.open.insert(number);
                    }
                    LeftoverKind::Surplus => panic!("no copies here"),
                }
            }
        }
    }
}

/// One round, as [`crate::job::round`] runs it.
fn round(world: &World, state: &mut JobState, now: i64, said: &mut ModelSaid) {
    let patience = GiveUp {
        now,
        give_up: GIVE_UP,
    };
    let mut looks: Vec<(Window, bool)> = again(state, STEP)
        .into_iter()
        .map(|it| (it.window, false))
        .collect();
    looks.extend(
        due(state, now - SETTLE, STEP, 3)
            .into_iter()
            .map(|window| (window, true)),
    );
    for (window, first) in looks {
        let report = world.check(window, now);
        let taken = state.take(&report, first, patience, usize::MAX);
        said.note(&taken.findings, now);
        said.late += taken.late.found.s3 + taken.late.found.cwl;
        said.given_up += taken.given_up;
        if first {
            state.has_read(window);
        }
    }
    state.give_up(patience);
}

fn flow() -> impl Strategy<Value = ModelFlow> {
    let side = prop_oneof![Just(Side::S3), Just(Side::Cwl)];
    let other = prop_oneof![
        4 => (0i64..SETTLE).prop_map(Some),
        2 => (0i64..2 * GIVE_UP).prop_map(Some),
        1 => Just(None),
    ];
    (0u8..3, 0..HOURS * 3600, 0i64..600, side, other).prop_map(
        |(interface, start, length, owner, other)| ModelFlow {
            interface,
            start,
            length,
            owner,
            other,
        },
    )
}

fn outage() -> impl Strategy<Value = Outage> {
    (0u8..3, 0..HOURS * 3600 + GIVE_UP, 1..2 * GIVE_UP).prop_map(|(interface, from, length)| {
        Outage {
            interface,
            from,
            to: from + length,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn every_record_comes_to_its_end_once(
        flows in prop::collection::vec(flow(), 0..40),
        outages in prop::collection::vec(outage(), 0..3),
        pauses in prop::collection::vec(1i64..4000, 1..30),
    ) {
        let world = World { flows, outages };
        let mut state = JobState::begin(JobSubject::default(), 0);
        let mut said = ModelSaid::default();
        let mut now = 0;
        let mut looked: BTreeMap<i64, i64> = BTreeMap::new();
        let last = HOURS * 3600 + 6 * GIVE_UP;
        for pause in pauses.into_iter().chain(std::iter::repeat(600)) {
            if now > last {
                break;
            }
            now += pause;
            let before = state.next;
            round(&world, &mut state, now, &mut said);
            looked.extend((before..state.next).step_by(300).map(|slot| (slot, now)));
            // What is kept can be kept.
            prop_assert_eq!(state.flaw(), None);
            let text = serde_json::to_string(&state).unwrap();
            prop_assert_eq!(&serde_json::from_str::<JobState>(&text).unwrap(), &state);
        }
        prop_assert!(state.carried().is_nothing(), "{:?}", state);
        prop_assert!(state.open.is_empty());
        for (number, flow) in world.flows.iter().enumerate() {
            let told = said.missing.get(&number).map_or(&[][..], Vec::as_slice);
            prop_assert!(told.len() <= 1, "{:?} missing {:?}", flow, told);
            let first = looked[&slot(flow.start)];
            let lacking = flow.owner.other();
            if let [at] = told {
                // Only what was overdue and truly not there, and not what could not be seen.
                prop_assert!(!flow.is_on(lacking, *at), "{:?} at {}", flow, at);
                prop_assert!(!world.is_hidden(lacking, flow.interface, *at));
                prop_assert!(flow.end() + SETTLE <= *at);
            }
            let hidden_long = world.outages.iter().any(|it| it.interface == flow.interface && it.to - it.from > GIVE_UP / 2);
            if flow.other.is_none() && !hidden_long && first - flow.start < GIVE_UP / 4 {
                prop_assert_eq!(told.len(), 1, "{:?} is lost and nobody says so; first look at {}", flow, first);
            }
            if flow.other.is_some_and(|delay| delay < SETTLE) {
                prop_assert_eq!(told.len(), 0, "{:?} was in time", flow);
            }
        }
        // Each copy that was open has come to one end.
        let told_later = said.missing.keys().filter(|number| said.open.contains(number)).count() as u64;
        prop_assert_eq!(said.open.len() as u64, told_later + said.late + said.given_up, "{:?}", said);
    }
}

/// With more copies than are shown there are only numbers, and the numbers are right.
#[test]
fn what_is_known_by_number_only_is_counted() {
    let bucket = Bucket {
        interface: "eni-1".into(),
        slot: Some(0),
    };
    let look = |now: i64, found: &[(LeftoverKind, u64)], copies: u64| {
        let finding = |(kind, records): &(LeftoverKind, u64)| Finding::Leftovers {
            kind: *kind,
            side: Side::Cwl,
            bucket: bucket.clone(),
            records: *records,
            evidence: Vec::new(),
        };
        let copies = BTreeMap::from([(bucket.clone(), Sides { s3: copies, cwl: 0 })]);
        let settle = Settle {
            now,
            seconds: SETTLE,
        };
        report(
            Window::of_slot(0),
            settle,
            found.iter().map(finding).collect(),
            Vec::new(),
            copies,
        )
    };
    let mut state = JobState::begin(JobSubject::default(), 0);
    let mut take = |now: i64, first: bool, report: &Report| {
        let patience = GiveUp {
            now,
            give_up: GIVE_UP,
        };
        let taken = state.take(report, first, patience, 9);
        (taken.counts, taken.late.found.cwl, taken.given_up)
    };
    let on_cwl = |number| Sides { s3: 0, cwl: number };
    let first = look(
        1000,
        &[(LeftoverKind::Missing, 5), (LeftoverKind::Pending, 3)],
        100,
    );
    let (counts, ..) = take(1000, true, &first);
    assert_eq!((counts.missing, counts.pending), (on_cwl(5), on_cwl(3)));
    // One of the three has arrived; the others are overdue but were promised more time.
    let (counts, late, _) = take(2000, false, &look(2000, &[(LeftoverKind::Missing, 7)], 100));
    assert_eq!(
        (counts.missing, counts.pending, late),
        (on_cwl(0), on_cwl(2), 1)
    );
    // S3 has lost ten copies: two of them may be the two that were waited for.
    let (counts, late, given_up) =
        take(3000, false, &look(3000, &[(LeftoverKind::Missing, 5)], 90));
    assert_eq!(
        (counts.missing, counts.undetermined),
        (on_cwl(0), on_cwl(2))
    );
    assert_eq!((late, given_up), (0, 2));
    assert!(state.carried().is_nothing());
}

/// What was opened in all fields is not decided by a look that compares fewer, and is by one that compares more.
#[test]
fn nothing_is_decided_in_fewer_fields_than_it_was_opened_in() {
    let flow = ModelFlow {
        interface: 1,
        start: 0,
        length: 10,
        owner: Side::S3,
        other: None,
    };
    let look = |now: i64, kind: Option<LeftoverKind>, fields: &[&str], number: usize| {
        let finding = kind.map(|kind| Finding::Leftovers {
            kind,
            side: Side::Cwl,
            bucket: flow.bucket(),
            records: 1,
            evidence: vec![evidence(number, &flow)],
        });
        let copies = Sides {
            s3: 1,
            cwl: u64::from(kind.is_none()),
        };
        let settle = Settle {
            now,
            seconds: SETTLE,
        };
        let fields = fields.iter().map(|&name| name.to_owned()).collect();
        Report {
            fields: BTreeMap::from([(RecordKind::Vpc, fields)]),
            ..report(
                Window::of_slot(0),
                settle,
                finding.into_iter().collect(),
                Vec::new(),
                BTreeMap::from([(flow.bucket(), copies)]),
            )
        }
    };
    let mut state = JobState::begin(JobSubject::default(), 0);
    let mut take = |now: i64, first: bool, report: &Report| {
        let patience = GiveUp {
            now,
            give_up: GIVE_UP,
        };
        let taken = state.take(report, first, patience, 9);
        let carried = state.carried();
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<JobState>(&text).unwrap(), state);
        (
            taken.counts.pending.cwl,
            taken.late.found.cwl,
            carried.is_nothing(),
        )
    };
    let all = ["start", "end", "bytes"];
    let pending = Some(LeftoverKind::Pending);
    assert_eq!(take(100, true, &look(100, pending, &all, 7)), (1, 0, false));
    let fewer = ["start", "end"];
    assert_eq!(take(200, false, &look(200, None, &fewer, 7)), (1, 0, false));
    let more = ["start", "end", "bytes", "action"];
    let missing = Some(LeftoverKind::Missing);
    assert_eq!(
        take(1000, false, &look(1000, missing, &more, 7)),
        (1, 0, false)
    );
    assert_eq!(take(1100, false, &look(1100, None, &all, 7)), (0, 1, true));
}
