//! What is printed and written, and what of it is shown.

use std::path::PathBuf;

use clap::builder::{FalseyValueParser, PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args, ValueEnum};

use crate::render::RENDERERS;

/// What can be said about output.
#[derive(Clone, Debug, Args)]
pub struct OutputArgs {
    /// The form of the report on standard output [default: text]
    #[arg(
        long,
        short,
        value_name = "FORMAT",
        env = "FLOWDIFF_OUTPUT",
        value_parser = renderer_names(),
        help_heading = "Output"
    )]
    pub output: Option<String>,

    /// Write another report of the same run to a file (repeatable), e.g. json=report.json
    ///
    /// Formats as in --output. The file appears under its name when it is complete. `-` is standard output, in place of
    /// what --output would print there.
    #[arg(
        long,
        value_name = "FORMAT=PATH",
        env = "FLOWDIFF_REPORT",
        help_heading = "Output"
    )]
    pub report: Vec<String>,

    /// Write every difference to a file, as JSON lines, however many there are
    #[arg(
        long,
        value_name = "FILE",
        env = "FLOWDIFF_ALL_DIFFERENCES",
        help_heading = "Output"
    )]
    pub all_differences: Option<PathBuf>,

    /// How many differing records the report shows; it counts all of them
    #[arg(
        long,
        value_name = "N",
        env = "FLOWDIFF_MAX_EVIDENCE",
        default_value_t = 100,
        help_heading = "Output"
    )]
    pub max_evidence: usize,

    /// How many differing records the text report shows [default: as many as fit one screen]
    ///
    /// Raises --max-evidence where that is less.
    #[arg(long, value_name = "N", env = "FLOWDIFF_ROWS", help_heading = "Output")]
    pub rows: Option<usize>,

    /// Replace addresses, account ids and resource ids by stand-ins, so that the report can be given away
    ///
    /// In every report and message. The same text has the same stand-in throughout the run, and addresses that share a
    /// prefix still do. Names of buckets, log groups, folders and services are kept.
    #[arg(long, env = "FLOWDIFF_REDACT", value_parser = FalseyValueParser::new(), help_heading = "Output")]
    pub redact: bool,

    /// Redact with this key: the same stand-ins in every run that has it
    ///
    /// At least 16 bytes, kept secret: with it addresses can be turned back. Better given as FLOWDIFF_REDACT_KEY, since
    /// other users of the machine can see command lines.
    #[arg(
        long,
        value_name = "KEY",
        env = "FLOWDIFF_REDACT_KEY",
        hide_env_values = true,
        help_heading = "Output"
    )]
    pub redact_key: Option<String>,

    /// Print nothing but errors: the exit code tells, and --report writes
    #[arg(long, short, env = "FLOWDIFF_QUIET", value_parser = FalseyValueParser::new(), conflicts_with = "verbose", help_heading = "Output")]
    pub quiet: bool,

    /// Say what is being done, and every retry; twice for more
    #[arg(long, short, env = "FLOWDIFF_VERBOSE", action = ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,

    /// Whether to use colour; NO_COLOR is respected
    #[arg(
        long,
        value_name = "WHEN",
        env = "FLOWDIFF_COLOR",
        default_value = "auto",
        help_heading = "Output"
    )]
    pub color: Color,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

fn renderer_names() -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new(RENDERERS.iter().map(|renderer| renderer.name))
        .map(|name: String| name)
}
