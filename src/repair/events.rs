//! Events for CloudWatch Logs, in batches that PutLogEvents takes (CloudWatch Logs API reference "PutLogEvents").

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::model::words::count;
use crate::report::form::Form;

use super::spool::LackingRecord;
use super::{HELD, RefusedRecords, Targets, fitting, row_of};

/// What a batch holds at most: events, bytes with so many counted extra for each event, and hours.
const MOST_EVENTS: usize = 10_000;
const MOST_BYTES: usize = 1_048_576;
const EXTRA: usize = 26;
const LONGEST: i64 = 24 * 3_600_000;

/// Older events are refused, in days, even if the group keeps them for longer.
const OLDEST: i64 = 14;

/// So long, in seconds, the script may wait until it is run.
const LEEWAY: i64 = 3600;

/// Events further ahead are refused, in seconds.
const AHEAD: i64 = 2 * 3600;

/// Batches that are made.
pub(super) struct EventBatches<'a> {
    folder: PathBuf,
    form: &'a Form,
    targets: &'a Targets,
    now: i64,
    /// For how many days the group keeps events, if it is known to refuse events that are not too old for others.
    kept_days: Option<i64>,
    held: BTreeMap<String, Vec<PutEvent>>,
    bytes: usize,
    written: WrittenBatches,
}

/// An event as PutLogEvents takes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct PutEvent {
    pub(super) timestamp: i64,
    pub(super) message: String,
}

/// A file of PutLogEvents' arguments.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Arguments<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    log_group_name: Option<&'a str>,
    log_stream_name: &'a str,
    log_events: &'a [PutEvent],
}

/// A batch that was made.
#[derive(Debug)]
pub(super) struct Batch {
    /// The file's name.
    pub(super) file: String,
    pub(super) stream: String,
    /// The last of its events, by which it is known whether the batch stands there: the others may be too old for the
    /// group, and are refused then.
    pub(super) last: PutEvent,
}

/// What was made.
#[derive(Debug, Default)]
pub(super) struct WrittenBatches {
    pub(super) made: Vec<Batch>,
    /// How many records are in them.
    pub(super) records: u64,
}

impl<'a> EventBatches<'a> {
    pub(super) fn new(folder: &Path, form: &'a Form, targets: &'a Targets, now: i64) -> Self {
        Self {
            folder: folder.to_owned(),
            form,
            targets,
            now,
            kept_days: form
                .kept_days
                .filter(|days| targets.is_read_group && *days < OLDEST),
            held: BTreeMap::new(),
            bytes: 0,
            written: WrittenBatches::default(),
        }
    }

    pub(super) fn add(
        &mut self,
        row: &LackingRecord,
        refused: &mut RefusedRecords,
    ) -> io::Result<()> {
        let Some(start) = row.time("start") else {
            return refused.add(row, "it has no start, which its event's time is");
        };
        let Some(interface) = row.get("interface-id") else {
            return refused.add(
                row,
                "it has no interface-id, which its log stream is named after",
            );
        };
        let is_older = |days: i64| start < self.now - days * 86_400 + LEEWAY;
        if is_older(OLDEST) {
            return refused.add(row, "PutLogEvents takes no events older than 14 days");
        }
        if let Some(days) = self.kept_days.filter(|days| is_older(*days)) {
            let days = count(days.unsigned_abs(), "day");
            let why =
                format!("the log group keeps events for {days}, and takes none that are older");
            return refused.add(row, &why);
        }
        if start > self.now + AHEAD {
            return refused.add(row, "PutLogEvents takes no events more than 2 hours ahead");
        }
        let Some(layout) = fitting(&self.form.layouts, row) else {
            return refused.add(row, "the format of cwl is not known: give --cwl-format");
        };
        let stream = self.form.streams.get(interface);
        let stream = stream.map_or_else(|| format!("{interface}-all"), |stream| stream.to_string());
        if !is_name(&stream) {
            return refused.add(row, "its interface cannot be the name of a log stream");
        }
        let event = PutEvent {
            timestamp: start.saturating_mul(1000),
            message: row_of(layout, row),
        };
        self.bytes += event.message.len() + EXTRA;
        self.held.entry(stream).or_default().push(event);
        if self.bytes > HELD {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.bytes = 0;
        for (stream, mut events) in std::mem::take(&mut self.held) {
            events.sort();
            let mut left = events.as_slice();
            while !left.is_empty() {
                let (batch, rest) = left.split_at(fits(left));
                self.write(&stream, batch)?;
                left = rest;
            }
        }
        Ok(())
    }

    fn write(&mut self, stream: &str, events: &[PutEvent]) -> io::Result<()> {
        let Some(last) = events.last() else {
            return Ok(());
        };
        let file = format!("put-{:06}.json", self.written.made.len() + 1);
        let arguments = Arguments {
            log_group_name: self.targets.group.as_ref().map(|group| &*group.name),
            log_stream_name: stream,
            log_events: events,
        };
        let text = serde_json::to_vec_pretty(&arguments)?;
        fs::write(self.folder.join(&file), text)?;
        self.written.records += events.len() as u64;
        self.written.made.push(Batch {
            file,
            stream: stream.to_owned(),
            last: last.clone(),
        });
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<WrittenBatches> {
        self.flush()?;
        Ok(self.written)
    }
}

/// Tells whether a log stream can be named so, without anything in it that a query or a command would take otherwise.
fn is_name(stream: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/#$[]".contains(c);
    stream.starts_with(|c: char| c.is_ascii_alphanumeric()) && stream.chars().all(plain)
}

/// Returns how many of these events, which are in order of time, a batch takes: at least one.
fn fits(events: &[PutEvent]) -> usize {
    let mut bytes = 0;
    let first = events.first().map_or(0, |event| event.timestamp);
    let fits = events.iter().take(MOST_EVENTS).take_while(|event| {
        bytes += event.message.len() + EXTRA;
        bytes <= MOST_BYTES && event.timestamp - first < LONGEST
    });
    fits.count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_has_a_plain_name() {
        for (stream, plain) in [
            ("eni-0a-all", true),
            ("eni-0a-all-2022/[$LATEST]", true),
            ("x'-all", false),
            ("-all", false),
            ("a b", false),
            ("`id`-all", false),
            ("", false),
        ] {
            assert_eq!(is_name(stream), plain, "{stream}");
        }
    }

    #[test]
    fn batches_are_what_the_service_takes() {
        let events = |number: i64, apart: i64, bytes: usize| -> Vec<PutEvent> {
            (0..number)
                .map(|at| PutEvent {
                    timestamp: at * apart,
                    message: "x".repeat(bytes),
                })
                .collect()
        };
        for (number, apart, bytes, expected) in [
            (1, 0, 10, 1),
            (10_001, 0, 10, 10_000),
            (200, 0, 10_000, 104),
            (100, 3_600_000, 10, 24),
            (1, 0, 2_000_000, 1),
        ] {
            let taken = fits(&events(number, apart, bytes));
            assert_eq!(taken, expected, "{number} {apart} {bytes}");
        }
    }
}
