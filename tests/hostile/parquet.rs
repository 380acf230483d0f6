//! Parquet files that claim what is not so.

use std::fs;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::{
    ColumnChunkMetaDataBuilder, ParquetMetaData, ParquetMetaDataReader, ParquetMetaDataWriter,
};

use super::Desk;

fn good() -> Vec<u8> {
    fs::read("fixtures/formats/s3.log.parquet").unwrap()
}

/// Where the footer begins.
fn footer(file: &[u8]) -> usize {
    let (rest, _) = file.split_last_chunk::<4>().unwrap();
    let length = u32::from_le_bytes(*rest.last_chunk().unwrap());
    rest.len() - 4 - length as usize
}

/// The good file with another footer.
fn claiming(change: impl FnOnce(ParquetMetaData) -> ParquetMetaData) -> Vec<u8> {
    let good = good();
    let metadata = ParquetMetaDataReader::new();
    let metadata = metadata
        .parse_and_finish(&bytes::Bytes::from(good.clone()))
        .unwrap();
    let mut file = good[..footer(&good)].to_vec();
    let changed = change(metadata);
    ParquetMetaDataWriter::new(&mut file, &changed)
        .finish()
        .unwrap();
    file
}

/// A footer in which each row group has so many rows, or each column of them something else.
fn claiming_of_groups(
    rows: Option<i64>,
    column: impl Fn(ColumnChunkMetaDataBuilder) -> ColumnChunkMetaDataBuilder,
) -> Vec<u8> {
    claiming(|metadata| {
        let mut builder = metadata.into_builder();
        let groups = builder.take_row_groups().into_iter().map(|group| {
            let columns = group.columns().iter().cloned();
            let columns = columns.map(|it| column(it.into_builder()).build().unwrap());
            let columns = columns.collect();
            let rows = rows.unwrap_or(group.num_rows());
            let group = group.into_builder().set_num_rows(rows);
            group.set_column_metadata(columns).build().unwrap()
        });
        let groups = groups.collect();
        builder.set_row_groups(groups).build()
    })
}

/// The reader panics on some of them (a negative offset is one); nobody ever sees that.
#[test]
fn footers_with_a_wrong_byte() {
    let desk = Desk::new();
    let good = good();
    // After the names: files without the same fields cannot be compared with others.
    let names = good.windows(10).enumerate().skip(footer(&good));
    let last = names
        .filter(|(_, name)| name == b"log_status")
        .map(|(at, _)| at);
    let from = last.min().unwrap() + 10;
    for at in from..good.len() - 4 {
        for (nth, byte) in [0x00, 0x7f, 0xff].into_iter().enumerate() {
            let mut damaged = good.clone();
            damaged[at] = byte;
            if damaged != good && (at + nth) % 4 == 0 {
                desk.put(&format!("{at}-{byte}"), &damaged);
            }
        }
    }
    let outcome = desk.check(&["--max-evidence", "5"]);
    assert_eq!(outcome.stderr, "");
    let report = outcome.report();
    let findings = report["findings"].as_array().unwrap().iter();
    let reasons: Vec<&str> = findings
        .filter(|finding| finding["kind"] == "unreadable")
        .map(|finding| finding["reason"].as_str().unwrap())
        .collect();
    assert!(reasons.len() > 100, "{reasons:#?}");
    for reason in &reasons {
        assert!(reason.starts_with("Parquet: "), "{reason}");
        assert!(!reason.contains(env!("CARGO_MANIFEST_DIR")), "{reason}");
    }
}

