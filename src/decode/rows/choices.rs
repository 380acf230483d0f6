//! Which of several layouts a row has, and whether the last line of a text is whole.

use super::{Fit, RowOrigin, RowTexts, Shape, Sign, is_divided};
use crate::decode::around::is_time_stamp;
use crate::decode::several::CellsRun;
use crate::decode::{DecodeError, Sink};
use crate::record::{Cells, Layout};

impl<S: Sink> RowTexts<'_, S> {
    /// Chooses the one of the layouts given whose fields can have all values of a row. Those whose values also have the right
    /// shapes come before others.
    pub(super) fn choose<'t>(&mut self, cells: Cells<'t>, stamped: bool) -> Fit<'t> {
        let shapes = self.choices.iter().cloned();
        let shapes = shapes.map(|layout| Shape::new(layout, Sign::Values));
        let fitting = shapes.filter_map(|shape| Some((shape.fit(cells, stamped)?, shape)));
        let mut fitting = likely(fitting.collect(), |record, shape| shape.is_like(*record));
        match fitting.pop() {
            None => Fit::None,
            Some((record, shape)) if fitting.is_empty() => {
                self.enforce(shape);
                Fit::Record(record)
            }
            Some((_, last)) => {
                let shapes = fitting.into_iter().map(|(_, shape)| shape).chain([last]);
                Fit::Several(shapes.map(|shape| shape.layout).collect())
            }
        }
    }

    /// Returns the cells of the records in a piece of a text, if they are that in one layout only of those given. As with a row
    /// alone, those whose values have the right shapes come before others.
    pub(super) fn choose_run<'t>(&mut self, cells: &[&'t [u8]]) -> Option<CellsRun<'t>> {
        let shapes = self.choices.iter().cloned();
        let shapes = shapes.map(|layout| Shape::new(layout, Sign::Values));
        let fitting = shapes.filter_map(|shape| Some((shape.records(cells)?, shape)));
        let mut fitting = likely(fitting.collect(), |run: &CellsRun<'_>, shape| {
            let mut records = run.chunks(shape.columns);
            records.all(|record| shape.is_like(Cells::Apart(record)))
        });
        let (run, shape) = fitting.pop()?;
        if !fitting.is_empty() {
            return None;
        }
        self.enforce(shape);
        Some(run)
    }

    /// Makes a layout the one in force.
    pub(super) fn enforce(&mut self, shape: Shape) {
        if shape.layout != self.shape.layout {
            self.shape = shape;
            self.announced = false;
        }
    }

    /// Refuses a row that is a record in more than one layout.
    #[cold]
    pub(super) fn refuse_several(
        &mut self,
        layouts: &[Layout],
        cells: Cells<'_>,
        from: RowOrigin<'_>,
    ) -> Result<(), DecodeError> {
        let formats = layouts.iter().map(|layout| format!("`{layout}`"));
        let formats = formats.collect::<Vec<_>>().join(" and ");
        let reason = format!("it is a record in more than one of the formats given: {formats}");
        self.refuse_cells(from, reason, cells)
    }

    /// Takes the last line of a text, which nothing ends. A value that the field at its end cannot have was cut off then.
    pub(in crate::decode) fn take_unended(
        &mut self,
        text: &[u8],
        number: u64,
    ) -> Result<(), DecodeError> {
        let cells = text.split(|byte| *byte <= b' ');
        let cells: CellsRun<'_> = cells.filter(|cell| !cell.is_empty()).collect();
        let all = Cells::Apart(&cells);
        let from = RowOrigin::Line(number);
        let stamped = cells.first().is_some_and(|cell| is_time_stamp(cell));
        let rest = if stamped { all.split_first().1 } else { all };
        let is_header = !cells.is_empty() && Layout::from_header(all).is_some();
        if !is_header && self.is_cut(rest, stamped && !is_divided(text)) {
            let last = String::from_utf8_lossy(cells.last().copied().unwrap_or_default());
            let reason = format!("the line ends within its last value, `{last}`");
            return self.refuse_cells(from, reason, rest);
        }
        self.unended = true;
        let result = self.take(text, from);
        self.unended = false;
        result
    }

    /// Tells whether cells are of a record in no layout but one that they end within a value of.
    pub(super) fn is_cut(&self, cells: Cells<'_>, stamped: bool) -> bool {
        let Some(last) = cells.len().checked_sub(1).map(|last| cells.get(last)) else {
            return false;
        };
        let fits = |layout: &Layout| {
            let shape = Shape::new(layout.clone(), self.shape.sign);
            shape.fit(cells, stamped).is_some()
        };
        let mut fitting = self.layouts().filter(|layout| fits(layout)).peekable();
        fitting.peek().is_some() && fitting.all(|layout| layout.ends_within(last))
    }

    /// The layouts that a row may have.
    pub(super) fn layouts(&self) -> impl Iterator<Item = &Layout> {
        let choices = self.choices.iter();
        let alone = self.choices.is_empty().then_some(&self.shape.layout);
        choices.chain(alone)
    }
}

/// Returns what fits with values of the right shapes, or all that fits if nothing has them.
fn likely<T>(
    mut fitting: Vec<(T, Shape)>,
    is_like: impl Fn(&T, &Shape) -> bool,
) -> Vec<(T, Shape)> {
    if fitting.iter().any(|(cells, shape)| is_like(cells, shape)) {
        fitting.retain(|(cells, shape)| is_like(cells, shape));
    }
    fitting
}
