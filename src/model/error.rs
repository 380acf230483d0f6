//! What stops a run. What is wrong with the *data* is a finding, never an error.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::Side;

/// Why no verdict could be sought. The text is a fragment that fits after `flowdiff: `; a hint, if
/// there is one, says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line asks for something that cannot be.
    #[error("{0}")]
    Usage(String),
    /// What the command line asks for may be one of several things.
    #[error("{what}\n  {}", candidates.join("\n  "))]
    Several {
        /// What is asked for, and what to do about it.
        what: String,
        /// What it may be.
        candidates: Vec<String>,
    },
    /// A source cannot be listed or opened.
    #[error("{side}: `{address}`: {reason}")]
    Source {
        /// Which side.
        side: Side,
        /// The address as the user gave it.
        address: String,
        /// What the service or the system said.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A file of the user's cannot be written.
    #[error("`{}`: {source}", path.display())]
    Output {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What does not fit the memory cannot be put into a temporary file; it says where, and what to do about it.
    #[error("what does not fit --memory {0}")]
    Temporary(io::Error),
    /// The state of a scheduled job cannot be had or kept.
    #[error("`{}` {reason}", path.display())]
    State {
        /// Its directory, or the file in it.
        path: PathBuf,
        /// What is wrong with it, as the rest of a sentence.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The archive of a scheduled job cannot be had, is not whole, or is not the one that is meant.
    #[error("`{}` {reason}", path.display())]
    Archive {
        /// Its folder, or the file in it.
        path: PathBuf,
        /// What is wrong with it, as the rest of a sentence.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// It takes longer than it may.
    #[error("not done within {} (`--deadline`): {got_to}", humantime::format_duration(*after))]
    Deadline {
        /// How long it may take.
        after: Duration,
        /// How far it had come.
        got_to: String,
    },
    /// The two sides cannot be compared in the way asked for.
    #[error("{0}")]
    Incomparable(String),
}

impl Error {
    /// Returns what the user can do about it, if anything is known.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Source { hint, .. } | Self::State { hint, .. } | Self::Archive { hint, .. } => {
                hint.as_deref()
            }
            Self::Deadline { .. } => {
                Some("give it more time with `--deadline`, or a shorter window")
            }
            Self::Temporary(_)
            | Self::Usage(_)
            | Self::Several { .. }
            | Self::Output { .. }
            | Self::Incomparable(_) => None,
        }
    }
}
