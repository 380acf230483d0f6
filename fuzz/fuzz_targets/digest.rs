//! Digests: whatever the bytes, reading one gives a digest that is written and read back as itself, or says what is wrong.
#![no_main]

use flowdiff::digest::file::{MAGIC, SideDigest, is_digest};
use libfuzzer_sys::fuzz_target;
use sha2::{Digest as _, Sha256};

/// Makes a file of a body: a damaged sum or packing would be all that is ever found.
fn file(body: &[u8]) -> Vec<u8> {
    let mut file = Vec::from(MAGIC);
    file.extend(zstd::bulk::compress(body, 1).unwrap_or_default());
    let sum = Sha256::digest(&file);
    file.extend(sum);
    file
}

fuzz_target!(|bytes: &[u8]| {
    let _ = SideDigest::read(bytes, None);
    let file = file(bytes);
    assert!(is_digest(&file));
    let Ok(digest) = SideDigest::read(&file, None) else {
        return;
    };
    let mut written = Vec::new();
    digest
        .write(&mut written)
        .expect("what was read is written");
    let again = SideDigest::read(&written, None).expect("what was written is read");
    let mut twice = Vec::new();
    again.write(&mut twice).expect("what was read is written");
    assert_eq!(twice, written);
});
