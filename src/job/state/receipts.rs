//! How far a job's receipts have come, one for each day. Pure.

use serde::{Deserialize, Serialize};

use super::JobState;
use crate::archive::DAY;
use crate::digest::receipt::ChainLink;
use crate::model::window::Window;

/// Where the chain of a job's receipts ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptEnd {
    /// The first second of the day whose receipt comes next, UTC.
    pub next: i64,
    /// The last receipt; `None` before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<ChainLink>,
}

impl JobState {
    /// Begins a chain of receipts, if none has begun, with the first day of which the job will have read all from now on.
    pub fn begin_receipts(&mut self) {
        let midnight = self.next.div_euclid(DAY) * DAY;
        let is_read = self.begun.is_some_and(|begun| begun <= midnight);
        let next = if is_read { midnight } else { midnight + DAY };
        self.receipts.get_or_insert(ReceiptEnd { next, last: None });
    }

    /// Returns the day whose receipt is due: every record that the job will ever say something about is decided.
    pub fn receipt_due(&self) -> Option<Window> {
        let next = self.receipts.as_ref()?.next;
        let open = self.open.iter().filter(|open| open.is_open());
        let decided = [self.next]
            .into_iter()
            .chain(self.unread.iter().map(|window| window.start))
            .chain(self.unreadable.iter().map(|part| part.start))
            .chain(open.map(|open| open.slot))
            .min()?;
        (next + DAY <= decided).then(|| Window::new(next, next + DAY))
    }

    /// Takes note of a day's receipt.
    pub fn has_receipt(&mut self, link: ChainLink) {
        if let Some(receipts) = &mut self.receipts {
            receipts.next += DAY;
            receipts.last = Some(link);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::state::{JobSubject, Unread};

    /// 2022-01-07T00:00:00Z.
    const MIDNIGHT: i64 = 1_641_513_600;

    fn state(begun: i64) -> JobState {
        JobState::begin(JobSubject::default(), begun)
    }

    #[test]
    fn the_first_day_is_one_that_is_read_whole() {
        for (begun, next, first) in [
            (MIDNIGHT, MIDNIGHT, MIDNIGHT),
            (MIDNIGHT + 300, MIDNIGHT + 300, MIDNIGHT + DAY),
            (MIDNIGHT - DAY, MIDNIGHT + 300, MIDNIGHT),
        ] {
            let mut state = JobState {
                next,
                ..state(begun)
            };
            state.begin_receipts();
            state.begin_receipts();
            assert_eq!(state.receipts.unwrap().next, first, "{begun} {next}");
        }
    }

    #[test]
    fn a_day_is_due_once_all_of_it_is_decided() {
        let mut state = state(MIDNIGHT);
        assert_eq!(state.receipt_due(), None);
        state.begin_receipts();
        state.next = MIDNIGHT + DAY - 300;
        assert_eq!(state.receipt_due(), None);
        state.next = MIDNIGHT + 2 * DAY;
        let day = Window::new(MIDNIGHT, MIDNIGHT + DAY);
        assert_eq!(state.receipt_due(), Some(day));
        state.unread = vec![Unread {
            start: MIDNIGHT + 600,
            end: MIDNIGHT + 900,
        }];
        assert_eq!(state.receipt_due(), None);
        state.unread[0].start = MIDNIGHT + DAY;
        let link = |number| ChainLink {
            number,
            hash: String::new(),
            previous: None,
        };
        assert_eq!(state.receipt_due(), Some(day));
        state.has_receipt(link(1));
        assert_eq!(state.receipt_due(), None);
        state.unread.clear();
        let day = Window::new(MIDNIGHT + DAY, MIDNIGHT + 2 * DAY);
        assert_eq!(state.receipt_due(), Some(day));
    }
}
