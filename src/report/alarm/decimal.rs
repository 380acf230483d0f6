//! Decimal numbers as people write limits, kept exact.

/// A number that is not negative: `units` divided by ten to the power of `places`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    units: u64,
    places: u32,
}

/// More digits than any limit needs, and few enough that no product overflows 128 bits.
const MOST_PLACES: usize = 9;

impl Decimal {
    /// Reads `10` or `0.001`; at most nine digits after the point.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = format!("{whole}{fraction}");
        let plain = !whole.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let fits = plain && fraction.len() <= MOST_PLACES && !text.ends_with('.');
        Some(Self {
            units: fits.then(|| digits.parse().ok())??,
            places: u32::try_from(fraction.len()).ok()?,
        })
    }

    /// Compares `count` with this number.
    pub(super) fn against(self, count: u64) -> std::cmp::Ordering {
        (u128::from(count) * self.scale()).cmp(&u128::from(self.units))
    }

    /// Compares the share of `count` in `whole` with this number of hundredths.
    pub(super) fn percent_against(self, count: u64, whole: u64) -> std::cmp::Ordering {
        let left = u128::from(count) * 100 * self.scale();
        left.cmp(&(u128::from(self.units) * u128::from(whole)))
    }

    fn scale(self) -> u128 {
        10_u128.pow(self.places)
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering::{Equal, Greater, Less};

    use super::*;

    #[test]
    fn what_floats_would_blur_is_exact() {
        let limit = Decimal::parse("0.001").unwrap();
        assert_eq!(limit.percent_against(1, 100_000), Equal);
        assert_eq!(limit.percent_against(1, 100_001), Less);
        assert_eq!(limit.percent_against(1, 99_999), Greater);
        assert_eq!(limit.percent_against(u64::MAX, u64::MAX), Greater);
        assert_eq!(Decimal::parse("10").unwrap().against(10), Equal);
        assert_eq!(Decimal::parse("9.5").unwrap().against(10), Greater);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "1e3",
            "+1",
            "0.0000000001",
            "99999999999999999999",
        ] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }
}
