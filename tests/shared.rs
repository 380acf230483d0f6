//! That `cargo run` and `cargo test` share one build of what both depend on.

use std::collections::BTreeMap;
use std::process::Command;

/// What a build is of: each crate at its version, with its features.
fn crates(edges: &str) -> BTreeMap<String, Vec<String>> {
    let tree = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--locked", "--offline"])
        .args(["--prefix=none", "--format={p}|{f}", "--edges", edges])
        .output()
        .unwrap();
    assert!(tree.status.success(), "{tree:?}");
    let mut crates: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in String::from_utf8(tree.stdout).unwrap().lines() {
        let (name, features) = line.split_once('|').unwrap();
        // One crate is built twice where what runs at compile time needs other features of it.
        let features = features.trim_end_matches(" (*)").to_owned();
        let all = crates.entry(name.to_owned()).or_default();
        if !all.contains(&features) {
            all.push(features);
            all.sort();
        }
    }
    crates
}

#[test]
fn tests_ask_for_no_features_that_the_program_is_built_without() {
    let of_run = crates("normal,build");
    let of_test = crates("normal,build,dev");
    assert!(of_run.len() > 100 && of_test.len() > of_run.len());
    for (name, features) in &of_run {
        assert_eq!(
            Some(features),
            of_test.get(name),
            "`cargo test` builds {name}, and all that depends on it, once more: name the features that it lacks in \
             Cargo.toml's [dependencies]"
        );
    }
}
