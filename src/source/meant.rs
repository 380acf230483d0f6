//! Addresses that lead nowhere, and what was most likely meant by them. Words only.

use std::collections::BTreeSet;

use crate::model::{Error, Side};

/// Says what may have been meant by a path at which there is nothing.
pub(super) fn meant(side: Side, path: &str) -> Option<String> {
    let kind = path.split_once('-').and_then(|(kind, id)| {
        let is_id = !id.is_empty() && id.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_id.then_some(kind)
    });
    if path.contains(['/', '.']) || path.contains(char::is_whitespace) {
        let is_group = path.starts_with('/') && side == Side::Cwl;
        return is_group.then(|| format!("the log group `{path}` is written `cwl://{path}`"));
    }
    Some(match (kind, side) {
        (Some("fl"), _) => {
            format!("a flow log is given with `--flow-logs {path} fl-...`, one for each side")
        }
        (Some("vpc" | "subnet" | "eni" | "tgw"), _) => {
            format!("the flow logs of `{path}` are found with `--resource {path}`")
        }
        (_, Side::S3) if path.len() >= 3 => format!("the bucket `{path}` is written `s3://{path}`"),
        (_, Side::Cwl) => {
            format!("the log group `{path}` is written `cwl://{path}`, a bucket `s3://{path}`")
        }
        (_, Side::S3) => return None,
    })
}

/// Returns what to write instead of an address of a web page or in capitals, if that can be told.
pub(super) fn instead(scheme: &str, rest: &str) -> Option<String> {
    let lower = scheme.to_ascii_lowercase();
    match lower.as_str() {
        "s3" | "cwl" => return Some(format!("{lower}://{rest}")),
        "s3a" | "s3n" => return Some(format!("s3://{rest}")),
        "cloudwatch" | "logs" | "cw" | "cwlogs" => return Some(format!("cwl://{rest}")),
        "http" | "https" => {}
        _ => return None,
    }
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if host.contains("console.aws.amazon.com") || host.contains("console.amazonaws.cn") {
        return of_console(path);
    }
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let name = host
        .strip_suffix(".cn")
        .unwrap_or(host)
        .strip_suffix(".amazonaws.com")?;
    if name == "s3" || name.starts_with("s3.") || name.starts_with("s3-") {
        return Some(format!("s3://{path}"));
    }
    let (bucket, _) = name
        .split_once(".s3.")
        .or_else(|| name.split_once(".s3-"))
        .or(name.strip_suffix(".s3").map(|bucket| (bucket, "")))?;
    Some(format!("s3://{bucket}/{path}"))
}

/// Returns the address of what a page of the AWS console shows.
fn of_console(page: &str) -> Option<String> {
    if let Some((_, bucket)) = page.split_once("s3/buckets/") {
        let (bucket, query) = bucket.split_once('?').unwrap_or((bucket, ""));
        let prefix = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "prefix");
        let prefix = prefix
            .map(|(_, prefix)| prefix.into_owned())
            .unwrap_or_default();
        return Some(format!("s3://{}/{prefix}", bucket.trim_end_matches('/')));
    }
    let (_, group) = page.split_once("log-groups/log-group/")?;
    let group = group.split(['/', '?']).next()?;
    // Its own escape: `$252F` is an escaped `%2F`.
    let once = group.replace("$25", "%").replace('$', "%");
    let decoded = form_urlencoded::parse(once.as_bytes())
        .next()?
        .0
        .into_owned();
    Some(format!("cwl://{decoded}"))
}

/// How many flow logs a hint names.
const NAMED: usize = 5;

/// Makes the error of a flow log id that nothing in a place has; `met` are those that something has.
pub(super) fn no_flow_log(side: Side, address: &str, id: &str, met: &BTreeSet<String>) -> Error {
    let distance = |known: &&String| strsim::damerau_levenshtein(known, id);
    let mut known: Vec<&String> = met.iter().collect();
    known.sort_by_key(distance);
    let names: Vec<String> = known
        .iter()
        .take(NAMED)
        .map(|it| format!("`{it}`"))
        .collect();
    let more = if known.len() > NAMED {
        " and others"
    } else {
        ""
    };
    Error::Source {
        side,
        address: address.to_owned(),
        reason: format!("nothing there is of the flow log `{id}` by its name (--flow-log-id)"),
        hint: Some(match names.is_empty() {
            true => "nothing there tells by its name of which flow log it is".to_owned(),
            false => format!("there are {}{more}", names.join(", ")),
        }),
    }
}

/// Says what was most likely meant by the address of a group that is not there.
pub(super) fn by_group(address: &str) -> Option<String> {
    let name = address.strip_prefix("cwl://")?;
    let group = name.trim_end_matches('/');
    let rooted = format!("/{}", group.trim_start_matches('/'));
    if !name.starts_with('/') && name.contains('/') {
        return Some(format!(
            "did you mean `cwl://{rooted}`? The name of a group begins with its slash: `cwl://` and then `{rooted}`"
        ));
    }
    (group != name).then(|| format!("did you mean `cwl://{group}`, without the slash at its end?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_been_meant_by_a_path() {
        for (side, path, said) in [
            (Side::Cwl, "/vpc/flow", "`cwl:///vpc/flow`"),
            (Side::Cwl, "vpc-flow", "`cwl://vpc-flow`"),
            (Side::Cwl, "flow", "`cwl://flow`"),
            (Side::S3, "my-bucket", "`s3://my-bucket`"),
            (Side::S3, "fl-0aa", "--flow-logs fl-0aa"),
            (Side::Cwl, "eni-0aa", "--resource eni-0aa"),
        ] {
            let hint = meant(side, path).unwrap();
            assert!(hint.contains(said), "{path}: {hint}");
        }
        assert_eq!(meant(Side::S3, "/no/such/place"), None);
        assert_eq!(meant(Side::Cwl, "./x"), None);
    }

    #[test]
    fn a_slash_too_many_or_too_few_is_asked_back() {
        for (address, said) in [
            ("cwl://vpc/flow", Some("`cwl:///vpc/flow`?")),
            ("cwl:///vpc/flow/", Some("`cwl:///vpc/flow`, without")),
            ("cwl:///vpc/flow", None),
            ("cwl://flow", None),
        ] {
            let hint = by_group(address);
            assert_eq!(hint.is_some(), said.is_some(), "{address}");
            assert!(hint.unwrap_or_default().contains(said.unwrap_or_default()));
        }
    }
}
