//! Causes: what may be why two sides differ, and what else the reader of a report should know, as data. Who shows them
//! words them.

mod configuration;
mod explanation;
mod grid;
mod kinds;
mod next;
mod noted;
mod rows;
mod scene;
mod table;
mod traffic;
mod trait_counts;
mod traits;

use std::time::Duration;

use crate::model::window::Window;
use crate::model::{Side, Sides};
use crate::source::Remark;

pub use configuration::{ConfigMismatch, mismatches};
pub use explanation::{Explanation, Share, Why};
pub use grid::{Grid, HeldInSlot, Reach};
pub use next::{CommandChange, NextStep};
pub use noted::{Lone, MOST_ROWS, NotedDifferences};
pub use rows::{DifferingCopy, of_flow, of_text, of_values};
pub use scene::{Scene, SideFacts};
pub use table::{CAUSES, CauseKind, kind};
pub use traffic::Traffic;
pub use traits::{Age, Sort, Traits, minute_of};

/// Asks every cause what it explains, and counts what none does.
pub fn explain(mut scene: Scene<'_>) -> Why {
    for kind in CAUSES {
        (kind.find)(&mut scene);
    }
    scene.why()
}

/// Tells whether it is worth asking a bucket for its lifecycle rules: whether its first record begins when one would let it.
pub fn may_have_expired(first_start: i64, now: i64) -> bool {
    kinds::expired::days_by_rule(first_start, now).is_some()
}

/// The causes that need nothing but how many records there are where; all others look at records.
const FROM_SUMS: [&str; 4] = ["interface-absent", "outage", "late", "not-read"];

/// As [`explain`], where the records of a side are not there to be looked at.
pub fn explain_from_sums(mut scene: Scene<'_>) -> Why {
    for name in FROM_SUMS {
        (kind(name).find)(&mut scene);
    }
    scene.why()
}

/// What may be why two sides differ, or why less is known than was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// How the flow logs are set up; it decides no verdict.
    Configuration(ConfigMismatch),
    /// What a source says of its listing.
    Listed {
        /// Whose.
        side: Side,
        /// What it says.
        remark: Remark,
    },
    /// A side tells its times in a finer unit than the seconds that AWS writes.
    FinerTimes {
        /// Which side.
        side: Side,
        /// The unit.
        unit: &'static str,
    },
    /// A side has SKIPDATA rows: AWS itself lost flows before delivery.
    SkipData {
        /// Which side.
        side: Side,
    },
    /// No row of a side fits the default format, and no other was given.
    DefaultFormatUnfit {
        /// Which side.
        side: Side,
    },
    /// Packets and bytes add up to the same in every bucket that differs.
    SameTraffic,
    /// Differing records were not found again at the second look.
    Vanished {
        /// How many.
        records: u64,
    },
    /// A recheck failed, so that the look before it counts.
    RecheckFailed {
        /// Which recheck, from 1.
        number: u32,
        /// Of how many at most.
        of: u32,
        /// What stopped it.
        error: String,
    },
    /// What was pending was looked for again.
    Rechecked {
        /// How often; at least once.
        times: u32,
        /// The wait before each.
        wait: Duration,
        /// How many copies came late.
        late: u64,
    },
    /// This machine's clock is wrong.
    WrongClock {
        /// Whose service says so.
        side: Side,
        /// By how many seconds it is ahead (behind, if negative).
        ahead: i64,
    },
    /// A window was compared by more fields than all of them together.
    ComparedByMore {
        /// Which window.
        window: Window,
        /// By which fields as well.
        fields: Vec<String>,
    },
    /// Nothing was due for a scheduled job.
    NothingDue {
        /// Up to where everything has been taken up, in Unix seconds.
        next: i64,
        /// How many seconds ago that was.
        ago: u64,
    },
    /// A job has found lost or changed records in an earlier round, and none since.
    FoundBefore {
        /// When that was told, in Unix seconds.
        at: i64,
        /// What that round read.
        window: Window,
        /// Copies that a side lacked.
        missing: Sides<u64>,
        /// Extra copies on a side.
        surplus: Sides<u64>,
        /// Pairs of unequal values.
        divergent: u64,
    },
    /// Undetermined copies are not looked for any more.
    GivenUp {
        /// How many.
        records: u64,
    },
    /// Differences are tolerated, because a limit was set.
    Tolerated {
        /// What they are: `missing`, `surplus`, `divergent`.
        figure: &'static str,
        /// How many.
        records: u64,
        /// Of how many that either side holds.
        of: u64,
        /// The limit, as it was typed.
        limit: String,
    },
    /// A side was not read: its digest was.
    Digest {
        /// Which side.
        side: Side,
        /// What was boiled down.
        of: Vec<String>,
        /// Whether nothing more is known of the other side, and this is the last to be told of.
        both: bool,
        /// The options with which a check of that compares the same.
        asked: Vec<(&'static str, Option<String>)>,
    },
    /// More differ than digests tell: what is counted is the least that differs in each bucket.
    AtLeast {
        /// How many their sketches can be expected to tell.
        differences: u64,
        /// How many buckets differ.
        buckets: u64,
    },
    /// Addresses, account ids and resource ids are stand-ins.
    StandIns {
        /// Whether they are the same ones wherever the key is used.
        lasting: bool,
    },
}

impl Cause {
    /// Changes every text in it.
    #[must_use]
    pub fn map_texts(self, change: &dyn Fn(&str) -> String) -> Self {
        match self {
            Self::Configuration(mismatch) => Self::Configuration(mismatch.map_texts(change)),
            Self::Listed { side, remark } => Self::Listed {
                side,
                remark: remark.map_texts(change),
            },
            Self::RecheckFailed { number, of, error } => Self::RecheckFailed {
                number,
                of,
                error: change(&error),
            },
            Self::ComparedByMore { window, fields } => Self::ComparedByMore {
                window,
                fields: fields.iter().map(|name| change(name)).collect(),
            },
            Self::Tolerated {
                figure,
                records,
                of,
                limit,
            } => Self::Tolerated {
                figure,
                records,
                of,
                limit: change(&limit),
            },
            Self::Digest {
                side,
                of,
                both,
                asked,
            } => Self::Digest {
                side,
                both,
                of: of.iter().map(|address| change(address)).collect(),
                asked: asked
                    .into_iter()
                    .map(|(option, value)| (option, value.map(|value| change(&value))))
                    .collect(),
            },
            Self::AtLeast { .. }
            | Self::FinerTimes { .. }
            | Self::SkipData { .. }
            | Self::DefaultFormatUnfit { .. }
            | Self::SameTraffic
            | Self::Vanished { .. }
            | Self::Rechecked { .. }
            | Self::WrongClock { .. }
            | Self::NothingDue { .. }
            | Self::FoundBefore { .. }
            | Self::GivenUp { .. }
            | Self::StandIns { .. } => self,
        }
    }
}
