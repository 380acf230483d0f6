//! Two runs at a time with a state in a bucket, any of them killed, and a service that answers writes with errors.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};
use std::time::Duration;

use super::archive::Kept;
use super::bucket::{credentials, place, server};
use super::evidence::{archive, exported};
use super::kills::{PLACES, Said, arrive, deliver, plain, read};
use super::{HOUR, Job, MIDNIGHT, MINUTE, time};
use crate::support::aws::Fault;
use crate::support::unless_long;

fn ended(mut child: Child) -> Option<i32> {
    child.wait().unwrap().code()
}

/// Two processes for each time, of which any may be killed: what they say is what one says that is not killed, and no two of
/// those that come to an end say the same.
#[test]
fn two_at_a_time_and_killed_they_decide_everything_once() {
    let every = unless_long(72, 18);
    let ticks: Vec<i64> = (0..13 * 60 / every)
        .map(|tick| MIDNIGHT + 30 * MINUTE + tick * every * MINUTE)
        .chain([MIDNIGHT + 14 * HOUR])
        .collect();
    let (mut calm, mut wild) = (Said::default(), Said::default());
    let job = Job::new();
    let late = deliver(&job);
    for &now in &ticks {
        arrive(&job, &late, now);
        let code = plain(&job, now, "report.json", PLACES)
            .status()
            .unwrap()
            .code();
        assert!(matches!(code, Some(0 | 1 | 3)), "{code:?}");
        calm.note(&read(&job, "report.json").unwrap());
    }
    let mut random = 7_u64;
    let mut next = move || {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        random >> 33
    };
    let mut faults = next();
    let server = server(move |call, _| {
        faults = faults
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let fault = (faults >> 33) % 24;
        match (call.operation, fault) {
            ("PutObject", 0) => Fault::Refused(409, "ConditionalRequestConflict"),
            ("PutObject", 1) => Fault::DoneBut(412, "PreconditionFailed"),
            ("PutObject", 2) => Fault::DoneBut(500, "InternalError"),
            ("PutObject", 3) => Fault::Refused(500, "InternalError"),
            _ => Fault::None,
        }
    });
    let calm_archive = Kept::read(&job.path("archive"));
    let (job, archive) = (Job::new(), archive());
    let late = deliver(&job);
    let (mut killed, mut refused, mut finished) = (0, 0, 0);
    let mut once: BTreeSet<String> = BTreeSet::new();
    for (number, &now) in ticks.iter().enumerate() {
        arrive(&job, &late, now);
        let last = number + 1 == ticks.len();
        let runs: Vec<_> = (0..2)
            .map(|which| {
                let report = format!("report-{number}-{which}.json");
                let mut command = plain(&job, now, &report, [&place(), &archive]);
                credentials(&mut command, &server.endpoint);
                command.args(["--lease", "1s"]).stderr(Stdio::null());
                (report, command.spawn().unwrap())
            })
            .collect();
        for (report, mut child) in runs {
            if !last && next().is_multiple_of(2) {
                std::thread::sleep(Duration::from_millis(next() % 250));
                child.kill().unwrap();
            }
            let code = ended(child);
            let there = read(&job, &report);
            match code {
                None => killed += 1,
                Some(2) => {
                    refused += 1;
                    assert_eq!(there, None, "who does not hold the lease writes nothing");
                }
                Some(0 | 1 | 3) => {
                    finished += 1;
                    for window in there.as_ref().unwrap()["state"]["windows"]
                        .as_array()
                        .unwrap()
                    {
                        let start = window["start"].as_str().unwrap();
                        assert!(once.insert(start.to_owned()), "{start} was decided twice");
                    }
                }
                other => panic!("{other:?}"),
            }
            if let Some(report) = there {
                wild.note(&report);
            }
        }
    }
    println!("{killed} runs killed, {refused} refused, {finished} finished");
    assert!(
        killed >= 3 && finished >= 5,
        "{killed} killed, {refused} refused, {finished} finished"
    );
    assert_eq!(wild.differences, calm.differences);
    assert_eq!(calm.differences.len(), 36);
    for kept in [&calm_archive, &exported(&server, &job)] {
        // Each window once, each lost or changed record in one report and in one line's numbers.
        assert_eq!(kept.lost, 36);
        assert_eq!(kept.differences, calm.differences);
        assert_eq!(kept.matched, 720 - 36);
        kept.assert_no_gap(MIDNIGHT, MIDNIGHT + 12 * HOUR);
    }
    let mut reached = time(MIDNIGHT);
    for (start, end) in &wild.windows {
        assert_eq!(start, &reached);
        reached.clone_from(end);
    }
    assert_eq!(reached, time(MIDNIGHT + 12 * HOUR));
}
