//! A history as CSV: a row for each day, and below these a row for each interface and day with lost or changed records.

use std::io::{self, Write};

use super::{ToldHistory, day};
use crate::model::Side;
use crate::render::csv::cell;

const HEADER: [&str; 18] = [
    "day",
    "interface",
    "lost_or_changed",
    "windows",
    "untold_windows",
    "records_s3",
    "records_cwl",
    "missing_s3",
    "missing_cwl",
    "surplus_s3",
    "surplus_cwl",
    "divergent",
    "late_s3",
    "late_cwl",
    "gap_seconds",
    "delay_p99_s3",
    "delay_p99_cwl",
    "archive",
];

/// Writes a header, then the rows. A row of a day has no interface; a row of an interface has what is lost and no more.
pub(super) fn write(told: ToldHistory<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = ::csv::Writer::from_writer(out);
    rows.write_record(HEADER)?;
    let folder = cell(&told.folder.display().to_string());
    for one in &told.history.days {
        let tally = &one.tally;
        let delay = |side: Side| {
            let summary = one.delays[side];
            summary.map_or_else(String::new, |summary| summary.p99.to_string())
        };
        let mut row = vec![day(one.day), String::new()];
        row.extend(
            [
                tally.lost(),
                tally.windows,
                tally.untold_windows,
                tally.records.s3,
                tally.records.cwl,
                tally.missing.s3,
                tally.missing.cwl,
                tally.surplus.s3,
                tally.surplus.cwl,
                tally.divergent,
                tally.late.s3,
                tally.late.cwl,
                one.gap_seconds.unsigned_abs(),
            ]
            .map(|number| number.to_string()),
        );
        row.extend([delay(Side::S3), delay(Side::Cwl), folder.clone()]);
        rows.write_record(row)?;
    }
    for one in &told.history.interfaces {
        for lost in &one.days {
            let mut row = vec![
                day(lost.day),
                cell(&one.interface),
                lost.records.to_string(),
            ];
            row.resize(HEADER.len() - 1, String::new());
            row.push(folder.clone());
            rows.write_record(row)?;
        }
    }
    rows.flush()
}
