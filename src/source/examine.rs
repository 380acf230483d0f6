//! What a source is found to be, by the smallest calls there are: who calls, where, and what each call says. Facts only;
//! [`crate::doctor`] judges them.
//!
//! One failed call stops no other, except that nothing is called without credentials.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::Path;

use super::aws::{self, Failure, FailureKind};
use super::changes;
use super::cloudwatch::CloudWatch;
use super::files::Files;
use super::key::{KeyLayout, ObjectName, stream_interface};
use super::query::{Query, STS};

pub use super::query::partition;
use super::s3::S3;
use super::{Address, Ask, Part, Source, SourceOptions};
use crate::model::Error;

/// What a call said, or why it said nothing.
pub type CallAnswer<T> = Result<T, CallTrouble>;

/// Why a call said nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallTrouble {
    /// What kind of trouble.
    pub why: TroubleKind,
    /// What went wrong, in one line.
    pub text: String,
    /// What to do about it, if that is known and it is not just to grant the permission.
    pub advice: Option<String>,
}

/// Kinds of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TroubleKind {
    /// The caller lacks a permission.
    Denied,
    /// There is no usable identity: no call can succeed.
    Credentials,
    /// The service could not be reached.
    Unreachable,
    /// There is no such thing.
    Missing,
    /// Anything else.
    Other,
}

impl CallTrouble {
    pub(super) fn of(failure: &Failure, options: &SourceOptions) -> Self {
        let missing = ["NoSuchBucket", "NoSuchKey", "ResourceNotFoundException"];
        let why = if failure.kind == FailureKind::Credentials {
            TroubleKind::Credentials
        } else if matches!(failure.kind, FailureKind::Connection | FailureKind::Timeout) {
            TroubleKind::Unreachable
        } else if failure.is_denied() {
            TroubleKind::Denied
        } else if missing.contains(&failure.code.as_str()) {
            TroubleKind::Missing
        } else {
            TroubleKind::Other
        };
        let advice = match why {
            TroubleKind::Denied => None,
            TroubleKind::Credentials
            | TroubleKind::Missing
            | TroubleKind::Unreachable
            | TroubleKind::Other => failure.hint(options.side, ""),
        };
        Self {
            why,
            text: failure.text(),
            advice,
        }
    }

    pub(super) fn other(text: impl Into<String>) -> Self {
        Self {
            why: TroubleKind::Other,
            text: text.into(),
            advice: None,
        }
    }
}

/// Who calls, as STS says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The account.
    pub account: String,
    /// The user or the assumed role.
    pub arn: String,
}

/// What is found of a source.
#[derive(Clone, Debug)]
pub enum Examined {
    /// A bucket, or a folder in it.
    Bucket(Live, Box<BucketFacts>),
    /// A log group.
    Group(Live, Box<GroupFacts>),
    /// A folder or a file.
    Files(CallAnswer<Places>),
    /// What can be read only once, and so is left alone: standard input or a pipe.
    Once,
}

/// What is found of either service.
#[derive(Clone, Debug)]
pub struct Live {
    /// Who calls.
    pub caller: CallAnswer<CallerIdentity>,
    /// The region that is configured.
    pub region: Option<String>,
    /// Where the service was called: scheme and host.
    pub endpoint: Option<String>,
    /// By how many seconds this machine's clock is ahead of the service's.
    pub clock_ahead: Option<i64>,
    /// How often each operation was called.
    pub calls: BTreeMap<String, u64>,
}

/// What is found in a bucket. `None` was not tried, because what it takes was not to be had.
#[derive(Clone, Debug, Default)]
pub struct BucketFacts {
    /// Its name.
    pub name: String,
    /// The region it turned out to be in.
    pub region: Option<String>,
    /// The folder in which objects are looked for: empty, or ending with `/`.
    pub folder: String,
    /// What is in it.
    pub places: Option<CallAnswer<Places>>,
    /// Folders of the bucket with delivered logs in them, if there are none in the one asked for.
    pub elsewhere: BTreeSet<String>,
    /// The object whose first bytes were read.
    pub object: Option<(String, CallAnswer<Object>)>,
    /// After how many days a lifecycle rule removes all that is in the folder, if one does.
    pub kept_days: Option<CallAnswer<Option<i64>>>,
}

