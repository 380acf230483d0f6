//! What was typed of a digest, checked.

use std::path::{Path, PathBuf};

use super::{address, asked, key_of, options};
use crate::check::Check;
use crate::check::kept::DigestSpec;
use crate::cli::DigestArgs;
use crate::digest::{Algorithm, Fingerprints};
use crate::model::Error;
use crate::source::{Address, SourceOptions};

/// A digest that can be made.
#[derive(Debug)]
pub struct DigestPlan {
    /// What is asked of the run.
    pub check: Check,
    /// Where the side is read, and how.
    pub source: (Address, SourceOptions),
    /// How the digest is made.
    pub spec: DigestSpec,
}

impl DigestPlan {
    /// Checks what was typed. `now` is the clock, in Unix seconds.
    ///
    /// # Errors
    /// [`Error::Usage`] that names the option and the value.
    pub fn new(args: &DigestArgs, now: i64) -> Result<Self, Error> {
        let refuse = |why: &str| Err(Error::Usage(why.to_owned()));
        let [source] = &args.sources[..] else {
            return refuse("SOURCE: one only; digests of several are added up with --merge");
        };
        let Some(side) = args.side else {
            return refuse("--side: s3 or cwl, which the source stands for");
        };
        if args.time.recheck > 0 {
            return refuse("--recheck: means nothing to `digest`, which compares nothing");
        }
        if args.differences == 0 {
            return refuse("--differences: must be at least 1");
        }
        let key = key_of(&args.key)?;
        let fingerprints = match &key {
            None if args.fingerprint == Algorithm::Blake3 => {
                return refuse(
                    "--fingerprint blake3: needs --key-file, without which it proves no more than xxh3; `flowdiff key FILE` makes \
                     a key",
                );
            }
            None => Fingerprints::seeded(0),
            Some(key) => Fingerprints::keyed(key, args.fingerprint),
        };
        if args.receipt && key.is_none() {
            return refuse(
                "--receipt: needs --key-file, without which it proves nothing; `flowdiff key FILE` makes a key",
            );
        }
        let algorithm = match args.receipt {
            true => Algorithm::Blake3,
            false => args.fingerprint,
        };
        let address = address("SOURCE", Some(source))?;
        let as_check = args.as_check();
        let check = asked(&as_check, now, address.is_live(), (false, false))?;
        Ok(Self {
            spec: DigestSpec {
                side,
                algorithm,
                key,
                differences: usize::try_from(args.differences).unwrap_or(usize::MAX),
                store: store(&address),
            },
            source: (address, options(&as_check, side)?),
            check: Check {
                key: fingerprints,
                ..check
            },
        })
    }
}

/// Returns within what the names of an address's parts are unique.
fn store(address: &Address) -> String {
    match address {
        Address::S3 { bucket, .. } => format!("s3://{bucket}"),
        Address::Group(_) => address.to_string(),
        Address::Stdin => "standard input".to_owned(),
        Address::Path(path) => folder_of(path).display().to_string(),
    }
}

/// Parts of a folder are named from there on, a file by its name.
fn folder_of(path: &Path) -> PathBuf {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    match whole.is_dir() {
        true => whole,
        false => whole.parent().unwrap_or(Path::new("")).to_owned(),
    }
}
