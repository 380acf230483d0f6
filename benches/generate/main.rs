//! Writes flow logs as AWS would deliver them to S3 and as CloudWatch Logs would export them, with planted differences and
//! the ground truth beside them in `truth.json`. The same arguments write the same bytes.
//!
//!     cargo run --release --example generate -- --records 10M --differences 100 --seed 1 OUT

mod corpus;
mod cwl;
mod pages;
mod parquet;
mod s3;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::Parser;
use serde_json::json;

use corpus::{Corpus, Fate};

/// Writes both sides of a made-up VPC's flow logs.
#[derive(Debug, Parser)]
struct Asked {
    /// Where to write; must not exist or be empty.
    out: PathBuf,
    /// Records a side, before differences are planted (`10M`, `200k`).
    #[arg(long, default_value = "1M", value_parser = count)]
    records: u64,
    /// Records dropped on a side, copied, or with other bytes; scattered over all slots.
    #[arg(long, default_value = "0", value_parser = count)]
    differences: u64,
    /// Network interfaces.
    #[arg(long, default_value = "40", value_parser = count)]
    interfaces: u64,
    /// The time that the records are spread over.
    #[arg(long, default_value = "1h", value_parser = humantime::parse_duration)]
    window: Duration,
    /// Another seed, other records.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The CloudWatch side holds nothing.
    #[arg(long, conflicts_with_all = ["differences", "all_differ"])]
    one_side_empty: bool,
    /// Every record has other bytes on the CloudWatch side.
    #[arg(long, conflicts_with = "differences")]
    all_differ: bool,
    /// The S3 side is one gzip of all records: 1 GB unpacked for 10M.
    #[arg(long)]
    one_large_object: bool,
    /// The S3 side is Parquet.
    #[arg(long, conflicts_with = "one_large_object")]
    parquet: bool,
    /// The CloudWatch side is pages of get-log-events.
    #[arg(long)]
    json: bool,
}

/// What was written on one side.
#[derive(Debug, Default)]
struct Written {
    records: u64,
    /// Of the records.
    fates: [u64; 6],
    files: u64,
    /// Before compression.
    bytes: u64,
}

impl Written {
    fn count(&mut self, fate: Fate) {
        self.fates[fate as usize] += 1;
    }

    fn of(&self, fate: Fate) -> u64 {
        self.fates[fate as usize]
    }
}

fn main() -> io::Result<()> {
    let asked = Asked::parse();
    let corpus = Corpus {
        seed: asked.seed,
        records: asked.records,
        interfaces: asked.interfaces.max(1),
        seconds: asked.window.as_secs().max(1).cast_signed(),
        differences: asked.differences.min(asked.records),
        all_differ: asked.all_differ,
    };
    let (s3_folder, cwl_folder) = (asked.out.join("s3"), asked.out.join("cwl"));
    if s3_folder.exists() || cwl_folder.exists() {
        return Err(io::Error::other(format!(
            "{} has something in it already",
            asked.out.display()
        )));
    }
    let s3_form = match (asked.parquet, asked.one_large_object) {
        (true, _) => s3::Form::Parquet,
        (_, true) => s3::Form::OneObject,
        _ => s3::Form::Text,
    };
    let cwl_form = if asked.json {
        cwl::Form::Pages
    } else {
        cwl::Form::Export
    };
    let (s3, cwl) = thread::scope(|scope| {
        let cwl = scope.spawn(|| {
            fs::create_dir_all(&cwl_folder)?;
            if asked.one_side_empty {
                return Ok(Written::default());
            }
            cwl::write(&corpus, cwl_form, &cwl_folder)
        });
        let s3 = s3::write(&corpus, s3_form, &s3_folder);
        let cwl = cwl.join();
        (
            s3,
            cwl.unwrap_or_else(|_| Err(io::Error::other("the CloudWatch side's thread panicked"))),
        )
    });
    let (s3, cwl) = (s3?, cwl?);
    let lacking = if asked.one_side_empty {
        s3.records
    } else {
        s3.of(Fate::OnlyS3)
    };
    let truth = json!({
        "records": { "s3": s3.records, "cwl": cwl.records },
        "files": { "s3": s3.files, "cwl": cwl.files },
        "unpacked_bytes": { "s3": s3.bytes, "cwl": cwl.bytes },
        "missing": { "s3": cwl.of(Fate::OnlyCwl), "cwl": lacking },
        "surplus": { "s3": s3.of(Fate::TwiceOnS3), "cwl": cwl.of(Fate::TwiceOnCwl) },
        "divergent": cwl.of(Fate::OtherBytes),
    });
    fs::write(asked.out.join("truth.json"), format!("{truth:#}\n"))
}

/// Reads a number with a decimal suffix.
fn count(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.chars().last() {
        Some('k') => (&text[..text.len() - 1], 1_000),
        Some('M') => (&text[..text.len() - 1], 1_000_000),
        Some('G') => (&text[..text.len() - 1], 1_000_000_000),
        _ => (text, 1),
    };
    digits
        .parse::<u64>()
        .map(|number| number * unit)
        .map_err(|error| error.to_string())
}
