//! Text: whatever stands in it, packed or not, in whatever layout.
#![no_main]

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use flowdiff_fuzz::{Collected, default_format, short_format};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    for format in [default_format(), short_format()] {
        let plain = Collected::of(text, &format);
        let mut packer = GzEncoder::new(Vec::new(), Compression::none());
        packer.write_all(text).expect("memory");
        let packed = packer.finish().expect("memory");
        // A text that is itself gzip or Parquet is another target's, and so is one within three gzips.
        if !text.starts_with(b"\x1f\x8b") {
            assert_eq!(plain, Collected::of(&packed, &format));
        }
        // What comes before is not changed by a line that follows, unless the text could not be told.
        let (all, result) = plain;
        if result.is_ok() && text.ends_with(b"\n") && text.len() > 1024 {
            let (more, _) = Collected::of(&[text, b"1 2"].concat(), &format);
            assert_eq!(more.rows.get(..all.rows.len()), Some(&all.rows[..]));
        }
    }
});