/// What is found where objects or files lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// How delivered logs lie there.
    pub layouts: BTreeSet<KeyLayout>,
    /// The flow logs whose objects were met on the way to the newest ones.
    pub flow_logs: BTreeSet<String>,
    /// The regions of these.
    pub regions: BTreeSet<String>,
    /// The newest object of all.
    pub newest: Option<FoundObject>,
    /// The newest that may hold records of the window.
    pub in_window: Option<FoundObject>,
    /// How many objects or files were met; not how many there are, if not all were listed.
    pub seen: usize,
    /// Whether there are more than were listed.
    pub more: bool,
    /// What cannot be read, with the reason.
    pub unreadable: Vec<(String, String)>,
    /// What the newest begins with, where it is a file.
    pub head: Option<FileHead>,
}

/// The first bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileHead {
    /// The file.
    pub name: String,
    /// At most [`MOST_HEAD`] of them.
    pub bytes: Vec<u8>,
    /// Whether there are no more.
    pub is_whole: bool,
}

/// So much of a file is looked at: many a file is not larger.
pub const MOST_HEAD: u64 = 1 << 20;

/// An object or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundObject {
    /// The key or the path.
    pub name: String,
    /// The slot in its name, or else when it was last written; Unix seconds.
    pub time: i64,
    /// Bytes.
    pub size: u64,
}

impl Places {
    /// Tells whether there is nothing, not even what cannot be read.
    pub fn is_empty(&self) -> bool {
        self.seen == 0 && self.unreadable.is_empty()
    }

    /// Takes note of an object.
    pub(super) fn add(&mut self, found: FoundObject, ask: &Ask) {
        self.seen += 1;
        let named = ObjectName::parse(&found.name);
        if let Some(name) = &named {
            self.flow_logs.insert(name.flow_log_id.to_owned());
            self.regions.insert(name.region.to_owned());
        }
        self.layouts.extend(KeyLayout::of(&found.name));
        let in_window = named.is_none_or(|name| ask.window.object_names().contains(name.time));
        let newer = |known: &Option<FoundObject>| {
            let known = known.as_ref();
            known.is_none_or(|known| (known.time, &known.name) < (found.time, &found.name))
        };
        if in_window && newer(&self.in_window) {
            self.in_window = Some(found.clone());
        }
        if newer(&self.newest) {
            self.newest = Some(found);
        }
    }
}

/// What reading the first bytes of an object says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    /// `AES256`, `aws:kms`, ...; `None` if the service does not say.
    pub encryption: Option<String>,
    /// The KMS key, if it is encrypted with one.
    pub key: Option<String>,
    /// The first bytes, as stored; empty if reading was denied although the object itself may be asked for.
    pub head: Vec<u8>,
    /// Why its content cannot be had, although the object may be asked for: the key is denied.
    pub sealed: Option<CallTrouble>,
}

/// What is found of a log group. `None` was not tried, because what it takes was not to be had.
#[derive(Clone, Debug, Default)]
pub struct GroupFacts {
    /// Its name.
    pub name: String,
    /// Its ARN, as the address gives it.
    pub arn: Option<String>,
    /// How it is set up; `None` inside if there is no such group.
    pub settings: Option<CallAnswer<Option<GroupSettings>>>,
    /// Groups whose names begin like it.
    pub similar: BTreeSet<String>,
    /// Its streams.
    pub streams: Option<CallAnswer<Streams>>,
    /// The stream whose newest event was read.
    pub event: Option<(String, CallAnswer<Option<NewestEvent>>)>,
    /// Whether events of that stream may be read together with others'.
    pub together: Option<CallAnswer<()>>,
    /// Whether masked values are shown, if they were asked for.
    pub unmasked: Option<CallAnswer<()>>,
}

/// How a log group is set up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupSettings {
    /// Its ARN, without `:*`.
    pub arn: Option<String>,
    /// For how many days events are kept; `None` is for ever.
    pub retention: Option<i32>,
    /// `STANDARD`, `INFREQUENT_ACCESS`, ...; `None` if the service does not say.
    pub class: Option<String>,
    /// The KMS key, if one was chosen.
    pub key: Option<String>,
    /// When it was made, in Unix seconds.
    pub created: Option<i64>,
}

/// The streams of a group that were listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Streams {
    /// Names, and the time of the last event in Unix seconds where the service tells; those written to last come first.
    pub listed: Vec<(String, Option<i64>)>,
    /// Whether there are more.
    pub more: bool,
    /// Interfaces that are asked for and have no stream.
    pub lacking: Vec<String>,
}

impl Streams {
    /// Tells whether all there are were listed and none is named after an interface: then a check reads all.
    pub(crate) fn none_is_named(&self) -> bool {
        let mut names = self.listed.iter().map(|(name, _)| name);
        !self.more && names.all(|name| stream_interface(name).is_none())
    }
}

/// The newest event of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewestEvent {
    /// Its time in Unix seconds: the `start` of its record.
    pub time: i64,
    /// The record.
    pub message: String,
}

