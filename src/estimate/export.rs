//! Export tasks: the calls that bring a log group to S3 where reading it by calls cannot keep up, in order, with what they need.
//!
//! Sources: CloudWatch Logs API reference "CreateExportTask" (one task of an account at a time; what it may be given), User Guide
//! "Export log data to Amazon S3" (bucket policy, permissions, same region; a task ends after 24 hours).

use std::fmt::Write;

use crate::model::window::{Window, rfc3339};
use crate::model::words::count;
use crate::render::{escape, quoted};
use crate::source::GroupName;

/// Whether tasks go by when events were ingested or by their own time stamp, AWS's pages disagree: so much more is exported on
/// either side, in seconds.
const SLACK: i64 = 3600;

/// Boundaries between tasks lie so many milliseconds behind a second. The time stamps of flow logs' events are whole seconds, so
/// that it does not matter whether a boundary belongs to the task before, to the one after or to both.
const BEHIND: i64 = 500;

/// What is to be exported, and where to.
#[derive(Clone, Debug)]
pub struct ExportPlan {
    /// The log group.
    pub group: GroupName,
    /// The region of group and bucket, if it is known.
    pub region: Option<String>,
    /// The bucket.
    pub bucket: String,
    /// What keys begin with.
    pub prefix: String,
    /// Which `start`s; both ends are given.
    pub window: (i64, i64),
    /// How long a task's stretch is at most, in seconds; at least one.
    pub step: i64,
}

impl ExportPlan {
    /// Returns the stretches of the tasks, in milliseconds, in order.
    fn stretches(&self) -> Vec<(i64, i64)> {
        let (since, until) = self.window;
        let (first, last) = (since - SLACK, until + SLACK);
        let mut stretches = Vec::new();
        let mut from = first;
        while from < last {
            let to = from.saturating_add(self.step).min(last);
            stretches.push((from * 1000 + BEHIND, to * 1000 + BEHIND));
            from = to;
        }
        stretches
    }

    /// Writes a script (POSIX sh, with the AWS CLI) that makes the tasks, each when the one before it is done, and that says in
    /// comments what it needs.
    pub fn script(&self) -> String {
        let Self {
            group,
            bucket,
            window: (since, until),
            ..
        } = self;
        let stretches = self.stretches();
        let mut text = format!(
            "#!/bin/sh\n# {} of {} to s3://{bucket}/{}, for records that start in {}.\n",
            count(stretches.len() as u64, "export task"),
            group.name,
            escape(&self.prefix),
            Window::new(*since, *until)
        );
        text += &format!(
            "# An account runs one export task at a time, so each waits for the one before. Not before {}:\n\
             # whether a task goes by the time of events or by when they came, AWS's pages disagree, so an hour more on either\n\
             # side is exported. What lies outside the window a check leaves out. A task fails if it takes over 24 hours: make\n\
             # --step shorter then.\n",
            rfc3339(until + SLACK)
        );
        self.policies(&mut text);
        let region = match &self.region {
            Some(region) => format!(" --region {}", quoted(region)),
            None => String::new(),
        };
        let _ = write!(
            text,
            r#"set -eu

export_stretch() {{
  id=$(aws logs create-export-task{region} --log-group-name {group} \
    --from "$1" --to "$2" --destination {bucket} --destination-prefix {prefix} --query taskId --output text)
  while :; do
    status=$(aws logs describe-export-tasks{region} --task-id "$id" --query 'exportTasks[0].status.code' --output text)
    case $status in
      COMPLETED) echo "$id: done" >&2; return ;;
      PENDING|RUNNING) sleep 30 ;;
      *) echo "$id: $status" >&2; exit 1 ;;
    esac
  done
}}

