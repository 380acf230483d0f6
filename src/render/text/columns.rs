//! The columns that records are shown in: as many as fit, the most telling first.

use crate::model::Side;
use crate::model::finding::Evidence;
use crate::model::window::rfc3339;
use crate::render::escape::escape;

use super::rows::ShownRecord;

/// Blanks between columns.
const GAP: usize = 2;

/// Blanks before a row.
const MARGIN: usize = 2;

/// What a column shows.
#[derive(Clone, Debug, PartialEq, Eq)]
enum ColumnShows {
    /// The row's number on a side.
    Row(Side),
    Start,
    End,
    Source,
    Destination,
    Protocol,
    Field(String),
}

/// A column: what it is headed, and how wide it is.
#[derive(Clone, Debug)]
struct Column {
    what: ColumnShows,
    head: String,
    width: usize,
}

/// The columns of a section.
pub(super) struct SectionColumns {
    columns: Vec<Column>,
    /// The day that all times are of, if it is one.
    day: Option<String>,
    /// Destinations stand below the sources.
    below: bool,
}

impl SectionColumns {
    /// Chooses the columns for these records.
    pub(super) fn of(
        width: usize,
        shown: &[ShownRecord<'_>],
        is_stream: impl Fn(Side) -> bool,
    ) -> Self {
        let day = day(shown);
        let mut all: Vec<(ColumnShows, String)> = Vec::new();
        let sides: Vec<Side> = shown.first().map_or_else(Vec::new, |one| {
            one.copies().iter().map(|(side, _)| *side).collect()
        });
        for side in &sides {
            let head = match (is_stream(*side), sides.len()) {
                (true, 1) => "event (ms)".to_owned(),
                (false, 1) => "row".to_owned(),
                _ => format!("{side} row"),
            };
            all.push((ColumnShows::Row(*side), head));
        }
        let start = if day.is_some() {
            "start"
        } else {
            "start (UTC)"
        };
        all.push((ColumnShows::Start, start.to_owned()));
        all.push((ColumnShows::Source, "source".to_owned()));
        all.push((ColumnShows::Destination, "destination".to_owned()));
        all.push((
            ColumnShows::Field("interface-id".to_owned()),
            "interface".to_owned(),
        ));
        all.push((ColumnShows::End, "end".to_owned()));
        for field in ["bytes", "action", "packets"] {
            all.push((ColumnShows::Field(field.to_owned()), field.to_owned()));
        }
        all.push((ColumnShows::Protocol, "proto".to_owned()));
        all.push((
            ColumnShows::Field("log-status".to_owned()),
            "status".to_owned(),
        ));
        let flows = shown
            .iter()
            .any(|one| !text(&ColumnShows::Source, *one, None).is_empty());
        if !flows {
            all.extend(other_fields(shown));
        }
        let unequal = |what: &ColumnShows| match what {
            ColumnShows::Field(name) => shown.iter().any(|one| match one {
                ShownRecord::Two(pair) => pair.fields.contains(name),
                ShownRecord::One(..) => false,
            }),
            ColumnShows::Row(_)
            | ColumnShows::Start
            | ColumnShows::End
            | ColumnShows::Source
            | ColumnShows::Destination
            | ColumnShows::Protocol => false,
        };
        let columns = all.into_iter().filter(|(what, _)| !unequal(what));
        let columns = columns.filter_map(|(what, head)| {
            let texts = shown.iter().map(|one| text(&what, *one, day.as_deref()));
            let longest = texts.map(|text| text.chars().count()).max()?;
            let ordinary = matches!(&what, ColumnShows::Field(name) if name == "log-status")
                && shown.iter().all(|one| text(&what, *one, None) == "OK");
            (longest > 0 && !ordinary).then(|| Column {
                width: longest.max(head.chars().count()),
                what,
                head,
            })
        });
        Self::fit(width, columns.collect(), day)
    }

    /// Takes the columns that fit, in the order in which they are shown.
    fn fit(width: usize, all: Vec<Column>, day: Option<String>) -> Self {
        let room = width.saturating_sub(MARGIN);
        let first = |what: &ColumnShows| {
            matches!(
                what,
                ColumnShows::Row(_)
                    | ColumnShows::Start
                    | ColumnShows::Source
                    | ColumnShows::Destination
            )
        };
        let needed = all.iter().filter(|column| first(&column.what));
        let below = needed.map(|column| column.width + GAP).sum::<usize>() > room + GAP;
        let mut taken = 0;
        let mut columns: Vec<Column> = Vec::new();
        for column in all {
            let beside = !(below && column.what == ColumnShows::Destination);
            let more = if beside { column.width + GAP } else { 0 };
            if first(&column.what) || taken + more <= room + GAP {
                taken += more;
                columns.push(column);
            }
        }
        let rank = |what: &ColumnShows| match what {
            ColumnShows::Row(_) => 0,
            ColumnShows::Field(name) if name == "interface-id" => 1,
            ColumnShows::Start => 2,
            ColumnShows::End => 3,
            ColumnShows::Source => 4,
            ColumnShows::Destination => 5,
            ColumnShows::Protocol => 6,
            ColumnShows::Field(_) => 7,
        };
        columns.sort_by_key(|column| rank(&column.what));
        Self {
            columns,
            day,
            below,
        }
    }

    /// Returns the day in UTC that all times are of, which they do not tell then.
    pub(super) fn day(&self) -> Option<&str> {
        self.day.as_deref()
    }

    /// Writes the heads.
    pub(super) fn head(&self) -> String {
        let beside = self.beside().map(|column| {
            let head = match self.below && column.what == ColumnShows::Source {
                true => "source, destination below",
                false => &column.head,
            };
            (column, head.to_owned())
        });
        line(beside)
    }

    /// Writes a record, on two lines if it has to be.
    pub(super) fn row(&self, one: ShownRecord<'_>) -> Vec<String> {
        let value = |column: &Column| escape(&text(&column.what, one, self.day.as_deref()));
        let mut lines = vec![line(self.beside().map(|column| (column, value(column))))];
        let destination = self
            .columns
            .iter()
            .find(|it| it.what == ColumnShows::Destination);
        if let Some(column) = destination.filter(|_| self.below) {
            let before = self
                .beside()
                .take_while(|it| it.what != ColumnShows::Source);
            let margin = before.map(|it| it.width + GAP).sum::<usize>() + MARGIN;
            lines.push(format!("{:margin$}{}", "", value(column)));
        }
        lines
    }

    fn beside(&self) -> impl Iterator<Item = &Column> {
        let below = self.below;
        let columns = self.columns.iter();
        columns.filter(move |column| !(below && column.what == ColumnShows::Destination))
    }
}

/// Writes cells, numbers to the right.
fn line<'a>(cells: impl Iterator<Item = (&'a Column, String)>) -> String {
    let mut line = " ".repeat(MARGIN);
    for (column, text) in cells {
        let width = column.width;
        let is_number = match &column.what {
            ColumnShows::Row(_) => true,
            ColumnShows::Field(name) => matches!(name.as_str(), "bytes" | "packets"),
            ColumnShows::Start
            | ColumnShows::End
            | ColumnShows::Source
            | ColumnShows::Destination
            | ColumnShows::Protocol => false,
        };
        let cell = match is_number {
            true => format!("{text:>width$}"),
            false => format!("{text:width$}"),
        };
        line.push_str(&cell);
        line.push_str(&" ".repeat(GAP));
    }
    line.trim_end().to_owned()
}

