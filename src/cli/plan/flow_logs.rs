//! Configuration: what two flow logs, as EC2 describes them, stand for on the command line.
//!
//! Pure but for asking.

use std::sync::Arc;

use itertools::Itertools;

use crate::cli::{CheckArgs, plan};
use crate::model::{Error, Side, Sides};
use crate::source::flow_logs::{self, FlowLog, FlowLogsAsked, common_interface};

/// Returns which flow logs are named instead of sources, if any are.
///
/// # Errors
/// [`Error::Usage`]: what is named is no flow log or no resource that has flow logs.
pub fn asked(args: &CheckArgs) -> Result<Option<FlowLogsAsked>, Error> {
    let refuse = |why: String| Err(Error::Usage(why));
    if let Some(id) = &args.sources.resource {
        return match id.split_once('-') {
            Some((kind, rest)) if !kind.is_empty() && !rest.is_empty() && kind != "fl" => {
                Ok(Some(FlowLogsAsked::Resource(id.clone())))
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
            None => Ok(Some(FlowLogsAsked::Ids(ids.to_vec()))),
        },
    }
}

/// Asks EC2 and returns the arguments with everything in them that the flow logs stand for. What was given stays.
///
/// # Errors
/// EC2 cannot be asked, or there are not exactly two flow logs that can be compared: then all are listed.
pub async fn ask(args: &CheckArgs, asked: &FlowLogsAsked) -> Result<CheckArgs, Error> {
    let options = Sides {
        s3: plan::options(args, Side::S3)?,
        cwl: plan::options(args, Side::Cwl)?,
    };
    let found = flow_logs::find(asked, &options).await?;
    fill(args, choose(asked, found)?)
}

/// Chooses the flow log of each side.
fn choose(asked: &FlowLogsAsked, found: Vec<FlowLog>) -> Result<Sides<FlowLog>, Error> {
    match asked {
        FlowLogsAsked::Ids(ids) => {
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
            let swapped = first.side() == Some(Side::Cwl) && second.side() == Some(Side::S3);
            let (s3, cwl) = if swapped {
                (second, first)
            } else {
                (first, second)
            };
            Ok(Sides { s3, cwl })
        }
        FlowLogsAsked::Resource(id) => {
            let of = |side: Side| {
                let of_side = found.iter().filter(|log| log.side() == Some(side));
                of_side.exactly_one().ok().cloned()
            };
            match (of(Side::S3), of(Side::Cwl)) {
                (Some(s3), Some(cwl)) => Ok(Sides { s3, cwl }),
                _ => Err(candidates(id, &found)),
            }
        }
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
        if log.side() == Some(Side::S3) {
            of.flow_log_id = Some(log.id.clone());
        }
    }
    narrow(&mut filled, Arc::new(logs));
    Ok(filled)
}

/// Puts into the arguments what follows from what the flow logs watch, and how they are set up.
pub(super) fn narrow(filled: &mut CheckArgs, logs: Arc<Sides<FlowLog>>) {
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
    filled.sources.configured = Some(logs);
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};
    use crate::source::flow_logs::sample::{both, bucket, group};

    fn args(words: &str) -> CheckArgs {
        let words = ["flowdiff", "check"].into_iter().chain(words.split(' '));
        let Command::Check(args) = Cli::try_parse_from(words).unwrap().command else {
            panic!("not a check")
        };
        *args
    }

    #[test]
    fn what_is_named_is_checked_before_anybody_is_asked() {
        assert_eq!(asked(&args("a b")).unwrap(), None);
        let ids = FlowLogsAsked::Ids(vec!["fl-b".into(), "fl-a".into()]);
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
        let ids = |a: &str, b: &str| FlowLogsAsked::Ids(vec![a.into(), b.into()]);
        let chosen = |asked: &FlowLogsAsked, found: Vec<FlowLog>| {
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
        let asked = FlowLogsAsked::Resource("eni-0aa".into());
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
}
