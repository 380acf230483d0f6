//! `flowdiff history`: what an archive adds up to, and whether it is whole.

use std::fs;

use serde_json::Value;

use super::archive::{ARCHIVE, job};
use super::{HOUR, Job, MIDNIGHT, MINUTE, time};
use crate::support::offline;
use crate::support::schema::assert_fits;

fn history(job: &Job, more: &[&str]) -> (i32, String, String) {
    let mut command = offline();
    command
        .current_dir(&job.root)
        .args(["history", "archive"])
        .args(more);
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn json(job: &Job, more: &[&str]) -> Value {
    let (code, said, error) = history(job, &[&["-o", "json"], more].concat());
    assert_eq!(code, 0, "{error}");
    serde_json::from_str(&said).unwrap()
}

#[test]
fn what_was_lost_is_told_in_every_form() {
    let job = job();
    for (minutes, code) in [(75, 0), (135, 1), (195, 0)] {
        job.run(MIDNIGHT + minutes * MINUTE, &ARCHIVE)
            .assert(code, &[]);
    }
    let told = json(&job, &["--state", "state", "--reports"]);
    assert_fits("history", std::slice::from_ref(&told));
    assert_eq!(told["total"]["missing"]["cwl"], 3);
    assert_eq!(told["total"]["windows"], 3);
    assert_eq!(told["chain"]["compared_with_state"], true);
    assert_eq!(told["window"]["end"], time(MIDNIGHT + 3 * HOUR).as_str());
    assert_eq!(told["interfaces"].as_array().map(Vec::len), Some(2));
    assert_eq!(told["worst_windows"][0]["line"], 2);
    assert_eq!(told["gaps"], serde_json::json!([]));
    let (code, text, _) = history(&job, &[]);
    assert_eq!(code, 0, "it says whether the chain is whole");
    let first = "Lost or changed: 3 records missing on cwl; in 3 windows, 2022-01-07T00:00:00Z to";
    assert!(text.starts_with(first), "{text}");
    let (_, csv, _) = history(&job, &["-o", "csv"]);
    assert_eq!(csv.lines().count(), 4, "{csv}");
    assert!(
        csv.contains("\n2022-01-07,,3,3,0,180,177,0,3,0,0,0,"),
        "{csv}"
    );
    let (_, page, _) = history(&job, &["-o", "html"]);
    assert!(page.contains("3 records missing on cwl"));
    let later = json(&job, &["--since", "2022-01-07T02:00:00Z"]);
    assert_eq!(
        (
            &later["total"]["windows"],
            &later["total"]["missing"]["cwl"]
        ),
        (&1.into(), &0.into())
    );
    let (code, _, said) = history(&job, &["-o", "pdf"]);
    assert_eq!(code, 2);
    assert!(said.contains("text, json, csv, html, not `pdf`"), "{said}");
}

#[test]
fn a_time_that_no_run_has_archived_is_a_gap() {
    let job = job();
    job.run(MIDNIGHT + 75 * MINUTE, &ARCHIVE).assert(0, &[]);
    job.run(MIDNIGHT + 85 * MINUTE, &[]).assert(1, &[]);
    job.run(MIDNIGHT + 135 * MINUTE, &ARCHIVE).assert(0, &[]);
    let told = json(&job, &[]);
    let gap = serde_json::json!([{"start": time(MIDNIGHT + 60 * MINUTE), "end": time(MIDNIGHT + 70 * MINUTE)}]);
    assert_eq!(told["gaps"], gap);
    assert_eq!(told["days"][0]["gap_seconds"], 600);
}

#[test]
fn what_was_changed_or_removed_is_found() {
    let job = job();
    job.run(MIDNIGHT + 75 * MINUTE, &ARCHIVE).assert(0, &[]);
    job.run(MIDNIGHT + 135 * MINUTE, &ARCHIVE).assert(1, &[]);
    let day = job.path("archive/lines/2022-01-07.jsonl");
    let whole = fs::read_to_string(&day).unwrap();
    // The end that is cut only the state can tell.
    fs::write(&day, whole.split_inclusive('\n').next().unwrap()).unwrap();
    assert_eq!(history(&job, &[]).0, 0);
    let (code, said, error) = history(&job, &["--state", "state"]);
    assert_eq!((code, &*said), (2, ""));
    assert!(
        error.contains("ends with line 1, and the job has written line 2"),
        "{error}"
    );
    // More than the job has written.
    let state = fs::read_to_string(job.path("state/state.json")).unwrap();
    fs::write(&day, whole.replacen("\"matched\":60", "\"matched\":61", 1)).unwrap();
    let (code, _, error) = history(&job, &[]);
    assert_eq!(code, 2);
    assert!(
        error.contains("2022-01-07.jsonl` row 2 is line 2, and was written after another line 1"),
        "{error}"
    );
    fs::write(&day, &whole).unwrap();
    assert_eq!(
        state,
        fs::read_to_string(job.path("state/state.json")).unwrap()
    );
    assert_eq!(history(&job, &["--state", "state"]).0, 0);
    let report = walkdir::WalkDir::new(job.path("archive/reports")).into_iter();
    let report = report
        .map(|it| it.unwrap().into_path())
        .find(|path| path.extension().is_some_and(|it| it == "html"));
    fs::write(report.unwrap(), "nothing").unwrap();
    assert_eq!(history(&job, &[]).0, 0);
    let (code, _, error) = history(&job, &["--reports"]);
    assert_eq!(code, 2);
    assert!(error.contains("is not what line 2 says"), "{error}");
    let (code, _, error) = history(&job, &["--state", "nowhere"]);
    assert_eq!(code, 2);
    assert!(error.contains("nowhere"), "{error}");
    fs::rename(job.path("archive"), job.path("elsewhere")).unwrap();
    let (code, _, error) = history(&job, &[]);
    assert_eq!(code, 2);
    assert!(error.contains("is no archive"), "{error}");
}

#[test]
fn a_jobs_page_shows_the_last_days_and_this_round() {
    let job = job();
    let page = ["--archive", "archive", "--report", "html=page.html"];
    job.run(MIDNIGHT + 75 * MINUTE, &page).assert(0, &[]);
    job.run(MIDNIGHT + 135 * MINUTE, &page).assert(1, &[]);
    let of = |job: &Job| fs::read_to_string(job.path("page.html")).unwrap();
    let shown = of(&job);
    assert!(shown.contains("The last 1 day"));
    assert!(
        shown.contains("3 records missing on cwl; in 2 windows"),
        "with this round"
    );
    job.run(MIDNIGHT + 195 * MINUTE, &page).assert(0, &[]);
    assert!(
        of(&job).contains("3 records missing on cwl; in 3 windows"),
        "what was found before is still there"
    );
    // The page in the archive is of its window alone.
    let pages = walkdir::WalkDir::new(job.path("archive/reports"))
        .into_iter()
        .map(|it| it.unwrap().into_path());
    let pages: Vec<_> = pages
        .filter(|path| path.extension().is_some_and(|it| it == "html"))
        .collect();
    assert_eq!(pages.len(), 1);
    assert!(
        !fs::read_to_string(&pages[0])
            .unwrap()
            .contains("The last 1 day")
    );
}
