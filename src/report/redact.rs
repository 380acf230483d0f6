//! Stand-ins for what tells whose network it is, so that a report can be given away.
//!
//! Addresses, account ids and the ids of AWS resources (interfaces, subnets, VPCs, instances, flow logs) are replaced,
//! wherever they stand: in records, in names of parts, in messages. The same text has the same stand-in everywhere under
//! one key, and unequal addresses have unequal ones. Names of buckets, groups, folders and services are kept.
//!
//! Addresses keep which of them share a prefix (IPCrypt's prefix-preserving mode, draft-denis-ipcrypt), so that a subnet
//! is still seen as one, and private addresses stay private; who has the key can turn them back. Everything else is keyed with HMAC-SHA256.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, LazyLock};

use hmac::{Hmac, KeyInit, Mac};
use ipcrypt_rs::IpcryptPfx;
use regex::{Captures, Regex};
use serde_json::Value;
use sha2::Sha256;

use super::gap::Gap;
use super::held::HeldOverTime;
use super::{Hour, Next, Report};
use crate::causes::Cause;
use crate::diff::Shown;
use crate::model::Cover;
use crate::model::finding::{Bucket, Evidence, FewerFields, Finding, Pair, Place, ReadTrouble};
use crate::model::words::hexadecimal;
use crate::record::Record;
use crate::record::field::ValueForm;

/// The shortest key: whoever guesses it can turn addresses back.
const SHORTEST_KEY: usize = 16;

/// The longest text of an IPv6 address, with an IPv4 address at its end.
const LONGEST_ADDRESS: usize = 45;

static IPV4: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(ip-)?[0-9]{1,3}(?:(?:\.[0-9]{1,3}){3}|(?:-[0-9]{1,3}){3})"));
static IPV6: LazyLock<Regex> = LazyLock::new(|| pattern(r"[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*"));
static RESOURCE: LazyLock<Regex> = LazyLock::new(|| pattern(r"-(?:[0-9a-f]{17}|[0-9a-f]{8})"));
static ACCOUNT: LazyLock<Regex> = LazyLock::new(|| pattern(r"[0-9]+"));

#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap()
}

static SECRETS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r#"(?P<userinfo>://[^\s/"'`@]+@|[^\s/"'`@:]+:[^\s/"'`@]*@)"#,
        r#"|(?P<name>(?:[Xx]-[Aa]mz-(?:Signature|Security-Token)|[Ss]ignature|Credential)=|access_key_id: ")[^&\s"'`]+"#,
        r"|\b(?:AKIA|ASIA)[0-9A-Z]{12,124}\b"
    ))
});

/// Masks what must not be told even in a message that repeats what was typed: a user and password in an address, what
/// signs a request, and access keys' ids.
pub fn without_secrets(text: &str) -> Cow<'_, str> {
    SECRETS.replace_all(text, |found: &Captures<'_>| {
        match (found.name("userinfo"), found.name("name")) {
            (Some(userinfo), _) if userinfo.as_str().starts_with("://") => "://***@".to_owned(),
            (_, Some(name)) => format!("{}***", name.as_str()),
            (Some(_), _) => "***@".to_owned(),
            (None, None) => "***".to_owned(),
        }
    })
}

/// A key, and what it does.
pub struct Redaction {
    addresses: IpcryptPfx,
    key: [u8; 32],
    /// Whether another run can have the same stand-ins.
    lasting: bool,
}

impl Redaction {
    /// Takes a key that other runs can have too.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it, without repeating it.
    pub fn keyed(key: &str) -> Result<Self, String> {
        if key.len() < SHORTEST_KEY {
            return Err(format!("the key is shorter than {SHORTEST_KEY} bytes"));
        }
        Ok(Self::new(key.as_bytes(), true))
    }

