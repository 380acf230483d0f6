//! The causes, a file each: how it is found, what it is called in words, what to do about it.

pub(super) mod aggregation;
pub(super) mod best_effort;
pub(super) mod columns_exchanged;
pub(super) mod converted_values;
pub(super) mod delivered_twice;
pub(super) mod expired;
pub(super) mod export_cut;
mod holes;
pub(super) mod interface_absent;
pub(super) mod late;
pub(super) mod masked;
pub(super) mod nodata_rows;
pub(super) mod not_read;
pub(super) mod objects_gone;
pub(super) mod one_sided;
pub(super) mod outage;
pub(super) mod refused_by_age;
mod sampled;
mod shifted;
pub(super) mod traffic_type;
mod words;
