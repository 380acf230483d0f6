//! A state in a bucket: one object, in which stands who may write it, and until when.
//!
//! State and lease are one object so that they cannot come apart: whoever takes the lease writes the object anew, and from then
//! on every write of the run before fails its condition, however long that run slept. The lease's time counts from when the
//! service wrote the object, by the service's own clock; no clock of any machine decides anything.
//!
//! A write whose answer is an error may have been done. So each write bears the run's own id and the write's number, and what
//! stands there tells: equal content would be no proof of one's own write.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::model::Error;
use crate::model::words::hexadecimal;
use crate::source::{
    BucketFolder, FolderTrouble, HEEDED_ELSEWHERE, PutAttempts, PutCondition, PutOutcome,
    StoredObject,
};

/// The name of the format.
const SCHEMA: &str = "flowdiff.leased-state/1";
/// What all versions of the format are called before the number.
const SCHEMAS: &str = "flowdiff.leased-state/";
/// The object's name in its folder.
pub(super) const NAME: &str = "state.json";

/// How often a write is tried before it is given up.
const ATTEMPTS: u32 = 10;
/// The service tells times in whole seconds.
const GRAIN: Duration = Duration::from_secs(1);
/// No lease is longer, in seconds.
pub const LONGEST: u64 = 86_400;
/// So often within a lease its holder writes anew that it is alive.
const RENEWALS: u32 = 3;

/// The object's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Leased {
    schema: String,
    /// The run that wrote this: a random number.
    run: String,
    /// The how manieth of its writes this is.
    write: u64,
    /// The run, in words.
    holder: String,
    /// For how long nobody else may write, from when this was written; 0 if the run has ended.
    lease_seconds: u64,
    /// The state as a file would have it; null before the first.
    state: Value,
}

/// Returns the state in an object, null if it holds none yet, for whoever only looks.
///
/// # Errors
/// It is no such object.
pub(super) fn state_in(found: &StoredObject) -> Result<Value, Refused> {
    parse(found).map(|there| there.state)
}

/// Why a run cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) reason: String,
    pub(super) hint: Option<String>,
    /// Whether it is certain that the object is this run's no more; else it may be written yet.
    pub(super) is_lost: bool,
}

impl From<FolderTrouble> for Refused {
    fn from(FolderTrouble { reason, hint }: FolderTrouble) -> Self {
        Self {
            reason,
            hint,
            is_lost: false,
        }
    }
}

impl Refused {
    fn new(reason: String, hint: &str) -> Self {
        Self {
            reason,
            hint: Some(hint.to_owned()),
            is_lost: false,
        }
    }

    /// Something of which nothing is known that would help.
    pub(super) fn without_hint(reason: String) -> Self {
        Self {
            reason,
            hint: None,
            is_lost: false,
        }
    }

    /// Makes it the error of a run.
    pub(super) fn into_error(self, address: &str) -> Error {
        Error::State {
            path: address.into(),
            reason: self.reason,
            hint: self.hint,
        }
    }
}

/// The object, held by this run.
pub(super) struct Lease {
    folder: BucketFolder,
    length: Duration,
    run: String,
    holder: String,
    writes: u64,
    /// What stands there.
    etag: String,
    state: Value,
    /// When the last write was sent: the lease lasts at least as long from then.
    sent: Instant,
}

/// Who else holds it.
struct Holder {
    etag: String,
    name: String,
    /// When it lapses at the latest, unless it is renewed.
    lapses: Instant,
}

