//! State: what a scheduled job has decided and what it still looks for, kept between its runs.
//!
//! [`JobState`] is the content, [`StateStore`] the place it lives in (a directory, or an object of a bucket), [`due`] what to
//! take up next, and [`JobState::take`] what becomes of a look's findings. Only the stores touch the disk or a service.

mod copies;
mod due;
mod kept;
mod leased;
#[cfg(test)]
mod model;
mod place;
mod receipts;
mod sift;
mod store;
mod subject;
mod told;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::model::finding::Bucket;
use crate::model::window::{Settle, Window, slot};
use crate::model::{Cover, Side, Sides};
use crate::record::RecordKind;
use crate::report::Carried;
use crate::source::SourceIdentity;

pub use copies::BucketCopies;
pub use due::{again, due, joined};
pub use kept::ArchiveEnd;
pub use leased::LONGEST as LONGEST_LEASE;
pub use place::{LeasedStore, StatePlace, StateStore, read_state};
pub use receipts::ReceiptEnd;
pub use sift::{ArrivedLate, GiveUp, Reconciled};
pub use store::Store;
pub use subject::JobSubject;
pub use told::ToldBefore;

/// How far the clocks of two machines may be apart that share a state, in seconds.
const CLOCKS_APART: i64 = 600;

/// The names of the fields that are compared, of each kind of record.
pub type ComparedFields = BTreeMap<RecordKind, Vec<String>>;

/// What has been decided, and what is carried. Times are Unix seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobState {
    /// What the state is about.
    pub of: JobSubject,
    /// Which sources these are, as far as runs have found out.
    #[serde(default)]
    pub sources: Sides<SourceIdentity>,
    /// Where the job began; `None` if a run kept nothing of it that was made before runs did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun: Option<i64>,
    /// Everything whose `start` is before this, from where the job began, has been taken up: decided, or carried
    /// below. A multiple of [`crate::model::window::SLOT`].
    pub next: i64,
    /// Windows that could not be read at all, in order and disjoint.
    pub unread: Vec<Unread>,
    /// Parts that could not be read, and the stretch of a decided window that they may hold records of.
    pub unreadable: Vec<Unreadable>,
    /// The fields that were compared last, of whose values the texts in `open` consist where nothing else is said.
    pub fields: ComparedFields,
    /// Buckets with copies that are not decided, or that an unreadable part may hold more of; in order.
    pub open: Vec<OpenBucket>,
    /// Where the archive ends, if one is kept, and what is still to be written to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveEnd>,
    /// Where the chain of daily receipts ends, if they are written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipts: Option<ReceiptEnd>,
    /// What was told before, as far as later reports refer to it.
    #[serde(default, skip_serializing_if = "ToldBefore::is_empty")]
    pub told: ToldBefore,
}

/// A window of which nothing is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unread {
    /// The first second inside.
    pub start: i64,
    /// The first second after.
    pub end: i64,
}

/// What a part that could not be read may hide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unreadable {
    /// Whose part.
    pub side: Side,
    /// Its name.
    pub part: String,
    /// The only interface in it, if there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// The first `start` it may hold, within what was asked for.
    pub start: i64,
    /// The first second after.
    pub end: i64,
}

/// A bucket that is looked at again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenBucket {
    /// The interface, `-` if none is compared.
    pub interface: String,
    /// The slot.
    pub slot: i64,
    /// How many copies each side held at the first look.
    pub copies: Sides<u64>,
    /// The fields in which the bucket was opened, if they are not those of the state: nothing of it is decided in fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<ComparedFields>,
    /// Copies that S3 has and CloudWatch Logs lacks.
    #[serde(default, skip_serializing_if = "OpenCopies::is_empty")]
    pub s3: OpenCopies,
    /// Copies that CloudWatch Logs has and S3 lacks.
    #[serde(default, skip_serializing_if = "OpenCopies::is_empty")]
    pub cwl: OpenCopies,
}

/// Copies that one side has and the other one lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenCopies {
    /// Reported for good, as missing, surplus or divergent: not to be reported again.
    #[serde(default, skip_serializing_if = "BucketCopies::is_empty")]
    pub told: BucketCopies,
    /// Perhaps still on their way.
    #[serde(default, skip_serializing_if = "BucketCopies::is_empty")]
    pub pending: BucketCopies,
    /// Perhaps in what could not be read.
    #[serde(default, skip_serializing_if = "BucketCopies::is_empty")]
    pub undetermined: BucketCopies,
}

impl OpenCopies {
    fn is_empty(&self) -> bool {
        self.told.is_empty() && !self.is_open()
    }

    fn is_open(&self) -> bool {
        !(self.pending.is_empty() && self.undetermined.is_empty())
    }
}

impl OpenBucket {
    /// Makes one of which nothing is known yet.
    fn new(bucket: &Bucket, slot: i64) -> Self {
        Self {
            interface: bucket.interface.to_string(),
            slot,
            copies: Sides::default(),
            fields: None,
            s3: OpenCopies::default(),
            cwl: OpenCopies::default(),
        }
    }

    /// Returns what the side has and the other one lacks.
    fn copied(&mut self, side: Side) -> &mut OpenCopies {
        match side {
            Side::S3 => &mut self.s3,
            Side::Cwl => &mut self.cwl,
        }
    }

    fn is_open(&self) -> bool {
        self.s3.is_open() || self.cwl.is_open()
    }

