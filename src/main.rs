//! The `flowdiff` command: parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    flowdiff::command::main()
}
