//! Progress: how far the two sides are, for people who wait. The only thing in the library that prints
//! unasked, and only to standard error.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::model::words::{count, thousands};
use crate::model::{Side, Sides};

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A line for each side, redrawn: standard error is a terminal.
    Bars,
    /// The same lines once a minute: standard error is a file or a pipe.
    Lines,
    /// Not at all.
    Silent,
}

impl Mode {
    fn pause(self) -> Option<Duration> {
        match self {
            Self::Bars => Some(Duration::from_millis(150)),
            Self::Lines => Some(Duration::from_secs(60)),
            Self::Silent => None,
        }
    }
}

/// How far the two sides are. Any thread may add to it at any time; adding costs one atomic
/// addition. Shown from a thread of its own, which ends at [`Progress::finish`] or when dropped.
#[derive(Debug)]
pub struct Progress {
    state: Arc<ProgressState>,
    shower: Mutex<Option<JoinHandle<()>>>,
}

impl Progress {
    /// Starts to show progress. Nothing is shown before the first [`Progress::phase`].
    pub fn new(mode: Mode) -> Self {
        let state = Arc::new(ProgressState {
            sides: Sides::default(),
            phase: Mutex::new(None),
            stopped: Mutex::new(false),
            wake: Condvar::new(),
            display: (mode == Mode::Bars).then(Display::new),
        });
        let shower = mode.pause().map(|pause| {
            let state = Arc::clone(&state);
            thread::spawn(move || state.show_until_stopped(pause))
        });
        Self {
            state,
            shower: Mutex::new(shower),
        }
    }

    /// Begins a phase (`reading`, `looking again`): the numbers of both sides start again at nothing.
    pub fn phase(&self, name: &'static str) {
        let mut phase = held(&self.state.phase);
        for side in Side::BOTH {
            self.side(side).clear();
        }
        *phase = Some(Phase {
            name,
            began: Instant::now(),
            wait: None,
        });
    }

    /// Begins to wait for a recheck, the number so-and-so of so many at most.
    pub fn wait(&self, number: u32, of: u32, wait: Duration) {
        self.phase("waiting for late records");
        if let Some(phase) = &mut *held(&self.state.phase) {
            phase.wait = Some(Wait { number, of, wait });
        }
    }

