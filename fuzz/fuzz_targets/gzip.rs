//! Gzip: what comes out is what flate2 says comes out, and nothing is shorter than it was.
#![no_main]

use std::io::Read;

use flate2::read::MultiGzDecoder;
use flowdiff_fuzz::{Collected, short_format};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|packed: &[u8]| {
    let format = short_format();
    let (rows, result) = Collected::of(packed, &format);
    if !packed.starts_with(b"\x1f\x8b\x08") {
        return;
    }
    let mut unpacked = Vec::new();
    let whole = MultiGzDecoder::new(packed)
        .take(1 << 20)
        .read_to_end(&mut unpacked);
    // What flate2 takes, flowdiff takes; zeros that follow the last member are an error to flate2 only.
    if whole.is_ok() && unpacked.len() < 1 << 20 && !unpacked.starts_with(b"\x1f\x8b") {
        assert_eq!((rows, result), Collected::of(&unpacked, &format));
    } else if let (Err(error), Ok(())) = (whole, result) {
        assert!(
            packed.ends_with(b"\0"),
            "flowdiff reads what flate2 does not: {error}"
        );
    }
});
