//! Records by interface and hour, for reports that tell of what is in order too.

use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::model::{Side, Sides};
use crate::report::Hour;

/// Adds up the first look's buckets.
pub(super) fn hours(digests: &Sides<Digest>) -> BTreeMap<Hour, Sides<u64>> {
    let mut hours: BTreeMap<Hour, Sides<u64>> = BTreeMap::new();
    for side in Side::BOTH {
        let ledger = &digests[side].ledger;
        for id in ledger.ids() {
            if let Some(bucket) = ledger.bucket(id) {
                hours.entry(Hour::of(&bucket)).or_default()[side] += ledger.sums(id).copies;
            }
        }
    }
    hours
}
