//! Settings that are set to nothing.

use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

/// Takes the variables that are set to nothing for not set: Compose files, Kubernetes, CI systems and systemd set optional
/// ones so.
pub(super) fn without_empty_variables(command: Command) -> Command {
    let unset = |arg: Arg| match std::env::var_os(arg.get_env().unwrap_or_default()) {
        Some(value) if value.to_string_lossy().trim().is_empty() => arg.env(Resettable::Reset),
        _ => arg,
    };
    command
        .mut_args(unset)
        .mut_subcommands(|subcommand| subcommand.mut_args(unset))
}

/// Refuses options and arguments that are given nothing, or a list in which nothing is.
pub(super) fn refuse_empty_options(
    command: &mut Command,
    matches: &ArgMatches,
) -> Result<(), clap::Error> {
    let Some((name, matches)) = matches.subcommand() else {
        return Ok(());
    };
    let Some(subcommand) = command.find_subcommand(name) else {
        return Ok(());
    };
    let empty = |arg: &&Arg| {
        let id = arg.get_id().as_str();
        let given = matches.value_source(id) == Some(ValueSource::CommandLine)
            || matches.value_source(id) == Some(ValueSource::EnvVariable);
        let mut values = matches.try_get_raw(id).ok().flatten().into_iter().flatten();
        given && values.any(|value| value.to_string_lossy().trim().is_empty())
    };
    let takes_values = subcommand
        .get_arguments()
        .filter(|arg| arg.get_action().takes_values());
    let Some(arg) = takes_values.into_iter().find(empty) else {
        return Ok(());
    };
    let id = arg.get_id().as_str();
    let message = match arg.get_env() {
        Some(env) if matches.value_source(id) == Some(ValueSource::EnvVariable) => {
            format!("{}: a value in the list is empty", env.to_string_lossy())
        }
        _ => format!(
            "{}: the value is empty; leave it out, or set what it should be",
            named(arg)
        ),
    };
    Err(command.error(ErrorKind::InvalidValue, message))
}

fn named(arg: &Arg) -> String {
    match (arg.get_long(), arg.get_value_names()) {
        (Some(long), _) => format!("--{long}"),
        (None, Some([name, ..])) => name.to_string(),
        (None, _) => arg.get_id().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use crate::cli::Cli;

    fn refusal(words: &[&str]) -> String {
        let words = ["flowdiff"].iter().chain(words);
        Cli::read(words).map(drop).unwrap_err().to_string()
    }

    /// All of them that take a value, not just those that somebody has thought of.
    #[test]
    fn an_option_of_nothing_is_refused_by_name() {
        let command = Cli::command();
        for name in ["check", "watch"] {
            let subcommand = command.find_subcommand(name).unwrap();
            let options = subcommand.get_arguments();
            let mut seen = 0;
            for option in options.filter(|arg| arg.get_action().takes_values()) {
                let Some(long) = option.get_long() else {
                    continue;
                };
                if option
                    .get_num_args()
                    .is_some_and(|number| number.min_values() > 1)
                {
                    continue;
                }
                for value in ["", " "] {
                    let said = refusal(&[name, "a", "b", &format!("--{long}"), value]);
                    assert!(said.contains(&format!("--{long}")), "{long}: {said}");
                }
                seen += 1;
            }
            assert!(seen > 30, "{seen}");
        }
        for words in [
            &["check", "", "b"][..],
            &["check", "a", "b", "--interface", "eni-0aa,"],
            &["check", "--flow-logs", "fl-0aa", ""],
        ] {
            let said = refusal(words);
            assert!(said.contains("empty"), "{said}");
        }
    }
}
