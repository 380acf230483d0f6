//! What to do next about a cause, as data: who knows what was typed makes a command of it.

/// How the next command differs from the one that was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandChange {
    /// Gives an option, whatever it was before; `None` is a flag.
    Set(&'static str, Option<String>),
    /// Only these starts, in Unix seconds, the end not included.
    Window(i64, i64),
    /// Another subcommand.
    Command(&'static str),
}

/// A step: what to do, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextStep {
    /// What to do, a sentence.
    pub text: String,
    /// How the command differs that does it, or that shows whether it helped.
    pub changes: Vec<CommandChange>,
}

impl NextStep {
    /// A step whose command is the one that was typed.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            changes: Vec::new(),
        }
    }

    /// Sets an option.
    #[must_use]
    pub fn set(mut self, option: &'static str, value: impl Into<String>) -> Self {
        self.changes
            .push(CommandChange::Set(option, Some(value.into())));
        self
    }

    /// Sets a flag.
    #[must_use]
    pub fn flag(mut self, option: &'static str) -> Self {
        self.changes.push(CommandChange::Set(option, None));
        self
    }

    /// Narrows the window, if there is one.
    #[must_use]
    pub fn within(mut self, since: Option<i64>, until: Option<i64>) -> Self {
        self.changes.extend(
            since
                .zip(until)
                .map(|(since, until)| CommandChange::Window(since, until)),
        );
        self
    }

    /// Calls another subcommand.
    #[must_use]
    pub fn command(mut self, name: &'static str) -> Self {
        self.changes.push(CommandChange::Command(name));
        self
    }
}
