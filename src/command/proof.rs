//! The receipt of a check (`check --receipt`): what the S3 side holds, sealed, with the verdict and whether the other side holds the same.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use crate::check::Check;
use crate::check::kept::receipt::held;
use crate::check::kept::{DigestSpec, SideSummed};
use crate::cli::CheckArgs;
use crate::cli::plan::{CheckPlan, by_stream, deadline, is_read_once, key_of, store};
use crate::digest::receipt::{Beside, ChainLink, Receipt, ReceiptKey, WideSums};
use crate::digest::{Algorithm, Fingerprints, KEY};
use crate::model::words::{count, thousands};
use crate::model::{Error, Side};
use crate::output::Output;
use crate::progress::{Mode, Progress};
use crate::record::RecordKind;
use crate::report::Report;
use crate::source;

use super::digest::receipt_of;
use super::wait::until_interrupted;

/// The side that a receipt of a check is of: that of the archive.
const OF: Side = Side::S3;

/// A receipt that is to be written.
pub(super) struct Proof {
    output: Output,
    key: [u8; KEY],
    previous: Option<ChainLink>,
}

/// Reads what a side of a plan holds once more, for a receipt. `check` says of which window; `fields` are those of each kind of record.
///
/// # Errors
/// It cannot be read.
pub(super) async fn holds(
    check: &Check,
    (plan, side): (&CheckPlan, Side),
    fields: &BTreeMap<RecordKind, Vec<String>>,
    key: &[u8; KEY],
) -> Result<SideSummed<WideSums>, Error> {
    let (address, options) = &plan.sources[side];
    let mut options = options.clone();
    by_stream(&mut options);
    let source = source::open(address, &options).await?;
    let spec = DigestSpec {
        side,
        algorithm: Algorithm::Blake3,
        key: Some(*key),
        differences: 0,
        store: store(address),
        is_pipe: false,
        flow_log_ids: options.flow_log_ids.iter().cloned().collect(),
        all_streams: options.all_streams,
        sample: false,
    };
    let check = Check {
        key: Fingerprints::seeded(0),
        ..check.clone()
    };
    let (key, progress) = (ReceiptKey::of(key), Progress::new(Mode::Silent));
    held(&check, (&spec, fields), Arc::from(source), &key, &progress).await
}

impl Proof {
    /// Opens the file, if one is asked for.
    ///
    /// # Errors
    /// It cannot be written, the key or the receipt before cannot be read, or something is asked for with it that has no meaning.
    pub(super) fn open(args: &CheckArgs, plan: &CheckPlan) -> Result<Option<Self>, Error> {
        let Some(path) = &args.proof.receipt else {
            return Ok(None);
        };
        let refuse = |why: &str| Err(Error::Usage(why.to_owned()));
        if plan.job.is_some() {
            return refuse(
                "--receipt: not with --state; a job writes one a day with --archive and --receipts",
            );
        }
        if args.output.redact || args.output.redact_key.is_some() {
            return refuse("--receipt: not with --redact: it names the parts that were read");
        }
        if Side::BOTH
            .iter()
            .any(|&side| is_read_once(&plan.sources[side].0))
        {
            return refuse(
                "--receipt: both sides are read once more, and standard input or a pipe can be read only once: give a file",
            );
        }
        let Some(key) = key_of(&args.key)? else {
            return refuse("--receipt: needs --key-file; `flowdiff key FILE` makes a key");
        };
        let previous = args.proof.chain.previous.as_deref();
        let previous = previous.map(|path| receipt_of(path, &key)).transpose()?;
        if let Some((receipt, _)) = &previous
            && receipt.head.about.side != OF
        {
            return refuse("--previous: is a receipt of cwl, and one side has one chain");
        }
        Ok(Some(Self {
            output: Output::open(path)?,
            key,
            previous: previous.map(|(_, link)| link),
        }))
    }

    /// Reads both sides once more and writes the receipt.
    ///
    /// # Errors
    /// A side cannot be read, or the file cannot be written.
    pub(super) fn write(
        self,
        args: &CheckArgs,
        plan: &CheckPlan,
        report: &Report,
    ) -> Result<(), Error> {
        let key = ReceiptKey::of(&self.key);
        let both = async {
            let side = |side: Side| holds(&plan.check, (plan, side), &report.fields, &self.key);
            Ok((side(OF).await?, side(OF.other()).await?))
        };
        let both = until_interrupted(deadline(args, None)?, both)?;
        let Some((of, other)) = both else {
            return Err(Error::Usage(
                "interrupted: the report is whole, and no receipt was written".into(),
            ));
        };
        for side in [&of, &other] {
            if !side.about.unreadable.is_empty() || side.about.counts.malformed > 0 {
                return Err(Error::Usage(format!(
                    "--receipt: when {} was read for the receipt, {} could not be read and {} no record, so none was written; \
                     `flowdiff digest --receipt` makes one of what can be read, and says what is not in it",
                    side.about.side,
                    count(side.about.unreadable.len() as u64, "part"),
                    count_rows(side.about.counts.malformed)
                )));
            }
        }
        let mut receipt = Receipt::new(of.about, &of.sums, self.previous.as_ref(), &key);
        let address = other
            .about
            .sources
            .first()
            .map(|source| source.address.clone());
        receipt.head.beside = Some(told(
            report,
            address.unwrap_or_default(),
            &of.sums,
            &other.sums,
        ));
        let mut output = self.output;
        let mut file = Vec::new();
        let written = receipt.write(&key, &mut file);
        let written = written.and_then(|()| output.write_all(&file));
        written.map_err(|source| Error::Output {
            path: output.path().to_owned(),
            source,
        })?;
        output.finish()
    }
}

fn count_rows(rows: u64) -> String {
    match rows {
        1 => "1 row is".to_owned(),
        rows => format!("{} rows are", thousands(rows)),
    }
}

fn told(report: &Report, source: String, sums: &WideSums, beside: &WideSums) -> Beside {
    Beside {
        source,
        verdict: report.verdict.name().to_owned(),
        exit_code: report.exit_code(),
        unequal_buckets: Some(sums.unequal(beside)),
    }
}
