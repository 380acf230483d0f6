//! What is found of a log group, judged.

use itertools::Itertools;

use super::live::{self, refused, untried};
use super::{Other, Permission, ProbeStatus, SideDiagnosis, form};
use crate::model::window::rfc3339;
use crate::model::words::count;
use crate::source::examine::{
    CallAnswer, GroupFacts, GroupSettings, Live, NewestEvent, Streams, TroubleKind, partition,
};
use crate::source::key::stream_interface;

const GROUPS: &str = "logs:DescribeLogGroups";
const STREAMS: &str = "logs:DescribeLogStreams";
const EVENTS: &str = "logs:GetLogEvents";
const TOGETHER: &str = "logs:FilterLogEvents";
const UNMASK: &str = "logs:Unmask";

const DAY: i64 = 24 * 60 * 60;

/// How many names are given as examples.
const NAMED: usize = 3;

/// Judges a log group.
pub(super) fn judge(chart: &mut SideDiagnosis<'_>, at: &Live, group: &GroupFacts, other: &Other) {
    live::judge(chart, at, None);
    let may = |action, resource: &str| Permission {
        action,
        resource: resource.to_owned(),
    };
    let arn = arn(at, group);
    let (groups, streams) = (may(GROUPS, "*"), may(STREAMS, &arn));
    let (events, together) = (may(EVENTS, &arn), may(TOGETHER, &arn));
    let Some(settings) = &group.settings else {
        let why = match at.region {
            None => "no region is known",
            Some(_) => "there are no usable credentials",
        };
        untried(chart, &streams, why);
        untried(chart, &events, why);
        return untried(chart, &together, why);
    };
    match settings {
        Ok(found) => {
            chart.permission(&groups, ProbeStatus::Ok, "allowed", None);
            match found {
                Some(found) => set_up(chart, found),
                None => no_group(chart, at, group, other),
            }
        }
        Err(trouble) if trouble.why == TroubleKind::Denied => chart.permission(
            &groups,
            ProbeStatus::Warning,
            trouble.text.as_str(),
            Some(format!(
                "a check does without, but does not know the group's class and retention; allow `{GROUPS}` on `*`"
            )),
        ),
        Err(trouble) => refused(chart, &groups, trouble),
    }
    match &group.streams {
        None => untried(chart, &streams, "the group is not there"),
        Some(Err(trouble)) if trouble.why == TroubleKind::Missing && is_missing(settings) => {
            untried(chart, &streams, "the group is not there");
        }
        Some(Err(trouble)) => refused(chart, &streams, trouble),
        Some(Ok(found)) => {
            chart.permission(&streams, ProbeStatus::Ok, format!("allowed on {arn}"), None);
            listed(chart, found);
        }
    }
    match &group.event {
        None => {
            let why = "no stream to read is known, and an empty group proves nothing";
            untried(chart, &events, why);
            untried(chart, &together, why);
        }
        Some((stream, answer)) => event(chart, &events, stream, answer, other),
    }
    match &group.together {
        None => {}
        Some(Ok(())) => chart.permission(&together, ProbeStatus::Ok, "allowed", None),
        Some(Err(trouble)) if trouble.why == TroubleKind::Denied => chart.permission(
            &together,
            ProbeStatus::Warning,
            trouble.text.as_str(),
            Some(format!(
                "a check does without, but then takes two calls or more for each stream, however little it holds; allow \
                 `{TOGETHER}` on `{arn}`"
            )),
        ),
        Some(Err(trouble)) => refused(chart, &together, trouble),
    }
    if chart.options.unmask {
        let unmask = may(UNMASK, &arn);
        match &group.unmasked {
            None => untried(chart, &unmask, "no stream to read is known"),
            Some(Ok(())) => chart.permission(&unmask, ProbeStatus::Ok, "allowed", None),
            Some(Err(trouble)) => refused(chart, &unmask, trouble),
        }
    }
}

fn is_missing(settings: &CallAnswer<Option<GroupSettings>>) -> bool {
    matches!(settings, Ok(None))
}

/// Returns the group's ARN as policies have it, with `*` for what is not known.
fn arn(at: &Live, group: &GroupFacts) -> String {
    let known = match &group.settings {
        Some(Ok(Some(settings))) => settings.arn.as_ref(),
        _ => None,
    };
    if let Some(arn) = group.arn.as_ref().or(known) {
        return format!("{arn}:*");
    }
    let region = at.region.as_deref().unwrap_or("*");
    let account = at.caller.as_ref().map_or("*", |caller| &caller.account);
    let name = &group.name;
    format!(
        "arn:{}:logs:{region}:{account}:log-group:{name}:*",
        partition(region)
    )
}

fn no_group(chart: &mut SideDiagnosis<'_>, at: &Live, group: &GroupFacts, other: &Other) {
    let region = at.region.as_deref().unwrap_or("the region");
    let account = at.caller.as_ref().map_or_else(
        |_| String::new(),
        |caller| format!(" of account {}", caller.account),
    );
    let found = format!(
        "there is no log group `{}` in {region}{account}",
        group.name
    );
    let elsewhere = other.regions.iter().filter(|other| *other != region);
    let elsewhere = elsewhere
        .map(|other| format!("`--cwl-region {other}`"))
        .join(" or ");
    let advice = if !elsewhere.is_empty() {
        format!(
            "the objects on the other side are of another region, and a log group is in its flow log's: {elsewhere}"
        )
    } else if group.similar.is_empty() {
        format!(
            "check the group's name, the region (`--{0}-region`) and the account (`--{0}-profile`)",
            chart.side
        )
    } else {
        let names = group.similar.iter().take(NAMED);
        format!(
            "there is {}",
            names.map(|name| format!("`{name}`")).join(", ")
        )
    };
    chart.fail("log-group", found, advice);
}

