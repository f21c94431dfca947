//! Looking through columns for the entries that match a filter.

use memchr::{memchr, memmem};
use roster::{Role, Roles, Timestamp};

use super::{Columns, END, REFERENCE, flag, number, pattern, roles_of};
use crate::query::Filter;

impl Columns {
    /// Calls `found` with each entry that matches `filter` and for which `is_listed` holds, in order.
    pub(crate) fn visit(
        &self,
        filter: &Filter,
        is_listed: impl Fn(usize) -> bool,
        mut found: impl FnMut(usize),
    ) {
        let test = Test::new(self, filter);
        if test.is_impossible {
            return;
        }
        let Some(driver) = &test.driver else {
            for index in (0..self.len()).filter(|index| is_listed(*index) && test.admits(*index)) {
                found(index);
            }
            return;
        };
        let (mut at, mut from) = (0, 0);
        while let Some(hit) = driver.find(&self.text[at..]) {
            let hit = at + hit;
            let index = from + self.entry_at(&self.ends[from..], hit);
            if index >= self.len() {
                return;
            }
            if is_listed(index) && test.admits(index) {
                found(index);
            }
            at = self.ends[index] as usize;
            from = index + 1;
        }
    }

    /// Returns which of the entries that end at `ends` has the byte `hit`: mostly one of the next few.
    #[expect(clippy::unused_self, reason = "a part of `visit`")]
    fn entry_at(&self, ends: &[u32], hit: usize) -> usize {
        let mut step = 1;
        while ends.get(step - 1).is_some_and(|end| *end as usize <= hit) {
            step *= 2;
        }
        let (from, to) = (step / 2, step.min(ends.len()));
        from + ends[from.min(to)..to].partition_point(|end| *end as usize <= hit)
    }
}

/// A filter, prepared for one set of columns.
struct Test<'a> {
    columns: &'a Columns,
    /// What the texts are looked through for: the longest word, or the reference.
    driver: Option<memmem::Finder<'a>>,
    words: Vec<memmem::Finder<'a>>,
    reference: Option<Vec<u8>>,
    mask: u16,
    bits: u16,
    without_admins: bool,
    import: Option<u32>,
    after: Option<Timestamp>,
    before: Option<Timestamp>,
    /// Whether nothing here can match.
    is_impossible: bool,
}

impl<'a> Test<'a> {
    fn new(columns: &'a Columns, filter: &'a Filter) -> Self {
        let mut mask = 0;
        let mut bits = 0;
        if let Some(role) = filter.role {
            let bit = Role::ALL
                .into_iter()
                .position(|known| known == role)
                .unwrap_or_default();
            mask |= 1 << bit;
            bits |= 1 << bit;
        }
        if let Some(enabled) = filter.enabled {
            mask |= flag::ENABLED;
            bits |= if enabled { flag::ENABLED } else { 0 };
        }
        let import = filter.import.map(|id| {
            let known = columns.dictionary.iter().position(|known| *known == id);
            known.map(|place| number(place + 1))
        });
        let reference = filter.external_user_id.as_ref().map(|reference| {
            let mut bytes = vec![REFERENCE];
            bytes.extend_from_slice(pattern(reference).as_bytes());
            bytes.push(END);
            bytes
        });
        let finder = |word: &'a String| memmem::Finder::new(word.as_bytes());
        let longest = filter.words.iter().max_by_key(|word| word.len()).map(finder);
        let driver = match &reference {
            Some(reference) => Some(memmem::Finder::new(reference).into_owned()),
            None => longest,
        };
        Self {
            columns,
            driver,
            words: filter.words.iter().map(finder).collect(),
            reference,
            mask,
            bits,
            without_admins: filter.without_admins,
            // Who has no reference is stored with an empty one.
            is_impossible: import == Some(None) || filter.external_user_id.as_deref() == Some(""),
            import: import.flatten(),
            after: filter.created_after,
            before: filter.created_before,
        }
    }

    fn admits(&self, index: usize) -> bool {
        let flags = self.columns.flags[index];
        if flags & self.mask != self.bits || (self.without_admins && roles_of(flags).intersects(Roles::ADMIN))
        {
            return false;
        }
        if self
            .import
            .is_some_and(|import| self.columns.imports[index] != import)
        {
            return false;
        }
        let time = self.columns.times[index];
        if self.after.is_some_and(|after| time <= after.millis())
            || self.before.is_some_and(|before| time >= before.millis())
        {
            return false;
        }
        if self.reference.is_none() && self.words.is_empty() {
            return true;
        }
        let text = self.columns.text(index);
        let searched = &text[..memchr(REFERENCE, text).unwrap_or(0)];
        self.words.iter().all(|word| word.find(searched).is_some())
            && self
                .reference
                .as_ref()
                .is_none_or(|reference| text[searched.len()..] == reference[..])
    }
}