/// Returns what a column shows of a record; of a pair, what its S3 copy says.
fn text(what: &ColumnShows, one: ShownRecord<'_>, day: Option<&str>) -> String {
    let copies = one.copies();
    let Some((_, first)) = copies.first() else {
        return String::new();
    };
    let field = |name: &str| first.record.get(name).unwrap_or_default().to_owned();
    match what {
        ColumnShows::Row(side) => {
            let of = copies.iter().find(|(of, _)| of == side);
            of.map_or_else(String::new, |(_, found)| found.found_in.row.to_string())
        }
        ColumnShows::Start => moment(first, "start", day),
        ColumnShows::End => moment(first, "end", day),
        ColumnShows::Source => ends(first, "srcaddr", "srcport"),
        ColumnShows::Destination => ends(first, "dstaddr", "dstport"),
        ColumnShows::Protocol => match field("protocol").as_str() {
            "1" => "icmp".to_owned(),
            "6" => "tcp".to_owned(),
            "17" => "udp".to_owned(),
            "58" => "icmpv6".to_owned(),
            other => other.to_owned(),
        },
        ColumnShows::Field(name) => field(name),
    }
}

/// Writes `10.0.1.20:443`, or `[2001:db8::1]:443`.
fn ends(found: &Evidence, address: &str, port: &str) -> String {
    let Some(address) = found.record.get(address) else {
        return String::new();
    };
    match found.record.get(port) {
        Some(port) if address.contains(':') => format!("[{address}]:{port}"),
        Some(port) => format!("{address}:{port}"),
        None => address.to_owned(),
    }
}

fn second(found: &Evidence, name: &str) -> Option<i64> {
    found.record.get(name)?.parse().ok()
}

/// Writes a time in UTC, without the day if that is known.
fn moment(found: &Evidence, name: &str, day: Option<&str>) -> String {
    let Some(at) = second(found, name) else {
        return found.record.get(name).unwrap_or_default().to_owned();
    };
    let text = rfc3339(at);
    match text.trim_end_matches('Z').split_once('T') {
        Some((_, time)) if day.is_some() => time.to_owned(),
        Some((day, time)) => format!("{day} {time}"),
        None => text,
    }
}

