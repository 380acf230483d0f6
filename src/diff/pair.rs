//! Pairing: which leftovers of opposite sides are the same flow, told differently.

use std::cmp::Reverse;

use itertools::Itertools;
use xxhash_rust::xxh3::xxh3_64;

use crate::record::Comparison;

/// The fields by which two unequal records are the same flow, as far as they are compared.
const FLOW: [&str; 7] = [
    "interface-id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "start",
];

/// Above this many combinations within one flow, leftovers are paired in order instead of best
/// first: there is no telling which belongs to which among so many.
const MOST_COMBINATIONS: usize = 1 << 16;

/// Which of a record's compared fields say which flow it belongs to.
#[derive(Clone, Debug)]
pub struct Flow {
    columns: Vec<usize>,
}

impl Flow {
    /// Picks the fields out of a comparison.
    pub fn new(comparison: &Comparison) -> Self {
        let columns = comparison
            .fields()
            .iter()
            .positions(|name| FLOW.contains(&name.as_str()));
        Self {
            columns: columns.collect(),
        }
    }

    /// Returns the flow that a record's canonical text belongs to. With nothing compared that tells a flow,
    /// every record is one of its own.
    pub fn of(&self, text: &[u8]) -> Vec<u8> {
        let mut flow = Vec::with_capacity(96);
        self.write(text, &mut flow);
        flow
    }

    /// Returns a number for it, the same in every run; `room` is written over.
    pub fn number(&self, text: &[u8], room: &mut Vec<u8>) -> u64 {
        room.clear();
        self.write(text, room);
        xxh3_64(room)
    }

    fn write(&self, text: &[u8], flow: &mut Vec<u8>) {
        if self.columns.is_empty() {
            flow.extend_from_slice(text);
            return;
        }
        let mut wanted = self.columns.iter().peekable();
        for (column, value) in values(text).enumerate() {
            match wanted.peek() {
                None => break,
                Some(next) if **next == column => {
                    if !flow.is_empty() {
                        flow.push(b' ');
                    }
                    flow.extend_from_slice(value);
                    wanted.next();
                }
                Some(_) => {}
            }
        }
    }
}

/// Returns the values of a record's canonical text.
pub(super) fn values(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b' ')
}

/// Pairs leftovers of one flow, given as canonical texts in order: most equal fields first, then
/// the earlier ones. Returns the indexes of each pair. Each leftover is in one pair at most, and one side's are all in one.
pub(super) fn pair(s3: &[&[u8]], cwl: &[&[u8]]) -> Vec<(usize, usize)> {
    if s3.len().saturating_mul(cwl.len()) > MOST_COMBINATIONS {
        return (0..s3.len().min(cwl.len()))
            .map(|index| (index, index))
            .collect();
    }
    let alike = |a: &[u8], b: &[u8]| values(a).zip(values(b)).filter(|(a, b)| a == b).count();
    let combinations = (0..s3.len()).cartesian_product(0..cwl.len());
    let best_first = combinations.sorted_by_key(|&(a, b)| (Reverse(alike(s3[a], cwl[b])), a, b));
    let (mut s3_taken, mut cwl_taken) = (vec![false; s3.len()], vec![false; cwl.len()]);
    let mut pairs = Vec::new();
    for (a, b) in best_first {
        if !s3_taken[a] && !cwl_taken[b] {
            (s3_taken[a], cwl_taken[b]) = (true, true);
            pairs.push((a, b));
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Layout;

    #[test]
    fn the_flow_is_what_is_compared_of_it() {
        let all = Comparison::new(Layout::vpc_default().columns().to_vec());
        let text = b"2 1234 eni-0aa 10.0.0.1 10.0.0.2 1 2 6 10 840 1700000000 1700000058 ACCEPT OK";
        assert_eq!(
            Flow::new(&all).of(text),
            b"eni-0aa 10.0.0.1 10.0.0.2 1 2 6 1700000000"
        );
        let none = Comparison::new(
            Layout::from_names(["version", "bytes"])
                .unwrap()
                .columns()
                .to_vec(),
        );
        assert_eq!(Flow::new(&none).of(b"2 840"), b"2 840");
    }

    #[test]
    fn a_flow_has_a_number() {
        let flow = Flow::new(&Comparison::new(Layout::vpc_default().columns().to_vec()));
        let text = |port: &str, bytes: &str| {
            format!(
                "2 1234 eni-0aa 10.0.0.1 10.0.0.2 {port} 2 6 10 {bytes} 1700000000 1700000058 ACCEPT OK"
            )
        };
        let mut room = b"left over".to_vec();
        let mut number = |text: &str| flow.number(text.as_bytes(), &mut room);
        let first = number(&text("443", "840"));
        assert_eq!(number(&text("443", "841")), first);
        assert_ne!(number(&text("80", "840")), first);
        assert_eq!(first, xxh3_64(&flow.of(text("443", "1").as_bytes())));
    }

    #[test]
    fn most_equal_fields_first() {
        for (s3, cwl, expected) in [
            (vec!["a b c"], vec!["x x c", "a b x"], vec![(0, 1)]),
            (vec!["a b c", "a b x"], vec!["a b y"], vec![(0, 0)]),
            (
                vec!["a b c", "d e f"],
                vec!["d e g", "a b g"],
                vec![(0, 1), (1, 0)],
            ),
            (vec![], vec!["a b c"], vec![]),
        ] {
            let bytes =
                |texts: &[&'static str]| texts.iter().map(|text| text.as_bytes()).collect_vec();
            assert_eq!(pair(&bytes(&s3), &bytes(&cwl)), expected, "{s3:?} {cwl:?}");
        }
    }

    /// Of 256 times 256 the most alike are looked for, of one more no longer.
    #[test]
    fn a_crowd_is_paired_in_order() {
        let texts: Vec<String> = (0..257).map(|number| format!("a {number}")).collect();
        let s3 = texts.iter().map(|text| text.as_bytes()).collect_vec();
        let cwl = s3.iter().rev().copied().collect_vec();
        let few = pair(&s3[..256], &cwl[1..]);
        assert!(few.iter().all(|&(a, b)| s3[a] == cwl[1 + b]));
        let many = pair(&s3, &cwl[1..]);
        assert!(
            many.iter()
                .copied()
                .eq((0..256).map(|index| (index, index)))
        );
    }
}
