//! Addresses as the user writes them: a bucket, a log group, a path, standard input. Pure.
//!
//! Sources: ARN forms and group names, CloudWatch Logs API reference "LogGroup"; bucket names,
//! S3 User Guide "Bucket naming rules".

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::meant::instead;
use crate::model::Error;

/// Where one side's records are read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A bucket, or a folder or object in it.
    S3 {
        /// The bucket's name.
        bucket: String,
        /// The folder or object, without a slash in front; empty is the whole bucket.
        prefix: String,
        /// The address as the user wrote it.
        written: String,
    },
    /// A CloudWatch Logs group.
    Group(GroupName),
    /// A folder or a file.
    Path(PathBuf),
    /// Standard input.
    Stdin,
}

/// The name of a CloudWatch Logs group, or its ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupName {
    /// The name alone.
    pub name: String,
    /// The ARN without `:*`, if the user gave one: only by it can a monitoring account read the
    /// group of another account.
    pub arn: Option<String>,
    /// The address as the user wrote it.
    pub written: String,
}

impl GroupName {
    /// Returns the region in the ARN, if there is one.
    pub fn region(&self) -> Option<&str> {
        self.arn
            .as_deref()?
            .split(':')
            .nth(3)
            .filter(|r| !r.is_empty())
    }
}

impl Address {
    /// Tells whether reading it calls AWS.
    pub fn is_live(&self) -> bool {
        match self {
            Self::S3 { .. } | Self::Group(_) => true,
            Self::Path(_) | Self::Stdin => false,
        }
    }
}

impl fmt::Display for Address {
    /// Writes the address as the user wrote it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3 { written, .. } => f.pad(written),
            Self::Group(group) => f.pad(&group.written),
            Self::Path(path) => f.pad(&path.to_string_lossy()),
            Self::Stdin => f.pad("-"),
        }
    }
}

impl FromStr for Address {
    type Err = Error;

    /// Reads `s3://bucket[/prefix]`, `arn:PARTITION:s3:::bucket[/prefix]`, `cwl://GROUP`,
    /// `arn:PARTITION:logs:REGION:ACCOUNT:log-group:NAME[:*]` or `-`; anything else that is neither
    /// another URL nor another ARN is a path.
    fn from_str(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(usage("an address is empty; `.` is the current folder"));
        }
        if text == "-" {
            return Ok(Self::Stdin);
        }
        if let Some(rest) = text.strip_prefix("s3://") {
            return match rest.starts_with("arn:") {
                true => arn_of_bucket(text, rest),
                false => s3(text, rest),
            };
        }
        if let Some(name) = text.strip_prefix("cwl://") {
            return group(text, name, None);
        }
        if text.starts_with("arn:") {
            return arn(text);
        }
        match text.split_once("://") {
            Some((scheme, rest)) if is_scheme(scheme) => Err(usage(match instead(scheme, rest) {
                Some(instead) => format!("`{text}`: `{scheme}://` is not read; write `{instead}`"),
                None => format!(
                    "`{text}`: `{scheme}://` is not read; give `s3://bucket/prefix`, `cwl://group`, a path or `-`"
                ),
            })),
            _ => Ok(Self::Path(PathBuf::from(text))),
        }
    }
}