/// Finds out what there is at an address, and whether what a check of the window needs may be called.
pub async fn examine(address: &Address, options: &SourceOptions, ask: &Ask) -> Examined {
    match address {
        Address::S3 { bucket, prefix, .. } => {
            match S3::open(&address.to_string(), bucket, prefix, options).await {
                Ok(mut s3) => s3.examine(options, ask).await,
                // What is wrong with the configuration files.
                Err(error) => Examined::Files(Err(trouble(&error))),
            }
        }
        Address::Group(group) => match CloudWatch::open(group, options).await {
            Ok(mut source) => source.examine(options, ask).await,
            // No region is known, which is no reason not to say who calls.
            Err(_) => Examined::Group(
                Live {
                    caller: identity(options).await,
                    region: None,
                    endpoint: None,
                    clock_ahead: None,
                    calls: BTreeMap::new(),
                },
                Box::new(GroupFacts {
                    name: group.name.clone(),
                    arn: group.arn.clone(),
                    ..GroupFacts::default()
                }),
            ),
        },
        Address::Path(path) => files(path, options, ask).await,
        Address::Stdin => Examined::Once,
    }
}

fn trouble(error: &Error) -> CallTrouble {
    let text = match error {
        Error::Source { reason, .. } => reason.clone(),
        Error::Usage(_)
        | Error::Several { .. }
        | Error::Output { .. }
        | Error::Temporary(_)
        | Error::State { .. }
        | Error::Archive { .. }
        | Error::Deadline { .. }
        | Error::Incomparable(_) => error.to_string(),
    };
    CallTrouble {
        advice: error.hint().map(str::to_owned),
        ..CallTrouble::other(text)
    }
}

async fn files(path: &Path, options: &SourceOptions, ask: &Ask) -> Examined {
    let kind = fs::metadata(path).map(|metadata| metadata.file_type());
    if kind.is_ok_and(|kind| !kind.is_file() && !kind.is_dir()) {
        return Examined::Once;
    }
    let listed = match Files::open(options.side, path, &options.flow_log_ids) {
        Ok(files) => {
            // Not just what is in the window: what there is instead is what one wants to know.
            let all = Ask::default();
            files.list(&all).await
        }
        Err(error) => Err(error),
    };
    Examined::Files(match listed {
        Err(error) => Err(trouble(&error)),
        Ok(listing) => {
            let mut places = Places::default();
            for part in &listing.parts {
                places.add(file(part), ask);
            }
            let unreadable = listing.unreadable.into_iter();
            places.unreadable = unreadable
                .map(|(part, reason)| (part.name.to_string(), reason))
                .collect();
            let newest = places.newest.as_ref();
            places.head = newest.and_then(|newest| head(path, &newest.name));
            Ok(places)
        }
    })
}

/// Reads what a file begins with; that it cannot be read is found when it is read in earnest.
fn head(path: &Path, name: &str) -> Option<FileHead> {
    let path = match path.is_dir() {
        true => path.join(name),
        false => path.to_owned(),
    };
    let mut bytes = Vec::new();
    let file = fs::File::open(path).ok()?;
    file.take(MOST_HEAD + 1).read_to_end(&mut bytes).ok()?;
    let is_whole = bytes.len() as u64 <= MOST_HEAD;
    Some(FileHead {
        name: name.to_owned(),
        bytes,
        is_whole,
    })
}

fn file(part: &Part) -> FoundObject {
    let named = ObjectName::parse(&part.name).map(|name| name.time);
    FoundObject {
        name: part.name.to_string(),
        time: named
            .or_else(|| changes::modified(&part.version))
            .unwrap_or(0),
        size: part.size.unwrap_or(0),
    }
}

/// Asks STS who calls with the options' credentials.
pub(super) async fn caller(
    options: &SourceOptions,
    home: Option<&str>,
    fallback: Option<&'static str>,
) -> CallAnswer<CallerIdentity> {
    let config = aws::load(options, home, fallback)
        .await
        .map_err(|error| trouble(&error))?;
    let Some(sts) = Query::new(STS, &config, options) else {
        return Err(CallTrouble::other("no region is known"));
    };
    match sts.identity().await {
        Ok(identity) => Ok(CallerIdentity {
            account: identity.account,
            arn: identity.arn,
        }),
        Err(failure) => Err(CallTrouble::of(&failure, options)),
    }
}

/// Asks who calls on a side of which nothing else is known.
pub async fn identity(options: &SourceOptions) -> CallAnswer<CallerIdentity> {
    caller(options, None, Some("us-east-1")).await
}
