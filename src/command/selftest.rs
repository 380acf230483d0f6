//! Runs the self-test.

use crate::model::Error;
use crate::selftest;

use super::print::print;

/// How many seeds a self-test has if nobody says.
const SEEDS: u64 = 1_000;

pub(super) fn run(seed: Option<u64>, seeds: Option<u64>, verbose: bool) -> Result<u8, Error> {
    let first = seed.unwrap_or(1);
    let seeds = seeds.unwrap_or(if seed.is_some() { 1 } else { SEEDS });
    if seeds == 0 {
        return Err(Error::Usage("--seeds: must be at least 1".into()));
    }
    if verbose {
        for number in 0..seeds {
            eprintln!("{}", selftest::describe(first.wrapping_add(number)));
        }
    }
    let outcome = selftest::run(first, seeds)
        .map_err(|error| Error::Usage(format!("the self-test cannot run: {error}")))?;
    for (seed, wrong) in &outcome.failed {
        eprintln!("seed {seed}: {}", wrong.join("; "));
        eprintln!("replay: flowdiff selftest --seed {seed}");
    }
    let verdict = if outcome.failed.is_empty() {
        "every report is the truth".to_owned()
    } else {
        format!(
            "the reports of {} seeds are NOT the truth",
            outcome.failed.len()
        )
    };
    let (seeds, checks) = (outcome.seeds, outcome.checks);
    print(
        format!("selftest: {seeds} seeds from {first}, {checks} checks: {verdict}\n").as_bytes(),
    )?;
    Ok(u8::from(!outcome.failed.is_empty()))
}
