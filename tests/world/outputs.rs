//! Outputs are written where they point, and what cannot be written costs no report.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::offline;

const SIDES: &str = "fixtures/scenarios/missing-on-cwl/s3 fixtures/scenarios/missing-on-cwl/cwl";

/// Runs a line of shell in which `$F` is flowdiff, `$D` a folder and `$SIDES` two sides of which one lacks a record.
fn shell(folder: &Path, line: &str) -> Output {
    let program = offline();
    let mut shell = Command::new("sh");
    shell.args(["-c", line]);
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
        .env("F", program.get_program())
        .env("D", folder)
        .env("SIDES", SIDES)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    shell.output().unwrap()
}

/// Whoever starts a run may give it streams that do not wait, as event loops do (curl/curl #3239).
#[cfg(unix)]
#[test]
fn all_is_read_and_written_where_streams_do_not_wait() {
    use std::io::{Read, Write};
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    let lines = 3_000;
    let folder = tempfile::tempdir().unwrap();
    let side = folder.path().join("s3.log");
    let line = |number: usize| {
        format!(
            "2 123456789010 eni-0a 10.0.0.1 10.0.1.9 {number} 443 6 1 84 1700000000 1700000060 ACCEPT OK\n"
        )
    };
    fs::write(&side, (0..lines).map(line).collect::<String>()).unwrap();
    let ([mut input, given], [mut output, taken]) = {
        let pair = || <[UnixStream; 2]>::from(UnixStream::pair().unwrap());
        (pair(), pair())
    };
    for end in [&given, &taken] {
        end.set_nonblocking(true).unwrap();
    }
    let mut run = Command::new(offline().get_program())
        .args(["check", "-o", "jsonl", "--max-evidence", "10000"])
        .args([side.as_os_str(), "-".as_ref()])
        .stdin(OwnedFd::from(given))
        .stdout(OwnedFd::from(taken))
        .spawn()
        .unwrap();
    // It has to wait for what it reads, and for whoever reads what it writes.
    std::thread::sleep(std::time::Duration::from_millis(200));
    input.write_all(line(lines).as_bytes()).unwrap();
    drop(input);
    std::thread::sleep(std::time::Duration::from_millis(500));
    let mut report = String::new();
    output.read_to_string(&mut report).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(1), "{report}");
    assert!(report.len() > 1 << 18, "more than a stream holds");
    let missing = report.lines().filter(|it| it.contains("\"missing\""));
    assert!(missing.count() > 0);
}

/// A link of our own stands for `/dev/stdout`, which a run as root could replace.
#[cfg(target_os = "linux")]
#[test]
fn what_points_to_a_standard_stream_goes_there() {
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (link, number) in [("stdout", 1), ("stderr", 2), ("third", 3)] {
        symlink(format!("/proc/self/fd/{number}"), at(link)).unwrap();
    }
    for (args, redirected, whole) in [
        ("-q --report emf=$D/stdout", "> $D/log", true),
        ("-q --report emf=$D/stdout", ">> $D/log", false),
        ("-q --report emf=$D/stdout", "| cat > $D/log", true),
        ("-q --report emf=$D/stderr", "2> $D/log", true),
        ("-q --report emf=$D/third", "3>> $D/log", false),
        // What is no link, and still the file that standard output goes to.
        ("-q --report emf=$D/log", "> $D/log", true),
        ("-o text --report emf=$D/stdout", "> $D/log", true),
        (
            "-q --all-differences $D/stdout --report emf=$D/stdout",
            "> $D/log",
            true,
        ),
    ] {
        fs::write(at("log"), "before\n").unwrap();
        let ran = shell(
            folder.path(),
            &format!("$F check $SIDES {args} {redirected}"),
        );
        let log = fs::read_to_string(at("log")).unwrap();
        assert_eq!(
            log.matches("\"Missing\":1").count(),
            1,
            "{args} {redirected}: {log}{ran:?}"
        );
        assert_eq!(
            log.starts_with("before\n"),
            !whole,
            "{args} {redirected}: {log}"
        );
        assert_eq!(
            log.contains("Different: 1 record"),
            args.contains("text"),
            "{log}"
        );
        for link in ["stdout", "stderr", "third"] {
            assert!(at(link).is_symlink(), "{args} {redirected}");
        }
    }
    // Whoever reads it has seen enough.
    let ran = shell(
        folder.path(),
        "{ $F check $SIDES -q --report json=$D/stdout; echo $? >&2; } | :",
    );
    assert_eq!(String::from_utf8(ran.stderr).unwrap(), "1\n");
}

#[test]
fn what_cannot_be_written_costs_no_report() {
    let folder = tempfile::tempdir().unwrap();
    for args in [
        "--report json=/dev/full --report csv=$D/csv",
        "--all-differences /dev/full --report csv=$D/csv",
        "--report json=/dev/full --report csv=$D/csv --state $D/state --since 2022-01-07T23:00:00Z --now 2022-01-08",
    ] {
        let ran = shell(folder.path(), &format!("$F check $SIDES {args}"));
        let said = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(2), "{args}: {said}");
        assert!(said.contains("`/dev/full`"), "{args}: {said}");
        let report = String::from_utf8_lossy(&ran.stdout);
        assert!(
            report.starts_with("Different: 1 record missing on cwl"),
            "{args}: {report}"
        );
        let csv = fs::read_to_string(folder.path().join("csv")).unwrap();
        assert_eq!(csv.lines().count(), 2, "{args}: {csv}");
        fs::remove_file(folder.path().join("csv")).unwrap();
    }
    // What was not written is not decided.
    let ran = shell(
        folder.path(),
        "$F check $SIDES --state $D/state --now 2022-01-08",
    );
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
}

#[test]
fn a_temporary_folder_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let ran = shell(
        folder.path(),
        "export TMPDIR=$D/none; set -- $SIDES; cat $2/* | $F check $1 -",
    );
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(2), "{said}");
    let none = folder.path().join("none").display().to_string();
    assert!(said.contains(&none) && said.contains("TMPDIR"), "{said}");
}

#[test]
fn few_file_handles_are_enough() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for side in ["s3", "cwl"] {
        fs::create_dir(at(side)).unwrap();
    }
    for number in 0..300 {
        let start = 1_641_596_400 + number;
        let line = format!(
            "2 123456789010 eni-0aa{number:05} 10.0.0.1 10.0.0.2 1 2 6 1 40 {start} {start} ACCEPT OK\n"
        );
        for side in ["s3", "cwl"] {
            fs::write(at(side).join(format!("{number}.log")), &line).unwrap();
        }
    }
    fs::remove_file(at("cwl").join("7.log")).unwrap();
    let ran = shell(
        folder.path(),
        "ulimit -n 64; $F check $D/s3 $D/cwl --memory 64MiB --report json=$D/json --all-differences $D/all",
    );
    let report = String::from_utf8_lossy(&ran.stdout);
    assert!(
        report.starts_with("Different: 1 record missing on cwl"),
        "{report}{ran:?}"
    );
}
