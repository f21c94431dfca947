//! The addresses of a file with their first lines, in bounded memory.
//!
//! Who checks a file and writes nothing has nothing that could be asked whether an address came before, so the addresses
//! are kept here: the latest in memory, and the others on disk, in sorted runs. A filter in memory says of nearly every
//! new address that no run can have it, so the disk is asked only for addresses that are repeated.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;

use roster::Slot;

/// How much memory the addresses may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Addresses that are kept in a map until they are written to the disk.
    addresses: usize,
    /// The binary logarithm of the bits of the filter, which exists once there is something on disk.
    filter_bits: u32,
}

impl Memory {
    /// About 240 MB at most: a map of 2^21 buckets, which is 52 MB and half as much again while it is written to the
    /// disk, and a filter of 128 MiB. A file of 1 GiB has at most 110 million addresses, of which the filter then
    /// wrongly takes one in a hundred for repeated.
    pub const LARGE: Self = Self {
        addresses: 1_800_000,
        filter_bits: 30,
    };
    /// About 40 MB at most: a map of 2^19 buckets, which is 13 MB and as much again while it is written to the disk,
    /// and a filter of 16 MiB. With ten million addresses on disk, the filter wrongly takes one in two hundred for
    /// repeated.
    pub const SMALL: Self = Self {
        addresses: 450_000,
        filter_bits: 27,
    };
}

/// The length of a slot.
const KEY: usize = 15;
/// A slot and its first line: no file of 1 GiB has more than 2^40 lines.
const ENTRY: usize = KEY + 5;
/// Entries between two that a run's index has: one read of 5 KB.
const BLOCK: usize = 256;

type Key = [u8; KEY];

/// The addresses seen so far.
///
/// ```
/// use roster::{Email, Slot};
/// use seen::{Memory, Seen};
///
/// let slot = |text: &str| text.parse::<Email>().map(|email| Slot::of(&email));
/// let mut seen = Seen::within(Memory::SMALL);
/// assert_eq!(seen.first_line(slot("ada@example.org")?, 2)?, None);
/// assert_eq!(seen.first_line(slot("ADA@example.org")?, 7)?, Some(2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Seen {
    recent: HashMap<Slot, u64>,
    memory: Memory,
    filter: Option<Filter>,
    runs: Vec<SortedRun>,
}

impl Seen {
    /// Nothing seen yet, and at most that much memory to take.
    #[must_use]
    pub fn within(memory: Memory) -> Self {
        Self {
            recent: HashMap::new(),
            memory,
            filter: None,
            runs: Vec::new(),
        }
    }

    /// Returns the line on which `slot` was seen first; `None` if that is now, on `line`.
    ///
    /// # Errors
    ///
    /// If the disk cannot be written or read.
    pub fn first_line(&mut self, slot: Slot, line: u64) -> io::Result<Option<u64>> {
        if let Some(line) = self.on_disk(slot)? {
            return Ok(Some(line));
        }
        match self.recent.entry(slot) {
            Entry::Occupied(first) => return Ok(Some(*first.get())),
            Entry::Vacant(first) => first.insert(line),
        };
        if self.recent.len() >= self.memory.addresses {
            self.spill()?;
        }
        Ok(None)
    }

    /// Returns the line on which `slot` was seen first; `None` if it was not seen.
    ///
    /// # Errors
    ///
    /// If the disk cannot be read.
    pub fn line_of(&self, slot: Slot) -> io::Result<Option<u64>> {
        match self.recent.get(&slot) {
            Some(line) => Ok(Some(*line)),
            None => self.on_disk(slot),
        }
    }