fn set_up(chart: &mut SideDiagnosis<'_>, settings: &GroupSettings) {
    let window = chart.check.window;
    match settings.created {
        Some(created) if window.start.is_some_and(|start| created > start) => chart.warn(
            "log-group",
            format!("made at {}, after the window begins", rfc3339(created)),
            "records from before are on the other side only: begin later (--since)",
        ),
        Some(created) => chart.ok("log-group", format!("made at {}", rfc3339(created))),
        None => chart.ok("log-group", "there"),
    }
    match settings.class.as_deref() {
        Some("STANDARD") => chart.ok("log-class", "STANDARD"),
        None => chart.ok("log-class", "the service does not tell"),
        Some(class) => chart.fail(
            "log-class",
            format!("{class}: its events cannot be read"),
            "export it with an export task and give the export's `s3://bucket/prefix` instead",
        ),
    }
    retention(chart, settings.retention);
    match &settings.key {
        Some(key) => chart.ok(
            "encryption",
            format!("with key {key}: the service decrypts, a reader needs no permission"),
        ),
        None => chart.ok("encryption", "the service's own"),
    }
}

fn retention(chart: &mut SideDiagnosis<'_>, days: Option<i32>) {
    let Some(days) = days else {
        return chart.ok("retention", "for ever");
    };
    let (window, now) = (chart.check.window, chart.check.settle.now);
    let kept_since = now.saturating_sub(i64::from(days) * DAY);
    let kept = count(u64::from(days.unsigned_abs()), "day");
    if window.start.is_none_or(|start| start < kept_since) {
        chart.warn(
            "retention",
            format!(
                "{kept}: what is from before {} has expired, and the window begins earlier",
                rfc3339(kept_since)
            ),
            "expired records look missing here: begin later (--since)",
        );
    } else {
        chart.ok("retention", kept);
    }
}

fn listed(chart: &mut SideDiagnosis<'_>, streams: &Streams) {
    let all = streams.listed.len();
    if let Some(lacking) = streams
        .lacking
        .iter()
        .map(|id| format!("`{id}`"))
        .reduce(|a, b| a + ", " + &b)
    {
        chart.warn(
            "streams",
            format!("there is none of {lacking}"),
            "check --interface; records without a stream look missing here",
        );
    }
    if all == 0 {
        if streams.lacking.is_empty() {
            chart.warn(
                "streams",
                "there are none",
                "nothing has been delivered yet, or to another group (the flow log's status: --flow-logs)",
            );
        }
        return;
    }
    let others = streams.listed.iter().map(|(name, _)| name);
    let others = others
        .filter(|name| stream_interface(name).is_none())
        .collect_vec();
    let or_more = if streams.more { " or more" } else { "" };
    let found = format!("{}{or_more}", count(all as u64, "log stream"));
    let examples = others
        .iter()
        .take(NAMED)
        .map(|name| format!("`{name}`"))
        .join(", ");
    if others.is_empty() || chart.options.all_streams {
        chart.ok("streams", found);
    } else if streams.none_is_named() {
        chart.ok(
            "streams",
            format!("{found}, none named after an interface, so all are read: {examples}"),
        );
    } else if others.len() == all {
        chart.warn(
            "streams",
            format!("{found}, none named after an interface: {examples}"),
            "if they are the flow log's, have all streams read with --all-streams",
        );
    } else {
        chart.ok(
            "streams",
            format!("{found}; not read, for their names begin with no interface: {examples}"),
        );
    }
    let written = streams.listed.iter().filter_map(|(_, last)| *last).max();
    let window = chart.check.window;
    if let (Some(last), Some(start)) = (written, window.start)
        && last < start
    {
        chart.warn(
            "newest-event",
            format!("no stream is known to have been written to since {}, before the window", rfc3339(last)),
            "the flow log has not delivered since (its status: --flow-logs), or --since is too late",
        );
    }
}

fn event(
    chart: &mut SideDiagnosis<'_>,
    permission: &Permission,
    stream: &str,
    answer: &CallAnswer<Option<NewestEvent>>,
    other: &Other,
) {
    match answer {
        Err(trouble) => refused(chart, permission, trouble),
        Ok(None) => {
            let found = format!("allowed, but the page that was read of `{stream}` has no event");
            chart.permission(permission, ProbeStatus::Ok, found, None);
        }
        Ok(Some(newest)) => {
            let found = format!("allowed: the newest event of `{stream}` was read");
            chart.permission(permission, ProbeStatus::Ok, found, None);
            let time = rfc3339(newest.time);
            if !chart
                .probes
                .iter()
                .any(|probe| probe.probe == "newest-event")
            {
                chart.ok("newest-event", format!("of {time}, in `{stream}`"));
            }
            form::judge_event(chart, newest, other.layout.as_ref());
        }
    }
}
