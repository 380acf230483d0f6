//! Thousands of rounds (hundreds, but in the long run) take no more memory than hundreds.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clap::Parser;
use flowdiff::cli::plan::CheckPlan;
use flowdiff::cli::{self, Cli};
use flowdiff::job::round;
use flowdiff::job::state::{JobState, Store};
use flowdiff::job::watch::{RoundLine, RoundSink, as_json, watch};
use flowdiff::model::Error;
use flowdiff::model::window::Window;
use flowdiff::model::{Side, Sides};
use flowdiff::progress::{Mode, Progress};
use flowdiff::source::memory::{HeldPart, Memory, MemoryPart};
use flowdiff::source::{Ask, Source};
use tokio::time::Instant;

use crate::support::unless_long;

/// Said to the process that measures itself; others would be measured along.
const DIRECTORY: &str = "TEST_WATCH_DIRECTORY";
const EARLY: u64 = 100;
const EVERY: u64 = 300;
/// A multiple of a slot.
const BEGIN: i64 = 1_641_513_600;
const NAME: &str = "state::memory::rounds_in_a_process_of_their_own";

/// Ten records in each slot, made when they are listed. On the CloudWatch side every 50th slot lacks one for ever, every
/// tenth gets one only after an hour, and every seventh cannot be read for two hours.
struct Slots {
    side: Side,
    began: Instant,
}

impl Slots {
    fn now(&self) -> i64 {
        BEGIN + self.began.elapsed().as_secs().cast_signed()
    }

    fn slot(&self, slot: i64) -> Option<String> {
        let (number, age) = (slot / 300, self.now() - slot);
        let mut missing = Vec::new();
        if self.side == Side::Cwl {
            if number % 7 == 3 && age < 7200 {
                return None;
            }
            missing.extend((number % 50 == 0).then_some(4));
            missing.extend((number % 10 == 1 && age < 3600).then_some(9));
        }
        let lines = (0..10).filter(|line| !missing.contains(line)).map(|line| {
            // The last one ends well after its slot.
            let (start, end) = (
                slot + 28 * line,
                slot + 28 * line + if line == 9 { 590 } else { 20 },
            );
            format!(
                "2 123456789012 eni-{line} 10.0.0.1 10.0.0.2 1 2 6 3 4 {start} {end} ACCEPT OK\n"
            )
        });
        Some(lines.collect())
    }
}

impl Slots {
    fn source(self) -> Memory {
        let address = format!("memory-{}", self.side);
        let parts = move |ask: &Ask, _| {
            let (start, end) = (ask.window.start.unwrap(), ask.window.end.unwrap());
            let slots = (start..end).step_by(300);
            Ok(slots.map(|slot| self.part(slot)).collect())
        };
        Memory::at_each_look(parts).at(address).headerless(true)
    }

    fn part(&self, slot: i64) -> HeldPart {
        let text = self.slot(slot);
        let broken = text.is_none().then(|| "not yet".to_owned());
        let held = MemoryPart::Bytes(Bytes::from(text.unwrap_or_default()));
        let mut part = HeldPart::new(&slot.to_string(), held);
        part.part.size = None;
        part.part.version = String::new();
        part.part.cover.starts = Window::of_slot(slot);
        HeldPart { broken, ..part }
    }
}

#[derive(Default)]
struct Lines {
    rounds: u64,
    missing: u64,
    late: u64,
    early: u64,
}

impl RoundSink for &mut Lines {
    fn tell(&mut self, came: &RoundLine, left: Duration) -> Result<(), Error> {
        let line = serde_json::to_value(as_json(came, left)).unwrap();
        assert_eq!(line["error"], serde_json::Value::Null, "{line:#}");
        let counts = &line["report"]["counts"];
        self.missing += counts["missing"]["cwl"].as_u64().unwrap();
        self.late += counts["late"]["cwl"].as_u64().unwrap();
        self.rounds += 1;
        if self.rounds == EARLY {
            self.early = resident();
        }
        Ok(())
    }
}

/// Bytes of memory that this process holds.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        * 1024
}

/// Not a test of its own: what [`memory_stays_flat_over_thousands_of_rounds`] runs.
#[tokio::test(start_paused = true)]
async fn rounds_in_a_process_of_their_own() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let words = [
        "flowdiff", "check", "s3", "cwl", "--state", "unused", "--memory", "64MiB",
    ];
    let cli::Command::Check(args) = Cli::try_parse_from(words).unwrap().command else {
        panic!()
    };
    let job = CheckPlan::new(&args, BEGIN + 900).unwrap().job.unwrap();
    let store = Store::open(directory.as_ref()).unwrap();
    let mut state = JobState::begin(job.subject.clone(), BEGIN);
    let began = Instant::now();
    let sources: Sides<Arc<dyn Source>> = Sides {
        s3: Arc::new(
            Slots {
                side: Side::S3,
                began,
            }
            .source(),
        ),
        cwl: Arc::new(
            Slots {
                side: Side::Cwl,
                began,
            }
            .source(),
        ),
    };
    let progress = Progress::new(Mode::Silent);
    let mut lines = Lines::default();
    let round = async || {
        let now = BEGIN + began.elapsed().as_secs().cast_signed();
        let never = std::future::pending();
        let round = round::run(
            &job.pattern,
            &mut state,
            now,
            &sources,
            &progress,
            never,
            None,
        )
        .await;
        store.save(&state).unwrap();
        RoundLine::of(now, round, &|text: &str| text.to_owned())
    };
    let rounds = unless_long(500, 3_000);
    let stop = tokio::time::sleep(Duration::from_secs(rounds * EVERY));
    watch(Duration::from_secs(EVERY), round, stop, &mut lines)
        .await
        .unwrap();
    let late = resident();
    println!(
        "rounds {} missing {} late {}",
        lines.rounds, lines.missing, lines.late
    );
    println!(
        "after {EARLY} rounds {} KiB, after all {} KiB",
        lines.early >> 10,
        late >> 10
    );
    println!("state {} bytes", serde_json::to_vec(&state).unwrap().len());
    assert!(lines.rounds >= rounds && lines.missing >= rounds / 60 && lines.late >= rounds / 20);
    assert!(late < lines.early + (16 << 20), "{} -> {late}", lines.early);
}

#[test]
fn memory_stays_flat_over_thousands_of_rounds() {
    if !std::path::Path::new("/proc/self/status").exists() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command
        .args(["--exact", NAME, "--nocapture"])
        .env(DIRECTORY, directory.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("after all"), "{said}");
    println!("{said}");
}
