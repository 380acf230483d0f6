//! `flowdiff help`: a page of `docs/`, or what `--help` says.

use clap::CommandFactory;

use crate::cli::{Cli, PAGES};
use crate::model::Error;

/// What is printed about a topic, about a subcommand, or about flowdiff.
pub(super) fn help(topic: Option<&str>) -> Result<String, Error> {
    let mut command = Cli::command().term_width(100);
    command.build();
    let Some(topic) = topic else {
        return Ok(command.render_help().to_string());
    };
    if let Some(page) = PAGES.iter().find(|page| page.topic == topic) {
        return Ok(page.text.to_owned());
    }
    if let Some(of_its_own) = command.find_subcommand_mut(topic) {
        return Ok(of_its_own.render_long_help().to_string());
    }
    let topics = PAGES.iter().map(|page| page.topic);
    let commands = command
        .get_subcommands()
        .map(clap::Command::get_name)
        .filter(|name| *name != "help");
    let known = topics.chain(commands).collect::<Vec<_>>().join(", ");
    Err(Error::Usage(format!(
        "help: there is no page `{topic}`; there are {known}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_a_page_and_a_command_its_help() {
        for page in &PAGES {
            assert!(page.text.starts_with("# "), "{}", page.topic);
            assert_eq!(help(Some(page.topic)).unwrap(), page.text);
            let command = Cli::command();
            assert!(
                command.find_subcommand(page.topic).is_none(),
                "{}: a page would hide the command",
                page.topic
            );
        }
        assert!(help(Some("check")).unwrap().contains("--cwl-rate"));
        let all = help(None).unwrap();
        assert!(all.contains("Usage: flowdiff <COMMAND>"), "{all}");
        assert!(all.contains("promises"), "{all}");
    }

    #[test]
    fn an_unknown_topic_is_told_which_there_are() {
        let error = help(Some("recrods")).unwrap_err().to_string();
        assert!(error.contains("`recrods`"), "{error}");
        assert!(error.contains("sources, shapes, aws"), "{error}");
        assert!(error.contains("check, plan, doctor"), "{error}");
    }
}
