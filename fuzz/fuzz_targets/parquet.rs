//! Parquet, whole or damaged.
#![no_main]

use flowdiff_fuzz::{Collected, default_format};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    let (all, result) = Collected::of(file, &default_format());
    if result.is_ok() && file.starts_with(b"PAR1") {
        assert_eq!(all.malformed, [], "the reader knows no such rows");
        assert!(all.layouts.len() <= 1);
    }
});
