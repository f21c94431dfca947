//! A segment: many entries in a file that never changes.
//!
//! | part | content |
//! |---|---|
//! | magic | `users\n` and the version of the format, two bytes |
//! | size of the head | four bytes |
//! | head | [`Head`] in JSON |
//! | search parts | the [`Columns`] of each block of 8,192 entries, compressed |
//! | rest parts | the same entries as [`encode`](crate::encode) writes them, compressed |
//!
//! So a search reads one piece from the start, and a merge or an export the rest. Blocks and entries are sorted by
//! address.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::bytes::Invalid;
use crate::collation::VERSION as COLLATION_VERSION;
use crate::columns::Columns;
use crate::{Entry, State, codec};

const MAGIC: [u8; 8] = *b"users\n\0\x01";
/// Entries of a block: small enough that a merge holds some of each segment, and that the first page of users takes little
/// of each; large enough to be compressed well.
const BLOCK: usize = if cfg!(test) { 8 } else { 8_192 };
/// About how many bytes the head has for each block.
const HEAD_OF_BLOCK: u64 = 64;

/// What a segment has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// The version of the collation that sorts it: see [`COLLATION_VERSION`](crate::COLLATION_VERSION).
    pub collation: u16,
    /// How many entries it has.
    pub entries: u64,
    /// How many of them are deletions.
    pub deleted: u64,
    /// Bytes of the texts that are searched.
    texts: u64,
    blocks: Vec<Block>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Block {
    /// Bytes of the search part, compressed and not.
    search: (u32, u32),
    /// Bytes of the rest part, compressed and not.
    rest: (u32, u32),
}

/// Writes a segment.
#[derive(Debug, Default)]
pub struct Writer {
    head: Head,
    block: Vec<Entry>,
    search: Vec<u8>,
    rest: Vec<u8>,
}

impl Writer {
    /// Adds the next entry in the order of addresses.
    pub fn push(&mut self, entry: Entry) {
        self.block.push(entry);
        if self.block.len() == BLOCK {
            self.flush();
        }
    }

    /// Returns whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.block.is_empty() && self.head.blocks.is_empty()
    }

    fn flush(&mut self) {
        let block = std::mem::take(&mut self.block);
        let columns = Columns::of_sorted(&block);
        let is_deletion = |entry: &&Entry| matches!(entry.state, State::Deleted(_));
        self.head.entries += block.len() as u64;
        self.head.deleted += block.iter().filter(is_deletion).count() as u64;
        self.head.texts += columns.texts() as u64;
        let (search, rest) = (columns.encoded(), codec::encode(&block));
        let sizes = [(search, &mut self.search), (rest, &mut self.rest)].map(|(part, out)| {
            let packed = lz4_flex::compress(&part);
            out.extend_from_slice(&packed);
            let size = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
            (size(packed.len()), size(part.len()))
        });
        let [search, rest] = sizes;
        self.head.blocks.push(Block { search, rest });
    }

    /// Returns the segment.
    #[must_use]
    pub fn finish(mut self) -> Written {
        if !self.block.is_empty() {
            self.flush();
        }
        self.head.collation = COLLATION_VERSION;
        let head = serde_json::to_vec(&self.head).unwrap_or_default();
        let size = u32::try_from(head.len()).unwrap_or(u32::MAX);
        Written {
            pieces: [
                [&MAGIC[..], &size.to_le_bytes(), &head].concat(),
                self.search,
                self.rest,
            ],
            head: self.head,
        }
    }
}

/// A segment that is written: pieces that follow each other, because of ten million users they are too large to be copied
/// into one.
#[derive(Clone, Debug)]
pub struct Written {
    head: Head,
    /// What comes before the search parts, those, and the rest parts.
    pieces: [Vec<u8>; 3],
}

impl Written {
    /// Returns what it has.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Returns how many bytes it has, and before which of them the search parts end.
    #[must_use]
    pub fn sizes(&self) -> (u64, u64) {
        let [before, search, rest] = self.pieces.each_ref().map(|piece| piece.len() as u64);
        (before + search + rest, before + search)
    }

    /// Returns its pieces.
    #[must_use]
    pub fn into_pieces(self) -> [Vec<u8>; 3] {
        self.pieces
    }

    /// Returns all of its bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.pieces.concat()
    }
}

/// Returns about how many bytes at the beginning of a segment hold its first users, if it has so many `entries` and
/// `deleted` ones, and its search parts end at `search`. Mostly that is a block or two.
#[must_use]
pub fn beginning(entries: u64, deleted: u64, search: u64) -> u64 {
    let size = BLOCK as u64;
    let blocks = entries.div_ceil(size).max(1);
    // Deletions have no address, so they are in front.
    let needed = deleted / size + 1;
    let mean = search / blocks;
    let bytes = blocks.saturating_mul(HEAD_OF_BLOCK) + needed.saturating_mul(mean + mean / 4);
    bytes.saturating_add(1024).min(search)
}

/// A segment that is read.
#[derive(Clone, Debug)]
pub struct Segment<B> {
    bytes: B,
    head: Head,
    /// Where the search parts begin.
    search: usize,
}

impl<B: AsRef<[u8]>> Segment<B> {
    /// Reads the head of a segment. `bytes` is all of it, or at least its beginning up to [`Segment::search_end`].
    ///
    /// # Errors
    ///
    /// [`Invalid`] if it is none that this version reads.
    pub fn read(bytes: B) -> Result<Self, Invalid> {
        let all = bytes.as_ref();
        let (magic, rest) = all.split_at_checked(MAGIC.len()).ok_or(Invalid)?;
        let (size, rest) = rest.split_first_chunk().ok_or(Invalid)?;
        let size = u32::from_le_bytes(*size) as usize;
        if magic != MAGIC {
            return Err(Invalid);
        }
        let head = serde_json::from_slice(rest.get(..size).ok_or(Invalid)?).map_err(|_| Invalid)?;
        let search = MAGIC.len() + 4 + size;
        Ok(Self { bytes, head, search })
    }

