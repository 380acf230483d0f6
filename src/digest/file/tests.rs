use super::*;
use crate::digest::{KEY, name_of_key};
use crate::model::Side;
use crate::record::RecordKind;

pub(in crate::digest) fn about(part: &str) -> About {
    About {
        schema: SCHEMA.to_owned(),
        tool: "flowdiff 0.1.0".to_owned(),
        side: Side::S3,
        window: Stretch::default(),
        read_at: 1_700_000_000,
        interfaces: BTreeSet::new(),
        ignore_nodata: false,
        fields: [(RecordKind::Vpc, vec!["start".to_owned()])].into(),
        fingerprint: "xxh3".to_owned(),
        key: None,
        differences: 10,
        counts: Counted::default(),
        delays: Measured::default(),
        malformed: Vec::new(),
        hidden: Vec::new(),
        unreadable: Vec::new(),
        passed_over: Vec::new(),
        sources: vec![SourceRead {
            address: "s3://logs".to_owned(),
            store: "s3://logs".to_owned(),
            flow_log_ids: BTreeSet::new(),
            all_streams: false,
            parts: vec![PartRead {
                name: part.to_owned(),
                size: Some(7),
                version: "etag".to_owned(),
                sha256: None,
                held: Some(PartHeld {
                    slots: Some((-300, 1_700_000_100)),
                    interfaces: 1 << 63 | 1,
                    as_lines: true,
                }),
            }],
        }],
        layouts: BTreeSet::new(),
        units: BTreeSet::new(),
        sample: None,
        ledger_interfaces: Vec::new(),
        ledger_lines: 0,
        sketch_cells: 0,
    }
}

/// A digest of records `from..to` that are told by this key.
fn digest(key: &Fingerprints, part: &str, records: std::ops::Range<i64>) -> SideDigest {
    let mut sums = FlowSums::for_differences(10);
    let mut about = about(part);
    for record in records {
        let interface = format!("eni-0a{}", record % 3);
        let text = format!("record {record}");
        let slot = (record % 7 != 0).then_some(record / 4 * 300);
        let print = RecordPrint::new(key, text.as_bytes(), interface.as_bytes(), slot);
        sums.add(&print, record.cast_unsigned(), (slot, None));
        about.counts.records += 1;
    }
    SideDigest {
        about,
        ledger: sums.ledger,
        sketch: sums.sketch,
    }
}

fn written(digest: &SideDigest) -> Vec<u8> {
    let mut file = Vec::new();
    digest.write(&mut file).unwrap();
    file
}

#[test]
fn what_is_read_is_what_was_written() {
    let digest = digest(&Fingerprints::seeded(0), "a", 0..100);
    let file = written(&digest);
    let again = SideDigest::read(&file, None).unwrap();
    assert_eq!(written(&again), file);
    assert_eq!(again.ledger.lines(), digest.ledger.lines());
    assert!(again.sketch == digest.sketch);
    assert_eq!(again.about.counts, digest.about.counts);
    assert!(is_digest(&file));
}

#[test]
fn digests_of_parts_add_up_in_any_order() {
    let key = Fingerprints::seeded(0);
    let parts = || {
        let of = |part, from| digest(&key, part, from..from + 30);
        [of("a", 0), of("b", 30), of("c", 60)]
    };
    let merged = |order: [usize; 3]| {
        let mut parts = parts().map(Some);
        let mut all = parts[order[0]].take().unwrap();
        for part in [order[1], order[2]] {
            all.merge(parts[part].take().unwrap()).unwrap();
        }
        all.about.sources.sort();
        written(&all)
    };
    let expected = merged([0, 1, 2]);
    for order in [[0, 2, 1], [1, 0, 2], [2, 1, 0]] {
        assert!(merged(order) == expected, "{order:?}");
    }
    let whole = digest(&key, "a", 0..90);
    let all = SideDigest::read(&expected, None).unwrap();
    assert_eq!(all.ledger.lines(), whole.ledger.lines());
    assert!(all.sketch == whole.sketch);
}

#[test]
fn what_is_unlike_or_was_read_twice_is_refused_by_name() {
    let key = Fingerprints::seeded(0);
    let refused = |change: fn(&mut About)| {
        let (mut one, mut other) = (digest(&key, "a", 0..1), digest(&key, "b", 1..2));
        change(&mut other.about);
        one.merge(other).unwrap_err()
    };
    type Change = fn(&mut About);
    let cases: [(Change, &str); 9] = [
        (
            |of| of.side = Side::Cwl,
            "s3 and cwl; make both with the same --side",
        ),
        (
            |of| of.window.start = Some(0),
            "everything and from 1970-01-01T00:00:00Z; make both with the same --since",
        ),
        (|of| of.interfaces.extend(["eni-1".into()]), "all and eni-1"),
        (|of| of.ignore_nodata = true, "--ignore-nodata"),
        (|of| of.fingerprint = "blake3".into(), "xxh3 and blake3"),
        (
            |of| of.key = Some("k".into()),
            "none and k; make both with the same --key-file",
        ),
        (
            |of| of.differences = 11,
            "10 and 11; make both with the same --differences",
        ),
        (
            |of| of.fields = [(RecordKind::Vpc, vec!["end".into()])].into(),
            "start and end; make both with the same --fields",
        ),
        (
            |of| of.sources[0].parts[0].name = "a".into(),
            "the part `s3://logs/a` was read for both",
        ),
    ];
    for (change, said) in cases {
        let refused = refused(change);
        assert!(refused.contains(said), "{refused}");
    }
}

