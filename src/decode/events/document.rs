//! JSON documents: what stands in the places that count ([`crate::decode::envelopes`]). Everything else is passed over.

use std::fmt;
use std::mem;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::EventIntake;
use crate::decode::envelopes::{DOCUMENT, Role, place};
use crate::decode::several::is_beside;
use crate::decode::{DecodeError, Sink};

/// What counts of an object that holds one line, until all its members have been seen.
#[derive(Default)]
pub(super) struct LineObject {
    line: Text,
    rank: usize,
    packed: Text,
    id: Text,
    outcome: Text,
    stream: Text,
    /// Milliseconds since 1970.
    ingested: Option<i64>,
    /// Whether it has held a list that holds lines.
    known: bool,
    /// Whether it is a control message, once its type is known.
    control: Option<bool>,
    /// Its events until then.
    hold: Hold,
    /// The first members that mean nothing.
    strangers: String,
}

impl LineObject {
    fn clear(&mut self) {
        for text in [
            &mut self.line,
            &mut self.packed,
            &mut self.id,
            &mut self.outcome,
            &mut self.stream,
        ] {
            text.is_set = false;
        }
        self.ingested = None;
        self.known = false;
        self.control = None;
        self.hold = Hold::default();
        self.strangers.clear();
    }

    fn note_stranger(&mut self, name: &str) {
        /// How much of names is shown.
        const SHOWN: usize = 60;
        if self.strangers.len() + name.len() <= SHOWN {
            if !self.strangers.is_empty() {
                self.strangers.push_str(", ");
            }
            self.strangers.push_str(name);
        }
    }
}

/// What counts of an event of a record whose type is not known yet.
struct UntypedEvent {
    message: Option<String>,
    id: Option<String>,
    ingested: Option<i64>,
}

/// Events of a record whose type is not known yet.
#[derive(Default)]
struct Hold {
    events: Vec<UntypedEvent>,
    bytes: usize,
}

impl Hold {
    /// How many bytes of memory may be held. A record of a subscription unpacks to a few MB, and its type comes first in
    /// what AWS writes.
    const MOST: usize = 32 << 20;

    fn push<E: serde::de::Error>(
        &mut self,
        message: Option<&str>,
        id: Option<&str>,
        ingested: Option<i64>,
    ) -> Result<(), E> {
        let event = UntypedEvent {
            message: message.map(str::to_owned),
            id: id.map(str::to_owned),
            ingested,
        };
        let texts = [&event.message, &event.id];
        let texts = texts
            .iter()
            .map(|text| text.as_ref().map_or(0, String::len));
        self.bytes += size_of::<UntypedEvent>() + texts.sum::<usize>();
        if self.bytes > Self::MOST {
            return Err(E::custom("more than 32 MiB of events before `messageType`"));
        }
        self.events.push(event);
        Ok(())
    }
}

/// A text that may be absent; keeps its memory.
#[derive(Default)]
struct Text {
    text: String,
    is_set: bool,
}

impl Text {
    fn get(&self) -> Option<&str> {
        self.is_set.then_some(self.text.as_str())
    }

    fn set<E: serde::de::Error>(&mut self, text: &str) -> Result<(), E> {
        if mem::replace(&mut self.is_set, true) {
            return Err(E::custom("a member stands twice"));
        }
        self.text.clear();
        self.text.push_str(text);
        Ok(())
    }
}

/// The name of a member, to its place if it counts.
struct Name<'e, 'a, S> {
    events: &'e mut EventIntake<'a, S>,
    within: usize,
}

impl<'de, S> DeserializeSeed<'de> for Name<'_, '_, S> {
    type Value = Option<usize>;

    fn deserialize<D: serde::Deserializer<'de>>(self, name: D) -> Result<Option<usize>, D::Error> {
        name.deserialize_str(self)
    }
}

impl<S> Visitor<'_> for Name<'_, '_, S> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Option<usize>, E> {
        let member = place(self.within).member(name);
        if member.is_none()
            && self.within == DOCUMENT
            && let Some(item) = self.events.items.last_mut()
        {
            item.note_stranger(name);
        }
        Ok(member)
    }
}

/// A value, by where it stands.
pub(super) struct Value<'e, 'a, S> {
    events: &'e mut EventIntake<'a, S>,
    at: usize,
    /// The list that it is an item of, if that holds lines by themselves.
    list: Option<&'e mut List>,
}

