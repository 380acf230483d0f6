//! Each stage of a check alone, on one core, in bytes and records a second. Bytes are those of the text, whatever a stage works on,
//! so that all figures compare: the whole is as slow as all its stages together.

#[expect(dead_code, reason = "the generator needs more of it")]
#[path = "generate/corpus.rs"]
mod corpus;
#[expect(dead_code, reason = "the generator needs more of it")]
#[path = "generate/format.rs"]
mod format;
#[expect(dead_code, reason = "the generator needs more of it")]
#[path = "generate/pages.rs"]
mod pages;
#[path = "generate/parquet.rs"]
mod parquet;

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flowdiff::decode::{Content, Format, Malformed, Row, Sink, Stop, decode};
use flowdiff::digest::{Digest, Fingerprints, Ledger, RecordPrint, Sketch};
use flowdiff::model::window::slot;
use flowdiff::record::{ComparedFields, Layout, Normaliser};
use libdeflater::{CompressionLvl, Compressor, Decompressor};

use corpus::{Corpus, Record};

/// Differences the first sketch of a check can be expected to tell; see `check::screen`.
const DIFFERENCES: usize = 2_000;

/// Counts rows, so that nothing is optimised away.
#[derive(Default)]
struct Count(usize);

impl Sink for Count {
    fn provisional(&mut self) {}

    fn layout(&mut self, _layout: &Layout) -> Result<(), Stop> {
        Ok(())
    }

    fn row(&mut self, row: Row<'_>) -> Result<(), Stop> {
        self.0 += black_box(row).cells.len();
        Ok(())
    }

    fn malformed(&mut self, row: Malformed) -> Result<(), Stop> {
        panic!("row {}: {}", row.number, row.reason)
    }
}

/// Normalises rows and, if it has a digest, boils them down.
struct Boil {
    comparison: ComparedFields,
    normaliser: Option<Normaliser>,
    text: Vec<u8>,
    digest: Option<(Fingerprints, Digest)>,
}

impl Boil {
    fn new(digest: bool) -> Self {
        let digest = digest.then(|| {
            (
                Fingerprints::seeded(1),
                Digest::for_differences(DIFFERENCES, usize::MAX),
            )
        });
        Self {
            comparison: ComparedFields::new(Layout::vpc_default().columns().to_vec()),
            normaliser: None,
            text: Vec::new(),
            digest,
        }
    }
}

impl Sink for Boil {
    fn provisional(&mut self) {}

    fn layout(&mut self, layout: &Layout) -> Result<(), Stop> {
        self.normaliser = Some(Normaliser::new(layout, &self.comparison).map_err(|_| Stop)?);
        Ok(())
    }

    fn row(&mut self, row: Row<'_>) -> Result<(), Stop> {
        let normaliser = self.normaliser.as_ref().ok_or(Stop)?;
        // As a check does it: the short way first.
        let normal = match normaliser.verbatim(row.cells) {
            Some(normal) => normal,
            None => normaliser
                .normalise(row.cells, &mut self.text)
                .map_err(|_| Stop)?,
        };
        match &mut self.digest {
            Some((key, digest)) => {
                let slot = normal.start.map(slot);
                digest.add(&RecordPrint::new(key, normal.text, normal.interface, slot));
            }
            None => {
                black_box(&normal);
            }
        }
        Ok(())
    }

    fn malformed(&mut self, row: Malformed) -> Result<(), Stop> {
        panic!("row {}: {}", row.number, row.reason)
    }
}

fn run(content: &Bytes, mut sink: impl Sink) {
    let format = Format::not_given();
    let result = decode(Content::Bytes(content.clone()), &format, &mut sink);
    result.expect("it can be read");
}

