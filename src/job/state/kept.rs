//! What a state knows of the archive: where its chain ends, and what is still to be written there.
//!
//! The lines of a run, with their reports, are saved with what the run has decided, in one step, and written to the archive after
//! that. Whenever a run is killed, either nothing of it is decided and nothing of it will be in the archive, or all of it is
//! decided and the next run writes what is not there yet: each line stands there exactly once.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use crate::archive::{Archive, ArchiveLine, ChainEnd, KeptFile, LineWithFiles, hash};
use crate::model::Error;

/// What a state knows of the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveEnd {
    /// Its folder or address.
    folder: PathBuf,
    /// The last line that is known to stand there; `None` before the first.
    pub end: Option<ChainEnd>,
    /// What comes after it, in order. Some of it may stand there already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unwritten: Vec<Unwritten>,
    /// Where the job was rewound to, until a line says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewound_to: Option<i64>,
}

/// A line that is to be written, and its reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unwritten {
    line: ArchiveLine,
    files: Vec<PackedFile>,
}

/// A file, as it is kept in a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PackedFile {
    name: String,
    /// Its bytes, compressed, in base64.
    gzip: String,
}

impl ArchiveEnd {
    /// Begins a chain at a place.
    fn begin(folder: PathBuf) -> Self {
        Self {
            folder,
            end: None,
            unwritten: Vec::new(),
            rewound_to: None,
        }
    }

    /// Sees that an archive is the one of this state, and writes what runs before this one have left to write.
    ///
    /// # Errors
    /// It is another one, its end is not what it should be, or it cannot be written.
    pub fn take_up(kept: &mut Option<Self>, archive: &Archive) -> Result<(), Error> {
        let folder = archive.identity()?;
        let there = archive.end()?;
        let known = match kept {
            Some(known) => known,
            None if there.is_none() => kept.insert(Self::begin(folder.clone())),
            None => {
                return Err(Error::Archive {
                    path: archive.path().to_owned(),
                    reason: "has lines of another job, or of one whose state is lost".to_owned(),
                    hint: Some("give each job an --archive place of its own".to_owned()),
                });
            }
        };
        if known.folder != folder {
            if there.is_none() {
                known.chain_anew();
            }
            known.folder = folder;
        }
        match known.unwritten.is_empty() {
            true => archive.check_end(there.as_ref(), known.end.as_ref()),
            false => known.write(archive),
        }
    }

    /// Returns where the chain goes on: after everything that is known, written or not.
    pub fn last(&self) -> Option<ChainEnd> {
        let last = self.unwritten.last();
        last.map_or_else(
            || self.end.clone(),
            |Unwritten { line, .. }| Some(end_of(line)),
        )
    }

    /// Returns the lines that are still to be written.
    pub fn unwritten(&self) -> impl Iterator<Item = &ArchiveLine> {
        self.unwritten.iter().map(|it| &it.line)
    }

    /// Returns the archive's folder or address.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds a line, which is given its place in the chain, with its files.
    ///
    /// # Errors
    /// The files cannot be compressed.
    pub fn add(&mut self, mut line: ArchiveLine, files: &[KeptFile]) -> io::Result<()> {
        let last = self.last();
        line.number = last.as_ref().map_or(0, |last| last.number) + 1;
        line.previous = last.map(|last| last.hash);
        line.rewound_to = self.rewound_to.take();
        let files = files.iter().map(packed).collect::<io::Result<_>>()?;
        self.unwritten.push(Unwritten { line, files });
        Ok(())
    }

    /// Writes what is to be written, as far as it is not there.
    ///
    /// # Errors
    /// The archive's end is not what it should be, or it cannot be written: the next run tries again.
    pub fn write(&mut self, archive: &Archive) -> Result<(), Error> {
        let lines = self.unwritten.iter().map(|Unwritten { line, files }| {
            let files = files.iter().map(unpacked).collect::<io::Result<_>>()?;
            Ok((line.clone(), files))
        });
        let lines: Vec<LineWithFiles> = lines
            .collect::<io::Result<_>>()
            .map_err(|error| fault(archive, &error))?;
        archive.append(self.end.as_ref(), &lines)?;
        self.end = self.last();
        self.unwritten.clear();
        Ok(())
    }

    /// Tells whether a chain that ends there is this job's: it has all that is known to stand there, and nothing after it but
    /// what is to be written.
    ///
    /// # Errors
    /// What is wrong, as the rest of a sentence about the archive.
    pub fn check(&self, there: Option<&ChainEnd>) -> Result<(), String> {
        let is_next = |line: &ArchiveLine| there == Some(&end_of(line));
        if there == self.end.as_ref() || self.unwritten().any(is_next) {
            return Ok(());
        }
        let number = |end: Option<&ChainEnd>| end.map_or(0, |end| end.number);
        let (is, was) = (number(there), number(self.end.as_ref()));
        Err(match is.cmp(&was) {
            std::cmp::Ordering::Less => format!(
                "ends with line {is}, and the job has written line {was}: its end was removed"
            ),
            std::cmp::Ordering::Equal => {
                format!("ends with another line {is} than the job has written")
            }
            std::cmp::Ordering::Greater => format!(
                "ends with line {is}, and the job has written no more than line {}",
                number(self.last().as_ref())
            ),
        })
    }

    /// Makes what is to be written the beginning of a new chain.
    fn chain_anew(&mut self) {
        let mut last: Option<ChainEnd> = None;
        for Unwritten { line, .. } in &mut self.unwritten {
            line.number = last.as_ref().map_or(0, |last| last.number) + 1;
            line.previous = last.map(|last| last.hash);
            last = Some(end_of(line));
        }
        self.end = None;
    }
}

fn end_of(line: &ArchiveLine) -> ChainEnd {
    ChainEnd {
        number: line.number,
        hash: hash(line.text().as_bytes()),
    }
}

fn packed(file: &KeptFile) -> io::Result<PackedFile> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&file.bytes)?;
    Ok(PackedFile {
        name: file.name.clone(),
        gzip: STANDARD.encode(gzip.finish()?),
    })
}

fn unpacked(file: &PackedFile) -> io::Result<KeptFile> {
    let gzip = STANDARD.decode(&file.gzip).map_err(io::Error::other)?;
    let mut bytes = Vec::new();
    GzDecoder::new(&gzip[..]).read_to_end(&mut bytes)?;
    Ok(KeptFile {
        name: file.name.clone(),
        bytes,
    })
}

fn fault(archive: &Archive, error: &io::Error) -> Error {
    Error::Archive {
        path: archive.path().to_owned(),
        reason: error.to_string(),
        hint: None,
    }
}
