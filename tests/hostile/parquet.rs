//! Parquet files that claim what is not so.

use std::fs;
use std::sync::Arc;

use flowdiff::decode::table::{self, ColumnValues};
use parquet::basic::{
    Compression, Encoding, GzipLevel, Repetition, Type as PhysicalType, ZstdLevel,
};
use parquet::file::metadata::{
    ColumnChunkMetaData, ColumnChunkMetaDataBuilder, FileMetaData, ParquetMetaData,
    ParquetMetaDataReader, ParquetMetaDataWriter, RowGroupMetaData,
};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::{SchemaDescriptor, Type};

use super::{Desk, GOOD, gzip};

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
    let columns = names
        .iter()
        .map(|name| (name.as_str(), ColumnValues::I64(vec![Some(1)])));
    let wide = written(&columns.collect::<Vec<_>>());
    desk.assert_unreadable(&wide, "Parquet: 2000 fields, more than any flow log has");
}

#[test]
fn wrong_types() {
    let desk = Desk::new();
    for (name, column, reason) in [
        (
            "bytes",
            ColumnValues::Bool(vec![Some(true)]),
            "Parquet: column `bytes` cannot be a field, it is BOOLEAN",
        ),
        (
            "bytes",
            ColumnValues::F64(vec![Some(f64::INFINITY)]),
            "Parquet: column `bytes` holds inf, which cannot be told exactly as a whole number",
        ),
    ] {
        let file = written(&[("start", ColumnValues::I64(vec![Some(1)])), (name, column)]);
        desk.put("hostile", &file);
        let report = desk.check(&[]).report();
        assert_eq!(report["findings"][0]["reason"], reason, "{report:#}");
    }
}

fn written(columns: &[(&str, ColumnValues)]) -> Vec<u8> {
    let mut file = Vec::new();
    table::write(columns, WriterProperties::default(), &mut file).unwrap();
    file
}

/// A page as it stands in a file: its header says the kind (0 values, 2 dictionary) and the sizes.
fn page(kind: u64, unpacked: u64, packed: &[u8]) -> Vec<u8> {
    let mut page = Vec::new();
    for number in [kind, unpacked, packed.len() as u64] {
        // The next field, an integer; never below 0.
        page.push(0x15);
        let mut rest = number << 1;
        while rest >= 0x80 {
            page.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
            rest >>= 7;
        }
        page.push(u8::try_from(rest).unwrap());
    }
    // What there is in it: two values, plain, without levels; of a dictionary only the first two of these count.
    match kind {
        0 => page.extend([0x2c, 0x15, 0x04, 0x15, 0, 0x15, 0x06, 0x15, 0x06, 0, 0]),
        _ => page.extend([0x4c, 0x15, 0x04, 0x15, 0, 0, 0]),
    }
    [&page, packed].concat()
}

/// A file of a single column of numbers that has these pages, and claims so many rows.
fn file_of(compression: Compression, rows: i64, pages: &[Vec<u8>]) -> Vec<u8> {
    let schema = Type::group_type_builder("schema")
        .with_fields(vec![Arc::new(
            Type::primitive_type_builder("start", PhysicalType::INT64)
                .with_repetition(Repetition::REQUIRED)
                .build()
                .unwrap(),
        )])
        .build()
        .unwrap();
    let schema = Arc::new(SchemaDescriptor::new(Arc::new(schema)));
    let pages = pages.concat();
    let column = ColumnChunkMetaData::builder(schema.column(0))
        .set_compression(compression)
        .set_encodings(vec![Encoding::PLAIN])
        .set_num_values(rows)
        .set_data_page_offset(4)
        .set_total_compressed_size(i64::try_from(pages.len()).unwrap())
        .set_total_uncompressed_size(16)
        .build()
        .unwrap();
    let group = RowGroupMetaData::builder(Arc::clone(&schema))
        .set_num_rows(rows)
        .set_column_metadata(vec![column])
        .build()
        .unwrap();
    let about = FileMetaData::new(1, rows, None, None, schema, None);
    let metadata = ParquetMetaData::new(about, vec![group]);
    let mut file = [&b"PAR1"[..], &pages].concat();
    ParquetMetaDataWriter::new(&mut file, &metadata)
        .finish()
        .unwrap();
    file
}

#[test]
fn pages_that_claim_gigabytes() {
    let desk = Desk::new();
    let most = u64::from(i32::MAX.unsigned_abs());
    let two = [
        1_700_000_000_u64.to_le_bytes(),
        1_700_000_060_u64.to_le_bytes(),
    ]
    .concat();
    let reason = |bytes: u64| {
        format!(
            "Parquet: pages that unpack to {bytes} bytes must be in memory at one time, more than 128 MiB: \
             write it with smaller pages"
        )
    };
    for compression in [
        Compression::SNAPPY,
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
        Compression::GZIP(GzipLevel::default()),
    ] {
        let file = |pages: &[Vec<u8>]| file_of(compression, 2, pages);
        desk.assert_unreadable(&file(&[page(0, most, &two)]), &reason(most));
        let dictionary = page(2, most, &two);
        let both = file(&[dictionary, page(0, most - 1, &two), page(0, 16, &two)]);
        desk.assert_unreadable(&both, &reason(2 * most - 1));
    }
    // Without the claim, its two rows are read.
    desk.put(
        "hostile",
        &file_of(Compression::UNCOMPRESSED, 2, &[page(0, 16, &two)]),
    );
    let report = desk.check(&[]).report();
    assert_eq!(report["sides"]["s3"]["records"], GOOD + 2, "{report:#}");
}

#[test]
fn gzip_pages_that_unpack_to_more_than_they_claim() {
    let desk = Desk::new();
    let bomb = gzip(&vec![0; 1 << 20]).repeat(1 << 10);
    for claim in [16, 100 << 20] {
        let file = file_of(
            Compression::GZIP(GzipLevel::default()),
            2,
            &[page(0, claim, &bomb)],
        );
        let reason = format!(
            "Parquet: column `start`: a gzip page at byte {} does not unpack to the {claim} bytes that it claims",
            footer(&file) - bomb.len()
        );
        desk.assert_unreadable(&file, &reason);
    }
}

#[test]
fn more_rows_or_columns_than_there_can_be() {
    let desk = Desk::new();
    let file = file_of(
        Compression::UNCOMPRESSED,
        i64::MAX,
        &[page(0, 16, &[0; 16])],
    );
    let reason = format!("Parquet: {} rows in {} bytes", i64::MAX, file.len());
    desk.assert_unreadable(&file, &reason);
    // Each column by itself may be there.
    let good = good();
    let again = claiming_of_groups(None, |it: ColumnChunkMetaDataBuilder| {
        it.set_dictionary_page_offset(None)
            .set_data_page_offset(4)
            .set_total_compressed_size(i64::try_from(good.len() / 2).unwrap())
    });
    desk.put("hostile", &again);
    let reason = desk.only_finding()["reason"].clone();
    assert!(
        reason.as_str().unwrap().starts_with("Parquet: columns of "),
        "{reason}"
    );
}

#[test]
fn a_damaged_header_of_a_page() {
    let desk = Desk::new();
    let mut damaged = page(0, 16, &[0; 16]);
    // No integer, so the next reader might find another size.
    damaged[2] = 0x16;
    let file = file_of(Compression::UNCOMPRESSED, 2, &[damaged]);
    let reason = "Parquet: column `start`: the header of a page at byte 4 is damaged";
    desk.assert_unreadable(&file, reason);
}
