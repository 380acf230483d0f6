//! The intake: rows of a part, as decoders give them, to records that a pass counts or keeps.

use std::mem;

use crate::decode::{Content, DecodeError, Row, Sink, Stop, decode};
use crate::record::{Layout, Normal, Normaliser};

use super::rules::{Halt, Rules};
use super::span::{Members, Span};
use super::taken::Taken;
use super::visitor::{Origin, Seen, Visitor};

/// Decodes a piece of a part and takes its records: all of them or, if it turns out to be unreadable, none; but of text with
/// a header that cannot be one, those before it.
pub(in crate::check) fn take<V: Visitor>(
    rules: &Rules,
    origin: &Origin,
    mut content: Content,
    taken: &mut Taken<V>,
) -> Result<(), DecodeError> {
    loop {
        let again = content.again()?;
        let mut intake = Intake::new(rules, origin, taken);
        let result = decode(content, &rules.formats[origin.side], &mut intake);
        if intake.finish(result.is_ok()) {
            return result;
        }
        // Events of live streams have no ids, so nobody else can have taken them.
        let Some(same) = again else { return result };
        content = same;
    }
}

struct Intake<'a, V> {
    rules: &'a Rules,
    origin: &'a Origin,
    /// `None` before the first layout.
    normaliser: Option<Normaliser>,
    text: Vec<u8>,
    taken: &'a mut Taken<V>,
    /// Takes the rows instead of `taken` while the part may still turn out to be unreadable.
    scratch: Option<Taken<V>>,
    /// What this piece held. Kept even of a piece that turns out to be unreadable, which does no harm.
    span: Option<Span>,
    /// Which records that were, if that is asked for.
    members: Option<Members>,
    /// When the row at hand was delivered, if that is known.
    delivered: Option<i64>,
}

impl<'a, V: Visitor> Intake<'a, V> {
    fn new(rules: &'a Rules, origin: &'a Origin, taken: &'a mut Taken<V>) -> Self {
        let filters = taken.visitor.filters().cloned();
        Self {
            rules,
            origin,
            normaliser: None,
            text: Vec::with_capacity(256),
            taken,
            scratch: None,
            span: None,
            members: filters.map(Members::new),
            delivered: origin.delivered,
        }
    }

    /// Ends the piece, of which all has been read if it is `whole`. False if it must be taken once more.
    fn finish(self, whole: bool) -> bool {
        if let Some(span) = self.span {
            let records = self.members.and_then(Members::finish);
            self.taken.held(self.origin, span.of_records(records));
        }
        match self.scratch {
            Some(mut scratch) if whole => {
                let fine = scratch.visitor.make_final();
                if fine {
                    self.taken.merge(scratch);
                }
                fine
            }
            _ => true,
        }
    }
}

impl<V: Visitor> Intake<'_, V> {
    /// Takes a row that is not, or might not be, an everyday one. Apart from those, so that nothing that it needs is in
    /// their way.
    #[inline(never)]
    fn normalise(&mut self, row: Row<'_>) {
        let Some(normaliser) = &self.normaliser else {
            return;
        };
        let mut text = mem::take(&mut self.text);
        match normaliser.normalise(row.cells, &mut text) {
            Ok(normal) => self.record(&row, &normal),
            Err(reason) => {
                let taken = self.scratch.as_mut().unwrap_or(self.taken);
                taken.malformed(self.origin, row.number, || reason);
            }
        }
        self.text = text;
    }

    #[inline(always)]
    fn record(&mut self, row: &Row<'_>, normal: &Normal<'_>) {
        let Some(normaliser) = &self.normaliser else {
            return;
        };
        let taken = self.scratch.as_mut().unwrap_or(self.taken);
        if normal.start.is_none() && !self.rules.window.is_all() {
            taken.malformed(self.origin, row.number, || {
                "`start` is absent, so it is in no window".to_owned()
            });
            return;
        }
        if !self.rules.wants(normal) {
            return;
        }
        let seen = Seen {
            origin: self.origin,
            row,
            normal,
            print: self.rules.print(normal),
            delivered: self.delivered,
            normaliser,
        };
        taken.record(&seen, &self.rules.key);
        // Also of an event that counts elsewhere: where it is found must not depend on which part came first.
        let verbatim = row.alone && normal.verbatim;
        self.span.get_or_insert_default().add(&seen.print, verbatim);
        if let Some(members) = &mut self.members {
            members.add(seen.print.fingerprint);
        }
    }
}

