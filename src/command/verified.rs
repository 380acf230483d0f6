//! What `verify` has found, as JSON.

use serde::Serialize;

use crate::check::kept::receipt::Verified;
use crate::digest::receipt::{Beside, BucketChange, ChainLink, Receipt};
use crate::model::Side;
use crate::model::window::rfc3339;
use crate::render::listed;

/// The format of the document.
const SCHEMA: &str = "flowdiff.verify/1";

/// The document.
#[derive(Serialize)]
pub(super) struct VerifyReport<'v> {
    schema: &'static str,
    exit_code: u8,
    archive: &'v str,
    receipts: Vec<VerifiedReceipt<'v>>,
    /// The last receipt of the chain, which began with number 1.
    last: Option<LastReceipt<'v>>,
}

#[derive(Serialize)]
struct LastReceipt<'v> {
    number: u64,
    file: &'v str,
    sha256: &'v str,
}

/// What has become of what a receipt tells of.
#[derive(Serialize)]
struct VerifiedReceipt<'v> {
    file: &'v str,
    number: u64,
    side: Side,
    window: Times,
    asked: Asked<'v>,
    state: &'static str,
    records: u64,
    changed: Vec<Changed<'v>>,
    undetermined: Vec<Changed<'v>>,
    unreadable: Vec<Unread<'v>>,
    malformed: ThenAndNow,
    moved: bool,
    notes: Vec<String>,
    beside: Option<&'v Beside>,
}

#[derive(Serialize)]
struct Times {
    start: Option<String>,
    end: Option<String>,
}

/// What was asked for when the receipt was made.
#[derive(Serialize)]
struct Asked<'v> {
    sources: Vec<&'v str>,
    interfaces: Vec<&'v str>,
    flow_log_ids: Vec<&'v str>,
    all_streams: bool,
    ignore_nodata: bool,
}

#[derive(Serialize)]
struct Changed<'v> {
    interface: &'v str,
    slot: Option<String>,
    #[serde(flatten)]
    records: ThenAndNow,
}

#[derive(Serialize)]
struct ThenAndNow {
    then: u64,
    now: u64,
}

#[derive(Serialize)]
struct Unread<'v> {
    part: &'v str,
    reason: &'v str,
}

/// What is known of a receipt and of what it tells of.
pub(super) type Known<'v> = (&'v Receipt, &'v String, Verified);

/// Says all of it.
pub(super) fn report<'v>(
    archive: &'v str,
    verified: &'v [Known<'v>],
    last: Option<&'v (ChainLink, String)>,
    exit_code: u8,
) -> VerifyReport<'v> {
    VerifyReport {
        schema: SCHEMA,
        exit_code,
        archive,
        receipts: verified.iter().map(receipt).collect(),
        last: last.map(|(link, file)| LastReceipt {
            number: link.number,
            file,
            sha256: &link.hash,
        }),
    }
}

fn receipt<'v>((receipt, file, verified): &'v Known<'v>) -> VerifiedReceipt<'v> {
    let about = &receipt.head.about;
    let mut flow_log_ids: Vec<&str> = Vec::new();
    for source in &about.sources {
        flow_log_ids.extend(source.flow_log_ids.iter().map(String::as_str));
    }
    let unreadable = verified.unreadable.iter();
    let notes = verified.remarks.iter();
    VerifiedReceipt {
        file,
        number: receipt.head.number,
        side: about.side,
        window: Times {
            start: about.window.start.map(rfc3339),
            end: about.window.end.map(rfc3339),
        },
        asked: Asked {
            sources: about
                .sources
                .iter()
                .map(|source| &*source.address)
                .collect(),
            interfaces: about.interfaces.iter().map(String::as_str).collect(),
            flow_log_ids,
            all_streams: about.sources.iter().any(|source| source.all_streams),
            ignore_nodata: about.ignore_nodata,
        },
        state: match (verified.changed.is_empty(), verified.is_whole()) {
            (false, _) => "changed",
            (true, true) => "as-it-was",
            (true, false) => "unknown",
        },
        records: receipt.sums.records(),
        changed: verified.changed.iter().map(changed).collect(),
        undetermined: verified.undetermined.iter().map(changed).collect(),
        unreadable: unreadable
            .map(|(part, reason)| Unread { part, reason })
            .collect(),
        malformed: ThenAndNow {
            then: verified.malformed.0,
            now: verified.malformed.1,
        },
        moved: verified.moved,
        notes: notes.map(|remark| listed(about.side, remark)).collect(),
        beside: receipt.head.beside.as_ref(),
    }
}

fn changed(change: &BucketChange) -> Changed<'_> {
    Changed {
        interface: &change.bucket.interface,
        slot: change.bucket.slot.map(rfc3339),
        records: ThenAndNow {
            then: change.then,
            now: change.now,
        },
    }
}
