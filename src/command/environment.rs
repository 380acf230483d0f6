//! Variables of the environment that are set to nothing.

use std::ffi::OsString;

use crate::model::Error;

/// Tells which variables are set to nothing that others read than flowdiff's own command line: the AWS SDK, which takes an
/// empty region for one, and the standard library, which takes an empty `TMPDIR` for the current folder.
fn empty() -> Vec<OsString> {
    let read = |name: &str| name.starts_with("AWS_") || ["TMPDIR", "HOME"].contains(&name);
    std::env::vars_os()
        .filter(|(name, value)| value.is_empty() && read(&name.to_string_lossy()))
        .map(|(name, _)| name)
        .collect()
}

/// Goes on without variables that are set to nothing, as if they were not set. They cannot be taken out of a process
/// safely, nor can the SDK be told of another environment, so the process starts itself anew without them.
///
/// # Errors
/// That is not possible here: names the variables.
pub(super) fn without_empty() -> Result<(), Error> {
    let empty = empty();
    if empty.is_empty() {
        return Ok(());
    }
    let reason = start_anew(&empty);
    let names: Vec<_> = empty.iter().map(|name| name.to_string_lossy()).collect();
    Err(Error::Usage(format!(
        "{}: set to nothing, and flowdiff cannot start without ({reason}): unset it",
        names.join(", ")
    )))
}

/// Returns only if it fails.
#[cfg(unix)]
fn start_anew(without: &[OsString]) -> String {
    use std::os::unix::process::CommandExt;

    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return error.to_string(),
    };
    let mut words = std::env::args_os();
    let mut command = std::process::Command::new(program);
    if let Some(name) = words.next() {
        command.arg0(name);
    }
    command.args(words);
    for name in without {
        command.env_remove(name);
    }
    command.exec().to_string()
}

#[cfg(not(unix))]
fn start_anew(_: &[OsString]) -> String {
    "this system has no way to".to_owned()
}
