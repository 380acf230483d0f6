//! Sources: where bytes come from. Lists parts and reads a part; knows nothing of what rows mean.
//!
//! Only the files in this folder name an AWS SDK type. The trait copies the shape of the services:
//! a listing says what there is, a read may fail on its own without failing the run.

pub mod key;
mod side;

use std::sync::Arc;

use async_trait::async_trait;

use crate::decode::Content;
use crate::error::Error;
use crate::window::Window;

pub use side::{Side, Sides};

/// What a check needs from a source. Sources may return more, never less.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// Which records, by `start`.
    pub window: Window,
    /// Which interfaces; empty is all.
    pub interfaces: Vec<String>,
}

/// What can be fetched, and can fail, on its own: an object, a file, a log stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The name as reports show it: the key, the path, the stream. Unique within a source.
    pub name: Arc<str>,
    /// Bytes as listed, if the listing says so.
    pub size: Option<u64>,
    /// Changes when the content does (an ETag, a modification time); empty if nothing tells.
    pub version: String,
    /// Which records it may hold.
    pub cover: Cover,
}

/// Which records a part may hold, as far as its name tells. Never too narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cover {
    /// The only interface, if there is only one.
    pub interface: Option<String>,
    /// The `start`s.
    pub starts: Window,
}

impl Cover {
    /// Tells whether a record of the interface and slot may be in the part. A `slot` of `None` may be any.
    pub fn may_hold(&self, interface: &str, slot: Option<i64>) -> bool {
        let interface = self
            .interface
            .as_deref()
            .is_none_or(|only| only == interface || interface == "-");
        interface && slot.is_none_or(|slot| self.starts.overlaps(&Window::of_slot(slot)))
    }
}

/// What a source holds of what was asked for.
#[derive(Debug, Default)]
pub struct Listing {
    /// The parts to read, ordered by name.
    pub parts: Vec<Part>,
    /// Parts known to be there that cannot be read, with the reason (archived, denied).
    pub unreadable: Vec<(Part, String)>,
    /// What the user should know about what was listed (which flow logs, which layouts), in fixed order.
    pub notes: Vec<String>,
}

/// Why reading a part ended early.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The part cannot be read or understood; the reason is a sentence that a report can show.
    #[error("{0}")]
    Unreadable(String),
    /// The reader has seen enough; nothing is wrong.
    #[error("stopped")]
    Stopped,
}

/// Where a source delivers what it fetched.
#[async_trait]
pub trait Outlet: Send + Sync {
    /// Waits until this many bytes may be held in memory, and holds them until the guard is
    /// dropped. Asking for more than the whole budget gets the whole budget.
    async fn room(&self, bytes: u64) -> Room;

    /// Hands over a piece of the part and waits until its rows have been taken. Each piece is
    /// decoded on its own: a part is one [`Content`], except that a log stream may be many.
    ///
    /// # Errors
    /// The piece cannot be understood, or no more is wanted; the source returns that as it is.
    async fn deliver(&self, content: Content) -> Result<(), ReadError>;
}

/// Memory held for bytes in flight, given back when dropped.
#[derive(Debug)]
pub struct Room(
    #[expect(dead_code, reason = "held for its drop")] tokio::sync::OwnedSemaphorePermit,
);

impl Room {
    /// Wraps the permit.
    pub fn new(permit: tokio::sync::OwnedSemaphorePermit) -> Self {
        Self(permit)
    }
}

/// A place that holds one side's records.
#[async_trait]
pub trait Source: Send + Sync {
    /// Returns the address as reports show it.
    fn address(&self) -> String;

    /// Lists the parts that may hold what is asked for. Called again later, it tells what has arrived
    /// meanwhile.
    ///
    /// # Errors
    /// What stops a run: no such bucket or group, denied, no credentials, no such path.
    async fn list(&self, ask: &Ask) -> Result<Listing, Error>;

    /// Reads one part and delivers its content. With `starts`, records outside these windows may be
    /// left out (a log stream is read in part; an object or file always whole); sorted and disjoint.
    ///
    /// # Errors
    /// [`ReadError::Unreadable`] when not all of the part could be had; what was delivered before that
    /// is still true.
    async fn read(
        &self,
        part: &Part,
        starts: &[Window],
        outlet: &dyn Outlet,
    ) -> Result<(), ReadError>;
}
