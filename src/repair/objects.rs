//! Objects for S3, named and made as flow logs deliver them (VPC User Guide "Flow log files").

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use crate::model::window::slot;
use crate::model::words::hexadecimal;
use crate::record::Layout;
use crate::report::form::Form;
use crate::source::key::{ObjectName, delivered_key};

use super::spool::LackingRecord;
use super::{HELD, RefusedRecords, Targets, fitting, row_of};

/// The folder of the objects.
pub(super) const FOLDER: &str = "objects";

/// Objects that are made.
pub(super) struct Objects<'a> {
    folder: PathBuf,
    form: &'a Form,
    targets: &'a Targets,
    held: BTreeMap<ObjectPlace, Vec<String>>,
    bytes: usize,
    written: WrittenObjects,
}

/// Where records belong: account, slot of `end`, layout.
type ObjectPlace = (String, i64, Layout);

/// What was made.
#[derive(Debug, Default)]
pub(super) struct WrittenObjects {
    /// The keys.
    pub(super) made: Vec<String>,
    /// How many records are in them.
    pub(super) records: u64,
}

impl<'a> Objects<'a> {
    pub(super) fn new(folder: &Path, form: &'a Form, targets: &'a Targets) -> Self {
        Self {
            folder: folder.join(FOLDER),
            form,
            targets,
            held: BTreeMap::new(),
            bytes: 0,
            written: WrittenObjects::default(),
        }
    }

    pub(super) fn add(
        &mut self,
        row: &LackingRecord,
        refused: &mut RefusedRecords,
    ) -> io::Result<()> {
        let Some(end) = row.time("end").or_else(|| row.time("start")) else {
            return refused.add(
                row,
                "it has neither end nor start, which its object's name tells",
            );
        };
        let account = row.get("account-id").unwrap_or_default().to_owned();
        let Some(key) = self.key(&account, end, "") else {
            return refused.add(
                row,
                "no object of its account tells flow log and region: name them with --flow-log-id and --s3-region",
            );
        };
        if !is_below(&key) {
            return refused.add(
                row,
                "the key of its object cannot be the name of a file below a folder",
            );
        }
        let Some(layout) = fitting(&self.form.layouts, row) else {
            return refused.add(row, "the format of s3 is not known: give --s3-format");
        };
        let line = row_of(layout, row);
        self.bytes += line.len() + 1;
        let place = (account, slot(end), layout.clone());
        self.held.entry(place).or_default().push(line);
        if self.bytes > HELD {
            self.flush()?;
        }
        Ok(())
    }

    /// Returns the key of an object: beside those of the same account, or as the flow log that was named delivers it.
    fn key(&self, account: &str, end: i64, hash: &str) -> Option<String> {
        let objects = &self.form.objects;
        let of_account = |key: &&std::sync::Arc<str>| {
            ObjectName::parse(key).is_some_and(|name| name.account == account)
        };
        let like = objects.iter().find(of_account).map(|key| &**key);
        let named = || {
            let is_account = account.len() == 12 && account.bytes().all(|it| it.is_ascii_digit());
            if !is_account {
                return None;
            }
            let (region, id) = (
                self.targets.region.as_ref()?,
                self.targets.flow_log.as_ref()?,
            );
            let prefix = self
                .targets
                .bucket
                .as_ref()
                .map_or("", |(_, prefix)| prefix);
            // Its time does not matter.
            Some(format!(
                "{prefix}AWSLogs/{account}/vpcflowlogs/{region}/2000/01/01/{account}_vpcflowlogs_{region}_{id}_20000101T0000Z_0.log.gz"
            ))
        };
        let like = like.map(str::to_owned).or_else(named)?;
        delivered_key(&like, slot(end), hash)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.bytes = 0;
        for ((account, time, layout), mut lines) in std::mem::take(&mut self.held) {
            // The same records give the same object, whatever the order in which they were found.
            lines.sort();
            let names = layout.columns().iter().map(|name| name.as_str());
            let header = names.collect::<Vec<_>>().join(" ");
            let mut text = header;
            for line in &lines {
                text.push('\n');
                text.push_str(line);
            }
            text.push('\n');
            let hash = Sha256::digest(&text);
            let hash = hexadecimal(&hash[..4]);
            let key = self.key(&account, time, &hash);
            let key = key.ok_or_else(|| io::Error::other("an object has no key"))?;
            let path = self.folder.join(&key);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut gzip = GzEncoder::new(fs::File::create(path)?, Compression::default());
            gzip.write_all(text.as_bytes())?;
            gzip.finish()?;
            self.written.records += lines.len() as u64;
            self.written.made.push(key);
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<WrittenObjects> {
        self.flush()?;
        self.written.made.sort();
        Ok(self.written)
    }
}

/// Tells whether a key, which anybody may have chosen, names a file below a folder and nowhere else.
fn is_below(key: &str) -> bool {
    let strange = |level: &str| matches!(level, "" | "." | "..") || level.contains(['\\', '\0']);
    !key.split('/').any(strange)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_leads_out_of_the_folder() {
        for (key, below) in [
            ("AWSLogs/1/vpcflowlogs/x.log.gz", true),
            ("x.log.gz", true),
            ("../x.log.gz", false),
            ("a/../../x.log.gz", false),
            ("/etc/x.log.gz", false),
            ("a//x.log.gz", false),
            ("a\\..\\x.log.gz", false),
        ] {
            assert_eq!(is_below(key), below, "{key}");
        }
    }
}