fn stages(criterion: &mut Criterion) {
    let corpus = Corpus {
        seed: 1,
        records: 100_000,
        interfaces: 40,
        seconds: 3600,
        differences: 0,
        all_differ: false,
        ipv6: 0,
        version: 2,
    };
    let format = format::Format::parse("default").expect("it is known");
    let cells = (0..corpus.interfaces)
        .flat_map(|interface| (0..corpus.slots()).map(move |slot| (slot, interface)));
    let records: Vec<Record> = cells
        .flat_map(|(slot, interface)| corpus.records(slot, interface))
        .map(|(record, _)| record)
        .collect();
    let mut text = Vec::new();
    for record in &records {
        format.write(record, &mut text).expect("memory takes it");
        text.push(b'\n');
    }
    let (mut rows, mut events) = (Vec::new(), Vec::new());
    parquet::write(&records, true, &mut rows).expect("memory takes it");
    pages::write(&records, &format, &mut events).expect("memory takes it");
    let mut packer = Compressor::new(CompressionLvl::default());
    let mut packed = vec![0; packer.gzip_compress_bound(text.len())];
    let length = packer
        .gzip_compress(&text, &mut packed)
        .expect("there is room");
    packed.truncate(length);

    let key = Fingerprints::seeded(1);
    let lines: Vec<&[u8]> = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .collect();
    let names: Vec<String> = records
        .iter()
        .map(|record| corpus::interface_id(record.interface))
        .collect();
    let prints: Vec<RecordPrint<'_>> = records
        .iter()
        .zip(lines.iter().zip(&names))
        .map(|(record, (line, name))| {
            RecordPrint::new(&key, line, name.as_bytes(), Some(slot(record.start)))
        })
        .collect();
    let text = Bytes::from(text.clone());

    let mut group = criterion.benchmark_group("stages");
    group.sample_size(20);
    group.throughput(Throughput::ElementsAndBytes {
        elements: records.len() as u64,
        bytes: text.len() as u64,
    });
    let mut room = vec![0; text.len()];
    group.bench_function("inflate", |bench| {
        bench.iter(|| Decompressor::new().gzip_decompress(&packed, &mut room));
    });
    group.bench_function("split", |bench| bench.iter(|| run(&text, Count::default())));
    group.bench_function("split and normalise", |bench| {
        bench.iter(|| run(&text, Boil::new(false)));
    });
    group.bench_function("fingerprint", |bench| {
        bench.iter(|| {
            lines
                .iter()
                .fold(0u128, |sum, line| sum.wrapping_add(key.of_record(line)))
        });
    });
    let mut ledger = Ledger::default();
    group.bench_function("ledger", |bench| {
        bench.iter(|| prints.iter().for_each(|print| ledger.add(print)));
    });
    let mut sketch = Sketch::for_differences(DIFFERENCES);
    group.bench_function("sketch", |bench| {
        let mut add = |print: &RecordPrint<'_>| sketch.add(print.fingerprint, print.bucket, 1);
        bench.iter(|| prints.iter().for_each(&mut add));
    });
    group.bench_function("text to digest", |bench| {
        bench.iter(|| run(&text, Boil::new(true)));
    });
    let packed = Bytes::from(packed);
    group.bench_function("gzip to digest", |bench| {
        bench.iter(|| run(&packed, Boil::new(true)));
    });
    let rows = Bytes::from(rows);
    group.bench_function("Parquet", |bench| {
        bench.iter(|| run(&rows, Count::default()));
    });
    group.bench_function("Parquet to digest", |bench| {
        bench.iter(|| run(&rows, Boil::new(true)));
    });
    let events = Bytes::from(events);
    group.throughput(Throughput::ElementsAndBytes {
        elements: records.len() as u64,
        bytes: events.len() as u64,
    });
    group.bench_function("JSON events", |bench| {
        bench.iter(|| run(&events, Count::default()));
    });
    group.bench_function("JSON events to digest", |bench| {
        bench.iter(|| run(&events, Boil::new(true)));
    });
    group.finish();

    let mut group = criterion.benchmark_group("peel");
    for differences in [10, DIFFERENCES] {
        let mut sketch = Sketch::for_differences(DIFFERENCES);
        for print in &prints[..differences] {
            sketch.add(print.fingerprint, print.bucket, 1);
        }
        group.throughput(Throughput::Elements(differences as u64));
        group.bench_function(format!("{differences} differences"), |bench| {
            bench.iter(|| sketch.clone().peel());
        });
    }
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