    /// Makes a key for this run alone.
    ///
    /// # Errors
    /// A sentence that says that the system has no randomness.
    pub fn random() -> Result<Self, String> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| format!("no random key can be had: {error}"))?;
        Ok(Self::new(&key, false))
    }

    fn new(secret: &[u8], lasting: bool) -> Self {
        // Both halves are equal once in 2^128 keys.
        let addresses = IpcryptPfx::new(mac(secret, &[b"flowdiff addresses"]));
        let key = mac(secret, &[b"flowdiff names"]);
        Self {
            addresses,
            key,
            lasting,
        }
    }

    /// Replaces what there is to replace in a text of any kind.
    pub fn text(&self, text: &str) -> String {
        let text = ipv6(text, |address| self.address(IpAddr::V6(address)));
        let text = bounded(&IPV4, &text, |found| self.ipv4(found));
        let text = bounded(&RESOURCE, &text, |found| self.resource(found));
        bounded(&ACCOUNT, &text, |found| self.account(found)).into_owned()
    }

    /// Replaces in every text of a JSON value, not in its numbers and names.
    pub fn json(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(values) => values.into_iter().map(|value| self.json(value)).collect(),
            Value::Object(members) => {
                let members = members.into_iter();
                members
                    .map(|(name, value)| (name, self.json(value)))
                    .collect()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }

    /// Replaces in everything that a report says.
    #[must_use]
    pub fn report(&self, report: Report) -> Report {
        let causes = |causes: Vec<Cause>| {
            let causes = causes.into_iter();
            causes.map(|cause| cause.map_texts(&|text| self.text(text)))
        };
        let stand_ins = Cause::StandIns {
            lasting: self.lasting,
        };
        let hour = |hour: Hour| Hour {
            interface: self.text(&hour.interface).into(),
            ..hour
        };
        Report {
            sides: report.sides.map(|mut side| {
                side.source = self.text(&side.source);
                side
            }),
            fewer_fields: report
                .fewer_fields
                .into_iter()
                .map(|fewer| self.fewer(fewer))
                .collect(),
            findings: report
                .findings
                .into_iter()
                .map(|finding| self.finding(finding))
                .collect(),
            troubles: report
                .troubles
                .into_iter()
                .map(|trouble| self.trouble(trouble))
                .collect(),
            hours: report
                .hours
                .into_iter()
                .map(|(at, records)| (hour(at), records))
                .collect(),
            gaps: report.gaps.iter().map(|it| self.gap(it)).collect(),
            held: self.held(report.held),
            arguments: report
                .arguments
                .iter()
                .map(|text| self.text(text))
                .collect(),
            reached: report
                .reached
                .map(|it| it.map_texts(&|text| self.text(text))),
            tolerated: causes(report.tolerated).collect(),
            causes: causes(report.causes).chain([stand_ins]).collect(),
            // A command with stand-ins in it would find nothing.
            next: report.next.map(|next| Next {
                text: self.text(&next.text),
                command: next
                    .command
                    .filter(|command| self.text(command) == *command),
            }),
            why: report
                .why
                .map_texts(&|text| self.text(text), &|bucket| self.bucket(bucket)),
            ..report
        }
    }

    fn gap(&self, gap: &Gap) -> Gap {
        Gap {
            interface: self.text(&gap.interface).into(),
            ..*gap
        }
    }

    fn held(&self, held: HeldOverTime) -> HeldOverTime {
        let cells = held.cells.into_iter();
        let cell = |((interface, at), copies): ((Arc<str>, i64), _)| {
            ((Arc::from(self.text(&interface)), at), copies)
        };
        HeldOverTime {
            cells: cells.map(cell).collect(),
            ..held
        }
    }

    fn fewer(&self, fewer: FewerFields) -> FewerFields {
        let parts =
            |parts: Vec<Arc<str>>| parts.iter().map(|part| self.text(part).into()).collect();
        FewerFields {
            parts: fewer.parts.map(parts),
            ..fewer
        }
    }

    fn finding(&self, finding: Finding) -> Finding {
        match finding {
            Finding::Leftovers {
                kind,
                side,
                bucket,
                records,
                evidence,
            } => Finding::Leftovers {
                kind,
                side,
                bucket: self.bucket(&bucket),
                records,
                evidence: evidence.iter().map(|found| self.evidence(found)).collect(),
            },
            Finding::Divergent {
                bucket,
                records,
                evidence,
            } => Finding::Divergent {
                bucket: self.bucket(&bucket),
                records,
                evidence: evidence.iter().map(|pair| self.pair(pair)).collect(),
            },
        }
    }

    fn trouble(&self, trouble: ReadTrouble) -> ReadTrouble {
        match trouble {
            ReadTrouble::Unreadable {
                side,
                part,
                reason,
                cover,
            } => ReadTrouble::Unreadable {
                cover: Cover {
                    interface: None,
                    ..cover
                },
                side,
                part: self.text(&part).into(),
                reason: self.text(&reason),
            },
            ReadTrouble::Malformed {
                side,
                place,
                reason,
            } => ReadTrouble::Malformed {
                side,
                place: self.place(&place),
                reason: self.text(&reason),
            },
        }
    }

    /// Replaces in one difference.
    pub fn shown(&self, shown: &Shown) -> Shown {
        match shown {
            Shown::Leftover(found) => Shown::Leftover(self.evidence(found)),
            Shown::Divergent(pair) => Shown::Divergent(Box::new(self.pair(pair))),
        }
    }

    /// Replaces in where a difference is.
    pub fn bucket(&self, bucket: &Bucket) -> Bucket {
        Bucket {
            interface: Arc::from(self.text(&bucket.interface)),
            slot: bucket.slot,
        }
    }

    fn pair(&self, pair: &Pair) -> Pair {
        Pair {
            fields: pair.fields.clone(),
            s3: self.evidence(&pair.s3),
            cwl: self.evidence(&pair.cwl),
        }
    }

    fn evidence(&self, found: &Evidence) -> Evidence {
        Evidence {
            record: self.record(&found.record),
            found_in: self.place(&found.found_in),
        }
    }

    fn place(&self, place: &Place) -> Place {
        Place {
            part: Arc::from(self.text(&place.part)),
            row: place.row,
        }
    }

    /// Numbers are kept: `bytes` of twelve digits are no account.
    fn record(&self, record: &Record) -> Record {
        let fields = record.fields().map(|(name, value)| {
            let value = value.map(|value| match name.kind() {
                ValueForm::Integer | ValueForm::Time | ValueForm::TrafficPath
                    if value.bytes().all(|byte| byte.is_ascii_digit()) =>
                {
                    value.to_owned()
                }
                ValueForm::Integer
                | ValueForm::Time
                | ValueForm::TrafficPath
                | ValueForm::Address
                | ValueForm::Text => self.text(value),
            });
            (name.clone(), value)
        });
        Record::new(fields.collect())
    }

    /// Returns an address's stand-in, which is of the same private network, or of none if the address is of none. Within a network
    /// its first bits stay; outside, what falls into one is encrypted again until it does not.
    fn address(&self, address: IpAddr) -> String {
        let mut stand_in = self.addresses.encrypt_ipaddr(address);
        if let Some((network, bits)) = private(address) {
            return within(network, bits, stand_in).to_string();
        }
        while private(stand_in).is_some() {
            stand_in = self.addresses.encrypt_ipaddr(stand_in);
        }
        stand_in.to_string()
    }

    fn ipv4(&self, found: &str) -> Option<String> {
        // Only hostnames of EC2 have addresses with dashes.
        let name = found.strip_prefix("ip-");
        let (text, dot) = name.map_or((found, '.'), |text| (text, '-'));
        let octets: Vec<u8> = text
            .split(dot)
            .map(|octet| octet.parse().ok())
            .collect::<Option<_>>()?;
        let octets: [u8; 4] = octets.try_into().ok()?;
        let stand_in = self.address(Ipv4Addr::from(octets).into());
        Some(match name {
            Some(_) => format!("ip-{}", stand_in.replace('.', "-")),
            None => stand_in,
        })
    }

    /// `-` and hexadecimal digits: what comes before tells what it is, and stays.
    fn resource(&self, found: &str) -> Option<String> {
        let digits = &found[1..];
        let code = mac(&self.key, &[b"resource", digits.as_bytes()]);
        let mut stand_in = format!("-{}", hexadecimal(&code));
        stand_in.truncate(found.len());
        Some(stand_in)
    }

    fn account(&self, found: &str) -> Option<String> {
        (found.len() == 12).then(|| {
            let code = mac(&self.key, &[b"account", found.as_bytes()]);
            let number = code
                .iter()
                .take(16)
                .fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
            format!("{:012}", number % 1_000_000_000_000)
        })
    }
}

