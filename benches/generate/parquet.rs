//! Records as Parquet.

use std::io::{self, Write};
use std::net::IpAddr;

use ::parquet::basic::{Compression as Codec, GzipLevel};
use ::parquet::file::properties::WriterProperties;
use flowdiff::decode::table::{self, ColumnValues};

use crate::corpus::{ACCOUNT, Record, Traffic, interface_id};

/// Writes the columns as AWS types them: underscores in the names, counts and times as 64-bit integers.
///
/// `dictionaries` tells whether values that come often are written once.
pub(crate) fn write(
    records: &[Record],
    dictionaries: bool,
    to: impl Write + Send,
) -> io::Result<()> {
    let text = |value: &dyn Fn(&Record) -> Option<String>| {
        ColumnValues::Text(records.iter().map(value).collect())
    };
    let seen = |record: &Record| record.traffic != Traffic::NoData;
    let number = |value: &dyn Fn(&Record) -> i32| {
        let values = records.iter();
        ColumnValues::I32(values.map(|it| seen(it).then(|| value(it))).collect())
    };
    let total = |value: &dyn Fn(&Record) -> u64| {
        let value = |record| seen(record).then(|| value(record).cast_signed());
        ColumnValues::I64(records.iter().map(value).collect())
    };
    let time = |value: &dyn Fn(&Record) -> i64| {
        ColumnValues::I64(records.iter().map(|record| Some(value(record))).collect())
    };
    let action = |record: &Record| match record.traffic {
        Traffic::Accept => Some("ACCEPT".to_owned()),
        Traffic::Reject => Some("REJECT".to_owned()),
        Traffic::NoData => None,
    };
    let status = |record: &Record| if seen(record) { "OK" } else { "NODATA" }.to_owned();
    let address = |address: IpAddr, record: &Record| seen(record).then(|| address.to_string());
    let version = ColumnValues::I32(vec![Some(2); records.len()]);
    let columns = [
        ("version", version),
        ("account_id", text(&|_| Some(ACCOUNT.to_owned()))),
        (
            "interface_id",
            text(&|record| Some(interface_id(record.interface))),
        ),
        ("srcaddr", text(&|record| address(record.source(), record))),
        (
            "dstaddr",
            text(&|record| address(record.destination(), record)),
        ),
        ("srcport", number(&|record| i32::from(record.source_port))),
        (
            "dstport",
            number(&|record| i32::from(record.destination_port)),
        ),
        ("protocol", number(&|record| i32::from(record.protocol))),
        ("packets", total(&|record| record.packets)),
        ("bytes", total(&|record| record.bytes)),
        ("start", time(&|record| record.start)),
        ("end", time(&|record| record.end)),
        ("action", text(&action)),
        ("log_status", text(&|record| Some(status(record)))),
    ];
    let level = GzipLevel::try_new(6).map_err(io::Error::other)?;
    let properties = WriterProperties::builder()
        .set_compression(Codec::GZIP(level))
        .set_dictionary_enabled(dictionaries);
    table::write(&columns, properties.build(), to).map_err(io::Error::other)
}
