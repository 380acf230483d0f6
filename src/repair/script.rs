//! The scripts that bring files to AWS: POSIX shell and the AWS CLI. Run twice, they change nothing more.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use crate::model::Side;
use crate::model::words::count;
use crate::render::{options, quoted_for_script as quoted};
use crate::report::Report;

use super::objects::FOLDER;
use super::{Targets, events, objects};

pub(super) const S3: &str = "apply-s3.sh";
pub(super) const CWL: &str = "apply-cwl.sh";

/// What each script begins with: where it stands, and one question.
fn begin(what: &str) -> String {
    format!(
        r#"#!/bin/sh
# {what}.
set -eu
cd "$(dirname "$0")"
if [ "${{1:-}}" != --yes ]; then
  printf '%s. Go on? [y/N] ' {}
  read -r answer
  [ "$answer" = y ] || exit 1
fi
"#,
        quoted(what)
    )
}

/// Writes the script that puts objects into the bucket, if there are any and it is known where.
pub(super) fn for_s3(
    folder: &Path,
    report: &Report,
    targets: &Targets,
    written: &objects::WrittenObjects,
) -> io::Result<()> {
    let Some((bucket, _)) = targets.bucket.as_ref().filter(|_| !written.made.is_empty()) else {
        return Ok(());
    };
    let what = format!(
        "This puts {} in {} into s3://{bucket}",
        count(written.records, "record"),
        count(written.made.len() as u64, "object")
    );
    let mut text = begin(&what);
    let options = options(&report.reached[Side::S3]);
    for key in &written.made {
        let (from, to) = (format!("{FOLDER}/{key}"), format!("s3://{bucket}/{key}"));
        text.push_str(&format!(
            "aws s3 cp {} {}{options}\n",
            quoted(&from),
            quoted(&to)
        ));
    }
    write(&folder.join(S3), &text)
}

/// Writes the script that puts events into the log group. Whether a batch stands there already is told by its last event:
/// a missing record is one of which the group has no copy, and a batch is taken as a whole.
pub(super) fn for_cwl(
    folder: &Path,
    report: &Report,
    targets: &Targets,
    written: &events::WrittenBatches,
) -> io::Result<()> {
    let Some(group) = targets.group.as_ref().filter(|_| !written.made.is_empty()) else {
        return Ok(());
    };
    let what = format!(
        "This puts {} in {} into the log group {}",
        count(written.records, "record"),
        count(written.made.len() as u64, "batch").replace("batchs", "batches"),
        group.name
    );
    let mut text = begin(&what);
    text.push_str(&format!(
        r#"group={}
logs() {{ aws logs "$@"{}; }}
refused=0

# Makes the stream $1 if it is not there.
make() {{
  there=$(logs describe-log-streams --log-group-name "$group" --log-stream-name-prefix "$1" \
    --query "length(logStreams[?logStreamName=='$1'])" --output text)
  [ "$there" != 0 ] || logs create-log-stream --log-group-name "$group" --log-stream-name "$1"
}}

# Puts the events of the file $1 into the stream $2, unless its last one, which is of time $3 and found by $4, is there.
put() {{
  there=$(logs get-log-events --log-group-name "$group" --log-stream-name "$2" --start-time "$3" --end-time $(($3 + 1)) \
    --start-from-head --query "$4" --output text)
  if [ "$there" != 0 ]; then
    echo "$1: is there already"
    return
  fi
  not_taken=$(logs put-log-events --cli-input-json "file://$1" --query rejectedLogEventsInfo --output text)
  if [ "$not_taken" != None ]; then
    echo "$1: not all events were taken (too old for the group's retention?): $not_taken" >&2
    refused=1
  fi
}}

"#,
        quoted(&group.name),
        options(&report.reached[Side::Cwl])
    ));
    let streams: BTreeSet<&str> = written.made.iter().map(|batch| &*batch.stream).collect();
    for stream in streams {
        text.push_str(&format!("make {}\n", quoted(stream)));
    }
    for batch in &written.made {
        let message = batch.last.message.replace('\\', r"\\").replace('\'', r"\'");
        let found = format!("length(events[?message=='{message}'])");
        text.push_str(&format!(
            "put {} {} {} {}\n",
            batch.file,
            quoted(&batch.stream),
            batch.last.timestamp,
            quoted(&found)
        ));
    }
    text.push_str("exit \"$refused\"\n");
    write(&folder.join(CWL), &text)
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;

        fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}