fn usage(reason: impl Into<String>) -> Error {
    Error::Usage(reason.into())
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// Reads the ARN of an access point, with a prefix behind its name.
fn arn_of_bucket(text: &str, arn: &str) -> Result<Address, Error> {
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    let [_, _, service, region, account, rest] = fields[..] else {
        return Err(usage(format!("`{text}` is no ARN of an access point")));
    };
    if service == "s3" && region.is_empty() && account.is_empty() {
        return s3(text, rest);
    }
    let point = rest
        .strip_prefix("accesspoint/")
        .or(rest.strip_prefix("accesspoint:"));
    let Some(point) = point.filter(|_| matches!(service, "s3" | "s3-outposts")) else {
        return Err(usage(format!(
            "`{text}` is neither a bucket nor an access point (`arn:aws:s3:region:account:accesspoint/name`)"
        )));
    };
    let (name, prefix) = point.split_once('/').unwrap_or((point, ""));
    if region.is_empty() || name.ends_with(".mrap") {
        return Err(usage(format!(
            "`{text}`: Multi-Region access points are not supported; give the bucket itself, or its access point in one region"
        )));
    }
    if service == "s3-outposts" {
        return Err(usage(format!(
            "`{text}`: access points on Outposts are not supported"
        )));
    }
    let prefix = prefix.strip_prefix("object/").unwrap_or(prefix);
    Ok(Address::S3 {
        bucket: format!("{}:accesspoint/{name}", fields[..5].join(":")),
        prefix: prefix.to_owned(),
        written: text.to_owned(),
    })
}

fn s3(text: &str, rest: &str) -> Result<Address, Error> {
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(usage(format!(
            "`{text}` names no bucket; write `s3://bucket/prefix`"
        )));
    }
    // Old buckets of us-east-1 may be longer and have capitals and underscores.
    let sound = (3..=255).contains(&bucket.len())
        && bucket
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    if !sound {
        return Err(usage(format!(
            "`{text}`: `{bucket}` cannot be the name of a bucket"
        )));
    }
    Ok(Address::S3 {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        written: text.to_owned(),
    })
}

fn group(text: &str, name: &str, arn: Option<String>) -> Result<Address, Error> {
    if name.is_empty() {
        return Err(usage(format!(
            "`{text}` names no log group; write `cwl://group`, or `cwl:///vpc/flow` for `/vpc/flow`"
        )));
    }
    let stranger = name
        .chars()
        .find(|&c| !(c.is_ascii_alphanumeric() || ".-_/#".contains(c)));
    if let Some(stranger) = stranger {
        return Err(usage(format!(
            "`{text}`: `{name}` cannot be the name of a log group: `{}` is not allowed in it",
            stranger.escape_debug()
        )));
    }
    if name.len() > 512 {
        return Err(usage(format!(
            "`{text}`: the name of a log group has at most 512 characters, not {}",
            name.len()
        )));
    }
    Ok(Address::Group(GroupName {
        name: name.to_owned(),
        arn,
        written: text.to_owned(),
    }))
}

