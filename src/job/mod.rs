//! A scheduled job: rounds, one after the other, and the state that is kept between them.

pub mod keep;
pub mod round;
pub mod state;
pub mod watch;