impl fmt::Debug for Redaction {
    /// Keys are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redaction")
            .field("lasting", &self.lasting)
            .finish_non_exhaustive()
    }
}

/// The parts are put one after another with a byte between that none of them holds.
fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    #[expect(clippy::unwrap_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    for part in parts {
        mac.update(part);
        mac.update(&[0]);
    }
    mac.finalize().into_bytes().into()
}

/// Replaces matches that do not go on in letters or digits on either side, nor in a `.` with a digit after it.
fn bounded<'a>(
    pattern: &Regex,
    text: &'a str,
    stand_in: impl Fn(&str) -> Option<String>,
) -> Cow<'a, str> {
    pattern.replace_all(text, |found: &Captures<'_>| {
        let Some(whole) = found.get(0) else {
            return String::new();
        };
        let (before, after) = (&text[..whole.start()], &text[whole.end()..]);
        let inner = whole.as_str().starts_with('-');
        let goes_on = after.starts_with(|c: char| c.is_ascii_alphanumeric())
            || after.strip_prefix('.').is_some_and(|rest| {
                rest.starts_with(|c: char| c.is_ascii_digit())
                    && !inner
                    && whole.as_str().contains('.')
            });
        // A resource's id follows the letters that say what it is; everything else begins afresh.
        let fits = if inner {
            before.ends_with(|c: char| c.is_ascii_lowercase())
        } else {
            !before.ends_with(|c: char| c.is_ascii_alphanumeric())
        };
        let stand_in = (fits && !goes_on)
            .then(|| stand_in(whole.as_str()))
            .flatten();
        stand_in.unwrap_or_else(|| whole.as_str().to_owned())
    })
}

