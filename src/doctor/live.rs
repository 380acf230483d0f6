//! What is judged alike of both services: who calls, where, and by which clock.

use std::time::Duration;

use humantime::format_duration;

use super::{Permission, Probe, ProbeStatus, SideDiagnosis};
use crate::model::Side;
use crate::source::examine::{CallAnswer, CallTrouble, CallerIdentity, Live, TroubleKind};
use crate::source::is_wrong_clock;

/// Judges who calls, where and by which clock.
pub(super) fn judge(chart: &mut SideDiagnosis<'_>, live: &Live, found_in: Option<&str>) {
    let caller = identity(chart.side, &live.caller);
    chart.probes.push(caller);
    region(chart, live.region.as_deref(), found_in);
    if let Some(endpoint) = &live.endpoint {
        chart.ok("endpoint", endpoint.as_str());
    }
    if let Some(ahead) = live.clock_ahead {
        clock(chart, ahead);
    }
}

/// Judges who calls.
pub(super) fn identity(side: Side, caller: &CallAnswer<CallerIdentity>) -> Probe {
    let (status, found, advice) = match caller {
        Ok(caller) => (ProbeStatus::Ok, caller.arn.as_str(), None),
        // Only this command asks STS for it.
        Err(trouble) if trouble.why == TroubleKind::Unreachable => (
            ProbeStatus::Warning,
            trouble.text.as_str(),
            Some("a check can do without: STS is asked only for who calls".to_owned()),
        ),
        Err(trouble) => (
            ProbeStatus::Failed,
            trouble.text.as_str(),
            trouble.advice.clone(),
        ),
    };
    Probe {
        side: Some(side),
        probe: "identity",
        status,
        found: found.to_owned(),
        advice,
        permission: None,
    }
}

fn region(chart: &mut SideDiagnosis<'_>, configured: Option<&str>, found_in: Option<&str>) {
    match (configured, found_in) {
        (Some(configured), Some(found)) if configured != found => chart.ok(
            "region",
            format!("{found}, where the bucket is; {configured} is configured"),
        ),
        (Some(region), _) | (None, Some(region)) => chart.ok("region", region),
        (None, None) => {
            let advice = format!("give `--{}-region`, or set `AWS_REGION`", chart.side);
            chart.fail("region", "none is known", advice);
        }
    }
}

fn clock(chart: &mut SideDiagnosis<'_>, ahead: i64) {
    let by = format_duration(Duration::from_secs(ahead.unsigned_abs()));
    if !is_wrong_clock(ahead) {
        return chart.ok("clock", "this machine's agrees with the service's");
    }
    let direction = if ahead > 0 { "ahead of" } else { "behind" };
    chart.warn(
        "clock",
        format!("this machine's is {by} {direction} the service's"),
        "set it: the default window, and times given as an age, go by it",
    );
}

/// Adds a permission that was lacking, or whose call failed in another way.
pub(super) fn refused(
    chart: &mut SideDiagnosis<'_>,
    permission: &Permission,
    trouble: &CallTrouble,
) {
    let Permission { action, resource } = permission;
    let advice = match trouble.why {
        TroubleKind::Denied => Some(format!("allow `{action}` on `{resource}`")),
        TroubleKind::Credentials
        | TroubleKind::Missing
        | TroubleKind::Unreachable
        | TroubleKind::Other => trouble.advice.clone(),
    };
    chart.permission(
        permission,
        ProbeStatus::Failed,
        trouble.text.as_str(),
        advice,
    );
}

/// Adds a permission that could not be tried.
pub(super) fn untried(chart: &mut SideDiagnosis<'_>, permission: &Permission, why: &str) {
    let Permission { action, resource } = permission;
    chart.permission(
        permission,
        ProbeStatus::Warning,
        format!("not tried: {why}"),
        Some(format!("a check needs `{action}` on `{resource}`")),
    );
}
