//! The addresses of a validation with their first lines, in bounded memory.
//!
//! A validation writes nothing that could be asked whether an address came before, so it keeps them itself: the
//! latest in memory, and the others on disk, in sorted runs. A filter in memory says of nearly every new address that
//! no run can have it, so the disk is asked only for addresses that are repeated.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;

use roster::Slot;

/// Addresses in memory: as many as a map of 2^21 buckets takes, which is 52 MB.
const RECENT: usize = 1_800_000;
/// Bits of the filter: 128 MiB. A file of 1 GiB has at most 110 million addresses, of which the filter then wrongly
/// takes one in a hundred for repeated.
const FILTER_BITS: u32 = 30;
/// The length of a slot.
const KEY: usize = 15;
/// A slot and its first line: no file of 1 GiB has more than 2^40 lines.
const ENTRY: usize = KEY + 5;
/// Entries between two that a run's index has: one read of 5 KB.
const BLOCK: usize = 256;

type Key = [u8; KEY];

/// The addresses seen so far.
#[derive(Debug)]
pub(super) struct Seen {
    recent: HashMap<Slot, u64>,
    limit: usize,
    filter: Option<Filter>,
    runs: Vec<SortedRun>,
}

impl Default for Seen {
    fn default() -> Self {
        Self::with_limit(RECENT)
    }
}

impl Seen {
    /// Nothing seen yet, and at most `limit` addresses in memory.
    fn with_limit(limit: usize) -> Self {
        Self {
            recent: HashMap::new(),
            limit,
            filter: None,
            runs: Vec::new(),
        }
    }

    /// Returns the line on which `slot` was seen first; `None` if that is now, on `line`.
    ///
    /// # Errors
    ///
    /// If the disk cannot be written or read.
    pub(super) fn first_line(&mut self, slot: Slot, line: u64) -> io::Result<Option<u64>> {
        if let Some(line) = self.on_disk(slot)? {
            return Ok(Some(line));
        }
        match self.recent.entry(slot) {
            Entry::Occupied(first) => return Ok(Some(*first.get())),
            Entry::Vacant(first) => first.insert(line),
        };
        if self.recent.len() >= self.limit {
            self.spill()?;
        }
        Ok(None)
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
        let filter = self.filter.get_or_insert_with(Filter::new);
        for (key, _) in &entries {
            filter.add(key);
        }
        self.runs.push(SortedRun::write(&entries)?);
        Ok(())
    }
}

/// A Bloom filter of keys that are hashes already.
struct Filter(Vec<u64>);

impl Filter {
    fn new() -> Self {
        Self(vec![0; 1 << (FILTER_BITS - 6)])
    }

    /// Four independent bits for each key: parts of a cryptographic hash.
    fn bits(key: &Key) -> impl Iterator<Item = (usize, u64)> {
        let words =
            [0, 4, 8, 11].map(|at| u32::from_be_bytes([key[at], key[at + 1], key[at + 2], key[at + 3]]));
        words.into_iter().map(|word| {
            let bit = word >> (32 - FILTER_BITS);
            ((bit >> 6) as usize, 1 << (bit & 63))
        })
    }

    fn add(&mut self, key: &Key) {
        for (word, bit) in Self::bits(key) {
            self.0[word] |= bit;
        }
    }

    fn may_have(&self, key: &Key) -> bool {
        Self::bits(key).all(|(word, bit)| self.0[word] & bit != 0)
    }
}

/// Shows its size only.
impl std::fmt::Debug for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filter").field("words", &self.0.len()).finish()
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
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn addresses_in_memory_and_on_disk_are_remembered_with_their_first_lines(
            numbers in prop::collection::vec(0..2000_u32, 1..3000),
            limit in 1..700_usize,
        ) {
            let mut seen = Seen::with_limit(limit);
            let mut expected = HashMap::new();
            for (line, number) in (2..).zip(numbers) {
                let earlier = expected.get(&number).copied();
                expected.entry(number).or_insert(line);
                prop_assert_eq!(seen.first_line(slot(number), line).unwrap(), earlier);
                prop_assert!(seen.recent.len() < limit.max(2));
            }
        }
    }

    #[test]
    fn lines_of_the_longest_file_fit_and_memory_stays_bounded() {
        const LAST: u64 = (1 << 40) - 1;
        let mut seen = Seen::with_limit(1000);
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
