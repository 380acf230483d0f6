//! Sources in memory: what tests, fuzz targets and the self-test compare. They keep to what [`Source`] promises, so that a
//! check cannot tell them from others.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use crate::decode::{Content, Event};
use crate::model::window::Window;
use crate::model::{Cover, Error};

use super::{Ask, Listing, Outlet, Part, ReadError, Source};

/// How far outside a window events are given along: a record is delivered a while after its `start`.
const BESIDE: i64 = 60;

/// What a part in memory holds.
#[derive(Clone, Debug, PartialEq)]
pub enum MemoryPart {
    /// An object or a file: one content.
    Bytes(Bytes),
    /// A log stream, page by page.
    Pages(Vec<Vec<Event>>),
}

/// A part in memory.
#[derive(Clone, Debug)]
pub struct HeldPart {
    /// What the listing says of it.
    pub part: Part,
    /// What is in it.
    pub held: MemoryPart,
    /// Why it is listed as one that cannot be read, if it is.
    pub denied: Option<String>,
    /// Why reading it ends early, after all that it holds was given, if it does.
    pub broken: Option<String>,
    /// Whether events far outside the windows that are asked for are left out, as CloudWatch Logs does.
    pub in_part: bool,
}

impl HeldPart {
    /// A part that can be read. An object does not change under its name (its version is `1`); whether a stream does is
    /// not known.
    pub fn new(name: &str, held: MemoryPart) -> Self {
        let (size, version) = match &held {
            MemoryPart::Bytes(bytes) => (Some(bytes.len() as u64), "1"),
            MemoryPart::Pages(_) => (None, ""),
        };
        Self {
            part: Part {
                name: name.into(),
                size,
                version: version.to_owned(),
                cover: Cover::default(),
                delivered: None,
            },
            held,
            denied: None,
            broken: None,
            in_part: false,
        }
    }
}

type AtLook = dyn Fn(&Ask, usize) -> Result<Arc<[HeldPart]>, Error> + Send + Sync;

/// A source in memory.
pub struct Memory {
    address: String,
    headerless: bool,
    at_look: Box<AtLook>,
    /// How often it was listed, and what it held at that time.
    now: Mutex<(usize, Arc<[HeldPart]>)>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("address", &self.address)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

impl Memory {
    /// A source that holds the same at each look.
    pub fn new(parts: Vec<HeldPart>) -> Self {
        let parts = in_order(parts);
        Self::of(Box::new(move |_, _| Ok(Arc::clone(&parts))))
    }

    /// A source that holds at each look what `at_look` says. It is told what is asked for and how often the source was
    /// listed before.
    pub fn at_each_look(
        at_look: impl Fn(&Ask, usize) -> Result<Vec<HeldPart>, Error> + Send + Sync + 'static,
    ) -> Self {
        Self::of(Box::new(move |ask, before| {
            at_look(ask, before).map(in_order)
        }))
    }

    fn of(at_look: Box<AtLook>) -> Self {
        Self {
            address: "memory".to_owned(),
            headerless: false,
            at_look,
            now: Mutex::new((0, Arc::new([]))),
        }
    }

    /// Gives it another address.
    #[must_use]
    pub fn at(self, address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            ..self
        }
    }

    /// Says whether its rows never come with a header.
    #[must_use]
    pub fn headerless(self, headerless: bool) -> Self {
        Self { headerless, ..self }
    }

    /// Returns how often it was listed.
    pub fn listed(&self) -> usize {
        self.now().0
    }

    fn now(&self) -> (usize, Arc<[HeldPart]>) {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        (now.0, Arc::clone(&now.1))
    }
}

fn in_order(mut parts: Vec<HeldPart>) -> Arc<[HeldPart]> {
    parts.sort_by(|a, b| a.part.name.cmp(&b.part.name));
    parts.into()
}

#[async_trait]
impl Source for Memory {
    fn address(&self) -> String {
        self.address.clone()
    }

    fn is_headerless(&self) -> bool {
        self.headerless
    }

    async fn list(&self, ask: &Ask) -> Result<Listing, Error> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let before = now.0;
        now.0 += 1;
        let parts = (self.at_look)(ask, before)?;
        let mut listing = Listing::default();
        for one in &*parts {
            let part = Arc::new(one.part.clone());
            match &one.denied {
                None => listing.parts.push(part),
                Some(why) => listing.unreadable.push((part, why.clone())),
            }
        }
        now.1 = parts;
        Ok(listing)
    }

    async fn read(
        &self,
        part: &Part,
        starts: &[Window],
        outlet: &dyn Outlet,
    ) -> Result<(), ReadError> {
        let (_, parts) = self.now();
        let mut parts = parts.iter();
        let found = parts.find(|one| one.part.name == part.name);
        let found = found.ok_or_else(|| ReadError::Unreadable("no such part".to_owned()))?;
        let wanted = |event: &&Event| {
            let second = event.timestamp.div_euclid(1000);
            !found.in_part
                || starts.is_empty()
                || starts
                    .iter()
                    .any(|window| window.widened(BESIDE, BESIDE).contains(second))
        };
        match &found.held {
            // Nothing of an object is taken unless all of it is there.
            MemoryPart::Bytes(_) if found.broken.is_some() => {}
            MemoryPart::Bytes(bytes) => outlet.deliver(Content::Bytes(bytes.clone())).await?,
            MemoryPart::Pages(pages) => {
                for page in pages {
                    let events = page.iter().filter(wanted).cloned().collect();
                    outlet.deliver(Content::Events(events)).await?;
                }
            }
        }
        found
            .broken
            .clone()
            .map_or(Ok(()), |why| Err(ReadError::Unreadable(why)))
    }
}
