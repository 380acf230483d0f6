//! What a release is made by: the workflow, and the wheel.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{TOOLS, assert_passes, assert_refuses};

const WORKFLOW: &str = include_str!("../../.github/workflows/release.yml");

#[test]
fn zizmor_has_nothing_to_say_about_the_workflow() {
    let folder = tempfile::tempdir().unwrap();
    let workflows = folder.path().join(".github/workflows");
    fs::create_dir_all(&workflows).unwrap();
    let judge = |text: &str| {
        let path = workflows.join("release.yml");
        fs::write(&path, text).unwrap();
        let mut tool = Command::new(TOOLS.programs().join("zizmor"));
        tool.args(["--offline", "--pedantic", "--no-progress"])
            .arg(path);
        tool
    };
    assert_passes(&mut judge(WORKFLOW));
    let (before, after) = WORKFLOW.split_once("actions/checkout@").unwrap();
    let (_, after) = after.split_once(" # ").unwrap();
    let by_tag = format!("{before}actions/checkout@{after}");
    assert_refuses(&mut judge(&by_tag), "unpinned-uses");
    let open = WORKFLOW.replace("permissions: {}\n", "permissions: write-all\n");
    assert_refuses(&mut judge(&open), "excessive-permissions");
}

/// What the workflow calls an archive is what `cargo binstall` looks for.
#[test]
fn binstall_looks_for_what_is_released() {
    let manifest = include_str!("../../Cargo.toml");
    let script = super::text("release");
    assert!(script.contains("name=flowdiff-$version-$target\n"));
    assert!(script.contains("\"$out/$name.tar.gz\" -C \"$out\" \"$name\""));
    assert!(manifest.contains("/v{ version }/flowdiff-{ version }-{ target }.tar.gz\"\n"));
    assert!(manifest.contains("\"flowdiff-{ version }-{ target }/{ bin }\"\n"));
    let built = WORKFLOW.lines().filter_map(|line| {
        let (_, target) = line.split_once("- {target: ")?;
        Some(target.split_once(',')?.0)
    });
    let built: Vec<_> = built.collect();
    assert_eq!(built.len(), 4);
    for (system, names) in [("linux", "gnu"), ("apple", "darwin")] {
        for processor in ["x86_64", "aarch64"] {
            let target = match names {
                "gnu" => format!("{processor}-unknown-{system}-musl"),
                _ => format!("{processor}-{system}-darwin"),
            };
            assert!(built.contains(&target.as_str()), "{target}: {built:?}");
            let overridden = format!("overrides.{processor}-unknown-linux-gnu]");
            assert!(manifest.contains(&overridden), "{overridden}");
        }
    }
}

/// `uvx flowdiff` and `pipx install flowdiff` install such a wheel.
#[test]
#[ignore = "builds everything once more, in a folder of its own: maturin would put another binary under the other tests"]
fn the_wheel_installs_and_checks() {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wheel");
    let build = || {
        let mut maturin = Command::new(TOOLS.programs().join("maturin"));
        maturin
            .current_dir(root)
            .args(["build", "--quiet", "--locked"]);
        maturin.args(["--profile", "dev", "--compatibility", "linux", "--out"]);
        maturin.env("CARGO_TARGET_DIR", &target);
        maturin
    };
    assert_passes(build().arg(folder.path()));
    let wheel = fs::read_dir(&folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let name = wheel.file_name().unwrap().to_str().unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert!(
        name.starts_with(&format!("flowdiff-{version}-py3-none-")),
        "{name}"
    );
    let venv = folder.path().join("venv");
    assert_passes(Command::new("python3").args(["-m", "venv"]).arg(&venv));
    let pip = ["-m", "pip", "install", "--quiet", "--no-index"];
    assert_passes(Command::new(venv.join("bin/python")).args(pip).arg(&wheel));
    let checked = Command::new(venv.join("bin/flowdiff"))
        .current_dir(root)
        .args(["check", "fixtures/ping/s3", "fixtures/ping/cwl"])
        .output()
        .unwrap();
    let said = String::from_utf8(checked.stdout).unwrap();
    assert!(
        said.starts_with("Consistent: both destinations hold the same 8 records."),
        "{said}"
    );
}
