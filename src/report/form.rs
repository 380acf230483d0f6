//! What a side's parts look like: what has to be known to write more of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::record::Layout;

/// What a side's parts look like. Empty unless a check is asked for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// The layouts of its rows.
    pub layouts: Vec<Layout>,
    /// A key of each flow log that delivers there, as its name tells.
    pub objects: Vec<Arc<str>>,
    /// The log streams by interface.
    pub streams: BTreeMap<String, Arc<str>>,
    /// For how many days it keeps records, if it says so.
    pub kept_days: Option<i64>,
}
