//! The cure: files and scripts that bring missing records to the side that lacks them. Nothing is sent anywhere; whoever
//! runs the scripts does that.

mod events;
mod objects;
mod readme;
mod script;
mod spool;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::diff::{DifferenceKind, Shown};
use crate::model::finding::Bucket;
use crate::model::{Error, Side};
use crate::render::write_difference;
use crate::report::Report;
use crate::source::GroupName;

use events::EventBatches;
use objects::Objects;
use spool::{LackingRecord, RecordSpool};

/// So many bytes of rows are held before they are written out.
const HELD: usize = 64 << 20;

/// Where the cure is to be brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    /// The bucket, and the folder in it above `AWSLogs/`, empty or ending with a slash.
    pub bucket: Option<(String, String)>,
    /// The log group.
    pub group: Option<GroupName>,
    /// Whether that is the group that was read, so that what it says of itself holds.
    pub is_read_group: bool,
    /// The flow log, and its region, of objects that no other object tells it of.
    pub flow_log: Option<String>,
    /// See `flow_log`.
    pub region: Option<String>,
}

/// A folder that gets the cure.
pub struct Repair {
    folder: PathBuf,
    targets: Targets,
    spool: RecordSpool,
    untouched: io::BufWriter<fs::File>,
    failed: Option<io::Error>,
}

/// What a cure is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    /// Records and objects for S3.
    pub for_s3: (u64, u64),
    /// Records and batches for CloudWatch Logs.
    pub for_cwl: (u64, u64),
    /// Records that nobody would take, or of which too little is known.
    pub refused: u64,
    /// Differences that are listed and not touched.
    pub untouched: u64,
}

impl Repair {
    /// Makes the folder, which must not be there or be empty: one cure is not mixed with another.
    ///
    /// # Errors
    /// It cannot be made, or is not empty.
    pub fn open(folder: &Path, targets: Targets) -> Result<Self, Error> {
        let failed = |source| Error::Output {
            path: folder.to_owned(),
            source,
        };
        fs::create_dir_all(folder).map_err(failed)?;
        if fs::read_dir(folder).map_err(failed)?.next().is_some() {
            return Err(Error::Usage(format!(
                "--repair: `{}` is not empty; give a new folder",
                folder.display()
            )));
        }
        let untouched = fs::File::create(folder.join(UNTOUCHED)).map_err(failed)?;
        Ok(Self {
            folder: folder.to_owned(),
            targets,
            spool: RecordSpool::new().map_err(failed)?,
            untouched: io::BufWriter::new(untouched),
            failed: None,
        })
    }

    /// Takes a difference. What goes wrong is said by [`Self::finish`].
    pub fn take(&mut self, bucket: &Bucket, kind: DifferenceKind, shown: &Shown) {
        if self.failed.is_some() {
            return;
        }
        let taken = match (kind, shown) {
            (DifferenceKind::Missing(side), Shown::Leftover(found)) => {
                self.spool.add(side, &found.record)
            }
            (DifferenceKind::Pending(_) | DifferenceKind::Undetermined(_), _) => Ok(()),
            (
                DifferenceKind::Missing(_) | DifferenceKind::Surplus(_) | DifferenceKind::Divergent,
                _,
            ) => {
                self.spool.untouched += 1;
                write_difference(&mut self.untouched, bucket, kind, shown)
            }
        };
        self.failed = taken.err();
    }

    /// Writes the files and the scripts. `now` is the clock, in Unix seconds.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn finish(mut self, report: &Report, now: i64) -> Result<Made, Error> {
        let folder = self.folder.clone();
        let written = match self.failed.take() {
            Some(error) => Err(error),
            None => self.write(report, now),
        };
        written.map_err(|source| Error::Output {
            path: folder,
            source,
        })
    }

    fn write(mut self, report: &Report, now: i64) -> io::Result<Made> {
        self.untouched.flush()?;
        let mut refused = RefusedRecords::new(&self.folder)?;
        let mut objects = Objects::new(&self.folder, &report.forms.s3, &self.targets);
        let mut events = EventBatches::new(&self.folder, &report.forms.cwl, &self.targets, now);
        let untouched = self.spool.untouched;
        let mut rows = self.spool.rows()?;
        while let Some(row) = rows.next_row()? {
            match row.side {
                Side::S3 => objects.add(&row, &mut refused)?,
                Side::Cwl => events.add(&row, &mut refused)?,
            }
        }
        let objects = objects.finish()?;
        let events = events.finish()?;
        let made = Made {
            for_s3: (objects.records, objects.made.len() as u64),
            for_cwl: (events.records, events.made.len() as u64),
            refused: refused.finish()?,
            untouched,
        };
        script::for_s3(&self.folder, report, &self.targets, &objects)?;
        script::for_cwl(&self.folder, report, &self.targets, &events)?;
        readme::write(&self.folder, &self.targets, &made)?;
        Ok(made)
    }
}

/// The file of what is listed and not touched.
const UNTOUCHED: &str = "not-touched.jsonl";

/// The file of what would be refused.
const REFUSED: &str = "refused.jsonl";

/// Records that nobody would take, each with the reason.
struct RefusedRecords {
    out: io::BufWriter<fs::File>,
    number: u64,
}

impl RefusedRecords {
    fn new(folder: &Path) -> io::Result<Self> {
        let file = fs::File::create(folder.join(REFUSED))?;
        Ok(Self {
            out: io::BufWriter::new(file),
            number: 0,
        })
    }

    fn add(&mut self, row: &LackingRecord, reason: &str) -> io::Result<()> {
        self.number += 1;
        let fields = row.fields.iter().cloned();
        let record: serde_json::Map<String, serde_json::Value> = fields
            .map(|(name, value)| (name, serde_json::Value::from(value)))
            .collect();
        let line = serde_json::json!({"side": row.side, "reason": reason, "record": record});
        writeln!(self.out, "{line}")
    }

    fn finish(mut self) -> io::Result<u64> {
        self.out.flush()?;
        Ok(self.number)
    }
}

/// Returns a record as a row of a layout, `-` where it lacks a field.
fn row_of(layout: &crate::record::Layout, row: &LackingRecord) -> String {
    let columns = layout.columns().iter();
    let values = columns.map(|name| row.get(name.as_str()).unwrap_or("-"));
    values.collect::<Vec<_>>().join(" ")
}

/// Returns the layout that tells most of a record.
fn fitting<'a>(
    layouts: &'a [crate::record::Layout],
    row: &LackingRecord,
) -> Option<&'a crate::record::Layout> {
    let told = |layout: &&crate::record::Layout| {
        let columns = layout.columns().iter();
        columns
            .filter(|name| row.get(name.as_str()).is_some())
            .count()
    };
    // Of equals the first one.
    layouts.iter().rev().max_by_key(told)
}
