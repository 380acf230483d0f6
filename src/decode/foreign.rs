//! What is no flow log, told by content: what services and tools leave in a log's place when something fails, and what is
//! packed up in other ways. Of such a part nothing is known: it may stand for any number of records.
//!
//! Sources: S3 API reference "Error responses"; Git LFS's specification of pointers; RFC 7468; the `ustar` header of POSIX
//! `pax`; what the AWS CLI, curl and proxies print.

/// Contents that begin like this cannot be read, but can be named.
const BEGINNINGS: &[(&[u8], &str)] = &[
    (
        b"BZh",
        "bzip2 compressed: not a form AWS delivers; unpack it first",
    ),
    (
        b"\xfd7zXZ\0",
        "xz compressed: not a form AWS delivers; unpack it first",
    ),
    (
        b"\x04\x22\x4d\x18",
        "lz4 compressed: not a form AWS delivers; unpack it first",
    ),
    (
        b"PK\x03\x04",
        "a zip archive: not a form AWS delivers; unpack it first",
    ),
    (
        b"7z\xbc\xaf\x27\x1c",
        "a 7z archive: not a form AWS delivers; unpack it first",
    ),
    (
        b"flowdiff digest ",
        "a digest that flowdiff has made: give the file itself to `flowdiff check`, as a source",
    ),
    (
        b"flowdiff receipt ",
        "a receipt that flowdiff has made: `flowdiff verify` takes it",
    ),
    (
        b"PARE",
        "encrypted Parquet: write it without encryption first",
    ),
    (
        b"\xff\xfe",
        "UTF-16 text (PowerShell's `>` writes that): save it as UTF-8",
    ),
    (b"\xfe\xff", "UTF-16 text: save it as UTF-8"),
    (
        b"version https://git-lfs.github.com/spec/",
        "a pointer of Git LFS, not the file itself: fetch it with `git lfs pull`",
    ),
    (
        b"-----BEGIN ",
        "PEM (a key or a certificate, or a message encrypted with one), not a flow log",
    ),
    (
        b"age-encryption.org/",
        "encrypted with age: decrypt it first",
    ),
    (b"Salted__", "encrypted with OpenSSL: decrypt it first"),
];

/// Where a tar archive says that it is one.
const TAR: (usize, &[u8]) = (257, b"ustar");

/// What lines begin with in which a tool says that it has failed.
const FAILURES: &[&[u8]] = &[
    b"An error occurred (",
    b"Unable to locate credentials",
    b"Could not connect to the endpoint URL",
    b"Unable to parse config file",
    b"fatal error: ",
    b"curl: (",
    b"Error during pagination: ",
    b"Connection was closed before we received",
    b"Read timeout on endpoint URL",
    b"Connect timeout on endpoint URL",
    b"SSL validation failed for ",
    b"Killed",
];

/// How much of a failure is told.
const TOLD: usize = 200;

/// Names a content by how it begins, if it is none that holds records.
pub(super) fn named(head: &[u8]) -> Option<String> {
    let named = BEGINNINGS.iter().find(|(magic, _)| head.starts_with(magic));
    if let Some((_, name)) = named {
        return Some((*name).to_owned());
    }
    if head.get(TAR.0..).is_some_and(|at| at.starts_with(TAR.1)) {
        return Some("a tar archive: not a form AWS delivers; unpack it first".to_owned());
    }
    failure(head.trim_ascii_start())
}

/// Says what a text is that begins as an error answer or a tool's failure does, and not as a record; also within a file: a
/// signed address that expires between two downloads.
pub(super) fn failure(text: &[u8]) -> Option<String> {
    if FAILURES.iter().any(|begin| text.starts_with(begin)) {
        let line = text.split(|byte| *byte == b'\n').next().unwrap_or(text);
        return Some(format!("a failure, not a record: {}", shown(line)));
    }
    // Syslog puts a number in angle brackets before a message, which may be a record.
    let second = *text.strip_prefix(b"<")?.first()?;
    if !(second.is_ascii_alphabetic() || b"?!".contains(&second)) {
        return None;
    }
    let told: Vec<String> = ["Code", "Message", "title"]
        .iter()
        .filter_map(|tag| element(text, tag))
        .collect();
    let lower = text[..text.len().min(TOLD)].to_ascii_lowercase();
    let html = memchr::memmem::find(&lower, b"html").is_some();
    let what = if html {
        "an HTML page"
    } else {
        "an XML answer"
    };
    Some(match &told[..] {
        [] => format!("{what}, not a record"),
        told => format!("{what}, not a record: {}", told.join(": ")),
    })
}

/// Returns what stands in the first element of a name.
fn element(text: &[u8], tag: &str) -> Option<String> {
    let start = memchr::memmem::find(text, format!("<{tag}>").as_bytes())? + tag.len() + 2;
    let length = memchr::memchr(b'<', &text[start..])?;
    Some(shown(&text[start..start + length]))
}

fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(&text[..text.len().min(TOLD)]);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_place_of_a_log_is_named() {
        let mut tar = vec![b'a'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        let xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>Request has \
                   expired</Message></Error>";
        for (content, said) in [
            (
                xml.as_bytes(),
                "an XML answer, not a record: AccessDenied: Request has expired",
            ),
            (
                b"\n <!DOCTYPE HTML>\n<html><head><title>503 Busy</title>",
                "an HTML page, not a record: 503 Busy",
            ),
            (b"<Error/>", "an XML answer, not a record"),
            (
                b"version https://git-lfs.github.com/spec/v1\noid sha256:0",
                "a pointer of Git LFS",
            ),
            (b"-----BEGIN CERTIFICATE-----\n", "PEM"),
            (b"PARE\0", "encrypted Parquet"),
            (&tar, "a tar archive"),
            (
                b"\nAn error occurred (ExpiredTokenException) when calling\nx",
                "a failure, not a record: An error occurred (ExpiredTokenException) when calling",
            ),
        ] {
            let told = named(content).unwrap_or_default();
            assert!(told.starts_with(said), "{told}");
        }
        for content in [
            &b"2 123456789010 eni-0aa"[..],
            b"version account-id",
            b"<134>1 2 eni-0aa",
            b"",
            b"<",
            b"{}",
        ] {
            assert_eq!(named(content), None);
        }
    }
}
