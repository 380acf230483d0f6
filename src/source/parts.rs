//! Parts by name: what one listing has found, shared out among many readers that do not list again.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Ask, Listing, Outlet, Part, ReadError, Source};
use crate::model::window::Window;
use crate::model::{Cover, Error, Side};

/// A part as a line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartLine {
    /// Whose.
    pub side: Side,
    /// Its name.
    pub name: String,
    /// Bytes as listed; `None` of a log stream.
    pub size: Option<u64>,
    /// Its ETag or the time of its last change; empty if nothing tells.
    pub version: String,
    /// The only interface whose records it may hold, if there is only one.
    pub interface: Option<String>,
    /// The first `start` that it may hold, Unix seconds.
    pub start: Option<i64>,
    /// The first second behind the last one.
    pub end: Option<i64>,
    /// When it was delivered, Unix seconds, if the listing tells.
    pub delivered: Option<i64>,
    /// Why it cannot be read, if it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    /// Whether it is passed over, because its name says nothing of what it holds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub passed_over: bool,
    /// Whether it seems to have ended long before the window: a check reads it only before it calls something missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ended_before: bool,
}

impl PartLine {
    fn of(side: Side, part: &Part) -> Self {
        Self {
            side,
            name: part.name.to_string(),
            size: part.size,
            version: part.version.clone(),
            interface: part.cover.interface.clone(),
            start: part.cover.starts.start,
            end: part.cover.starts.end,
            delivered: part.delivered,
            unreadable: None,
            passed_over: false,
            ended_before: false,
        }
    }

    /// Returns a line for all that a listing has found.
    pub fn all(side: Side, listing: &Listing) -> Vec<Self> {
        let read = listing.parts.iter().map(|part| Self::of(side, part));
        let ended = listing.passed_over.by_age.iter().map(|part| Self {
            ended_before: true,
            ..Self::of(side, part)
        });
        let unreadable = listing.unreadable.iter().map(|(part, why)| Self {
            unreadable: Some(why.clone()),
            ..Self::of(side, part)
        });
        let unnamed = listing.passed_over.by_name.iter().map(|part| Self {
            passed_over: true,
            ..Self::of(side, part)
        });
        read.chain(ended).chain(unreadable).chain(unnamed).collect()
    }

    fn part(&self) -> Arc<Part> {
        Arc::new(Part {
            name: self.name.as_str().into(),
            size: self.size,
            version: self.version.clone(),
            cover: Cover {
                interface: self.interface.clone(),
                starts: Window {
                    start: self.start,
                    end: self.end,
                },
            },
            delivered: self.delivered,
        })
    }
}

/// Some parts of a source. What it holds beside them is not listed, and no listing is asked for; each part is read by itself.
pub struct SomeParts {
    source: Box<dyn Source>,
    parts: Vec<PartLine>,
}

impl SomeParts {
    /// Takes these parts of a source.
    pub fn of(source: Box<dyn Source>, parts: Vec<PartLine>) -> Self {
        Self { source, parts }
    }
}

#[async_trait]
impl Source for SomeParts {
    fn address(&self) -> String {
        self.source.address()
    }

    fn behind(&self) -> Option<&dyn Source> {
        Some(&*self.source)
    }

    async fn list(&self, _ask: &Ask) -> Result<Listing, Error> {
        let mut listing = Listing::default();
        for line in &self.parts {
            let part = line.part();
            match &line.unreadable {
                Some(why) => listing.unreadable.push((part, why.clone())),
                None if line.passed_over => listing.passed_over.by_name.push(part),
                None if line.ended_before => listing.passed_over.by_age.push(part),
                None => listing.parts.push(part),
            }
        }
        listing.parts.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(listing)
    }

    async fn read(
        &self,
        part: &Part,
        starts: &[Window],
        outlet: &dyn Outlet,
    ) -> Result<(), ReadError> {
        self.source.read(part, starts, outlet).await
    }
}
