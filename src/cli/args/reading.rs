//! What is read of a source by a command that is no check, and how.

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args};

use super::{
    AlarmArgs, ChainArgs, CheckArgs, Color, ComparisonArgs, JobArgs, KeyArgs, LimitArgs, LooksArgs,
    OutputArgs, ReceiptArgs, RepairArgs, SideArgs, SourceArgs, TimeArgs,
};

/// What can be said about reading.
#[derive(Clone, Debug, Args)]
pub struct ReadingArgs {
    /// With which key.
    #[command(flatten)]
    pub key: KeyArgs,

    /// Which records, by time.
    #[command(flatten)]
    pub time: TimeArgs,

    /// Which records and fields.
    #[command(flatten)]
    pub comparison: ComparisonArgs,

    /// How either side is reached.
    #[command(flatten)]
    pub sides: SideArgs,

    /// What a run may take.
    #[command(flatten)]
    pub limits: LimitArgs,

    /// Print nothing but errors
    #[arg(long, short, env = "FLOWDIFF_QUIET", value_parser = FalseyValueParser::new(), conflicts_with = "verbose", help_heading = "Output")]
    pub quiet: bool,

    /// Say what is being done, and every retry; twice for more
    #[arg(long, short, env = "FLOWDIFF_VERBOSE", action = ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,
}

impl ReadingArgs {
    /// Returns what a check would be asked that reads sources in this way, and nothing else.
    pub fn as_check(&self) -> CheckArgs {
        CheckArgs {
            sources: SourceArgs {
                s3: None,
                cwl: None,
                flow_logs: Vec::new(),
                resource: None,
                pairs: None,
                pair: None,
                plan: false,
                configured: None,
            },
            time: self.time.clone(),
            job: JobArgs {
                archive: None,
                receipts: false,
                state: None,
                lease: None,
                state_rewind: None,
                step: "1h".to_owned(),
                max_windows: 1,
                give_up: "24h".to_owned(),
            },
            comparison: self.comparison.clone(),
            sides: self.sides.clone(),
            output: OutputArgs {
                output: None,
                report: Vec::new(),
                all_differences: None,
                max_evidence: 100,
                rows: None,
                redact: false,
                redact_key: None,
                quiet: self.quiet,
                verbose: self.verbose,
                color: Color::Auto,
            },
            repair: RepairArgs {
                repair: None,
                repair_s3: None,
                repair_cwl: None,
            },
            alarms: AlarmArgs {
                fail_on: Vec::new(),
                nagios: false,
                warning: Vec::new(),
                critical: Vec::new(),
            },
            limits: self.limits.clone(),
            key: self.key.clone(),
            proof: ReceiptArgs {
                receipt: None,
                chain: ChainArgs { previous: None },
            },
            looks: LooksArgs::default(),
        }
    }
}
