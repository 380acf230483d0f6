//! The intake: rows of a part, as decoders give them, to records that a pass counts or keeps.

mod refusals;

use std::mem;

use crate::decode::{Content, DecodeError, Malformed, Row, Sink, Stop, decode};
use crate::record::field::TRANSIT_GATEWAY_VERSION;
use crate::record::{Cells, FieldName, Layout, NormalisedRow, Normaliser};

use super::misfits::{Misfit, Misfits};
use super::rules::{ComparedSet, Halt, Rules};
use super::span::{PartFilter, PieceRecords};
use super::taken::WorkerResult;
use super::visitor::{Origin, SeenRecord, Visitor};

/// Decodes a piece of a part and takes its records: all of them or, if it turns out to be unreadable, none; but of text with
/// a header that cannot be one, those before it.
pub(in crate::check) fn take<V: Visitor>(
    rules: &Rules,
    origin: &Origin,
    mut content: Content,
    taken: &mut WorkerResult<V>,
) -> Result<(), DecodeError> {
    loop {
        let again = content.again()?;
        let live = matches!(content, Content::Events(_) | Content::Kept(_));
        let mut intake = Intake::new(rules, origin, taken);
        let result = decode(content, &rules.formats[origin.side], &mut intake);
        let result = result.and_then(|()| if live { Ok(()) } else { intake.whole() });
        if intake.finish(result.is_ok()) {
            return result;
        }
        // Events of live streams have no ids, so nobody else can have taken them.
        let Some(same) = again else { return result };
        content = same;
    }
}

/// Rows of a layout on their way to records.
struct RowIntake {
    normaliser: Normaliser,
    /// The column that tells of each row which kind it is of, if only that does.
    version: Option<usize>,
    set: ComparedSet,
    /// Whether a record in the window has had this layout.
    is_met: bool,
    /// Why its rows cannot be asked for what is asked of all rows.
    unfit: Option<String>,
}

impl RowIntake {
    fn new(rules: &Rules, layout: &Layout, masked: &[FieldName]) -> Self {
        let set = rules.set_of(layout, masked);
        let normaliser = Normaliser::new(layout, &set.fields.fields);
        Self {
            normaliser: normaliser.expect("a layout has its own fields"),
            version: layout.kind_column(),
            set,
            is_met: false,
            unfit: None,
        }
    }
}

struct Intake<'a, V> {
    rules: &'a Rules,
    origin: &'a Origin,
    /// `None` before the first layout.
    look: Option<RowIntake>,
    /// Those of layouts that were in force before, which may come again with each row.
    before: Vec<RowIntake>,
    /// The same layout as Transit Gateway records have it, if rows are told by their version.
    gateways: Option<RowIntake>,
    /// The same layout without the fields that are masked in some of its rows.
    masked: Vec<(Vec<FieldName>, RowIntake)>,
    /// Whether values may be masked in rows whose cells stand in a line.
    asterisks: bool,
    /// Whether rows must be looked at more closely before it is known in which fields they are compared.
    closely: bool,
    text: Vec<u8>,
    taken: &'a mut WorkerResult<V>,
    /// Takes the rows instead of `taken` while the part may still turn out to be unreadable.
    scratch: Option<WorkerResult<V>>,
    /// What this piece held. Kept even of a piece that turns out to be unreadable, which does no harm.
    span: Option<PartFilter>,
    /// Which records that were, if that is asked for.
    members: Option<PieceRecords>,
    /// When the row at hand was delivered, if that is known.
    delivered: Option<i64>,
    /// The log stream that the row at hand stood in; empty if that is not known.
    stream: String,
    /// What has been met of a part that may still turn out to be unreadable.
    met: Vec<(Layout, usize)>,
    /// Whether any row has been a record.
    fits: bool,
    /// The first row that is no record, and why.
    none: Option<(u64, String)>,
    /// The rows before the first record.
    misfits: Misfits,
}

impl<'a, V: Visitor> Intake<'a, V> {
    fn new(rules: &'a Rules, origin: &'a Origin, taken: &'a mut WorkerResult<V>) -> Self {
        let filters = taken.visitor.filters().cloned();
        Self {
            rules,
            origin,
            look: None,
            before: Vec::new(),
            gateways: None,
            masked: Vec::new(),
            asterisks: false,
            closely: false,
            text: Vec::with_capacity(256),
            taken,
            scratch: None,
            span: None,
            members: filters.map(PieceRecords::new),
            delivered: origin.delivered,
            stream: String::new(),
            met: Vec::new(),
            fits: false,
            none: None,
            misfits: Misfits::default(),
        }
    }

    /// Ends the piece, of which all has been read if it is `whole`. False if it must be taken once more.
    fn finish(mut self, whole: bool) -> bool {
        if whole || self.fits {
            self.give_misfits();
        }
        if let Some(span) = self.span {
            let records = self.members.and_then(PieceRecords::finish);
            self.taken.held(self.origin, span.of_records(records));
        }
        match self.scratch {
            Some(mut scratch) if whole => {
                let fine = scratch.visitor.make_final();
                if fine {
                    self.taken.merge(scratch);
                    for (layout, set) in self.met {
                        // If that gives the pass up, everybody is told.
                        let _given_up = self.rules.meet(self.origin.side, &layout, set);
                    }
                }
                fine
            }
            _ => true,
        }
    }
}

