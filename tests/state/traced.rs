//! What a job writes on the machine, by its system calls: state, archive, the reports asked for, temporary files, and nothing else.
//!
//! Told by strace (Debian's package `strace`). Where it is not installed or may not trace, the test says so and passes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::archive::job;
use super::bucket::{credentials, place};
use super::evidence::archive;
use super::{HOUR, Job, MIDNIGHT, MINUTE, time};
use crate::support::aws::{BUCKET, Fault, GROUP, Server, Speed, Stores};
use crate::support::offline;
use crate::support::records::{Delivery, generate, recent, streams};

/// Calls that take a file's name are traced; these change nothing.
const READING: [&str; 19] = [
    "access",
    "chdir",
    "execve",
    "faccessat",
    "faccessat2",
    "getcwd",
    "getxattr",
    "inotify_add_watch",
    "lgetxattr",
    "lstat",
    "name_to_handle_at",
    "newfstatat",
    "readlink",
    "readlinkat",
    "stat",
    "stat64",
    "statfs",
    "statx",
    "statfs64",
];

fn can_trace() -> bool {
    let tried = Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "true"])
        .stderr(Stdio::null())
        .status();
    let can = tried.is_ok_and(|status| status.success());
    if !can {
        println!("strace is not installed, or may not trace: NOTHING WAS TRACED");
    }
    can
}

/// Runs a command under strace, in the job's folder; returns what it opens to write, makes, names anew or removes.
fn written(job: &Job, command: &Command, code: i32) -> BTreeSet<PathBuf> {
    let logs = tempfile::tempdir().unwrap();
    // A file for each thread: a line is a whole call.
    let mut traced = Command::new("strace");
    traced
        .args(["-ff", "-qq", "-e", "trace=%file,creat", "-o"])
        .arg(logs.path().join("log"))
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(job.root.path())
        .env_clear()
        .envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("HOME", job.path("home"))
        .env("TMPDIR", job.path("tmp"));
    for folder in ["home", "tmp"] {
        fs::create_dir_all(job.path(folder)).unwrap();
    }
    let output = traced.output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    let mut written = BTreeSet::new();
    let mut calls = 0;
    for log in fs::read_dir(logs.path()).unwrap() {
        let text = fs::read(log.unwrap().path()).unwrap();
        for line in String::from_utf8_lossy(&text).lines() {
            calls += 1;
            written.extend(names(line).into_iter().map(|name| whole(job, &name)));
        }
    }
    assert!(calls > 50, "only {calls} calls were traced");
    written
}

/// The names that a call writes to.
fn names(line: &str) -> Vec<String> {
    let Some((call, rest)) = line.split_once('(') else {
        return Vec::new();
    };
    let fails = line.contains(") = -1 ") || line.contains(" = -1 E");
    let opens = matches!(call, "open" | "openat" | "openat2");
    let only_reads = opens
        && !["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"]
            .iter()
            .any(|flag| rest.contains(flag));
    if fails || only_reads || READING.contains(&call) {
        return Vec::new();
    }
    let quoted = rest.split('"').skip(1).step_by(2);
    // A file without a name is given one.
    quoted
        .filter(|name| !name.starts_with("/proc/self/fd/"))
        .map(str::to_owned)
        .collect()
}

/// A name as it is from the root on.
fn whole(job: &Job, name: &str) -> PathBuf {
    let mut whole = PathBuf::new();
    for step in job.root.path().join(name).components() {
        match step {
            Component::CurDir => {}
            Component::ParentDir => drop(whole.pop()),
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => whole.push(step),
        }
    }
    whole
}

/// Everything written lies in one of these places.
#[track_caller]
fn assert_within(written: &BTreeSet<PathBuf>, places: &[PathBuf]) {
    let null = Path::new("/dev/null");
    let elsewhere: Vec<_> = written
        .iter()
        .filter(|path| *path != null && !places.iter().any(|place| path.starts_with(place)))
        .collect();
    assert!(elsewhere.is_empty(), "written as well: {elsewhere:#?}");
}

#[test]
fn only_what_is_asked_for_is_written() {
    if !can_trace() {
        return;
    }
    let job = job();
    fs::create_dir(job.path("reports")).unwrap();
    let run = |minutes: i64, code: i32| {
        let mut command = Command::new(offline().get_program());
        command
            .args([
                "check",
                "s3",
                "cwl",
                "--state",
                "state",
                "--archive",
                "archive",
                "-q",
            ])
            .args([
                "--report",
                "html=reports/page.html",
                "--report",
                "json=reports/r.json",
            ])
            .args(["--all-differences", "reports/all.jsonl"])
            .args([
                "--since",
                "2022-01-07",
                "--now",
                &time(MIDNIGHT + minutes * MINUTE),
            ]);
        written(&job, &command, code)
    };
    let places = ["state", "archive", "reports", "tmp"].map(|name| job.path(name));
    for (minutes, code) in [(75, 0), (135, 1), (136, 0)] {
        let written = run(minutes, code);
        assert_within(&written, &places);
        assert!(written.contains(&job.path("archive/lock")) || minutes == 136);
    }
    assert_eq!(fs::read_dir(job.path("tmp")).unwrap().count(), 0);
}

/// With state and archive in a bucket, that is temporary files.
#[test]
fn nothing_is_written_but_temporary_files() {
    if !can_trace() {
        return;
    }
    let records = generate(240, 4, recent(), HOUR);
    let mut stores = Stores::default();
    let delivery = Delivery {
        parquet: true,
        ..Delivery::default()
    };
    for (key, bytes) in delivery.objects(&records) {
        stores.put(&key, bytes);
    }
    for (name, events) in streams(&records[1..]) {
        stores.streams.insert(name, Arc::new(events));
    }
    let server = Server::start(stores, Speed::default(), Box::new(|_, _| Fault::None));
    let job = Job::new();
    let mut command = Command::new(offline().get_program());
    credentials(&mut command, &server.endpoint);
    command
        .args([
            "check",
            &format!("s3://{BUCKET}/AWSLogs"),
            &format!("cwl://{GROUP}"),
        ])
        .args(["--state", &place(), "--archive", &archive()])
        .args([
            "--since",
            &time(recent()),
            "--until",
            &time(recent() + HOUR),
        ]);
    let written = written(&job, &command, 1);
    assert_within(&written, &[job.path("tmp")]);
    assert_eq!(fs::read_dir(job.path("tmp")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(job.path("home")).unwrap().count(), 0);
}
