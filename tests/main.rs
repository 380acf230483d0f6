//! flowdiff from outside: the built binary against stores that are like AWS.
//!
//! One binary, a module for each subject. The stores are moto's server, which `support` installs
//! under `target/` on first use (python3 with `venv` is all it needs) and starts once for all tests.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod support;

// That planted causes are found, and no others.
mod causes;
// That what others read of flowdiff's reports is what it wrote.
mod consumers;
// That what is in deploy/ can be installed, and does what it says.
mod deploy;
// That digests tell what a check of both sides does, however the records are spread over them.
mod digests;
// Whether a check could run, told beforehand.
mod doctor;
// That the CloudFormation template of fixtures/ deploys and makes what flowdiff compares.
mod environment;
// What a check would read, beside what it then reads.
mod estimate;
// Two flow logs instead of sources.
mod flow_logs;
// What the services do wrong, and what becomes of it.
mod faults;
// What nobody would write who means well.
mod hostile;
// That Ctrl-C is heard.
mod interrupt;
// That no moment to be killed and no full disk is a bad one.
mod killed;
// That late records are waited for, and counted as what they are.
mod late;
// `flowdiff check` against a bucket and a log group.
mod live;
// The engine against a naive model.
mod model;
// The command that a report ends with.
mod next;
// Whole reports against a model that shares no code with flowdiff.
mod oracle;
// That README.md and the pages of docs/ show what is printed.
mod pages;
// Several pairs: found, checked, watched.
mod pairs;
// That reports can be given away.
mod redacted;
// That what `--repair` makes closes the gap.
mod repair;
// What can be wrong, and the report it must give.
mod scenarios;
// That what is written as JSON is what its schemas say.
mod schemas;
// Planted faults, by the thousand.
mod selftest;
// That the README's two commands do not build the same twice.
mod shared;
// A job that runs again and again.
mod state;
// Log groups read together.
mod together;
// What is said when something cannot be done.
mod words;
// Where outputs point, which settings are empty, which files are not what their names say.
mod world;
