//! What rows are made of texts.

use itertools::Itertools;
use proptest::prelude::*;

use super::*;
use crate::decode::collected::{Collected, default_format, given};

const ROW: &str =
    "2 123456789010 eni-0aa 10.0.0.5 10.0.1.9 49152 443 6 10 840 1700000000 1700000058 ACCEPT OK";

fn of(lines: &[&str], format: &Format) -> Collected {
    let mut all = Collected::default();
    let mut rows = RowTexts::new(format, &mut all);
    for (number, line) in (1..).zip(lines) {
        rows.take(line.as_bytes(), RowOrigin::Line(number)).unwrap();
    }
    all
}

#[test]
fn transit_gateway_rows_are_told_by_shape_if_no_layout_is_given() {
    let gateway = format!("6 TransitGateway {}", ["-"; 34].join(" "));
    let other = format!("6 VPC {}", ["-"; 34].join(" "));
    let stamped = format!("2023-11-14T22:13:20Z tgw-0aa {gateway}");
    let lines = [&gateway, &other, ROW, &stamped];
    let all = of(&lines, &default_format());
    assert_eq!(all.texts(), [&gateway, ROW, &gateway]);
    let (vpc, gateways) = (Layout::vpc_default(), Layout::transit_gateway_default());
    assert_eq!(all.layouts, [gateways.clone(), vpc, gateways]);
    assert_eq!(all.malformed.len(), 1);
    let told = Format {
        given: true,
        ..default_format()
    };
    assert_eq!(of(&lines, &told).texts(), [ROW]);
}

#[test]
fn a_row_has_the_one_of_the_formats_given_that_it_fits() {
    let layout = |format: &str| Layout::from_format(format).unwrap();
    let (wide, narrow, other) = (
        layout("${interface-id} ${bytes} ${start}"),
        layout("${interface-id} ${start}"),
        layout("${start} ${bytes} ${interface-id}"),
    );
    let format = Format {
        others: vec![narrow.clone(), other.clone()],
        ..Format::named(wide.clone())
    };
    let lines = [
        "eni-0aa 40 1700000000",
        "1700000000 40 eni-0aa",
        "eni-0aa 1700000000",
        "eni-0aa x 1700000000",
        "2023-11-14T22:13:20.000Z eni-0aa-all 1700000000 40 eni-0aa",
        "eni-0aa 40 1700000000\teni-0aa 1700000000",
        "-",
    ];
    let all = of(&lines, &format);
    let good = [lines[0], lines[1], lines[2], lines[1], lines[0], lines[2]];
    assert_eq!(all.texts(), good);
    let layouts = [&wide, &other, &narrow, &other, &wide, &narrow];
    assert_eq!(all.layouts.iter().collect_vec(), layouts);
    let reason = "columns that are a record in none of 3 formats";
    let malformed = [(4, format!("3 {reason}")), (7, format!("1 {reason}"))];
    assert_eq!(all.malformed, malformed);
    let all = of(&["2023-11-14T22:13:20.000Z eni-0aa 40 x"], &format);
    let known = all.places[0].iter().map(|place| place.interface.as_deref());
    assert_eq!(known.collect_vec(), [Some("eni-0aa"), None]);
}

#[test]
fn a_row_that_fits_two_formats_is_none_and_both_are_named() {
    let layout = |format: &str| Layout::from_format(format).unwrap();
    let format = Format {
        others: vec![layout("${dstaddr} ${srcaddr} ${start}")],
        ..Format::named(layout("${srcaddr} ${dstaddr} ${start}"))
    };
    let all = of(&["10.0.0.1 10.0.0.2 1700000000"], &format);
    let reason = "it is a record in more than one of the formats given: `${srcaddr} ${dstaddr} ${start}` and \
                  `${dstaddr} ${srcaddr} ${start}`";
    assert_eq!(all.malformed, [(1, reason.to_owned())]);
    assert_eq!(all.texts(), Vec::<&str>::new());
}

