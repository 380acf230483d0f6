//! Rows that a second look needs, kept in a file: what another machine has read of some parts, each by itself, so that whoever
//! looks need not read these parts. And the source that has them.
//!
//! A file is the line `flowdiff rows 1`; the rows of each part, a zstd frame of JSON lines; an index, a zstd frame of JSON that says
//! where these are; its length, 8 bytes, lowest first; and the SHA-256 of all before it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Ask, Listing, Outlet, Part, ReadError, Source};
use crate::decode::{Content, KeptRow};
use crate::model::window::Window;
use crate::model::{Error, Side, Sides};
use crate::record::Layout;

/// How a file begins.
const MAGIC: &[u8] = b"flowdiff rows 1\n";

/// The format of the index.
const SCHEMA: &str = "flowdiff.rows/1";

/// The level of compression.
const LEVEL: i32 = 3;

/// The length of a SHA-256.
const SUM: usize = 32;

/// The rows of a part that were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartRows {
    /// The part's name.
    pub name: String,
    /// What changes when its content does, as listed.
    pub version: String,
    /// Why not all of it could be read, if it could not.
    pub unreadable: Option<String>,
    /// The rows, in order of number.
    pub rows: Vec<KeptRow>,
}

#[derive(Serialize, Deserialize)]
struct RowsIndex {
    schema: String,
    side: Side,
    /// The SHA-256 of the digests that say what is asked for.
    of: [String; 2],
    parts: Vec<IndexedPart>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct IndexedPart {
    name: String,
    version: String,
    unreadable: Option<String>,
    /// The columns of each layout.
    layouts: Vec<Vec<String>>,
    /// Where its frame begins, and how long it is.
    at: u64,
    length: u64,
}

/// A row as a line of JSON: number, layout, values, delivery, event.
type RowLine<'a> = (
    u64,
    usize,
    std::borrow::Cow<'a, str>,
    Option<i64>,
    Option<String>,
);

/// Writes a file. `of` are the SHA-256 of the digests that say what is asked for.
///
/// # Errors
/// It cannot be written.
pub fn write(
    side: Side,
    of: [String; 2],
    parts: &[PartRows],
    to: &mut dyn Write,
) -> io::Result<()> {
    let mut file = Summed::of(to);
    file.write_all(MAGIC)?;
    let mut indexed = Vec::new();
    for part in parts {
        let (layouts, frame) = packed(&part.rows)?;
        indexed.push(IndexedPart {
            name: part.name.clone(),
            version: part.version.clone(),
            unreadable: part.unreadable.clone(),
            layouts,
            at: file.written,
            length: frame.len() as u64,
        });
        file.write_all(&frame)?;
    }
    let index = RowsIndex {
        schema: SCHEMA.to_owned(),
        side,
        of,
        parts: indexed,
    };
    let index = zstd::bulk::compress(&serde_json::to_vec(&index)?, LEVEL)?;
    file.write_all(&index)?;
    file.write_all(&(index.len() as u64).to_le_bytes())?;
    let sum = file.sum.finalize();
    file.to.write_all(&sum)
}

/// Counts and sums up what is written.
struct Summed<'w> {
    to: &'w mut dyn Write,
    sum: Sha256,
    written: u64,
}

impl<'w> Summed<'w> {
    fn of(to: &'w mut dyn Write) -> Self {
        Self {
            to,
            sum: Sha256::new(),
            written: 0,
        }
    }
}

impl Write for Summed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.sum.update(&bytes[..written]);
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn packed(rows: &[KeptRow]) -> io::Result<(Vec<Vec<String>>, Vec<u8>)> {
    let mut layouts: Vec<&Arc<Layout>> = Vec::new();
    let mut packer = zstd::stream::write::Encoder::new(Vec::new(), LEVEL)?;
    for row in rows {
        let known = layouts.iter().position(|layout| **layout == row.layout);
        let layout = known.unwrap_or_else(|| {
            layouts.push(&row.layout);
            layouts.len() - 1
        });
        let text = row.text.as_str().into();
        let line: RowLine<'_> = (
            row.number,
            layout,
            text,
            row.delivered,
            row.event_id.clone(),
        );
        serde_json::to_writer(&mut packer, &line)?;
        packer.write_all(b"\n")?;
    }
    let names = |layout: &&Arc<Layout>| layout.columns().iter().map(ToString::to_string).collect();
    Ok((layouts.iter().map(names).collect(), packer.finish()?))
}

/// The rows that were kept of some parts of one side, wherever they are.
#[derive(Debug, Default)]
pub struct RowsKept {
    parts: HashMap<String, (Arc<PathBuf>, IndexedPart)>,
}

