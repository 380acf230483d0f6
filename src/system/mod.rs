//! What the operating system gives: where a file's path points, how many may be open, streams that do not wait.

mod handles;
mod placing;
mod waiting;

pub(crate) use handles::parts_at_once;
pub(crate) use placing::{LINKS, fill, folder, or_fill, pointed_to};
pub(crate) use waiting::Waiting;
