//! The manual page.

use clap::CommandFactory;

use crate::cli::Cli;
use crate::error::Error;

use super::print::standard_output;

/// The manual page of flowdiff with the options of `check`, which is what people look for.
pub(super) fn manual() -> Result<Vec<u8>, Error> {
    let command = Cli::command();
    let mut text = Vec::new();
    let mut page = |command: clap::Command| {
        clap_mangen::Man::new(command)
            .render(&mut text)
            .map_err(standard_output)
    };
    page(command.clone())?;
    if let Some(check) = command.find_subcommand("check") {
        page(check.clone().name("flowdiff check"))?;
    }
    Ok(text)
}
