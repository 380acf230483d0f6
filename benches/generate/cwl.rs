//! The CloudWatch side: one stream for each interface, in order of time.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use crate::Written;
use crate::corpus::{Corpus, Fate, Record, SLOT, interface_id};
use crate::format::Format;
use crate::pages;

/// The folder of an export task.
const TASK: &str = "0fb5b2d6-6c2b-4a5e-9c70-1d2e3f4a5b6c";

/// Records of one exported file.
const RECORDS_A_FILE: usize = 200_000;

/// No record ends longer than this after its start.
const LONGEST: i64 = 60;

/// What the side comes as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// What an export task writes to a bucket.
    Export,
    /// What `aws logs get-log-events` prints, page after page.
    Pages,
    /// Messages of a subscription, as Firehose puts them into objects.
    Subscription,
}

/// Writes the side.
pub(crate) fn write(
    corpus: &Corpus,
    form: Form,
    format: &Format,
    folder: &Path,
) -> io::Result<Written> {
    let mut written = Written::default();
    for interface in 0..corpus.interfaces {
        let stream = format!("{}-all", interface_id(interface));
        let folder = match form {
            Form::Export => folder.join(TASK).join(&stream),
            Form::Pages | Form::Subscription => folder.join(&stream),
        };
        let mut files = Files {
            form,
            format,
            stream,
            folder,
            count: 0,
        };
        let mut pending: Vec<Record> = Vec::new();
        let mut ready: Vec<Record> = Vec::new();
        for slot in 0..corpus.slots() {
            for (record, fate) in corpus.records(slot, interface) {
                written.count(fate);
                match fate {
                    Fate::OnlyS3 => {}
                    Fate::Same | Fate::OnlyCwl | Fate::TwiceOnS3 => pending.push(record),
                    Fate::OtherBytes => pending.push(record.with_other_bytes()),
                    Fate::TwiceOnCwl => pending.extend([record, record]),
                }
            }
            pending.sort_by_key(|record| record.start);
            let settled = corpus.begin(slot) + SLOT - LONGEST;
            let in_order = pending.partition_point(|record| record.start < settled);
            ready.extend(pending.drain(..in_order));
            while ready.len() >= RECORDS_A_FILE {
                files.add(&ready[..RECORDS_A_FILE], &mut written)?;
                ready.drain(..RECORDS_A_FILE);
            }
        }
        ready.extend(pending);
        for some in ready.chunks(RECORDS_A_FILE) {
            files.add(some, &mut written)?;
        }
    }
    Ok(written)
}

/// The files of one stream.
struct Files<'a> {
    form: Form,
    format: &'a Format,
    stream: String,
    folder: PathBuf,
    count: usize,
}

impl Files<'_> {
    fn add(&mut self, records: &[Record], written: &mut Written) -> io::Result<()> {
        if self.count == 0 {
            fs::create_dir_all(&self.folder)?;
        }
        let ending = match self.form {
            Form::Export | Form::Subscription => "gz",
            Form::Pages => "json",
        };
        let path = self.folder.join(format!("{:06}.{ending}", self.count));
        let file = BufWriter::with_capacity(1 << 16, File::create(path)?);
        written.bytes += match self.form {
            Form::Export => export(records, self.format, file),
            Form::Pages => pages::write(records, self.format, file),
            Form::Subscription => {
                let packed = GzEncoder::new(file, Compression::default());
                pages::write_subscription(records, &self.stream, self.format, packed)
            }
        }?;
        written.records += records.len() as u64;
        written.files += 1;
        self.count += 1;
        Ok(())
    }
}

/// Writes lines with the event's timestamp before the record, packed; returns how many bytes unpacked.
fn export(records: &[Record], format: &Format, file: impl Write) -> io::Result<u64> {
    let packed = GzEncoder::new(file, Compression::default());
    let mut to = BufWriter::with_capacity(1 << 16, packed);
    // Neighbours most often share their second, and telling the time takes longer than all else.
    let (mut second, mut stamp) = (0, String::new());
    let (mut line, mut bytes) = (Vec::new(), 0);
    for record in records {
        if record.start != second {
            second = record.start;
            let time = Timestamp::from_second(second).map_err(io::Error::other)?;
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z ").to_string();
        }
        line.clear();
        line.extend_from_slice(stamp.as_bytes());
        format.write(record, &mut line)?;
        line.push(b'\n');
        to.write_all(&line)?;
        bytes += line.len() as u64;
    }
    to.into_inner()?.finish()?.flush()?;
    Ok(bytes)
}
