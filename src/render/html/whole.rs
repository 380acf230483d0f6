//! The JSON report in the page, with its SHA-256.

use std::collections::BTreeMap;
use std::io::{self, Write};

use maud::{Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::model::Side;
use crate::model::finding::{Bucket, Finding, LeftoverKind};
use crate::model::words::{hexadecimal, thousands};
use crate::render::{Style, json};
use crate::report::Report;

/// The most bytes of it, as they stand in the page.
const MOST_BYTES: usize = 1 << 20;

/// The JSON report, as far as it has room.
pub(super) struct Whole {
    text: String,
    /// How many findings there are, and how many of them are told one by one and summed up, if not all are told one by one.
    summed: Option<(usize, usize, usize)>,
}

/// Writes the JSON report; of a long one, as many findings as there is room for, and the others summed up by interface, those
/// with most records first.
pub(super) fn whole(report: &Report) -> io::Result<Whole> {
    if let Some(text) = written(report)? {
        return Ok(Whole { text, summed: None });
    }
    let all = report.findings.len();
    let mut few = Report {
        findings: Vec::new(),
        troubles: report
            .troubles
            .iter()
            .take(MOST_TROUBLES)
            .cloned()
            .collect(),
        ..report.clone()
    };
    // Half as many again and again, until they have room.
    let mut shown = all / 2;
    loop {
        few.findings = report.findings[..shown].to_vec();
        let sums = summed(&report.findings[shown..]);
        let mut kept = sums.len();
        while kept > shown.max(1) {
            kept /= 2;
        }
        let interfaces = kept;
        few.findings.extend(sums.into_iter().take(kept));
        match written(&few)? {
            Some(text) => {
                let summed = Some((all, shown, interfaces));
                return Ok(Whole { text, summed });
            }
            None if shown == 0 && few.troubles.is_empty() && few.causes.is_empty() => {
                return Err(io::Error::other("the report does not fit a page"));
            }
            None if shown == 0 => {
                few.troubles.clear();
                few.causes.clear();
            }
            None => shown /= 2,
        }
    }
}

/// The most unreadable parts and malformed rows of a long report.
const MOST_TROUBLES: usize = 200;

/// Sums findings up by interface, kind and side, most records first.
fn summed(findings: &[Finding]) -> Vec<Finding> {
    type What = Option<(LeftoverKind, Side)>;
    let mut sums: BTreeMap<(&str, What), u64> = BTreeMap::new();
    for finding in findings {
        let what = match finding {
            Finding::Leftovers { kind, side, .. } => Some((*kind, *side)),
            Finding::Divergent { .. } => None,
        };
        *sums.entry((&finding.bucket().interface, what)).or_default() += finding.records();
    }
    let mut sums: Vec<Finding> = sums
        .into_iter()
        .map(|((interface, what), records)| {
            let bucket = Bucket {
                interface: interface.into(),
                slot: None,
            };
            match what {
                Some((kind, side)) => Finding::Leftovers {
                    kind,
                    side,
                    bucket,
                    records,
                    evidence: Vec::new(),
                },
                None => Finding::Divergent {
                    bucket,
                    records,
                    evidence: Vec::new(),
                },
            }
        })
        .collect();
    sums.sort_by_key(|finding| std::cmp::Reverse(finding.records()));
    sums
}

/// Returns the JSON report; `None` if it has no room.
fn written(report: &Report) -> io::Result<Option<String>> {
    let mut out = BoundedBytes::default();
    let written = json::write_document(report, Style::default(), &mut out);
    if out.full {
        return Ok(None);
    }
    written?;
    String::from_utf8(out.text)
        .map(Some)
        .map_err(io::Error::other)
}

/// Takes bytes as long as they have room in the page.
#[derive(Default)]
struct BoundedBytes {
    text: Vec<u8>,
    /// How many bytes it is once escaped.
    bytes: usize,
    full: bool,
}

impl Write for BoundedBytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let longer = |byte: &u8| matches!(byte, b'<' | b'>' | b'&');
        self.bytes += bytes.len() + 4 * bytes.iter().filter(|byte| longer(byte)).count();
        if self.bytes > MOST_BYTES {
            self.full = true;
            return Err(io::Error::other("no room"));
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Shows it, byte for byte once the browser has undone the escaping (HTML, "13.3 Serializing HTML fragments").
pub(super) fn shown(whole: &Whole) -> Markup {
    let hash = Sha256::digest(&whole.text);
    let hash = hexadecimal(&hash);
    let text = whole
        .text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    html! {
        section {
            h2 { "The report as JSON" }
            @match whole.summed {
                None => { p { "It is what --report json=FILE of the same run writes, byte for byte." } }
                Some((all, shown, interfaces)) => {
                    p {
                        "It has " (thousands(shown as u64)) " of " (thousands(all as u64))
                        " findings one by one and the others in " (thousands(interfaces as u64))
                        " sums by interface, those with most records; --report json=FILE has all of them."
                    }
                }
            }
            p { "SHA-256 " code id="sha256" { (hash) } }
            button.no-print type="button" id="save" hidden { "Save it as report.json" }
            details.no-print {
                summary { "Show it" }
                pre id="report" tabindex="0" role="region" aria-label="The report as JSON" { (PreEscaped(text)) }
            }
        }
    }
}
