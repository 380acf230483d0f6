//! The store: the directory that a state lives in, for one run at a time.
//!
//! The state is written whole before it has its name (see [`crate::output`]): whenever a run is killed, the file holds
//! one state or the other. The lock is the operating system's, so it goes with the process that holds it.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::model::Error;
use crate::output::{self, FinishStep, Output};

use super::{JobState, JobSubject};

/// The name of the format.
const SCHEMA: &str = "flowdiff.state/1";
/// What all versions of the format are called before the number.
const SCHEMAS: &str = "flowdiff.state/";
const FILE: &str = "state.json";
const LOCK: &str = "lock";
/// What temporary names began with once.
const ONCE_TEMPORARY: &str = ".state-";

/// A directory with a state, locked.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    /// Held for its lock.
    _lock: File,
}

impl Store {
    /// Makes the directory if there is none, and locks it.
    ///
    /// # Errors
    /// It cannot be made or written to, or another run holds it: then the error says which.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        let opened = || {
            fs::create_dir_all(directory)?;
            let mut options = File::options();
            options.read(true).write(true).create(true).truncate(false);
            options.open(directory.join(LOCK))
        };
        let fault = |error: io::Error| trouble(directory, error.to_string(), None);
        let mut lock = opened().map_err(fault)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = lock.read_to_string(&mut holder);
                return Err(held(directory, holder.trim()));
            }
            Err(TryLockError::Error(error)) => return Err(fault(error)),
        }
        let mut noted = || {
            lock.set_len(0)?;
            lock.rewind()?;
            writeln!(lock, "process {}", std::process::id())
        };
        noted().map_err(fault)?;
        let store = Self {
            directory: directory.to_owned(),
            _lock: lock,
        };
        store.remove_leavings().map_err(fault)?;
        Ok(store)
    }

    /// Returns the state, `None` if there is none yet.
    ///
    /// # Errors
    /// The file cannot be read, is damaged, was written by a newer version, or is about something else. It is left as
    /// it is.
    pub fn load(&self, subject: &JobSubject) -> Result<Option<JobState>, Error> {
        let path = self.directory.join(FILE);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(trouble(&path, error.to_string(), None)),
            Ok(text) => text,
        };
        checked(parse(&text), subject, &path).map(Some)
    }

    /// Puts a state in the place of the one there.
    ///
    /// # Errors
    /// It cannot be written; the one there stays.
    pub fn save(&self, state: &JobState) -> Result<(), Error> {
        self.save_by_steps(state, |_| {}).map_err(|error| {
            trouble(
                &self.directory.join(FILE),
                format!("cannot be written: {error}"),
                None,
            )
        })
    }

    fn save_by_steps(&self, state: &JobState, before: impl FnMut(FinishStep)) -> io::Result<()> {
        let value = to_value(state)?;
        let mut file = Output::create(&self.directory.join(FILE))?.kept();
        serde_json::to_writer(&mut file, &value)?;
        file.write_all(b"\n")?;
        file.finish_by_steps(before)
    }

    /// Removes what runs that were killed have left: nobody else writes here while the lock is held.
    fn remove_leavings(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(output::PREFIX) || name.starts_with(ONCE_TEMPORARY) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

/// Reads a state for whoever only looks.
///
/// # Errors
/// There is none, or it cannot be read.
pub(super) fn read_in(directory: &Path) -> Result<JobState, Error> {
    let path = directory.join(FILE);
    let text =
        fs::read_to_string(&path).map_err(|error| trouble(&path, error.to_string(), None))?;
    parse(&text).map_err(|reason| trouble(&path, reason, None))
}

/// Returns a state as it is kept.
///
/// # Errors
/// It cannot be put in JSON.
pub(super) fn to_value(state: &JobState) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(state)?;
    if let Some(members) = value.as_object_mut() {
        members.insert("schema".to_owned(), SCHEMA.into());
    }
    Ok(value)
}