/// The networks of addresses that are not public (RFC 1918, 6598, 3927, 4193, 4291), and how many bits name each.
const PRIVATE: [(IpAddr, u8); 7] = [
    (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 0)), 8),
    (IpAddr::V4(Ipv4Addr::new(172, 16, 0, 0)), 12),
    (IpAddr::V4(Ipv4Addr::new(192, 168, 0, 0)), 16),
    (IpAddr::V4(Ipv4Addr::new(100, 64, 0, 0)), 10),
    (IpAddr::V4(Ipv4Addr::new(169, 254, 0, 0)), 16),
    (IpAddr::V6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0)), 7),
    (IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10),
];

/// Returns the private network that an address is of.
fn private(address: IpAddr) -> Option<(IpAddr, u8)> {
    PRIVATE
        .into_iter()
        .find(|(network, bits)| match (address, network) {
            (IpAddr::V4(address), IpAddr::V4(network)) => {
                (address.to_bits() ^ network.to_bits()) >> (32 - bits) == 0
            }
            (IpAddr::V6(address), IpAddr::V6(network)) => {
                (address.to_bits() ^ network.to_bits()) >> (128 - bits) == 0
            }
            _ => false,
        })
}

/// Returns an address with the first bits of a network.
fn within(network: IpAddr, bits: u8, address: IpAddr) -> IpAddr {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let host = address.to_bits() & (u32::MAX >> bits);
            Ipv4Addr::from_bits(network.to_bits() | host).into()
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let host = address.to_bits() & (u128::MAX >> bits);
            Ipv6Addr::from_bits(network.to_bits() | host).into()
        }
        _ => address,
    }
}

