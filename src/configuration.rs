//! Configuration: what two flow logs, as EC2 describes them, stand for on the command line, and what they do not share.
//!
//! Pure but for asking.

use std::collections::BTreeSet;
use std::sync::Arc;

use itertools::Itertools;

use crate::cli::CheckArgs;
use crate::error::Error;
use crate::finding::Unlike;
use crate::plan;
use crate::source::flow_logs::{self, Asked, Destination, FlowLog};
use crate::source::{Side, Sides};
use crate::window::{Window, rfc3339};

/// No record can be expected so many seconds after a flow log is made (VPC User Guide, "Flow log limitations").
const FIRST_RECORDS: i64 = 600;

/// Returns which flow logs are named instead of sources, if any are.
///
/// # Errors
/// [`Error::Usage`]: what is named is no flow log or no resource that has flow logs.
pub fn asked(args: &CheckArgs) -> Result<Option<Asked>, Error> {
    let refuse = |why: String| Err(Error::Usage(why));
    if let Some(id) = &args.sources.resource {
        return match id.split_once('-') {
            Some((kind, rest)) if !kind.is_empty() && !rest.is_empty() && kind != "fl" => {
                Ok(Some(Asked::Resource(id.clone())))
            }
            _ => refuse(format!(
                "--resource: `{id}` is not an id such as vpc-0aa, subnet-0aa or eni-0aa"
            )),
        };
    }
    match args.sources.flow_logs.as_slice() {
        [] => Ok(None),
        [a, b] if a == b => refuse(format!("--flow-logs: `{a}` is named twice")),
        ids => match ids.iter().find(|id| !id.starts_with("fl-")) {
            Some(id) => refuse(format!(
                "--flow-logs: `{id}` is not the id of a flow log (fl-...)"
            )),
            None => Ok(Some(Asked::Ids(ids.to_vec()))),
        },
    }
}

/// Asks EC2 and returns the arguments with everything in them that the flow logs stand for. What was given stays.
///
/// # Errors
/// EC2 cannot be asked, or there are not exactly two flow logs that can be compared: then all are listed.
pub async fn ask(args: &CheckArgs, asked: &Asked) -> Result<CheckArgs, Error> {
    let options = Sides {
        s3: plan::options(args, Side::S3)?,
        cwl: plan::options(args, Side::Cwl)?,
    };
    let found = flow_logs::find(asked, &options).await?;
    fill(args, choose(asked, found)?)
}

/// Chooses the flow log of each side.
fn choose(asked: &Asked, found: Vec<FlowLog>) -> Result<Sides<FlowLog>, Error> {
    match asked {
        Asked::Ids(ids) => {
            let missing = ids
                .iter()
                .filter(|id| found.iter().all(|log| log.id != **id));
            let missing = missing.map(|id| format!("`{id}`")).join(" and ");
            if !missing.is_empty() {
                return Err(Error::Usage(format!(
                    "--flow-logs: {missing} cannot be found with either side's credentials in its region \
                     (--s3-profile, --s3-region, --cwl-profile, --cwl-region)"
                )));
            }
            let place = |log: &FlowLog| ids.iter().position(|id| *id == log.id);
            let ordered = found.into_iter().sorted_by_key(place).collect_tuple();
            let (first, second) = ordered
                .ok_or_else(|| Error::Usage("--flow-logs: two ids are needed".to_owned()))?;
            // Two of the same kind stand for the sides in the order given.
            let swapped = side_of(&first) == Some(Side::Cwl) && side_of(&second) == Some(Side::S3);
            let (s3, cwl) = if swapped {
                (second, first)
            } else {
                (first, second)
            };
            Ok(Sides { s3, cwl })
        }
        Asked::Resource(id) => {
            let of = |side: Side| {
                let of_side = found.iter().filter(|log| side_of(log) == Some(side));
                of_side.exactly_one().ok().cloned()
            };
            match (of(Side::S3), of(Side::Cwl)) {
                (Some(s3), Some(cwl)) => Ok(Sides { s3, cwl }),
                _ => Err(candidates(id, &found)),
            }
        }
    }
}

fn side_of(log: &FlowLog) -> Option<Side> {
    match log.destination {
        Destination::S3 { .. } => Some(Side::S3),
        Destination::Group { .. } => Some(Side::Cwl),
        Destination::Other(_) => None,
    }
}

