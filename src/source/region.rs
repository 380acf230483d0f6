//! The names of regions.

/// The regions that are known. More come every year, so that a name which is not among these need not be wrong.
pub(super) const KNOWN: [&str; 36] = [
    "af-south-1",
    "ap-east-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

/// So many letters may be wrong for a name to be meant.
const SLIPS: usize = 3;

/// Returns the region that was most likely meant by a name that is none of those known; `None` if it is one, or like none.
pub(super) fn meant(name: &str) -> Option<&'static str> {
    let typed = name.to_ascii_lowercase().replace(['_', ' '], "-");
    let distance = |known: &&&str| strsim::damerau_levenshtein(known, &typed);
    let nearest = KNOWN.iter().min_by_key(distance)?;
    // Those that nobody outside of them can see.
    let secret = typed.contains("iso");
    (!secret && !KNOWN.contains(&name) && distance(&nearest) <= SLIPS).then_some(*nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_region_is_told_with_the_one_that_was_meant() {
        for (name, expected) in [
            ("eu-west-1", None),
            ("us-gov-west-1", None),
            ("eu-wset-1", Some("eu-west-1")),
            ("EU-WEST-1", Some("eu-west-1")),
            ("eu-west1", Some("eu-west-1")),
            ("eu_central_1", Some("eu-central-1")),
            ("us-eats-2", Some("us-east-2")),
            ("europe", None),
            ("us-iso-east-1", None),
        ] {
            assert_eq!(meant(name), expected, "{name}");
        }
    }
}
