//! Boils one side down (`digest`), adds digests up (`digest --merge`), makes keys (`key`).

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytesize::ByteSize;

use crate::check::{kept, nothing_there};
use crate::cli::DigestArgs;
use crate::cli::plan::{DigestPlan, deadline, key_of, new_key, refuse_overwriting};
use crate::digest::KEY;
use crate::digest::file::{About, SideDigest, is_digest};
use crate::digest::receipt::{ChainLink, Receipt, ReceiptKey};
use crate::model::words::count;
use crate::model::{Error, Side};
use crate::output::Output;
use crate::progress::{Mode, Progress, say};
use crate::render::{escape, listed};
use crate::source;
use crate::source::Source;
use crate::source::parts::{PartLine, SomeParts};
use crate::system::Waiting;

use super::log::log_to_stderr;
use super::wait::until_interrupted;
use super::{INTERRUPTED, clock};

/// What is known is written, and some of it could not be read or understood.
const IN_PART: u8 = 3;

/// Makes a digest and returns the exit code.
pub(super) fn run(args: &DigestArgs) -> Result<u8, Error> {
    log_to_stderr(args.reading.verbose, None);
    let parts = args.parts.as_deref().filter(|path| path.as_os_str() != "-");
    let parts = parts.and_then(std::path::Path::to_str);
    let previous = args
        .chain
        .previous
        .as_deref()
        .and_then(std::path::Path::to_str);
    let sources = args.sources.iter().map(String::as_str);
    let key = args
        .reading
        .key
        .key_file
        .as_deref()
        .and_then(std::path::Path::to_str);
    let taken: Vec<&str> = sources.chain(parts).chain(previous).chain(key).collect();
    refuse_overwriting(&[("--to", &args.to)], &taken)?;
    let made = match args.merge {
        true => Some(merged(args)?),
        false => read(args)?,
    };
    let Some((made, mut output)) = made else {
        return Ok(INTERRUPTED);
    };
    let path = output.path().to_owned();
    let mut file = Vec::new();
    let written = match &made {
        Made::Digest(digest) => digest.write(&mut file),
        Made::Receipt(receipt, key) => receipt.write(key, &mut file),
    };
    let written = written.and_then(|()| output.write_all(&file));
    written.map_err(|source| Error::Output {
        path: path.clone(),
        source,
    })?;
    output.finish()?;
    let about = made.about();
    if !args.reading.quiet {
        tell(&path, about, file.len() as u64);
    }
    let whole = about.unreadable.is_empty() && about.counts.malformed == 0;
    Ok(if whole { 0 } else { IN_PART })
}

/// What is written.
enum Made {
    Digest(Box<SideDigest>),
    Receipt(Box<Receipt>, ReceiptKey),
}

impl Made {
    fn about(&self) -> &About {
        match self {
            Self::Digest(digest) => &digest.about,
            Self::Receipt(receipt, _) => &receipt.head.about,
        }
    }
}

/// Where the file goes: `-` is standard output.
fn open(path: &Path) -> Result<Output, Error> {
    match path.as_os_str() == "-" {
        true => Output::open(Path::new("/dev/stdout")),
        false => Output::open(path),
    }
}

/// Boils a source down; `None` if interrupted.
fn read(args: &DigestArgs) -> Result<Option<(Made, Output)>, Error> {
    let plan = DigestPlan::new(args, clock())?;
    let previous = previous(args, &plan)?;
    let parts = args
        .parts
        .as_deref()
        .map(|file| parts(file, plan.spec.side));
    let parts = parts.transpose()?;
    let output = open(&args.to)?;
    let progress = Progress::new(quiet_or_not(args.reading.quiet));
    let work = async {
        let source = source::open(&plan.source.0, &plan.source.1).await?;
        let source: Arc<dyn Source> = match parts {
            Some(parts) => Arc::new(SomeParts::of(source, parts)),
            None => Arc::from(source),
        };
        let receipt = plan.spec.key.as_ref().filter(|_| args.receipt);
        let Some(key) = receipt.map(ReceiptKey::of) else {
            let made = kept::digest(&plan.check, &plan.spec, source, &progress).await?;
            let digest = SideDigest::new(made.about, made.sums);
            return Ok((Made::Digest(Box::new(digest)), made.remarks));
        };
        let spec = (&plan.spec, &BTreeMap::new());
        let held = kept::receipt::held(&plan.check, spec, source, &key, &progress);
        let held = held.await?;
        let receipt = Receipt::new(held.about, &held.sums, previous.as_ref(), &key);
        Ok((Made::Receipt(Box::new(receipt), key), held.remarks))
    };
    let made = until_interrupted(deadline(&args.reading.as_check(), None)?, work);
    let got_to = progress.snapshot();
    progress.finish();
    let Some((made, remarks)) = made? else {
        say(&format!("flowdiff: interrupted: {got_to}"));
        return Ok(None);
    };
    // Whoever compares the digest is not told that it is of nothing.
    if !plan.check.allow_empty
        && let Some(refused) = nothing_there(plan.spec.side, &remarks)
    {
        return Err(refused);
    }
    for remark in remarks.iter().filter(|_| !args.reading.quiet) {
        say(&format!(
            "flowdiff: note: {}",
            escape(&listed(plan.spec.side, remark))
        ));
    }
    Ok(Some((made, output)))
}

/// Reads the parts of a side that are to be read.
fn parts(file: &Path, side: Side) -> Result<Vec<PartLine>, Error> {
    let mut parts = part_lines(file)?;
    parts.retain(|part| part.side == side);
    Ok(parts)
}

