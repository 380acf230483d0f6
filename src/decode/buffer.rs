//! Buffers that are used again: a fresh one costs a page fault for every 4 KiB, which is as much as unpacking costs.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Deref;
use std::sync::Mutex;

/// What the next decode may use.
static SPARES: Mutex<Spares> = Mutex::new(Spares {
    buffers: Vec::new(),
    wanted: 0,
});

/// How many buffers are kept: what is packed and what is unpacked, for a few decodes at a time.
const MOST_SPARES: usize = 8;

/// A buffer that so many others were wanted after is given up: thousands of small parts may follow a few large ones.
const FORGOTTEN: u64 = 256;

/// A buffer this many times larger than what it is wanted for is left to what needs it. If what is packed had the
/// buffers of what is unpacked, more and more of them would become large.
const MUCH_LARGER: usize = 4;

/// What is smaller than this is taken to be as large.
const SMALL: usize = 64 << 10;

/// Buffers that nobody uses.
struct Spares {
    /// With how many had been wanted when they were last in use.
    buffers: Vec<(u64, Vec<u8>)>,
    wanted: u64,
}

impl Spares {
    /// Gives a buffer that is [`fitting`].
    fn take(&mut self, size: usize) -> Option<Vec<u8>> {
        self.wanted += 1;
        let wanted = self.wanted;
        self.buffers.retain(|(last, _)| wanted - last < FORGOTTEN);
        let lengths = self.buffers.iter().map(|(_, bytes)| bytes.len());
        let index = fitting(lengths, size)?;
        Some(self.buffers.swap_remove(index).1)
    }

    fn give_back(&mut self, bytes: Vec<u8>) {
        if self.buffers.len() < MOST_SPARES {
            self.buffers.push((self.wanted, bytes));
        }
    }
}

/// Gives the memory back that decoding keeps for the next time: to be called when nothing will be decoded for a while.
pub fn give_back_memory() {
    if let Ok(mut spares) = SPARES.lock() {
        spares.buffers = Vec::new();
    }
}

/// Bytes in a buffer that others have used before and will use again.
#[derive(Debug)]
pub(super) struct Buffer {
    /// Longer than what is in use.
    bytes: Vec<u8>,
    len: usize,
}

impl Buffer {
    /// Takes a buffer with nothing in it, a spare one if one is [`fitting`].
    pub(super) fn for_bytes(size: usize) -> Self {
        let spare = SPARES.lock().ok();
        let spare = spare.and_then(|mut spares| spares.take(size));
        Self {
            bytes: spare.unwrap_or_default(),
            len: 0,
        }
    }

    /// Reads a file to its end, from where it stands; `size` is how long it is thought to be.
    ///
    /// # Errors
    /// The file's.
    pub(super) fn read(file: &mut File, size: usize) -> io::Result<Self> {
        let mut buffer = Self::for_bytes(size + 1);
        let mut space = size + 1;
        loop {
            match file.read(buffer.space(space)) {
                Ok(0) => return Ok(buffer),
                Ok(read) => buffer.filled(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            space = 64 << 10;
        }
    }

    /// Returns at least `size` bytes to write to, after what is in use; say then how many were [`Self::filled`].
    pub(super) fn space(&mut self, size: usize) -> &mut [u8] {
        let wanted = self.len + size;
        if self.bytes.len() < wanted {
            // Zeroed memory comes for free from the system; zeroing a buffer that grows does not. Rounded up, since the
            // next object is likely to be a little larger, and what is never written to costs nothing.
            let mut larger = vec![0; wanted.next_power_of_two()];
            larger[..self.len].copy_from_slice(&self.bytes[..self.len]);
            self.bytes = larger;
        }
        &mut self.bytes[self.len..wanted]
    }

    /// Takes so many bytes of the space into use.
    pub(super) fn filled(&mut self, bytes: usize) {
        self.len += bytes;
    }
}

/// Returns which of the spare buffers of these lengths is to hold `size` bytes: of those that do, and are not much larger,
/// the smallest, or else the largest that is smaller.
fn fitting(lengths: impl Iterator<Item = usize>, size: usize) -> Option<usize> {
    let lengths = lengths.enumerate();
    let lengths = lengths.filter(|&(_, len)| len / MUCH_LARGER <= size.max(SMALL));
    let fit = lengths.min_by_key(|&(_, len)| {
        if len >= size {
            (0, len)
        } else {
            (1, usize::MAX - len)
        }
    });
    fit.map(|(index, _)| index)
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Ok(mut spares) = SPARES.lock() {
            spares.give_back(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_leaves_large_buffers_to_what_is_unpacked() {
        const MIB: usize = 1 << 20;
        for (lengths, size, expected) in [
            (&[32 * MIB, 4 * MIB, 8 * MIB][..], 3 * MIB, Some(1)),
            (&[32 * MIB, 8 * MIB], 3 * MIB, Some(1)),
            (&[32 * MIB], 3 * MIB, None),
            (&[4 * MIB, 32 * MIB], 20 * MIB, Some(1)),
            (&[4 * MIB, 8 * MIB], 20 * MIB, Some(1)),
            (&[SMALL * MUCH_LARGER, 32 * MIB], 0, Some(0)),
            (&[], 20 * MIB, None),
        ] {
            let found = fitting(lengths.iter().copied(), size);
            assert_eq!(found, expected, "{lengths:?} {size}");
        }
    }

    #[test]
    fn a_buffer_that_has_long_not_been_wanted_is_given_up() {
        let mut spares = Spares {
            buffers: Vec::new(),
            wanted: 0,
        };
        spares.give_back(vec![0; 1 << 20]);
        spares.give_back(vec![0; SMALL]);
        for wanted in 1..2 * FORGOTTEN {
            let small = spares.take(100).unwrap();
            assert_eq!(small.len(), SMALL);
            spares.give_back(small);
            let expected = if wanted < FORGOTTEN { 2 } else { 1 };
            assert_eq!(spares.buffers.len(), expected, "{wanted}");
        }
    }
}
