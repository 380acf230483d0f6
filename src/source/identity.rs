//! What a source is, however its address was written: a relative path, a profile or a variable may mean another place tomorrow.

use serde::{Deserialize, Serialize};

/// What a source is. Two runs read the same source if everything agrees that both know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceIdentity {
    /// The canonical path, the bucket with its prefix, or the log group's name.
    pub place: String,
    /// Where the service is, if not where AWS has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The region of a log group. A bucket's name is not used twice in a partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The account of a log group, once the service has told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

impl SourceIdentity {
    /// Returns the first thing in which the kept identity is another one, in words.
    pub fn difference(&self, kept: &Self) -> Option<String> {
        if self.place != kept.place {
            return Some(format!("`{}`, not `{}`", kept.place, self.place));
        }
        let unlike = |name: &str, now: &str, then: &str| {
            format!("`{}` in {name} {then}, not {now}", self.place)
        };
        let endpoints = [self, kept].map(|one| one.endpoint.as_deref().unwrap_or("AWS's own"));
        let [now, then] = endpoints;
        if without_loopback_port(now) != without_loopback_port(then) {
            return Some(unlike("the service at", now, then));
        }
        let known = [
            ("region", &self.region, &kept.region),
            ("account", &self.account, &kept.account),
        ];
        known.into_iter().find_map(|(name, now, then)| {
            let (now, then) = now.as_ref().zip(then.as_ref())?;
            (now != then).then(|| unlike(name, now, then))
        })
    }

    /// Takes over what is known now and was not before.
    pub fn learn(&mut self, now: &Self) {
        if self.place.is_empty() {
            *self = now.clone();
            return;
        }
        let learn = |kept: &mut Option<String>, now: &Option<String>| {
            if kept.is_none() {
                kept.clone_from(now);
            }
        };
        learn(&mut self.region, &now.region);
        learn(&mut self.account, &now.account);
    }
}

/// Leaves the port of a server on this machine out: it is whatever was free when the server began.
fn without_loopback_port(endpoint: &str) -> &str {
    let hosts = ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"];
    let host = hosts.into_iter().find(|host| endpoint.starts_with(host));
    host.map_or(endpoint, |host| &endpoint[..host.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(account: Option<&str>, region: &str) -> SourceIdentity {
        SourceIdentity {
            place: "cwl://flow".to_owned(),
            endpoint: None,
            region: Some(region.to_owned()),
            account: account.map(str::to_owned),
        }
    }

    #[test]
    fn what_both_know_must_agree() {
        let kept = group(Some("123456789012"), "us-east-1");
        assert_eq!(group(None, "us-east-1").difference(&kept), None);
        for (now, told) in [
            (
                group(Some("210987654321"), "us-east-1"),
                "`cwl://flow` in account 123456789012, not 210987654321",
            ),
            (
                group(None, "eu-west-1"),
                "`cwl://flow` in region us-east-1, not eu-west-1",
            ),
            (
                SourceIdentity {
                    endpoint: Some("http://localhost:1".to_owned()),
                    ..kept.clone()
                },
                "`cwl://flow` in the service at AWS's own, not http://localhost:1",
            ),
            (
                SourceIdentity {
                    endpoint: Some("https://vpce-1.logs.example:443".to_owned()),
                    ..kept.clone()
                },
                "`cwl://flow` in the service at AWS's own, not https://vpce-1.logs.example:443",
            ),
            (
                SourceIdentity {
                    place: "cwl://other".to_owned(),
                    ..kept.clone()
                },
                "`cwl://flow`, not `cwl://other`",
            ),
        ] {
            assert_eq!(now.difference(&kept).as_deref(), Some(told));
        }
    }

    #[test]
    fn a_server_on_this_machine_may_come_back_on_another_port() {
        let at = |endpoint: &str| SourceIdentity {
            endpoint: Some(endpoint.to_owned()),
            ..group(None, "us-east-1")
        };
        let (one, other) = (at("http://127.0.0.1:4566"), at("http://127.0.0.1:5000"));
        assert_eq!(one.difference(&other), None);
        assert!(one.difference(&at("http://10.0.0.1:4566")).is_some());
    }

    #[test]
    fn what_was_not_known_is_learned() {
        let mut kept = SourceIdentity::default();
        kept.learn(&group(None, "us-east-1"));
        assert_eq!(kept, group(None, "us-east-1"));
        kept.learn(&group(Some("123456789012"), "us-east-1"));
        assert_eq!(kept, group(Some("123456789012"), "us-east-1"));
    }
}
