//! JSON documents: which members of which objects count. Everything else is passed over.

use std::fmt;
use std::mem;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Events;
use crate::decode::{DecodeError, Sink};

/// What counts of an event, held until all its members have been seen.
#[derive(Default)]
pub(super) struct Held {
    pub(super) message: Text,
    pub(super) id: Text,
    /// Milliseconds since 1970.
    pub(super) ingested: Option<i64>,
}

impl Held {
    fn clear(&mut self) {
        self.message.is_set = false;
        self.id.is_set = false;
        self.ingested = None;
    }
}

/// Events of a record whose type is not known yet.
#[derive(Default)]
pub(super) struct Hold {
    events: Vec<Held>,
    bytes: usize,
}

impl Hold {
    /// How many bytes of memory may be held. A record of a subscription unpacks to a few MB, and its type comes first in
    /// what AWS writes.
    const MOST: usize = 32 << 20;

    fn push<E: serde::de::Error>(&mut self, event: Held) -> Result<(), E> {
        let texts = [&event.message, &event.id];
        let texts = texts.iter().map(|text| text.text.capacity());
        self.bytes += size_of::<Held>() + texts.sum::<usize>();
        if self.bytes > Self::MOST {
            return Err(E::custom("more than 32 MiB of events before `messageType`"));
        }
        self.events.push(event);
        Ok(())
    }
}

/// A text that may be absent; keeps its memory.
#[derive(Default)]
pub(super) struct Text {
    text: String,
    is_set: bool,
}

impl Text {
    pub(super) fn get(&self) -> Option<&str> {
        self.is_set.then_some(self.text.as_str())
    }
}

/// The members that count, wherever they stand.
#[derive(Clone, Copy)]
enum Member {
    Message,
    Id,
    IngestionTime,
    Events,
    LogEvents,
    MessageType,
    AwsLogs,
    Data,
    /// With its spelling: the CLI's `--max-items` writes it in its own.
    NextToken(&'static str),
    Other,
}

struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Member;

    fn deserialize<D: serde::Deserializer<'de>>(self, name: D) -> Result<Member, D::Error> {
        name.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Member, E> {
        Ok(match name {
            "message" => Member::Message,
            "eventId" | "id" => Member::Id,
            "ingestionTime" => Member::IngestionTime,
            "events" => Member::Events,
            "logEvents" => Member::LogEvents,
            "messageType" => Member::MessageType,
            "awslogs" => Member::AwsLogs,
            "data" => Member::Data,
            "nextToken" => Member::NextToken("nextToken"),
            "NextToken" => Member::NextToken("NextToken"),
            _ => Member::Other,
        })
    }
}

/// Takes a number, or passes over whatever else stands in its place: a time that tells nothing is no reason to give up
/// a file.
struct Millis;

impl<'de> DeserializeSeed<'de> for Millis {
    type Value = Option<i64>;

    fn deserialize<D: serde::Deserializer<'de>>(self, time: D) -> Result<Option<i64>, D::Error> {
        time.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Millis {
    type Value = Option<i64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time")
    }

    fn visit_i64<E>(self, time: i64) -> Result<Option<i64>, E> {
        Ok(Some(time))
    }

    fn visit_u64<E>(self, time: u64) -> Result<Option<i64>, E> {
        Ok(i64::try_from(time).ok())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Option<i64>, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Option<i64>, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Option<i64>, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<i64>, E> {
        Ok(None)
    }

    fn visit_seq<Q: SeqAccess<'de>>(self, mut list: Q) -> Result<Option<i64>, Q::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Option<i64>, M::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// Takes a string into a [`Text`].
struct Into<'t>(&'t mut Text);

impl<'de> DeserializeSeed<'de> for Into<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, text: D) -> Result<(), D::Error> {
        text.deserialize_str(self)
    }
}

impl Visitor<'_> for Into<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        if mem::replace(&mut self.0.is_set, true) {
            return Err(E::custom("a member stands twice"));
        }
        self.0.text.clear();
        self.0.text.push_str(text);
        Ok(())
    }
}

/// An event, or just its message, within a list of events.
struct Item<'e, 'a, S>(&'e mut Events<'a, S>);

