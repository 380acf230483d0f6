//! Where a state is kept: a folder of this machine, or a folder of a bucket.

use std::fmt;
use std::path::PathBuf;
use std::sync::mpsc as blocking;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::leased::{Lease, NAME, Refused, state_in};
use super::store::{Store, checked, from_value, read_in, to_value};
use super::{JobState, JobSubject};
use crate::model::Error;
use crate::source::{Address, AwaitedFolder, BucketFolder, SourceOptions};

/// Where a state is kept.
#[derive(Clone, Debug)]
pub enum StatePlace {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A folder of a bucket.
    Bucket {
        /// Its address, which is a bucket's.
        address: Address,
        /// How it is reached.
        options: Box<SourceOptions>,
        /// For how long a run that does not say otherwise is taken for alive; at least a second.
        lease: Duration,
    },
}

impl StatePlace {
    /// Returns the path or the address, for messages.
    pub fn path(&self) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.clone(),
            Self::Bucket { address, .. } => PathBuf::from(address.to_string()),
        }
    }
}

impl fmt::Display for StatePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path().display())
    }
}

/// Reads a state for whoever only looks: nothing is locked or taken, and whatever job it is of will do.
///
/// # Errors
/// There is none, or it cannot be read.
pub fn read_state(place: &StatePlace) -> Result<JobState, Error> {
    let (address, options) = match place {
        StatePlace::Folder(folder) => return read_in(folder),
        StatePlace::Bucket {
            address, options, ..
        } => (address, options),
    };
    let folder = AwaitedFolder::open(address, options)?;
    let refused = |refused: Refused| refused.into_error(&folder.address(NAME));
    let found = folder
        .get(NAME)
        .map_err(|trouble| refused(trouble.into()))?;
    let absent = || refused(Refused::without_hint("is not there".to_owned()));
    let state = state_in(&found.ok_or_else(absent)?).map_err(refused)?;
    if state.is_null() {
        let reason = "holds no state yet".to_owned();
        return Err(refused(Refused::without_hint(reason)));
    }
    from_value(state).map_err(|why| refused(Refused::without_hint(why)))
}

/// A state's place, held by this run alone.
#[derive(Debug)]
pub enum StateStore {
    /// A folder, locked.
    Folder(Store),
    /// An object, leased.
    Bucket(LeasedStore),
}

impl StateStore {
    /// Takes hold of the place. A lease that a killed run has left in a bucket is waited for until it lapses; whoever drops the
    /// future waits no more, and takes nothing.
    ///
    /// # Errors
    /// It cannot be read or written, or another run holds it: then the error says which.
    pub async fn open(place: &StatePlace) -> Result<Self, Error> {
        match place {
            StatePlace::Folder(folder) => Store::open(folder).map(Self::Folder),
            StatePlace::Bucket {
                address,
                options,
                lease,
            } => {
                let opened = LeasedStore::open(address.clone(), (**options).clone(), *lease);
                opened.await.map(Self::Bucket)
            }
        }
    }

    /// Returns the state, `None` if there is none yet.
    ///
    /// # Errors
    /// It cannot be read, is damaged, was written by a newer version, or is about something else. It is left as it is.
    pub fn load(&self, subject: &JobSubject) -> Result<Option<JobState>, Error> {
        match self {
            Self::Folder(store) => store.load(subject),
            Self::Bucket(store) => store.load(subject),
        }
    }

    /// Makes sure that the place is still this run's, before something is written that cannot be taken back.
    ///
    /// # Errors
    /// It is another run's, or that cannot be told.
    pub fn hold(&self) -> Result<(), Error> {
        match self {
            Self::Folder(_) => Ok(()),
            Self::Bucket(store) => store.ask(Request::Hold),
        }
    }

    /// Puts a state in the place of the one there.
    ///
    /// # Errors
    /// It cannot be written, or the place is another run's by now; what is there stays.
    pub fn save(&self, state: &JobState) -> Result<(), Error> {
        match self {
            Self::Folder(store) => store.save(state),
            Self::Bucket(store) => store.save(state),
        }
    }

    /// Tells whether the place is another run's by now, as far as is known: then it has to be opened anew.
    pub fn is_lost(&self) -> bool {
        match self {
            Self::Folder(_) => false,
            Self::Bucket(store) => *store.lost.borrow(),
        }
    }

    /// Returns what is ready once the place is another run's.
    pub fn lost(&self) -> impl Future<Output = ()> + use<> {
        let lost = match self {
            Self::Folder(_) => None,
            Self::Bucket(store) => Some(store.lost.clone()),
        };
        async move {
            if let Some(mut lost) = lost
                && lost.wait_for(|lost| *lost).await.is_ok()
            {
                return;
            }
            std::future::pending::<()>().await;
        }
    }
}

/// An object of a bucket, whose lease a thread of its own renews: it goes on however busy the run is.
#[derive(Debug)]
pub struct LeasedStore {
    address: String,
    /// The state as it was found.
    found: Value,
    /// `None` when it is being dropped.
    requests: Option<mpsc::UnboundedSender<Request>>,
    lost: watch::Receiver<bool>,
    thread: Option<JoinHandle<()>>,
}

