//! Sources: where bytes come from. Lists parts and reads a part; knows nothing of what rows mean.
//!
//! Only the files in this folder name an AWS SDK type. The trait copies the shape of the services:
//! a listing says what there is, a read may fail on its own without failing the run.

mod address;
mod aws;
mod call;
mod clock;
mod cloudwatch;
mod endpoint;
pub mod examine;
mod files;
pub mod flow_logs;
mod folder;
pub mod key;
pub mod memory;
mod open;
mod pace;
mod passed_over;
mod query;
mod remark;
mod s3;
mod settings;
mod spool;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::decode::Content;
use crate::model::window::Window;
use crate::model::{Cover, Error, Side};

pub use address::{Address, GroupName};
pub(crate) use clock::is_wrong_clock;
pub use open::open;
pub use remark::{PassedOver, Remark};

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
    /// What the user should know about what was listed (which flow logs, which layouts), in fixed order.
    pub remarks: Vec<Remark>,
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

    /// Tells whether rows never come with a header, so that their layout is known without reading one.
    fn is_headerless(&self) -> bool {
        false
    }

    /// Returns how often a call to the service was made again so far, because it was throttled or failed in a way that
    /// may pass.
    fn retries(&self) -> u64 {
        0
    }

    /// Returns by how many seconds this machine's clock is ahead of the service's (behind, if negative), as far as its
    /// answers have told so far.
    fn clock_ahead(&self) -> Option<i64> {
        None
    }

    /// Returns how often each operation of the service was called so far, attempts counted.
    fn calls(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
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
    /// Only these flow logs of a bucket; empty is all.
    pub flow_log_ids: Vec<String>,
    /// Also log streams whose name does not begin with an interface.
    pub all_streams: bool,
    /// Calls to CloudWatch Logs per second; the quota for `GetLogEvents` is 10 or 25 by region, for
    /// the account as a whole.
    pub calls_per_second: f64,
    /// Calls under way at once; at least one.
    pub concurrency: usize,
    /// How long an answer may keep silent, before it begins and within it.
    pub timeout: Duration,
}

impl SourceOptions {
    /// Leaves everything to the environment: 10 calls per second, 64 under way, silent for 30 s at most.
    pub fn new(side: Side) -> Self {
        Self {
            side,
            profile: None,
            region: None,
            role_arn: None,
            external_id: None,
            endpoint_url: None,
            flow_log_ids: Vec::new(),
            all_streams: false,
            calls_per_second: 10.0,
            concurrency: 64,
            timeout: Duration::from_secs(30),
        }
    }
}
