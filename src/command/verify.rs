//! Tells whether an archive still holds what receipts say (`verify`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::check::Check;
use crate::check::kept::receipt::{Verified, verify};
use crate::cli::VerifyArgs;
use crate::cli::plan::{VerifyPlan, deadline, key_of};
use crate::digest::file::About;
use crate::digest::receipt::{Beside, BucketChange, ChainLink, Receipt, ReceiptKey, in_chain};
use crate::model::Error;
use crate::model::window::{Window, rfc3339};
use crate::model::words::{count, thousands};
use crate::progress::{Progress, say};
use crate::render::{escape, listed};
use crate::source;

use super::digest::{quiet_or_not, receipt_of};
use super::log::log_to_stderr;
use super::print::{json_text, print};
use super::verified::report;
use super::wait::until_interrupted;
use super::{INTERRUPTED, clock};

/// Something is not as it was.
const CHANGED: u8 = 1;

/// Nothing is known to have changed, and not all could be read.
const UNREAD: u8 = 3;

/// So many buckets, and unreadable parts, of a receipt are named.
const NAMED: usize = 20;

/// Verifies, prints what is found, and returns the exit code.
pub(super) fn run(args: &VerifyArgs) -> Result<u8, Error> {
    log_to_stderr(args.verbose, None);
    let (archive, receipts) = match args.receipts.split_last() {
        Some((archive, receipts)) if !receipts.is_empty() => (archive, receipts),
        _ => {
            return Err(Error::Usage(
                "verify takes receipts, and after them the archive".into(),
            ));
        }
    };
    let key = key_of(&args.key)?.ok_or_else(|| {
        Error::Usage("--key-file: verify needs the key that the receipts were made with".into())
    })?;
    let mut read: Vec<(Receipt, String)> = Vec::new();
    let mut links: Vec<(ChainLink, String)> = Vec::new();
    for path in receipts {
        let (receipt, link) = receipt_of(&PathBuf::from(path), &key)?;
        links.push((link, path.clone()));
        read.push((receipt, path.clone()));
    }
    let order = in_chain(&links).map_err(Error::Usage)?;
    let sides = read.iter().map(|(receipt, _)| receipt.head.about.side);
    let side = sides.clone().next();
    let Some(side) = side.filter(|side| sides.clone().all(|of| of == *side)) else {
        return Err(Error::Usage(
            "the receipts are of two sides, which have a chain each".into(),
        ));
    };
    let plan = VerifyPlan::new(args, archive, side, clock())?;
    let progress = Progress::new(quiet_or_not(args.quiet));
    let key = ReceiptKey::of(&key);
    let work = async {
        let archive = source::open(&plan.source.0, &plan.source.1).await?;
        let archive: Arc<dyn source::Source> = Arc::from(archive);
        let mut all = Vec::new();
        for index in order {
            let (receipt, path) = &read[index];
            let check = of_receipt(&plan.check, receipt);
            let verified = verify(&check, receipt, Arc::clone(&archive), &key, &progress).await?;
            all.push((receipt, path, verified));
        }
        Ok(all)
    };
    let verified = until_interrupted(deadline(&args.as_check(), None)?, work);
    let got_to = progress.snapshot();
    progress.finish();
    let Some(verified) = verified? else {
        say(&format!("flowdiff: interrupted: {got_to}"));
        return Ok(INTERRUPTED);
    };
    let any = |is: fn(&Verified) -> bool| verified.iter().any(|(.., verified)| is(verified));
    let code = match () {
        () if any(|verified| !verified.changed.is_empty()) => CHANGED,
        () if any(|verified| !verified.is_whole()) => UNREAD,
        () => 0,
    };
    let last = links.iter().max_by_key(|(link, _)| link.number);
    if args.output.as_deref() == Some("json") {
        let archive = plan.source.0.to_string();
        print(&json_text(&report(&archive, &verified, last, code))?)?;
        return Ok(code);
    }
    let mut text = String::new();
    for (receipt, path, verified) in &verified {
        text += &told(receipt, Path::new(path), verified);
    }
    if let Some((last, path)) = last {
        text += &format!(
            "The chain is whole from number 1 to {}, `{}`, SHA-256 {}. That none came after it, a chain cannot show.\n",
            last.number,
            escape(path),
            last.hash
        );
    }
    if !args.quiet {
        print(text.as_bytes())?;
    }
    Ok(code)
}

/// What is asked of an archive for a receipt.
fn of_receipt(check: &Check, receipt: &Receipt) -> Check {
    let about = &receipt.head.about;
    Check {
        window: about.window.into(),
        interfaces: about.interfaces.iter().cloned().collect(),
        ignore_nodata: about.ignore_nodata,
        ..check.clone()
    }
}