impl RowsKept {
    /// Finds the rows of both sides in files, each of which is read to its end once. `of` are the SHA-256 of the digests.
    ///
    /// # Errors
    /// A file is none such, damaged, or of other digests; or a part is in two of them: a sentence that names the file.
    pub fn of(of: &[String; 2], files: &[PathBuf]) -> Result<Sides<Self>, String> {
        let mut all = Sides::<Self>::default();
        for path in files {
            let refuse = |why: String| format!("`{}`: {why}", path.display());
            let index = index(path).map_err(|error| refuse(error.to_string()))?;
            if index.of != *of {
                return Err(refuse(
                    "it is of other digests than --first-look: make it again with these".to_owned(),
                ));
            }
            let path = Arc::new(path.clone());
            let known = &mut all[index.side].parts;
            for part in index.parts {
                let name = part.name.clone();
                if known
                    .insert(name.clone(), (Arc::clone(&path), part))
                    .is_some()
                {
                    return Err(refuse(format!(
                        "it has the part `{name}`, which another file has too"
                    )));
                }
            }
        }
        Ok(all)
    }

    fn get(&self, part: &Part) -> Option<&(Arc<PathBuf>, IndexedPart)> {
        let kept = self.parts.get(&*part.name);
        kept.filter(|(_, kept)| kept.version == part.version)
    }
}

fn index(path: &Path) -> io::Result<RowsIndex> {
    let other = |why: &str| io::Error::other(why.to_owned());
    let damaged =
        || other("it is damaged or cut off: its checksum is not that of its bytes; make it again");
    let mut file = File::open(path)?;
    let mut head = [0; MAGIC.len()];
    let begins = file.read_exact(&mut head).is_ok() && head == MAGIC;
    if !begins {
        return Err(other("it is none that `flowdiff second-look` writes"));
    }
    let length = file.metadata()?.len();
    let end = length.checked_sub(SUM as u64).ok_or_else(damaged)?;
    file.rewind()?;
    let mut nowhere = io::sink();
    let mut summed = Summed::of(&mut nowhere);
    io::copy(&mut Read::by_ref(&mut file).take(end), &mut summed)?;
    let mut told = [0; SUM];
    file.read_exact(&mut told)?;
    if summed.sum.finalize().as_slice() != told {
        return Err(damaged());
    }
    let at = end.checked_sub(8).ok_or_else(damaged)?;
    file.seek(SeekFrom::Start(at))?;
    let mut size = [0; 8];
    file.read_exact(&mut size)?;
    let begin = at
        .checked_sub(u64::from_le_bytes(size))
        .ok_or_else(damaged)?;
    file.seek(SeekFrom::Start(begin))?;
    let index = zstd::stream::decode_all(file.take(at - begin))?;
    let index: RowsIndex = serde_json::from_slice(&index)?;
    match index.schema == SCHEMA {
        true => Ok(index),
        false => Err(other(&format!(
            "it is a `{}`, and this flowdiff knows `{SCHEMA}`",
            index.schema
        ))),
    }
}

fn rows(path: &Path, part: &IndexedPart) -> io::Result<Vec<KeptRow>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(part.at))?;
    let text = zstd::stream::decode_all(file.take(part.length))?;
    let layouts = part.layouts.iter().map(|names| {
        let layout = Layout::from_names(names.iter().map(String::as_str));
        layout.map(Arc::new).map_err(io::Error::other)
    });
    let layouts: Vec<Arc<Layout>> = layouts.collect::<Result<_, _>>()?;
    let lines = serde_json::Deserializer::from_slice(&text).into_iter::<RowLine<'_>>();
    let row = |line: Result<RowLine<'_>, serde_json::Error>| {
        let (number, layout, text, delivered, event_id) = line?;
        let layout = layouts
            .get(layout)
            .ok_or_else(|| io::Error::other("a row has no layout"))?;
        Ok(KeptRow {
            number,
            layout: Arc::clone(layout),
            text: text.into_owned(),
            delivered,
            event_id,
        })
    };
    lines.map(row).collect()
}

/// A source of which some parts were read before: what was kept of them stands for them, as long as they have not changed.
pub struct ReadBefore {
    source: Arc<dyn Source>,
    kept: RowsKept,
}

impl ReadBefore {
    /// Puts what was kept before a source.
    pub fn of(source: Arc<dyn Source>, kept: RowsKept) -> Self {
        Self { source, kept }
    }
}

#[async_trait]
impl Source for ReadBefore {
    fn address(&self) -> String {
        self.source.address()
    }

    fn behind(&self) -> Option<&dyn Source> {
        Some(&*self.source)
    }

    async fn list(&self, ask: &Ask) -> Result<Listing, Error> {
        self.source.list(ask).await
    }

    async fn read(
        &self,
        part: &Part,
        starts: &[Window],
        outlet: &dyn Outlet,
    ) -> Result<(), ReadError> {
        let Some((path, kept)) = self.kept.get(part) else {
            return self.source.read(part, starts, outlet).await;
        };
        let (path, indexed) = (Arc::clone(path), kept.clone());
        let read = tokio::task::spawn_blocking(move || rows(&path, &indexed)).await;
        let read = read.map_err(io::Error::other).flatten();
        let read = read.map_err(|error| {
            let why = format!("what was kept of it cannot be read: {error}");
            ReadError::Unreadable(why)
        })?;
        let content = Content::Kept(read.into());
        let _room = outlet.room(content.size()).await;
        outlet.deliver(content).await?;
        match &kept.unreadable {
            Some(why) => Err(ReadError::Unreadable(why.clone())),
            None => Ok(()),
        }
    }
}
