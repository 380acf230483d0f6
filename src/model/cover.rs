//! What a part may hold.

use super::window::Window;

/// Which records a part may hold, as far as its name tells. Never too narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cover {
    /// The only interface, if there is only one.
    pub interface: Option<String>,
    /// The `start`s.
    pub starts: Window,
}

impl Cover {
    /// Tells whether a record of the interface and slot may be in the part. A `slot` of `None` may be any.
    pub fn may_hold(&self, interface: &str, slot: Option<i64>) -> bool {
        let interface = self
            .interface
            .as_deref()
            .is_none_or(|only| only == interface || interface == "-");
        interface && slot.is_none_or(|slot| self.starts.overlaps(&Window::of_slot(slot)))
    }
}
