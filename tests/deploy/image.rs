//! The image that `deploy/Dockerfile` describes, without a container engine: its files are made by the Dockerfile's own
//! commands, and run in an empty root as an engine would run them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use jiff::Timestamp;
use tempfile::TempDir;

use super::text;
use crate::support::REGION;
use crate::support::moto::Moto;
use crate::support::records::{Delivery, generate, streams};

const BUCKET: &str = "flowdiff-image";
const GROUP: &str = "/flowdiff/image";
/// What the Dockerfile says after USER.
const NOBODY: u32 = 65534;
const CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";

/// A static binary that is there already, instead of one that takes ten minutes to build.
const BUILT: &str = "FLOWDIFF_STATIC_BINARY";

/// What an engine does before it hands over to the program: a root that cannot be written, a place for temporary files, a
/// volume, `/proc`, `/dev` with what the OCI runtime specification has there, and processes of its own. `chroot` then becomes
/// nobody, who has no capabilities.
const ENGINE: &str = r#"
root=$1 volume=$2
shift 2
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
mount --bind "$volume" "$root/var/lib/flowdiff"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=0755 dev "$root/dev"
for device in null zero full random urandom; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
exec chroot --userspec=65534:65534 --groups= "$root" /usr/local/bin/flowdiff "$@"
"#;

struct Image {
    folder: TempDir,
}

impl Image {
    /// Follows the Dockerfile.
    fn build() -> Self {
        let image = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let binary = image.path("flowdiff");
        fs::copy(
            std::env::var_os(BUILT).map_or_else(build, PathBuf::from),
            &binary,
        )
        .unwrap();
        let dockerfile = text("Dockerfile");
        let (_, copying) = dockerfile.split_once("\nRUN mkdir").unwrap();
        let (copying, last) = copying.split_once("\n\nFROM scratch\n").unwrap();
        let home = image.folder.path().display().to_string();
        let built = "\"target/$(uname -m)-unknown-linux-musl/release/flowdiff\"";
        assert!(copying.contains(built), "{copying}");
        let copying = format!("mkdir{copying}")
            .replace("/image", &format!("{home}/image"))
            .replace("/state", &format!("{home}/state"))
            .replace(built, binary.to_str().unwrap());
        run(Command::new("sh").args(["-ec", &copying]));

        let mut user = None;
        run(Command::new("mkdir").arg(image.path("root")));
        for line in last.lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            let (owner, from) = match words[..] {
                ["COPY", "--from=build", from, "/"] => ("--chown=0:0", from),
                ["COPY", "--from=build", owner, from, "/"] => (owner, from),
                ["USER", it] => {
                    user = Some(it.to_owned());
                    continue;
                }
                ["ENTRYPOINT", it] => {
                    assert_eq!(it, "[\"/usr/local/bin/flowdiff\"]");
                    continue;
                }
                ["CMD" | "VOLUME" | "#", ..] | [] => continue,
                _ => panic!("the test does not know what to do with: {line}"),
            };
            let owner = owner.strip_prefix("--chown=").unwrap();
            let from = image.path(from.trim_start_matches('/'));
            run(Command::new("chown").args(["-R", owner]).arg(&from));
            run(Command::new("cp")
                .args(["-a", "--no-target-directory"])
                .arg(&from)
                .arg(image.path("root")));
        }
        assert_eq!(user, Some(format!("{NOBODY}:{NOBODY}")));
        image
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Adds what an engine adds, and an authority that the tests' server goes by.
    fn prepare(&self, authority: &Path) {
        let root = self.path("root");
        for mounted in ["proc", "dev"] {
            fs::create_dir(root.join(mounted)).unwrap();
        }
        fs::write(root.join("etc/hosts"), "127.0.0.1 localhost\n").unwrap();
        fs::write(root.join("etc/resolv.conf"), "").unwrap();
        let certificates = root.join(CERTIFICATES);
        let all = fs::read_to_string(&certificates).unwrap();
        assert!(all.contains("BEGIN CERTIFICATE"), "{all}");
        let authority = fs::read_to_string(authority).unwrap();
        fs::write(certificates, all + &authority).unwrap();
        // A new volume has the owner of the folder that it is mounted on.
        let volume = self.path("volume");
        run(Command::new("cp")
            .arg("-a")
            .arg(root.join("var/lib/flowdiff"))
            .arg(&volume));
    }

