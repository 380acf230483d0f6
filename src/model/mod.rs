//! The words that all rooms share: sides and what they hold, time, what can be found and what can go wrong.

mod counts;
mod cover;
pub mod delay;
mod error;
pub mod finding;
mod side;
pub mod window;
pub(crate) mod words;

pub use counts::Counts;
pub use cover::Cover;
pub use error::Error;
pub use side::{Side, Sides};
