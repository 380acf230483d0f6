//! That flowdiff's reports are the truth, over thousands of situations made up from seeds.

use crate::support::{offline, unless_long};

#[test]
fn planted_faults_are_found_and_nothing_else() {
    let seeds = unless_long(500, 3000).to_string();
    let run = offline()
        .args(["selftest", "--seeds", &seeds])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    let wrong = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}{wrong}");
    assert!(
        said.starts_with(&format!("selftest: {seeds} seeds from 1, ")),
        "{said}"
    );
    assert!(said.ends_with("every report is the truth\n"), "{said}");
}

#[test]
fn no_seeds_are_no_test() {
    let run = offline()
        .args(["selftest", "--seeds", "0"])
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&run.stderr).contains("--seeds"));
}