/// Says what there is instead of one flow log to each destination.
fn candidates(id: &str, found: &[FlowLog]) -> Error {
    if found.is_empty() {
        let above = match id.split_once('-') {
            Some(("eni", _)) => {
                "; flow logs of its subnet and its VPC cover it too: give those ids"
            }
            Some(("subnet", _)) => "; flow logs of its VPC cover it too: give that id",
            _ => "",
        };
        return Error::Usage(format!(
            "--resource: `{id}` has no flow log of its own in the region and account{above}"
        ));
    }
    Error::Several {
        what: format!(
            "--resource: `{id}` does not have exactly one flow log to S3 and one to CloudWatch Logs; name two with \
             --flow-logs:"
        ),
        candidates: found.iter().map(FlowLog::summary).collect(),
    }
}

/// Puts into the arguments what the flow logs stand for and was not given.
fn fill(args: &CheckArgs, logs: Sides<FlowLog>) -> Result<CheckArgs, Error> {
    let mut filled = args.clone();
    filled.sources.s3 = Some(logs.s3.address()?);
    filled.sources.cwl = Some(logs.cwl.address()?);
    for side in Side::BOTH {
        let (log, of) = (&logs[side], &mut filled.sides.0[side]);
        if !log.format.is_empty() {
            of.format.get_or_insert_with(|| log.format.clone());
        }
        of.region.get_or_insert_with(|| log.region.clone());
        if side_of(log) == Some(Side::S3) {
            of.flow_log_id = Some(log.id.clone());
        }
    }
    if filled.comparison.interface.is_empty() {
        filled.comparison.interface.extend(common_interface(&logs));
    }
    // The streams of a transit gateway's flow log are named after its attachments.
    let named_after_interfaces = |log: &FlowLog| {
        ["vpc-", "subnet-", "eni-"]
            .iter()
            .any(|kind| log.resource.starts_with(kind))
    };
    filled.comparison.all_streams |=
        !named_after_interfaces(&logs.s3) || !named_after_interfaces(&logs.cwl);
    filled.sources.configured = Some(Arc::new(logs));
    Ok(filled)
}

/// Returns the one interface that both can have records of, if either watches just one: others in the same log group
/// are no business of theirs.
fn common_interface(logs: &Sides<FlowLog>) -> Option<String> {
    let interface = |log: &FlowLog| {
        log.resource
            .starts_with("eni-")
            .then(|| log.resource.clone())
    };
    match (interface(&logs.s3), interface(&logs.cwl)) {
        (Some(s3), Some(cwl)) if s3 != cwl => None,
        (one, other) => one.or(other),
    }
}

/// Returns what about the two flow logs is likely to make a comparison over this window come out different, in fixed
/// order: first what they do not share, then what is wrong with either.
pub fn unlike(logs: &Sides<FlowLog>, window: &Window) -> Vec<Unlike> {
    let mut all = Vec::new();
    let mut both = |setting, values: Sides<String>, reason: String| {
        if values.s3 != values.cwl {
            all.push(Unlike {
                setting,
                side: None,
                values: Some(values),
                reason,
            });
        }
    };
    both(
        "traffic-type",
        logs.as_ref().map(|log| log.traffic_type.clone()),
        "records of the traffic that only one of them takes are on its side only".to_owned(),
    );
    both(
        "aggregation-interval",
        logs.as_ref().map(|log| {
            log.interval
                .map_or_else(|| "unknown".to_owned(), |seconds| format!("{seconds} s"))
        }),
        "the same traffic is told in other records, with other times, packets and bytes".to_owned(),
    );
    let resource = match common_interface(logs) {
        Some(interface) => format!(
            "only what both watch can be on both sides: {interface} is compared unless --interface says otherwise"
        ),
        None => "records of what only one of them watches are on its side only".to_owned(),
    };
    both(
        "resource",
        logs.as_ref().map(|log| log.resource.clone()),
        resource,
    );
    all.extend(formats(logs));
    for side in Side::BOTH {
        all.extend(troubles(side, &logs[side], window));
    }
    all
}

/// Fields in another order are no difference: records are compared by name.
fn formats(logs: &Sides<FlowLog>) -> Option<Unlike> {
    let names = logs.as_ref().map(|log| fields(&log.format));
    if names.s3 == names.cwl || names.s3.is_empty() || names.cwl.is_empty() {
        return None;
    }
    let only = |side: Side| names[side].difference(&names[side.other()]).join(", ");
    let only = Sides::from_fn(only).map(|names| {
        if names.is_empty() {
            "none".to_owned()
        } else {
            names
        }
    });
    Some(Unlike {
        setting: "format",
        side: None,
        values: Some(only),
        reason: "these fields are in one format only and cannot be compared".to_owned(),
    })
}