    /// Takes the redrawn lines away while something else is written to the terminal.
    pub fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.state.display {
            Some(display) => display.lines.suspend(write),
            None => write(),
        }
    }

    /// Returns a side's counters.
    pub fn side(&self, side: Side) -> &SideProgress {
        &self.state.sides[side]
    }

    /// Returns how far the phase got, as one line: what a user who interrupts a run wants to know.
    pub fn snapshot(&self) -> String {
        self.state.snapshot()
    }

    /// Writes a line to standard error without tearing the bars apart.
    pub fn message(&self, line: &str) {
        match &self.state.display {
            Some(display) => display.lines.suspend(|| say(line)),
            None => say(line),
        }
    }

    /// Stops showing and takes the bars away. Counters and snapshots still work.
    pub fn finish(&self) {
        *held(&self.state.stopped) = true;
        self.state.wake.notify_all();
        if let Some(shower) = held(&self.shower).take() {
            // A shower that panicked has said so itself.
            let _ = shower.join();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

/// How far a side is in this phase.
#[derive(Debug, Default)]
pub struct SideProgress {
    parts_total: AtomicU64,
    parts_done: Arc<AtomicU64>,
    bytes: AtomicU64,
    records: AtomicU64,
}

impl SideProgress {
    /// Sets how many parts there are to read.
    pub fn parts_total(&self, number: u64) {
        self.parts_total.store(number, Relaxed);
    }

    /// Returns the number of parts that are dealt with, for whoever counts them page by page while listing.
    pub fn parts(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.parts_done)
    }

    /// Counts a part as dealt with, read or not.
    pub fn part_done(&self) {
        self.parts_done.fetch_add(1, Relaxed);
    }

    /// Adds bytes fetched.
    pub fn bytes(&self, number: u64) {
        self.bytes.fetch_add(number, Relaxed);
    }

    /// Adds records read.
    pub fn records(&self, number: u64) {
        self.records.fetch_add(number, Relaxed);
    }

    fn clear(&self) {
        for counter in [&self.parts_total, &self.bytes, &self.records] {
            counter.store(0, Relaxed);
        }
        self.parts_done.store(0, Relaxed);
    }

    fn far(&self) -> Far {
        Far {
            total: self.parts_total.load(Relaxed),
            done: self.parts_done.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            records: self.records.load(Relaxed),
        }
    }
}

/// A side's numbers at one moment.
#[derive(Clone, Copy, Debug, Default)]
struct Far {
    total: u64,
    done: u64,
    bytes: u64,
    records: u64,
}

impl Far {
    /// Writes `s3   12/80 parts  34.1 MiB  1,234,567 records  210,000/s  ETA 00:12`.
    fn line(self, side: Side, elapsed: Duration) -> String {
        let mut line = format!("{side:<3}  ");
        // Writing to a String cannot fail.
        let _ = match self.total {
            0 => write!(line, "{}", count(self.done, "part")),
            total => write!(line, "{}/{}", thousands(self.done), count(total, "part")),
        };
        let (bytes, records) = (ByteSize(self.bytes), count(self.records, "record"));
        let _ = write!(line, "  {bytes}  {records}");
        if let Some(rate) = self.rate(elapsed) {
            let _ = write!(line, "  {}/s", thousands(rate));
        }
        if let Some(left) = self.left(elapsed) {
            let _ = write!(line, "  ETA {}", clock(left));
        }
        line
    }

    /// Records a second; `None` before there is anything to measure.
    fn rate(self, elapsed: Duration) -> Option<u64> {
        let millis = u64::try_from(elapsed.as_millis()).ok()?;
        (self.records > 0).then_some(())?;
        self.records.saturating_mul(1000).checked_div(millis)
    }

    /// Seconds until the last part is done, at the pace of the parts so far.
    fn left(self, elapsed: Duration) -> Option<u64> {
        let to_do = self.total.checked_sub(self.done)?;
        (to_do > 0).then_some(())?;
        elapsed
            .as_secs()
            .saturating_mul(to_do)
            .checked_div(self.done)
    }

    /// Writes `s3: 12 of 80 parts, 1,234,567 records`.
    fn words(self, side: Side) -> String {
        let parts = match self.total {
            0 => count(self.done, "part"),
            total => format!("{} of {}", thousands(self.done), count(total, "part")),
        };
        format!("{side}: {parts}, {}", count(self.records, "record"))
    }
}

/// Writes seconds as `00:12` or `1:02:03`.
fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes:02}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[derive(Clone, Copy, Debug)]
struct Phase {
    name: &'static str,
    began: Instant,
    wait: Option<Wait>,
}

/// A wait for a recheck.
#[derive(Clone, Copy, Debug)]
struct Wait {
    number: u32,
    of: u32,
    wait: Duration,
}

impl Wait {
    /// Writes `recheck 1 of 4 in 4m 32s`.
    fn line(&self, waited: Duration) -> String {
        let left = self.wait.saturating_sub(waited).as_secs();
        let left = humantime::format_duration(Duration::from_secs(left));
        format!("recheck {} of {} in {left}", self.number, self.of)
    }
}

#[derive(Debug)]
struct ProgressState {
    sides: Sides<SideProgress>,
    phase: Mutex<Option<Phase>>,
    stopped: Mutex<bool>,
    wake: Condvar,
    /// Where the redrawn lines are, if they are redrawn.
    display: Option<Display>,
}

impl ProgressState {
    fn show_until_stopped(&self, pause: Duration) {
        let mut stopped = held(&self.stopped);
        while !*stopped {
            let waited = self.wake.wait_timeout_while(stopped, pause, |stop| !*stop);
            stopped = waited.unwrap_or_else(PoisonError::into_inner).0;
            if *stopped {
                break;
            }
            self.show();
        }
        drop(stopped);
        if let Some(display) = &self.display {
            display.clear();
        }
    }

    fn show(&self) {
        let Some(phase) = *held(&self.phase) else {
            return;
        };
        if let Some(wait) = phase.wait {
            let line = format!("{}: {}", phase.name, wait.line(phase.began.elapsed()));
            match &self.display {
                Some(display) => {
                    display.redraw(Side::S3, line);
                    display.redraw(Side::Cwl, String::new());
                }
                None => say(&line),
            }
            return;
        }
        for side in Side::BOTH {
            let line = self.sides[side].far().line(side, phase.began.elapsed());
            let line = format!("{}  {line}", phase.name);
            match &self.display {
                Some(display) => display.redraw(side, line),
                None => say(&line),
            }
        }
    }

