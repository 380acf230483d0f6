//! THE table of what flow-log lines come wrapped in: documents whose members hold a line, or hold what holds lines.
//!
//! A new envelope is one line here, a file in `fixtures/formats` and a line in `docs/shapes.md`. What is in none of them is
//! passed over within a document that is in the table, and makes any other document unreadable.

use std::sync::LazyLock;

/// Where lines stand in one kind of document.
struct Envelope {
    /// The objects that hold one line each, from the document down: names with dots between, `[]` for each item of a list.
    /// Empty is the document itself.
    items: &'static str,
    /// Where the line stands within such an object.
    line: &'static str,
    /// How.
    role: Role,
    /// The event's id, if there is one: two events with one id are one.
    id: &'static str,
    /// When CloudWatch Logs took it in, in milliseconds since 1970, if that is told.
    ingested: &'static str,
    /// Its log stream's name, if that is told.
    stream: &'static str,
}

const fn line(items: &'static str, line: &'static str) -> Envelope {
    Envelope {
        items,
        line,
        role: Role::Line,
        id: "",
        ingested: "",
        stream: "",
    }
}

const fn packed(items: &'static str, line: &'static str) -> Envelope {
    Envelope {
        role: Role::Packed,
        ..self::line(items, line)
    }
}

impl Envelope {
    const fn event(self, id: &'static str, ingested: &'static str) -> Self {
        Self {
            id,
            ingested,
            ..self
        }
    }

    const fn of_stream(self, stream: &'static str) -> Self {
        Self { stream, ..self }
    }
}

/// Where an object holds several of these, the first in this order is the line.
static ENVELOPES: &[Envelope] = &[
    // CloudWatch Logs API reference "GetLogEvents" and "FilterLogEvents", as the AWS CLI and SDKs write them.
    line("events[]", "message")
        .event("eventId", "ingestionTime")
        .of_stream("logStreamName"),
    // AWS Tools for PowerShell: `Get-CWLLogEvent`, `Get-CWLFilteredLogEvent`, then `ConvertTo-Json`.
    line("Events[]", "Message")
        .event("EventId", "IngestionTime")
        .of_stream("LogStreamName"),
    // CloudWatch Logs User Guide "Log group-level subscription filters": records, and what Lambda is given of them.
    line("logEvents[]", "message").event("id", "ingestionTime"),
    packed("", "awslogs.data"),
    // Lambda Developer Guide "Kinesis"; Kinesis API reference "GetRecords".
    packed("Records[]", "kinesis.data"),
    packed("Records[]", "Data"),
    packed("", "kinesis.data"),
    packed("", "Data"),
    // Firehose Developer Guide: "Transform source data" (what Lambda is given, and what it gives back), "HTTP endpoint delivery
    // request".
    packed("records[]", "data"),
    // CloudWatch Logs API reference "GetQueryResults".
    Envelope {
        role: Role::Pairs,
        ..line("results[]", "@message")
    },
    // What the console exports of Logs Insights.
    Envelope {
        role: Role::InsightsLine,
        ..line("", "@message")
    },
    // Elastic Common Schema: the text as it came, kept by Filebeat, Logstash and ingest pipelines. Also as Elasticsearch gives it
    // back, and as elasticdump writes it.
    line("", "event.original"),
    line("hits.hits[]", "_source.event.original"),
    line("", "_source.event.original"),
    line("hits.hits[]", "_source.message"),
    line("", "_source.message"),
    // An event on its own: `jq '.events[]'`, Firehose's own `{"message": ...}`, Vector, Filebeat, Logstash.
    line("", "message")
        .event("eventId", "ingestionTime")
        .of_stream("logStreamName"),
    line("", "Message")
        .event("EventId", "IngestionTime")
        .of_stream("LogStreamName"),
    // Fluent Bit, Fluentd and Docker.
    line("", "log"),
    // Splunk: events for its HTTP Event Collector, and results of a search.
    line("", "event"),
    line("", "event.message"),
    line("", "result._raw"),
    line("results[]", "_raw"),
    line("", "_raw"),
    // Loki: `logcli --output jsonl`.
    line("", "line"),
    // Loki's API: lists of a time and a line.
    Envelope {
        role: Role::Nothing,
        ..line("data.result[].values[]", "")
    },
    // OpenTelemetry protocol, logs in JSON.
    line(
        "resourceLogs[].scopeLogs[].logRecords[]",
        "body.stringValue",
    ),
    // Datadog: a search's answer, and archives (which have `message`).
    line("data[]", "attributes.message"),
    line("data[]", "attributes.attributes.message"),
    // New Relic and others: a query's results.
    line("results[]", "message"),
    // Google Cloud Logging.
    line("", "textPayload"),
    // Graylog's extended log format.
    line("", "full_message"),
    line("", "short_message"),
    // journald's export as JSON.
    line("", "MESSAGE"),
];

