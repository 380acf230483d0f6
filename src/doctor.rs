//! Doctor: whether a check could run and be believed, told beforehand by the smallest calls there are.
//!
//! [`crate::source::examine`] finds the facts; here they are judged, each as ok, a warning, or failed, with what to do
//! about it and, of a permission, its IAM action and the resource it is lacking on. Pure but for the asking.

mod bucket;
mod facts;
mod files;
mod form;
mod group;
mod live;
mod text;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::causes::mismatches;
use crate::check::Check;
use crate::model::window::{Window, rfc3339};
use crate::model::{Error, Side, Sides};
use crate::record::Layout;
use crate::render::{reason, values};
use crate::source::examine::{self, Examined};
use crate::source::flow_logs::FlowLog;
use crate::source::{Address, Ask, SourceOptions};

pub use facts::{Facts, NewestObject};
pub use text::text;

/// The name of the JSON format.
const SCHEMA: &str = "flowdiff.doctor/1";

/// What asking for flow logs takes.
const DESCRIBE_FLOW_LOGS: &str = "ec2:DescribeFlowLogs";

/// How a probe came out; the worst decides about all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeStatus {
    /// As it should be.
    #[default]
    Ok,
    /// A check can run, but it may come out wrong or incomplete, or this could not be found out.
    Warning,
    /// A check cannot run, or cannot read what it has to.
    Failed,
}

impl ProbeStatus {
    /// Returns the word for it: `ok`, `warning`, `failed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }

    /// Returns the exit code: 0, 1, 2.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Failed => 2,
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Probe {
    /// Whose it is; `None` is of both sides.
    pub side: Option<Side>,
    /// What was looked at: the IAM action of a permission, or a word such as `identity`, `retention`, `newest-object`.
    pub probe: &'static str,
    /// How it came out.
    pub status: ProbeStatus,
    /// What was found, as a sentence.
    pub found: String,
    /// What to do about it.
    pub advice: Option<String>,
    /// The permission that was tried.
    pub permission: Option<Permission>,
}

/// A permission, as an IAM policy has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Permission {
    /// The action.
    pub action: &'static str,
    /// The resource: an ARN, perhaps with `*` in it.
    pub resource: String,
}

/// Everything that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnosis {
    schema: &'static str,
    /// The worst of all probes.
    pub status: ProbeStatus,
    /// What flowdiff exits with.
    pub exit_code: u8,
    window: Option<ProbeTimes>,
    /// What is known of each side.
    pub sides: Sides<Facts>,
    /// What was looked at: first the flow logs, then side by side.
    pub probes: Vec<Probe>,
    /// What else the user should know.
    pub notes: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
struct ProbeTimes {
    start: Option<String>,
    end: Option<String>,
}

/// The probes of a side.
struct SideDiagnosis<'a> {
    side: Side,
    check: &'a Check,
    options: &'a SourceOptions,
    probes: Vec<Probe>,
}

impl SideDiagnosis<'_> {
    fn add(
        &mut self,
        probe: &'static str,
        status: ProbeStatus,
        found: impl Into<String>,
    ) -> &mut Probe {
        self.probes.push(Probe {
            side: Some(self.side),
            probe,
            status,
            found: found.into(),
            advice: None,
            permission: None,
        });
        let last = self.probes.len() - 1;
        &mut self.probes[last]
    }

    fn ok(&mut self, probe: &'static str, found: impl Into<String>) {
        self.add(probe, ProbeStatus::Ok, found);
    }

    fn warn(&mut self, probe: &'static str, found: impl Into<String>, advice: impl Into<String>) {
        self.add(probe, ProbeStatus::Warning, found).advice = Some(advice.into());
    }

    fn fail(&mut self, probe: &'static str, found: impl Into<String>, advice: impl Into<String>) {
        self.add(probe, ProbeStatus::Failed, found).advice = Some(advice.into());
    }

    /// Adds a permission that was tried, or could not be.
    fn permission(
        &mut self,
        permission: &Permission,
        status: ProbeStatus,
        found: impl Into<String>,
        advice: Option<String>,
    ) {
        let probe = self.add(permission.action, status, found);
        probe.advice = advice;
        probe.permission = Some(permission.clone());
    }
}

/// Examines both sides and judges what is found.
pub async fn diagnose(check: &Check, sources: &Sides<(Address, SourceOptions)>) -> Diagnosis {
    let ask = Ask {
        window: check.window,
        interfaces: check.interfaces.clone(),
        ..Ask::default()
    };
    let examined = |side: Side| {
        let (address, options) = &sources[side];
        examine::examine(address, options, &ask)
    };
    let (s3, cwl) = tokio::join!(examined(Side::S3), examined(Side::Cwl));
    let examined = Sides { s3, cwl };
    let logs = check.flow_logs.as_deref();
    let mut probes = logs.map_or_else(Vec::new, |logs| flow_logs(logs, &check.window));
    let charts = Sides::from_fn(|side| {
        let (_, options) = &sources[side];
        let other = Other::of(&examined[side.other()], check, side.other());
        judge(chart(check, options), &examined[side], &other)
    });
    let Sides { s3, cwl } = charts;
    probes.extend(s3.probes);
    probes.extend(cwl.probes);
    let sides = Sides::from_fn(|side| Facts::of(&sources[side].0, &examined[side]));
    let mut notes = Vec::new();
    if logs.is_none() && Side::BOTH.iter().any(|&side| sources[side].0.is_live()) {
        notes.push(
            "the configurations of the flow logs were not compared: name the flow logs with --flow-logs, or what they \
             watch with --resource"
                .to_owned(),
        );
    }
    Diagnosis::new(Some(&check.window), sides, probes, notes)
}

