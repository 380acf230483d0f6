//! Gaps: stretches of time of which a side has no record of an interface, while the other has some.

use std::sync::Arc;

use crate::model::Side;

/// All records of an interface that start within `[since, until)`: the other side has them, this one has none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// The side that has none.
    pub side: Side,
    /// The interface, `-` if there is none.
    pub interface: Arc<str>,
    /// The first second, the first of a slot.
    pub since: i64,
    /// The first second after, the first of a slot.
    pub until: i64,
    /// How many records the other side has.
    pub records: u64,
}

/// Joins gaps that follow on each other. In order of side, interface and time.
pub(crate) fn joined(mut gaps: Vec<Gap>) -> Vec<Gap> {
    gaps.sort();
    let mut joined: Vec<Gap> = Vec::new();
    for gap in gaps {
        match joined.last_mut() {
            Some(last)
                if (last.side, &last.interface, last.until)
                    == (gap.side, &gap.interface, gap.since) =>
            {
                last.until = gap.until;
                last.records += gap.records;
            }
            _ => joined.push(gap),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_that_touch_are_one() {
        let gap = |side, interface: &str, since, until| Gap {
            side,
            interface: interface.into(),
            since,
            until,
            records: 2,
        };
        let gaps = vec![
            gap(Side::Cwl, "eni-0a", 600, 900),
            gap(Side::Cwl, "eni-0a", 0, 300),
            gap(Side::Cwl, "eni-0a", 300, 600),
            gap(Side::Cwl, "eni-0b", 900, 1200),
            gap(Side::S3, "eni-0b", 1200, 1500),
        ];
        let whole = Gap {
            records: 6,
            ..gap(Side::Cwl, "eni-0a", 0, 900)
        };
        let expected = [
            gap(Side::S3, "eni-0b", 1200, 1500),
            whole,
            gap(Side::Cwl, "eni-0b", 900, 1200),
        ];
        assert_eq!(joined(gaps), expected);
    }
}
