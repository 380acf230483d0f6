//! Whether columns of a Parquet file are encrypted whose footer is not.
//!
//! Sources: Apache Parquet's `parquet.thrift` (`FileMetaData`, whose field 8 is `encryption_algorithm`) and Thrift's "Thrift
//! compact protocol".

use ::parquet::file::reader::ChunkReader;

/// The field of `FileMetaData` that names the algorithm.
const ENCRYPTION_ALGORITHM: i64 = 8;

/// How deep structs and lists are within each other at most.
const DEEPEST: u32 = 16;

/// Tells whether the footer says so. Asked only of a file that cannot be read.
pub(super) fn is_encrypted(file: &impl ChunkReader) -> bool {
    footer(file).and_then(|footer| has_algorithm(&footer)) == Some(true)
}

fn footer(file: &impl ChunkReader) -> Option<bytes::Bytes> {
    let end = file.len().checked_sub(8)?;
    let length = file.get_bytes(end, 4).ok()?;
    let length = u32::from_le_bytes(length[..].try_into().ok()?);
    let start = end.checked_sub(u64::from(length))?;
    file.get_bytes(start, usize::try_from(length).ok()?).ok()
}

fn has_algorithm(mut footer: &[u8]) -> Option<bool> {
    let mut field = 0;
    loop {
        let head = byte(&mut footer)?;
        if head == 0 {
            return Some(false);
        }
        field = match head >> 4 {
            0 => {
                let number = varint(&mut footer)?;
                i64::try_from(number >> 1).ok()?
            }
            more => field + i64::from(more),
        };
        if field == ENCRYPTION_ALGORITHM {
            return Some(true);
        }
        pass_over(&mut footer, head & 0xf, DEEPEST)?;
    }
}

/// Passes over a value of a type.
fn pass_over(bytes: &mut &[u8], kind: u8, depth: u32) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    match kind {
        1 | 2 => {}
        3 => drop(byte(bytes)?),
        4..=6 => drop(varint(bytes)?),
        7 => *bytes = bytes.get(8..)?,
        8 => {
            let length = usize::try_from(varint(bytes)?).ok()?;
            *bytes = bytes.get(length..)?;
        }
        9 | 10 => {
            let head = byte(bytes)?;
            let length = match head >> 4 {
                15 => varint(bytes)?,
                length => u64::from(length),
            };
            for _ in 0..length {
                // In a list, a truth value takes a byte.
                let kind = if matches!(head & 0xf, 1 | 2) {
                    3
                } else {
                    head & 0xf
                };
                pass_over(bytes, kind, depth)?;
            }
        }
        12 => loop {
            let head = byte(bytes)?;
            if head == 0 {
                break;
            }
            if head >> 4 == 0 {
                varint(bytes)?;
            }
            pass_over(bytes, head & 0xf, depth)?;
        },
        _ => return None,
    }
    Some(())
}

fn byte(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let next = byte(bytes)?;
        value |= u64::from(next & 0x7f) << shift;
        if next < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_algorithm_is_found_behind_everything_else() {
        // Version, a schema of one element, rows, no row groups, who wrote it, an order of columns.
        let mut footer = vec![
            0x15, 4, 0x19, 0x1c, 0x48, 1, b'm', 0x15, 2, 0, 0x16, 2, 0x19, 0x0c, 0x28, 1, b'w',
        ];
        footer.extend([0x19, 0x1c, 0x1c, 0, 0]);
        let mut encrypted = footer.clone();
        encrypted.extend([0x1c, 0x1c, 0, 0, 0]);
        footer.push(0);
        assert_eq!(has_algorithm(&footer), Some(false));
        assert_eq!(has_algorithm(&encrypted), Some(true));
        for end in 0..footer.len() - 1 {
            assert_eq!(has_algorithm(&footer[..end]), None, "{end}");
        }
        let real = std::fs::read("fixtures/formats/s3.log.parquet").unwrap();
        assert!(!is_encrypted(&bytes::Bytes::from(real)));
    }
}