fn fields(format: &str) -> BTreeSet<&str> {
    let names = format.split_whitespace();
    names
        .map(|name| name.trim_start_matches("${").trim_end_matches('}'))
        .collect()
}

fn troubles(side: Side, log: &FlowLog, window: &Window) -> Vec<Unlike> {
    let mut all = Vec::new();
    let mut tell = |setting, reason: String| {
        all.push(Unlike {
            setting,
            side: Some(side),
            values: None,
            reason,
        });
    };
    let id = &log.id;
    if let Some(created) = log.created {
        let at = rfc3339(created);
        if window.end.is_some_and(|end| created >= end) {
            tell(
                "created",
                format!("{id} was made at {at}, after the window: it has no record of it"),
            );
        } else if window
            .start
            .is_none_or(|start| created + FIRST_RECORDS > start)
        {
            tell(
                "created",
                format!(
                    "{id} was made at {at}: it has no record from before, nor from its first minutes"
                ),
            );
        }
    }
    if !log.status.is_empty() && log.status != "ACTIVE" {
        tell("status", format!("{id} is {}, not ACTIVE", log.status));
    }
    if log.delivery == "FAILED" || !log.delivery_error.is_empty() {
        let error = match log.delivery_error.as_str() {
            "" => "EC2 does not say why".to_owned(),
            error => format!("EC2 says `{error}`"),
        };
        tell(
            "delivery",
            format!("{id} cannot deliver all its records: {error}"),
        );
    }
    all
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, What};

    fn args(words: &str) -> CheckArgs {
        let words = ["flowdiff", "check"].into_iter().chain(words.split(' '));
        let What::Check(args) = Cli::try_parse_from(words).unwrap().command else {
            panic!("not a check")
        };
        *args
    }

    fn log(id: &str, destination: Destination) -> FlowLog {
        FlowLog {
            id: id.into(),
            region: "eu-west-1".into(),
            account: Some("111122223333".into()),
            resource: "subnet-0aa".into(),
            destination,
            traffic_type: "ALL".into(),
            interval: Some(60),
            format: "${version} ${start}".into(),
            hive: false,
            per_hour: false,
            file_format: String::new(),
            created: Some(1000),
            status: "ACTIVE".into(),
            delivery: "SUCCESS".into(),
            delivery_error: String::new(),
        }
    }

    fn bucket(id: &str) -> FlowLog {
        let destination = Destination::S3 {
            bucket: "logs".into(),
            prefix: "team/".into(),
        };
        log(id, destination)
    }

    fn group(id: &str) -> FlowLog {
        let destination = Destination::Group {
            name: "/flow".into(),
            arn: None,
        };
        log(id, destination)
    }

    fn both() -> Sides<FlowLog> {
        Sides {
            s3: bucket("fl-a"),
            cwl: group("fl-b"),
        }
    }

    #[test]
    fn what_is_named_is_checked_before_anybody_is_asked() {
        assert_eq!(asked(&args("a b")).unwrap(), None);
        let ids = Asked::Ids(vec!["fl-b".into(), "fl-a".into()]);
        assert_eq!(asked(&args("--flow-logs fl-b fl-a")).unwrap(), Some(ids));
        for words in [
            "--flow-logs fl-a fl-a",
            "--flow-logs fl-a x",
            "--resource vpc",
            "--resource fl-a",
        ] {
            assert!(asked(&args(words)).is_err(), "{words}");
        }
        for words in [
            "--flow-logs fl-a",
            "a b --resource vpc-0aa",
            "a",
            "a b --flow-logs fl-a fl-b",
        ] {
            let words = ["flowdiff", "check"].into_iter().chain(words.split(' '));
            assert!(Cli::try_parse_from(words).is_err());
        }
    }

    #[test]
    fn sides_go_by_destination_or_else_by_order() {
        let ids = |a: &str, b: &str| Asked::Ids(vec![a.into(), b.into()]);
        let chosen = |asked: &Asked, found: Vec<FlowLog>| {
            choose(asked, found).map(|logs| logs.map(|log| log.id))
        };
        let sides = |s3: &str, cwl: &str| Sides {
            s3: s3.to_owned(),
            cwl: cwl.to_owned(),
        };
        let found = || vec![bucket("fl-a"), group("fl-b")];
        assert_eq!(
            chosen(&ids("fl-a", "fl-b"), found()).unwrap(),
            sides("fl-a", "fl-b")
        );
        assert_eq!(
            chosen(&ids("fl-b", "fl-a"), found()).unwrap(),
            sides("fl-a", "fl-b")
        );
        let buckets = vec![bucket("fl-a"), bucket("fl-b")];
        assert_eq!(
            chosen(&ids("fl-b", "fl-a"), buckets).unwrap(),
            sides("fl-b", "fl-a")
        );
        let missing = chosen(&ids("fl-a", "fl-c"), found())
            .unwrap_err()
            .to_string();
        assert!(missing.contains("`fl-c` cannot be found"), "{missing}");
    }

    #[test]
    fn a_resource_needs_one_flow_log_to_each() {
        let asked = Asked::Resource("eni-0aa".into());
        assert!(choose(&asked, vec![bucket("fl-a"), group("fl-b")]).is_ok());
        let many = vec![bucket("fl-a"), group("fl-b"), group("fl-c")];
        let said = choose(&asked, many).unwrap_err().to_string();
        for id in ["fl-a", "fl-b", "fl-c"] {
            assert!(said.contains(&format!("\n  {id} on subnet-0aa")), "{said}");
        }
        let none = choose(&asked, Vec::new()).unwrap_err().to_string();
        assert!(none.contains("its subnet and its VPC"), "{none}");
    }

    #[test]
    fn options_that_are_given_win() {
        let filled = fill(
            &args("--flow-logs fl-a fl-b --cwl-format ${end} --s3-region us-east-1"),
            both(),
        )
        .unwrap();
        assert_eq!(
            filled.sources.s3.as_deref(),
            Some("s3://logs/team/AWSLogs/111122223333/vpcflowlogs/eu-west-1/")
        );
        assert_eq!(filled.sources.cwl.as_deref(), Some("cwl:///flow"));
        let Sides { s3, cwl } = &filled.sides.0;
        assert_eq!(
            (s3.format.as_deref(), s3.region.as_deref()),
            (Some("${version} ${start}"), Some("us-east-1"))
        );
        assert_eq!(
            (cwl.format.as_deref(), cwl.region.as_deref()),
            (Some("${end}"), Some("eu-west-1"))
        );
        assert_eq!(
            (s3.flow_log_id.as_deref(), cwl.flow_log_id.as_deref()),
            (Some("fl-a"), None)
        );
        assert!(!filled.comparison.all_streams && filled.comparison.interface.is_empty());
    }

    #[test]
    fn of_an_interface_only_that_is_compared() {
        let mut logs = both();
        logs.cwl.resource = "eni-0aa".into();
        let filled = fill(&args("--flow-logs fl-a fl-b"), logs.clone()).unwrap();
        assert_eq!(filled.comparison.interface, ["eni-0aa"]);
        logs.s3.resource = "eni-0bb".into();
        assert!(
            fill(&args("--flow-logs fl-a fl-b"), logs)
                .unwrap()
                .comparison
                .interface
                .is_empty()
        );
    }

    #[test]
    fn flow_logs_alike_say_nothing() {
        let mut logs = both();
        logs.cwl.format = "${start}  ${version}".into();
        assert_eq!(unlike(&logs, &Window::new(1600, 5000)), []);
    }

    #[test]
    fn what_is_not_shared_is_told() {
        let settings = |change: fn(&mut FlowLog), window: Window| {
            let mut logs = both();
            change(&mut logs.cwl);
            let told = unlike(&logs, &window).into_iter();
            told.map(|it| (it.setting, it.side)).collect::<Vec<_>>()
        };
        let later = Window::new(5000, 6000);
        let cwl = Some(Side::Cwl);
        assert_eq!(
            settings(|log| log.traffic_type = "REJECT".into(), later),
            [("traffic-type", None)]
        );
        assert_eq!(
            settings(|log| log.interval = Some(600), later),
            [("aggregation-interval", None)]
        );
        assert_eq!(
            settings(|log| log.resource = "vpc-0aa".into(), later),
            [("resource", None)]
        );
        assert_eq!(
            settings(|log| log.format = "${version}".into(), later),
            [("format", None)]
        );
        assert_eq!(
            settings(|log| log.delivery_error = "Rate limited".into(), later),
            [("delivery", cwl)]
        );
        assert_eq!(
            settings(|log| log.created = Some(5500), later),
            [("created", cwl)]
        );
        assert_eq!(
            settings(|log| log.created = Some(6000), later),
            [("created", cwl)]
        );
        assert_eq!(
            settings(|log| log.created = Some(4500), later),
            [("created", cwl)]
        );
        assert_eq!(settings(|log| log.created = Some(4400), later), []);
    }
}
