//! What standard output gets.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};

use serde::Serialize;

use crate::cli::{CheckArgs, Color};
use crate::model::Error;
use crate::render;
use crate::render::{Paint, Renderer, Style, WIDTH};
use crate::report::Report;
use crate::system::Waiting;

/// On a narrower terminal, lines break where it breaks them.
const LEAST_WIDTH: usize = 60;

pub(super) fn print_report(
    renderer: &Renderer,
    report: &Report,
    (rows, every): (Option<usize>, Option<&File>),
    color: Color,
) -> Result<(), Error> {
    // A report may be larger than what a run may hold.
    let mut stdout =
        BufWriter::with_capacity(1 << 16, UntilBroken::of(Waiting(io::stdout().lock())));
    let written = (renderer.write)(
        report,
        Style {
            paint: paint(color),
            width: width(),
            rows,
            every,
            ..Style::default()
        },
        &mut stdout,
    );
    let written = written.and_then(|()| stdout.flush());
    match stdout.get_ref().is_broken {
        true => Ok(()),
        false => seen_enough(written),
    }
}

/// A writer that remembers that nobody reads any more: what stands between may make another error of it.
struct UntilBroken<W> {
    to: W,
    is_broken: bool,
}

impl<W> UntilBroken<W> {
    fn of(to: W) -> Self {
        Self {
            to,
            is_broken: false,
        }
    }

    fn noting<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        let broken = result.as_ref().err().map(io::Error::kind) == Some(io::ErrorKind::BrokenPipe);
        self.is_broken |= broken;
        result
    }
}

impl<W: Write> Write for UntilBroken<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes);
        self.noting(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.to.flush();
        self.noting(flushed)
    }
}

/// Whoever reads may have seen enough, which changes nothing about the answer.
fn seen_enough(written: io::Result<()>) -> Result<(), Error> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(standard_output),
    }
}

pub(super) fn json_text(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    let mut text = Vec::new();
    render::write_pretty(value, &mut text).map_err(standard_output)?;
    Ok(text)
}

/// Tells whether a command that is no check is to answer in JSON; it has no other forms than that and text.
pub(super) fn as_json(command: &str, args: &CheckArgs) -> Result<bool, Error> {
    match args.output.output.as_deref() {
        None | Some("text") => Ok(false),
        Some("json") => Ok(true),
        Some(other) => Err(Error::Usage(format!(
            "--output: {command} has the forms text and json, not `{other}`"
        ))),
    }
}

pub(super) fn print(text: &[u8]) -> Result<u8, Error> {
    let mut stdout = Waiting(io::stdout().lock());
    seen_enough(stdout.write_all(text).and_then(|()| stdout.flush())).map(|()| 0)
}

pub(super) fn standard_output(source: io::Error) -> Error {
    Error::Output {
        path: "standard output".into(),
        source,
    }
}

/// Returns how wide the terminal is that reads, within what can be read.
fn width() -> usize {
    let of_terminal = terminal_size::terminal_size_of(io::stdout());
    of_terminal.map_or(WIDTH, |(width, _)| {
        usize::from(width.0).clamp(LEAST_WIDTH, WIDTH)
    })
}

pub(super) fn paint(color: Color) -> Paint {
    let wanted = || {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        io::stdout().is_terminal() && !set("NO_COLOR") && !dumb
    };
    match color {
        Color::Always => Paint::Always,
        Color::Auto if wanted() => Paint::Always,
        Color::Auto | Color::Never => Paint::Never,
    }
}
