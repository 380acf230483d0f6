//! Colour, where the caller wants it.

/// Whether to colour. The caller decides, by `--color`, `NO_COLOR` and whether a terminal reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paint {
    /// With ANSI escapes.
    Always,
    /// Plain.
    #[default]
    Never,
}

/// What a piece of text is, which decides how it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Good,
    Bad,
    Doubtful,
    Heading,
    Aside,
    Plain,
}

impl Paint {
    /// Returns the text in that ink; as it is where there is no colour.
    pub(super) fn ink(self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Good => "1;32",
            Ink::Bad => "1;31",
            Ink::Doubtful => "1;33",
            Ink::Heading => "1",
            Ink::Aside => "2",
            Ink::Plain => return text.to_owned(),
        };
        match self {
            Self::Always => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Self::Never => text.to_owned(),
        }
    }
}
