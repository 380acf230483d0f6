//! However much differs, and in whatever way, memory stays bounded, the report included.

use std::fmt::Write as _;
use std::fs;

use super::Desk;
use crate::support::unless_long;

/// How many records differ, and of how many interfaces they are; in the short run one in [`SHARE`] of them.
const RECORDS: usize = 113_000;
const INTERFACES: usize = 50_000;
const SHARE: usize = 16;

/// In how many ways what stands on one side differs from what stands on the other.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// The other side has nothing in its slot.
    Lone,
    /// The other side has something else there.
    Missing,
    Divergent,
    Surplus,
    Pending,
    /// It may be in a part that cannot be read.
    Undetermined,
    /// It may be a malformed row.
    Malformed,
}

impl Shape {
    const ALL: [Self; 7] = [
        Self::Lone,
        Self::Missing,
        Self::Divergent,
        Self::Surplus,
        Self::Pending,
        Self::Undetermined,
        Self::Malformed,
    ];

    /// What both sides hold of a record.
    fn rows(self, number: usize, interfaces: usize) -> [String; 2] {
        let start = 1_700_000_100 + 900 * (number / interfaces) + 40 * (number % 7);
        let row = |packets: &str, bytes: usize, start: usize| {
            let interface = number % interfaces;
            format!(
                "2 123456789010 eni-{interface:017x} 10.0.1.9 10.0.2.9 {} 443 6 {packets} {bytes} {start} {} ACCEPT OK\n",
                1024 + number % 60_000,
                start + 55
            )
        };
        let (one, same) = (row("10", 840, start), row("10", 99, start + 1));
        match self {
            Self::Lone | Self::Pending => [one, String::new()],
            Self::Missing | Self::Undetermined => [same.clone() + &one, same],
            Self::Divergent => [one, row("10", 841, start)],
            Self::Surplus => [one.repeat(2), one],
            Self::Malformed => [same.clone() + &one, same + &row("x", 840, start)],
        }
    }
}

#[test]
fn memory_is_bounded_however_much_differs() {
    let share = unless_long(SHARE, 1);
    let (records, interfaces) = (RECORDS / share, INTERFACES / share);
    let header = fs::read_to_string("fixtures/formats/plain.txt").unwrap();
    let header = header.lines().next().unwrap();
    let few = Desk::new().peak(&["--output", "text"]);
    // In the short run two shapes, each with another output.
    let shapes = unless_long(&[Shape::Missing, Shape::Divergent][..], &Shape::ALL[..]);
    for (number, shape) in shapes.iter().enumerate() {
        let desk = Desk::new();
        let mut texts = [format!("{header}\n"), format!("{header}\n")];
        for number in 0..records {
            for (text, rows) in texts.iter_mut().zip(shape.rows(number, interfaces)) {
                let _ = write!(text, "{rows}");
            }
        }
        for (side, text) in ["s3", "cwl"].iter().zip(texts) {
            fs::write(desk.at(side).join("differs.txt"), text).unwrap();
        }
        if matches!(shape, Shape::Undetermined) {
            fs::write(desk.at("cwl").join("broken.gz"), [0x1f, 0x8b, 8, 0]).unwrap();
        }
        let outputs = ["json", "text"];
        for output in unless_long(&outputs[number % 2..=number % 2], &outputs[..]) {
            let more: &[&str] = match shape {
                Shape::Pending => &["--now", "1700002200", "--settle", "1h"],
                Shape::Lone
                | Shape::Missing
                | Shape::Divergent
                | Shape::Surplus
                | Shape::Undetermined
                | Shape::Malformed => &[],
            };
            let peak = desk.peak(&[&["--output", output], more].concat());
            let most = few + FIXED + MOST / share as u64;
            println!("{shape:?} {output}: {peak} KiB, {few} where little differs");
            assert!(
                peak <= most,
                "{shape:?} {output}: {peak} KiB, at most {most}"
            );
        }
    }
}

/// What all that differs may take up beside what a run takes up where little differs, in KiB, with `--memory 32MiB`: what
/// lists, tables and the report need, and what the system's allocator keeps of what was given back.
const MOST: u64 = 96 << 10;

/// What does not grow with what differs: sketches, and buffers for what is read and compared, in KiB. What the allocator keeps
/// differs by some MiB from run to run.
const FIXED: u64 = 14 << 10;

impl Desk {
    /// Compares the two folders in little memory, and returns how much was needed, in KiB.
    fn peak(&self, more: &[&str]) -> u64 {
        let (s3, cwl) = (self.at("s3"), self.at("cwl"));
        let sources = [s3.to_str().unwrap(), cwl.to_str().unwrap()];
        self.run(&[&["check", "--memory", "32MiB"], &sources[..], more].concat());
        let peak = fs::read_to_string(self.at("peak")).unwrap();
        peak.parse().unwrap()
    }
}
