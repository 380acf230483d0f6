//! IPv6 addresses in their one spelling (RFC 5952), told by looking at the text: no parsing, no formatting.

use wide::u8x16;

/// The longest text that is looked at; no IPv6 address is longer than 45 bytes.
const LONGEST: usize = 48;

/// Tells whether a colon is among the first five bytes: in an IPv6 address the first one comes after at most four digits. More than the
/// cell may follow; a colon behind its end is taken for one in it.
#[inline(always)]
pub(super) fn has_colon(text: &[u8]) -> bool {
    const COLONS: u64 = 0x3a3a_3a3a_3a3a_3a3a;
    const ONES: u64 = 0x0101_0101_0101_0101;
    let Some(eight) = text.first_chunk::<8>() else {
        return text.contains(&b':');
    };
    // Zero bytes where there are colons; the lowest zero byte is told exactly, and higher ones at worst too often.
    let zeros = u64::from_le_bytes(*eight) ^ COLONS;
    let found = zeros.wrapping_sub(ONES) & !zeros & (ONES << 7);
    found & 0xff_ffff_ffff != 0
}

/// Tells whether a cell, which begins a text, is an IPv6 address as RFC 5952 spells it, or none at all. False is never wrong.
pub(super) fn is_canonical(text: &[u8], len: usize) -> bool {
    let cell = &text[..len];
    if len > LONGEST || cell.starts_with(b"::ffff:") {
        return false;
    }
    let Bits { colon, zero, odd } = match text.first_chunk() {
        Some(bytes) => bits(bytes),
        None => {
            let mut bytes = [0; LONGEST];
            bytes[..len].copy_from_slice(cell);
            bits(&bytes)
        }
    };
    let within = (1u64 << len) - 1;
    let colon = colon & within;
    if colon == 0 {
        return true;
    }
    // Groups, by their first and last bytes.
    let first = (colon << 1 | 1) & within & !colon;
    let last = (colon >> 1 | 1 << (len - 1)) & !colon;
    let zero_groups = zero & first & last;
    let leading_zero = zero & first & !last;
    let two_zero_groups = zero_groups & zero_groups >> 2;
    if (odd & within) | leading_zero | two_zero_groups != 0 {
        return false;
    }
    let left_out = colon & colon >> 1;
    let zero_group_beside = zero_groups & (left_out << 2 | left_out >> 1);
    // Of eight groups at least two must be left out: so a lone zero group elsewhere is shorter.
    left_out == 0 || (zero_group_beside == 0 && first.count_ones() <= 6)
}

/// What kind each of some bytes is, a bit for each.
struct Bits {
    colon: u64,
    zero: u64,
    /// Neither digit nor colon nor at or above a small `a`: capital letters, and the dots of an IPv4 address.
    odd: u64,
}

#[inline(always)]
fn bits(bytes: &[u8; LONGEST]) -> Bits {
    let mut bits = Bits {
        colon: 0,
        zero: 0,
        odd: 0,
    };
    for (number, sixteen) in bytes.as_chunks::<16>().0.iter().enumerate() {
        let sixteen = u8x16::new(*sixteen);
        let shift = 16 * number;
        let told = |mask: u8x16| u64::from(mask.to_bitmask()) << shift;
        // A colon comes right after the digits.
        let low = (sixteen - u8x16::splat(b'0')).simd_le(u8x16::splat(b':' - b'0'));
        let small = sixteen.simd_ge(u8x16::splat(b'a'));
        bits.colon |= told(sixteen.simd_eq(u8x16::splat(b':')));
        bits.zero |= told(sixteen.simd_eq(u8x16::splat(b'0')));
        bits.odd |= told(!(low | small));
    }
    bits
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use proptest::prelude::*;

    use super::*;

    /// Tells by parsing and formatting.
    fn parsed(cell: &str) -> bool {
        let address = cell.parse::<Ipv6Addr>();
        address.map_or(true, |address| address.to_string() == cell)
    }

    fn check(cell: &str, after: &str) -> bool {
        let text = format!("{cell}{after}");
        let told = is_canonical(text.as_bytes(), cell.len());
        assert!(!told || parsed(cell), "{cell}");
        told
    }

    #[test]
    fn canonical_spellings_are_known() {
        for cell in [
            "::",
            "::1",
            "1::",
            "2001:db8::1",
            "2001:db8:0:1:1:1:1:1",
            "2001:0:0:1::1",
            "2001:db8::1:0:0:1",
            "fe80::1:2:3:4",
            "1:2:3:4:5:6:7:8",
            "1:0:3:0:5:0:7:0",
            "::2:3:0:5:6:7",
            "2001:db8:1234:5678:9abc:def0:1234:5678",
            "-",
            "10.0.0.1",
        ] {
            assert!(parsed(cell), "{cell}");
            // Two runs of zeros are left to the general way.
            let two_runs = cell.contains("0:0");
            assert_eq!(check(cell, " 10.0.0.1 "), !two_runs, "{cell}");
            assert_eq!(check(cell, &" 1".repeat(40)), !two_runs, "{cell}");
        }
    }

    #[test]
    fn other_spellings_are_not() {
        for cell in [
            "2001:DB8::1",
            "2001:0db8::1",
            "2001:db8:0:0:1::",
            "0::1",
            "1::0",
            "::0",
            "::0:1",
            "1:2:3::5:6:7:8",
            "1:0:0:4:5:6:7:8",
            "::ffff:a00:1",
            "::ffff:10.0.0.1",
            "::10.0.0.1",
            "1::2:0:0:0:3",
        ] {
            for after in ["", " 10.0.0.1", &" 1".repeat(40)] {
                assert!(!check(cell, after), "{cell}");
            }
        }
    }

    #[test]
    fn a_colon_is_looked_for_where_ipv6_has_one() {
        for (cell, may_be) in [
            ("10.0.0.5", false),
            ("10.0.0.5:8", false),
            ("-", false),
            ("::1", true),
            ("1::", true),
            ("fe80::1:2:3:4", true),
            ("2001:db8::1", true),
            ("1:2:3:4:5:6:7:8", true),
            ("12345:67890", false),
        ] {
            let told = has_colon(cell.as_bytes());
            assert!(told == may_be || cell.starts_with("12345"), "{cell}");
        }
    }

    proptest! {
        #[test]
        fn what_is_told_canonical_is_what_formatting_gives(
            groups in prop::collection::vec(prop_oneof![3 => Just(0u16), 1 => Just(0xffff), 3 => any::<u16>()], 8),
            odd in "(:|::|[0-9a-fA-F.g]{1,5}){0,10}",
            after in "[ 0-9a-f:]{0,60}",
        ) {
            let groups: [u16; 8] = groups.try_into().unwrap();
            let address = Ipv6Addr::from(groups);
            let written = address.to_string();
            // Canonical ones are told, with few exceptions.
            let told = check(&written, &after);
            prop_assert!(told || written.contains("0:0") || written.starts_with("::ffff:") || written.contains('.'), "{}", written);
            let long = groups.map(|group| format!("{group:x}")).join(":");
            check(&long, &after);
            check(&long.replacen(":0:", "::", 1), &after);
            check(&long.replacen(":0:0:", "::", 1), &after);
            check(&written.to_uppercase(), &after);
            if !odd.is_empty() {
                check(&odd, &after);
            }
        }
    }
}
