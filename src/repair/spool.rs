//! The records that are missing, kept in a temporary file until it is known where they belong.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};

use serde::{Deserialize, Serialize};

use crate::model::Side;
use crate::record::Record;
use crate::temporary;

/// A record that a side lacks.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LackingRecord {
    /// The side that lacks it.
    pub(super) side: Side,
    /// Its fields by name, absent ones as `None`.
    pub(super) fields: Vec<(String, Option<String>)>,
}

impl LackingRecord {
    /// Returns a field's value; `None` if it is absent or there is no such field.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(of, _)| of == name)?;
        field.1.as_deref()
    }

    /// Returns a time in Unix seconds.
    pub(super) fn time(&self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok()
    }
}

/// Missing records on disk.
pub(super) struct RecordSpool {
    out: BufWriter<File>,
    /// How many differences are not brought anywhere.
    pub(super) untouched: u64,
}

impl RecordSpool {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            out: BufWriter::new(temporary::file()?),
            untouched: 0,
        })
    }

    pub(super) fn add(&mut self, side: Side, record: &Record) -> io::Result<()> {
        let fields = record.fields();
        let fields =
            fields.map(|(name, value)| (name.as_str().to_owned(), value.map(str::to_owned)));
        let lacking = LackingRecord {
            side,
            fields: fields.collect(),
        };
        let written = serde_json::to_writer(&mut self.out, &lacking).map_err(io::Error::from);
        let written = written.and_then(|()| self.out.write_all(b"\n"));
        written.map_err(|error| temporary::no_room(&error))
    }

    /// Reads them, in the order of adding.
    pub(super) fn rows(self) -> io::Result<SpooledRows> {
        let file = self.out.into_inner();
        let mut file = file.map_err(|error| temporary::no_room(error.error()))?;
        file.rewind()?;
        Ok(SpooledRows {
            input: BufReader::new(file),
            line: String::new(),
        })
    }
}

/// What a spool holds.
pub(super) struct SpooledRows {
    input: BufReader<File>,
    line: String,
}

impl SpooledRows {
    pub(super) fn next_row(&mut self) -> io::Result<Option<LackingRecord>> {
        self.line.clear();
        if self.input.read_line(&mut self.line)? == 0 {
            return Ok(None);
        }
        serde_json::from_str(&self.line)
            .map(Some)
            .map_err(io::Error::from)
    }
}