impl Lease {
    /// Takes the lease. One that a run left behind is waited for until it lapses; one that is renewed meanwhile is not.
    ///
    /// # Errors
    /// Another run is alive, what stands there is no state of flowdiff, or it cannot be read or written.
    pub(super) async fn take(folder: BucketFolder, length: Duration) -> Result<Self, Refused> {
        let mut lease = Self {
            folder,
            length,
            run: random()?,
            holder: holder(),
            writes: 0,
            etag: String::new(),
            state: Value::Null,
            sent: Instant::now(),
        };
        let mut other: Option<Holder> = None;
        loop {
            let found = lease.folder.get(NAME).await?;
            let Some(found) = found else {
                match lease.write(PutCondition::Absent, lease.length).await? {
                    Written::Done => {
                        lease.insist_on_conditions().await?;
                        return Ok(lease);
                    }
                    Written::Lost(_) => continue,
                }
            };
            let there = parse(&found)?;
            let held = holding(
                &there,
                &found,
                other.as_ref().map(|it| (&*it.etag, it.lapses)),
            );
            match (held, &other) {
                (Some(_), Some(before)) if before.etag != found.etag => {
                    return Err(held_by(&there.holder));
                }
                (Some(lapses), _) => {
                    let poll =
                        lease.length.min(Duration::from_secs(there.lease_seconds)) / (2 * RENEWALS);
                    let left = lapses.saturating_duration_since(Instant::now());
                    tracing::info!(
                        holder = there.holder,
                        ?left,
                        "the state is held: waiting for the lease to lapse"
                    );
                    other = Some(Holder {
                        etag: found.etag,
                        name: there.holder,
                        lapses,
                    });
                    sleep(left.min(poll)).await;
                }
                (None, _) => {
                    lease.state = there.state;
                    let condition = PutCondition::Unchanged(found.etag);
                    match lease.write(condition, lease.length).await? {
                        Written::Done => {
                            // Whoever was here before may have left it when it was refused for just that.
                            if lease.state.is_null() {
                                lease.insist_on_conditions().await?;
                            }
                            return Ok(lease);
                        }
                        Written::Lost(by) => {
                            // Two that wait for one lease: the other one was quicker.
                            let by = by.or(other.map(|it| it.name));
                            return Err(held_by(by.as_deref().unwrap_or("another run")));
                        }
                    }
                }
            }
        }
    }

    /// Returns the address of the object.
    pub(super) fn address(&self) -> String {
        self.folder.address(NAME)
    }

    /// Returns the state that was found, null if there was none.
    pub(super) fn state(&self) -> &Value {
        &self.state
    }

    /// Returns when the lease is to be renewed.
    pub(super) fn renewal(&self) -> Instant {
        self.sent + self.length / RENEWALS
    }

    /// Returns until when nobody else may take the object, if it is not renewed.
    pub(super) fn lapses(&self) -> Instant {
        self.sent + self.length
    }

    /// Writes that the run is alive, if it is time to.
    ///
    /// # Errors
    /// The lease is lost, or that cannot be told.
    pub(super) async fn hold(&mut self) -> Result<(), Refused> {
        if Instant::now() < self.renewal() {
            return Ok(());
        }
        self.replace(self.length).await
    }

    /// Puts a state in the place of the one there.
    ///
    /// # Errors
    /// The lease is lost, or it cannot be written.
    pub(super) async fn save(&mut self, state: Value) -> Result<(), Refused> {
        let before = std::mem::replace(&mut self.state, state);
        let saved = self.replace(self.length).await;
        if saved.is_err() {
            self.state = before;
        }
        saved
    }

    /// Gives the lease back.
    ///
    /// # Errors
    /// It cannot be given back, and lapses by itself.
    pub(super) async fn give_back(mut self) -> Result<(), Refused> {
        self.replace(Duration::ZERO).await
    }

    async fn replace(&mut self, length: Duration) -> Result<(), Refused> {
        let condition = PutCondition::Unchanged(self.etag.clone());
        match self.write(condition, length).await? {
            Written::Done => Ok(()),
            Written::Lost(by) => {
                let by = match by {
                    Some(by) => format!("{by} has taken it"),
                    None => "the object has been removed or replaced".to_owned(),
                };
                let lost = Refused::new(
                    format!("the lease is lost: {by}"),
                    "this run stops and decides nothing; the next run takes up the same windows. If runs are stopped for longer \
                     than the lease, make it longer with `--lease`",
                );
                Err(Refused {
                    is_lost: true,
                    ..lost
                })
            }
        }
    }