impl<V: Visitor> Sink for Intake<'_, V> {
    fn provisional(&mut self) {
        if self.scratch.is_none() {
            self.scratch = Some(self.taken.fresh());
        }
    }

    fn layout(&mut self, layout: &Layout) -> Result<(), Stop> {
        // Layouts are noted even if the part is unreadable later: what was met was met.
        self.taken.met(self.origin, layout);
        for (asked, name, flag) in [
            (!self.rules.window.is_all(), "start", "--since or --until"),
            (
                !self.rules.interfaces.is_empty(),
                "interface-id",
                "--interface",
            ),
        ] {
            if asked
                && layout
                    .columns()
                    .iter()
                    .all(|column| column.as_str() != name)
            {
                let why = format!(
                    "{}: `{}` has no field `{name}`, which {flag} needs: both sides' formats must have it",
                    self.origin.side, self.origin.name
                );
                return Err(self.rules.halt(Halt::Incomparable(why)));
            }
        }
        let normaliser = Normaliser::new(layout, &self.rules.comparison);
        self.normaliser = Some(normaliser.map_err(|_| self.rules.halt(Halt::Narrower))?);
        Ok(())
    }

    fn may_skip(&self) -> bool {
        self.origin.verbatim && self.taken.visitor.wanted().is_some()
    }

    #[inline(always)]
    fn skips(&self, line: &[u8]) -> bool {
        let fingerprint = self.rules.key.of_record(line);
        let mut wanted = self.taken.visitor.wanted().into_iter();
        wanted.all(|wanted| !wanted.contains(&fingerprint))
    }

    fn delivered(&mut self, at: Option<i64>) {
        self.delivered = at.or(self.origin.delivered);
    }

    #[inline(always)]
    fn row(&mut self, row: Row<'_>) -> Result<(), Stop> {
        let normaliser = self.normaliser.as_ref().ok_or(Stop)?;
        match normaliser.everyday(row.cells) {
            Some(normal) => self.record(&row, &normal),
            // A copy: only this one needs an address, so the row itself stays in registers.
            None => self.normalise(Row {
                number: row.number,
                cells: row.cells,
                alone: row.alone,
                event_id: row.event_id,
            }),
        }
        Ok(())
    }

    fn malformed(&mut self, number: u64, reason: String) -> Result<(), Stop> {
        let taken = self.scratch.as_mut().unwrap_or(self.taken);
        taken.malformed(self.origin, number, || reason);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use hashbrown::HashSet;

    use super::*;
    use crate::check::first::screen::{Screen, Size};
    use crate::decode::Format;
    use crate::digest::Fingerprints;
    use crate::model::Side;
    use crate::model::Sides;
    use crate::model::window::{Settle, Window};
    use crate::record::{Cells, Comparison};

    const SIZE: Size = Size {
        differences: 8,
        lines: 8,
        filters: 1 << 10,
    };

    fn rules() -> Rules {
        let layout = Layout::vpc_default();
        let format = Format {
            layout: layout.clone(),
            given: false,
        };
        Rules {
            comparison: Comparison::new(layout.columns().to_vec()),
            by_interface: true,
            by_slot: true,
            window: Window::ALL,
            settle: Settle { now: 0, seconds: 0 },
            interfaces: HashSet::new(),
            ignore_nodata: false,
            key: Fingerprints::seeded(1),
            formats: Sides {
                s3: format.clone(),
                cwl: format,
            },
            halt: Mutex::default(),
        }
    }

    fn origin(number: usize) -> Origin {
        Origin {
            side: Side::Cwl,
            number,
            name: format!("{number}.json").into(),
            delivered: None,
            verbatim: false,
        }
    }

    fn begin<V: Visitor>(intake: &mut Intake<'_, V>) {
        intake.provisional();
        intake.layout(&Layout::vpc_default()).unwrap();
    }

    fn event<V: Visitor>(intake: &mut Intake<'_, V>, id: &str) {
        let row = "2 1 eni-0aa 10.0.0.1 10.0.0.2 1 2 6 1 40 1700000000 1700000060 ACCEPT OK";
        let cells: Vec<&[u8]> = row.split(' ').map(str::as_bytes).collect();
        let row = Row {
            number: 1,
            cells: Cells::Apart(&cells),
            alone: false,
            event_id: Some(id),
        };
        intake.row(row).unwrap();
    }

    /// Two workers each with a part that holds the event `a`; `whole` tells which of the parts are, in the order in which
    /// they end. Returns how often `a` counts in the end, and how many of the parts must be taken again.
    fn at_once(whole: [bool; 2]) -> (u64, usize) {
        let (rules, first) = (rules(), Taken::new(Screen::new(SIZE), 8));
        let (mut one, mut other) = (first.fresh(), first.fresh());
        let origins = [origin(0), origin(1)];
        let mut intakes = [
            Intake::new(&rules, &origins[0], &mut one),
            Intake::new(&rules, &origins[1], &mut other),
        ];
        for intake in &mut intakes {
            begin(intake);
            event(intake, "a");
            event(intake, "a");
        }
        let ends = intakes.into_iter().zip(whole);
        let again = ends.filter_map(|(intake, whole)| (!intake.finish(whole)).then_some(()));
        let again = again.count();
        (
            one.sides.cwl.tally.records + other.sides.cwl.tally.records,
            again,
        )
    }

    #[test]
    fn an_event_counts_once_whichever_of_two_parts_is_whole() {
        assert_eq!(at_once([true, false]), (1, 0));
        assert_eq!(at_once([false, true]), (1, 0));
        assert_eq!(at_once([true, true]), (1, 1));
        assert_eq!(at_once([false, false]), (0, 0));
    }

    #[test]
    fn a_part_that_fails_gives_up_no_other_parts_events() {
        let (rules, mut worker) = (rules(), Taken::new(Screen::new(SIZE), 8));
        for (number, whole) in [(0, true), (1, false), (2, true)] {
            let origin = origin(number);
            let mut intake = Intake::new(&rules, &origin, &mut worker);
            begin(&mut intake);
            event(&mut intake, "a");
            assert!(intake.finish(whole));
        }
        assert_eq!(worker.sides.cwl.tally.records, 1);
    }

    #[test]
    fn what_must_be_taken_again_is_taken_without_what_others_have() {
        let (rules, mut worker) = (rules(), Taken::new(Screen::new(SIZE), 8));
        let mut other = worker.fresh();
        let line = "2 1 eni-0aa 10.0.0.1 10.0.0.2 1 2 6 1 40 1700000000 1700000060 ACCEPT OK";
        let answer = |ids: &[&str]| {
            let events = ids
                .iter()
                .map(|id| format!(r#"{{"eventId":"{id}","message":"{line}"}}"#));
            let events: Vec<String> = events.collect();
            Content::Bytes(format!(r#"{{"events":[{}]}}"#, events.join(",")).into())
        };
        take(&rules, &origin(0), answer(&["a", "b"]), &mut worker).unwrap();
        take(&rules, &origin(1), answer(&["b", "c"]), &mut other).unwrap();
        worker.merge(other);
        assert_eq!(worker.sides.cwl.tally.records, 3);
    }
}
