//! A check whose sources are digests, or one of them.

use std::path::PathBuf;

use crate::check::Check;
use crate::check::kept::SideSource;
use crate::cli::CheckArgs;
use crate::cli::plan::{CheckPlan, key_of};
use crate::digest::KEY;
use crate::digest::file::{About, SideDigest};
use crate::model::window::Window;
use crate::model::{Error, Side, Sides};
use crate::source::{self, Address};

use super::digest::{digest_of, is_digest_file};
use super::looks::FirstLook;

/// What a check has of digests.
pub(super) enum Kept {
    /// They are among its sources.
    Sides(Box<KeptSides>),
    /// They stand for its first look.
    FirstLook(Box<FirstLook>),
}

impl Kept {
    /// Reads what is given; `None` if no digest is.
    ///
    /// # Errors
    /// One is damaged, of another key or of the other side; or something is asked for that cannot be with digests.
    pub(super) fn of(args: &CheckArgs, plan: &mut CheckPlan) -> Result<Option<Self>, Error> {
        if let Some(first) = FirstLook::of(args)? {
            first.plan_for(args, &mut plan.check)?;
            return Ok(Some(Self::FirstLook(Box::new(first))));
        }
        let kept = KeptSides::of(args)?;
        if let Some(kept) = &kept {
            kept.plan_for(args, plan)?;
        }
        Ok(kept.map(|kept| Self::Sides(Box::new(kept))))
    }
}

/// The digests among the sources; at least one.
pub(super) struct KeptSides {
    digests: Sides<Option<SideDigest>>,
    key: Option<[u8; KEY]>,
}

impl KeptSides {
    /// Reads the sources that are digests; `None` if none is.
    ///
    /// # Errors
    /// One is damaged, of another key or of the other side.
    fn of(args: &CheckArgs) -> Result<Option<Self>, Error> {
        let text = Sides {
            s3: args.sources.s3.as_deref(),
            cwl: args.sources.cwl.as_deref(),
        };
        let path = |side: Side| match text[side]?.parse() {
            Ok(Address::Path(path)) if is_digest_file(&path) => Some(path),
            _ => None,
        };
        let paths: Sides<Option<PathBuf>> = Sides::from_fn(path);
        if paths.s3.is_none() && paths.cwl.is_none() {
            return match args.key.key_file {
                None => Ok(None),
                Some(_) if args.proof.receipt.is_some() || args.job.receipts => Ok(None),
                Some(_) => Err(Error::Usage(
                    "--key-file: is for digests, and neither source is one".into(),
                )),
            };
        }
        let key = key_of(&args.key)?;
        let mut digests = Sides {
            s3: None,
            cwl: None,
        };
        for side in Side::BOTH {
            let Some(path) = &paths[side] else { continue };
            let digest = digest_of(path, key.as_ref())?;
            if digest.about.side != side {
                return Err(Error::Usage(format!(
                    "`{}` is a digest of {}: the S3 side comes first, then the CloudWatch side",
                    path.display(),
                    digest.about.side
                )));
            }
            digests[side] = Some(digest);
        }
        Ok(Some(Self { digests, key }))
    }

    fn about(&self) -> Option<&About> {
        let both = [&self.digests.s3, &self.digests.cwl];
        let mut digests = both.into_iter().flatten();
        digests.next().map(|digest| &digest.about)
    }

    /// Makes the plan one for what the digest is of.
    ///
    /// # Errors
    /// Something else is asked for, or something that takes records which a digest does not have.
    fn plan_for(&self, args: &CheckArgs, plan: &mut CheckPlan) -> Result<(), Error> {
        let Some(about) = self.about() else {
            return Ok(());
        };
        refuse_meaningless(args)?;
        ask_as(about, args, &mut plan.check)?;
        for digest in [&self.digests.s3, &self.digests.cwl].into_iter().flatten() {
            let fingerprints = digest.fingerprints(self.key.as_ref());
            plan.check.key = fingerprints.map_err(Error::Usage)?;
        }
        Ok(())
    }

    /// Returns the sides to compare, of which the one that is no digest is opened.
    pub(super) async fn sides(self, plan: &CheckPlan) -> Result<Sides<SideSource>, Error> {
        let side = async |side: Side, digest: Option<SideDigest>| {
            let (address, options) = &plan.sources[side];
            Ok(match digest {
                Some(digest) => SideSource::Digest(Box::new(digest), address.to_string()),
                None => SideSource::Records(source::open(address, options).await?.into()),
            })
        };
        Ok(Sides {
            s3: side(Side::S3, self.digests.s3).await?,
            cwl: side(Side::Cwl, self.digests.cwl).await?,
        })
    }
}

/// Makes a check one for what a digest is of.
///
/// # Errors
/// Something else is asked for.
pub(super) fn ask_as(about: &About, args: &CheckArgs, check: &mut Check) -> Result<(), Error> {
    let unlike = |option: &str, is: &str| {
        Err(Error::Usage(format!(
            "{option}: the digest is of {is}: leave the option out, or make a digest of what you ask for"
        )))
    };
    let window = Window::from(about.window);
    let given = args.time.since.is_some() || args.time.until.is_some();
    if given && check.window != window {
        return unlike("--since and --until", &window.to_string());
    }
    let mut asked = check.interfaces.clone();
    asked.sort();
    asked.dedup();
    if !asked.is_empty() && !asked.iter().eq(&about.interfaces) {
        let of = about.interfaces.iter().cloned().collect::<Vec<_>>();
        let of = if of.is_empty() {
            "all interfaces".to_owned()
        } else {
            of.join(", ")
        };
        return unlike("--interface", &of);
    }
    if check.ignore_nodata && !about.ignore_nodata {
        return unlike("--ignore-nodata", "all records, NODATA among them");
    }
    check.window = window;
    check.interfaces = about.interfaces.iter().cloned().collect();
    check.ignore_nodata = about.ignore_nodata;
    Ok(())
}

/// Refuses what takes the records of both sides, or a choice that was made with the digest.
fn refuse_meaningless(args: &CheckArgs) -> Result<(), Error> {
    let made = "was decided when the digest was made";
    let rows = "takes the records of both sides, and a digest has none";
    let options = [
        (!args.comparison.fields.is_empty(), "--fields", made),
        (
            !args.comparison.ignore_fields.is_empty(),
            "--ignore-fields",
            made,
        ),
        (
            args.job.state.is_some(),
            "--state",
            "is for sources that go on, and a digest does not",
        ),
        (
            args.time.recheck > 0,
            "--recheck",
            "is for sources that go on, and a digest does not",
        ),
        (
            args.output.all_differences.is_some(),
            "--all-differences",
            rows,
        ),
        (args.repair.repair.is_some(), "--repair", rows),
        (args.proof.receipt.is_some(), "--receipt", rows),
    ];
    match options.into_iter().find(|(given, ..)| *given) {
        None => Ok(()),
        Some((_, option, why)) => Err(Error::Usage(format!("{option}: {why}"))),
    }
}
