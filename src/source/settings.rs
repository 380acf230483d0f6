//! The AWS configuration files, read as the AWS CLI reads them.
//!
//! The SDK reads them more strictly: names of profiles in quotes or with blanks and blanks before a key are no settings to it,
//! and of a file with a line that it does not understand it takes nothing, without a word to the user. So they are read here, and
//! handed to it in the spelling that it knows.
//!
//! Sources: AWS SDKs and Tools Reference Guide "Shared config and credentials files"; the rules of Python's `configparser`,
//! which the AWS CLI reads them with.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::io;
use std::path::PathBuf;

use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use percent_encoding::percent_decode_str;

use super::SourceOptions;
use crate::model::{Error, Side};

/// The settings whose value is the name of a section.
const NAMING: [&str; 3] = ["source_profile", "sso_session", "services"];

/// What the files say, in the SDK's spelling.
#[derive(Debug)]
pub(super) struct FileSettings {
    pub(super) files: EnvConfigFiles,
    /// The profile that the options or the environment name.
    pub(super) profile: Option<String>,
    /// The certificates to trust instead of the system's, in PEM.
    pub(super) certificates: Option<Vec<u8>>,
    /// How somebody signs on to have the profile's credentials, if that is what it takes.
    pub(super) sign_on: Option<SignOn>,
}

/// How somebody signs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignOn {
    /// What to do, as a hint.
    pub(super) advice: String,
    /// The profile, as the AWS CLI knows it, if only the CLI can get its credentials.
    pub(super) exported: Option<String>,
}

/// A file with its sections' names.
struct Read {
    path: PathBuf,
    text: String,
    profiles: BTreeSet<String>,
}

/// Reads the files.
///
/// # Errors
/// One of them cannot be read or understood, with the line, or has no such profile as is named.
pub(super) fn read(options: &SourceOptions) -> Result<FileSettings, Error> {
    let side = options.side;
    let config = file(side, "AWS_CONFIG_FILE", "config", true)?;
    let credentials = file(side, "AWS_SHARED_CREDENTIALS_FILE", "credentials", false)?;
    let named = options.profile.clone().or_else(|| variable("AWS_PROFILE"));
    if let Some(name) = named.as_deref().filter(|name| *name != "default")
        && !config.profiles.contains(name)
        && !credentials.profiles.contains(name)
    {
        let known: BTreeSet<_> = config.profiles.union(&credentials.profiles).collect();
        let known: Vec<String> = known.into_iter().map(|name| format!("`{name}`")).collect();
        return Err(Error::Source {
            side,
            address: config.path.display().to_string(),
            reason: format!(
                "there is no profile `{name}`, nor in `{}`",
                credentials.path.display()
            ),
            hint: Some(if known.is_empty() {
                "there are none at all".to_owned()
            } else {
                format!("there are {}", known.join(", "))
            }),
        });
    }
    let sign_on = sign_on(
        &[&config.text, &credentials.text],
        named.as_deref().unwrap_or("default"),
    );
    let profile = named.map(|name| identifier(&name));
    let bundle = variable("AWS_CA_BUNDLE").or_else(|| {
        of_profile(
            &config.text,
            profile.as_deref().unwrap_or("default"),
            "ca_bundle",
        )
    });
    let certificates = bundle.map(|path| certificates(side, &path)).transpose()?;
    let files = EnvConfigFiles::builder()
        .with_contents(EnvConfigFileKind::Config, config.text)
        .with_contents(EnvConfigFileKind::Credentials, credentials.text);
    Ok(FileSettings {
        files: files.build(),
        profile,
        certificates,
        sign_on,
    })
}

/// Returns how somebody signs on for a profile, by it and by those that it takes its credentials from.
fn sign_on(files: &[&str], name: &str) -> Option<SignOn> {
    /// No chain is longer; one that leads back to itself has no end.
    const LONGEST: usize = 8;
    let of = |profile: &str, setting: &str| {
        let mut files = files.iter();
        files.find_map(|text| of_profile(text, profile, setting))
    };
    let exported = Some(name.to_owned());
    let mut profile = identifier(name);
    for _ in 0..LONGEST {
        let shown = shown(&profile);
        if of(&profile, "role_arn").is_some()
            && let Some(serial) = of(&profile, "mfa_serial")
        {
            return Some(SignOn {
                advice: format!(
                    "the profile asks for a code of `{serial}` (`mfa_serial`): on a terminal it is asked for; elsewhere run `aws                      sts get-caller-identity --profile {}` on one before, or use credentials of `aws sts get-session-token`",
                    self::shown(&identifier(name))
                ),
                exported,
            });
        }
        if of(&profile, "login_session").is_some() {
            return Some(SignOn {
                advice: format!("sign on with `aws login --profile {shown}`"),
                exported,
            });
        }
        if of(&profile, "sso_session").is_some() || of(&profile, "sso_start_url").is_some() {
            return Some(SignOn {
                advice: format!("sign on with `aws sso login --profile {shown}`"),
                exported: None,
            });
        }
        match of(&profile, "source_profile") {
            Some(source) if source != profile => profile = source,
            _ => return None,
        }
    }
    None
}