/// A list of lines, or of one line with other things around it: `[1700000000000, "2 ..."]`.
#[derive(Default)]
struct List {
    lines: u64,
    /// Words that are no lines, and may stand beside one; others.
    beside: u64,
    words: u64,
    numbers: u64,
}

impl<'e, 'a, S> Value<'e, 'a, S> {
    /// A document.
    pub(super) fn document(events: &'e mut EventIntake<'a, S>) -> Self {
        let at = DOCUMENT;
        Self {
            events,
            at,
            list: None,
        }
    }
}

impl<'de, S: Sink> DeserializeSeed<'de> for Value<'_, '_, S> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<S: Sink> Value<'_, '_, S> {
    fn number<E: serde::de::Error>(self, number: Option<i64>) -> Result<(), E> {
        if let Some(list) = self.list {
            list.numbers += 1;
            return Ok(());
        }
        if self.at == DOCUMENT {
            return Err(E::custom("a number where an event should be"));
        }
        match place(self.at).role {
            Role::Ingested => {
                if let Some(item) = self.events.items.last_mut() {
                    item.ingested = number;
                }
            }
            Role::Matched => {
                self.events.matched = number.and_then(|number| u64::try_from(number).ok());
            }
            Role::Nothing
            | Role::Line
            | Role::InsightsLine
            | Role::Packed
            | Role::Pairs
            | Role::Id
            | Role::Stream
            | Role::MessageType
            | Role::More(_)
            | Role::Status
            | Role::Outcome => {}
        }
        Ok(())
    }

    /// Takes a string that is an item of a list, or a document.
    fn bare<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        if let Some(list) = self.list {
            // Only a layout of one column has rows of one word.
            let is_word = !text.contains(|c: char| c.is_ascii_whitespace());
            if is_word && !self.events.has_one_column() {
                let beside = is_beside(b"", text.as_bytes());
                *(if beside {
                    &mut list.beside
                } else {
                    &mut list.words
                }) += 1;
                return Ok(());
            }
            list.lines += 1;
        }
        if is_typed(self.at)
            && let Some(record) = self.events.items.last_mut()
            && record.control.is_none()
        {
            return record.hold.push(Some(text), None, None);
        }
        let result = self.events.row(Some(text), None, None, None);
        self.events.or_break(result)
    }
}

