//! What was typed of a digest, checked.

use std::path::{Path, PathBuf};

use super::{address, asked, key_of, options};
use crate::check::Check;
use crate::check::kept::DigestSpec;
use crate::cli::DigestArgs;
use crate::digest::{Algorithm, Fingerprints};
use crate::model::Error;
use crate::source::{Address, GroupReading, SourceOptions};

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
        if args.reading.time.recheck > 0 {
            return refuse("--recheck: means nothing to `digest`, which compares nothing");
        }
        if args.differences == 0 {
            return refuse("--differences: must be at least 1");
        }
        let key = key_of(&args.reading.key)?;
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
        let as_check = args.reading.as_check();
        let check = asked(&as_check, now, address.is_live(), (false, false))?;
        let differences = usize::try_from(args.differences).unwrap_or(usize::MAX);
        refuse_large(differences, check.memory)?;
        let mut options = options(&as_check, side)?;
        by_stream(&mut options);
        Ok(Self {
            spec: DigestSpec {
                side,
                algorithm,
                key,
                differences,
                store: store(&address),
                is_pipe: is_read_once(&address),
                flow_log_ids: options.flow_log_ids.iter().cloned().collect(),
                all_streams: options.all_streams,
                sample: args.sample,
            },
            source: (address, options),
            check: Check {
                key: fingerprints,
                ..check
            },
        })
    }
}

/// Bytes that the sketches of one reading take for each difference: each processor's, and the one they are added to.
const BYTES_A_DIFFERENCE: usize = 192;

/// Refuses a sketch that does not fit the memory.
fn refuse_large(differences: usize, memory: u64) -> Result<(), Error> {
    let sketches = std::thread::available_parallelism().map_or(2, usize::from) + 1;
    let bytes = differences.saturating_mul(BYTES_A_DIFFERENCE * sketches);
    if bytes as u64 <= memory {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "--differences: {differences} take {} of memory here: raise --memory, or lower the number",
        bytesize::ByteSize(bytes as u64)
    )))
}

/// Has a log group read stream by stream unless something else is asked for: a check asks once more for what was not found when streams
/// were read together, and of a digest nobody may be able to ask again.
pub fn by_stream(options: &mut SourceOptions) {
    if options.group_reading == GroupReading::Auto {
        options.group_reading = GroupReading::ByStream;
    }
}

/// What is called the store of all that comes through a pipe, before its bytes tell which it is.
const PIPE: &str = "a pipe";

/// Tells whether a source is gone once it is read.
pub fn is_read_once(address: &Address) -> bool {
    match address {
        Address::Stdin => true,
        Address::Path(path) => path
            .metadata()
            .is_ok_and(|there| !there.is_file() && !there.is_dir()),
        Address::S3 { .. } | Address::Group(_) => false,
    }
}

/// Returns within what the names of an address's parts are unique.
pub fn store(address: &Address) -> String {
    match address {
        Address::S3 { bucket, .. } => format!("s3://{bucket}"),
        Address::Group(_) => address.to_string(),
        Address::Stdin => PIPE.to_owned(),
        Address::Path(_) if is_read_once(address) => PIPE.to_owned(),
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
