//! Environments of Python under `target/`, made on first use.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What pip installs into an environment of its own.
pub(crate) struct Environment {
    /// The name of its folder under `target/`.
    pub(crate) name: &'static str,
    /// With what they depend on.
    pub(crate) packages: &'static [&'static str],
    /// Without.
    pub(crate) alone: &'static [&'static str],
}

impl Environment {
    /// Returns the folder of its programs, after making sure that it is there. Processes that come at the same time wait
    /// for one another; an install that was interrupted is done again, because the stamp is written last, and other
    /// packages make another environment.
    pub(crate) fn programs(&self) -> PathBuf {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let folder = target.join(self.name);
        let (programs, stamp) = (folder.join("bin"), folder.join("flowdiff-stamp"));
        let lock = File::create(target.join(format!("{}.lock", self.name))).unwrap();
        lock.lock().unwrap();
        let wanted = format!("{:?} {:?}", self.packages, self.alone);
        if fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == wanted) {
            return programs;
        }
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder));
        self.install(&programs, self.packages);
        if !self.alone.is_empty() {
            self.install(&programs, &[&["--no-deps"], self.alone].concat());
        }
        fs::write(stamp, wanted).unwrap();
        programs
    }

    fn install(&self, programs: &Path, what: &[&str]) {
        let mut pip = Command::new(programs.join("python"));
        pip.args(["-m", "pip", "install"]);
        // What is used is compiled on first use, and most is not.
        pip.args(["--quiet", "--disable-pip-version-check", "--no-compile"]);
        run(pip.args(what));
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| {
        panic!("these tests need python3 with venv and pip: {command:?}: {error}")
    });
    assert!(
        output.status.success(),
        "these tests need python3 with venv and pip: {command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Returns a script of the tests.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/support")
        .join(name)
}
