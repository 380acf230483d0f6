//! Sources: where bytes come from. Lists parts and reads a part; knows nothing of what rows mean.
//!
//! Only the files in this folder name an AWS SDK type. The trait copies the shape of the services:
//! a listing says what there is, a read may fail on its own without failing the run.

mod address;
mod aws;
mod call;
mod changes;
mod clock;
mod cloudwatch;
mod endpoint;
pub mod examine;
mod exported;
mod files;
pub mod flow_logs;
mod folder;
mod hashed;
mod identity;
pub mod key;
mod leftovers;
mod meant;
pub mod memory;
mod open;
mod pace;
mod pages;
pub mod parts;
mod passed_over;
mod query;
mod region;
mod remark;
pub mod rows;
mod s3;
mod settings;
mod spool;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, StreamExt};

use crate::decode::Content;
use crate::model::window::Window;
use crate::model::{Cover, Error, Side};

pub use address::{Address, GroupName};
pub(crate) use clock::is_wrong_clock;
pub use hashed::Hashed;
pub use identity::SourceIdentity;
pub use open::open;
pub use remark::{PassedOver, Remark};
pub use s3::awaited::AwaitedFolder;
pub use s3::conditions::{HEEDED_ELSEWHERE, PutAttempts};
pub use s3::folder::{BucketFolder, FolderTrouble, PutCondition, PutOutcome, StoredObject};

/// What a check needs from a source. Sources may return more, never less.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// Which records, by `start`.
    pub window: Window,
    /// Which interfaces; empty is all.
    pub interfaces: Vec<String>,
    /// Whether the parts are read right after, so that a source may begin to read while it lists.
    pub to_read: bool,
    /// Whether it is a second look or a later one: what was found missing is to be confirmed.
    pub again: bool,
    /// Counts what a listing has met so far, page by page, for people who wait.
    pub met: Arc<AtomicU64>,
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
    /// When all of it was delivered, in Unix seconds, if the listing tells.
    pub delivered: Option<i64>,
}

/// What a source holds of what was asked for.
#[derive(Debug, Default)]
pub struct Listing {
    /// The parts to read, ordered by name.
    pub parts: Vec<Arc<Part>>,
    /// Parts known to be there that cannot be read, with the reason (archived, denied).
    pub unreadable: Vec<(Arc<Part>, String)>,
    /// Parts that are not read although they may hold what is asked for.
    pub passed_over: PartsPassedOver,
    /// What the user should know about what was listed (which flow logs, which layouts), in fixed order.
    pub remarks: Vec<Remark>,
}

/// Parts that are not read at the first look. What they may hold is not missing.
#[derive(Debug, Default)]
pub struct PartsPassedOver {
    /// They seem to have ended long before the window. They are read before anything that they may hold is called missing.
    pub by_age: Vec<Arc<Part>>,
    /// Their names say nothing of what they are. What they may hold is not known.
    pub by_name: Vec<Arc<Part>>,
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

/// A part to read, and which of its records are wanted.
#[derive(Clone, Debug)]
pub struct PartRequest {
    /// The part.
    pub part: Arc<Part>,
    /// The `start`s; see [`Source::read`].
    pub starts: Arc<[Window]>,
}

/// Where a source delivers what it fetched of many parts, which go by their numbers among those asked for.
#[async_trait]
pub trait Outlets: Send + Sync {
    /// Waits for memory; see [`Outlet::room`].
    async fn room(&self, bytes: u64) -> Room;

    /// Hands over pieces of parts and waits until their rows have been taken; see [`Outlet::deliver`]. Returns the parts
    /// whose piece was not taken, with the reason.
    async fn deliver(&self, pieces: Vec<(usize, Content)>) -> Vec<(usize, ReadError)>;

    /// Tells whether nothing more is wanted, so that what is not read yet need not be.
    fn are_closed(&self) -> bool;

    /// Takes note that a part has been read, as far as it could be.
    fn done(&self, number: usize);
}

/// One part's share of the outlets.
pub(crate) struct PartOutlet<'a> {
    pub(crate) outlets: &'a dyn Outlets,
    pub(crate) number: usize,
}

#[async_trait]
impl Outlet for PartOutlet<'_> {
    async fn room(&self, bytes: u64) -> Room {
        self.outlets.room(bytes).await
    }

    async fn deliver(&self, content: Content) -> Result<(), ReadError> {
        let mut refused = self.outlets.deliver(vec![(self.number, content)]).await;
        refused.pop().map_or(Ok(()), |(_, error)| Err(error))
    }
}

/// What was delivered must be dropped and everything read again: it has turned out not to be all there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartOver;

