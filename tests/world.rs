//! What the world around a run does: where outputs point, how many files may be open, what settings are empty, clocks
//! that are wrong, files that are not what their names say.

mod clocks;
mod credentials;
mod deadline;
mod endpoints;
mod files;
mod options;
mod outputs;
mod settings;
