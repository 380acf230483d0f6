//! The two sides of a comparison.

use std::fmt;
use std::ops::{Index, IndexMut};

use serde::{Deserialize, Serialize};

/// The destination a source stands for, wherever its bytes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The S3 bucket.
    S3,
    /// The CloudWatch Logs group.
    Cwl,
}

impl Side {
    /// Both sides, in the order of reports.
    pub const BOTH: [Self; 2] = [Self::S3, Self::Cwl];

    /// Returns the opposite side.
    pub fn other(self) -> Self {
        match self {
            Self::S3 => Self::Cwl,
            Self::Cwl => Self::S3,
        }
    }

    /// Returns the name used in all output: `s3` or `cwl`.
    pub fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Cwl => "cwl",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One value for each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides<T> {
    /// The S3 side's value.
    pub s3: T,
    /// The CloudWatch side's value.
    pub cwl: T,
}

impl<T> Sides<T> {
    /// Makes a value for each side, S3 first.
    pub fn from_fn(mut make: impl FnMut(Side) -> T) -> Self {
        Self {
            s3: make(Side::S3),
            cwl: make(Side::Cwl),
        }
    }

    /// Turns each side's value into another.
    pub fn map<U>(self, mut change: impl FnMut(T) -> U) -> Sides<U> {
        Sides {
            s3: change(self.s3),
            cwl: change(self.cwl),
        }
    }

    /// Borrows both values.
    pub fn as_ref(&self) -> Sides<&T> {
        Sides {
            s3: &self.s3,
            cwl: &self.cwl,
        }
    }
}

impl<T> Index<Side> for Sides<T> {
    type Output = T;

    fn index(&self, side: Side) -> &T {
        match side {
            Side::S3 => &self.s3,
            Side::Cwl => &self.cwl,
        }
    }
}

impl<T> IndexMut<Side> for Sides<T> {
    fn index_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::S3 => &mut self.s3,
            Side::Cwl => &mut self.cwl,
        }
    }
}
