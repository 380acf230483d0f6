//! Records as they were made up: every field's value, known before anything is written in any form.

use crate::record::FieldName;
use crate::record::field::{FIELDS, ValueForm};

use super::random::Random;

/// A record: what each field of a situation holds, absent as `None`, in canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlantedRecord {
    /// In the order of [`Fields`].
    pub values: Vec<Option<String>>,
    /// The interface whose stream it belongs to, also where no field says so.
    pub interface: String,
    pub start: i64,
    pub end: i64,
}

/// All fields that either side's flow log has.
#[derive(Clone, Debug)]
pub(super) struct Fields(pub Vec<FieldName>);

impl Fields {
    pub(super) fn at(&self, name: &FieldName) -> usize {
        let at = self.0.iter().position(|field| field == name);
        at.expect("a field of the situation")
    }

    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|field| field.as_str() == name)
    }
}

/// What there is to see in an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IntervalSeen {
    Traffic,
    NoData,
    SkipData,
}

/// Makes a record up. Few values each, so that flows meet, copies occur by themselves and pairs must be told apart.
pub(super) fn make_up(
    random: &mut Random,
    fields: &Fields,
    interface: &str,
    (start, end): (i64, i64),
    seen: IntervalSeen,
) -> PlantedRecord {
    let value = |name: &FieldName, random: &mut Random| {
        let is_traffic = FIELDS
            .iter()
            .any(|field| field.name == name.as_str() && field.traffic);
        if is_traffic && seen != IntervalSeen::Traffic {
            return None;
        }
        match name.as_str() {
            "interface-id" => Some(interface.to_owned()),
            "start" => Some(start.to_string()),
            "end" => Some(end.to_string()),
            "log-status" => Some(
                match seen {
                    IntervalSeen::Traffic => "OK",
                    IntervalSeen::NoData => "NODATA",
                    IntervalSeen::SkipData => "SKIPDATA",
                }
                .to_owned(),
            ),
            _ => plain_value(name, random),
        }
    };
    PlantedRecord {
        values: fields.0.iter().map(|name| value(name, random)).collect(),
        interface: interface.to_owned(),
        start,
        end,
    }
}

fn plain_value(name: &FieldName, random: &mut Random) -> Option<String> {
    let among = |texts: &[&str], random: &mut Random| Some((*random.pick(texts)).to_owned());
    match name.as_str() {
        "version" => Some("5".to_owned()),
        "account-id" => Some("123456789010".to_owned()),
        "resource-type" => Some("TransitGateway".to_owned()),
        "protocol" => among(&["6", "6", "17", "1"], random),
        "srcport" | "dstport" => among(&["443", "0", "49152"], random),
        "action" => among(&["ACCEPT", "ACCEPT", "REJECT"], random),
        "packets" => Some((1 + random.below(3)).to_string()),
        "bytes" => Some((84 * (1 + random.below(4))).to_string()),
        text => match kind_of(name) {
            ValueForm::Address => among(
                &["10.0.0.5", "10.0.1.9", "2001:db8::5:0:9", "fd00::1"],
                random,
            ),
            ValueForm::TrafficPath => among(&["1", "8"], random).filter(|_| random.percent(70)),
            ValueForm::Integer | ValueForm::Time => {
                Some(random.below(4).to_string()).filter(|_| random.percent(85))
            }
            // AWS percent-encodes white space in the values of tags.
            ValueForm::Text if text.ends_with("-tag") => among(&["team%20a", "prod"], random),
            ValueForm::Text => {
                let value = format!("{}-0{}", text.to_uppercase(), random.below(2));
                Some(value).filter(|_| random.percent(80))
            }
        },
    }
}

fn kind_of(name: &FieldName) -> ValueForm {
    let field = FIELDS.iter().find(|field| field.name == name.as_str());
    field.map_or(ValueForm::Text, |field| field.kind)
}

/// Returns the record with another value in a field that may have one, as a writer's bug would leave it; `None` if none
/// may. The flow it belongs to stays the same, most often.
pub(super) fn changed(
    record: &PlantedRecord,
    fields: &Fields,
    random: &mut Random,
) -> Option<PlantedRecord> {
    let may_change = |&at: &usize| {
        let name = fields.0[at].as_str();
        record.values[at].is_some()
            && !matches!(
                name,
                "interface-id"
                    | "start"
                    | "end"
                    | "log-status"
                    | "version"
                    | "account-id"
                    | "resource-type"
            )
    };
    let columns: Vec<usize> = (0..fields.0.len()).filter(may_change).collect();
    if columns.is_empty() {
        return None;
    }
    let at = *random.pick(&columns);
    let mut other = record.clone();
    let value = other.values[at].take().unwrap_or_default();
    other.values[at] = Some(match kind_of(&fields.0[at]) {
        ValueForm::Address => "192.0.2.77".to_owned(),
        ValueForm::TrafficPath => "5".to_owned(),
        ValueForm::Integer | ValueForm::Time => format!("7{value}"),
        ValueForm::Text => format!("{value}X"),
    });
    Some(other)
}