/// The parts that could not be read, by their numbers, with the reason.
pub type UnreadParts = Vec<(usize, String)>;

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

    /// Returns the source that this one stands before, which answers what is not asked of this one alone.
    fn behind(&self) -> Option<&dyn Source> {
        None
    }

    /// Returns what the source is, however its address was written; more of it once it has been listed.
    fn identity(&self) -> SourceIdentity {
        let itself = || SourceIdentity {
            place: self.address(),
            ..SourceIdentity::default()
        };
        self.behind()
            .map_or_else(itself, |source| source.identity())
    }

    /// Tells whether rows never come with a header, so that their layout is known without reading one.
    fn is_headerless(&self) -> bool {
        self.behind().is_some_and(|source| source.is_headerless())
    }

    /// Returns for how many days records are kept, if the source was told so: when it was listed, or because it was asked to
    /// find out.
    fn kept_days(&self) -> Option<i64> {
        self.behind()?.kept_days()
    }

    /// Finds out for how many days records are kept, where listing does not tell it. Who may not know it does without.
    async fn ask_kept_days(&self) {
        if let Some(source) = self.behind() {
            source.ask_kept_days().await;
        }
    }

    /// Returns how often a call to the service was made again so far, because it was throttled or failed in a way that
    /// may pass.
    fn retries(&self) -> u64 {
        self.behind().map_or(0, |source| source.retries())
    }

    /// Returns by how many seconds this machine's clock is ahead of the service's (behind, if negative), as far as its
    /// answers have told so far.
    fn clock_ahead(&self) -> Option<i64> {
        self.behind()?.clock_ahead()
    }

    /// Returns how often each operation of the service was called so far, attempts counted.
    fn calls(&self) -> BTreeMap<String, u64> {
        self.behind()
            .map(|source| source.calls())
            .unwrap_or_default()
    }

    /// Returns how often a second an operation is called at most; `None` if nothing bounds it.
    fn rate(&self, operation: &str) -> Option<f64> {
        self.behind()?.rate(operation)
    }

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

    /// Reads many parts, at most so many at once, in whatever way is best, and returns those that could not be read.
    ///
    /// # Errors
    /// [`StartOver`] when what was delivered must be dropped. A source asks for that once, or it would never end.
    async fn read_all(
        &self,
        wanted: &[PartRequest],
        concurrency: usize,
        outlets: &dyn Outlets,
    ) -> Result<UnreadParts, StartOver> {
        let numbers = (0..wanted.len()).collect();
        Ok(one_by_one(self, wanted, numbers, concurrency, outlets).await)
    }

    /// Returns what the user should know about how it was read, in fixed order.
    fn remarks(&self) -> Vec<Remark> {
        self.behind()
            .map(|source| source.remarks())
            .unwrap_or_default()
    }
}

/// Reads the parts of these numbers each for itself.
pub(crate) async fn one_by_one<S: Source + ?Sized>(
    source: &S,
    wanted: &[PartRequest],
    numbers: Vec<usize>,
    concurrency: usize,
    outlets: &dyn Outlets,
) -> UnreadParts {
    let read = |number: usize| async move {
        if outlets.are_closed() {
            return None;
        }
        let PartRequest { part, starts } = &wanted[number];
        let outlet = PartOutlet { outlets, number };
        let result = source.read(part, starts, &outlet).await;
        outlets.done(number);
        match result {
            Ok(()) | Err(ReadError::Stopped) => None,
            Err(ReadError::Unreadable(reason)) => Some((number, reason)),
        }
    };
    let outcomes = stream::iter(numbers).map(read);
    let outcomes = outcomes.buffer_unordered(concurrency.max(1));
    let unread = outcomes.filter_map(|outcome| async { outcome });
    let mut unread: UnreadParts = unread.collect().await;
    unread.sort();
    unread
}

/// So few streams of a log group are read one by one as soon as together, since that many are read both ways.
pub const FEW_STREAMS: usize = 5;

/// How the events of a log group are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupReading {
    /// Together, if there are more than a few streams.
    #[default]
    Auto,
    /// Quiet streams at once with `FilterLogEvents`, busy ones with `GetLogEvents` at the same time.
    Together,
    /// Each stream with `GetLogEvents`.
    ByStream,
}

/// How a source is reached and what of it is wanted. An option that does not concern the kind of
/// source is passed over.
#[derive(Clone, Debug)]
pub struct SourceOptions {
    /// The side the source stands for.
    pub side: Side,
    /// The profile in the AWS configuration files.
    pub profile: Option<String>,
    /// The region; a bucket in another is found by itself.
    pub region: Option<String>,
    /// A role to assume.
    pub role_arn: Option<String>,
    /// The external id that the role asks for.
    pub external_id: Option<String>,
    /// Another endpoint for the service that is read.
    pub endpoint_url: Option<String>,
    /// Whether the caller pays for what is read of a bucket.
    pub request_payer: bool,
    /// Whether values that a data protection policy masks in a log group are asked for.
    pub unmask: bool,
    /// Only these flow logs of a bucket; empty is all.
    pub flow_log_ids: Vec<String>,
    /// Whether these are known to be flow logs', because EC2 has named them; else they were typed.
    pub flow_logs_are_sure: bool,
    /// Also log streams whose name does not begin with an interface.
    pub all_streams: bool,
    /// Calls of each operation of CloudWatch Logs per second; `None` is a share of what the region allows the account.
    pub calls_per_second: Option<f64>,
    /// How the events of a log group are read.
    pub group_reading: GroupReading,
    /// Calls under way at once; at least one.
    pub concurrency: usize,
    /// How long an answer may keep silent, before it begins and within it.
    pub timeout: Duration,
}

impl SourceOptions {
    /// Leaves everything to the environment: calls as the region allows, 64 under way, silent for 30 s at most.
    pub fn new(side: Side) -> Self {
        Self {
            side,
            profile: None,
            region: None,
            role_arn: None,
            external_id: None,
            endpoint_url: None,
            request_payer: false,
            unmask: false,
            flow_log_ids: Vec::new(),
            flow_logs_are_sure: false,
            all_streams: false,
            calls_per_second: None,
            group_reading: GroupReading::Auto,
            concurrency: 64,
            timeout: Duration::from_secs(30),
        }
    }
}
