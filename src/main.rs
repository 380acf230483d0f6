//! The `flowdiff` command: parse, run, exit code.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    flowdiff::run::run(flowdiff::cli::Cli::parse())
}