impl<'de, S: Sink> Visitor<'de> for Value<'_, '_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list of events")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        let here = place(self.at);
        if here.is_item {
            return self.bare(text);
        }
        let Some(item) = self.events.items.last_mut() else {
            return Ok(());
        };
        match here.role {
            Role::Line | Role::InsightsLine => {
                if item.line.is_set && item.rank != here.rank {
                    if item.rank < here.rank {
                        return Ok(());
                    }
                    item.line.is_set = false;
                }
                item.rank = here.rank;
                item.line.set(text)?;
            }
            Role::Packed => item.packed.set(text)?,
            Role::Id => item.id.set(text)?,
            Role::Outcome => item.outcome.set(text)?,
            Role::Stream => item.stream.set(text)?,
            Role::MessageType => item.control = Some(text == "CONTROL_MESSAGE"),
            Role::More(name) => self.events.more = Some(name),
            Role::Status => text.clone_into(&mut self.events.status),
            Role::Nothing | Role::Pairs | Role::Ingested | Role::Matched => {}
        }
        Ok(())
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<(), E> {
        self.number(Some(number))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        self.number(i64::try_from(number).ok())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<(), E> {
        #[expect(clippy::cast_possible_truncation, reason = "a count of rows")]
        let whole =
            (place(self.at).role == Role::Matched && number < 1e15).then_some(number as i64);
        self.number(whole)
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<(), E> {
        self.number(None)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        if self.at == DOCUMENT && self.list.is_none() {
            return Err(E::custom("null where an event should be"));
        }
        Ok(())
    }

    fn visit_seq<Q: SeqAccess<'de>>(self, mut list: Q) -> Result<(), Q::Error> {
        let here = place(self.at);
        if here.role == Role::Pairs {
            return self.events.pairs(list);
        }
        let is_control = self.at != DOCUMENT
            && self
                .events
                .items
                .last()
                .is_some_and(|item| item.control == Some(true));
        let at = match here.element {
            _ if is_control => None,
            None if here.is_item => Some(self.at),
            element => element,
        };
        let Some(at) = at else {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        };
        if here.element.is_some()
            && let Some(item) = self.events.items.last_mut()
        {
            item.known = true;
        }
        let events = self.events;
        let mut lines = List::default();
        loop {
            let value = Value {
                events,
                at,
                list: place(at).is_item.then_some(&mut lines),
            };
            if list.next_element_seed(value)?.is_none() {
                return events.end_list(&lines);
            }
        }
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<(), M::Error> {
        let here = place(self.at);
        let events = self.events;
        if !here.has_members() {
            while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        if here.is_item {
            let mut item = events.spare.pop().unwrap_or_default();
            item.clear();
            events.items.push(item);
        }
        loop {
            let name = Name {
                events,
                within: self.at,
            };
            match members.next_key_seed(name)? {
                None => break,
                Some(None) => drop(members.next_value::<IgnoredAny>()?),
                Some(Some(at)) => members.next_value_seed(Value {
                    events,
                    at,
                    list: None,
                })?,
            }
        }
        if here.is_item {
            events.end_item(self.at)?;
        }
        Ok(())
    }
}

impl<S: Sink> EventIntake<'_, S> {
    /// Takes what could not be told before the end of a list of lines.
    fn end_list<E: serde::de::Error>(&mut self, list: &List) -> Result<(), E> {
        if list.lines == 0 && list.words + list.beside == 0 && list.numbers > 0 {
            return Err(E::custom("numbers where events should be"));
        }
        // Beside a line, these are its time, its stream or its id.
        let words = list.words + if list.lines == 0 { list.beside } else { 0 };
        for _ in 0..words {
            let result = self.refuse("a word where a record should be");
            self.or_break(result)?;
        }
        Ok(())
    }

    /// Takes what could not be told before the end of an object.
    fn end_item<E: serde::de::Error>(&mut self, at: usize) -> Result<(), E> {
        let Some(item) = self.items.pop() else {
            return Ok(());
        };
        let taken = self.item(at, &item);
        self.spare.push(item);
        taken
    }

    fn item<E: serde::de::Error>(&mut self, at: usize, item: &LineObject) -> Result<(), E> {
        // Only the events of a record are held: nothing else has a type.
        if at != DOCUMENT
            && is_typed(at)
            && let Some(record) = self.items.last_mut()
            && record.control.is_none()
        {
            return record
                .hold
                .push(item.line.get(), item.id.get(), item.ingested);
        }
        let is_control = item.control == Some(true);
        if !is_control {
            for event in &item.hold.events {
                let result = self.row(
                    event.message.as_deref(),
                    event.id.as_deref(),
                    event.ingested,
                    None,
                );
                self.or_break(result)?;
            }
        }
        let result = match (item.line.get(), item.packed.get()) {
            (None, None) if is_control || item.known => Ok(()),
            (None, None) if at == DOCUMENT => Err(self.unknown(item)),
            (_, Some(_)) if item.outcome.get().is_some_and(|outcome| outcome != "Ok") => self
                .refuse(
                    "a record that a transformation has not passed on: its `result` is not `Ok`",
                ),
            (None, Some(packed)) => self.unwrap_record(packed),
            (line, _) => {
                self.insights +=
                    u64::from(place(at).member("@message").is_some() && is_insights(item.rank));
                self.row(line, item.id.get(), item.ingested, item.stream.get())
            }
        };
        self.or_break(result)
    }

    fn unknown(&self, item: &LineObject) -> DecodeError {
        let document = self.documents;
        DecodeError::Unreadable(format!(
            "JSON document {document} is in none of the shapes that flow logs come in (docs/shapes.md has them): its members \
             are {}",
            if item.strangers.is_empty() {
                "none"
            } else {
                &item.strangers
            }
        ))
    }
}

/// Tells whether this is the place of a record's events.
fn is_typed(at: usize) -> bool {
    let events = place(DOCUMENT).member("logEvents");
    events.and_then(|events| place(events).element) == Some(at)
}

/// Tells whether the line of this rank is one of a query's results.
fn is_insights(rank: usize) -> bool {
    let column = place(DOCUMENT).member("@message").map(place);
    column.is_some_and(|column| column.rank == rank)
}