/// Spells a profile's name as the AWS CLI and a shell want it.
fn shown(identifier: &str) -> String {
    let name = percent_decode_str(identifier).decode_utf8_lossy();
    match name.contains(|c: char| !(c.is_ascii_alphanumeric() || "_-/.%@:+".contains(c))) {
        true => format!("'{}'", name.replace('\'', "'\\''")),
        false => name.into_owned(),
    }
}

/// Returns a setting of a profile, out of what [`canonical`] has made of the file.
fn of_profile(config: &str, profile: &str, setting: &str) -> Option<String> {
    let headers = [format!("[profile {profile}]"), format!("[{profile}]")];
    let mut within = false;
    for line in config.lines() {
        if line.starts_with('[') {
            within = headers.iter().any(|header| header == line);
        } else if within
            && let Some((name, value)) = line.split_once(" = ")
            && name.eq_ignore_ascii_case(setting)
        {
            return Some(value.to_owned());
        }
    }
    None
}

/// Reads the certificates that `AWS_CA_BUNDLE` or `ca_bundle` names, as company networks need it.
fn certificates(side: Side, path: &str) -> Result<Vec<u8>, Error> {
    let refuse = |reason: String| Error::Source {
        side,
        address: path.to_owned(),
        reason,
        hint: Some("it is what `AWS_CA_BUNDLE` or `ca_bundle` of the profile names".to_owned()),
    };
    let pem = std::fs::read(at_home(path)).map_err(|error| refuse(error.to_string()))?;
    let begin = b"-----BEGIN CERTIFICATE-----";
    if memchr::memmem::find(&pem, begin).is_none() {
        return Err(refuse("holds no certificate in PEM".to_owned()));
    }
    Ok(pem)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn file(side: Side, env: &str, name: &str, prefixed: bool) -> Result<Read, Error> {
    let path = path(env, name);
    let refuse = |reason: String| Error::Source {
        side,
        address: path.display().to_string(),
        reason,
        hint: Some("the AWS CLI reads the same file: `aws configure list` says more".to_owned()),
    };
    let text = match std::fs::read(&path) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| refuse("is no UTF-8".to_owned()))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(refuse(error.to_string())),
    };
    let (text, profiles) = canonical(&text, prefixed)
        .map_err(|(line, reason)| refuse(format!("line {line}: {reason}")))?;
    Ok(Read {
        path,
        text,
        profiles,
    })
}

fn path(env: &str, name: &str) -> PathBuf {
    let path = variable(env);
    at_home(&path.unwrap_or_else(|| format!("~/.aws/{name}")))
}

fn at_home(path: &str) -> PathBuf {
    let home = std::env::home_dir().unwrap_or_default();
    path.strip_prefix("~/")
        .map_or_else(|| PathBuf::from(path), |below| home.join(below))
}

/// Rewrites a file in the SDK's spelling, line by line, and tells the names of its profiles.
///
/// # Errors
/// The number of the line that is neither a section, a setting, a comment nor the rest of a setting. Its text is not told: it may
/// be a secret.
fn canonical(
    text: &str,
    prefixed: bool,
) -> Result<(String, BTreeSet<String>), (usize, &'static str)> {
    let (mut out, mut profiles) = (String::new(), BTreeSet::new());
    // How far the last key is indented; what is indented further goes on with its value.
    let (mut key, mut in_section) = (None, false);
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let (trimmed, refuse) = (line.trim(), |reason| (number + 1, reason));
        let indent = line.len() - line.trim_start().len();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            out.push('\n');
        } else if key.is_some_and(|key| indent > key) {
            let _ = writeln!(out, "  {trimmed}");
        } else if let Some(header) = trimmed.strip_prefix('[') {
            let end = header.find(']').ok_or(refuse("`]` lacks"))?;
            let (section, profile) = section(&header[..end], prefixed);
            profiles.extend(profile);
            let _ = writeln!(out, "[{section}]");
            (key, in_section) = (None, true);
        } else if !in_section {
            return Err(refuse("a setting before the first section"));
        } else {
            let at = trimmed.find(['=', ':']);
            let at = at.ok_or(refuse("neither a section nor `name = value`"))?;
            let (name, value) = (trimmed[..at].trim(), trimmed[at + 1..].trim());
            if name.is_empty() {
                return Err(refuse("a setting without a name"));
            }
            let value = match NAMING.contains(&name.to_lowercase().as_str()) {
                true => identifier(value),
                false => value.to_owned(),
            };
            let _ = writeln!(out, "{name} = {value}");
            key = Some(indent);
        }
    }
    Ok((out, profiles))
}