/// Checks what was read at a path: a state, and one about the subject.
///
/// # Errors
/// It is not, for this reason.
pub(super) fn checked(
    read: Result<JobState, String>,
    subject: &JobSubject,
    path: &Path,
) -> Result<JobState, Error> {
    let state = read.map_err(|reason| {
        let hint = "it is left as it is; move it away to begin anew, with --since for where";
        trouble(path, reason, Some(hint))
    })?;
    let is_told = state.sources.as_ref().map(|kept| !kept.place.is_empty());
    match subject.difference(&state.of, is_told) {
        None => Ok(state),
        Some(difference) => {
            let reason = format!("is the state of another job: {difference}");
            let hint = "give each job a --state place of its own";
            Err(trouble(path, reason, Some(hint)))
        }
    }
}

fn parse(text: &str) -> Result<JobState, String> {
    from_value(serde_json::from_str(text).map_err(|error| format!("is damaged: {error}"))?)
}

/// Reads a state as it is kept.
///
/// # Errors
/// What is wrong with it, as the rest of a sentence.
pub(super) fn from_value(mut value: Value) -> Result<JobState, String> {
    let schema = value
        .as_object_mut()
        .and_then(|members| members.remove("schema"));
    match schema.as_ref().and_then(Value::as_str) {
        Some(SCHEMA) => {}
        Some(other) if other.starts_with(SCHEMAS) => {
            return Err(format!(
                "was written by a newer flowdiff: `{other}`, and this one knows `{SCHEMA}`"
            ));
        }
        _ => return Err("is no state of flowdiff".to_owned()),
    }
    // Runs kept the regions that were given once; a source's own region is known better.
    if let Some(of) = value.get_mut("of").and_then(Value::as_object_mut) {
        of.remove("region");
    }
    let state: JobState =
        serde_json::from_value(value).map_err(|error| format!("is damaged: {error}"))?;
    state
        .flaw()
        .map_or(Ok(state), |flaw| Err(format!("is damaged: {flaw}")))
}

fn held(directory: &Path, holder: &str) -> Error {
    let by = if holder.is_empty() {
        "another run"
    } else {
        holder
    };
    let hint = "wait for it to end; a lock goes with its process, so none is left behind";
    trouble(directory, format!("is in use by {by}"), Some(hint))
}

