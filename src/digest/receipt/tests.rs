use super::*;
use crate::digest::Fingerprints;
use crate::digest::file::tests::about;

const SECRET: [u8; KEY] = [9; KEY];

/// The sums of these texts, each of an interface and a slot.
fn sums(records: &[(&str, &str, i64)]) -> WideSums {
    let names = Fingerprints::seeded(0);
    let mut sums = WideSums::new(ReceiptKey::of(&SECRET));
    for (text, interface, slot) in records {
        let interface = interface.as_bytes();
        let name = names.of_name(interface);
        sums.add(
            (text.as_bytes(), "vpc start"),
            (interface, name),
            Some(*slot),
        );
    }
    sums
}

const HELD: [(&str, &str, i64); 4] = [
    ("a 1", "eni-1", 0),
    ("a 2", "eni-1", 0),
    ("a 1", "eni-1", 300),
    ("b 1", "eni-2", 0),
];

fn receipt(previous: Option<&ChainLink>) -> (Receipt, Vec<u8>) {
    let key = ReceiptKey::of(&SECRET);
    let made = Receipt::new(about("part"), &sums(&HELD), previous, &key);
    let mut file = Vec::new();
    made.write(&key, &mut file).unwrap();
    (made, file)
}

fn changes(receipt: &Receipt, now: &[(&str, &str, i64)]) -> Vec<(String, Option<i64>, u64, u64)> {
    let key = ReceiptKey::of(&SECRET);
    let changes = receipt.sums.changes(&sums(now), &receipt.head.nonce, &key);
    let told = changes.into_iter().map(|change| {
        let BucketChange { bucket, then, now } = change;
        (bucket.interface.to_string(), bucket.slot, then, now)
    });
    told.collect()
}

#[test]
fn a_receipt_tells_what_is_as_it_was_and_what_is_not() {
    let (_, file) = receipt(None);
    let receipt = Receipt::read(&file, &SECRET).unwrap();
    assert_eq!(receipt.sums.records(), 4);
    let mut now = HELD;
    now.reverse();
    assert_eq!(changes(&receipt, &now), []);
    let eni = |name: &str, slot, then, now| (name.to_owned(), Some(slot), then, now);
    // Lost, added, changed, and values of two records swapped so that each still stands there.
    assert_eq!(changes(&receipt, &HELD[..3]), [eni("eni-2", 0, 1, 0)]);
    let added = [&HELD[..], &[("c", "eni-3", 0)]].concat();
    assert_eq!(changes(&receipt, &added), [eni("eni-3", 0, 0, 1)]);
    let swapped = [("a 3", "eni-1", 0), ("a 0", "eni-1", 0), HELD[2], HELD[3]];
    assert_eq!(changes(&receipt, &swapped), [eni("eni-1", 0, 2, 2)]);
    let twice = [("a 1", "eni-1", 0), ("a 1", "eni-1", 0), HELD[2], HELD[3]];
    assert_eq!(changes(&receipt, &twice), [eni("eni-1", 0, 2, 2)]);
}

#[test]
fn equal_sums_are_covered_otherwise_in_every_bucket_and_receipt() {
    let ((one, _), (other, _)) = (receipt(None), receipt(None));
    let covered = |receipt: &Receipt| -> Vec<[u8; 32]> {
        receipt.sums.lines.values().map(|(_, sum)| *sum).collect()
    };
    let mut all = [covered(&one), covered(&other)].concat();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 6);
}

#[test]
fn what_was_edited_is_forged_also_with_a_seal_of_another_key() {
    let (_, file) = receipt(None);
    for at in 0..file.len() {
        let mut edited = file.clone();
        edited[at] ^= 4;
        Receipt::read(&edited, &SECRET).unwrap_err();
        Receipt::read(&file[..at], &SECRET).unwrap_err();
    }
    let error = Receipt::read(&file, &[8; KEY]).unwrap_err();
    assert!(error.contains("forged or of another key"), "{error}");
    let (bytes, _) = file.split_last_chunk::<32>().unwrap();
    let mended = blake3::keyed_hash(&ReceiptKey::of(&[8; KEY]).seal, bytes);
    let mended = [bytes, mended.as_bytes()].concat();
    assert!(
        Receipt::read(&mended, &SECRET)
            .unwrap_err()
            .contains("forged")
    );
    assert!(
        Receipt::read(b"flowdiff digest 1\n", &SECRET)
            .unwrap_err()
            .contains("no receipt")
    );
    assert!(
        Receipt::read(b"flowdiff receipt 2\n", &SECRET)
            .unwrap_err()
            .contains("another version")
    );
}

#[test]
fn a_chain_is_whole_or_what_is_wrong_is_said() {
    let mut chain: Vec<(ChainLink, String)> = Vec::new();
    for number in 1..=4 {
        let (receipt, file) = receipt(chain.last().map(|(link, _)| link));
        chain.push((ChainLink::of(&receipt, &file), format!("{number}")));
    }
    let pick = |indexes: &[usize]| -> Vec<(ChainLink, String)> {
        indexes.iter().map(|&index| chain[index].clone()).collect()
    };
    assert_eq!(in_chain(&pick(&[2, 0, 1, 3])), Ok(vec![1, 2, 0, 3]));
    assert_eq!(in_chain(&pick(&[0, 1])), Ok(vec![0, 1]));
    assert_eq!(in_chain(&[]), Ok(vec![]));
    let (other, file) = receipt(Some(&chain[0].0));
    let mut mixed = pick(&[0, 2]);
    mixed.push((ChainLink::of(&other, &file), "other".to_owned()));
    for (links, said) in [
        (pick(&[1, 2]), "`2` is number 2 of its chain"),
        (pick(&[0, 1, 3]), "between `2`, number 2, and `4`, number 4"),
        (pick(&[0, 1, 1]), "both number 2"),
        (mixed, "`3` names another receipt before it than `other`"),
    ] {
        let refused = in_chain(&links).unwrap_err();
        assert!(refused.contains(said), "{refused}");
    }
}
