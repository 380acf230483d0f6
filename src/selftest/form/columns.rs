//! Rows as Parquet, as AWS types them and as pandas does.

use parquet::basic::{Compression, GzipLevel};
use parquet::file::properties::WriterProperties;

use crate::decode::table::{self, ColumnValues};
use crate::record::FieldName;
use crate::record::field::ValueForm;

use super::{PartRow, RowNumbers, Writer};
use crate::selftest::random::Random;

/// Writes the rows; a row that is no record has a negative number where its layout has one.
pub(in crate::selftest) fn write(
    writer: &Writer<'_>,
    rows: &[PartRow],
    random: &mut Random,
) -> (Vec<u8>, RowNumbers) {
    let names = writer.layout.columns();
    let spelt: Vec<String> = names
        .iter()
        .map(|name| name.as_str().replace('-', "_"))
        .collect();
    let columns: Vec<(&str, ColumnValues)> = spelt
        .iter()
        .zip(names)
        .map(|(spelt, name)| (spelt.as_str(), column(writer, name, rows, random)))
        .collect();
    // AWS's own pages are packed with gzip.
    let gzip = Compression::GZIP(GzipLevel::try_new(1).unwrap_or_default());
    let codec = *random.pick(&[
        gzip,
        Compression::SNAPPY,
        Compression::LZ4_RAW,
        Compression::UNCOMPRESSED,
    ]);
    let properties = WriterProperties::builder()
        .set_compression(codec)
        .set_max_row_group_row_count(Some(1 + random.below(60)))
        .build();
    let mut file = Vec::new();
    table::write(&columns, properties, &mut file).expect("columns of one length, into memory");
    (file, (1..=rows.len() as u64).collect())
}

/// Tells whether rows of these fields can be malformed in Parquet: only numbers can be what they cannot be.
pub(in crate::selftest) fn can_be_malformed(name: &FieldName) -> bool {
    name.as_str() == "bytes"
}

fn column(
    writer: &Writer<'_>,
    name: &FieldName,
    rows: &[PartRow],
    random: &mut Random,
) -> ColumnValues {
    let values = rows.iter().map(|&row| match row {
        PartRow::Record { record, .. } => writer.value(record, name),
        PartRow::Malformed { .. } if can_be_malformed(name) => Some("-7"),
        PartRow::Malformed { .. } => None,
    });
    let number = |value: Option<&str>| value.and_then(|value| value.parse::<i64>().ok());
    match name.kind() {
        ValueForm::Text | ValueForm::Address => {
            // Text that is absent is `-` in AWS's own files; others have NULL, or nothing between quotes.
            let absent = *random.pick(&[Some("-"), None, Some("")]);
            let unescape = random.percent(50);
            let spelt = values.map(|value| match value {
                Some(value) if unescape => Some(value.replace("%20", " ")),
                Some(value) => Some(value.to_owned()),
                None => absent.map(str::to_owned),
            });
            ColumnValues::Text(spelt.collect())
        }
        ValueForm::TrafficPath if writer.sloppy => {
            // Seen in the field: 0 for what the text has as `-`.
            ColumnValues::I64(values.map(|value| number(value).or(Some(0))).collect())
        }
        ValueForm::Integer | ValueForm::Time | ValueForm::TrafficPath => {
            let wide: Vec<Option<i64>> = values.map(number).collect();
            let narrow: Option<Vec<Option<i32>>> = wide
                .iter()
                .map(|value| value.map(i32::try_from).transpose().ok())
                .collect();
            match narrow {
                Some(narrow) if name.kind() == ValueForm::Integer && random.percent(50) => {
                    ColumnValues::I32(narrow)
                }
                // What pandas makes of integers with NULL among them.
                Some(narrow) if writer.sloppy && random.percent(20) => {
                    let floats = narrow.iter().map(|value| value.map(f64::from));
                    ColumnValues::F64(floats.collect())
                }
                _ => ColumnValues::I64(wide),
            }
        }
    }
}
