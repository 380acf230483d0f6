//! What the services do wrong, and what becomes of it: the right answer in the end, or no verdict and a message that
//! names what could not be read. Never "consistent" about a part not read whole, never "missing" about a record that
//! may sit in one.

// What changes between a listing and a reading, and between two looks.
mod between;
// What time has to do with it.
mod clock;
// What does not pass.
mod lasting;
// The same in front of a server that others wrote.
mod moto;
// Pages and tokens.
mod pages;
// What passes.
mod passing;
// What has expired.
mod retention;
mod run;

use crate::support::REGION;
use crate::support::aws::Call;
use crate::support::aws::http::Wire;
use crate::support::records::Delivery;

/// One answer suffers from it, in one way or another.
const WIRES: [Wire; 8] = [
    Wire::Short,
    Wire::ShortOfElements,
    Wire::CutOff,
    Wire::ResetBefore,
    Wire::ResetWithin,
    Wire::ResetAfter,
    Wire::Stalled,
    Wire::Silent,
];

/// A delivery of its own: other names.
const OTHER_DELIVERY: Delivery = Delivery {
    prefix: "",
    region: REGION,
    flow_log_id: "fl-0fa0150fa0150fa01",
    hive: false,
    hourly: false,
    parquet: false,
    object_records: usize::MAX,
};

/// Tells the calls that either side's second listing begins with.
fn is_second_look(call: &Call<'_>) -> bool {
    call.nth == 2
        && ["DescribeLogGroups", "ListObjectsV2"].contains(&call.operation)
        && call.name.is_empty()
}
