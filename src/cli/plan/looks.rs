//! What was typed of a share of a second look, checked.

use super::{address, asked, by_stream, options};
use crate::check::Check;
use crate::cli::SecondLookArgs;
use crate::model::{Error, Side};
use crate::source::{Address, SourceOptions};

/// A second look that can be made.
#[derive(Debug)]
pub struct SecondLookPlan {
    /// What is asked of the run, but for what the digests say.
    pub check: Check,
    /// What is read, if anything is, and how.
    pub source: Option<(Side, Address, SourceOptions)>,
}

impl SecondLookPlan {
    /// Checks what was typed. `now` is the clock, in Unix seconds.
    ///
    /// # Errors
    /// [`Error::Usage`] that names the option and the value.
    pub fn new(args: &SecondLookArgs, now: i64) -> Result<Self, Error> {
        let as_check = args.reading.as_check();
        let check = asked(&as_check, now, false, (false, false))?;
        let source = match (&args.read, args.side) {
            (Some(read), Some(side)) => {
                let mut options = options(&as_check, side)?;
                by_stream(&mut options);
                Some((side, address("--read", Some(read))?, options))
            }
            _ => None,
        };
        Ok(Self { check, source })
    }
}
