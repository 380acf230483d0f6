//! Pages of `FilterLogEvents`.
//!
//! Source: CloudWatch Logs API reference "FilterLogEvents". No pattern is given, so every event of the range matches.

use super::CloudWatch;
use super::cursor::{Cursor, EventPage, GroupEvent, UnsureRange};
use super::quotas::FILTER;
use super::split::MOST_NAMES;
use crate::source::PartRequest;
use crate::source::aws::Failure;

/// How the names of all flow logs' streams of interfaces begin.
pub(super) const INTERFACES: &str = "eni-";

/// Which streams of a group are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StreamScope {
    /// All of them.
    Whole,
    /// Those whose names begin so.
    Prefix(&'static str),
    /// These, at most a hundred.
    Names(Vec<String>),
}

impl StreamScope {
    /// Returns one that has all of these streams in it. `part` tells whether they are but a part of what is there.
    pub(super) fn of(wanted: &[PartRequest], part: bool) -> Self {
        let mut names = wanted.iter().map(|it| &*it.part.name);
        if part && wanted.len() <= MOST_NAMES {
            Self::Names(names.map(str::to_owned).collect())
        } else if names.all(|name| name.starts_with(INTERFACES)) {
            Self::Prefix(INTERFACES)
        } else {
            Self::Whole
        }
    }
}

/// Why streams cannot be read together.
#[derive(Debug)]
pub(super) enum TogetherTrouble {
    /// What comes cannot be trusted.
    Doubt(UnsureRange),
    /// The call is not allowed.
    Denied(String),
    /// The call fails.
    Failed(String),
    /// Nothing more is wanted, and nothing is wrong.
    Stopped,
}

impl From<UnsureRange> for TogetherTrouble {
    fn from(doubt: UnsureRange) -> Self {
        Self::Doubt(doubt)
    }
}

impl TogetherTrouble {
    fn of(failure: &Failure) -> Self {
        match failure.is_denied() {
            true => Self::Denied(failure.text()),
            false => Self::Failed(failure.text()),
        }
    }
}

impl CloudWatch {
    /// Fetches the next page of a range. Returns its new events, and whether it was the last.
    pub(super) async fn next_page(
        &self,
        scope: &StreamScope,
        cursor: &mut Cursor,
    ) -> Result<(Vec<GroupEvent>, bool), TogetherTrouble> {
        let (name, identifier) = self.named();
        let call = self
            .client
            .filter_log_events()
            .set_log_group_name(name)
            .set_log_group_identifier(identifier)
            .set_unmask(self.unmask());
        let call = match scope {
            StreamScope::Whole => call,
            StreamScope::Prefix(prefix) => call.log_stream_name_prefix(*prefix),
            StreamScope::Names(names) => call.set_log_stream_names(Some(names.clone())),
        };
        loop {
            let (from, to, token) = cursor.ask();
            let call = call
                .clone()
                .set_start_time(from)
                .end_time(to)
                .set_next_token(token);
            match self.call(FILTER, || call.clone().send()).await {
                Ok(page) => {
                    let page = EventPage {
                        events: page.events.unwrap_or_default(),
                        token: page.next_token,
                    };
                    return Ok(cursor.take(page)?);
                }
                Err(failure) if cursor.has_token() && is_of_token(&failure) => {
                    tracing::info!(
                        "a token is not valid any more: asking again from the last event"
                    );
                    cursor.again("its tokens are refused")?;
                }
                Err(failure) => return Err(TogetherTrouble::of(&failure)),
            }
        }
    }
}

/// Tells whether a call may have been refused for its token. There is no code for that alone.
fn is_of_token(failure: &Failure) -> bool {
    failure.code == "InvalidParameterException"
}
