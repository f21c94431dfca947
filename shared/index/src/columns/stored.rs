//! Columns as the bytes of a segment.

use std::collections::HashMap;
use std::sync::OnceLock;

use memchr::memchr_iter;
use roster::{ImportId, Slot};

use super::{Columns, END, number};
use crate::bytes::{Invalid, Source, put_number};

impl Columns {
    /// Returns the columns as bytes.
    pub(crate) fn encoded(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.text.len() + 40 * self.len());
        for count in [
            self.len(),
            self.text.len(),
            self.elsewhere.len(),
            self.versions.len(),
            self.dictionary.len(),
        ] {
            put_number(count as u64, &mut out);
        }
        out.extend_from_slice(&self.text);
        for flags in &self.flags {
            out.extend_from_slice(&flags.to_le_bytes());
        }
        out.extend(self.suffixes.as_flattened());
        for (index, slot) in &self.elsewhere {
            put_number(u64::from(*index), &mut out);
            out.extend_from_slice(&slot.bytes());
        }
        for (index, version) in &self.versions {
            put_number(u64::from(*index), &mut out);
            put_number(*version, &mut out);
        }
        for id in &self.dictionary {
            out.extend_from_slice(&id.bytes());
        }
        for import in &self.imports {
            out.extend_from_slice(&import.to_le_bytes());
        }
        for number in self.times.iter().chain(&self.prefixes) {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out
    }

    /// Appends what [`Columns::encoded`] wrote, whose entries sort behind those that are here.
    pub(crate) fn extend(&mut self, bytes: &[u8], known: &mut HashMap<ImportId, u32>) -> Result<(), Invalid> {
        let mut source = Source(bytes);
        let (count, texts) = (source.size()?, source.size()?);
        let (elsewhere, versions, dictionary) = (source.size()?, source.size()?, source.size()?);
        let (first, offset) = (self.len(), self.text.len());
        let text = source.take(texts)?;
        str::from_utf8(text).map_err(|_| Invalid)?;
        let ends = memchr_iter(END, text).map(|end| number(offset + end + 1));
        self.ends.extend(ends);
        self.text.extend_from_slice(text);
        if self.ends.len() != first + count || text.last().is_some_and(|last| *last != END) {
            return Err(Invalid);
        }
        for _ in 0..count {
            self.flags.push(u16::from_le_bytes(source.array()?));
        }
        for _ in 0..count {
            self.suffixes.push(source.array()?);
        }
        let index_of = |index: u64| match usize::try_from(index) {
            Ok(index) if index < count => Ok(number(first + index)),
            _ => Err(Invalid),
        };
        for _ in 0..elsewhere {
            let index = index_of(source.number()?)?;
            self.elsewhere.push((index, Slot::of_bytes(source.array()?)));
        }
        for _ in 0..versions {
            let index = index_of(source.number()?)?;
            self.versions.push((index, source.number()?));
        }
        let mut numbers = vec![0];
        for _ in 0..dictionary {
            let id = ImportId::of_bytes(source.array()?);
            numbers.push(self.import_number(id, known));
        }
        for _ in 0..count {
            let import = u32::from_le_bytes(source.array()?);
            self.imports.push(*numbers.get(import as usize).ok_or(Invalid)?);
        }
        for column in [&mut self.times, &mut self.prefixes] {
            for _ in 0..count {
                column.push(u64::from_le_bytes(source.array()?));
            }
        }
        self.by_suffix = OnceLock::new();
        Ok(())
    }

    /// Makes room for what is about to be appended.
    pub(crate) fn reserve(&mut self, entries: usize, texts: usize) {
        self.text.reserve_exact(texts);
        self.ends.reserve_exact(entries);
        self.flags.reserve_exact(entries);
        self.suffixes.reserve_exact(entries);
        self.imports.reserve_exact(entries);
        self.times.reserve_exact(entries);
        self.prefixes.reserve_exact(entries);
    }

    /// Returns how many bytes the texts have.
    pub(crate) fn texts(&self) -> usize {
        self.text.len()
    }
}
