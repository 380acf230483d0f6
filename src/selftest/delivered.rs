//! What of a situation lies where: every part written, as a source gives it, in memory or in a folder.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use bytes::Bytes;

use crate::model::window::Window;
use crate::model::{Cover, Side, Sides};
use crate::record::Layout;
use crate::source::Ask;
use crate::source::key::{ObjectName, cover, stream_interface};
use crate::source::memory::{HeldPart, Memory, MemoryPart};

use super::form::{Body, PartForm, Writer};
use super::part::{self, PartFault};
use super::random::Random;
use super::situation::Situation;

/// A side, written.
#[derive(Debug)]
pub(super) struct Delivered {
    parts: Vec<(part::PlantedPart, Body)>,
    /// The number of each row of each part.
    pub numbers: Vec<Vec<u64>>,
    /// The only flow log that is asked for.
    flow_log: Option<&'static str>,
}

impl Delivered {
    pub(super) fn both(situation: &Situation, seed: u64) -> Sides<Self> {
        Sides::from_fn(|side| Self::new(situation, side, seed))
    }

    fn new(situation: &Situation, side: Side, seed: u64) -> Self {
        let mut random = Random::of(seed ^ (0x5eed << 40) ^ (side as u64) << 32);
        let (mut parts, mut numbers) = (Vec::new(), Vec::new());
        for part in &situation.parts[side] {
            let stream = part.name.rsplit('/').nth(1).unwrap_or("eni-0aa-all");
            let writer = Writer {
                records: &situation.records,
                fields: &situation.fields,
                layout: situation.layout(side, part),
                stream,
                sloppy: situation.sloppy[side],
            };
            let (mut body, rows) = writer.write(part.form, &part.rows, &mut random);
            if let Some(fault) = part.fault {
                fault.apply_fault(part.form, &mut body, &mut random);
            }
            parts.push((part.clone(), body));
            numbers.push(rows);
        }
        Self {
            parts,
            numbers,
            flow_log: situation.flow_log.filter(|_| side == Side::S3),
        }
    }

    /// Returns it as a source. What is late comes after the first look.
    pub(super) fn source(self) -> Memory {
        let is_live = |(part, _): &(part::PlantedPart, Body)| part.form == PartForm::Live;
        let headerless = !self.parts.is_empty() && self.parts.iter().all(is_live);
        let held = move |ask: &Ask, before: usize| {
            let there = |(part, _): &&(part::PlantedPart, Body)| !part.late || before > 0;
            let parts = self.parts.iter().filter(there);
            let held = parts.map(|(part, body)| held(part, body));
            Ok(held.filter(|held| self.is_asked_for(held, ask)).collect())
        };
        Memory::at_each_look(held).headerless(headerless)
    }

    fn is_asked_for(&self, held: &HeldPart, ask: &Ask) -> bool {
        let outside = ObjectName::parse(&held.part.name).is_some_and(|name| {
            !ask.window.object_names().contains(name.time)
                || self.flow_log.is_some_and(|only| only != name.flow_log_id)
        });
        let other = |only: &String| !ask.interfaces.is_empty() && !ask.interfaces.contains(only);
        !outside && !held.part.cover.interface.as_ref().is_some_and(other)
    }

    /// Writes all parts below a folder.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        for (part, body) in &self.parts {
            let path = folder.join(&part.name);
            std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
            if let Body::Bytes(bytes) = body {
                std::fs::write(path, bytes)?;
            }
        }
        Ok(())
    }
}

/// Returns a part as a source in memory has it.
fn held(part: &part::PlantedPart, body: &Body) -> HeldPart {
    let breaks_after = match part.fault {
        Some(PartFault::Broken { pages }) => Some(pages),
        _ => None,
    };
    let held = match body {
        Body::Bytes(bytes) => MemoryPart::Bytes(Bytes::copy_from_slice(bytes)),
        Body::Pages(pages) => {
            let given = pages.iter().take(breaks_after.unwrap_or(usize::MAX));
            MemoryPart::Pages(given.cloned().collect())
        }
    };
    let mut held = HeldPart {
        denied: (part.fault == Some(PartFault::Denied)).then(|| "denied".to_owned()),
        broken: breaks_after.map(|_| "connection reset".to_owned()),
        in_part: true,
        ..HeldPart::new(&part.name, held)
    };
    held.part.cover = if part.form == PartForm::Live {
        Cover {
            interface: stream_interface(&part.name).map(str::to_owned),
            starts: Window::ALL,
        }
    } else {
        cover(&part.name)
    };
    held
}

/// How many rows a live stream gives before it breaks.
impl Delivered {
    pub(super) fn rows_given(&self, part: usize) -> usize {
        match &self.parts[part] {
            (
                part::PlantedPart {
                    fault: None, rows, ..
                },
                _,
            ) => rows.len(),
            (
                part::PlantedPart {
                    fault: Some(PartFault::Broken { pages }),
                    ..
                },
                Body::Pages(all),
            ) => all.iter().take(*pages).map(Vec::len).sum(),
            _ => 0,
        }
    }

    /// Says where a row of a part stands, as a report does.
    pub(super) fn place(&self, part: usize, row: usize) -> (String, u64) {
        (self.parts[part].0.name.clone(), self.numbers[part][row])
    }

    /// The record numbers of the rows that stand in a place, by the part's name and the row's number, and their layouts.
    pub(super) fn places<'a>(
        &'a self,
        situation: &'a Situation,
        side: Side,
    ) -> HashMap<(&'a str, u64), Vec<(usize, &'a Layout)>> {
        let mut places: HashMap<_, Vec<(usize, &Layout)>> = HashMap::new();
        for (part, numbers) in situation.parts[side].iter().zip(&self.numbers) {
            for (row, number) in part.rows.iter().zip(numbers) {
                if let super::form::PartRow::Record { record, .. } = row {
                    places
                        .entry((part.name.as_str(), *number))
                        .or_default()
                        .push((*record, situation.layout(side, part)));
                }
            }
        }
        places
    }
}