#[test]
fn absurd_numbers_in_a_footer() {
    let desk = Desk::new();
    let same = |column| column;
    type Column = ColumnChunkMetaDataBuilder;
    let files = [
        ("rows 0", claiming_of_groups(Some(0), same)),
        ("rows -1", claiming_of_groups(Some(-1), same)),
        ("rows most", claiming_of_groups(Some(i64::MAX), same)),
        (
            "values most",
            claiming_of_groups(None, |it: Column| it.set_num_values(i64::MAX)),
        ),
        (
            "values -1",
            claiming_of_groups(None, |it: Column| it.set_num_values(-1)),
        ),
        (
            "offset -1",
            claiming_of_groups(None, |it: Column| {
                it.set_dictionary_page_offset(None).set_data_page_offset(-1)
            }),
        ),
        (
            "offset most",
            claiming_of_groups(None, |it: Column| {
                it.set_dictionary_page_offset(None)
                    .set_data_page_offset(i64::MAX)
            }),
        ),
        (
            "offset behind",
            claiming_of_groups(None, |it: Column| {
                it.set_dictionary_page_offset(None)
                    .set_data_page_offset(1 << 20)
            }),
        ),
        (
            "dictionary -1",
            claiming_of_groups(None, |it: Column| it.set_dictionary_page_offset(Some(-1))),
        ),
        (
            "size -1",
            claiming_of_groups(None, |it: Column| it.set_total_compressed_size(-1)),
        ),
        (
            "size most",
            claiming_of_groups(None, |it: Column| {
                it.set_total_compressed_size(i64::MAX / 64)
            }),
        ),
        (
            "unpacked most",
            claiming_of_groups(None, |it: Column| {
                it.set_total_uncompressed_size(i64::MAX / 64)
            }),
        ),
    ];
    for (name, file) in &files {
        desk.put(name, file);
    }
    let outcome = desk.check(&[]);
    assert_eq!(outcome.stderr, "");
    let report = outcome.report();
    let findings = report["findings"].as_array().unwrap().iter();
    let unreadable: Vec<_> = findings
        .filter(|finding| finding["kind"] == "unreadable")
        .map(|finding| {
            (
                finding["part"].as_str().unwrap(),
                finding["reason"].as_str().unwrap(),
            )
        })
        .collect();
    println!("{unreadable:#?}");
    for name in [
        "offset -1",
        "offset most",
        "offset behind",
        "size most",
        "size -1",
    ] {
        let told = unreadable.iter().find(|(part, _)| *part == name);
        let told = told.unwrap_or_else(|| panic!("{name}: {unreadable:#?}"));
        assert!(told.1.starts_with("Parquet: "), "{told:?}");
    }
}

/// Ten million columns, and a million that fit into a footer that is not too long.
#[test]
fn absurd_schemas() {
    let desk = Desk::new();
    let file = |elements: u32| {
        let mut footer = vec![0x15, 0x02, 0x19, 0xfc];
        let mut rest = elements;
        while rest >= 0x80 {
            footer.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
            rest >>= 7;
        }
        footer.push(u8::try_from(rest).unwrap());
        // Each one: a name of one letter.
        footer.extend([0x48, 0x01, b'a', 0x00].repeat(elements as usize));
        let length = u32::try_from(footer.len()).unwrap().to_le_bytes();
        [&b"PAR1"[..], &footer, &length, b"PAR1"].concat()
    };
    let (many, more) = (file(1_000_000), file(10_000_000));
    desk.assert_unreadable(&many, "Parquet: a schema of 1000000 elements");
    let length = more.len() - 12;
    let reason = format!("Parquet: a footer of {length} bytes, more than 4 MiB");
    desk.assert_unreadable(&more, &reason);
    let names: Vec<String> = (0..2000).map(|n| format!("f{n}")).collect();
    let columns = names.iter().map(|name| {
        let values: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        (name, values)
    });
    let wide = written(&RecordBatch::try_from_iter(columns).unwrap());
    desk.assert_unreadable(&wide, "Parquet: 2000 fields, more than any flow log has");
}

#[test]
fn wrong_types() {
    let desk = Desk::new();
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    for (name, column, reason) in [
        (
            "bytes",
            Arc::new(BooleanArray::from(vec![true])) as ArrayRef,
            "Parquet: column `bytes` cannot be a field, it is Boolean",
        ),
        (
            "bytes",
            Arc::new(Float64Array::from(vec![f64::INFINITY])),
            "Parquet: column `bytes` holds inf, which cannot be told exactly as a whole number",
        ),
    ] {
        let columns = [("start", numbers.clone()), (name, column)];
        let file = written(&RecordBatch::try_from_iter(columns).unwrap());
        desk.put("hostile", &file);
        let report = desk.check(&[]).report();
        assert_eq!(report["findings"][0]["reason"], reason, "{report:#}");
    }
}

fn written(batch: &RecordBatch) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    file
}
