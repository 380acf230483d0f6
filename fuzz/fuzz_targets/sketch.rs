//! The sketch: peeling gives the difference of two multisets, or says that it is too large.
#![no_main]

use std::collections::BTreeMap;

use arbitrary::Arbitrary;
use flowdiff::digest::{BucketId, Fingerprints, Overfull, Sketch};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Records {
    capacity: u8,
    /// A record, its side, and how many copies.
    copies: Vec<(u16, bool, u8)>,
}

fuzz_target!(|records: Records| {
    let key = Fingerprints::seeded(7);
    let capacity = usize::from(records.capacity);
    let mut sides = [
        Sketch::for_differences(capacity),
        Sketch::for_differences(capacity),
    ];
    let mut net: BTreeMap<(u128, BucketId), i64> = BTreeMap::new();
    for (record, side, copies) in &records.copies {
        let fingerprint = key.of_record(&record.to_le_bytes());
        let bucket = BucketId(u64::from(record % 7));
        sides[usize::from(*side)].add(fingerprint, bucket, i64::from(*copies));
        let sign = if *side { -1 } else { 1 };
        *net.entry((fingerprint, bucket)).or_default() += sign * i64::from(*copies);
    }
    net.retain(|_, copies| *copies != 0);
    let [mut one, other] = sides;
    one -= &other;
    assert_eq!(one.is_empty(), net.is_empty());
    match one.peel() {
        Ok(found) => {
            let found: BTreeMap<_, _> = found
                .iter()
                .map(|net| ((net.fingerprint, net.bucket), net.copies))
                .collect();
            assert_eq!(found, net);
        }
        // Any two may fall into the same three cells, of at least eight in each table.
        Err(Overfull) => assert!(net.len() > 1, "{} differences are none too many", net.len()),
    }
});
