//! Files that hold the key of digests: 64 hexadecimal digits.

use std::fs;
use std::path::Path;

use crate::cli::args::KeyArgs;
use crate::digest::KEY;
use crate::model::Error;
use crate::model::words::hexadecimal;

/// Returns the key of the file that was named, if one was.
///
/// # Errors
/// [`Error::Usage`]: it cannot be read, or holds no key.
pub fn key_of(args: &KeyArgs) -> Result<Option<[u8; KEY]>, Error> {
    let Some(path) = &args.key_file else {
        return Ok(None);
    };
    let refuse = |why: &str| Error::Usage(format!("--key-file: `{}` {why}", path.display()));
    let text =
        fs::read_to_string(path).map_err(|error| refuse(&format!("cannot be read: {error}")))?;
    let key = parsed(text.trim());
    let key = key.ok_or_else(|| {
        refuse("holds no key, which is 64 hexadecimal digits; `flowdiff key FILE` makes one")
    })?;
    Ok(Some(key))
}

/// Returns the text of a new key, unless there is a file of that name.
///
/// # Errors
/// [`Error::Usage`]: the file is there, or the system has no random numbers.
pub fn new_key(path: &Path) -> Result<String, Error> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(Error::Usage(format!(
            "`{}` is there already: a key that is lost cannot be made again, so nothing takes its place; give another name",
            path.display()
        )));
    }
    let mut key = [0; KEY];
    getrandom::fill(&mut key)
        .map_err(|error| Error::Usage(format!("the system gives no random numbers: {error}")))?;
    Ok(hexadecimal(&key) + "\n")
}

fn parsed(text: &str) -> Option<[u8; KEY]> {
    if text.len() != 2 * KEY || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut key = [0; KEY];
    for (byte, at) in key.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let of = |path: &Path| {
            key_of(&KeyArgs {
                key_file: Some(path.to_owned()),
            })
        };
        let text = new_key(&path).unwrap();
        assert_ne!(text, new_key(&path).unwrap());
        fs::write(&path, &text).unwrap();
        let key = of(&path).unwrap().unwrap();
        assert_eq!(text.trim(), hexadecimal(&key));
        assert!(
            new_key(&path)
                .unwrap_err()
                .to_string()
                .contains("there already")
        );
        for wrong in [
            "",
            "zz",
            &text[1..],
            &format!("é{}", &text[2..]),
            &format!("+{}", &text[1..]),
        ] {
            fs::write(&path, wrong).unwrap();
            assert!(
                of(&path).unwrap_err().to_string().contains("holds no key"),
                "{wrong}"
            );
        }
        assert!(
            of(folder.path())
                .unwrap_err()
                .to_string()
                .contains("cannot be read")
        );
        assert_eq!(key_of(&KeyArgs { key_file: None }).unwrap(), None);
    }
}
