//! The order of names: the root collation of the Unicode Collation Algorithm.

use std::cmp::Ordering;

use icu_collator::CollatorBorrowed;
use icu_collator::options::CollatorOptions;

/// The version of the collation. Prefixes of another one are of no use: whoever raises it has every index rebuilt.
pub const VERSION: u16 = 1;

const COLLATOR: CollatorBorrowed<'static> = CollatorBorrowed::new_root(CollatorOptions::default());

/// Compares two names.
pub(crate) fn compare(one: &str, other: &str) -> Ordering {
    if one == other {
        return Ordering::Equal;
    }
    let collator = const { COLLATOR };
    collator.compare(one, other)
}

/// Returns the first bytes of the sort key of `name`. Where those of two names differ, they are in the order of the
/// names. `scratch` is reused from call to call.
pub(crate) fn prefix(name: &str, scratch: &mut Vec<u8>) -> u64 {
    scratch.clear();
    if !name.is_empty() {
        let collator = const { COLLATOR };
        let Ok(()) = collator.write_sort_key_to(name, scratch);
    }
    let mut prefix = [0; 8];
    for (to, from) in prefix.iter_mut().zip(scratch.iter()) {
        *to = *from;
    }
    u64::from_be_bytes(prefix)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accents_sort_beside_their_letters() {
        let mut names = [
            "zoe", "émile", "emma", "emil", "åse", "o'hara", "straße", "strasse", "", "ада",
        ];
        names.sort_by(|one, other| compare(one, other));
        assert_eq!(
            names,
            [
                "", "åse", "emil", "émile", "emma", "o'hara", "strasse", "straße", "zoe", "ада"
            ]
        );
    }

    /// Prefixes are stored. If this fails, because the tables of the collation have changed, raise [`VERSION`].
    #[test]
    fn the_prefixes_are_those_of_the_version() {
        let mut scratch = Vec::new();
        let prefixes =
            ["lovelace", "ångström", "straße", "мария", "李"].map(|name| prefix(name, &mut scratch));
        let expected = [
            0x4147_5533_412b_2f33,
            0x2b45_374f_514d_4743,
            0x4f51_4d2b_4f4f_3301,
            0x6272_0696_46f4_0109,
            0xfa35_0401_0501_0500,
        ];
        assert_eq!((VERSION, prefixes), (1, expected));
    }

    proptest! {
        #[test]
        fn prefixes_agree_with_the_order(one in "[a-zéåßо'李 ]{0,9}", other in "[a-zéåßо'李 ]{0,9}") {
            let mut scratch = Vec::new();
            let prefixes = [&one, &other].map(|name| prefix(name, &mut scratch));
            if prefixes[0] != prefixes[1] {
                prop_assert_eq!(prefixes[0].cmp(&prefixes[1]), compare(&one, &other));
            }
            prop_assert_eq!(compare(&one, &other), compare(&other, &one).reverse());
        }
    }
}
