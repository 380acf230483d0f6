//! flowdiff tells whether VPC Flow Logs delivered to S3 and to CloudWatch Logs hold the same
//! records, and if not: which, where and why.
//!
//! The modules in pipeline order:
//!
//! - [`cli`]: what can be typed, and the help
//! - [`configuration`]: what two flow logs have in common, and the options they stand for
//! - [`plan`]: what was typed, checked
//! - [`run`]: runs a plan: opens outputs and sources, waits, writes the reports
//! - [`window`]: the time window, slots, what each store must be asked for, what has settled
//! - [`source`]: lists parts and reads their bytes (S3, CloudWatch Logs, files)
//! - [`decode`]: bytes to rows, formats told by content
//! - [`record`]: rows to records in canonical form; the table of fields
//! - [`delay`]: how long records were on their way
//! - [`digest`]: records boiled down to what tells two sides apart
//! - [`diff`]: copies of differing records told as missing, surplus or divergent
//! - [`estimate`]: what a check would read
//! - [`doctor`]: whether a check could run and be believed
//! - [`check`]: the driver: joins the stages, bounds concurrency and memory, decides the verdict
//! - [`round`]: one run of a scheduled job: what is open again, then the windows that are due
//! - [`watch`]: rounds again and again
//! - [`state`]: what a scheduled job has decided and still looks for, kept between its runs
//! - [`finding`]: what is wrong, as data
//! - [`alarm`]: the limits that a user sets on a report, and the line for Nagios
//! - [`report`]: everything a run found out, and the ways to show it
//! - [`redact`]: stand-ins for addresses and account ids, for a report that is given away
//! - [`temporary`]: files for what does not fit memory or came through a pipe
//! - [`progress`]: how far a run is, for people who wait
//! - [`error`]: what stops a run

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")
)]

pub mod alarm;
pub mod check;
pub mod cli;
pub mod configuration;
pub mod decode;
pub mod delay;
pub mod diff;
pub mod digest;
pub mod doctor;
pub mod error;
pub mod estimate;
pub mod finding;
pub mod plan;
pub mod progress;
pub mod record;
pub mod redact;
pub mod report;
pub mod round;
pub mod run;
pub mod selftest;
pub mod source;
pub mod state;
pub mod temporary;
pub mod watch;
pub mod window;