    fn on_disk(&self, slot: Slot) -> io::Result<Option<u64>> {
        let key = slot.bytes();
        if !self.filter.as_ref().is_some_and(|filter| filter.may_have(&key)) {
            return Ok(None);
        }
        for run in &self.runs {
            if let Some(line) = run.find(&key)? {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    /// Moves what is in memory to the disk.
    fn spill(&mut self) -> io::Result<()> {
        let mut entries: Vec<_> = self
            .recent
            .drain()
            .map(|(slot, line)| (slot.bytes(), line))
            .collect();
        entries.sort_unstable();
        let bits = self.memory.filter_bits;
        let filter = self.filter.get_or_insert_with(|| Filter::new(bits));
        for (key, _) in &entries {
            filter.add(key);
        }
        self.runs.push(SortedRun::write(&entries)?);
        Ok(())
    }
}

/// A Bloom filter of keys that are hashes already.
struct Filter {
    words: Vec<u64>,
    bits: u32,
}

impl Filter {
    /// A filter of 2^`bits` bits.
    fn new(bits: u32) -> Self {
        Self {
            words: vec![0; 1 << (bits - 6)],
            bits,
        }
    }

    /// Four independent bits for each key: parts of a cryptographic hash.
    fn bits(&self, key: &Key) -> impl Iterator<Item = (usize, u64)> + use<> {
        let bits = self.bits;
        let words =
            [0, 4, 8, 11].map(|at| u32::from_be_bytes([key[at], key[at + 1], key[at + 2], key[at + 3]]));
        words.into_iter().map(move |word| {
            let bit = word >> (32 - bits);
            ((bit >> 6) as usize, 1 << (bit & 63))
        })
    }

    fn add(&mut self, key: &Key) {
        for (word, bit) in self.bits(key) {
            self.words[word] |= bit;
        }
    }

    fn may_have(&self, key: &Key) -> bool {
        self.bits(key).all(|(word, bit)| self.words[word] & bit != 0)
    }
}

/// Shows its size only.
impl std::fmt::Debug for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filter")
            .field("words", &self.words.len())
            .finish_non_exhaustive()
    }
}

/// Entries in the order of their keys, in a file without a name: it goes with the process, however that ends.
#[derive(Debug)]
struct SortedRun {
    file: File,
    entries: usize,
    /// The first key of each block.
    index: Vec<Key>,
}

impl SortedRun {
    fn write(entries: &[(Key, u64)]) -> io::Result<Self> {
        let file = tempfile::tempfile()?;
        let mut out = BufWriter::with_capacity(64 * 1024, file);
        for (key, line) in entries {
            out.write_all(key)?;
            out.write_all(&line.to_be_bytes()[3..])?;
        }
        Ok(Self {
            file: out.into_inner().map_err(io::IntoInnerError::into_error)?,
            entries: entries.len(),
            index: entries.iter().step_by(BLOCK).map(|(key, _)| *key).collect(),
        })
    }

    fn find(&self, key: &Key) -> io::Result<Option<u64>> {
        let Some(block) = self.index.partition_point(|first| first <= key).checked_sub(1) else {
            return Ok(None);
        };
        let first = block * BLOCK;
        let count = BLOCK.min(self.entries - first);
        let mut bytes = vec![0; count * ENTRY];
        self.file.read_exact_at(&mut bytes, (first * ENTRY) as u64)?;
        let (entries, _) = bytes.as_chunks::<ENTRY>();
        let found = entries.binary_search_by(|entry| entry[..KEY].cmp(key));
        Ok(found.ok().map(|index| {
            let line = &entries[index][KEY..];
            line.iter().fold(0, |line, byte| line << 8 | u64::from(*byte))
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slot(number: u32) -> Slot {
        Slot::of(&format!("u{number}@example.org").parse().unwrap())
    }

    proptest! {
        // Each case takes a filter of its own.
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn addresses_in_memory_and_on_disk_are_remembered_with_their_first_lines(
            numbers in prop::collection::vec(0..2000_u32, 1..3000),
            addresses in 1..700_usize,
            // From a filter that takes most addresses for repeated to one that takes few.
            filter_bits in 8..24_u32,
        ) {
            let mut seen = Seen::within(Memory { addresses, filter_bits });
            let mut expected = HashMap::new();
            for (line, number) in (2..).zip(numbers) {
                let earlier = expected.get(&number).copied();
                expected.entry(number).or_insert(line);
                prop_assert_eq!(seen.line_of(slot(number)).unwrap(), earlier);
                prop_assert_eq!(seen.first_line(slot(number), line).unwrap(), earlier);
                prop_assert_eq!(seen.line_of(slot(number)).unwrap(), earlier.or(Some(line)));
                prop_assert!(seen.recent.len() < addresses.max(2));
            }
        }
    }

    #[test]
    fn lines_of_the_longest_file_fit_and_memory_stays_bounded() {
        const LAST: u64 = (1 << 40) - 1;
        let mut seen = Seen::within(Memory {
            addresses: 1000,
            ..Memory::SMALL
        });
        for number in 0..50_000 {
            assert_eq!(
                seen.first_line(slot(number), LAST - u64::from(number)).unwrap(),
                None
            );
        }

        assert_eq!(seen.runs.len(), 50);
        assert!(seen.recent.len() < 1000);
        for number in (0..50_000).step_by(777) {
            let first = seen.first_line(slot(number), LAST).unwrap();
            assert_eq!(first, Some(LAST - u64::from(number)));
        }
    }
}
