//! Checks of which looks were made elsewhere (`check --first-look --second-look`), and a share of a second look (`second-look`).

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::archive::hash;
use crate::check::Check;
use crate::check::kept::{check_after, parts_to_read, rows_again};
use crate::cli::plan::{CheckPlan, SecondLookPlan, deadline, key_of, refuse_overwriting, store};
use crate::cli::{CheckArgs, SecondLookArgs};
use crate::diff::EveryDifference;
use crate::digest::KEY;
use crate::digest::file::SideDigest;
use crate::model::words::count;
use crate::model::{Error, Side, Sides};
use crate::output::Output;
use crate::progress::{Progress, say};
use crate::render::escape;
use crate::report::Report;
use crate::source;
use crate::source::Source;
use crate::source::memory::Memory;
use crate::source::parts::{PartLine, SomeParts};
use crate::source::rows::{PartRows, ReadBefore, RowsKept, write};

use super::digest::{part_lines, quiet_or_not};
use super::kept::ask_as;
use super::log::log_to_stderr;
use super::print::{print, standard_output};
use super::wait::until_interrupted;
use super::{INTERRUPTED, clock, open};

/// The rows are written, and some parts could not be read.
const IN_PART: u8 = 3;

/// The digests that stand for a first look.
pub(super) struct FirstLook {
    digests: Sides<SideDigest>,
    key: Option<[u8; KEY]>,
    /// The SHA-256 of their files.
    sums: [String; 2],
    /// What was read for the second look.
    second: Vec<PathBuf>,
}

impl FirstLook {
    /// Reads the digests that are given for it; `None` if none are.
    ///
    /// # Errors
    /// One is damaged, of another key or of the other side; or a folder cannot be listed.
    pub(super) fn of(args: &CheckArgs) -> Result<Option<Self>, Error> {
        let [s3, cwl] = &args.looks.first_look[..] else {
            return Ok(None);
        };
        let key = key_of(&args.key)?;
        let mut first = Self::read(s3, cwl, key)?;
        for path in &args.looks.second_look {
            first.second.extend(files(path)?);
        }
        Ok(Some(first))
    }

    fn read(s3: &Path, cwl: &Path, key: Option<[u8; KEY]>) -> Result<Self, Error> {
        let one = |path: &Path, side: Side| {
            let refuse = |why: String| Error::Usage(format!("`{}`: {why}", path.display()));
            let bytes = fs::read(path).map_err(|error| refuse(error.to_string()))?;
            let digest = SideDigest::read(&bytes, key.as_ref()).map_err(refuse)?;
            if digest.about.side != side {
                return Err(refuse(format!(
                    "is a digest of {}: that of the S3 side comes first, then that of the CloudWatch side",
                    digest.about.side
                )));
            }
            Ok((digest, hash(&bytes)))
        };
        let (s3, s3_sum) = one(s3, Side::S3)?;
        let (cwl, cwl_sum) = one(cwl, Side::Cwl)?;
        Ok(Self {
            digests: Sides { s3, cwl },
            key,
            sums: [s3_sum, cwl_sum],
            second: Vec::new(),
        })
    }

    /// Makes a check one for what the digests are of.
    ///
    /// # Errors
    /// Something else is asked for.
    pub(super) fn plan_for(&self, args: &CheckArgs, check: &mut Check) -> Result<(), Error> {
        for side in Side::BOTH {
            let digest = &self.digests[side];
            ask_as(&digest.about, args, check)?;
            let fingerprints = digest.fingerprints(self.key.as_ref());
            check.key = fingerprints.map_err(Error::Usage)?;
        }
        Ok(())
    }

    /// Looks a second time, and answers.
    ///
    /// # Errors
    /// As of a check; or what was read for the second look is damaged or of other digests.
    pub(super) async fn answer(
        self,
        plan: &CheckPlan,
        progress: &Progress,
        every: Option<&mut EveryDifference<'_>>,
    ) -> Result<Report, Error> {
        for side in Side::BOTH {
            self.refuse_other(side, &store(&plan.sources[side].0))?;
        }
        let Sides { s3, cwl } = open(plan).await?;
        let kept = RowsKept::of(&self.sums, &self.second);
        let kept = kept.map_err(|why| Error::Usage(format!("--second-look: {why}")))?;
        let sources: Sides<Arc<dyn Source>> = Sides {
            s3: Arc::new(ReadBefore::of(s3, kept.s3)),
            cwl: Arc::new(ReadBefore::of(cwl, kept.cwl)),
        };
        check_after(&plan.check, self.digests, &sources, progress, every).await
    }

    /// Refuses a digest of another bucket, log group or folder than the one that is named.
    fn refuse_other(&self, side: Side, named: &str) -> Result<(), Error> {
        let mut sources = self.digests[side].about.sources.iter();
        match sources.find(|source| source.store != named) {
            None => Ok(()),
            Some(source) => Err(Error::Usage(format!(
                "--first-look: the digest of {side} is of `{}`, and the source is in `{named}`",
                source.store
            ))),
        }
    }
}