#[test]
fn every_damage_is_noticed() {
    let file = written(&digest(&Fingerprints::seeded(0), "a", 0..5));
    let said = |file: &[u8]| SideDigest::read(file, None).unwrap_err();
    for at in 0..file.len() {
        let mut damaged = file.clone();
        damaged[at] ^= 0x10;
        said(&damaged);
        said(&file[..at]);
    }
    let last = file.len() - 40;
    let mut damaged = file.clone();
    damaged[last] ^= 1;
    assert!(said(&damaged).contains("damaged or cut off"));
    assert!(said(&file[..last]).contains("damaged or cut off"));
    let mut newer = file;
    newer[16] = b'7';
    assert!(said(&newer).contains("version `7`, and this flowdiff knows version 1"));
    assert!(said(b"version 2").contains("no digest"));
}

/// A body that some program has written under a right checksum.
#[test]
fn what_does_not_fit_what_it_says_is_refused() {
    use sha2::{Digest as _, Sha256};
    let sealed = |body: &[u8]| {
        let mut file = Vec::from(MAGIC);
        file.extend(zstd::bulk::compress(body, 3).unwrap());
        let sum = Sha256::digest(&file);
        file.extend(sum);
        SideDigest::read(&file, None).unwrap_err()
    };
    let head = |change: fn(&mut About)| {
        let mut about = about("a");
        about.sketch_cells = FlowSketch::cells_for(10) as u64;
        change(&mut about);
        serde_json::to_string(&about).unwrap() + "\n"
    };
    let cells = vec![0; FlowSketch::cells_for(10) * 88];
    let with = |head: String, numbers: &[u8]| sealed(&[head.as_bytes(), numbers].concat());
    for (said, expected) in [
        (sealed(b""), "says nothing of itself"),
        (sealed(b"{}\n"), "cannot be understood"),
        (with(head(|of| of.schema = "x/2".into()), &cells), "`x/2`"),
        (with(head(|_| ()), &cells[1..]), "ends too early"),
        (
            with(head(|_| ()), &[&cells[..], &[0]].concat()),
            "more in it than it says",
        ),
        (
            with(head(|of| of.ledger_lines = u64::MAX), &cells),
            "ends too early",
        ),
        (
            with(head(|of| of.sketch_cells = 0), &[]),
            "size that its number of differences has",
        ),
        (
            with(
                head(|of| of.ledger_lines = 1),
                &[&[0; 36][..], &cells].concat(),
            ),
            "not named",
        ),
        (
            with(head(|of| of.counts.records = 1), &cells),
            "do not add up",
        ),
        (
            with(head(|of| of.key = Some("k".into())), &cells),
            "made with the key k",
        ),
        (
            with(head(|of| of.fingerprint = "blake3".into()), &cells),
            "cannot be",
        ),
        (
            with(
                head(|of| {
                    of.ledger_lines = 1;
                    of.ledger_interfaces = vec!["eni-1".into()];
                }),
                &[&[0; 4], &7i64.to_le_bytes()[..], &[0; 24], &cells].concat(),
            ),
            "slot 7, which is none",
        ),
        (
            with(head(|of| of.fingerprint = "md5".into()), &cells),
            "does not know",
        ),
    ] {
        assert!(said.contains(expected), "{said}");
    }
}

/// A mended checksum does not make lines and sketch of other records a digest.
#[test]
fn lines_and_a_sketch_of_other_records_are_no_digest() {
    let key = Fingerprints::seeded(0);
    let (one, other) = (digest(&key, "a", 0..50), digest(&key, "a", 50..100));
    assert!(SideDigest::read(&written(&one), None).is_ok());
    let emptied = digest(&key, "a", 0..0).sketch;
    for sketch in [other.sketch, emptied] {
        let forged = SideDigest {
            sketch,
            ..one.clone()
        };
        let said = SideDigest::read(&written(&forged), None).unwrap_err();
        assert!(said.contains("not of the same records"), "{said}");
    }
}

#[test]
fn the_key_has_to_be_the_one_it_was_made_with() {
    let key = [7; KEY];
    let mut keyed = digest(&Fingerprints::keyed(&key, Algorithm::Blake3), "a", 0..5);
    keyed.about.fingerprint = "blake3".to_owned();
    keyed.about.key = Some(name_of_key(&key));
    let file = written(&keyed);
    let again = SideDigest::read(&file, Some(&key)).unwrap();
    assert_eq!(written(&again), file);
    assert!(
        SideDigest::read(&file, None)
            .unwrap_err()
            .contains("give that with --key-file")
    );
    let other = SideDigest::read(&file, Some(&[8; KEY])).unwrap_err();
    assert!(other.contains(&name_of_key(&[8; KEY])), "{other}");
    let bare = written(&digest(&Fingerprints::seeded(0), "a", 0..5));
    assert!(
        SideDigest::read(&bare, Some(&key))
            .unwrap_err()
            .contains("without a key")
    );
    let fingerprints = keyed.fingerprints(Some(&key)).unwrap();
    assert_eq!(
        fingerprints.of_record(b"x"),
        Fingerprints::keyed(&key, Algorithm::Blake3).of_record(b"x")
    );
}
