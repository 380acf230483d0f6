//! The S3 side: objects of five minutes, all interfaces mixed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use crate::Written;
use crate::corpus::{ACCOUNT, Corpus, Fate, Random, Record, narrow};
use crate::format::Format;
use crate::parquet;

const REGION: &str = "eu-west-1";

/// How the objects are written.
pub(crate) struct Style {
    pub(crate) form: Form,
    pub(crate) format: Format,
    /// Lines end with a carriage return and a newline.
    pub(crate) crlf: bool,
    /// The most records of one object: a busy slot has several.
    pub(crate) records_an_object: usize,
}

/// What the objects are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Parquet,
    /// Without dictionaries.
    PlainParquet,
    /// Text, all in one.
    OneObject,
}

/// Writes the side.
pub(crate) fn write(corpus: &Corpus, style: &Style, folder: &Path) -> io::Result<Written> {
    let mut written = Written::default();
    let mut random = Random::of(corpus.seed, u64::MAX);
    let mut records: Vec<Record> = Vec::new();
    let mut one: Option<Object> = None;
    for slot in 0..corpus.slots() {
        records.clear();
        for interface in 0..corpus.interfaces {
            for (record, fate) in corpus.records(slot, interface) {
                written.count(fate);
                let copies = match fate {
                    Fate::OnlyCwl => 0,
                    Fate::TwiceOnS3 => 2,
                    Fate::Same | Fate::OnlyS3 | Fate::TwiceOnCwl | Fate::OtherBytes => 1,
                };
                records.extend((0..copies).map(|_| record));
            }
        }
        written.records += records.len() as u64;
        for index in (1..records.len()).rev() {
            records.swap(index, narrow(random.below(index as u64 + 1)));
        }
        for some in records.chunks(style.records_an_object) {
            let begin = corpus.begin(slot);
            match style.form {
                Form::Text => {
                    let mut object =
                        Object::create(&path(folder, begin, &mut random, "log.gz")?, style)?;
                    object.add(some, style)?;
                    object.finish(&mut written)?;
                }
                Form::OneObject => {
                    if one.is_none() {
                        let path = path(folder, begin, &mut random, "log.gz")?;
                        one = Some(Object::create(&path, style)?);
                    }
                    one.as_mut()
                        .map_or(Ok(()), |object| object.add(some, style))?;
                }
                Form::Parquet | Form::PlainParquet => {
                    let path = path(folder, begin, &mut random, "log.parquet")?;
                    let dictionaries = style.form == Form::Parquet;
                    parquet::write(some, dictionaries, File::create(path)?)?;
                    written.files += 1;
                }
            }
        }
    }
    if let Some(one) = one {
        one.finish(&mut written)?;
    }
    Ok(written)
}

/// Returns the path of a new object, its folder made.
fn path(folder: &Path, begin: i64, random: &mut Random, ending: &str) -> io::Result<PathBuf> {
    let time = Timestamp::from_second(begin).map_err(io::Error::other)?;
    let day = time.strftime("%Y/%m/%d");
    let folder = folder.join(format!("AWSLogs/{ACCOUNT}/vpcflowlogs/{REGION}/{day}"));
    fs::create_dir_all(&folder)?;
    let (minute, hash) = (time.strftime("%Y%m%dT%H%MZ"), random.next() >> 32);
    Ok(folder.join(format!(
        "{ACCOUNT}_vpcflowlogs_{REGION}_fl-0f1a2b3c4d5e6f708_{minute}_{hash:08x}.{ending}"
    )))
}

impl Style {
    fn ending(&self) -> &'static str {
        if self.crlf { "\r\n" } else { "\n" }
    }
}

/// A gzip of text on its way.
struct Object {
    to: BufWriter<GzEncoder<File>>,
    line: Vec<u8>,
    bytes: u64,
}

impl Object {
    fn create(path: &Path, style: &Style) -> io::Result<Self> {
        let packed = GzEncoder::new(File::create(path)?, Compression::default());
        let mut to = BufWriter::with_capacity(1 << 16, packed);
        let header = style.format.header() + style.ending();
        to.write_all(header.as_bytes())?;
        Ok(Self {
            to,
            line: Vec::new(),
            bytes: header.len() as u64,
        })
    }

    fn add(&mut self, records: &[Record], style: &Style) -> io::Result<()> {
        for record in records {
            self.line.clear();
            style.format.write(record, &mut self.line)?;
            self.line.extend_from_slice(style.ending().as_bytes());
            self.to.write_all(&self.line)?;
            self.bytes += self.line.len() as u64;
        }
        Ok(())
    }

    fn finish(self, written: &mut Written) -> io::Result<()> {
        self.to.into_inner()?.finish()?;
        written.files += 1;
        written.bytes += self.bytes;
        Ok(())
    }
}