type Answer = blocking::Sender<Result<(), Refused>>;

/// What the thread is asked for.
enum Request {
    Hold(Answer),
    Save(Value, Answer),
}

impl LeasedStore {
    async fn open(
        address: Address,
        options: SourceOptions,
        length: Duration,
    ) -> Result<Self, Error> {
        let named = address.to_string();
        let (mut taken, found) = oneshot::channel();
        let (lose, lost) = watch::channel(false);
        let (requests, asked) = mpsc::unbounded_channel();
        let keep = async move {
            let lease = tokio::select! {
                lease = take(&address, &options, length) => lease,
                () = taken.closed() => return,
            };
            let lease = match lease {
                Ok(lease) => lease,
                Err(error) => return drop(taken.send(Err(error))),
            };
            let found = (lease.address(), lease.state().clone());
            // Also if nobody waits for it any more: then it is given back at once.
            drop(taken.send(Ok(found)));
            keep(lease, asked, lose).await;
        };
        let failed = |error: std::io::Error| Error::State {
            path: named.clone().into(),
            reason: format!("cannot be held: no thread can be started: {error}"),
            hint: None,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(&failed)?;
        let thread = thread::Builder::new()
            .name("lease".to_owned())
            .spawn(move || runtime.block_on(keep))
            .map_err(&failed)?;
        let answer = found.await;
        let (address, found) = answer.unwrap_or_else(|_| Err(gone().into_error(&named)))?;
        Ok(Self {
            address,
            found,
            requests: Some(requests),
            lost,
            thread: Some(thread),
        })
    }

    fn load(&self, subject: &JobSubject) -> Result<Option<JobState>, Error> {
        if self.found.is_null() {
            return Ok(None);
        }
        let path = self.address.as_ref();
        checked(from_value(self.found.clone()), subject, path).map(Some)
    }

    fn save(&self, state: &JobState) -> Result<(), Error> {
        let value = to_value(state).map_err(|error| Error::State {
            path: self.address.clone().into(),
            reason: format!("cannot be written: {error}"),
            hint: None,
        })?;
        self.ask(|answer| Request::Save(value, answer))
    }

    /// Asks the thread, and waits for its answer.
    fn ask(&self, request: impl FnOnce(Answer) -> Request) -> Result<(), Error> {
        let (answer, answered) = blocking::channel();
        let sent = self
            .requests
            .as_ref()
            .is_some_and(|requests| requests.send(request(answer)).is_ok());
        let answered = match sent {
            true => answered.recv().unwrap_or_else(|_| Err(gone())),
            false => Err(gone()),
        };
        answered.map_err(|refused| refused.into_error(&self.address))
    }
}

impl Drop for LeasedStore {
    /// Waits until the lease is given back.
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // What is wrong with it has been said, or the lease lapses.
            let _ = thread.join();
        }
    }
}

async fn take(
    address: &Address,
    options: &SourceOptions,
    length: Duration,
) -> Result<Lease, Error> {
    let folder = BucketFolder::open(address, options).await?;
    let Some(folder) = folder else {
        return Err(Error::Usage(format!("--state: `{address}` is no bucket")));
    };
    let object = folder.address(NAME);
    let lease = Lease::take(folder, length).await;
    lease.map_err(|refused| refused.into_error(&object))
}

/// How long after a renewal that failed it is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Renews the lease, and does what is asked for, until nobody can ask any more: then it gives the lease back. A renewal that fails is
/// tried again as long as the lease lasts.
async fn keep(
    mut lease: Lease,
    mut asked: mpsc::UnboundedReceiver<Request>,
    lose: watch::Sender<bool>,
) {
    let mut trouble: Option<Refused> = None;
    let mut again = Instant::now();
    loop {
        let renewal = sleep_until(lease.renewal().max(again));
        let request = tokio::select! {
            request = asked.recv() => request,
            () = renewal, if trouble.is_none() => {
                if let Err(refused) = lease.hold().await {
                    again = Instant::now() + AGAIN;
                    if refused.is_lost || again > lease.lapses() {
                        trouble = Some(refused);
                        lose.send_replace(true);
                    } else {
                        tracing::info!(reason = refused.reason, "the lease is not renewed yet");
                    }
                }
                continue;
            }
        };
        let Some(request) = request else {
            if trouble.is_none()
                && let Err(refused) = lease.give_back().await
            {
                tracing::info!(reason = refused.reason, "the lease is not given back");
            }
            return;
        };
        let (Request::Hold(answer) | Request::Save(_, answer)) = &request;
        let answer = answer.clone();
        let done = match (&trouble, request) {
            (Some(lost), _) => Err(lost.clone()),
            (None, Request::Hold(_)) => lease.hold().await,
            (None, Request::Save(state, _)) => lease.save(state).await,
        };
        if let Err(refused) = &done
            && refused.is_lost
        {
            trouble = Some(refused.clone());
            lose.send_replace(true);
        }
        // Whoever has asked may be gone.
        let _ = answer.send(done);
    }
}

fn gone() -> Refused {
    Refused::without_hint("the thread that holds the lease has ended".to_owned())
}
