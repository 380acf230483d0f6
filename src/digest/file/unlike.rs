//! What keeps two digests from being compared or added up.

use std::fmt;

use super::About;
use crate::model::window::Window;

/// What is unlike about two digests, and the option that makes them alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unlike {
    what: String,
    values: [String; 2],
    option: &'static str,
}

impl fmt::Display for Unlike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            values: [one, other],
            option,
        } = self;
        write!(
            f,
            "{what}: {one} and {other}; make both with the same {option}"
        )
    }
}

/// Returns the first thing that keeps two digests from being compared; or, if they are of one side, from being added up.
pub fn unlike(one: &About, other: &About, of_one_side: bool) -> Option<Unlike> {
    let both = [one, other];
    let differ = |what: &str, option: &'static str, value: &dyn Fn(&About) -> String| {
        let values = both.map(value);
        let what = what.to_owned();
        (values[0] != values[1]).then_some(Unlike {
            what,
            values,
            option,
        })
    };
    let listed = |names: &mut dyn Iterator<Item = String>| {
        let names: Vec<String> = names.collect();
        match names.is_empty() {
            true => "all".to_owned(),
            false => names.join(", "),
        }
    };
    let sides =
        of_one_side.then(|| differ("they are of two sides", "--side", &|of| of.side.to_string()));
    sides
        .flatten()
        .or_else(|| {
            differ("their windows are unlike", "--since and --until", &|of| {
                Window::from(of.window).to_string()
            })
        })
        .or_else(|| {
            differ("their interfaces are unlike", "--interface", &|of| {
                listed(&mut of.interfaces.iter().cloned())
            })
        })
        .or_else(|| {
            differ("NODATA records are in one only", "--ignore-nodata", &|of| {
                if of.ignore_nodata { "without" } else { "with" }.to_owned()
            })
        })
        .or_else(|| {
            differ("their fingerprints are unlike", "--fingerprint", &|of| {
                of.fingerprint.clone()
            })
        })
        .or_else(|| {
            differ("their keys are unlike", "--key-file", &|of| {
                of.key.clone().unwrap_or_else(|| "none".to_owned())
            })
        })
        .or_else(|| {
            differ("their sketches are unlike", "--differences", &|of| {
                of.differences.to_string()
            })
        })
        .or_else(|| {
            // A kind that only one has met is compared with nothing.
            let mut kinds = one
                .fields
                .keys()
                .filter(|kind| other.fields.contains_key(kind));
            kinds.find_map(|kind| {
                differ("their fields are unlike", "--fields", &|of| {
                    let names = of.fields.get(kind).into_iter().flatten();
                    names.cloned().collect::<Vec<_>>().join(",")
                })
            })
        })
}
