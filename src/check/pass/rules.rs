//! The rules of a pass: what is asked of every row, and how rows become records.
//!
//! The one place where the window, the interfaces and NODATA are cut, the same for both sides.

use std::sync::{Mutex, PoisonError};

use hashbrown::HashSet;

use crate::decode::{Format, Stop};
use crate::digest::{Fingerprints, Print};
use crate::model::Sides;
use crate::model::window::{Settle, Window, slot};
use crate::record::{Comparison, Normal, Status};

/// What a blank interface is called.
const NO_INTERFACE: &[u8] = b"-";

/// What is asked of every row, and how rows become records.
#[derive(Debug)]
pub(in crate::check) struct Rules {
    /// The compared fields.
    pub comparison: Comparison,
    /// Whether `interface-id` is among them.
    pub by_interface: bool,
    /// Whether `start` is.
    pub by_slot: bool,
    /// Which records, by `start`.
    pub window: Window,
    /// Which records are young.
    pub settle: Settle,
    /// Which interfaces; empty is all.
    pub interfaces: HashSet<Vec<u8>>,
    /// Whether NODATA rows are left out.
    pub ignore_nodata: bool,
    /// The run's key.
    pub key: Fingerprints,
    /// How to read rows without a header.
    pub formats: Sides<Format>,
    /// Why the pass cannot go on, once a part says so.
    pub halt: Mutex<Option<Halt>>,
}

/// Why a pass is given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::check) enum Halt {
    /// A part lacks a compared field: start again and compare less.
    Narrower,
    /// The sides cannot be compared as asked.
    Incomparable(String),
}

impl Rules {
    /// Tells whether the pass is given up.
    pub(in crate::check) fn halted(&self) -> Option<Halt> {
        self.halt
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Tells whether a record is asked for.
    #[inline(always)]
    pub(in crate::check) fn wants(&self, normal: &Normal<'_>) -> bool {
        normal.start.is_none_or(|start| self.window.contains(start))
            && (self.interfaces.is_empty() || self.interfaces.contains(normal.interface))
            && !(self.ignore_nodata && normal.status == Status::NoData)
    }

    /// A bucket must be the same for equal records, so it is made of compared fields only.
    #[inline(always)]
    pub(in crate::check) fn print<'a>(&self, normal: &Normal<'a>) -> Print<'a> {
        let interface = if self.by_interface {
            normal.interface
        } else {
            NO_INTERFACE
        };
        let slot = normal.start.filter(|_| self.by_slot).map(slot);
        Print {
            young: self.settle.is_young(normal.start, normal.end),
            ..Print::new(&self.key, normal.text, interface, slot)
        }
    }

    /// Gives the pass up, unless it has been.
    pub(in crate::check) fn halt(&self, why: Halt) -> Stop {
        self.halt
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(why);
        Stop
    }
}
