//! What was typed of a verification, checked.

use super::{address, asked, by_stream, options};
use crate::check::Check;
use crate::cli::VerifyArgs;
use crate::digest::Fingerprints;
use crate::model::{Error, Side};
use crate::source::{Address, SourceOptions};

/// An archive that can be read.
#[derive(Debug)]
pub struct VerifyPlan {
    /// What is asked of the run, of all time and interfaces.
    pub check: Check,
    /// Where the archive is, and how it is read.
    pub source: (Address, SourceOptions),
}

impl VerifyPlan {
    /// Checks what was typed. `side` is what the receipts are of, `now` the clock, in Unix seconds.
    ///
    /// # Errors
    /// [`Error::Usage`] that names the option and the value.
    pub fn new(args: &VerifyArgs, archive: &str, side: Side, now: i64) -> Result<Self, Error> {
        let address = address("ARCHIVE", Some(archive))?;
        if address == Address::Stdin {
            return Err(Error::Usage(
                "ARCHIVE: standard input can be read only once, and each receipt reads it".into(),
            ));
        }
        let as_check = args.as_check();
        let check = asked(&as_check, now, false, (false, false))?;
        let mut options = options(&as_check, side)?;
        by_stream(&mut options);
        Ok(Self {
            source: (address, options),
            check: Check {
                key: Fingerprints::seeded(0),
                ..check
            },
        })
    }
}
