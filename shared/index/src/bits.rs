//! A set of numbers of entries.

/// One bit for each entry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    /// Returns the set of those of `len` entries for which `holds` is true.
    pub(crate) fn of(len: usize, holds: impl Fn(usize) -> bool) -> Self {
        let mut bits = Self(vec![0; len.div_ceil(64)]);
        for index in (0..len).filter(|index| holds(*index)) {
            bits.set(index, true);
        }
        bits
    }

    pub(crate) fn get(&self, index: usize) -> bool {
        self.0
            .get(index / 64)
            .is_some_and(|word| word & (1 << (index % 64)) != 0)
    }

    pub(crate) fn set(&mut self, index: usize, value: bool) {
        if let Some(word) = self.0.get_mut(index / 64) {
            if value {
                *word |= 1 << (index % 64);
            } else {
                *word &= !(1 << (index % 64));
            }
        }
    }

    /// Returns how many there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Returns them in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(place, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = usize::try_from(left.trailing_zeros()).unwrap_or(64);
                (left != 0).then(|| {
                    left &= left - 1;
                    place * 64 + bit
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_set_has_what_was_put_into_it(
            changes in proptest::collection::vec((0..300_usize, any::<bool>()), 0..200)
        ) {
            let mut bits = Bits::of(300, |index| index % 7 == 0);
            let mut model: BTreeSet<_> = (0..300).filter(|index| index % 7 == 0).collect();
            for (index, value) in changes {
                bits.set(index, value);
                if value { model.insert(index); } else { model.remove(&index); }
                prop_assert_eq!(bits.get(index), value);
            }
            prop_assert_eq!(bits.count(), model.len() as u64);
            prop_assert_eq!(bits.iter().collect::<Vec<_>>(), model.into_iter().collect::<Vec<_>>());
        }
    }
}