/// Returns the day in UTC that all times of these records are of.
fn day(shown: &[ShownRecord<'_>]) -> Option<String> {
    let copies = shown.iter().flat_map(|one| one.copies());
    let times = copies.flat_map(|(_, found)| {
        ["start", "end"]
            .into_iter()
            .filter_map(move |name| second(found, name))
    });
    let mut days = times.map(|at| rfc3339(at).split_once('T').map(|(day, _)| day.to_owned()));
    let first = days.next()??;
    days.all(|day| day.as_ref() == Some(&first))
        .then_some(first)
}

/// Returns the fields of records that tell no flow.
fn other_fields(shown: &[ShownRecord<'_>]) -> Vec<(ColumnShows, String)> {
    let told = [
        "interface-id",
        "start",
        "end",
        "bytes",
        "packets",
        "action",
        "protocol",
        "log-status",
    ];
    let first = shown.first().map(|one| one.copies());
    let Some((_, found)) = first.and_then(|copies| copies.into_iter().next()) else {
        return Vec::new();
    };
    let names = found
        .record
        .fields()
        .map(|(name, _)| name.as_str().to_owned());
    let names = names.filter(|name| !told.contains(&name.as_str()));
    names
        .map(|name| (ColumnShows::Field(name.clone()), escape(&name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::finding::Place;
    use crate::record::{FieldName, Record};

    fn found(row: u64, fields: &[(&str, &str)]) -> Evidence {
        let fields = fields.iter();
        let fields = fields.map(|(name, value)| (FieldName::new(name), Some((*value).to_owned())));
        Evidence {
            record: Record::new(fields.collect()),
            found_in: Place {
                part: "part".into(),
                row,
            },
        }
    }

    fn shown(width: usize, found: &[Evidence]) -> String {
        let shown: Vec<_> = found
            .iter()
            .map(|one| ShownRecord::One(Side::S3, one))
            .collect();
        let columns = SectionColumns::of(width, &shown, |_| false);
        let mut lines = vec![columns.head()];
        lines.extend(shown.iter().flat_map(|one| columns.row(*one)));
        assert!(
            lines.iter().all(|line| line.chars().count() <= width),
            "{lines:#?}"
        );
        lines.join("\n")
    }

    fn flow(source: &str, destination: &str) -> [Evidence; 1] {
        [found(
            12,
            &[
                ("interface-id", "eni-0c19436730cc350ae"),
                ("srcaddr", source),
                ("dstaddr", destination),
                ("srcport", "49152"),
                ("dstport", "443"),
                ("protocol", "6"),
                ("packets", "4"),
                ("bytes", "336"),
                ("start", "1641597904"),
                ("end", "1641597962"),
                ("action", "ACCEPT"),
                ("log-status", "OK"),
            ],
        )]
    }

    #[test]
    fn as_many_columns_as_fit() {
        let flow = flow("10.0.1.20", "10.0.1.196");
        insta::assert_snapshot!(shown(120, &flow), @r"
        row  interface              start     end       source           destination     proto  bytes  action  packets
         12  eni-0c19436730cc350ae  23:25:04  23:26:02  10.0.1.20:49152  10.0.1.196:443  tcp      336  ACCEPT        4
        ");
        insta::assert_snapshot!(shown(100, &flow), @r"
        row  interface              start     end       source           destination     bytes  action
         12  eni-0c19436730cc350ae  23:25:04  23:26:02  10.0.1.20:49152  10.0.1.196:443    336  ACCEPT
        ");
        insta::assert_snapshot!(shown(80, &flow), @r"
        row  interface              start     source           destination     bytes
         12  eni-0c19436730cc350ae  23:25:04  10.0.1.20:49152  10.0.1.196:443    336
        ");
    }

    #[test]
    fn long_addresses_stand_one_below_the_other() {
        let long = "2001:db8:1111:2222:3333:4444:5555:6666";
        insta::assert_snapshot!(shown(80, &flow(long, long)), @r"
        row  start     end       source, destination below                       bytes
         12  23:25:04  23:26:02  [2001:db8:1111:2222:3333:4444:5555:6666]:49152    336
                                 [2001:db8:1111:2222:3333:4444:5555:6666]:443
        ");
    }

    #[test]
    fn times_of_several_days_have_the_day() {
        let records = [
            found(
                1,
                &[
                    ("start", "1641597904"),
                    ("brand-new", "x"),
                    ("account-id", "1"),
                ],
            ),
            found(
                2,
                &[
                    ("start", "1641697904"),
                    ("brand-new", "y"),
                    ("account-id", "2"),
                ],
            ),
        ];
        insta::assert_snapshot!(shown(80, &records), @r"
        row  start (UTC)          account-id  brand-new
          1  2022-01-07 23:25:04  1           x
          2  2022-01-09 03:11:44  2           y
        ");
    }
}