/// Members that tell something of a whole document.
const TOLD: &[(&str, Role)] = &[
    // A control message holds no flow data.
    ("messageType", Role::MessageType),
    // There is more where this came from. The CLI's `--max-items` writes it in its own spelling.
    ("nextToken", Role::More("nextToken")),
    ("NextToken", Role::More("NextToken")),
    // Logs Insights: whether the query is done, and how many rows it found.
    ("status", Role::Status),
    ("statistics.recordsMatched", Role::Matched),
    // Firehose: what a transformation says of a record it gives back.
    ("records[].result", Role::Outcome),
];

/// What a value is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing by itself.
    Nothing,
    /// A line.
    Line,
    /// A line of a result that is cut at a number of rows.
    InsightsLine,
    /// What holds lines, in base64, gzipped or not.
    Packed,
    /// A list of fields and values, one of which is the line.
    Pairs,
    Id,
    Ingested,
    Stream,
    MessageType,
    More(&'static str),
    Status,
    Matched,
    Outcome,
}

/// A place in documents.
#[derive(Debug)]
pub(super) struct MemberPath {
    pub(super) role: Role,
    /// If it is a line: lower ones count before higher ones.
    pub(super) rank: usize,
    /// Whether an object here holds one line.
    pub(super) is_item: bool,
    /// The items of a list here.
    pub(super) element: Option<usize>,
    members: Vec<(&'static str, usize)>,
}

impl MemberPath {
    /// Returns the place of a member.
    pub(super) fn member(&self, name: &str) -> Option<usize> {
        let mut members = self.members.iter();
        members.find(|(known, _)| *known == name).map(|(_, at)| *at)
    }

    pub(super) fn has_members(&self) -> bool {
        !self.members.is_empty()
    }
}

/// All places that count, by number; 0 is the document.
static PLACES: LazyLock<Vec<MemberPath>> = LazyLock::new(places);

pub(super) const DOCUMENT: usize = 0;

/// Returns a place by its number.
pub(super) fn place(number: usize) -> &'static MemberPath {
    &PLACES[number]
}

/// Returns how early a column of a table counts as the line, if it is one by its name. Tables of what was JSON name columns by the
/// path, and some begin them with a capital.
pub(super) fn line_column(name: &str) -> Option<usize> {
    let lower = name.to_ascii_lowercase();
    let found = [name, &lower].into_iter().find_map(|name| {
        let mut steps = name.split('.');
        steps.try_fold(place(DOCUMENT), |at, step| at.member(step).map(place))
    });
    let column = found?;
    matches!(column.role, Role::Line | Role::InsightsLine).then_some(column.rank)
}

fn places() -> Vec<MemberPath> {
    let mut places = vec![empty()];
    places[DOCUMENT].is_item = true;
    for (rank, envelope) in ENVELOPES.iter().enumerate() {
        let item = walk(&mut places, DOCUMENT, envelope.items);
        places[item].is_item = true;
        if envelope.role == Role::Pairs {
            places[item].role = Role::Pairs;
            continue;
        }
        let told = [
            (envelope.line, envelope.role),
            (envelope.id, Role::Id),
            (envelope.ingested, Role::Ingested),
            (envelope.stream, Role::Stream),
        ];
        for (path, role) in told.into_iter().filter(|(path, _)| !path.is_empty()) {
            let at = walk(&mut places, item, path);
            places[at].role = role;
            places[at].rank = rank;
        }
    }
    for (path, role) in TOLD {
        let at = walk(&mut places, DOCUMENT, path);
        places[at].role = *role;
    }
    places
}

const fn empty() -> MemberPath {
    MemberPath {
        role: Role::Nothing,
        rank: 0,
        is_item: false,
        element: None,
        members: Vec::new(),
    }
}

/// Returns the place at the end of a path, making what is not there yet.
fn walk(places: &mut Vec<MemberPath>, from: usize, path: &'static str) -> usize {
    let mut at = from;
    for step in path.split('.').filter(|step| !step.is_empty()) {
        let (name, is_list) = step
            .strip_suffix("[]")
            .map_or((step, false), |name| (name, true));
        at = places[at].member(name).unwrap_or_else(|| {
            places.push(empty());
            let new = places.len() - 1;
            places[at].members.push((name, new));
            new
        });
        if is_list {
            at = places[at].element.unwrap_or_else(|| {
                places.push(empty());
                let new = places.len() - 1;
                places[at].element = Some(new);
                new
            });
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_places() {
        let document = place(DOCUMENT);
        let events = place(document.member("events").unwrap());
        let event = place(events.element.unwrap());
        assert!(event.is_item && event.has_members() && document.is_item);
        let roles = ["message", "eventId", "ingestionTime"]
            .map(|name| place(event.member(name).unwrap()).role);
        assert_eq!(roles, [Role::Line, Role::Id, Role::Ingested]);
        assert_eq!(event.member("timestamp"), None);
        assert!(line_column("event") > line_column("message"));
        assert!(line_column("event.original") < line_column("Line"));
        assert_eq!(["events", "event.x", ""].map(line_column), [None; 3]);
    }
}
