//! The subject: what a state is about. What is decided of one pair of sources says nothing of another.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{Side, Sides};

/// What of a pair of sources is compared, as the user wrote it. Which sources these are, [`SourceIdentity`] tells.
///
/// [`SourceIdentity`]: crate::source::SourceIdentity
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSubject {
    /// The addresses.
    pub source: Sides<String>,
    /// The formats given.
    pub format: Sides<Option<String>>,
    /// `--fields`, in order.
    pub fields: Vec<String>,
    /// `--ignore-fields`, in order.
    pub ignore_fields: Vec<String>,
    /// `--interface`, in order.
    pub interface: Vec<String>,
    /// `--flow-log-id`, in order.
    pub flow_log_id: Vec<String>,
    /// `--all-streams`.
    pub all_streams: bool,
    /// `--ignore-nodata`.
    pub ignore_nodata: bool,
}

impl JobSubject {
    /// Returns the first thing in which the kept subject is another one, in words. Of a side that is told by its identity, the
    /// address may be written in any way.
    pub fn difference(&self, kept: &Self, is_told: Sides<bool>) -> Option<String> {
        let mut kept = kept.clone();
        for side in Side::BOTH.into_iter().filter(|&side| is_told[side]) {
            kept.source[side].clone_from(&self.source[side]);
        }
        let (now, then) = (value(self), value(&kept));
        let names = now.as_object()?.keys();
        let differing = names
            .into_iter()
            .find(|name| now[name.as_str()] != then[name.as_str()])?;
        let written = |value: &Value| match value.get("s3").zip(value.get("cwl")) {
            Some((s3, cwl)) => format!("{} and {}", text(s3), text(cwl)),
            None => text(value),
        };
        let name = differing.replace('_', "-");
        let (now, then) = (
            written(&now[differing.as_str()]),
            written(&then[differing.as_str()]),
        );
        Some(format!("{name} {then}, not {now}"))
    }
}

fn value(subject: &JobSubject) -> Value {
    serde_json::to_value(subject).unwrap_or_default()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "not given".to_owned(),
        Value::String(text) => format!("`{text}`"),
        Value::Array(all) if all.is_empty() => "not given".to_owned(),
        Value::Array(all) => all.iter().map(text).collect::<Vec<_>>().join(","),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_subject_is_told_by_what_differs() {
        let kept = JobSubject {
            source: Sides {
                s3: "s3://a".into(),
                cwl: "cwl://b".into(),
            },
            ..JobSubject::default()
        };
        let mut now = kept.clone();
        assert_eq!(now.difference(&kept, Sides::default()), None);
        now.ignore_fields = vec!["bytes".into()];
        assert_eq!(
            now.difference(&kept, Sides::default()).unwrap(),
            "ignore-fields not given, not `bytes`"
        );
        now = kept.clone();
        now.source.cwl = "cwl://c".into();
        assert_eq!(
            now.difference(&kept, Sides::default()).unwrap(),
            "source `s3://a` and `cwl://b`, not `s3://a` and `cwl://c`"
        );
        let told = Sides {
            s3: false,
            cwl: true,
        };
        assert_eq!(now.difference(&kept, told), None);
    }
}