/// Found by the oracle, seed 603440: of a row alone the formats were told by the shapes of its values, of two in an event not.
#[test]
fn each_of_several_records_has_the_format_whose_values_look_like_it() {
    let format = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${packets} ${bytes} ${start} \
                  ${end} ${action} ${log-status} ${region} ${vpc-id}";
    let format = Format {
        others: vec![Layout::from_format(format).unwrap()],
        ..Format::named(Layout::vpc_default())
    };
    for separator in ["\\n", "\t", "\n", " ", ""] {
        let all = of(&[&format!("{ROW}{separator}{ROW}")], &format);
        assert_eq!(all.texts(), [ROW, ROW], "{separator:?}");
        assert_eq!((all.layouts.len(), &all.malformed), (1, &vec![]));
    }
}

#[test]
fn a_header_is_none_among_events() {
    let mut all = Collected::default();
    let mut rows = RowTexts::new(&given("${start} ${end}"), &mut all);
    for (number, message) in [(7, "start end"), (8, "1 2"), (9, "\x1b[1m3 4\x1b[0m")] {
        rows.take(message.as_bytes(), RowOrigin::Event(number, Some("id")))
            .unwrap();
    }
    assert_eq!(all.malformed, [(7, "a header, not a record".to_owned())]);
    assert_eq!(all.texts(), ["1 2", "3 4"]);
    assert_eq!(all.rows[1].event_id.as_deref(), Some("id"));
}

#[test]
fn a_text_may_hold_several_records_and_what_tools_write_around_them() {
    let (a, b) = (ROW, ROW.replace("840", "841"));
    for text in [
        format!("{a}\t{b}"),
        format!("{a}\r{b}\r"),
        format!("{a}\n\n{b}\n"),
        format!("{a}\\n{b}\\n"),
        format!("{a} {b}"),
        format!("{a}{b}"),
    ] {
        let all = of(&[&text], &default_format());
        assert_eq!(all.texts(), [a, &b], "{text:?}");
        assert_eq!((all.numbers(), &all.malformed), (vec![1, 1], &vec![]));
        let mut events = Collected::default();
        RowTexts::new(&default_format(), &mut events)
            .take(text.as_bytes(), RowOrigin::Event(1, Some("7")))
            .unwrap();
        let ids: Vec<_> = events
            .rows
            .iter()
            .map(|row| row.event_id.clone().unwrap())
            .collect();
        assert!(ids[0].starts_with("7 "), "{ids:?}");
        assert_eq!(ids[1], format!("{}/1", ids[0]));
    }
    let tabs =
        format!("1700000000000\teni-0aa-all\t{a}\nEVENTS\t7\t1700000312345\t{a}\t1700000000000");
    let all = of(&tabs.split('\n').collect::<Vec<_>>(), &default_format());
    assert_eq!((all.texts(), &all.malformed), (vec![a, a], &vec![]));
}

#[test]
fn an_event_of_one_id_that_holds_more_is_another_one() {
    let mut events = Collected::default();
    let mut rows = RowTexts::new(&default_format(), &mut events);
    for text in [
        ROW.to_owned(),
        format!("EVENTS\t7\t{ROW}\t1700000000000"),
        format!("{ROW}\t{ROW}"),
        format!("{ROW}\n{ROW}"),
        format!("{ROW}\tx"),
    ] {
        let from = RowOrigin::Event(1, Some("7"));
        rows.take(text.as_bytes(), from).unwrap();
    }
    let ids = events.rows.iter().map(|row| row.event_id.clone().unwrap());
    let ids: Vec<String> = ids.collect();
    assert_eq!(ids[..2], ["7", "7"]);
    assert_eq!(ids[2..4], ids[4..6]);
    let unlike: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(unlike.len(), 4, "{ids:?}");
}

#[test]
fn damaged_rows_with_a_break_between_are_rows_each() {
    let damaged = ROW.replacen("2 ", "hello2 ", 1);
    let stamped = format!("2023-11-14T22:13:20.000Z {damaged}\\n{ROW} more");
    let all = of(&[&stamped], &default_format());
    assert_eq!(all.malformed.len(), 2, "{:?}", all.malformed);
    let all = of(&["2 3\t4 5"], &default_format());
    assert_eq!(all.malformed.len(), 1, "{:?}", all.malformed);
}