/// Returns the files that a path stands for.
fn files(path: &Path) -> Result<Vec<PathBuf>, Error> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let refuse = |error: std::io::Error| {
        Error::Usage(format!("--second-look: `{}`: {error}", path.display()))
    };
    let entries = fs::read_dir(path).map_err(refuse)?;
    let files = entries.map(|entry| Ok(entry.map_err(refuse)?.path()));
    let mut files = files.collect::<Result<Vec<_>, Error>>()?;
    files.retain(|path| path.is_file());
    files.sort();
    Ok(files)
}

/// Says which parts a second look reads, or reads them, and returns the exit code.
pub(super) fn second_look(args: &SecondLookArgs) -> Result<u8, Error> {
    log_to_stderr(args.reading.verbose, None);
    let plan = SecondLookPlan::new(args, clock())?;
    let first = FirstLook::read(&args.s3, &args.cwl, key_of(&args.reading.key)?)?;
    let mut check = plan.check.clone();
    first.plan_for(&args.reading.as_check(), &mut check)?;
    let lines = part_lines(&args.parts)?;
    match (&plan.source, &args.to) {
        (Some(_), Some(to)) => read(args, (&plan, &check), first, lines, to),
        _ => list(args, &check, first, &lines),
    }
}

/// Prints the lines of the parts that may hold what differs.
fn list(
    args: &SecondLookArgs,
    check: &Check,
    first: FirstLook,
    lines: &[PartLine],
) -> Result<u8, Error> {
    let sources = Sides::from_fn(|side| -> Arc<dyn Source> {
        let of_side = lines.iter().filter(|line| line.side == side).cloned();
        let nothing = Box::new(Memory::new(Vec::new()));
        Arc::new(SomeParts::of(nothing, of_side.collect()))
    });
    let work = parts_to_read(check, first.digests, &sources);
    let Some(wanted) = until_interrupted(deadline(&args.reading.as_check(), None)?, work)? else {
        return Ok(INTERRUPTED);
    };
    let names = wanted.map(|parts| {
        let names = parts.iter().map(|part| part.name.to_string());
        names.collect::<HashSet<_>>()
    });
    let mut text = Vec::new();
    for line in lines
        .iter()
        .filter(|line| names[line.side].contains(&line.name))
    {
        let written = serde_json::to_writer(&mut text, line);
        written.map_err(|error| standard_output(error.into()))?;
        text.push(b'\n');
    }
    print(&text)
}

/// Reads those of the parts that may hold what differs, and writes the rows that do.
fn read(
    args: &SecondLookArgs,
    (plan, check): (&SecondLookPlan, &Check),
    first: FirstLook,
    lines: Vec<PartLine>,
    to: &Path,
) -> Result<u8, Error> {
    let taken = [&args.s3, &args.cwl, &args.parts].map(|path| path.to_str());
    let taken: Vec<&str> = taken
        .into_iter()
        .flatten()
        .filter(|path| *path != "-")
        .collect();
    refuse_overwriting(&[("--to", to)], &taken)?;
    let Some((side, address, options)) = &plan.source else {
        return Ok(0);
    };
    let mut output = Output::open(to)?;
    let lines = lines
        .into_iter()
        .filter(|line| line.side == *side)
        .collect();
    let progress = Progress::new(quiet_or_not(args.reading.quiet));
    let (digests, sums) = (first.digests, first.sums);
    let work = async {
        let source = source::open(address, options).await?;
        let source: Arc<dyn Source> = Arc::new(SomeParts::of(source, lines));
        rows_again(check, digests, (*side, source), &progress).await
    };
    let parts = until_interrupted(deadline(&args.reading.as_check(), None)?, work);
    progress.finish();
    let Some(parts) = parts? else {
        return Ok(INTERRUPTED);
    };
    write(*side, sums, &parts, &mut output).map_err(|source| Error::Output {
        path: to.to_owned(),
        source,
    })?;
    output.finish()?;
    if !args.reading.quiet {
        tell(to, *side, &parts);
    }
    let whole = parts.iter().all(|part| part.unreadable.is_none());
    Ok(if whole { 0 } else { IN_PART })
}

/// Says what was written.
fn tell(path: &Path, side: Side, parts: &[PartRows]) {
    let rows: usize = parts.iter().map(|part| part.rows.len()).sum();
    let mut text = format!(
        "flowdiff: {}: {} in question of {side} in {}",
        escape(&path.display().to_string()),
        count(rows as u64, "row"),
        count(parts.len() as u64, "part")
    );
    for (part, why) in parts
        .iter()
        .filter_map(|part| Some((part, part.unreadable.as_ref()?)))
    {
        text += &format!("\n  not read: {}: {}", escape(&part.name), escape(why));
    }
    say(&text);
}
