//! Where on the page a cause is told.

use crate::causes::Cause;
use crate::source::Remark;

/// Where on the page a cause is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ToldSort {
    /// With what was not read.
    NotRead,
    /// At the end.
    Note,
}

/// Returns where a cause is told.
pub(super) fn told(cause: &Cause) -> ToldSort {
    let not_read = matches!(
        cause,
        Cause::Listed {
            remark: Remark::OtherStreams { .. }
                | Remark::BesideTheTree { .. }
                | Remark::NamelessFiles(_)
                | Remark::NamelessObjects(_),
            ..
        }
    );
    match not_read {
        true => ToldSort::NotRead,
        false => ToldSort::Note,
    }
}
