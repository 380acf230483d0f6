//! Many bytes looked at at once: which of them a canonical value cannot have.

use wide::u8x16;

/// How much is looked at at once.
pub(super) const WINDOW: usize = 64;

/// How many bytes two IPv4 addresses and what is between them have at most.
pub(super) const HALF: usize = 32;

/// What the processor at hand can do, told at run time.
#[derive(Clone, Copy, Debug)]
pub enum Simd {
    /// What every processor can.
    Portable,
    /// What those of the last ten years can.
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
}

/// Which of some bytes are what, a bit for each.
struct ByteKinds {
    space: u64,
    digit: u64,
    zero: u64,
}

impl Simd {
    /// Tells whether the first so many bytes, at most 64 and at least one, are canonical numbers with one space between any two.
    #[inline(always)]
    pub(super) fn are_numbers(self, bytes: &[u8; WINDOW], len: usize) -> bool {
        let ByteKinds { space, digit, zero } = match self {
            Self::Portable => portable::kinds(bytes),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => avx2::kinds(simd, bytes),
        };
        let first = space << 1 | 1;
        let last = space >> 1 | 1 << (len - 1);
        let leading_zero = zero & first & !last;
        (!(space | digit) | leading_zero) << (WINDOW - len) == 0
    }

    /// Returns which bytes are above `9`: none in an IPv4 address, and colons.
    #[inline(always)]
    pub(super) fn above_nine(self, bytes: &[u8; HALF]) -> u32 {
        match self {
            Self::Portable => portable::above_nine(bytes),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(simd) => avx2::above_nine(simd, bytes),
        }
    }
}

mod portable {
    use super::{ByteKinds, HALF, WINDOW, u8x16};

    #[inline(always)]
    pub(super) fn kinds(bytes: &[u8; WINDOW]) -> ByteKinds {
        let mut kinds = ByteKinds {
            space: 0,
            digit: 0,
            zero: 0,
        };
        for (number, sixteen) in bytes.as_chunks::<16>().0.iter().enumerate() {
            let sixteen = u8x16::new(*sixteen);
            let told = |mask: u8x16| u64::from(mask.to_bitmask()) << (16 * number);
            kinds.space |= told(sixteen.simd_eq(u8x16::splat(b' ')));
            kinds.digit |= told((sixteen - u8x16::splat(b'0')).simd_le(u8x16::splat(9)));
            kinds.zero |= told(sixteen.simd_eq(u8x16::splat(b'0')));
        }
        kinds
    }

    #[inline(always)]
    pub(super) fn above_nine(bytes: &[u8; HALF]) -> u32 {
        let mut above = 0;
        for (number, sixteen) in bytes.as_chunks::<16>().0.iter().enumerate() {
            let mask = u8x16::new(*sixteen).simd_ge(u8x16::splat(b'9' + 1));
            above |= mask.to_bitmask() << (16 * number);
        }
        above
    }
}

// No closures: their bodies would not become part of the loop.
#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::__m256i;

    use pulp::cast;
    use pulp::x86::V3;

    use super::{ByteKinds, HALF, WINDOW};

    #[inline(always)]
    pub(super) fn kinds(simd: V3, bytes: &[u8; WINDOW]) -> ByteKinds {
        let [low, high]: [__m256i; 2] = cast(*bytes);
        ByteKinds {
            space: bits(simd, is(simd, low, b' '), is(simd, high, b' ')),
            digit: bits(simd, digit(simd, low), digit(simd, high)),
            zero: bits(simd, is(simd, low, b'0'), is(simd, high, b'0')),
        }
    }

    #[inline(always)]
    pub(super) fn above_nine(simd: V3, bytes: &[u8; HALF]) -> u32 {
        let bytes: __m256i = cast(*bytes);
        let above = all(simd, b'9' + 1);
        let is = simd
            .avx2
            ._mm256_cmpeq_epi8(simd.avx2._mm256_max_epu8(bytes, above), bytes);
        simd.avx2._mm256_movemask_epi8(is).cast_unsigned()
    }

    #[inline(always)]
    fn is(simd: V3, bytes: __m256i, byte: u8) -> __m256i {
        simd.avx2._mm256_cmpeq_epi8(bytes, all(simd, byte))
    }

    #[inline(always)]
    fn digit(simd: V3, bytes: __m256i) -> __m256i {
        let less = simd.avx2._mm256_sub_epi8(bytes, all(simd, b'0'));
        let least = simd.avx2._mm256_min_epu8(less, all(simd, 9));
        simd.avx2._mm256_cmpeq_epi8(least, less)
    }

    #[inline(always)]
    fn all(simd: V3, byte: u8) -> __m256i {
        simd.avx._mm256_set1_epi8(byte.cast_signed())
    }

    #[inline(always)]
    fn bits(simd: V3, low: __m256i, high: __m256i) -> u64 {
        let low = simd.avx2._mm256_movemask_epi8(low).cast_unsigned();
        let high = simd.avx2._mm256_movemask_epi8(high).cast_unsigned();
        u64::from(low) | u64::from(high) << 32
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All that this processor can do.
    pub(in crate::record) fn ways() -> Vec<Simd> {
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = pulp::x86::V3::try_new() {
            return vec![Simd::Portable, Simd::Avx2(simd)];
        }
        vec![Simd::Portable]
    }

    fn window(text: &str, after: &str) -> [u8; WINDOW] {
        let mut bytes = [b'x'; WINDOW];
        let text = format!("{text}{after}");
        let len = text.len().min(WINDOW);
        bytes[..len].copy_from_slice(&text.as_bytes()[..len]);
        bytes
    }

    fn check(text: &str, after: &str) {
        let number = |cell: &str| {
            let digits = !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit());
            digits && (cell == "0" || !cell.starts_with('0'))
        };
        let expected = text.split(' ').all(number);
        let bytes = window(text, after);
        for simd in ways() {
            // Two spaces, or one at an end, are not asked about.
            if !format!(" {text} ").contains("  ") {
                let told = simd.are_numbers(&bytes, text.len());
                assert_eq!(told, expected, "{text:?} {after:?}");
            }
            let half: &[u8; HALF] = bytes.first_chunk().unwrap();
            for (place, byte) in half.iter().enumerate() {
                let told = simd.above_nine(half) >> place & 1 == 1;
                assert_eq!(told, *byte > b'9', "{byte}");
            }
        }
    }

    proptest! {
        #[test]
        fn numbers_are_told(
            numbers in "(0|[1-9][0-9]{0,9})( (0|[1-9][0-9]{0,9})){0,4}",
            nearly in "(0{0,2}|[0-9a:/-]{0,9})([ ](0{0,2}|[0-9]{0,9})){0,4}",
            after in "[ -~]{0,9}",
            any in "[\0-\u{7f}]{1,60}",
        ) {
            for text in [&numbers, &nearly, &any] {
                if !text.is_empty() && text.len() <= WINDOW {
                    check(text, &after);
                }
            }
        }
    }

    #[test]
    fn as_many_as_there_can_be_are_told() {
        let longest = "1".repeat(WINDOW);
        check(&longest, "");
        check(&longest.replacen('1', "0", 1), "");
        check(&format!("{} 0", "1".repeat(WINDOW - 2)), "");
        check("0", "0");
        check("0", " 00");
    }
}
