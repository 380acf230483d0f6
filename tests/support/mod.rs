//! What the tests stand on: the binary, stores that are like AWS, records to put into them.

#[allow(dead_code, reason = "what only the benchmarks need")]
pub(crate) mod aws;
pub(crate) mod moto;
pub(crate) mod proxy;
pub(crate) mod python;
pub(crate) mod records;
pub(crate) mod refusal;
pub(crate) mod schema;

use assert_cmd::Command;

/// The region of everything that is not made elsewhere on purpose.
pub(crate) const REGION: &str = "eu-west-1";

/// Returns how often or how much: `long` in the long run (`.ci/long` sets `FLOWDIFF_TEST_LONG`), else `short`.
pub(crate) fn unless_long<T>(short: T, long: T) -> T {
    match std::env::var_os("FLOWDIFF_TEST_LONG") {
        Some(_) => long,
        None => short,
    }
}

/// Returns the built binary, run in the project's folder, with nothing of what the developer's shell or home says
/// about AWS or flowdiff.
pub(crate) fn offline() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowdiff"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("AWS_")
            || text.starts_with("FLOWDIFF_")
            || text == "NO_COLOR"
            || text == "COLUMNS"
        {
            command.env_remove(&name);
        }
    }
    let nowhere = concat!(env!("CARGO_TARGET_TMPDIR"), "/no-such-file");
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", nowhere)
        .env("AWS_SHARED_CREDENTIALS_FILE", nowhere)
        .env("HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

/// Returns the same with moto for AWS, behind a proxy that insists on calls that only read, and credentials that it
/// takes.
pub(crate) fn flowdiff() -> Command {
    let mut command = offline();
    command
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION)
        .env("AWS_ENDPOINT_URL", moto::moto().reading());
    command
}