/// Returns a section's name in the SDK's spelling, and the profile that it is.
fn section(name: &str, prefixed: bool) -> (String, Option<String>) {
    let name = name.trim();
    let (kind, rest) = match name.split_once([' ', '\t']) {
        Some((kind, rest)) if prefixed => (kind, unquoted(rest.trim())),
        _ if prefixed && name != "default" => return (name.to_owned(), None),
        _ => return (identifier(name), Some(name.to_owned())),
    };
    let profile = (kind == "profile").then(|| rest.to_owned());
    (format!("{kind} {}", identifier(rest)), profile)
}

fn unquoted(name: &str) -> &str {
    let within = |quote: char| name.strip_prefix(quote)?.strip_suffix(quote);
    within('\'').or_else(|| within('"')).unwrap_or(name)
}

/// Spells a name so that the SDK takes it for one.
fn identifier(name: &str) -> String {
    let mut spelt = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"_-/.%@:+".contains(&byte) {
            spelt.push(char::from(byte));
        } else {
            let _ = write!(spelt, "%{byte:02X}");
        }
    }
    spelt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_cli_understands_is_put_so_that_the_sdk_does() {
        let text = "\u{feff}[profile 'my prof']\n  region = eu-west-1\n  s3 =\n    max = 1\n  source_profile = other one\n\n\
                    # comment\n[ default ]\nregion: us-east-1\n[profile \"b\"]\n[sso-session my sso]\n[other]\nx = y\n";
        let (out, profiles) = canonical(text, true).unwrap();
        let expected = "[profile my%20prof]\nregion = eu-west-1\ns3 = \n  max = 1\nsource_profile = other%20one\n\n\n\
                        [default]\nregion = us-east-1\n[profile b]\n[sso-session my%20sso]\n[other]\nx = y\n";
        assert_eq!(out, expected);
        let names: Vec<_> = profiles.iter().map(String::as_str).collect();
        assert_eq!(names, ["b", "default", "my prof"]);
        let (out, profiles) =
            canonical("[my prof]\naws_secret_access_key = a:b=c\n", false).unwrap();
        assert_eq!(out, "[my%20prof]\naws_secret_access_key = a:b=c\n");
        assert!(profiles.contains("my prof"));
    }

    #[test]
    fn a_setting_is_that_of_its_profile() {
        let text = "[default]\nCA_BUNDLE=a\n[profile my prof]\nregion=x\nca_bundle = b\n";
        let (config, _) = canonical(text, true).unwrap();
        let found = |profile: &str| of_profile(&config, &identifier(profile), "ca_bundle");
        assert_eq!(found("default").as_deref(), Some("a"));
        assert_eq!(found("my prof").as_deref(), Some("b"));
        assert_eq!(found("other"), None);
    }

    #[test]
    fn how_to_sign_on_is_told_by_the_chain_of_profiles() {
        let text = "[profile console]\nlogin_session = arn:aws:iam::123456789012:user/me\n\
                    [profile my sso]\nsso_session = corp\n[profile role]\nrole_arn = r\nsource_profile = my sso\n\
                    [profile code]\nrole_arn = r\nmfa_serial = arn:aws:iam::123456789012:mfa/me\nsource_profile = keys\n\
                    [profile keys]\naws_access_key_id = a\n[profile loop]\nsource_profile = pool\n[profile pool]\n\
                    source_profile = loop\n";
        let (config, _) = canonical(text, true).unwrap();
        let sign_on = |name: &str| sign_on(&[&config, ""], name);
        for (name, advice, exported) in [
            ("console", "`aws login --profile console`", true),
            ("my sso", "`aws sso login --profile 'my sso'`", false),
            ("role", "`aws sso login --profile 'my sso'`", false),
            ("code", "a code of `arn:aws:iam::123456789012:mfa/me`", true),
        ] {
            let found = sign_on(name).unwrap();
            assert!(found.advice.contains(advice), "{found:?}");
            assert_eq!(found.exported, exported.then(|| name.to_owned()));
        }
        for name in ["keys", "loop", "default"] {
            assert_eq!(sign_on(name), None, "{name}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_by_its_line_and_not_its_text() {
        for (text, line, said) in [
            ("region = x\n", 1, "before the first section"),
            ("[a]\nk = v\n\nsecret\n", 4, "neither a section"),
            ("[a]\n = secret\n", 2, "without a name"),
            ("\n[a\n", 2, "`]` lacks"),
        ] {
            let (at, reason) = canonical(text, true).unwrap_err();
            assert_eq!(at, line);
            assert!(
                reason.contains(said) && !reason.contains("secret"),
                "{reason}"
            );
        }
    }
}
