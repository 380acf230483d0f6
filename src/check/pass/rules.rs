//! The rules of a pass: what is asked of every row, and how rows become records.
//!
//! The one place where the window, the interfaces and NODATA are cut, the same for both sides.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashSet;
use itertools::Itertools;

use crate::decode::{Format, Stop};
use crate::digest::{Fingerprints, RecordPrint};
use crate::model::window::{Settle, Window, slot};
use crate::model::{Side, Sides};
use crate::record::{
    ComparedFields, FieldName, FieldSet, Layout, LogStatus, NormalisedRow, PerKind,
};

use super::fields::{Layouts, Selection};

use super::others::Others;
use super::plausible::Plausible;

/// What a blank interface is called.
const NO_INTERFACE: &[u8] = b"-";

/// What is asked of every row, and how rows become records.
#[derive(Debug)]
pub(in crate::check) struct Rules {
    /// The compared fields of each kind of record.
    pub compared: PerKind<ComparedFields>,
    /// The field sets that records have been met with.
    pub sets: Arc<SetTable>,
    /// What the user says of fields.
    pub selection: Selection,
    /// The layouts that a record in the window has had so far.
    pub layouts: Mutex<Layouts>,
    /// All layouts that were met, also those without such a record: what they have is no slip.
    pub seen: Mutex<Layouts>,
    /// Which records, by `start`.
    pub window: Window,
    /// Which records are young.
    pub settle: Settle,
    /// Which times a record can have at all.
    pub plausible: Plausible,
    /// Which interfaces; empty is all.
    pub interfaces: HashSet<Vec<u8>>,
    /// Where others are noted.
    pub others: Others,
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
    /// A layout has a field that the other side has too and that was not compared: start again and compare more.
    MoreFields,
    /// There are records with other fields than at the first look.
    OtherFields,
    /// The sides cannot be compared as asked.
    Incomparable(String),
}

impl Rules {
    /// Returns all layouts that were met, and those that the user has given.
    pub(in crate::check) fn all_seen(&self) -> Layouts {
        let seen = self.seen.lock();
        let mut seen = seen.unwrap_or_else(PoisonError::into_inner).clone();
        for side in Side::BOTH {
            if self.formats[side].given {
                seen[side].extend(self.formats[side].layouts().cloned());
            }
        }
        seen
    }

    /// Returns the layouts that a record in the window has had so far.
    pub(in crate::check) fn met(&self) -> Layouts {
        let layouts = self.layouts.lock();
        layouts.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells whether the pass is given up.
    pub(in crate::check) fn halted(&self) -> Option<Halt> {
        self.halt
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Tells whether a record is asked for.
    #[inline(always)]
    pub(in crate::check) fn wants(&self, normal: &NormalisedRow<'_>) -> bool {
        normal.start.is_none_or(|start| self.window.contains(start))
            && (self.interfaces.is_empty()
                || self.interfaces.contains(normal.interface)
                || self.others.note(normal.interface))
            && (!self.ignore_nodata
                || normal.status != LogStatus::NoData
                || self.others.note_left_out())
    }

    /// Returns what digests take of a record. A bucket must be the same for equal records, so it is made of compared fields
    /// only; and records of unequal field sets are never equal.
    #[inline(always)]
    pub(in crate::check) fn print<'a>(
        &self,
        normal: &NormalisedRow<'a>,
        set: &ComparedSet,
    ) -> RecordPrint<'a> {
        let interface = if set.has_interface {
            normal.interface
        } else {
            NO_INTERFACE
        };
        let slot = normal.start.filter(|_| set.has_start).map(slot);
        let print = RecordPrint::new(&self.key, normal.text, interface, slot);
        RecordPrint {
            young: self.settle.is_young(normal.start, normal.end),
            fingerprint: print.fingerprint.wrapping_add(set.mark),
            ..print
        }
    }

