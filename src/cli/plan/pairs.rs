//! What a check of one of several pairs is.

use std::ffi::OsString;
use std::path::PathBuf;

use super::flow_logs::narrow;
use super::state::options_of_the_job;
use crate::cli::{CheckArgs, OneOfSeveral};
use crate::model::{Error, Side};
use crate::pairs::{self, Pair};
use crate::source::{Address, BucketFolder, FolderTrouble};

/// What stands for a pair's name in the names of files.
const PLACE: &str = "{pair}";

/// Reads the pairs file, which may be an object of a bucket (`s3://BUCKET/KEY`).
///
/// # Errors
/// [`Error::Usage`] that names the option, the file and the line.
pub async fn read(args: &CheckArgs) -> Result<Vec<Pair>, Error> {
    let file = args.sources.pairs.clone().unwrap_or_default();
    let wrong = |why: String| Error::Usage(format!("--pairs: `{}`: {why}", file.display()));
    let bytes = match file.to_str().filter(|file| file.starts_with("s3://")) {
        Some(object) => fetch(args, object).await.map_err(wrong)?,
        None => std::fs::read(&file).map_err(|error| wrong(error.to_string()))?,
    };
    let text = String::from_utf8(bytes).map_err(|error| wrong(error.to_string()))?;
    pairs::read(&text).map_err(wrong)
}

async fn fetch(args: &CheckArgs, object: &str) -> Result<Vec<u8>, String> {
    let (folder, name) = object
        .rsplit_once('/')
        .filter(|(folder, name)| *folder != "s3:/" && !name.is_empty())
        .ok_or("names no object: write `s3://BUCKET/KEY`")?;
    let text = |error: Error| error.to_string();
    let address: Address = folder.parse().map_err(text)?;
    let options = options_of_the_job(args).map_err(text)?;
    let folder = BucketFolder::open(&address, &options).await.map_err(text)?;
    let folder = folder.ok_or("is in no bucket")?;
    match folder.get(name).await {
        Ok(Some(object)) => Ok(object.bytes),
        Ok(None) => Err("no such object".to_owned()),
        Err(FolderTrouble { reason, hint }) => {
            let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
            Err(format!("{reason}{hint}"))
        }
    }
}

/// Returns the arguments of a check of the pair alone. What was given stays.
///
/// # Errors
/// [`Error::Usage`] that names the option: a file that every pair would write.
pub fn of_pair(args: &CheckArgs, pair: &Pair, typed: &[OsString]) -> Result<CheckArgs, Error> {
    let mut filled = args.clone();
    filled.sources.pairs = None;
    filled.sources.s3 = Some(pair.s3.address.clone());
    filled.sources.cwl = Some(pair.cwl.address.clone());
    for side in Side::BOTH {
        let (told, of) = (pair.side(side), &mut filled.sides.0[side]);
        for (given, told) in [
            (&mut of.profile, &told.profile),
            (&mut of.region, &told.region),
            (&mut of.role_arn, &told.role_arn),
            (&mut of.external_id, &told.external_id),
            (&mut of.format, &told.format),
        ] {
            if given.is_none() {
                given.clone_from(told);
            }
        }
        let is_bucket = told.address.starts_with("s3://") || told.address.starts_with("arn:");
        if side == Side::S3 && is_bucket {
            of.flow_log_id = told.flow_log.as_ref().map(|log| log.id.clone());
        }
    }
    if let Some(logs) = pair.flow_logs() {
        narrow(&mut filled, logs);
    }
    filled.job.state = args.job.state.as_ref().map(|state| state.join(&pair.name));
    let archive = args.job.archive.as_ref();
    filled.job.archive = archive.map(|archive| archive.join(&pair.name));
    for report in &mut filled.output.report {
        if !report.ends_with("=-") {
            *report = named(report, "--report", &pair.name)?;
        }
    }
    if let Some(path) = &mut filled.output.all_differences {
        let text = named(&path.to_string_lossy(), "--all-differences", &pair.name)?;
        *path = PathBuf::from(text);
    }
    filled.sources.pair = Some(OneOfSeveral {
        name: pair.name.clone(),
        typed: alone(&filled, typed),
    });
    Ok(filled)
}

fn named(text: &str, option: &str, name: &str) -> Result<String, Error> {
    if text.contains(PLACE) {
        return Ok(text.replace(PLACE, name));
    }
    Err(Error::Usage(format!(
        "{option}: `{text}` would be written by every pair: put `{PLACE}` into its name"
    )))
}

/// Returns what would be typed for the pair alone.
fn alone(filled: &CheckArgs, typed: &[OsString]) -> Vec<OsString> {
    let mut words = Vec::new();
    let mut is_file = false;
    for word in typed {
        let file = std::mem::replace(&mut is_file, word == "--pairs");
        if !file && !is_file && !word.to_string_lossy().starts_with("--pairs=") {
            words.push(word.clone());
        }
    }
    let mut add = |option: String, value: &Option<String>| {
        if let Some(value) = value {
            words.extend([OsString::from(option), OsString::from(value)]);
        }
    };
    for side in Side::BOTH {
        let of = &filled.sides.0[side];
        let given = |option: &str| {
            let names = [format!("--{side}-{option}"), format!("--{option}")];
            typed.iter().any(|word| {
                let word = word.to_string_lossy();
                names
                    .iter()
                    .any(|name| word.split('=').next() == Some(name))
            })
        };
        for (option, value) in [
            ("profile", &of.profile),
            ("region", &of.region),
            ("role-arn", &of.role_arn),
            ("external-id", &of.external_id),
            ("format", &of.format),
        ] {
            if !given(option) {
                add(format!("--{side}-{option}"), value);
            }
        }
    }
    add("--flow-log-id".to_owned(), &filled.sides.0.s3.flow_log_id);
    let sources = [&filled.sources.s3, &filled.sources.cwl];
    words.extend(sources.into_iter().flatten().map(OsString::from));
    words
}