/// Replaces IPv6 addresses, also such with other things and colons around them.
fn ipv6(text: &str, stand_in: impl Fn(Ipv6Addr) -> String) -> Cow<'_, str> {
    IPV6.replace_all(text, |found: &Captures<'_>| {
        let Some(whole) = found.get(0) else {
            return String::new();
        };
        let run = whole.as_str();
        if run.bytes().filter(|&byte| byte == b':').count() < 2 {
            return run.to_owned();
        }
        let word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let before = word(text[..whole.start()].chars().next_back());
        let after = word(text[whole.end()..].chars().next());
        let (mut told, mut at) = (String::new(), 0);
        while at < run.len() {
            // Everything in a run is ASCII. An address begins where a word or a group of colons does.
            let previous = at.checked_sub(1).map(|at| run.as_bytes()[at]);
            let begins = previous.map_or(!before, |byte| {
                byte == b':' && run.as_bytes()[at] != b':' || byte == b'.'
            });
            let ends = (at + 2..=run.len().min(at + LONGEST_ADDRESS)).rev();
            let mut ends = ends.filter(|&end| match run.as_bytes().get(end) {
                Some(byte) => !byte.is_ascii_alphanumeric(),
                None => !after,
            });
            let address = begins
                .then(|| ends.find_map(|end| Some((end, run[at..end].parse::<Ipv6Addr>().ok()?))));
            if let Some((end, address)) = address.flatten() {
                told.push_str(&stand_in(address));
                at = end;
            } else {
                told.push(char::from(run.as_bytes()[at]));
                at += 1;
            }
        }
        told
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "a key for these tests";

    fn redaction() -> Redaction {
        Redaction::keyed(KEY).unwrap()
    }

    #[test]
    fn what_is_replaced_and_what_is_not() {
        let redaction = redaction();
        for (text, replaced) in [
            ("10.0.1.22", true),
            ("10.0.0.0/16", true),
            ("(10.0.1.22:443)", true),
            ("2001:db8::1", true),
            ("[2001:DB8::1]:443", true),
            ("s3:2001:db8::1: denied", true),
            ("::1", true),
            ("::ffff:10.0.1.22", true),
            ("ip-10-0-1-22.ec2.internal", true),
            ("123456789012", true),
            ("arn:aws:logs:eu-west-1:123456789012:log-group:flow", true),
            ("aws-account-id=123456789012/", true),
            ("123456789012_vpcflowlogs_us-east-1", true),
            ("eni-01d89470fafe7a86b-all", true),
            ("eni-1a2b3c4d", true),
            ("tgw-attach-0aaaaaaaaaaaaaaaa", true),
            ("2022-01-07T23:14:39Z", false),
            ("23:14:39", false),
            ("1641597904 1641597962000", false),
            ("arn:aws:s3:::bucket/prefix", false),
            ("std::io::Error", false),
            ("1.2.3", false),
            ("1.2.3.4.5", false),
            ("300.1.1.1", false),
            ("1234567890123", false),
            (
                "us-east-1 vpcflowlogs 20220107T2325Z_1a2b3c4d.log.gz",
                false,
            ),
        ] {
            let told = redaction.text(text);
            assert_eq!(told != text, replaced, "{text}: {told}");
            assert_eq!(told, redaction.text(text));
        }
    }

    #[test]
    fn an_address_has_one_stand_in_wherever_it_stands() {
        let redaction = redaction();
        for word in [
            "10.0.1.22",
            "2001:db8::1",
            "123456789012",
            "eni-01d89470fafe7a86b",
        ] {
            let alone = redaction.text(word);
            for (before, after) in [
                ("", " x"),
                ("denied: ", ""),
                ("(", ")"),
                ("\"", "\","),
                ("a/", "/b"),
                ("=", ":"),
            ] {
                let told = redaction.text(&format!("{before}{word}{after}"));
                assert_eq!(told, format!("{before}{alone}{after}"));
            }
        }
        let told = redaction.text("eni-01d89470fafe7a86b-all");
        assert_eq!(
            told,
            format!("{}-all", redaction.text("eni-01d89470fafe7a86b"))
        );
        assert_eq!(told.len(), "eni-01d89470fafe7a86b-all".len());
    }

    #[test]
    fn secrets_in_addresses_are_masked() {
        for (text, masked) in [
            (
                "http://user:secret@127.0.0.1:9/x",
                "http://***@127.0.0.1:9/x",
            ),
            ("`http://token@host`", "`http://***@host`"),
            ("`AKIA:secret@bucket` cannot be", "`***@bucket` cannot be"),
            (
                "https://b/k?X-Amz-Credential=AKIA%2F&X-Amz-Signature=abc&x=y",
                "https://b/k?X-Amz-Credential=***&X-Amz-Signature=***&x=y",
            ),
            (
                "Credentials { access_key_id: \"test\", expires: never }",
                "Credentials { access_key_id: \"***\", expires: never }",
            ),
            (
                "AWS4-HMAC-SHA256 Credential=test/20220107/eu-west-1/s3/aws4_request, Signature=abc",
                "AWS4-HMAC-SHA256 Credential=*** Signature=***",
            ),
            (
                "the key AKIAIOSFODNN7EXAMPLE is unknown",
                "the key *** is unknown",
            ),
            (
                "s3://bucket/prefix cwl:///vpc/flow",
                "s3://bucket/prefix cwl:///vpc/flow",
            ),
            (
                "arn:aws:s3:::bucket 2022-01-07T23:00:00Z",
                "arn:aws:s3:::bucket 2022-01-07T23:00:00Z",
            ),
        ] {
            assert_eq!(without_secrets(text), masked);
        }
    }

    #[test]
    fn keys_matter() {
        let other = Redaction::keyed("another key of that length").unwrap();
        let random = [Redaction::random().unwrap(), Redaction::random().unwrap()];
        for word in [
            "10.0.1.22",
            "2001:db8::1",
            "123456789012",
            "eni-01d89470fafe7a86b",
        ] {
            let all: HashSet<String> = [&redaction(), &other, &random[0], &random[1]]
                .map(|key| key.text(word))
                .into();
            assert_eq!(all.len(), 4, "{word}");
            assert_eq!(redaction().text(word), redaction().text(word));
        }
        assert!(Redaction::keyed("short").unwrap_err().contains("16"));
        assert!(!format!("{:?}", redaction()).contains("key for"));
    }

    proptest! {
        /// Unequal addresses stay unequal, private ones stay private, and what two of one kind share at the front stays as long.
        #[test]
        fn addresses_keep_their_prefixes(a: u32, b: u32, private_ones: bool, same: u32) {
            let redaction = redaction();
            let told = |bits: u32| {
                let text = redaction.text(&Ipv4Addr::from(bits).to_string());
                u32::from(text.parse::<Ipv4Addr>().unwrap())
            };
            let kind = |bits: u32| private(Ipv4Addr::from(bits).into());
            let (a, b) = if private_ones { (0x0a00_0000 | a >> 8, 0x0a00_0000 | b >> 8) } else { (a, b ^ (same & 0xff)) };
            prop_assert_eq!(kind(told(a)), kind(a));
            prop_assert_eq!(told(a) == told(b), a == b);
            let (shared, shown) = ((a ^ b).leading_zeros(), (told(a) ^ told(b)).leading_zeros());
            if private_ones {
                prop_assert_eq!(shown, shared);
            }
        }

        #[test]
        fn every_ipv6_address_is_found(bits: u128) {
            let text = Ipv6Addr::from(bits).to_string();
            let told = redaction().text(&format!("in {text}, row 3"));
            prop_assert!(!told.contains(&text), "{}", told);
        }

        #[test]
        fn any_text_can_be_asked(text: String) {
            redaction().text(&text);
        }

        #[test]
        fn any_run_of_digits_and_colons_can_be_asked(text in "[0-9a-f:.s/ -]{0,200}") {
            let _ = redaction().text(&text);
        }
    }
}
