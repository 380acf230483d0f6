//! The manual page.

use clap::CommandFactory;

use crate::cli::Cli;
use crate::model::Error;

use super::print::standard_output;

/// The manual page of flowdiff and of each of its commands, one after the other.
pub(super) fn manual() -> Result<Vec<u8>, Error> {
    let command = Cli::command();
    let mut text = Vec::new();
    let mut page = |command: clap::Command| {
        clap_mangen::Man::new(command)
            .render(&mut text)
            .map_err(standard_output)
    };
    page(command.clone())?;
    for of_its_own in command.get_subcommands() {
        let name = format!("flowdiff {}", of_its_own.get_name());
        page(of_its_own.clone().name(name))?;
    }
    Ok(text)
}