fn arn(text: &str) -> Result<Address, Error> {
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    let other = || {
        usage(format!(
            "`{text}` is neither the ARN of a bucket (`arn:aws:s3:::bucket`) nor of a log group \
             (`arn:aws:logs:region:account:log-group:name`)"
        ))
    };
    match fields.as_slice() {
        // An access point has a region and an account; a bucket has neither.
        [_, _, "s3", "", "", rest] => s3(text, rest),
        [_, _, "s3" | "s3-outposts", _, _, rest] if rest.starts_with("accesspoint") => {
            arn_of_bucket(text, text)
        }
        [_, _, "ec2", _, _, rest] if rest.starts_with("vpc-flow-log/") => Err(usage(format!(
            "`{text}` is a flow log, which is given with `--flow-logs {} fl-...`, one for each side",
            rest.trim_start_matches("vpc-flow-log/")
        ))),
        [_, _, "logs", _, _, rest] => {
            let name = rest.strip_prefix("log-group:").ok_or_else(other)?;
            let name = name.strip_suffix(":*").unwrap_or(name);
            if name.contains(":log-stream:") {
                return Err(usage(format!(
                    "`{text}` is the ARN of a log stream; give that of its log group"
                )));
            }
            let arn = text.strip_suffix(":*").unwrap_or(text);
            group(text, name, Some(arn.to_owned()))
        }
        _ => Err(other()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets() {
        for (text, bucket, prefix) in [
            ("s3://logs", "logs", ""),
            ("s3://logs/", "logs", ""),
            (
                "s3://logs/a/AWSLogs/111122223333/",
                "logs",
                "a/AWSLogs/111122223333/",
            ),
            ("s3://Old_bucket/foo", "Old_bucket", "foo"),
            ("arn:aws:s3:::logs", "logs", ""),
            ("arn:aws-cn:s3:::logs/a/b", "logs", "a/b"),
            ("arn:aws:s3:::logs/a:b", "logs", "a:b"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
            assert!(address.is_live());
            let expected = Address::S3 {
                bucket: bucket.into(),
                prefix: prefix.into(),
                written: text.into(),
            };
            assert_eq!(address, expected, "{text}");
        }
    }

    #[test]
    fn access_points() {
        let arn = "arn:aws:s3:eu-west-1:111122223333:accesspoint/x";
        for (text, prefix) in [
            (arn.to_owned(), ""),
            (format!("s3://{arn}/AWSLogs/"), "AWSLogs/"),
            (format!("{arn}/object/AWSLogs/"), "AWSLogs/"),
        ] {
            let address: Address = text.parse().unwrap();
            let expected = Address::S3 {
                bucket: arn.into(),
                prefix: prefix.into(),
                written: text.clone(),
            };
            assert_eq!(address, expected, "{text}");
        }
    }

    #[test]
    fn groups() {
        let arn = "arn:aws:logs:eu-west-1:111122223333:log-group:/vpc/flow";
        let starred = format!("{arn}:*");
        for (text, name, identifier, region) in [
            ("cwl://flow", "flow", None, None),
            ("cwl:///vpc/flow", "/vpc/flow", None, None),
            (arn, "/vpc/flow", Some(arn), Some("eu-west-1")),
            (&starred, "/vpc/flow", Some(arn), Some("eu-west-1")),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
            assert!(address.is_live());
            let Address::Group(group) = address else {
                panic!("{text} is a group");
            };
            assert_eq!(group.name, name, "{text}");
            assert_eq!(group.arn.as_deref(), identifier, "{text}");
            assert_eq!(group.region(), region, "{text}");
        }
    }

    #[test]
    fn paths_and_standard_input() {
        for (text, expected) in [
            ("-", Address::Stdin),
            (".", Address::Path(".".into())),
            ("a/b:c", Address::Path("a/b:c".into())),
            ("./s3://odd", Address::Path("./s3://odd".into())),
            ("C:/logs", Address::Path("C:/logs".into())),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address, expected, "{text}");
            assert_eq!(address.to_string(), text);
            assert!(!address.is_live());
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for (text, said) in [
            ("", "empty"),
            ("s3://", "names no bucket"),
            ("s3:///x", "names no bucket"),
            ("s3://a b/x", "cannot be the name of a bucket"),
            ("arn:aws:s3:::", "names no bucket"),
            ("cwl://", "names no log group"),
            ("cwl://a b", "` ` is not allowed"),
            ("cwl://a:*", "`:` is not allowed"),
            ("http://bucket.s3.amazonaws.com", "write `s3://bucket/`"),
            (
                "https://s3.eu-west-1.amazonaws.com/b/p/",
                "write `s3://b/p/`",
            ),
            (
                "https://my.b.s3.eu-west-1.amazonaws.com/p?x=1",
                "write `s3://my.b/p`",
            ),
            (
                "https://eu-west-1.console.aws.amazon.com/s3/buckets/b?region=eu-west-1&prefix=AWSLogs/1/",
                "write `s3://b/AWSLogs/1/`",
            ),
            (
                "https://console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:log-groups/log-group/$252Fvpc$252Fflow/log-events/x",
                "write `cwl:///vpc/flow`",
            ),
            ("https://example.com/x", "`https://` is not read; give"),
            ("S3://bucket", "write `s3://bucket`"),
            ("s3a://bucket/p", "write `s3://bucket/p`"),
            ("cloudwatch:///vpc/flow", "write `cwl:///vpc/flow`"),
            (
                "arn:aws:s3::111122223333:accesspoint/abc.mrap",
                "Multi-Region access points are not supported",
            ),
            ("arn:aws:s3:eu-west-1:1:job/x", "neither"),
            (
                "s3://arn:aws:s3:eu-west-1:1:job/x",
                "neither a bucket nor an access point",
            ),
            (
                "arn:aws:ec2:eu-west-1:1:vpc-flow-log/fl-1",
                "--flow-logs fl-1 fl-...",
            ),
            ("arn:aws:logs:eu-west-1:1:destination:x", "neither"),
            (
                "arn:aws:logs:eu-west-1:1:log-group:g:log-stream:s",
                "log stream",
            ),
            ("arn:", "neither"),
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
        let long = format!("cwl://{}", "a".repeat(513));
        assert!(long.parse::<Address>().is_err());
    }
}
