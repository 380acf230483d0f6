//! Runs that end at any moment or cannot write: no half report under its final name, no wrong exit code, and the next
//! run is right.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::aws::{BUCKET, Fault, GROUP, Server, Speed, Stores};
use crate::support::records::{Delivery, generate};
use crate::support::{REGION, offline, unless_long};

const STARTS: i64 = 1_641_596_400;

/// A corpus in which something is missing, and a place to write to.
struct Desk {
    folder: TempDir,
    reports: [(&'static str, PathBuf); 5],
}

impl Desk {
    fn new(records: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let all = generate(records, 4, STARTS, 3600);
        let lines = all.iter().map(|record| record.line() + "\n");
        for name in ["logs", "temporary", "reports"] {
            fs::create_dir(at(name)).unwrap();
        }
        fs::write(at("cwl"), lines.step_by(100).collect::<String>()).unwrap();
        for (number, (_, bytes)) in Delivery::default().objects(&all).into_iter().enumerate() {
            fs::write(at("logs").join(format!("{number}.log.gz")), bytes).unwrap();
        }
        let reports = ["json", "csv", "emf", "openmetrics", "differences"]
            .map(|name| (name, at("reports").join(name)));
        Self { folder, reports }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A run whose CloudWatch side comes through a pipe, which has to be put on disk, and that writes every report.
    fn command(&self) -> Command {
        let mut command = like(&offline());
        command
            .env("TMPDIR", self.at("temporary"))
            .arg("check")
            .args([self.at("logs"), PathBuf::from("-")])
            .args(["--output", "jsonl"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, path) in &self.reports {
            let path = path.display();
            match *name {
                "differences" => command.arg(format!("--all-differences={path}")),
                name => command.arg(format!("--report={name}={path}")),
            };
        }
        // A regular file would be read where it is: what comes through a pipe is what matters here.
        let mut cat = Command::new("cat");
        cat.arg(self.at("cwl")).stdout(Stdio::piped());
        command.stdin(cat.spawn().unwrap().stdout.take().unwrap());
        command
    }

    /// What stands in the folder of reports.
    fn written(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(self.at("reports")).unwrap();
        let file = |entry: fs::DirEntry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        };
        entries.map(|entry| file(entry.unwrap())).collect()
    }

    fn clear(&self) {
        for name in self.written().keys() {
            fs::remove_file(self.at("reports").join(name)).unwrap();
        }
    }

    fn assert_no_temporary_files(&self) {
        let left: Vec<_> = fs::read_dir(self.at("temporary")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// The same program and environment, to be started and killed.
fn like(command: &assert_cmd::Command) -> Command {
    let mut like = Command::new(command.get_program());
    like.current_dir(env!("CARGO_MANIFEST_DIR"));
    set_environment(&mut like, command);
    like
}

fn set_environment(command: &mut Command, of: &assert_cmd::Command) {
    for (name, value) in of.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

/// Tells whether it is a whole report of its kind. What changes from run to run is the time and how long it took.
fn is_whole(name: &str, bytes: &[u8], whole: &[u8]) -> bool {
    match name {
        "openmetrics" => bytes.ends_with(b"# EOF\n"),
        "emf" => {
            let text = std::str::from_utf8(bytes).unwrap();
            let json = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
            text.ends_with('\n') && text.lines().count() == 2 && text.lines().all(json)
        }
        _ => bytes == whole,
    }
}

fn kill(child: &Child, signal: &str) {
    let mut kill = Command::new("kill");
    // It may have ended already.
    kill.args([signal, &child.id().to_string()])
        .stderr(Stdio::null());
    kill.status().unwrap();
}

#[test]
fn a_run_killed_at_any_moment_leaves_whole_reports_or_none() {
    let desk = Desk::new(1000);
    let kills = unless_long(30, 240);
    let began = Instant::now();
    let whole = desk.command().output().unwrap();
    let takes = began.elapsed();
    assert_eq!(whole.status.code(), Some(1), "{whole:?}");
    let right = desk.written();
    assert_eq!(right.len(), desk.reports.len());
    let (mut killed, mut between, mut before, mut after) = (0, 0, 0, 0);
    for number in 0..kills {
        // Every other time there are reports of an earlier run, which stay or are replaced.
        let earlier = number % 2 == 0;
        desk.clear();
        if earlier {
            desk.reports
                .iter()
                .for_each(|(_, path)| fs::write(path, "earlier\n").unwrap());
        }
        let mut child = desk.command().spawn().unwrap();
        if number % 3 == 1 {
            // In the midst of writing: as soon as the first report is there, and a little later each time.
            let first = &desk.reports[0].1;
            let there = || fs::read(first).is_ok_and(|bytes| bytes != b"earlier\n");
            while !there() && child.try_wait().unwrap().is_none() {
                sleep(Duration::from_micros(50));
            }
            sleep(Duration::from_micros(u64::from(number * 10)));
        } else {
            // Moments spread over a run, in no order.
            sleep(takes * (number * 37 % kills) / kills);
        }
        kill(&child, if number % 3 == 0 { "-TERM" } else { "-KILL" });
        drop((child.stdout.take(), child.stderr.take()));
        let status = child.wait().unwrap();
        assert!(matches!(status.code(), None | Some(1)), "{status}");
        killed += u32::from(status.code().is_none());
        desk.assert_no_temporary_files();
        let (was_before, was_after) = (before, after);
        for (name, bytes) in desk.written() {
            if name.starts_with(".flowdiff-report-") {
                // Killed in the instant of replacing: complete, and the next run but one minute sweeps it up.
                continue;
            }
            let untouched = earlier && bytes == b"earlier\n";
            before += u32::from(untouched);
            after += u32::from(!untouched);
            let good = untouched || is_whole(&name, &bytes, &right[&name]);
            let text = String::from_utf8_lossy(&bytes);
            assert!(good, "{number}: {name}: {text}");
        }
        let (kept, new) = (before - was_before, after - was_after);
        let torn = new > 0 && (kept > 0 || new < 5);
        between += u32::from(status.code().is_none() && torn);
    }
    assert!(
        killed > kills / 4,
        "{killed} of {kills} were killed in time"
    );
    assert!(before > 0, "no run was killed before it wrote");
    desk.clear();
    let again = desk.command().output().unwrap();
    assert_eq!(
        (again.status.code(), &again.stdout),
        (Some(1), &whole.stdout)
    );
    for (name, bytes) in desk.written() {
        assert!(is_whole(&name, &bytes, &right[&name]), "{name}");
    }
    println!(
        "{killed} of {kills} killed, {between} of them between two reports; {before} reports left as they were, {after} whole new ones"
    );
}

/// Runs it in a shell that sets something up first.
fn in_shell(desk: &Desk, setup: &str, redirection: &str) -> Output {
    let command = desk.command();
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!(
        "{setup} exec \"$0\" \"$@\" < \"$CWL\" {redirection}"
    ));
    shell.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
        .env("CWL", desk.at("cwl"))
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    shell.output().unwrap()
}

#[test]
fn a_full_disk_is_trouble_and_leaves_nothing() {
    let desk = Desk::new(2000);
    // No file may grow beyond a block: what any write beyond gives is what a full disk gives, an error.
    let output = in_shell(&desk, "trap '' XFSZ; ulimit -f 1;", "");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    let temporary = desk.at("temporary").display().to_string();
    for named in ["File too large", &temporary, "TMPDIR"] {
        assert!(said.contains(named), "{said}");
    }
    assert_eq!(desk.written(), BTreeMap::new());
    // The same when the system kills it for that.
    let output = in_shell(&desk, "ulimit -f 1;", "");
    assert_eq!(output.status.code(), None, "{output:?}");
    assert_eq!(desk.written(), BTreeMap::new());
    desk.assert_no_temporary_files();
    let output = desk.command().output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(desk.written().len(), desk.reports.len());
}

/// An object too large for memory goes through a temporary file.
#[test]
fn an_object_that_finds_no_room_on_disk_is_unreadable() {
    let mut stores = Stores::default();
    let key = format!("{}x.log.gz", Delivery::default().folder());
    stores.put(&key, vec![0; 33 << 20]);
    let server = Server::start(stores, Speed::default(), Box::new(|_, _| Fault::None));
    let program = offline();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\""]);
    shell
        .arg(program.get_program())
        .args([
            "check",
            &format!("s3://{BUCKET}"),
            &format!("cwl://{GROUP}"),
        ])
        .args([
            "--since",
            "2022-01-07",
            "--until",
            "2022-01-08",
            "-o",
            "json",
        ])
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION)
        .env("AWS_ENDPOINT_URL", &server.endpoint);
    let output = shell.output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let finding = &report["findings"][0];
    assert_eq!(
        (&finding["kind"], &finding["part"]),
        (&"unreadable".into(), &key.into())
    );
    let reason = finding["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("cannot be put into a temporary file in `"),
        "{reason}"
    );
    assert!(reason.contains("File too large"), "{reason}");
}

#[test]
fn a_report_that_cannot_be_written_whole_is_trouble_that_names_it() {
    let check = |args: &[&str]| {
        let mut command = offline();
        let folder = Path::new("fixtures/scenarios/missing-on-cwl");
        command
            .arg("check")
            .args([folder.join("s3"), folder.join("cwl")]);
        let output = command.args(args).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    for option in ["--report=json=/dev/full", "--all-differences=/dev/full"] {
        let (code, said) = check(&[option]);
        assert_eq!(code, Some(2), "{option}: {said}");
        assert!(said.contains("`/dev/full`"), "{option}: {said}");
    }
}

#[test]
fn standard_streams_that_are_closed_or_full_change_no_exit_code_for_another() {
    let desk = Desk::new(600);
    for (redirection, code) in [
        ("> /dev/full", 2),
        (">&-", 1),
        ("2> /dev/full", 1),
        ("2>&-", 1),
        ("-vv 2> /dev/full", 1),
        ("> /dev/null 2>&- ", 1),
        ("--nagios --output text", 3),
    ] {
        let output = in_shell(&desk, "", redirection);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{redirection}: {output:?}"
        );
    }
    // Whoever reads has gone: before the report, and before the messages.
    let mut child = desk.command().arg("-vv").spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(desk.written().len(), desk.reports.len());
}
