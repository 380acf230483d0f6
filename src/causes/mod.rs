//! Causes: what may be why two sides differ, told from how the flow logs are set up and from what the copies that differ
//! add up to.

pub mod configuration;
mod traffic;

pub use traffic::Traffic;
