//! What a digest that is kept says of each record beyond its fingerprint: its flow and its times, so that what differs can be told
//! as divergent or pending without the record.

use crate::model::window::SLOT;

use super::bucket::BucketId;
use super::sketch::{NetDifference, Overfull, Sketch, WORDS, words};

/// How many words an element has: six of fingerprint and bucket, two of the flow, one of the times.
const FLOW_WORDS: usize = 9;

/// Which records two sides do not share, and what their flows and times are.
pub type FlowSketch = Sketch<FLOW_WORDS>;

/// The bits of how long a record's interval is.
const LENGTH_BITS: u32 = 23;

/// That length is not known.
const NO_LENGTH: u32 = (1 << LENGTH_BITS) - 1;

/// A record as such a digest takes it. All of it must follow from the record's canonical text.
#[derive(Clone, Copy, Debug)]
pub struct FlowPrint {
    /// The fingerprint of its canonical text.
    pub fingerprint: u128,
    /// Its bucket.
    pub bucket: BucketId,
    /// The number that stands for its flow.
    pub flow: u64,
    /// Its `start`.
    pub start: Option<i64>,
    /// Its `end`.
    pub end: Option<i64>,
}

/// What two sides do not share of a record, and what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NetFlow {
    /// The record, and by how many copies the one side exceeds the other.
    pub net: NetDifference,
    /// The number that stands for its flow.
    pub flow: u64,
    times: u32,
}

impl FlowPrint {
    #[inline(always)]
    fn words(&self) -> [u32; FLOW_WORDS] {
        let mut all = [0; FLOW_WORDS];
        all[..6].copy_from_slice(&words(self.fingerprint, self.bucket));
        #[expect(clippy::cast_possible_truncation, reason = "halves")]
        let flow = [self.flow as u32, (self.flow >> 32) as u32];
        all[6..8].copy_from_slice(&flow);
        all[8] = self.times();
        all
    }

    /// Nine bits of the seconds from the slot's first to `start`; 23 of those from there to `end`, if that is known. An `end` that
    /// is further away counts as the last that has room, one that lies before `start` as `start`.
    #[inline(always)]
    fn times(&self) -> u32 {
        let Some(start) = self.start else {
            return NO_LENGTH;
        };
        let length = self.end.map(|end| {
            let length = end.saturating_sub(start).clamp(0, i64::from(NO_LENGTH - 1));
            u32::try_from(length).unwrap_or(NO_LENGTH)
        });
        let within = u32::try_from(start.rem_euclid(SLOT)).unwrap_or(0);
        within << LENGTH_BITS | length.unwrap_or(NO_LENGTH)
    }
}

impl NetFlow {
    /// Returns `start` and `end`, given the slot.
    pub fn times(&self, slot: Option<i64>) -> (Option<i64>, Option<i64>) {
        let start = slot.map(|slot| slot.saturating_add(i64::from(self.times >> LENGTH_BITS)));
        let length = Some(self.times & NO_LENGTH).filter(|length| *length != NO_LENGTH);
        let end = start.zip(length);
        let end = end.map(|(start, length)| start.saturating_add(i64::from(length)));
        (start, end)
    }
}

impl FlowSketch {
    /// Adds one copy of a record.
    #[inline(always)]
    pub fn add_flow(&mut self, print: &FlowPrint) {
        self.add_words(print.words(), 1);
    }

    /// Returns what it tells of records alone, as a sketch that knows nothing else of them.
    pub fn of_records(&self) -> Sketch {
        let cells = self.sums().map(|(words, copies, check)| {
            let mut of_record = [0; WORDS];
            of_record.copy_from_slice(&words[..WORDS]);
            (of_record, copies, check)
        });
        Sketch::of_sums(cells).expect("it has as many cells")
    }

    /// Takes the sketch apart into the differences it holds, ordered by fingerprint.
    ///
    /// # Errors
    /// There are too many; how many is not known.
    pub fn peel_flows(self) -> Result<Vec<NetFlow>, Overfull> {
        let found = self.peel_words()?.into_iter();
        let mut found: Vec<NetFlow> = found
            .map(|(words, copies)| NetFlow {
                net: NetDifference::of(&words, copies),
                flow: u64::from(words[6]) | u64::from(words[7]) << 32,
                times: words[8],
            })
            .collect();
        found.sort_unstable();
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::window::slot;

    #[test]
    fn what_is_known_of_a_record_comes_out_again() {
        let starts = [Some(1_700_000_123), Some(-1), Some(0), None];
        let ends = [Some(60), Some(0), None, Some(-5), Some(1 << 40)];
        for (start, after) in starts
            .into_iter()
            .flat_map(|start| ends.map(|end| (start, end)))
        {
            let end = start.zip(after).map(|(start, after)| start + after);
            let print = FlowPrint {
                fingerprint: 0x0123_4567_89ab_cdef_0011_2233_4455_6677,
                bucket: BucketId(0x1122_3344_5566_7788),
                flow: 0x8877_6655_4433_2211,
                start,
                end,
            };
            let mut sketch = FlowSketch::for_differences(10);
            sketch.add_flow(&print);
            sketch.add_flow(&print);
            assert_eq!(
                sketch.of_records().peel().unwrap()[0].fingerprint,
                print.fingerprint
            );
            let found = sketch.peel_flows().unwrap();
            let [one] = found[..] else {
                panic!("{found:?}")
            };
            assert_eq!(
                (
                    one.net.fingerprint,
                    one.net.bucket,
                    one.net.copies,
                    one.flow
                ),
                (print.fingerprint, print.bucket, 2, print.flow)
            );
            let expected = match after {
                Some(-5) => start,
                Some(far) if far > 1000 => start.map(|start| start + i64::from(NO_LENGTH) - 1),
                _ => end,
            };
            assert_eq!(
                one.times(start.map(slot)),
                (start, expected),
                "{start:?} {after:?}"
            );
        }
    }
}
