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
        if self.endpoint != kept.endpoint {
            let [now, then] =
                [self, kept].map(|one| one.endpoint.as_deref().unwrap_or("AWS's own"));
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
    fn what_was_not_known_is_learned() {
        let mut kept = SourceIdentity::default();
        kept.learn(&group(None, "us-east-1"));
        assert_eq!(kept, group(None, "us-east-1"));
        kept.learn(&group(Some("123456789012"), "us-east-1"));
        assert_eq!(kept, group(Some("123456789012"), "us-east-1"));
    }
}