    /// Writes the object, as often as it takes to know what became of it.
    async fn write(
        &mut self,
        condition: PutCondition,
        length: Duration,
    ) -> Result<Written, Refused> {
        self.writes += 1;
        let content = Leased {
            schema: SCHEMA.to_owned(),
            run: self.run.clone(),
            write: self.writes,
            holder: self.holder.clone(),
            lease_seconds: length.as_secs(),
            state: self.state.clone(),
        };
        let mut bytes = serde_json::to_vec(&content)
            .map_err(|error| Refused::without_hint(format!("cannot be written: {error}")))?;
        bytes.push(b'\n');
        // After a lease's time, another run may be at it anyway.
        let mut attempts = PutAttempts::new(ATTEMPTS, self.length);
        loop {
            let sent = Instant::now();
            let outcome = self.folder.put(NAME, bytes.clone(), &condition).await?;
            let reason = match outcome {
                PutOutcome::Written(etag) => {
                    (self.etag, self.sent) = (etag, sent);
                    return Ok(Written::Done);
                }
                PutOutcome::Unsure(reason) => reason,
            };
            let found = match self.folder.get(NAME).await {
                Ok(found) => found,
                Err(error) => {
                    // It may be written all the same: what stands there is asked for again.
                    let Ok(wait) = attempts.next(&error.reason) else {
                        return Err(error.into());
                    };
                    sleep(wait).await;
                    continue;
                }
            };
            match (&found, &condition) {
                (Some(found), _) if self.is_own(found) => {
                    tracing::info!(reason, "written all the same");
                    (self.etag, self.sent) = (found.etag.clone(), sent);
                    return Ok(Written::Done);
                }
                (None, PutCondition::Absent) => {}
                (Some(found), PutCondition::Unchanged(etag)) if found.etag == *etag => {}
                (Some(found), _) => {
                    return Ok(Written::Lost(parse(found).ok().map(|it| it.holder)));
                }
                (None, PutCondition::Unchanged(_)) => return Ok(Written::Lost(None)),
            }
            let wait = attempts.next(&reason);
            sleep(wait.map_err(Refused::without_hint)?).await;
        }
    }

    fn is_own(&self, found: &StoredObject) -> bool {
        parse(found).is_ok_and(|there| there.run == self.run && there.write == self.writes)
    }

    /// Refuses a service that writes whatever the condition: there one run would overwrite what another has decided.
    async fn insist_on_conditions(&mut self) -> Result<(), Refused> {
        let etag = self.etag.clone();
        let there = self.folder.get(NAME).await?;
        let Some(there) = there.filter(|it| it.etag == etag) else {
            return Ok(());
        };
        match self.folder.unheeded(NAME, &there.bytes).await? {
            None => Ok(()),
            Some(header) => Err(Refused::new(
                format!(
                    "the service takes no notice of `{header}`: two runs would overwrite each other's state"
                ),
                HEEDED_ELSEWHERE,
            )),
        }
    }
}

/// What became of a write.
enum Written {
    /// It stands there.
    Done,
    /// Something else does, of this run.
    Lost(Option<String>),
}

/// Returns when the lease lapses at the latest, unless it has lapsed or was given back. `before` is what was seen of it: the etag,
/// and when it lapses.
fn holding(
    there: &Leased,
    found: &StoredObject,
    before: Option<(&str, Instant)>,
) -> Option<Instant> {
    let length = Duration::from_secs(there.lease_seconds);
    if length.is_zero() {
        return None;
    }
    let now = Instant::now();
    let lapses = match (found.age, before) {
        (Some(age), _) => now + (length + GRAIN).saturating_sub(age),
        (None, Some((etag, lapses))) if etag == found.etag => lapses,
        (None, _) => now + length + GRAIN,
    };
    (lapses > now).then_some(lapses)
}

fn held_by(holder: &str) -> Refused {
    Refused::new(
        format!("is in use by {holder}"),
        "wait for it to end; a lease that a killed run leaves behind lapses by itself (`--lease`)",
    )
}

fn parse(found: &StoredObject) -> Result<Leased, Refused> {
    let refused = |reason: String| {
        Refused::new(
            reason,
            "the object is left as it is; move it away to begin anew, with --since for where",
        )
    };
    let value: Value = serde_json::from_slice(&found.bytes)
        .map_err(|error| refused(format!("is damaged: {error}")))?;
    match value.get("schema").and_then(Value::as_str) {
        Some(SCHEMA) => {}
        Some(other) if other.starts_with(SCHEMAS) => {
            return Err(refused(format!(
                "was written by a newer flowdiff: `{other}`, and this one knows `{SCHEMA}`"
            )));
        }
        _ => return Err(refused("is no state of flowdiff".to_owned())),
    }
    let there: Leased =
        serde_json::from_value(value).map_err(|error| refused(format!("is damaged: {error}")))?;
    match there.lease_seconds {
        ..=LONGEST => Ok(there),
        seconds => Err(refused(format!("is damaged: `lease_seconds` is {seconds}"))),
    }
}

/// Returns 128 random bits.
fn random() -> Result<String, Refused> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Refused::without_hint(format!(
            "no random number can be had for the lease: {error}"
        ))
    })?;
    Ok(hexadecimal(&bytes))
}

/// Says who this is, for the people of another run.
fn holder() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok());
    let host = host.as_deref().map_or("", str::trim);
    match host {
        "" => format!("process {}", std::process::id()),
        host => format!("process {} on {host}", std::process::id()),
    }
}
