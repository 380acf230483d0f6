//! What is logged on standard error.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::report::redact::{Redaction, without_secrets};

/// Nothing is logged unless asked for: once is what flowdiff does, twice is what the SDK does too.
pub(super) fn log_to_stderr(verbose: u8, redaction: Option<&Arc<Redaction>>) {
    let targets = match verbose {
        0 => return,
        1 => Targets::new().with_target("flowdiff", Level::INFO),
        2 => Targets::new()
            .with_target("flowdiff", Level::DEBUG)
            .with_default(Level::INFO),
        _ => Targets::new()
            .with_target("flowdiff", Level::TRACE)
            .with_default(Level::DEBUG),
    };
    let redaction = redaction.cloned();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(move || Log(redaction.clone()))
        .with_ansi(io::stderr().is_terminal())
        // That nobody can read the log is no reason to say so there.
        .log_internal_errors(false);
    // A second subscriber in one process can only come from an embedding program, whose own then stays.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(targets)
        .try_init();
}

/// Standard error for the log, which writes each line in one go.
struct Log(Option<Arc<Redaction>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let text = without_secrets(&text);
        match &self.0 {
            None => io::stderr().write_all(text.as_bytes())?,
            Some(redaction) => io::stderr().write_all(redaction.text(&text).as_bytes())?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