    fn snapshot(&self) -> String {
        let [s3, cwl] = Side::BOTH.map(|side| self.sides[side].far().words(side));
        match *held(&self.phase) {
            Some(Phase {
                name,
                began,
                wait: Some(wait),
            }) => {
                format!("{name}: {}", wait.line(began.elapsed()))
            }
            Some(phase) => format!("{}: {s3}; {cwl}", phase.name),
            None => "nothing read".to_owned(),
        }
    }
}

/// A line for each side on the terminal. Hidden by itself where standard error is none.
#[derive(Debug)]
struct Display {
    lines: MultiProgress,
    sides: Sides<ProgressBar>,
}

impl Display {
    fn new() -> Self {
        let lines = MultiProgress::new();
        let sides = Sides::from_fn(|_| {
            let line = ProgressBar::no_length();
            // The one template there is; if it were wrong, the default look is no harm.
            if let Ok(style) = ProgressStyle::with_template("{wide_msg}") {
                line.set_style(style);
            }
            lines.add(line)
        });
        Self { lines, sides }
    }

    fn redraw(&self, side: Side, line: String) {
        self.sides[side].set_message(line);
    }

    fn clear(&self) {
        for side in Side::BOTH {
            self.sides[side].finish_and_clear();
        }
    }
}

/// Locks, also after a panic elsewhere: what is held here is never half changed.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes a line to standard error. That nobody can hear it (a closed pipe, a full disk) changes nothing about a run.
pub(crate) fn say(line: &str) {
    use std::io::Write as _;

    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: Far = Far {
        total: 80,
        done: 12,
        bytes: 35_756_442,
        records: 1_234_567,
    };

    #[test]
    fn a_line_says_how_far_how_fast_and_how_long() {
        for (far, seconds, line) in [
            (
                FAR,
                6,
                "s3   12/80 parts  34.1 MiB  1,234,567 records  205,761/s  ETA 00:34",
            ),
            (
                Far { done: 80, ..FAR },
                60,
                "s3   80/80 parts  34.1 MiB  1,234,567 records  20,576/s",
            ),
            (
                Far { total: 0, ..FAR },
                60,
                "s3   12 parts  34.1 MiB  1,234,567 records  20,576/s",
            ),
            (Far::default(), 60, "s3   0 parts  0 B  0 records"),
            (
                Far {
                    total: 1,
                    ..Far::default()
                },
                60,
                "s3   0/1 part  0 B  0 records",
            ),
            (
                FAR,
                0,
                "s3   12/80 parts  34.1 MiB  1,234,567 records  ETA 00:00",
            ),
        ] {
            assert_eq!(far.line(Side::S3, Duration::from_secs(seconds)), line);
        }
    }

    #[test]
    fn hours_are_written_when_there_are_some() {
        for (seconds, text) in [(0, "00:00"), (61, "01:01"), (3723, "1:02:03")] {
            assert_eq!(clock(seconds), text);
        }
    }

    #[test]
    fn a_snapshot_tells_both_sides() {
        let progress = Progress::new(Mode::Silent);
        assert_eq!(progress.snapshot(), "nothing read");
        progress.phase("reading");
        let s3 = progress.side(Side::S3);
        s3.parts_total(80);
        s3.part_done();
        s3.records(1_234_567);
        progress.side(Side::Cwl).records(1);
        assert_eq!(
            progress.snapshot(),
            "reading: s3: 1 of 80 parts, 1,234,567 records; cwl: 0 parts, 1 record"
        );
        progress.phase("looking again");
        assert_eq!(
            progress.snapshot(),
            "looking again: s3: 0 parts, 0 records; cwl: 0 parts, 0 records"
        );
    }

    #[test]
    fn many_threads_may_add_and_the_shower_ends() {
        for mode in [Mode::Bars, Mode::Lines, Mode::Silent] {
            let progress = Progress::new(mode);
            progress.phase("reading");
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| (0..1000).for_each(|_| progress.side(Side::Cwl).records(1)));
                }
            });
            progress.finish();
            progress.finish();
            assert!(progress.snapshot().ends_with("4,000 records"));
        }
    }
}
