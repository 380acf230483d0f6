//! What is asked about pairs.

use clap::{ArgAction, Args, ValueEnum};

/// What can be said about finding pairs.
#[derive(Clone, Debug, Args)]
pub struct PairsArgs {
    /// Profile of the AWS configuration (repeatable) [default: the environment's credentials]
    #[arg(long, value_name = "NAME", env = "FLOWDIFF_PROFILE")]
    pub profile: Vec<String>,

    /// Region (repeatable) [default: the environment's or the profile's]
    #[arg(long, value_name = "REGION", env = "FLOWDIFF_REGION")]
    pub region: Vec<String>,

    /// What is printed: text for people, or a line of JSON for each pair, which --pairs takes
    #[arg(
        long,
        short,
        value_name = "FORMAT",
        env = "FLOWDIFF_OUTPUT",
        default_value = "text"
    )]
    pub output: PairsForm,

    /// Say what is being done, and every retry; twice for more
    #[arg(long, short, env = "FLOWDIFF_VERBOSE", action = ArgAction::Count)]
    pub verbose: u8,
}

/// How pairs are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PairsForm {
    /// For people.
    Text,
    /// A line of JSON for each pair.
    Jsonl,
}