/// Returns how a person is told how far it is.
pub(super) fn quiet_or_not(quiet: bool) -> Mode {
    match quiet {
        true => Mode::Silent,
        false if io::stderr().is_terminal() => Mode::Bars,
        false => Mode::Lines,
    }
}

/// Reads what `flowdiff plan --parts` has printed.
pub(super) fn part_lines(file: &Path) -> Result<Vec<PartLine>, Error> {
    let refuse = |why: String| Error::Usage(format!("--parts: `{}` {why}", file.display()));
    let text = match file.as_os_str() == "-" {
        true => io::read_to_string(Waiting(io::stdin().lock())),
        false => fs::read_to_string(file),
    };
    let text = text.map_err(|error| refuse(format!("cannot be read: {error}")))?;
    let mut parts = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let part: PartLine = serde_json::from_str(line).map_err(|error| {
            refuse(format!(
                "line {number} is none that `flowdiff plan --parts` prints: {error}"
            ))
        })?;
        parts.push(part);
    }
    let mut names: Vec<_> = parts
        .iter()
        .map(|part| (part.side, part.name.as_str()))
        .collect();
    names.sort_unstable();
    let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
    let twice = twice.map(|pair| pair[0].1.to_owned());
    match twice {
        Some(twice) => Err(refuse(format!(
            "has the part `{twice}` twice, whose records would count twice"
        ))),
        None => Ok(parts),
    }
}

/// Returns the place of the receipt that the new one comes after.
fn previous(args: &DigestArgs, plan: &DigestPlan) -> Result<Option<ChainLink>, Error> {
    let Some((path, key)) = args.chain.previous.as_ref().zip(plan.spec.key.as_ref()) else {
        return Ok(None);
    };
    let (receipt, link) = receipt_of(path, key)?;
    let side = receipt.head.about.side;
    if side != plan.spec.side {
        return Err(Error::Usage(format!(
            "--previous: `{}` is a receipt of {side}, and one side has one chain",
            path.display()
        )));
    }
    Ok(Some(link))
}

/// Reads a receipt and tells its place in the chain.
pub(super) fn receipt_of(path: &Path, key: &[u8; KEY]) -> Result<(Receipt, ChainLink), Error> {
    let refuse = |why: String| Error::Usage(format!("`{}`: {why}", path.display()));
    let bytes = fs::read(path).map_err(|error| refuse(error.to_string()))?;
    let receipt = Receipt::read(&bytes, key).map_err(refuse)?;
    let link = ChainLink::of(&receipt, &bytes);
    Ok((receipt, link))
}

/// Adds digests up.
fn merged(args: &DigestArgs) -> Result<(Made, Output), Error> {
    let key = key_of(&args.reading.key)?;
    let output = open(&args.to)?;
    let mut all: Option<SideDigest> = None;
    for path in &args.sources {
        let path = PathBuf::from(path);
        let digest = digest_of(&path, key.as_ref())?;
        match &mut all {
            None => all = Some(digest),
            Some(all) => all.merge(digest).map_err(|why| {
                Error::Usage(format!(
                    "`{}` cannot be added to the digests before it: {why}",
                    path.display()
                ))
            })?,
        }
    }
    let all = all.ok_or_else(|| Error::Usage("--merge: no digest is given".into()))?;
    Ok((Made::Digest(Box::new(all)), output))
}

/// Reads a digest.
pub(super) fn digest_of(path: &Path, key: Option<&[u8; KEY]>) -> Result<SideDigest, Error> {
    let refuse = |why: String| Error::Usage(format!("`{}`: {why}", path.display()));
    let bytes = fs::read(path).map_err(|error| refuse(error.to_string()))?;
    SideDigest::read(&bytes, key).map_err(refuse)
}

/// Tells whether a path is that of a digest, by how the file begins.
pub(super) fn is_digest_file(path: &Path) -> bool {
    let head = || -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        // What is read only once is left alone.
        if fs::metadata(path)?.is_file() {
            io::Read::read_to_end(&mut io::Read::take(fs::File::open(path)?, 32), &mut head)?;
        }
        Ok(head)
    };
    head().is_ok_and(|head| is_digest(&head))
}

/// Says what was written.
fn tell(path: &Path, about: &About, size: u64) {
    let parts: usize = about.sources.iter().map(|source| source.parts.len()).sum();
    let mut text = format!(
        "flowdiff: {}: {} of {} in {}, {}",
        escape(&path.display().to_string()),
        count(about.counts.records, "record"),
        about.side,
        count(parts as u64, "part"),
        ByteSize(size)
    );
    for part in about.unreadable.iter().take(NAMED) {
        text += &format!(
            "\n  not read: {}: {}",
            escape(&part.name),
            escape(&part.reason)
        );
    }
    for row in about.malformed.iter().take(NAMED) {
        text += &format!(
            "\n  no record: {}:{}: {}",
            escape(&row.part),
            row.row,
            escape(&row.reason)
        );
    }
    let rest = (about.unreadable.len() as u64).saturating_sub(NAMED as u64)
        + about.counts.malformed.saturating_sub(NAMED as u64);
    if rest > 0 {
        text += &format!("\n  and {rest} more, which the digest names");
    }
    say(&text);
}

/// So many unreadable parts, and malformed rows, are named.
const NAMED: usize = 5;

/// Makes a key.
pub(super) fn key(path: &Path) -> Result<u8, Error> {
    let text = new_key(path)?;
    let mut output = Output::open(path)?.kept();
    let written = output.write_all(text.as_bytes());
    written.map_err(|source| Error::Output {
        path: path.to_owned(),
        source,
    })?;
    output.finish()?;
    Ok(0)
}