"#,
            group = quoted(&group.name),
            bucket = quoted(bucket),
            prefix = quoted(&self.prefix),
        );
        for (from, to) in stretches {
            let (since, until) = (rfc3339(from / 1000), rfc3339(to / 1000));
            let _ = writeln!(text, "export_stretch {from} {to} # {since} .. {until}");
        }
        let address = format!("s3://{bucket}/{}", self.prefix);
        let _ = write!(
            text,
            "\n# Then, with what stands for the S3 side:\n# flowdiff check S3-SOURCE {} --since {} --until {}\n",
            escape(&quoted(&address)),
            rfc3339(*since),
            rfc3339(*until)
        );
        text
    }

    /// Says who needs which permission.
    fn policies(&self, text: &mut String) {
        let region = self.region.as_deref().unwrap_or("REGION");
        let account = self
            .group
            .arn
            .as_deref()
            .and_then(|arn| arn.split(':').nth(4));
        let account = account.unwrap_or("ACCOUNT");
        let (name, bucket, prefix) = (&self.group.name, &self.bucket, &self.prefix);
        let partition = self
            .group
            .arn
            .as_deref()
            .and_then(|arn| arn.split(':').nth(1));
        let partition = partition.unwrap_or("aws");
        let group = format!("arn:{partition}:logs:{region}:{account}:log-group");
        let objects = format!("arn:{partition}:s3:::{bucket}/{prefix}/*");
        let who = serde_json::json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "logs:CreateExportTask", "Resource": format!("{group}:{name}:*")},
            {"Effect": "Allow", "Action": "logs:DescribeExportTasks", "Resource": "*"},
            {"Effect": "Allow", "Action": "s3:PutObject", "Resource": objects},
        ]});
        let from = serde_json::json!({
            "StringEquals": {"aws:SourceAccount": [account]}, "ArnLike": {"aws:SourceArn": [format!("{group}:*")]}
        });
        let service = serde_json::json!({"Service": format!("logs.{region}.amazonaws.com")});
        let bucket = serde_json::json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": service, "Action": "s3:GetBucketAcl",
             "Resource": format!("arn:{partition}:s3:::{bucket}"), "Condition": from},
            {"Effect": "Allow", "Principal": service, "Action": "s3:PutObject",
             // The service first sees whether it may write, with an object at the bucket's root.
             "Resource": format!("arn:{partition}:s3:::{bucket}/*"), "Condition": from},
        ]});
        let unknown = [
            ("REGION", self.region.is_none()),
            ("ACCOUNT", account == "ACCOUNT"),
        ];
        let unknown = unknown.into_iter().filter(|(_, unknown)| *unknown);
        for (name, _) in unknown {
            let _ = writeln!(
                text,
                "# {name} stands for that of the log group; give the group as an ARN to have it filled in."
            );
        }
        let _ = write!(
            text,
            "#\n# Who runs this needs:\n# {who}\n#\n# The bucket must be in the log group's region and have in its policy:\n# {bucket}\n\n"
        );
    }
}

/// Says of a log group that it takes longer to read by calls than its records took to arrive, if it does or may.
pub(super) fn too_slow(window: &Window, minutes: (f64, Option<f64>)) -> Option<String> {
    let length = window.start.zip(window.end);
    let length = length.map(|(start, end)| (end - start) as f64 / 60.0)?;
    let how = match minutes {
        (least, _) if least > length => "cannot keep up",
        (_, Some(most)) if most > length => "may not keep up",
        _ => return None,
    };
    Some(format!(
        "reading by calls {how} with what arrives: {length:.0} minutes of records take up to {:.0} minutes, and the quota of calls \
         cannot be raised. Of what is there, make an export task (`flowdiff export-plan` prints the calls) and check its bucket in \
         place of the log group; for what is to come, subscribe the group to S3 by way of Firehose, or check samples (--interface)",
        minutes.1.unwrap_or(minutes.0)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(step: i64) -> ExportPlan {
        let group = "arn:aws:logs:eu-west-1:111122223333:log-group:/vpc/flow";
        let crate::source::Address::Group(group) = group.parse().unwrap() else {
            panic!("not a group")
        };
        ExportPlan {
            region: group.region().map(str::to_owned),
            group,
            bucket: "exports".to_owned(),
            prefix: "flow".to_owned(),
            window: (1_641_513_600, 1_641_600_000),
            step,
        }
    }

    #[test]
    fn tasks_cover_the_window_once_with_an_hour_to_spare() {
        for step in [3600, 86_400, 1 << 40] {
            let stretches = plan(step).stretches();
            assert_eq!(stretches[0].0, (1_641_513_600 - 3600) * 1000 + 500);
            assert_eq!(
                stretches.last().unwrap().1,
                (1_641_600_000 + 3600) * 1000 + 500
            );
            assert!(stretches.windows(2).all(|pair| pair[0].1 == pair[1].0));
            assert!(
                stretches
                    .iter()
                    .all(|(from, to)| to - from <= step.saturating_mul(1000))
            );
        }
        assert_eq!(plan(86_400).stretches().len(), 2);
    }

    #[test]
    fn what_is_not_known_is_said_to_be_filled_in() {
        let whole = plan(86_400).script();
        assert!(
            !whole.contains("ACCOUNT") && !whole.contains("REGION"),
            "{whole}"
        );
        let bare = ExportPlan {
            region: None,
            group: GroupName {
                name: "a'b".to_owned(),
                arn: None,
                written: "cwl://a'b".to_owned(),
            },
            ..plan(86_400)
        };
        let bare = bare.script();
        assert!(bare.contains("# ACCOUNT stands for") && bare.contains("# REGION stands for"));
        assert!(bare.contains(r"--log-group-name 'a'\''b'"), "{bare}");
        assert!(!bare.contains("--region"));
    }

    #[test]
    fn what_takes_longer_than_it_took_to_arrive_is_too_slow() {
        let hour = Window::new(0, 3600);
        let how =
            |minutes| too_slow(&hour, minutes).map(|text| text.contains("cannot keep up with"));
        assert_eq!(how((61.0, None)), Some(true));
        assert_eq!(how((10.0, Some(61.0))), Some(false));
        assert_eq!(how((10.0, Some(60.0))), None);
        assert_eq!(how((10.0, None)), None);
        assert_eq!(too_slow(&Window::ALL, (1e9, None)), None);
    }
}