/// Found by the oracle, seed 602859: a word that a tab or a line break divides from the record is a piece of its own, not a
/// stream's name, unless the time before it is divided in the same way.
#[test]
fn a_word_before_a_record_is_a_name_only_where_nothing_but_spaces_divides_them() {
    let stamp = "2023-11-14T22:13:20.000Z";
    for (before, malformed) in [
        (format!("{stamp} hello "), 0),
        (format!("{stamp}\thello\t"), 0),
        (format!("{stamp} eni-0aa-all\t"), 0),
        (format!("{stamp} hello\t"), 1),
        (format!("{stamp}  hello \t "), 1),
        (format!("{stamp} hello\r"), 1),
        ("hello\t".to_owned(), 1),
    ] {
        let all = of(&[&format!("{before}{ROW}")], &default_format());
        let found = (all.texts(), all.malformed.len());
        assert_eq!(found, (vec![ROW], malformed), "{before:?}");
    }
}

#[test]
fn what_stands_among_records_and_is_none_is_named() {
    let all = of(&[&format!("{ROW}\t2 3\t{ROW}\tfoo")], &default_format());
    let reason = "one of 4 pieces in it is no record: the layout has 14 columns";
    assert_eq!(all.texts(), [ROW, ROW]);
    assert_eq!(
        all.malformed,
        [(1, reason.to_owned()), (1, reason.to_owned())]
    );
    let mut all = Collected::default();
    let mut rows = RowTexts::new(&default_format(), &mut all);
    let more = rows.take(b"NEXTTOKEN\teyJuZXh0", RowOrigin::Line(7));
    let reason = "stops where more events follow: line 7 holds the token to go on with; ask for the rest as well";
    assert_eq!(more, Err(DecodeError::Unreadable(reason.to_owned())));
}

#[test]
fn a_line_may_hold_lines_that_end_in_cr_alone() {
    let all = of(&["end start\r2 1\r4 3"], &default_format());
    assert_eq!(all.texts(), ["2 1", "4 3"]);
    assert_eq!(all.layouts, [Layout::from_names(["end", "start"]).unwrap()]);
}

#[test]
fn a_row_with_a_cell_too_many_is_no_other_record() {
    let format = default_format();
    let more = ROW.replacen("2 123456789010", "2 123456789010 x", 1);
    for line in [more.clone(), format!("2023-11-14T22:13:20.000Z {more}")] {
        let all = of(&[&line], &format);
        assert_eq!((all.rows.len(), all.malformed.len()), (0, 1), "{line}");
    }
}

proptest! {
    #[test]
    fn cells_are_what_white_space_divides(line in "[ \t\r!0-9~\u{80}-\u{10ff}]{0,70}") {
        let expected: Vec<&str> = line.split([' ', '\t', '\r']).filter(|cell| !cell.is_empty()).collect();
        let format = given(&(1..=expected.len().max(1)).map(|n| format!("${{f{n}}}")).join(" "));
        let all = of(&[&line], &format);
        prop_assert_eq!(&all.malformed, &[]);
        prop_assert_eq!(all.rows.iter().flat_map(|row| &row.cells).collect::<Vec<_>>(), expected.iter().map(|cell| cell.as_bytes()).collect::<Vec<_>>());
    }

    #[test]
    fn control_bytes_are_found(line in prop::collection::vec(any::<u8>(), 0..40)) {
        let control = line.iter().copied().find(|byte| is_control(*byte) && !matches!(*byte, ESCAPE | b'\n'));
        prop_assume!(control.is_some());
        let mut all = Collected::default();
        RowTexts::new(&default_format(), &mut all).take(&line, RowOrigin::Line(1)).unwrap();
        prop_assert_eq!(all.rows.len(), 0);
        prop_assert!(all.malformed[0].1.starts_with("control byte 0x"));
    }
}