    /// Takes note of a layout, whether or not a record follows.
    pub(in crate::check) fn see(&self, side: Side, layout: &Layout) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen[side].contains(layout) {
            seen[side].insert(layout.clone());
        }
    }

    /// Returns the number of a field set.
    ///
    /// # Errors
    /// There was none such at the first look, or there are too many.
    pub(in crate::check) fn number(&self, set: &ComparedSet) -> Result<usize, Stop> {
        let number = self.sets.number_of(&set.fields);
        number.map_err(|why| self.halt(why))
    }

    /// Takes note of a layout that a record in the window has, whose field set has this number.
    ///
    /// # Errors
    /// It has a field that ought to have been compared.
    pub(in crate::check) fn meet(
        &self,
        side: Side,
        layout: &Layout,
        set: usize,
    ) -> Result<(), Stop> {
        self.sets.meet(set, side);
        let mut layouts = self.layouts.lock().unwrap_or_else(PoisonError::into_inner);
        if !layouts[side].insert(layout.clone()) {
            return Ok(());
        }
        let compared = self.selection.compared(&layouts);
        let has = &self.compared[layout.kind()];
        let mut all = compared[layout.kind()].fields().iter();
        if all.all(|name| has.fields().contains(name)) {
            Ok(())
        } else {
            Err(self.halt(Halt::MoreFields))
        }
    }

    /// Returns the set of the fields in which records of a layout are compared, but for those that are masked. It has no
    /// number before a record is met.
    pub(in crate::check) fn set_of(&self, layout: &Layout, masked: &[FieldName]) -> ComparedSet {
        let kind = layout.kind();
        let fields = self.compared[kind].of(layout);
        let fields = fields.only(|name| !masked.contains(name));
        let mark = format!("{kind} {}", fields.fields().iter().join(" "));
        ComparedSet {
            number: usize::MAX,
            mark: self.key.of_record(mark.as_bytes()),
            has_interface: fields.has("interface-id"),
            has_start: fields.has("start"),
            fields: Arc::new(FieldSet { kind, fields }),
            is_masked: !masked.is_empty(),
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

/// A field set as a pass uses it.
#[derive(Debug)]
pub(in crate::check) struct ComparedSet {
    /// Its number.
    pub number: usize,
    /// The set.
    pub fields: Arc<FieldSet>,
    /// What is added to the fingerprints of its records.
    pub mark: u128,
    /// Whether `interface-id` is in it.
    pub has_interface: bool,
    /// Whether `start` is.
    pub has_start: bool,
    /// Whether it is what masks have left.
    pub is_masked: bool,
}

/// The field sets met, by number. Hardly ever more than two.
#[derive(Debug, Default)]
pub(in crate::check) struct SetTable {
    known: Mutex<SetOfLayout>,
}

#[derive(Debug, Default)]
struct SetOfLayout {
    sets: Vec<Arc<FieldSet>>,
    sides: Vec<Sides<bool>>,
    is_closed: bool,
}

/// Masks may leave ever so many sets of fields; a side of which more are met is not compared.
const MOST_SETS: usize = 64;

impl SetTable {
    /// Says that all that there is has been met: from now on a set that is not known gets no number.
    pub(in crate::check) fn close(&self) {
        self.known().is_closed = true;
    }

    /// Returns all sets, by number, and on which sides there are records of each: on none, if all of them stand in parts that
    /// could not be read.
    pub(in crate::check) fn all(&self) -> (Vec<Arc<FieldSet>>, Vec<Sides<bool>>) {
        let known = self.known();
        (known.sets.clone(), known.sides.clone())
    }

    fn meet(&self, number: usize, side: Side) {
        self.known().sides[number][side] = true;
    }

    fn number_of(&self, set: &Arc<FieldSet>) -> Result<usize, Halt> {
        let mut known = self.known();
        Ok(match known.sets.iter().position(|one| one == set) {
            Some(number) => number,
            None if known.is_closed => return Err(Halt::OtherFields),
            None if known.sets.len() == MOST_SETS => {
                let why = format!(
                    "more than {MOST_SETS} different sets of fields to compare, because of many formats or masked values: \
                     name the fields to compare with --fields"
                );
                return Err(Halt::Incomparable(why));
            }
            None => {
                known.sets.push(Arc::clone(set));
                known.sides.push(Sides::default());
                known.sets.len() - 1
            }
        })
    }

    fn known(&self) -> MutexGuard<'_, SetOfLayout> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
