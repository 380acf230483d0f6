//! Says in the folder what is in it.

use std::fs;
use std::io;
use std::path::Path;

use crate::model::words::count;

use super::{Made, REFUSED, Targets, UNTOUCHED, objects, script};

pub(super) fn write(folder: &Path, targets: &Targets, made: &Made) -> io::Result<()> {
    let mut text = String::from("What flowdiff --repair made. Nothing was sent anywhere.\n\n");
    let (records, files) = made.for_s3;
    text.push_str(&format!(
        "s3 lacked: {} in {} under {}/.\n",
        count(records, "record"),
        count(files, "object"),
        objects::FOLDER
    ));
    text.push_str(&match (files, &targets.bucket) {
        (0, _) => String::new(),
        (_, Some((bucket, _))) => format!("  {} puts them into s3://{bucket}.\n", script::S3),
        (_, None) => {
            "  s3 was no bucket: run again with --repair-s3 s3://BUCKET for a script.\n".to_owned()
        }
    });
    let (records, files) = made.for_cwl;
    text.push_str(&format!(
        "cwl lacked: {} in {} of put-log-events.\n",
        count(records, "record"),
        count(files, "file")
    ));
    text.push_str(&match (files, &targets.group) {
        (0, _) => String::new(),
        (_, Some(group)) => format!(
            "  {} puts them into the log group {}. Soon: events older than 14 days, or than the group's retention, are refused.\n",
            script::CWL,
            group.name
        ),
        (_, None) => "  cwl was no log group: run again with --repair-cwl GROUP for a script.\n".to_owned(),
    });
    text.push_str(&format!(
        "{} that would be refused, or of which too little is known: {REFUSED}, with the reason.\n",
        count(made.refused, "record")
    ));
    text.push_str(&format!(
        "{} that are surplus or divergent, and are left to you: {UNTOUCHED}.\n",
        count(made.untouched, "record")
    ));
    text.push_str(
        "\nThe scripts ask once (--yes: not at all), and change nothing more when they are run again. They need the AWS CLI\n\
         and the right to write. Fields that the side that had the records does not have are written as `-`.\n\
         Then check again, with the arguments of before.\n",
    );
    fs::write(folder.join("README.txt"), text)
}