/// Says what is known if the flow logs that stand for the sources cannot be had.
pub async fn without_sources(options: &Sides<SourceOptions>, error: &Error) -> Diagnosis {
    let (s3, cwl) = tokio::join!(
        examine::identity(&options.s3),
        examine::identity(&options.cwl)
    );
    let callers = Sides { s3, cwl };
    let asked = match error {
        Error::Source { .. } => Some(Permission {
            action: DESCRIBE_FLOW_LOGS,
            resource: "*".to_owned(),
        }),
        Error::Usage(_)
        | Error::Several { .. }
        | Error::Output { .. }
        | Error::Temporary(_)
        | Error::State { .. }
        | Error::Archive { .. }
        | Error::Deadline { .. }
        | Error::Incomparable(_) => None,
    };
    let mut probes = vec![Probe {
        side: None,
        probe: asked.as_ref().map_or("flow-logs", |asked| asked.action),
        status: ProbeStatus::Failed,
        found: error.to_string(),
        advice: error.hint().map(str::to_owned),
        permission: asked,
    }];
    probes.extend(Side::BOTH.map(|side| live::identity(side, &callers[side])));
    let facts = callers.as_ref().map(Facts::of_caller);
    let notes = vec![
        "nothing else was looked at, because the flow logs tell where: name the two sources to have them looked at"
            .to_owned(),
    ];
    Diagnosis::new(None, facts, probes, notes)
}

impl Diagnosis {
    fn new(
        window: Option<&Window>,
        sides: Sides<Facts>,
        probes: Vec<Probe>,
        notes: Vec<String>,
    ) -> Self {
        let status = probes.iter().map(|probe| probe.status).max();
        let status = status.unwrap_or_default();
        Self {
            schema: SCHEMA,
            status,
            exit_code: status.exit_code(),
            window: window.map(|window| ProbeTimes {
                start: window.start.map(rfc3339),
                end: window.end.map(rfc3339),
            }),
            sides,
            probes,
            notes,
        }
    }

    /// Changes every text in it.
    #[must_use]
    pub fn map_texts(mut self, change: &dyn Fn(&str) -> String) -> Self {
        for side in Side::BOTH {
            self.sides[side].map_texts(change);
        }
        for probe in &mut self.probes {
            probe.found = change(&probe.found);
            probe.advice = probe.advice.as_deref().map(change);
            if let Some(permission) = &mut probe.permission {
                permission.resource = change(&permission.resource);
            }
        }
        self.notes = self.notes.iter().map(|note| change(note)).collect();
        self
    }
}

fn chart<'a>(check: &'a Check, options: &'a SourceOptions) -> SideDiagnosis<'a> {
    SideDiagnosis {
        side: options.side,
        check,
        options,
        probes: Vec::new(),
    }
}

/// What the opposite side tells about this one.
#[derive(Debug, Default)]
struct Other {
    /// The regions of the flow logs whose objects are there.
    regions: BTreeSet<String>,
    /// The columns of its text, if their header was read.
    layout: Option<Layout>,
}

impl Other {
    fn of(examined: &Examined, check: &Check, side: Side) -> Self {
        match examined {
            Examined::Bucket(_, bucket) => Self {
                regions: match &bucket.places {
                    Some(Ok(places)) => places.regions.clone(),
                    _ => BTreeSet::new(),
                },
                layout: match &bucket.object {
                    Some((_, Ok(object))) => {
                        form::of_object(&object.head, &check.formats[side]).header
                    }
                    _ => None,
                },
            },
            Examined::Files(Ok(places)) => Self {
                regions: places.regions.clone(),
                layout: None,
            },
            Examined::Group(..) | Examined::Files(Err(_)) | Examined::Once => Self::default(),
        }
    }
}

fn judge<'a>(
    mut chart: SideDiagnosis<'a>,
    examined: &Examined,
    other: &Other,
) -> SideDiagnosis<'a> {
    match examined {
        Examined::Bucket(at, bucket) => bucket::judge(&mut chart, at, bucket),
        Examined::Group(at, group) => group::judge(&mut chart, at, group, other),
        Examined::Files(places) => files::judge(&mut chart, places),
        Examined::Once => chart.ok("source", "can be read only once, and so was not looked at"),
    }
    chart
}

/// Judges the flow logs' configurations.
fn flow_logs(logs: &Sides<FlowLog>, window: &Window) -> Vec<Probe> {
    let row = |side, probe, status, found| Probe {
        side,
        probe,
        status,
        found,
        advice: None,
        permission: None,
    };
    let summaries = format!("{}; {}", logs.s3.summary(), logs.cwl.summary());
    let mut probes = vec![Probe {
        permission: Some(Permission {
            action: DESCRIBE_FLOW_LOGS,
            resource: "*".to_owned(),
        }),
        ..row(None, DESCRIBE_FLOW_LOGS, ProbeStatus::Ok, summaries)
    }];
    let mismatches = mismatches(logs, window);
    if mismatches.is_empty() {
        let alike = "nothing about the two flow logs is likely to make their records differ";
        probes.push(row(
            None,
            "configuration",
            ProbeStatus::Ok,
            alike.to_owned(),
        ));
    }
    probes.extend(mismatches.iter().map(|it| {
        let values = values(it).map_or_else(String::new, |values| {
            format!(": {} (s3), {} (cwl)", values.s3, values.cwl)
        });
        let found = format!("{}{values}", it.setting());
        Probe {
            advice: Some(reason(it)),
            ..row(it.side(), "configuration", ProbeStatus::Warning, found)
        }
    }));
    probes
}
