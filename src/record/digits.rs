//! Numbers in decimal digits, read fast: a row has two that are needed as numbers.

/// Reads ten digits, which Unix seconds have from 2001 to 2286. The caller knows that they are digits.
#[inline(always)]
pub(super) fn ten_digits(text: [u8; 10]) -> u64 {
    let [eight @ .., tens, ones] = text;
    joined(u64::from_le_bytes(eight)) * 100 + u64::from(tens & 0x0f) * 10 + u64::from(ones & 0x0f)
}

/// Reads a number; `None` if there is anything but digits or it does not fit. No digits at all are 0.
#[inline]
pub(super) fn digits(cell: &[u8]) -> Option<u64> {
    let (eights, rest) = cell.as_chunks::<8>();
    let mut value = 0u64;
    for eight in eights {
        value = value
            .checked_mul(100_000_000)?
            .checked_add(eight_digits(*eight)?)?;
    }
    for byte in rest {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

/// Times have ten digits and there are two in every row, so eight are read at once.
fn eight_digits(text: [u8; 8]) -> Option<u64> {
    const TENS: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    let word = u64::from_le_bytes(text);
    let above_nine = word.wrapping_add(0x0606_0606_0606_0606);
    if (word & TENS) | ((above_nine & TENS) >> 4) != 0x3333_3333_3333_3333 {
        return None;
    }
    Some(joined(word))
}

/// Joins neighbours to pairs, pairs to fours, fours to eight. The first digit is the lowest byte.
#[inline(always)]
fn joined(word: u64) -> u64 {
    let ones = word & 0x0f0f_0f0f_0f0f_0f0f;
    let pairs = (ones * 10 + (ones >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    (fours * 10_000 + (fours >> 32)) & 0xffff_ffff
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_digit_has_its_place() {
        for (text, number) in [
            ("00000001", 1),
            ("12345678", 12_345_678),
            ("1641597879", 1_641_597_879),
        ] {
            assert_eq!(digits(text.as_bytes()), Some(number), "{text}");
        }
    }

    proptest! {
        #[test]
        fn known_digits_are_read_without_looking(text in "[0-9]{10}") {
            let ten: [u8; 10] = text.as_bytes().try_into().unwrap();
            prop_assert_eq!(ten_digits(ten), text.parse::<u64>().unwrap());
        }

        #[test]
        fn numbers_are_read_as_the_standard_library_reads_them(text in "([0-9]{1,21}|[0-9]{0,9}[/:x][0-9]{0,9})") {
            prop_assert_eq!(digits(text.as_bytes()), text.parse::<u64>().ok());
        }
    }
}