    fn command(&self, endpoint: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-ec"])
            .args([ENGINE, "engine"])
            .args([self.path("root"), self.path("volume")])
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap())
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", REGION)
            .env("AWS_ENDPOINT_URL", endpoint);
        command
    }
}

/// Builds as the Dockerfile does, and returns the binary.
fn build() -> PathBuf {
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--release", "--locked", "--bin", "flowdiff"])
        .args(["--target", &target]);
    assert!(
        cargo.status().unwrap().success(),
        "try: rustup target add {target}; apt-get install musl-tools"
    );
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    folder.join(target).join("release/flowdiff")
}

fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

#[track_caller]
fn assert_ends(output: &Output, code: i32, stdout: &str, stderr: &str) {
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    assert!(out.contains(stdout) && err.contains(stderr), "{out}\n{err}");
}

/// Ends what runs in the container, as `docker stop` does: its first process.
fn stop(container: &Child) {
    let parent = container.id();
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
    run(Command::new("kill").arg(children.trim()));
}

#[test]
#[ignore = "builds in release mode, which takes ten minutes, and needs root, musl-tools and Rust's musl target"]
fn a_static_binary_runs_as_nobody_on_an_empty_root() {
    let image = Image::build();
    let served = tempfile::tempdir().unwrap();
    let moto = Moto::start("serve_tls.py", &[served.path().to_str().unwrap()]);
    let endpoint = fs::read_to_string(served.path().join("endpoint")).unwrap();
    image.prepare(&served.path().join("ca.pem"));
    moto.create_bucket(BUCKET, REGION);
    moto.create_group(GROUP, REGION);
    let records = generate(300, 3, Timestamp::now().as_second() - 70 * 60, 50 * 60);
    // Parquet, which needs a place for temporary files.
    let delivery = Delivery {
        parquet: true,
        ..Delivery::default()
    };
    moto.put_objects(BUCKET, delivery.objects(&records));
    for (stream, events) in streams(&records) {
        moto.put_events(GROUP, REGION, &stream, &events);
    }
    let sources = [format!("s3://{BUCKET}"), format!("cwl://{GROUP}")];
    let check = |more: &[&str]| {
        let sources = sources.each_ref().map(String::as_str);
        let arguments = [&["check"], &sources[..], more].concat();
        image.command(&endpoint, &arguments).output().unwrap()
    };

    let job = ["--state", "/var/lib/flowdiff"];
    assert_ends(&check(&job), 0, "hold the same 300 records", "");
    let state = fs::metadata(image.path("volume/state.json")).unwrap();
    assert_eq!((state.uid(), state.gid()), (NOBODY, NOBODY));
    let metrics = check(&[&job[..], &["--report", "emf=-", "--quiet"]].concat());
    assert_ends(&metrics, 0, "{\"_aws\":", "");
    let elsewhere = check(&["--report", "text=/usr/local/report.txt"]);
    assert_ends(&elsewhere, 2, "", "/usr/local/report.txt");

    let mut watch = image
        .command(
            &endpoint,
            &["watch", &sources[0], &sources[1], job[0], job[1]],
        )
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(watch.stdout.take().unwrap());
    let first = lines.lines().next().unwrap().unwrap();
    assert!(first.starts_with("{\"type\":\"round\""), "{first}");
    stop(&watch);
    assert_eq!(watch.wait().unwrap().code(), Some(0));

    // Whom to believe is what the image says, and nobody else.
    fs::remove_file(image.path("root").join(CERTIFICATES)).unwrap();
    assert_ends(&check(&[]), 2, "", "certificate");
}