    /// Returns what it has.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Returns where the search parts end: a search needs the bytes up to there.
    pub fn search_end(&self) -> usize {
        let sizes = self.head.blocks.iter().map(|block| block.search.0 as usize);
        self.search + sizes.sum::<usize>()
    }

    /// Reads the columns.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if the segment is damaged.
    pub fn columns(&self) -> Result<Columns, Invalid> {
        let mut columns = Columns::default();
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let claimed = size(self.head.entries).saturating_add(size(self.head.texts));
        // A damaged head must not ask for more memory than the blocks can fill.
        if claimed > self.bytes.as_ref().len().saturating_mul(255) {
            return Err(Invalid);
        }
        columns.reserve(size(self.head.entries), size(self.head.texts));
        let mut known = HashMap::new();
        let mut at = self.search;
        for block in &self.head.blocks {
            let part = self.part(&mut at, block.search)?;
            columns.extend(&part, &mut known)?;
        }
        Ok(columns)
    }

    /// Reads the columns of those blocks at the beginning that are there, and returns whether they are all.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if the segment is damaged.
    pub fn first_columns(&self) -> Result<(Columns, bool), Invalid> {
        let mut columns = Columns::default();
        let mut known = HashMap::new();
        let mut at = self.search;
        for block in &self.head.blocks {
            if self.bytes.as_ref().len() < at + block.search.0 as usize {
                return Ok((columns, false));
            }
            let part = self.part(&mut at, block.search)?;
            columns.extend(&part, &mut known)?;
        }
        Ok((columns, true))
    }

    /// Returns how many blocks there are.
    pub fn blocks(&self) -> usize {
        self.head.blocks.len()
    }

    /// Reads the entries of a block.
    ///
    /// # Errors
    ///
    /// [`Invalid`] if the segment is damaged.
    pub fn entries(&self, block: usize) -> Result<Vec<Entry>, Invalid> {
        let sizes = self.head.blocks.get(block).ok_or(Invalid)?.rest;
        let before = self.head.blocks[..block]
            .iter()
            .map(|block| block.rest.0 as usize);
        let mut at = self.search_end() + before.sum::<usize>();
        codec::decode(&self.part(&mut at, sizes)?)
    }

    fn part(&self, at: &mut usize, (packed, plain): (u32, u32)) -> Result<Vec<u8>, Invalid> {
        let (packed, plain) = (packed as usize, plain as usize);
        let part = self.bytes.as_ref().get(*at..*at + packed).ok_or(Invalid)?;
        *at += packed;
        if plain > packed.saturating_mul(255).saturating_add(64) {
            return Err(Invalid);
        }
        let plain = lz4_flex::decompress(part, plain).map_err(|_| Invalid)?;
        Ok(plain)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::columns::sorted;
    use crate::entry::tests::entries;

    fn written(entries: Vec<Entry>) -> Vec<u8> {
        let mut writer = Writer::default();
        for entry in sorted(entries) {
            writer.push(entry);
        }
        writer.finish().into_bytes()
    }

    proptest! {
        #[test]
        fn a_segment_reads_back_as_its_entries(entries in entries(30)) {
            let bytes = written(entries.clone());
            let entries = sorted(entries);
            let segment = Segment::read(&bytes).unwrap();
            prop_assert_eq!(segment.head().entries, entries.len() as u64);
            let read: Vec<_> = (0..segment.blocks()).flat_map(|block| segment.entries(block).unwrap()).collect();
            prop_assert_eq!(codec::encode(&read), codec::encode(&entries));
            // The beginning is enough for a search.
            let beginning = Segment::read(&bytes[..segment.search_end()]).unwrap();
            prop_assert_eq!(beginning.columns().unwrap().encoded(), Columns::of_sorted(&entries).encoded());
        }

        #[test]
        fn the_beginning_of_a_segment_has_its_first_blocks(
            entries in entries(30), cut: proptest::sample::Index
        ) {
            let bytes = written(entries.clone());
            let entries = sorted(entries);
            let whole = Segment::read(&bytes).unwrap();
            let cut = whole.search + cut.index(whole.search_end() - whole.search + 1);
            let (columns, is_all) = Segment::read(&bytes[..cut]).unwrap().first_columns().unwrap();
            prop_assert_eq!(is_all, cut == whole.search_end());
            prop_assert_eq!(columns.len() == entries.len(), is_all);
            prop_assert!(is_all || columns.len() % BLOCK == 0);
            let first = Columns::of_sorted(&entries[..columns.len()]);
            prop_assert_eq!(columns.encoded(), first.encoded());
        }

        #[test]
        fn a_damaged_segment_is_read_or_invalid(
            entries in entries(9), at: proptest::sample::Index, byte: u8, cut: proptest::sample::Index
        ) {
            let mut bytes = written(entries);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let cut = cut.index(bytes.len());
            for bytes in [&bytes[..], &bytes[..cut]] {
                if let Ok(segment) = Segment::read(bytes) {
                    let _ = (segment.columns(), segment.first_columns());
                    for block in 0..segment.blocks() {
                        let _ = segment.entries(block);
                    }
                }
            }
        }
    }
}
