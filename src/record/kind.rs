//! The two kinds of flow-log record, which are never compared with each other.

use std::fmt;
use std::ops::{Index, IndexMut};

use serde::{Deserialize, Serialize};

/// What a record tells of: an interface's traffic, or a Transit Gateway's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordKind {
    /// VPC, subnet or network interface flow logs.
    Vpc,
    /// Transit Gateway flow logs.
    TransitGateway,
}

impl RecordKind {
    /// Both kinds, in the order of reports.
    pub const BOTH: [Self; 2] = [Self::Vpc, Self::TransitGateway];

    /// Returns the name used in all output: `vpc` or `transit-gateway`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vpc => "vpc",
            Self::TransitGateway => "transit-gateway",
        }
    }
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One value for each kind of record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerKind<T> {
    /// The value for VPC records.
    pub vpc: T,
    /// The value for Transit Gateway records.
    pub transit_gateway: T,
}

impl<T> PerKind<T> {
    /// Makes a value for each kind, VPC first.
    pub fn from_fn(mut make: impl FnMut(RecordKind) -> T) -> Self {
        Self {
            vpc: make(RecordKind::Vpc),
            transit_gateway: make(RecordKind::TransitGateway),
        }
    }

    /// Returns the kinds with their values, VPC first.
    pub fn iter(&self) -> impl Iterator<Item = (RecordKind, &T)> {
        RecordKind::BOTH.into_iter().map(|kind| (kind, &self[kind]))
    }
}

impl<T> Index<RecordKind> for PerKind<T> {
    type Output = T;

    fn index(&self, kind: RecordKind) -> &T {
        match kind {
            RecordKind::Vpc => &self.vpc,
            RecordKind::TransitGateway => &self.transit_gateway,
        }
    }
}

impl<T> IndexMut<RecordKind> for PerKind<T> {
    fn index_mut(&mut self, kind: RecordKind) -> &mut T {
        match kind {
            RecordKind::Vpc => &mut self.vpc,
            RecordKind::TransitGateway => &mut self.transit_gateway,
        }
    }
}
