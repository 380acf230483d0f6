//! Slips in what the two sides are: one place for both, or each in the other's place.

use std::fs;

use crate::model::{Error, Sides};
use crate::source::{Address, SourceOptions};

/// Refuses sides that would agree whatever they hold, and sides that would be told as each other.
///
/// # Errors
/// [`Error::Usage`] that names both addresses.
pub(super) fn check(sources: &Sides<(Address, SourceOptions)>) -> Result<(), Error> {
    let (s3, cwl) = (&sources.s3.0, &sources.cwl.0);
    if matches!((s3, cwl), (Address::Group(_), Address::S3 { .. })) {
        return Err(Error::Usage(format!(
            "the sides are swapped: the bucket comes first, then the log group: `{cwl} {s3}`"
        )));
    }
    if is_one_place(s3, cwl) && is_asked_alike(&sources.s3.1, &sources.cwl.1) {
        return Err(Error::Usage(format!(
            "both sides are {s3}, which agrees with itself whatever it holds: give the other destination as one of them"
        )));
    }
    Ok(())
}

fn is_one_place(one: &Address, other: &Address) -> bool {
    match (one, other) {
        (
            Address::S3 { bucket, prefix, .. },
            Address::S3 {
                bucket: other_bucket,
                prefix: other_prefix,
                ..
            },
        ) => (bucket, prefix) == (other_bucket, other_prefix),
        (Address::Path(one), Address::Path(other)) => {
            let whole = |path| fs::canonicalize(path).ok();
            one == other || whole(one).is_some() && whole(one) == whole(other)
        }
        _ => one == other,
    }
}

/// Tells whether nothing is said of one side that makes the same address another place, or less of it.
fn is_asked_alike(one: &SourceOptions, other: &SourceOptions) -> bool {
    let place = |side: &SourceOptions| {
        [
            side.profile.clone(),
            side.region.clone(),
            side.role_arn.clone(),
            side.endpoint_url.clone(),
        ]
    };
    place(one) == place(other) && one.flow_log_ids.is_empty() && other.flow_log_ids.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Side;

    fn said(s3: &str, cwl: &str, region: Option<&str>) -> Option<String> {
        let side = |side: Side, text: &str| (text.parse().unwrap(), SourceOptions::new(side));
        let mut sources = Sides {
            s3: side(Side::S3, s3),
            cwl: side(Side::Cwl, cwl),
        };
        sources.cwl.1.region = region.map(str::to_owned);
        check(&sources).err().map(|error| error.to_string())
    }

    #[test]
    fn one_place_is_no_two_sides() {
        for (s3, cwl, region, refused) in [
            ("src", "src", None, true),
            ("src", "./src/../src", None, true),
            ("src", "tests", None, false),
            ("cwl://g", "cwl://g", None, true),
            ("cwl://g", "cwl://g", Some("eu-west-1"), false),
            ("s3://logs/p", "arn:aws:s3:::logs/p", None, true),
            ("s3://logs/p", "s3://logs/q", None, false),
            ("s3://logs", "cwl://g", None, false),
        ] {
            let said = said(s3, cwl, region);
            assert_eq!(said.is_some(), refused, "{s3} {cwl}: {said:?}");
        }
    }

    #[test]
    fn swapped_sides_are_told_the_right_way_round() {
        let said = said("cwl://g", "s3://logs", None).unwrap();
        assert!(said.contains("`s3://logs cwl://g`"), "{said}");
    }
}
