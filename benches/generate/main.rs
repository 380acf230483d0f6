//! Writes flow logs as AWS would deliver them to S3 and as CloudWatch Logs would export them, with planted differences and
//! the ground truth beside them in `truth.json`. The same arguments write the same bytes.
//!
//!     cargo run --release --example generate -- --records 10M --differences 100 --seed 1 OUT

mod corpus;
mod cwl;
mod format;
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
use format::Format;

/// Writes both sides of a made-up VPC's flow logs.
#[derive(Parser)]
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
    /// The S3 side is Parquet without dictionaries.
    #[arg(long, conflicts_with_all = ["one_large_object", "parquet"])]
    plain_parquet: bool,
    /// The CloudWatch side is pages of get-log-events.
    #[arg(long)]
    json: bool,
    /// The CloudWatch side is messages of a subscription in gzip.
    #[arg(long, conflicts_with = "json")]
    subscription: bool,
    /// What stands in a line, but in Parquet: default, documented, v5, v5-alphabetical, ecs, tags, transit-gateway, or fields
    /// with commas between.
    #[arg(long, default_value = "default", value_parser = Format::parse)]
    format: Format,
    /// The same on the CloudWatch side, if that is another order.
    #[arg(long, value_parser = Format::parse)]
    cwl_format: Option<Format>,
    /// How many records of a hundred have IPv6 addresses.
    #[arg(long, default_value = "0", value_parser = count)]
    ipv6: u64,
    /// Lines of the S3 side end with a carriage return and a newline.
    #[arg(long)]
    crlf: bool,
    /// The most records of an object on the S3 side.
    #[arg(long, default_value = "200k", value_parser = count)]
    records_an_object: u64,
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
        ipv6: asked.ipv6,
        version: asked.format.version(),
    };
    let (s3_folder, cwl_folder) = (asked.out.join("s3"), asked.out.join("cwl"));
    if s3_folder.exists() || cwl_folder.exists() {
        return Err(io::Error::other(format!(
            "{} has something in it already",
            asked.out.display()
        )));
    }
    let style = s3::Style {
        form: match (asked.parquet, asked.plain_parquet, asked.one_large_object) {
            (true, _, _) => s3::Form::Parquet,
            (_, true, _) => s3::Form::PlainParquet,
            (_, _, true) => s3::Form::OneObject,
            _ => s3::Form::Text,
        },
        format: asked.format.clone(),
        crlf: asked.crlf,
        records_an_object: corpus::narrow(asked.records_an_object.max(1)),
    };
    let cwl_form = match (asked.json, asked.subscription) {
        (true, _) => cwl::Form::Pages,
        (_, true) => cwl::Form::Subscription,
        _ => cwl::Form::Export,
    };
    let cwl_format = asked.cwl_format.as_ref().unwrap_or(&asked.format);
    let (s3, cwl) = thread::scope(|scope| {
        let cwl = scope.spawn(|| {
            fs::create_dir_all(&cwl_folder)?;
            if asked.one_side_empty {
                return Ok(Written::default());
            }
            cwl::write(&corpus, cwl_form, cwl_format, &cwl_folder)
        });
        let s3 = s3::write(&corpus, &style, &s3_folder);
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