    fn bucket(&self) -> Bucket {
        Bucket {
            interface: self.interface.as_str().into(),
            slot: Some(self.slot),
        }
    }
}

impl Unreadable {
    fn window(&self) -> Window {
        Window::new(self.start, self.end)
    }

    fn may_hold(&self, bucket: &Bucket) -> bool {
        let cover = Cover {
            interface: self.interface.clone(),
            starts: self.window(),
        };
        cover.may_hold(&bucket.interface, bucket.slot)
    }
}

impl JobState {
    /// Begins with nothing decided before the slot that `start` lies in.
    pub fn begin(of: JobSubject, start: i64) -> Self {
        Self {
            of,
            sources: Sides::default(),
            begun: Some(slot(start)),
            next: slot(start),
            unread: Vec::new(),
            unreadable: Vec::new(),
            fields: BTreeMap::new(),
            open: Vec::new(),
            archive: None,
            receipts: None,
            told: ToldBefore::default(),
        }
    }

    /// Tells whether sources are those of the state, and takes note of what is known of them now and was not before.
    ///
    /// # Errors
    /// The side that is another one, and in what, in words.
    pub fn recognise(&mut self, now: &Sides<SourceIdentity>) -> Result<(), String> {
        for side in Side::BOTH {
            let kept = &mut self.sources[side];
            let unlike = now[side].difference(kept);
            if let Some(difference) = unlike.filter(|_| !kept.place.is_empty()) {
                return Err(format!("{side} is {difference}"));
            }
            kept.learn(&now[side]);
        }
        Ok(())
    }

    /// Returns the buckets of a window that are looked at again.
    pub fn buckets_within(&self, window: Window) -> Vec<Bucket> {
        let inside = self.open.iter().filter(|open| window.contains(open.slot));
        inside.map(OpenBucket::bucket).collect()
    }

    /// Returns how much is carried.
    pub fn carried(&self) -> Carried {
        let sum = |of: fn(&OpenCopies) -> &BucketCopies| Sides {
            // What a side has is open on the other one.
            s3: self.open.iter().map(|open| of(&open.cwl).total()).sum(),
            cwl: self.open.iter().map(|open| of(&open.s3).total()).sum(),
        };
        let mut parts: Vec<_> = self
            .unreadable
            .iter()
            .map(|it| (it.side, &it.part))
            .collect();
        parts.sort_unstable();
        parts.dedup();
        Carried {
            pending: sum(|copied| &copied.pending),
            undetermined: sum(|copied| &copied.undetermined),
            unreadable_parts: parts.len() as u64,
            unread_windows: self.unread.len() as u64,
        }
    }

    /// Takes note of a window that was looked at for the first time and could not be read at all.
    pub fn could_not_read(&mut self, window: Window, step: i64) {
        let (Some(start), Some(end)) = (window.start, window.end) else {
            return;
        };
        self.unread.push(Unread { start, end });
        self.unread = joined(std::mem::take(&mut self.unread), step);
        self.next = self.next.max(end);
    }

    /// Tells whether windows have been taken up that lie in the future: a clock was ahead when they were. Two machines that
    /// share a state may differ by minutes.
    pub fn is_ahead(&self, now: i64) -> bool {
        self.next > now.saturating_add(CLOCKS_APART)
    }

    /// Forgets what has been taken up from the slot on that `to` lies in: it is read, decided and reported again.
    pub fn rewind(&mut self, to: i64) {
        let next = slot(to).min(self.next);
        self.next = next;
        self.open.retain(|open| open.slot < next);
        self.unread.retain(|window| window.start < next);
        self.unreadable.retain(|part| part.start < next);
        if let Some(archive) = &mut self.archive {
            archive.rewound_to = archive.rewound_to.into_iter().chain([next]).min();
        }
        let unread = self.unread.iter_mut().map(|window| &mut window.end);
        let unreadable = self.unreadable.iter_mut().map(|part| &mut part.end);
        for end in unread.chain(unreadable) {
            *end = next.min(*end);
        }
    }

    /// Takes note that a window has been read.
    pub fn has_read(&mut self, window: Window) {
        let (Some(start), Some(end)) = (window.start, window.end) else {
            return;
        };
        self.unread
            .retain(|unread| !(start <= unread.start && unread.end <= end));
        self.next = self.next.max(end);
    }

    /// Returns a reason why this cannot be a state that was written here.
    fn flaw(&self) -> Option<String> {
        let whole = |second: i64| slot(second) == second;
        if !whole(self.next) {
            return Some(format!(
                "`next` is {}, which no slot begins with",
                self.next
            ));
        }
        let mut windows = self.unread.iter();
        if let Some(bad) = windows.find(|it| !(it.start < it.end && it.end <= self.next)) {
            return Some(format!("`unread` has {} .. {}", bad.start, bad.end));
        }
        let mut open = self.open.iter();
        if let Some(bad) = open.find(|it| !whole(it.slot) || it.slot >= self.next) {
            return Some(format!("`open` has the slot {}", bad.slot));
        }
        None
    }
}

/// A bucket's youngest possible record, for copies that are known by number only.
fn is_young_slot(slot: i64, settle: &Settle) -> bool {
    settle.is_young(
        Some(slot.saturating_add(crate::model::window::SLOT - 1)),
        None,
    )
}