/// Says what has become of what a receipt tells of.
fn told(receipt: &Receipt, path: &Path, verified: &Verified) -> String {
    let about = &receipt.head.about;
    let what = match (&verified.changed[..], verified.is_whole()) {
        ([], true) => format!("as it was, {}", count(receipt.sums.records(), "record")),
        ([], false) => "not known, since not all could be read".to_owned(),
        (changed, _) => format!("NOT as it was in {}", count(changed.len() as u64, "bucket")),
    };
    let mut text = format!(
        "{} (number {}, {} of {}): {what}\n",
        escape(&path.display().to_string()),
        receipt.head.number,
        about.side,
        Window::from(about.window)
    );
    if let Some(beside) = &receipt.head.beside {
        text += &format!("  {}\n", escape(&then(beside)));
    }
    if let Some(asked) = asked(about) {
        text += &format!("  it is of {}\n", escape(&asked));
    }
    let mut list = |lines: Vec<String>| {
        for line in lines.iter().take(NAMED) {
            text += &format!("  {line}\n");
        }
        if let more @ 1.. = lines.len().saturating_sub(NAMED) {
            text += &format!("  ... and {} more\n", thousands(more as u64));
        }
    };
    list(
        verified
            .changed
            .iter()
            .map(|change| changed(change, ""))
            .collect(),
    );
    let perhaps = ", which may be in what could not be read or is no record";
    list(
        verified
            .undetermined
            .iter()
            .map(|change| changed(change, perhaps))
            .collect(),
    );
    let unread = verified.unreadable.iter();
    list(
        unread
            .map(|(part, why)| format!("not read: {}: {}", escape(part), escape(why)))
            .collect(),
    );
    if let (then, now) = verified.malformed
        && then != now
    {
        list(vec![format!(
            "note: {} no record, where {} none",
            match now {
                1 => "1 row is".to_owned(),
                now => format!("{} rows are", thousands(now)),
            },
            match then {
                1 => "1 was".to_owned(),
                then => format!("{} were", thousands(then)),
            }
        )]);
    }
    let notes = verified.remarks.iter();
    list(
        notes
            .map(|remark| format!("note: {}", escape(&listed(about.side, remark))))
            .collect(),
    );
    if verified.moved && verified.changed.is_empty() {
        list(vec![
            "note: other parts hold them than then, or the same ones written anew".to_owned(),
        ]);
    }
    text
}

/// Says what of a source a receipt is of, if not of all.
fn asked(about: &About) -> Option<String> {
    let ids = about.sources.iter().flat_map(|source| &source.flow_log_ids);
    let ids: Vec<&str> = ids.map(String::as_str).collect();
    let interfaces: Vec<&str> = about.interfaces.iter().map(String::as_str).collect();
    let all = [
        (!ids.is_empty()).then(|| format!("the flow logs {}", ids.join(", "))),
        (!interfaces.is_empty()).then(|| format!("the interfaces {}", interfaces.join(", "))),
        about
            .ignore_nodata
            .then(|| "all but NODATA records".to_owned()),
    ];
    let all: Vec<String> = all.into_iter().flatten().collect();
    (!all.is_empty()).then(|| format!("{} only", all.join("; ")))
}

/// Says what a check found when the receipt was made.
fn then(beside: &Beside) -> String {
    let Beside {
        source, verdict, ..
    } = beside;
    let code = beside.exit_code;
    match beside.unequal_buckets {
        None => format!("the job that compared it with {source} said {verdict} ({code})"),
        Some(0) => format!("then {source} held the same; the check said {verdict} ({code})"),
        Some(unequal) => format!(
            "then {source} did not hold the same in {}; the check said {verdict} ({code})",
            count(unequal, "bucket")
        ),
    }
}

fn changed(change: &BucketChange, perhaps: &str) -> String {
    let BucketChange { bucket, then, now } = change;
    let at = bucket
        .slot
        .map_or_else(String::new, |slot| format!(" {}", rfc3339(slot)));
    let what = match then.cmp(now) {
        std::cmp::Ordering::Equal => format!("{}, and not the same", count(*now, "record")),
        std::cmp::Ordering::Greater => format!(
            "{} of {} are gone",
            thousands(then - now),
            count(*then, "record")
        ),
        std::cmp::Ordering::Less => format!(
            "{} more than {}",
            thousands(now - then),
            count(*then, "record")
        ),
    };
    format!("{}{at}: {what}{perhaps}", escape(&bucket.interface))
}