fn trouble(path: &Path, reason: String, hint: Option<&str>) -> Error {
    Error::State {
        path: path.to_owned(),
        reason,
        hint: hint.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    fn state(next: i64) -> JobState {
        JobState::begin(JobSubject::default(), next)
    }

    fn refusal(text: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE);
        fs::write(&path, text).unwrap();
        let store = Store::open(directory.path()).unwrap();
        let error = store.load(&JobSubject::default()).unwrap_err().to_string();
        assert!(error.contains(&path.display().to_string()), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        error
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join("a/b");
        let store = Store::open(&directory).unwrap();
        assert_eq!(store.load(&JobSubject::default()).unwrap(), None);
        for next in [300, 600] {
            store.save(&state(next)).unwrap();
            assert_eq!(
                store.load(&JobSubject::default()).unwrap(),
                Some(state(next))
            );
        }
        let other = JobSubject {
            ignore_nodata: true,
            ..JobSubject::default()
        };
        let error = store.load(&other).unwrap_err().to_string();
        assert!(
            error.contains("another job: ignore-nodata false, not true"),
            "{error}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_state_behind_a_link_is_kept_there() {
        use std::os::unix::fs::symlink;

        let disk = tempfile::tempdir().unwrap();
        let at = |name: &str| disk.path().join(name);
        fs::create_dir(at("elsewhere")).unwrap();
        fs::create_dir(at("job")).unwrap();
        symlink("../elsewhere/kept", at("job").join(FILE)).unwrap();
        let store = Store::open(&at("job")).unwrap();
        for next in [300, 600] {
            store.save(&state(next)).unwrap();
            assert_eq!(
                store.load(&JobSubject::default()).unwrap(),
                Some(state(next))
            );
        }
        assert!(at("job").join(FILE).is_symlink());
        assert_eq!(fs::read_dir(at("elsewhere")).unwrap().count(), 1);
    }

    #[test]
    fn what_is_damaged_or_newer_is_refused_and_left_alone() {
        let good = r#"{"schema":"flowdiff.state/1","of":{"source":{"s3":"","cwl":""},"region":{"s3":null,"cwl":null},
            "format":{"s3":null,"cwl":null},"fields":[],"ignore_fields":[],"interface":[],"flow_log_id":[],
            "all_streams":false,"ignore_nodata":false},"next":300,"unread":[],"unreadable":[],"fields":{},"open":[]}"#;
        // As a run left it that did not keep where the job began.
        let before = JobState {
            begun: None,
            ..state(300)
        };
        assert_eq!(parse(good).unwrap(), before);
        for (text, said) in [
            (String::new(), "is damaged"),
            (good[..good.len() - 1].to_owned(), "is damaged"),
            (good.replace("300", "301"), "is damaged: `next`"),
            (
                good.replace("\"unread\":[]", "\"unread\":[{\"start\":0,\"end\":600}]"),
                "is damaged: `unread`",
            ),
            (
                good.replace("\"unread\"", "\"unheard\""),
                "is damaged: unknown field",
            ),
            (
                good.replace("state/1", "state/2"),
                "newer flowdiff: `flowdiff.state/2`",
            ),
            ("{}".to_owned(), "is no state of flowdiff"),
            ("[1]".to_owned(), "is no state of flowdiff"),
        ] {
            let error = refusal(&text);
            assert!(error.contains(said), "{said}: {error}");
        }
    }

    #[test]
    fn one_run_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let first = Store::open(directory.path()).unwrap();
        let error = Store::open(directory.path()).unwrap_err().to_string();
        assert!(
            error.contains(&format!("in use by process {}", std::process::id())),
            "{error}"
        );
        drop(first);
        Store::open(directory.path()).unwrap();
    }

    const DIRECTORY: &str = "TEST_STATE_DIRECTORY";
    const STEP: &str = "TEST_STATE_STEP";

    /// Not a test of its own: the process that [`killed_at_each_step`] kills.
    #[test]
    fn victim() {
        let (Some(directory), Ok(step)) = (std::env::var_os(DIRECTORY), std::env::var(STEP)) else {
            return;
        };
        let store = Store::open(Path::new(&directory)).unwrap();
        let die = |now: FinishStep| {
            if format!("{now:?}") == step {
                std::process::abort();
            }
        };
        store.save_by_steps(&state(600), die).unwrap();
    }

    /// Kills a process at each step of saving: its lock is free at once, and the state is the old or the new one.
    #[test]
    fn killed_at_each_step() {
        for (step, next) in [
            (FinishStep::Write, 300),
            (FinishStep::Sync, 300),
            (FinishStep::Name, 300),
            (FinishStep::SyncFolder, 600),
            (FinishStep::Done, 600),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let store = Store::open(directory.path()).unwrap();
            store.save(&state(300)).unwrap();
            drop(store);
            let mut victim = Command::new(std::env::current_exe().unwrap());
            victim.args(["--exact", "job::state::store::tests::victim"]);
            victim
                .env(DIRECTORY, directory.path())
                .env(STEP, format!("{step:?}"));
            let died = victim
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap();
            assert!(!died.success(), "{step:?}");
            let store = Store::open(directory.path()).unwrap();
            assert_eq!(
                store.load(&JobSubject::default()).unwrap(),
                Some(state(next)),
                "{step:?}"
            );
            let mut names: Vec<_> = fs::read_dir(directory.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name())
                .collect();
            names.sort();
            assert_eq!(names, [LOCK, FILE], "{step:?}");
        }
    }
}
