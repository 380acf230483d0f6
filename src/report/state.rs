//! What a report tells of a scheduled job.

use serde::{Deserialize, Serialize};

use crate::model::Sides;

use super::{Verdict, times};

/// What one run of a scheduled job took up, and where that leaves it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JobSummary {
    /// All before this has been taken up, Unix seconds: the next run goes on here.
    #[serde(serialize_with = "times::second")]
    pub next: i64,
    /// When the run looked, by its clock, Unix seconds.
    #[serde(serialize_with = "times::second")]
    pub looked_at: i64,
    /// Seconds that were due and are left to the next run: `--max-windows` was reached, or the run was ended.
    pub behind_seconds: i64,
    /// The windows that were read for the first time, oldest first.
    pub windows: Vec<WindowResult>,
    /// The stretches that were looked at again for what had not been decided, oldest first.
    pub again: Vec<WindowResult>,
    /// What was looked for and has been found on the side that lacked it. It is among the matched.
    pub late: Sides<u64>,
    /// The longest time from the `end` of such a record to this run, which found it.
    pub late_seconds_at_most: Option<i64>,
    /// Undetermined copies that were looked for until `--give-up` and are from now on not looked for.
    pub given_up: u64,
    /// What the next run will look for.
    pub carried: Carried,
}

impl JobSummary {
    /// Tells whether nothing was read and nothing is open.
    pub fn is_nothing(&self) -> bool {
        self.windows.is_empty() && self.again.is_empty() && self.carried.is_nothing()
    }
}

/// A stretch of time that was read, and what it came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WindowResult {
    /// The first second inside, Unix seconds.
    #[serde(serialize_with = "times::second")]
    pub start: i64,
    /// The first second after.
    #[serde(serialize_with = "times::second")]
    pub end: i64,
    /// The answer for it; `null` if it could not be read at all.
    pub verdict: Option<Verdict>,
}

/// How much is carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// Copies that may still arrive on a side.
    pub pending: Sides<u64>,
    /// Copies that may sit in what could not be read on a side.
    pub undetermined: Sides<u64>,
    /// Parts that could not be read.
    pub unreadable_parts: u64,
    /// Windows that could not be read at all.
    pub unread_windows: u64,
}

impl Carried {
    /// Tells whether nothing is left to look for.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}