impl<V: Visitor> Intake<'_, V> {
    /// Takes a row that is not, or might not be, canonical as it stands. Apart from those, so that nothing that it needs is in
    /// their way.
    #[inline(never)]
    fn normalise(&mut self, row: Row<'_>) -> Result<(), Stop> {
        let Some(look) = &self.look else {
            return Err(Stop);
        };
        if look
            .version
            .is_some_and(|column| is_of_gateways(row.cells.get(column)))
        {
            return self.of_gateways(row);
        }
        let may_be_masked = self.asterisks || matches!(row.cells, Cells::Apart(_));
        if may_be_masked && !look.set.is_masked {
            let masked = look.normaliser.masked(row.cells);
            if !masked.is_empty() {
                return self.without(masked, row);
            }
        }
        let mut text = mem::take(&mut self.text);
        let result = match look.normaliser.normalise(row.cells, &mut text) {
            Ok(normal) => {
                if let Some(unit) = look.normaliser.finer_unit(row.cells) {
                    let taken = self.scratch.as_mut().unwrap_or(self.taken);
                    taken.sides[self.origin.side].units.insert(unit);
                }
                self.record(&row, &normal)
            }
            Err(reason) => {
                self.refuse(&row, reason);
                Ok(())
            }
        };
        self.text = text;
        result
    }

    /// Looks at rows of a layout that has not been in force before.
    fn look_at(&self, layout: &Layout) -> RowIntake {
        self.rules.see(self.origin.side, layout);
        let mut look = RowIntake::new(self.rules, layout, &[]);
        let lacks = |name: &str| {
            layout
                .columns()
                .iter()
                .all(|column| column.as_str() != name)
        };
        for (asked, name, flag) in [
            (!self.rules.window.is_all(), "start", "--since or --until"),
            (
                !self.rules.interfaces.is_empty(),
                "interface-id",
                "--interface",
            ),
        ] {
            if asked && lacks(name) {
                look.unfit.get_or_insert_with(|| {
                    format!(
                        "{}: `{}` has no field `{name}`, which {flag} needs: both sides' formats must have it",
                        self.origin.side, self.origin.name
                    )
                });
            }
        }
        look
    }

    fn note_closely(&mut self) {
        let by_version = self
            .look
            .as_ref()
            .is_some_and(|look| look.version.is_some());
        self.closely = self.asterisks || by_version;
    }

    /// Takes a row of a Transit Gateway in a layout that VPC records may have as well.
    fn of_gateways(&mut self, row: Row<'_>) -> Result<(), Stop> {
        let look = match self.gateways.take() {
            Some(look) => look,
            None => {
                let layout = self.look.as_ref().ok_or(Stop)?.normaliser.layout();
                self.look_at(&layout.of_transit_gateways())
            }
        };
        let vpc = self.look.replace(look);
        let masked = mem::take(&mut self.masked);
        let result = self.normalise(row);
        self.gateways = mem::replace(&mut self.look, vpc);
        self.masked = masked;
        result
    }

    /// Takes a row with fields that cannot be seen.
    fn without(&mut self, masked: Vec<FieldName>, row: Row<'_>) -> Result<(), Stop> {
        let known = self.masked.iter().position(|(names, _)| *names == masked);
        let (names, look) = match known {
            Some(at) => self.masked.swap_remove(at),
            None => {
                let layout = self.look.as_ref().ok_or(Stop)?.normaliser.layout();
                let look = RowIntake::new(self.rules, layout, &masked);
                (masked, look)
            }
        };
        let whole = self.look.replace(look);
        let result = self.normalise(row);
        let look = mem::replace(&mut self.look, whole);
        self.masked.extend(look.map(|look| (names, look)));
        result
    }

    #[inline(always)]
    fn record(&mut self, row: &Row<'_>, normal: &NormalisedRow<'_>) -> Result<(), Stop> {
        let Some(look) = &self.look else {
            return Err(Stop);
        };
        if !look.is_met && look.unfit.is_some() {
            return self.meet();
        }
        if normal.start.is_none() && !self.rules.window.is_all() {
            self.refuse(row, "`start` is absent, so it is in no window".to_owned());
            return Ok(());
        }
        if !self.rules.plausible.holds(normal) {
            self.refuse_time(row, normal);
            return Ok(());
        }
        self.fits = true;
        if !self.rules.wants(normal) {
            return Ok(());
        }
        if !look.is_met {
            self.meet()?;
        }
        let Some(look) = &self.look else {
            return Err(Stop);
        };
        let taken = self.scratch.as_mut().unwrap_or(self.taken);
        let seen = SeenRecord {
            origin: self.origin,
            row,
            normal,
            print: self.rules.print(normal, &look.set),
            set: &look.set,
            delivered: self.delivered,
            normaliser: &look.normaliser,
        };
        taken.record(&seen, &self.rules.key);
        // Also of an event that counts elsewhere: where it is found must not depend on which part came first.
        let verbatim = row.alone && normal.verbatim;
        self.span.get_or_insert_default().add(&seen.print, verbatim);
        if let Some(members) = &mut self.members {
            members.add(seen.print.fingerprint);
        }
        Ok(())
    }

    /// Takes note that a record in the window has the layout in force; for good once it is known that the part can be read.
    #[cold]
    fn meet(&mut self) -> Result<(), Stop> {
        let look = self.look.as_mut().ok_or(Stop)?;
        if let Some(why) = look.unfit.take() {
            return Err(self.rules.halt(Halt::Incomparable(why)));
        }
        look.is_met = true;
        let layout = look.normaliser.layout();
        look.set.number = self.rules.number(&look.set)?;
        if self.scratch.is_some() {
            self.met.push((layout.clone(), look.set.number));
            return Ok(());
        }
        self.rules.meet(self.origin.side, layout, look.set.number)
    }
}

