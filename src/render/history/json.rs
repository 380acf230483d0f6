//! A history as one JSON document, format `flowdiff.history/1`.

use std::io::{self, Write};

use serde::Serialize;

use super::ToldHistory;
use crate::archive::{
    DayTally, Gap, InterfaceTally, KnownCause, LineWindow, LossTally, WindowLoss,
};
use crate::model::Sides;
use crate::render::write_pretty;
use crate::report::{Carried, times};

/// The name of the format.
const SCHEMA: &str = "flowdiff.history/1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    archive: String,
    chain: ChainMembers,
    sources: &'a Sides<String>,
    window: Option<LineWindow>,
    #[serde(serialize_with = "times::time")]
    last_read_at: Option<i64>,
    slowest: Option<Slowest>,
    total: &'a LossTally,
    unexplained: u64,
    causes: &'a [KnownCause],
    days: &'a [DayTally],
    interfaces: &'a [InterfaceTally],
    more_interfaces: bool,
    worst_windows: &'a [WindowLoss],
    gaps: &'a [Gap],
    read_twice_seconds: i64,
    open: &'a Carried,
}

#[derive(Serialize)]
struct ChainMembers {
    first_line: u64,
    last_line: u64,
    #[serde(serialize_with = "times::time")]
    removed_at: Option<i64>,
    unfinished: bool,
    compared_with_state: bool,
}

#[derive(Serialize)]
struct Slowest {
    seconds: i64,
    window: LineWindow,
}

/// Writes the document.
pub(super) fn write(told: ToldHistory<'_>, out: &mut dyn Write) -> io::Result<()> {
    let history = told.history;
    let slowest = history
        .slowest
        .map(|(seconds, window)| Slowest { seconds, window });
    let document = Document {
        schema: SCHEMA,
        archive: told.folder.display().to_string(),
        chain: ChainMembers {
            first_line: history.first_line,
            last_line: history.last_line,
            removed_at: history.removed_at,
            unfinished: history.unfinished,
            compared_with_state: told.compared,
        },
        sources: &history.sources,
        window: history.span,
        last_read_at: history.last_read_at,
        slowest,
        total: &history.total,
        unexplained: history.unexplained,
        causes: &history.causes,
        days: &history.days,
        interfaces: &history.interfaces,
        more_interfaces: history.more_interfaces,
        worst_windows: &history.worst,
        gaps: &history.gaps,
        read_twice_seconds: history.twice_seconds,
        open: &history.open,
    };
    write_pretty(&document, out)
}
