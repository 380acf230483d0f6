//! What the operating system gives: where a file's path points, how many may be open.

mod handles;
mod placing;

pub(crate) use handles::parts_at_once;
pub(crate) use placing::{LINKS, fill, folder, or_fill, pointed_to};