/// Tells whether this is the version of Transit Gateway records.
fn is_of_gateways(version: &[u8]) -> bool {
    let version = std::str::from_utf8(version).ok();
    version.and_then(|version| version.parse().ok()) == Some(TRANSIT_GATEWAY_VERSION)
}

/// Returns how many records of so many columns fit into so many cells, if the last cell of one and the first of the next
/// may be one.
fn fitting(cells: u64, columns: u64) -> u64 {
    let between = columns.saturating_sub(1);
    let records = cells
        .saturating_sub(1)
        .checked_div(between)
        .unwrap_or(cells);
    records.max(1)
}

impl<V: Visitor> Sink for Intake<'_, V> {
    fn provisional(&mut self) {
        if self.scratch.is_none() {
            self.scratch = Some(self.taken.empty_like());
        }
    }

    fn layout(&mut self, layout: &Layout) -> Result<(), Stop> {
        self.masked.clear();
        self.gateways = None;
        let is_known = |look: &RowIntake| look.normaliser.layout() == layout;
        self.before.extend(self.look.take());
        if let Some(known) = self.before.iter().position(is_known) {
            self.look = Some(self.before.swap_remove(known));
        } else {
            self.look = Some(self.look_at(layout));
        }
        self.note_closely();
        Ok(())
    }
    fn may_skip(&self) -> bool {
        self.origin.verbatim && self.taken.visitor.wanted().is_some()
    }

    #[inline(always)]
    fn skips(&self, line: &[u8]) -> bool {
        let Some(look) = self.look.as_ref().filter(|look| look.version.is_none()) else {
            return false;
        };
        let fingerprint = self.rules.key.of_record(line).wrapping_add(look.set.mark);
        let mut wanted = self.taken.visitor.wanted().into_iter();
        wanted.all(|wanted| !wanted.contains(&fingerprint))
    }

    fn delivered(&mut self, at: Option<i64>) {
        self.delivered = at.or(self.origin.delivered);
    }

    fn stream(&mut self, name: Option<&str>) {
        self.stream.clear();
        self.stream.push_str(name.unwrap_or_default());
    }

    fn asterisks(&mut self, are_there: bool) {
        self.asterisks = are_there;
        self.note_closely();
    }

    #[inline(always)]
    fn row(&mut self, row: Row<'_>) -> Result<(), Stop> {
        let look = self.look.as_ref().ok_or(Stop)?;
        let verbatim = match self.closely {
            true => None,
            false => look.normaliser.verbatim(row.cells),
        };
        match verbatim {
            Some(normal) => self.record(&row, &normal),
            // A copy: only this one needs an address, so the row itself stays in registers.
            None => self.normalise(Row {
                number: row.number,
                cells: row.cells,
                alone: row.alone,
                named: row.named,
                event_id: row.event_id,
            }),
        }
    }

    fn malformed(&mut self, row: Malformed) -> Result<(), Stop> {
        match &row.misfit {
            None => self.note_none(row.number, &row.reason),
            Some(misfit) => self.note_none(row.number, &format!("{}; {misfit}", row.reason)),
        }
        let layout = match &self.look {
            Some(look) => look.normaliser.layout(),
            None => &self.rules.formats[self.origin.side].layout,
        };
        let columns = row.columns.unwrap_or(layout.columns().len());
        let records = fitting(row.cells, columns as u64);
        if let Some(event) = &row.event {
            // An event that is found again in another answer is one row.
            let said = format!("{event} {}", row.reason);
            let event = self.rules.key.of_record(said.as_bytes());
            let taken = self.scratch.as_mut().unwrap_or(self.taken);
            if !taken.visitor.claim(self.origin.side, event) {
                return Ok(());
            }
        }
        self.misfit(Misfit {
            row: row.number,
            cover: self.cover(row.places),
            records,
            reason: row.reason,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests;