impl<'de, S: Sink> DeserializeSeed<'de> for Item<'_, '_, S> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, event: D) -> Result<(), D::Error> {
        self.0.event.clear();
        event.deserialize_any(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for Item<'_, '_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_str<E: serde::de::Error>(self, message: &str) -> Result<(), E> {
        Into(&mut self.0.event.message).visit_str(message)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<(), M::Error> {
        let event = &mut self.0.event;
        while let Some(member) = members.next_key_seed(Name)? {
            match member {
                Member::Message => members.next_value_seed(Into(&mut event.message))?,
                Member::Id => members.next_value_seed(Into(&mut event.id))?,
                Member::IngestionTime => event.ingested = members.next_value_seed(Millis)?,
                Member::Events
                | Member::LogEvents
                | Member::MessageType
                | Member::AwsLogs
                | Member::Data
                | Member::NextToken(_)
                | Member::Other => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// A list of events. With somewhere to hold them they go there instead of to the sink.
struct List<'e, 'a, S> {
    events: &'e mut Events<'a, S>,
    hold: Option<&'e mut Hold>,
}

impl<'de, S: Sink> DeserializeSeed<'de> for List<'_, '_, S> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, list: D) -> Result<(), D::Error> {
        list.deserialize_seq(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for List<'_, '_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_seq<Q: SeqAccess<'de>>(mut self, mut list: Q) -> Result<(), Q::Error> {
        while list.next_element_seed(Item(self.events))?.is_some() {
            match &mut self.hold {
                Some(hold) => hold.push(mem::take(&mut self.events.event))?,
                None => self.events.event_row()?,
            }
        }
        Ok(())
    }
}

/// The member `awslogs` of what Lambda is given.
struct AwsLogs<'e, 'a, S>(&'e mut Events<'a, S>);

impl<'de, S: Sink> DeserializeSeed<'de> for AwsLogs<'_, '_, S> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, wrapper: D) -> Result<(), D::Error> {
        wrapper.deserialize_map(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for AwsLogs<'_, '_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `data`")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<(), M::Error> {
        let mut data = Text::default();
        while let Some(member) = members.next_key_seed(Name)? {
            if let Member::Data = member {
                members.next_value_seed(Into(&mut data))?;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        let data = data.get().ok_or_else(|| M::Error::missing_field("data"))?;
        let result = self.0.unwrap_record(data);
        self.0.or_break(result)
    }
}

/// A document: an answer, a record, an event, or a list of those.
pub(super) struct Document<'e, 'a, S>(pub(super) &'e mut Events<'a, S>);

impl<'de, S: Sink> DeserializeSeed<'de> for Document<'_, '_, S> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, document: D) -> Result<(), D::Error> {
        document.deserialize_any(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for Document<'_, '_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list of events")
    }

    fn visit_str<E: serde::de::Error>(self, message: &str) -> Result<(), E> {
        let result = self.0.row(Some(message), None, None);
        self.0.or_break(result)
    }

    fn visit_seq<Q: SeqAccess<'de>>(self, mut list: Q) -> Result<(), Q::Error> {
        while list.next_element_seed(Document(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<(), M::Error> {
        let events = self.0;
        let mut itself = mem::take(&mut events.document);
        itself.clear();
        let mut known = false;
        // A control message holds no flow data. Until its type is known, a record's events are held.
        let mut control = None;
        let mut hold = Hold::default();
        while let Some(member) = members.next_key_seed(Name)? {
            match member {
                Member::Message => members.next_value_seed(Into(&mut itself.message))?,
                Member::Id => members.next_value_seed(Into(&mut itself.id))?,
                Member::IngestionTime => itself.ingested = members.next_value_seed(Millis)?,
                Member::Events => {
                    known = true;
                    members.next_value_seed(List { events, hold: None })?;
                }
                Member::LogEvents if control == Some(true) => {
                    members.next_value::<IgnoredAny>()?;
                }
                Member::LogEvents => {
                    known = true;
                    let hold = control.is_none().then_some(&mut hold);
                    members.next_value_seed(List { events, hold })?;
                }
                Member::MessageType => {
                    let mut kind = Text::default();
                    members.next_value_seed(Into(&mut kind))?;
                    control = Some(kind.text == "CONTROL_MESSAGE");
                }
                Member::AwsLogs => {
                    known = true;
                    members.next_value_seed(AwsLogs(events))?;
                }
                Member::NextToken(name) => {
                    let token = members.next_value::<Option<IgnoredAny>>()?;
                    events.more = token.map(|_| name);
                }
                Member::Data | Member::Other => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        events.end_document(known, control == Some(true), &itself, hold)?;
        events.document = itself;
        Ok(())
    }
}

impl<S: Sink> Events<'_, S> {
    /// Takes what could not be told before the end of an object.
    fn end_document<E: serde::de::Error>(
        &mut self,
        known: bool,
        control: bool,
        itself: &Held,
        hold: Hold,
    ) -> Result<(), E> {
        if !control {
            for event in hold.events {
                self.event = event;
                self.event_row()?;
            }
        }
        if let Some(message) = itself.message.get() {
            let result = self.row(Some(message), itself.id.get(), itself.ingested);
            return self.or_break(result);
        }
        if known || control {
            return Ok(());
        }
        let document = self.documents;
        self.or_break(Err(DecodeError::Unreadable(format!(
            "JSON document {document} is no answer of get-log-events or filter-log-events, no record of a \
             subscription and no event"
        ))))
    }
}
