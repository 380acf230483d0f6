//! The S3 side: objects of five minutes, all interfaces mixed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use crate::Written;
use crate::corpus::{ACCOUNT, Corpus, Fate, Random, Record, narrow};
use crate::parquet;

const REGION: &str = "eu-west-1";

/// The header of AWS's default format.
const HEADER: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n";

/// Records of one object: a busy slot has several.
const RECORDS_AN_OBJECT: usize = 200_000;

/// What the objects are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Parquet,
    /// Text, all in one.
    OneObject,
}

/// Writes the side.
pub(crate) fn write(corpus: &Corpus, form: Form, folder: &Path) -> io::Result<Written> {
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
        for some in records.chunks(RECORDS_AN_OBJECT) {
            let begin = corpus.begin(slot);
            match form {
                Form::Text => {
                    let mut object = Object::create(&path(folder, begin, &mut random, "log.gz")?)?;
                    object.add(some)?;
                    object.finish(&mut written)?;
                }
                Form::OneObject => {
                    if one.is_none() {
                        let path = path(folder, begin, &mut random, "log.gz")?;
                        one = Some(Object::create(&path)?);
                    }
                    one.as_mut().map_or(Ok(()), |object| object.add(some))?;
                }
                Form::Parquet => {
                    let path = path(folder, begin, &mut random, "log.parquet")?;
                    parquet::write(some, File::create(path)?)?;
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

/// A gzip of text on its way.
struct Object {
    to: BufWriter<GzEncoder<File>>,
    line: Vec<u8>,
    bytes: u64,
}

impl Object {
    fn create(path: &Path) -> io::Result<Self> {
        let packed = GzEncoder::new(File::create(path)?, Compression::default());
        let mut to = BufWriter::with_capacity(1 << 16, packed);
        to.write_all(HEADER.as_bytes())?;
        Ok(Self {
            to,
            line: Vec::new(),
            bytes: HEADER.len() as u64,
        })
    }

    fn add(&mut self, records: &[Record]) -> io::Result<()> {
        for record in records {
            self.line.clear();
            record.write(&mut self.line)?;
            self.line.push(b'\n');
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
