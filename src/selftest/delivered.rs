//! What of a situation lies where: every part written, as a source gives it, in memory or in a folder.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;

use crate::decode::{Content, Event};
use crate::model::window::Window;
use crate::model::{Cover, Error, Side, Sides};
use crate::source::key::{ObjectName, cover, stream_interface};
use crate::source::{Ask, Listing, Outlet, Part, ReadError, Source};

use super::form::{Body, Form, Writer};
use super::part::{self, Fault};
use super::random::Random;
use super::situation::Situation;

/// A side, written.
#[derive(Debug)]
pub(super) struct Delivered {
    parts: Vec<(part::Part, Body)>,
    /// The number of each row of each part.
    pub numbers: Vec<Vec<u64>>,
    /// The only flow log that is asked for.
    flow_log: Option<&'static str>,
    /// How often it was listed: what is late comes after the first time.
    listed: AtomicUsize,
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
                layout: &situation.layouts[side],
                stream,
                sloppy: situation.sloppy[side],
            };
            let (mut body, rows) = writer.write(part.form, &part.rows, &mut random);
            if let Some(fault) = part.fault {
                fault.befall(part.form, &mut body, &mut random);
            }
            parts.push((part.clone(), body));
            numbers.push(rows);
        }
        Self {
            parts,
            numbers,
            flow_log: situation.flow_log.filter(|_| side == Side::S3),
            listed: AtomicUsize::new(0),
        }
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

#[async_trait]
impl Source for Delivered {
    fn address(&self) -> String {
        "memory".to_owned()
    }

    fn is_headerless(&self) -> bool {
        self.parts.iter().all(|(part, _)| part.form == Form::Live) && !self.parts.is_empty()
    }

    async fn list(&self, ask: &Ask) -> Result<Listing, Error> {
        let again = self.listed.fetch_add(1, Ordering::Relaxed) > 0;
        let mut listing = Listing::default();
        for (part, body) in &self.parts {
            let is_live = part.form == Form::Live;
            let outside = ObjectName::parse(&part.name).is_some_and(|name| {
                !ask.window.object_names().contains(name.time)
                    || self.flow_log.is_some_and(|only| only != name.flow_log_id)
            });
            let cover = if is_live {
                Cover {
                    interface: stream_interface(&part.name).map(str::to_owned),
                    starts: Window::ALL,
                }
            } else {
                cover(&part.name)
            };
            let other =
                |only: &String| !ask.interfaces.is_empty() && !ask.interfaces.contains(only);
            if outside || cover.interface.as_ref().is_some_and(other) || (part.late && !again) {
                continue;
            }
            let size = if let Body::Bytes(bytes) = body {
                Some(bytes.len() as u64)
            } else {
                None
            };
            let version = if is_live {
                String::new()
            } else {
                "1".to_owned()
            };
            let listed = Arc::new(Part {
                name: part.name.as_str().into(),
                size,
                version,
                cover,
                delivered: None,
            });
            if part.fault == Some(Fault::Denied) {
                listing.unreadable.push((listed, "denied".to_owned()));
            } else {
                listing.parts.push(listed);
            }
        }
        listing.parts.sort_by(|a, b| a.name.cmp(&b.name));
        listing
            .unreadable
            .sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        Ok(listing)
    }

    async fn read(
        &self,
        part: &Part,
        starts: &[Window],
        outlet: &dyn Outlet,
    ) -> Result<(), ReadError> {
        let found = self.parts.iter().find(|(mine, _)| *mine.name == *part.name);
        let (mine, body) = found.ok_or_else(|| ReadError::Unreadable("no such part".to_owned()))?;
        let broken = |_| Err(ReadError::Unreadable("connection reset".to_owned()));
        let breaks_after = match mine.fault {
            Some(Fault::Broken { pages }) => Some(pages),
            _ => None,
        };
        match body {
            Body::Bytes(bytes) => {
                breaks_after.map_or(Ok(()), broken)?;
                outlet
                    .deliver(Content::Bytes(Bytes::copy_from_slice(bytes)))
                    .await
            }
            Body::Pages(pages) => {
                let wanted = |event: &&Event| {
                    let second = event.timestamp / 1000;
                    starts.is_empty()
                        || starts
                            .iter()
                            .any(|window| window.widened(60, 60).contains(second))
                };
                for page in pages.iter().take(breaks_after.unwrap_or(usize::MAX)) {
                    let events = page.iter().filter(wanted).cloned().collect();
                    outlet.deliver(Content::Events(events)).await?;
                }
                breaks_after.map_or(Ok(()), broken)
            }
        }
    }
}

/// How many rows a live stream gives before it breaks.
impl Delivered {
    pub(super) fn rows_given(&self, part: usize) -> usize {
        match &self.parts[part] {
            (
                part::Part {
                    fault: None, rows, ..
                },
                _,
            ) => rows.len(),
            (
                part::Part {
                    fault: Some(Fault::Broken { pages }),
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

    /// The record numbers of the rows that stand in a place, by the part's name and the row's number.
    pub(super) fn places<'a>(
        &'a self,
        situation: &'a Situation,
        side: Side,
    ) -> HashMap<(&'a str, u64), Vec<usize>> {
        let mut places: HashMap<_, Vec<usize>> = HashMap::new();
        for (part, numbers) in situation.parts[side].iter().zip(&self.numbers) {
            for (row, number) in part.rows.iter().zip(numbers) {
                if let super::form::Row::Record { record, .. } = row {
                    places
                        .entry((part.name.as_str(), *number))
                        .or_default()
                        .push(*record);
                }
            }
        }
        places
    }
}
