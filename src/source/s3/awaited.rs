//! A folder of a bucket for code that waits: calls are made on threads of its own, so that it can be used where a task of the
//! run's own runtime must not wait.

use std::panic::resume_unwind;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use super::folder::{BucketFolder, FolderTrouble, PutCondition, PutOutcome, StoredObject};
use crate::model::Error;
use crate::source::{Address, SourceOptions};

/// How many objects are read at once.
const AT_ONCE: usize = 16;

/// An object, or that there is none.
type Found = Result<Option<StoredObject>, FolderTrouble>;

/// A folder of a bucket whose calls are waited for.
pub struct AwaitedFolder {
    folder: BucketFolder,
    /// `None` when it is being dropped.
    runtime: Option<Runtime>,
    /// Whether nobody waits for answers any more.
    given_up: watch::Sender<bool>,
}

impl std::fmt::Debug for AwaitedFolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AwaitedFolder({})", self.folder.address(""))
    }
}

impl Drop for AwaitedFolder {
    /// Waits for nobody: it may be dropped within another runtime.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl AwaitedFolder {
    /// Gets ready; nothing is called yet.
    ///
    /// # Errors
    /// The address is no bucket's, or something is wrong with the configuration files.
    pub fn open(address: &Address, options: &SourceOptions) -> Result<Self, Error> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| Error::Usage(format!("cannot start threads: {error}")))?;
        let folder = wait(&runtime, BucketFolder::open(address, options))?;
        let no_bucket = || Error::Usage(format!("`{address}` is no bucket"));
        Ok(Self {
            folder: folder.ok_or_else(no_bucket)?,
            runtime: Some(runtime),
            given_up: watch::Sender::new(false),
        })
    }

    /// Gives up the calls under way and those to come, or no longer those to come. A write that is given up may be done all
    /// the same.
    pub fn give_up(&self, is_given_up: bool) {
        self.given_up.send_replace(is_given_up);
    }

    /// Tells whether calls are given up.
    pub fn is_given_up(&self) -> bool {
        *self.given_up.borrow()
    }

    /// Lets time pass before another attempt; none if calls are given up.
    pub fn rest(&self, time: Duration) {
        let rested = self.wait(async {
            tokio::time::sleep(time).await;
            Ok(())
        });
        // The attempt after it meets the same trouble.
        drop(rested);
    }

    /// Returns the address of an object in the folder.
    pub fn address(&self, name: &str) -> String {
        self.folder.address(name)
    }

    /// As [`BucketFolder::get`].
    ///
    /// # Errors
    /// As there.
    pub fn get(&self, name: &str) -> Found {
        self.wait(self.folder.get(name))
    }

    /// As [`BucketFolder::put`].
    ///
    /// # Errors
    /// As there.
    pub fn put(
        &self,
        name: &str,
        bytes: Vec<u8>,
        condition: &PutCondition,
    ) -> Result<PutOutcome, FolderTrouble> {
        self.wait(self.folder.put(name, bytes, condition))
    }

    /// As [`BucketFolder::unheeded`].
    ///
    /// # Errors
    /// As there.
    pub fn unheeded(
        &self,
        name: &str,
        bytes: &[u8],
    ) -> Result<Option<&'static str>, FolderTrouble> {
        self.wait(self.folder.unheeded(name, bytes))
    }

    /// As [`BucketFolder::list`].
    ///
    /// # Errors
    /// As there.
    pub fn list(&self, beginning: &str) -> Result<Vec<String>, FolderTrouble> {
        self.wait(self.folder.list(beginning))
    }

    /// As [`BucketFolder::remove`].
    ///
    /// # Errors
    /// As there.
    pub fn remove(&self, name: &str, etag: Option<&str>) -> Result<(), FolderTrouble> {
        self.wait(self.folder.remove(name, etag))
    }

    /// Reads objects, several at once, and gives them to `take` in the order of their names.
    ///
    /// # Errors
    /// What `take` says: then no more is read.
    pub fn get_each<E>(
        &self,
        names: &[String],
        mut take: impl FnMut(&str, Found) -> Result<(), E>,
    ) -> Result<(), E> {
        let (give, taken) = mpsc::sync_channel(1);
        let all = async move {
            let reads = names.iter().map(|name| self.folder.get(name));
            let reads: Vec<_> = reads.map(|read| self.unless_given_up(read)).collect();
            let mut found = stream::iter(reads).buffered(AT_ONCE);
            while let Some(found) = found.next().await {
                if give.send(found).is_err() {
                    break;
                }
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| self.runtime.as_ref().map(|runtime| runtime.block_on(all)));
            let mut found = names.iter().zip(taken);
            found.try_for_each(|(name, found)| take(name, found))
        })
    }

    fn wait<T: Send>(
        &self,
        work: impl Future<Output = Result<T, FolderTrouble>> + Send,
    ) -> Result<T, FolderTrouble> {
        match &self.runtime {
            Some(runtime) => wait(runtime, self.unless_given_up(work)),
            None => Err(not_waited_for()),
        }
    }

    async fn unless_given_up<T>(
        &self,
        work: impl Future<Output = Result<T, FolderTrouble>>,
    ) -> Result<T, FolderTrouble> {
        let mut given_up = self.given_up.subscribe();
        tokio::select! {
            biased;
            _ = given_up.wait_for(|is_given_up| *is_given_up) => Err(not_waited_for()),
            done = work => done,
        }
    }
}

fn not_waited_for() -> FolderTrouble {
    FolderTrouble {
        reason: "is not waited for any more".to_owned(),
        hint: None,
    }
}

/// Waits on a thread that is in no runtime.
fn wait<T: Send>(runtime: &Runtime, work: impl Future<Output = T> + Send) -> T {
    thread::scope(|scope| {
        let waiting = scope.spawn(|| runtime.block_on(work));
        waiting.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}
