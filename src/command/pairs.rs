//! Finds pairs (`pairs`).

use futures::StreamExt;
use futures::stream;

use crate::cli::{PairsArgs, PairsForm};
use crate::model::{Error, Side};
use crate::pairs::{Found, join, text};
use crate::render::write_line;
use crate::source::SourceOptions;
use crate::source::flow_logs;

use super::log::log_to_stderr;
use super::print::{print, standard_output};
use super::wait::until_interrupted;
use super::{INTERRUPTED, TROUBLE, clock, complain};

/// So many profiles and regions are asked at once.
const AT_ONCE: usize = 8;

/// Asks for flow logs, prints the pairs, and returns the exit code.
pub(super) fn run(args: &PairsArgs) -> Result<u8, Error> {
    log_to_stderr(args.verbose, None);
    let Some((found, troubles)) = until_interrupted(None, ask(args))? else {
        return Ok(INTERRUPTED);
    };
    match args.output {
        PairsForm::Text => print(text(&found).as_bytes())?,
        PairsForm::Jsonl => {
            let mut lines = Vec::new();
            for pair in &found.pairs {
                write_line(pair, &mut lines).map_err(standard_output)?;
            }
            print(&lines)?
        }
    };
    for trouble in &troubles {
        complain(trouble, None);
    }
    Ok(if troubles.is_empty() { 0 } else { TROUBLE })
}

/// What one place cannot tell keeps no other from telling.
async fn ask(args: &PairsArgs) -> Result<(Found, Vec<Error>), Error> {
    let asked = places(args).into_iter().map(|options| async move {
        let profile = options.profile.clone();
        let found = flow_logs::all(&options).await;
        let found = found.map_err(|error| trouble(&options, error))?;
        Ok(found.into_iter().map(move |log| (profile.clone(), log)))
    });
    let answers: Vec<_> = stream::iter(asked).buffered(AT_ONCE).collect().await;
    let (mut found, mut troubles) = (Vec::new(), Vec::new());
    for answer in answers {
        match answer {
            Ok(logs) => found.extend(logs),
            Err(error) => troubles.push(error),
        }
    }
    Ok((join(found, clock()), troubles))
}

/// Says where flow logs cannot be had, and what to do about it in the words of this command, which knows no sides.
fn trouble(options: &SourceOptions, error: Error) -> Error {
    let Error::Source { reason, hint, .. } = error else {
        return error;
    };
    let asked = [("profile", &options.profile), ("region", &options.region)];
    let asked: Vec<_> = asked
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name} `{}`", value.as_ref()?)))
        .collect();
    let place = match asked.is_empty() {
        true => "the environment's region".to_owned(),
        false => asked.join(", "),
    };
    let hint = hint.map(|hint| hint.replace("--s3-", "--"));
    let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
    Error::Usage(format!("the flow logs of {place}: {reason}{hint}"))
}

/// Each profile in each region.
fn places(args: &PairsArgs) -> Vec<SourceOptions> {
    let each = |given: &[String]| -> Vec<Option<String>> {
        match given {
            [] => vec![None],
            given => given.iter().cloned().map(Some).collect(),
        }
    };
    let regions = each(&args.region);
    let profiles = each(&args.profile).into_iter();
    profiles
        .flat_map(|profile| {
            regions.iter().map(move |region| SourceOptions {
                profile: profile.clone(),
                region: region.clone(),
                ..SourceOptions::new(Side::S3)
            })
        })
        .collect()
}
