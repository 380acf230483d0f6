//! `flowdiff schema`: the JSON Schema of what flowdiff writes as JSON.

use serde_json::{Map, Value};

use crate::model::Error;

/// All of them, by the names of what they describe.
const SCHEMAS: &str = include_str!("../../docs/schema.json");

/// What can be asked for, and the definition that it is.
const NAMES: [&str; 12] = [
    "report",
    "line",
    "difference",
    "round",
    "archive",
    "history",
    "plan",
    "doctor",
    "pairs",
    "several",
    "part",
    "verify",
];

/// Returns the schema of one format, with all that it refers to.
pub(super) fn schema(name: &str) -> Result<String, Error> {
    let unknown = || {
        let names = NAMES.join(", ");
        Error::Usage(format!("schema: there is no `{name}`; there are {names}"))
    };
    if !NAMES.contains(&name) {
        return Err(unknown());
    }
    let all: Map<String, Value> = serde_json::from_str(SCHEMAS)
        .map_err(|error| Error::Usage(format!("docs/schema.json: {error}")))?;
    let mut one = all;
    one.insert("title".to_owned(), format!("flowdiff {name}").into());
    one.insert("$ref".to_owned(), format!("#/$defs/{name}").into());
    Ok(format!("{:#}\n", Value::Object(one)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_a_definition_and_nothing_else_is() {
        for name in NAMES {
            let schema: Value = serde_json::from_str(&schema(name).unwrap()).unwrap();
            assert_eq!(schema["$ref"], format!("#/$defs/{name}"));
            assert!(schema["$defs"][name].is_object(), "{name}");
        }
        let error = schema("side").unwrap_err().to_string();
        assert!(error.contains("report, line, difference"), "{error}");
    }

    /// A reference that leads nowhere would let everything pass, or nothing.
    #[test]
    fn every_reference_leads_to_a_definition() {
        let all: Value = serde_json::from_str(SCHEMAS).unwrap();
        let mut references = 0;
        for part in SCHEMAS.split("\"$ref\": \"#/$defs/").skip(1) {
            let (name, _) = part.split_once('"').unwrap();
            assert!(all["$defs"][name].is_object(), "{name}");
            references += 1;
        }
        assert!(references > 50);
    }
}
