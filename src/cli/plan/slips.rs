//! Slips: what was typed, what it cannot be, and what was most likely meant. Words only.

use crate::model::Side;
use crate::record::field::FIELDS;
use crate::record::{FieldName, LayoutError};

/// How alike two names must be, from 0 to 1 (Jaro-Winkler), for one to be a slip of the other.
const ALIKE: f64 = 0.85;

/// Returns the field that a name is most likely a slip of.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase().replace('_', "-");
    let bare = |name: &str| name.replace('-', "");
    let likeness = |field: &str| {
        if bare(field) == bare(&name) {
            return 1.0;
        }
        strsim::jaro_winkler(field, &name)
    };
    let fields = FIELDS
        .iter()
        .map(|field| (likeness(field.name), field.name));
    let best = fields.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (best.0 >= ALIKE).then_some(best.1)
}

/// Says what is wrong with a format and what to write.
pub(super) fn format(side: Side, text: &str, why: &LayoutError) -> String {
    let option = format!("--{side}-format");
    let quoted = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| format!("${{{name}}}")).collect();
        format!("{option} '{}'", names.join(" "))
    };
    if eaten_by_shell(text) {
        return format!(
            "{option}: `{text}` holds no `${{...}}`: between double quotes the shell has replaced them; use single quotes: {option} \
             '${{version}} ${{account-id}} ...'"
        );
    }
    if text.contains("$${") {
        return format!(
            "{option}: `$${{` is how Terraform escapes `${{`; write {option} '{}'",
            text.replace("$${", "${")
        );
    }
    let names = bare_names(text);
    let known = |name: &&str| FieldName::new(name).is_known();
    if !names.is_empty() && names.iter().all(known) {
        let how = if text.contains(',') {
            "fields are separated by spaces, not commas"
        } else if text.contains("${") {
            "each field is written `${name}`, with nothing around it"
        } else {
            "each field is written `${name}`"
        };
        return format!("{option}: {how}: {}", quoted(&names));
    }
    let lower: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    if !lower.is_empty() && lower.iter().all(known) {
        return format!(
            "{option}: fields are written in small letters: {}",
            quoted(&lower)
        );
    }
    if let LayoutError::NotAField(token) = why {
        let name = token.trim_matches(|c| "${}\"',[]".contains(c));
        if let Some(nearest) = nearest(name) {
            return format!("{option}: {why}; did you mean `${{{nearest}}}`?");
        }
    }
    format!("{option}: {why}")
}

/// Says what is wrong with a format that can be read: a field that no flow log has, and that is most likely a slip.
pub(super) fn strange_field(side: Side, fields: &[FieldName]) -> Option<String> {
    if let Some(first) = fields.first()
        && matches!(first.as_str(), "timestamp" | "@timestamp" | "time")
    {
        return Some(format!(
            "--{side}-format: `${{{first}}}` is no field: the time that an export writes before each line is told by itself; leave \
             it out"
        ));
    }
    let unknown = fields.iter().filter(|field| !field.is_known());
    let mut slips = unknown.filter_map(|field| {
        let nearest = nearest(field.as_str())?;
        // A name that is there as well is not what was meant.
        let is_free = !fields.iter().any(|other| other.as_str() == nearest);
        is_free.then(|| {
            format!(
                "--{side}-format: no flow log has a field `{field}`; did you mean `${{{nearest}}}`?"
            )
        })
    });
    slips.next()
}

/// Says what is wrong with a name given for a field.
pub(super) fn unknown_field(option: &str, field: &FieldName) -> Option<String> {
    if field.is_known() {
        return None;
    }
    let nearest = nearest(field.as_str())?;
    Some(format!(
        "{option}: no flow log has a field `{field}`; did you mean `{nearest}`?"
    ))
}

/// Tells whether this is what a shell leaves of a format between double quotes: of `${account-id}` it keeps `id`, of `${bytes}`
/// nothing.
fn eaten_by_shell(text: &str) -> bool {
    let tails = |word: &str| {
        let mut names = FIELDS.iter().filter_map(|field| field.name.split_once('-'));
        names.any(|(_, tail)| tail == word)
    };
    let mut words = text.split_whitespace();
    !text.contains(['$', '{']) && (text.trim().is_empty() || words.all(tails))
}

/// Returns the words of a format without what people put around them.
fn bare_names(text: &str) -> Vec<&str> {
    let around = |c: char| c.is_whitespace() || ",;\"'[]|".contains(c);
    let words = text.split(around).filter(|word| !word.is_empty());
    words
        .map(|word| {
            word.trim_start_matches('$')
                .trim_matches(|c| "{}".contains(c))
        })
        .filter(|word| !word.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Layout;

    fn said(text: &str) -> String {
        match Layout::from_format(text) {
            Err(why) => format(Side::Cwl, text, &why),
            Ok(layout) => strange_field(Side::Cwl, layout.columns()).unwrap_or_default(),
        }
    }

    #[test]
    fn slips_in_formats_are_told_as_what_they_are() {
        for (text, part) in [
            ("", "use single quotes"),
            (" id id         status", "use single quotes"),
            (
                "$${version} $${start}",
                "write --cwl-format '${version} ${start}'",
            ),
            (
                "version account-id",
                "--cwl-format '${version} ${account-id}'",
            ),
            (
                "${version},${start}",
                "not commas: --cwl-format '${version} ${start}'",
            ),
            (
                "[\"version\", \"start\"]",
                "not commas: --cwl-format '${version} ${start}'",
            ),
            (
                "${VERSION} ${Start}",
                "small letters: --cwl-format '${version} ${start}'",
            ),
            ("${timestamp} ${version}", "leave it out"),
            ("${version} ${byts}", "did you mean `${bytes}`?"),
            ("${src-addr} ${start}", "did you mean `${srcaddr}`?"),
            ("{version}", "--cwl-format '${version}'"),
            ("${version} $start", "--cwl-format '${version} ${start}'"),
        ] {
            let said = said(text);
            assert!(said.contains(part), "{text}: {said}");
        }
        assert_eq!(said("${version} ${brand-new}"), "");
        assert_eq!(said("${srcaddr} ${src-addr}"), "");
        assert_eq!(nearest("srcadr"), Some("srcaddr"));
        assert_eq!(nearest("logStatus"), Some("log-status"));
        assert_eq!(nearest("colour"), None);
    }
}
