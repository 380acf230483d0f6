//! Flow logs joined into pairs. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::{Pair, PairSide, Settings, Unlike};
use crate::causes::{ConfigMismatch, mismatches};
use crate::model::window::Window;
use crate::model::{Side, Sides};
use crate::render::{reason, values};
use crate::source::flow_logs::FlowLog;

/// A flow log, and the profile it was found with.
type FoundLog = (Option<String>, FlowLog);

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The pairs, by name.
    pub pairs: Vec<Pair>,
    /// Flow logs to S3 or CloudWatch Logs whose resource has none to the other, by id.
    pub alone: Vec<FlowLog>,
    /// Flow logs that deliver elsewhere.
    pub elsewhere: usize,
}

/// Joins flow logs, each with the profile it was found with, into pairs: of each resource the two that are most alike first,
/// and each flow log in one pair. `now`, in Unix seconds, tells which of them are too young to be alike.
pub fn join(found: Vec<FoundLog>, now: i64) -> Found {
    let mut by_resource: BTreeMap<String, Sides<Vec<FoundLog>>> = BTreeMap::new();
    let (mut seen, mut elsewhere) = (BTreeSet::new(), 0);
    for (profile, log) in found {
        let Some(side) = log.side() else {
            elsewhere += 1;
            continue;
        };
        // Two profiles of one account see the same ones.
        if seen.insert(log.id.clone()) {
            let sides = by_resource.entry(log.resource.clone()).or_default();
            sides[side].push((profile, log));
        }
    }
    let mut joined = Found {
        elsewhere,
        ..Found::default()
    };
    for (resource, mut sides) in by_resource {
        let several = sides.s3.len() > 1 && sides.cwl.len() > 1;
        while let Some((s3, cwl)) = most_alike(&sides, now) {
            let logs = Sides {
                s3: sides.s3.remove(s3),
                cwl: sides.cwl.remove(cwl),
            };
            let name = match several {
                true => format!("{resource}-{}-{}", logs.s3.1.id, logs.cwl.1.id),
                false => resource.clone(),
            };
            joined.pairs.extend(pair(name, logs, now));
        }
        let left = sides.s3.into_iter().chain(sides.cwl);
        joined.alone.extend(left.map(|(_, log)| log));
    }
    joined.pairs.sort_by(|a, b| a.name.cmp(&b.name));
    joined.alone.sort_by(|a, b| a.id.cmp(&b.id));
    joined
}

/// Returns which two have the fewest differences; of equals, those with the first ids.
fn most_alike(sides: &Sides<Vec<FoundLog>>, now: i64) -> Option<(usize, usize)> {
    let all = sides.s3.iter().enumerate();
    let all = all.flat_map(|s3| sides.cwl.iter().enumerate().map(move |cwl| (s3, cwl)));
    all.min_by_key(|((_, (_, s3)), (_, (_, cwl)))| {
        let logs = Sides {
            s3: s3.clone(),
            cwl: cwl.clone(),
        };
        (unlike(&logs, now).len(), s3.id.clone(), cwl.id.clone())
    })
    .map(|((s3, _), (cwl, _))| (s3, cwl))
}

fn unlike(logs: &Sides<FlowLog>, now: i64) -> Vec<ConfigMismatch> {
    mismatches(logs, &Window::new(now, now))
}

/// `None` if an address cannot be made, which no flow log of these sides can do.
fn pair(name: String, logs: Sides<FoundLog>, now: i64) -> Option<Pair> {
    let side = |side: Side| {
        let (profile, log) = &logs[side];
        Some(PairSide {
            address: log.address().ok()?,
            account: log.account.clone(),
            region: Some(log.region.clone()),
            profile: profile.clone(),
            role_arn: None,
            external_id: None,
            format: Some(log.format.clone()).filter(|format| !format.is_empty()),
            flow_log: Some(Settings::from(log)),
        })
    };
    let (s3, cwl) = (side(Side::S3)?, side(Side::Cwl)?);
    let logs = logs.map(|(_, log)| log);
    let unlike = unlike(&logs, now).into_iter().map(|mismatch| {
        let values = values(&mismatch);
        Unlike {
            setting: mismatch.setting().to_owned(),
            side: mismatch.side(),
            s3: values.as_ref().map(|values| values.s3.clone()),
            cwl: values.map(|values| values.cwl),
            reason: reason(&mismatch),
        }
    });
    Some(Pair {
        unlike: unlike.collect(),
        name,
        s3,
        cwl,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::flow_logs::sample::{bucket, group};

    const NOW: i64 = 100_000;

    fn of(resource: &str, log: FlowLog) -> FoundLog {
        let resource = resource.to_owned();
        (Some("prod".to_owned()), FlowLog { resource, ..log })
    }

    fn names(found: &Found) -> Vec<&str> {
        found.pairs.iter().map(|pair| &*pair.name).collect()
    }

    #[test]
    fn a_resource_with_one_to_each_is_a_pair() {
        let found = join(
            vec![
                of("vpc-b", group("fl-4")),
                of("vpc-b", bucket("fl-3")),
                of("vpc-a", bucket("fl-1")),
                of("vpc-c", group("fl-5")),
                of("vpc-b", bucket("fl-3")),
            ],
            NOW,
        );
        assert_eq!(names(&found), ["vpc-b"]);
        let [pair] = &found.pairs[..] else {
            panic!("{found:?}")
        };
        assert_eq!(
            (pair.s3.profile.as_deref(), &pair.unlike[..]),
            (Some("prod"), &[][..])
        );
        assert_eq!(pair.cwl.address, "cwl:///flow");
        let alone: Vec<_> = found.alone.iter().map(|log| &*log.id).collect();
        assert_eq!(alone, ["fl-1", "fl-5"]);
        let logs = pair.flow_logs().unwrap();
        assert_eq!((&*logs.s3.id, logs.s3.created), ("fl-3", Some(1000)));
    }

    #[test]
    fn of_several_those_alike_go_together() {
        let mut rejected = group("fl-3");
        rejected.traffic_type = "REJECT".into();
        let mut other = bucket("fl-2");
        other.traffic_type = "REJECT".into();
        let found = join(
            vec![
                of("vpc-a", bucket("fl-1")),
                of("vpc-a", other),
                of("vpc-a", rejected.clone()),
                of("vpc-a", group("fl-4")),
            ],
            NOW,
        );
        assert_eq!(names(&found), ["vpc-a-fl-1-fl-4", "vpc-a-fl-2-fl-3"]);
        assert!(found.pairs.iter().all(|pair| pair.unlike.is_empty()));
        let found = join(
            vec![of("vpc-a", bucket("fl-1")), of("vpc-a", rejected)],
            NOW,
        );
        let [pair] = &found.pairs[..] else {
            panic!("{found:?}")
        };
        let told = &pair.unlike[0];
        assert_eq!(
            (&*told.setting, told.s3.as_deref(), told.cwl.as_deref()),
            ("traffic-type", Some("ALL"), Some("REJECT"))
        );
    }
}
