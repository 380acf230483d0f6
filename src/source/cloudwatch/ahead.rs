//! Reading ahead: pages of a group's events while its streams are still being listed.
//!
//! A listing of ten thousand streams takes as long as the events of quiet ones do. What is read ahead is kept until it
//! is known which streams are wanted, and used if what is then asked for is what was guessed.

use std::collections::VecDeque;

use tokio::sync::watch;

use super::CloudWatch;
use super::cursor::{Cursor, GroupEvent};
use super::filter::{INTERFACES, StreamScope, TogetherTrouble};
use super::stretch::{TimeRange, latest, stretches};
use crate::model::Error;
use crate::source::{Ask, GroupReading, Listing};

/// The most pages that are kept: in memory, about four times the 1 MB of their events.
const MOST_PAGES: usize = 6;

/// How far a listing has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listed {
    /// It may be over with the first page.
    Beginning,
    /// There are more pages.
    More,
    /// It is over.
    All,
}

/// What was read ahead.
#[derive(Debug)]
pub(super) struct Ahead {
    scope: StreamScope,
    stretch: TimeRange,
    pub(super) cursor: Cursor,
    pub(super) pages: VecDeque<Vec<GroupEvent>>,
    /// Whether the last of the pages is the last of all.
    pub(super) ended: bool,
}

impl CloudWatch {
    /// Lists the streams, and reads the first pages of their events meanwhile if they are read right after.
    pub(super) async fn list_and_read_ahead(&self, ask: &Ask) -> Result<Listing, Error> {
        let (listed, progress) = watch::channel(Listed::Beginning);
        let listing = async {
            let listing = self.list_streams(ask, &listed).await;
            listed.send_replace(Listed::All);
            listing
        };
        // Of an open window the end moves until it is read.
        let soon = ask.to_read
            && !ask.again
            && ask.interfaces.is_empty()
            && ask.window.end.is_some()
            && self.may_read_together();
        let ahead = async {
            match soon {
                true => self.read_ahead(ask, progress).await,
                false => None,
            }
        };
        let (listing, ahead) = tokio::join!(listing, ahead);
        self.state().ahead = ahead;
        listing
    }

    async fn read_ahead(
        &self,
        ask: &Ask,
        mut listed: watch::Receiver<Listed>,
    ) -> Option<Result<Ahead, TogetherTrouble>> {
        let begun = listed.wait_for(|listed| *listed != Listed::Beginning).await;
        // Of few streams it is not known yet whether they are worth it.
        if begun.is_ok_and(|listed| *listed == Listed::All) {
            return None;
        }
        let [stretch] = stretches(&[ask.window], latest())[..] else {
            return None;
        };
        let scope = match self.all_streams {
            true => StreamScope::Whole,
            false => StreamScope::Prefix(INTERFACES),
        };
        let mut ahead = Ahead {
            scope,
            stretch,
            cursor: Cursor::new(stretch.from, stretch.to),
            pages: VecDeque::new(),
            ended: false,
        };
        while !ahead.ended && ahead.pages.len() < MOST_PAGES {
            match self.next_page(&ahead.scope, &mut ahead.cursor).await {
                Ok((events, ended)) => {
                    ahead.pages.push_back(events);
                    ahead.ended = ended;
                }
                Err(trouble) => return Some(Err(trouble)),
            }
            if *listed.borrow() == Listed::All {
                break;
            }
        }
        Some(Ok(ahead))
    }

    /// Returns what was read ahead of this, if anything was.
    ///
    /// # Errors
    /// Why it could not be read.
    pub(super) fn take_ahead(
        &self,
        scope: &StreamScope,
        stretch: TimeRange,
    ) -> Result<Option<Ahead>, TogetherTrouble> {
        let Some(ahead) = self.state().ahead.take().transpose()? else {
            return Ok(None);
        };
        let same = ahead.scope == *scope && ahead.stretch == stretch;
        Ok(same.then_some(ahead))
    }

    /// Tells whether streams may be read together at all.
    pub(super) fn may_read_together(&self) -> bool {
        self.reading != GroupReading::ByStream && self.state().by_stream.is_none()
    }
}
