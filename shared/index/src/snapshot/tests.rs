use std::collections::BTreeMap;

use proptest::prelude::*;
use roster::{ImportId, Role, Roles, User, fold};

use super::*;
use crate::collation;
use crate::entry::tests::entries;
use crate::query::words;

/// Sets of entries in which two records of an account with one version are alike.
fn sets(most: usize) -> impl Strategy<Value = Vec<Vec<Entry>>> {
    proptest::collection::vec(entries(12), 0..most).prop_map(|mut sets| {
        let mut known = BTreeMap::new();
        for entry in sets.iter_mut().flatten() {
            if let State::Present(user) = &mut entry.state {
                let record = known
                    .entry((entry.id, user.version))
                    .or_insert_with(|| user.clone());
                user.clone_from(record);
            }
        }
        sets
    })
}

/// What is listed, in the plainest terms.
fn listed(sets: &[Vec<Entry>]) -> Vec<User> {
    let mut joined: BTreeMap<UserId, Entry> = BTreeMap::new();
    for entry in sets.iter().flatten().cloned() {
        let entry = match joined.remove(&entry.id) {
            Some(known) => known.join(entry),
            None => entry,
        };
        joined.insert(entry.id, entry);
    }
    joined
        .into_values()
        .filter(Entry::is_listed)
        .filter_map(|entry| match entry.state {
            State::Present(user) => Some(*user),
            State::Deleted(_) => None,
        })
        .collect()
}

fn folded_last(user: &User) -> String {
    user.profile
        .last_name
        .as_ref()
        .map(|name| fold(name.as_str()).replace('\u{1}', "\r"))
        .unwrap_or_default()
}

/// The users that a page walks through, in the plainest terms.
fn found(sets: &[Vec<Entry>], filter: &Filter, order: Order) -> Vec<User> {
    let mut users = listed(sets);
    users.retain(|user| {
        let names = [&user.profile.first_name, &user.profile.last_name];
        let mut fields = vec![user.email.key().to_owned(), fold(user.email.as_str())];
        fields.extend(
            names
                .into_iter()
                .flatten()
                .map(|name| fold(name.as_str()).replace('\u{1}', "\r")),
        );
        filter
            .words
            .iter()
            .all(|word| fields.iter().any(|field| field.contains(word.as_str())))
            && filter.role.is_none_or(|role| user.roles.contains(role))
            && filter.enabled.is_none_or(|enabled| enabled == user.enabled)
            && filter
                .import
                .is_none_or(|import| user.import.map(|(id, _)| id) == Some(import))
            && filter.created_after.is_none_or(|after| user.created_at > after)
            && filter
                .created_before
                .is_none_or(|before| user.created_at < before)
            && filter.external_user_id.as_deref().is_none_or(|external| {
                user.profile.external_user_id.as_ref().map(roster::Text::as_str) == Some(external)
            })
            && !(filter.without_admins && user.roles.intersects(Roles::ADMIN))
    });
    for user in &users {
        assert!(filter.admits(user));
    }
    users.sort_by(|one, other| {
        let by = match order.by {
            SortBy::Email => Ordering::Equal,
            SortBy::LastName => collation::compare(&folded_last(one), &folded_last(other)),
            SortBy::CreatedAt => one.created_at.cmp(&other.created_at),
        };
        let all = by
            .then_with(|| one.email.key().cmp(other.email.key()))
            .then_with(|| one.id.cmp(&other.id));
        if order.descending { all.reverse() } else { all }
    });
    users
}

fn filter() -> impl Strategy<Value = Filter> {
    let word = prop_oneof![
        3 => Just(String::new()),
        1 => "[aAbB@éßz12.]{1,2}( [a-b])?",
        1 => "\"[a-b ]{1,2}\"",
        1 => Just("bücher \u{1}".to_owned()),
    ];
    let time = || proptest::option::weighted(0.2, (0..5_u64).prop_map(Timestamp::from_millis));
    (
        word,
        proptest::option::weighted(0.2, proptest::sample::select(&Role::ALL[..])),
        proptest::option::weighted(0.2, any::<bool>()),
        proptest::option::weighted(0.2, "[xX]{1,2}"),
        proptest::option::weighted(0.2, 0..3_u128),
        (time(), time()),
        any::<bool>(),
    )
        .prop_map(
            |(text, role, enabled, external_user_id, import, times, without_admins)| Filter {
                words: words(&text),
                role,
                enabled,
                external_user_id,
                import: import.map(|id| ImportId::of_bytes(id.to_le_bytes())),
                created_after: times.0,
                created_before: times.1,
                without_admins,
            },
        )
}

fn order() -> impl Strategy<Value = Order> {
    let by = prop_oneof![
        Just(SortBy::Email),
        Just(SortBy::LastName),
        Just(SortBy::CreatedAt)
    ];
    (by, any::<bool>()).prop_map(|(by, descending)| Order { by, descending })
}

fn snapshot(sets: &[Vec<Entry>], is_compacted: bool) -> Snapshot {
    sets.iter().fold(Snapshot::default(), |snapshot, set| {
        let snapshot = snapshot.with(Arc::new(Columns::of(set.clone())));
        if is_compacted {
            snapshot.compacted()
        } else {
            snapshot
        }
    })
}

proptest! {
    #[test]
    fn a_page_is_what_a_plain_search_finds(
        sets in sets(8),
        is_compacted: bool,
        filter in filter(),
        order in order(),
        skip in 0..4_u64,
        limit in 0..4_u64,
    ) {
        let snapshot = snapshot(&sets, is_compacted);
        let expected = found(&sets, &filter, order);
        let ids: Vec<_> = expected.iter().map(|user| user.id).collect();
        let mut wanted = Wanted { filter, order, after: None, skip, limit };
        let page = snapshot.find(&wanted);
        let (from, most) = (usize::try_from(skip).unwrap(), usize::try_from(limit).unwrap());
        let end = ids.len().min(from + most);
        prop_assert_eq!(&page.ids, &ids.get(from..end).unwrap_or_default());
        prop_assert_eq!(page.count, ids.len() as u64);
        prop_assert_eq!(page.last.is_some(), limit > 0 && from + most < ids.len());

        // A walk meets everybody once.
        wanted.skip = 0;
        wanted.limit = limit.max(1);
        let mut walked = Vec::new();
        loop {
            let page = snapshot.find(&wanted);
            walked.extend(page.ids);
            prop_assert_eq!(page.count, ids.len() as u64);
            wanted.after = page.last;
            if wanted.after.is_none() { break; }
        }
        prop_assert_eq!(walked, ids);
    }

    #[test]
    fn the_beginning_of_sets_misses_nobody_and_shows_who_is_elsewhere(
        sets in sets(5),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 5),
        limit in 1..4_usize,
    ) {
        let mut beginning = Beginning::default();
        for (set, cut) in sets.iter().zip(cuts) {
            let sorted = columns::sorted(set.clone());
            let known = cut.index(sorted.len() + 1);
            let columns = Columns::of_sorted(&sorted[..known]);
            beginning = beginning.with(Arc::new(columns), known == sorted.len());
        }
        let users = found(&sets, &Filter::default(), Order::default());
        let Some(places) = beginning.first(limit as u64) else {
            return Ok(());
        };
        prop_assert_eq!(places.len(), limit);
        let last = places.last().unwrap();
        for user in users.iter().filter(|user| user.email.key() < last.email.as_str()) {
            prop_assert!(places.iter().any(|place| place.id == user.id), "{:?}", user);
        }
        let is_there = |place: &Place| {
            let mut users = users.iter();
            users.any(|user| user.id == place.id && user.email.key() == place.email)
        };
        if places.iter().all(is_there) {
            let first: Vec<_> = users.iter().take(limit).map(|user| user.id).collect();
            let ids: Vec<_> = places.iter().map(|place| place.id).collect();
            prop_assert_eq!(ids, first);
        }
    }

    #[test]
    fn the_numbers_are_those_of_the_listed_users(sets in sets(8), is_compacted: bool) {
        let snapshot = snapshot(&sets, is_compacted);
        let users = listed(&sets);
        let sum = |users: &mut dyn Iterator<Item = &User>| {
            users.fold(Tally::default(), |sum, user| sum + user.tally())
        };
        prop_assert_eq!(snapshot.count(), users.len() as u64);
        prop_assert_eq!(snapshot.tally(false), sum(&mut users.iter()));
        let mut rest = users.iter().filter(|user| !user.roles.intersects(Roles::ADMIN));
        prop_assert_eq!(snapshot.tally(true), sum(&mut rest));
    }

    #[test]
    fn snapshots_differ_by_the_users_that_they_show_otherwise(one in sets(3), other in sets(3)) {
        let (users, others) = (listed(&one), listed(&other));
        let shown = |user: &User| {
            let names = [&user.profile.first_name, &user.profile.last_name].map(|name| name.as_ref().map(|name| fold(name.as_str())));
            let external = user.profile.external_user_id.clone();
            let kind = user.account_type.known().copied();
            (user.id, fold(user.email.as_str()), names, external, user.roles, user.enabled, kind, user.created_at)
        };
        let ids: std::collections::BTreeSet<_> = users.iter().chain(&others).map(|user| user.id).collect();
        let find = |users: &[User], id| users.iter().find(|user| user.id == id).map(shown);
        let expected = ids.into_iter().filter(|id| find(&users, *id) != find(&others, *id)).count();
        prop_assert_eq!(snapshot(&one, true).differences(&snapshot(&other, false)), expected as u64);
    }

    #[test]
    fn many_sets_are_put_together_into_a_few_parts(sets in sets(30)) {
        let compacted = snapshot(&sets, true);
        // Each part is more than twice as large as the next, or too large together with it.
        let sizes: Vec<_> = compacted.parts.iter().map(|part| part.columns.len()).collect();
        prop_assert!(
            sizes.windows(2).all(|pair| pair[0] > 2 * pair[1] || pair[0] + pair[1] > LARGE),
            "{:?}",
            sizes
        );
        prop_assert_eq!(compacted.differences(&snapshot(&sets, false)), 0);
    }

    #[test]
    fn sets_that_are_merged_say_the_same(
        mut sets in sets(5),
        forget in proptest::option::of(0..6_u64),
    ) {
        let more = sets.pop().unwrap_or_default();
        let mut files = Vec::new();
        for set in &sets {
            files.push(merge::<Vec<u8>>(&[], set.clone(), None).unwrap().finish().into_bytes());
        }
        let segments: Vec<_> = files.iter().map(|file| Segment::read(file).unwrap()).collect();
        let forget = forget.map(Timestamp::from_millis);
        let merged = merge(&segments, more.clone(), forget).unwrap().finish().into_bytes();
        let segment = Segment::read(&merged).unwrap();
        let read: Vec<_> = (0..segment.blocks()).flat_map(|block| segment.entries(block).unwrap()).collect();

        let mut expected = columns::sorted(sets.into_iter().flatten().chain(more).collect());
        expected.retain(|entry| match entry.state {
            State::Deleted(at) => forget.is_none_or(|forget| at >= forget),
            State::Present(_) => true,
        });
        let facts = |entry: &Entry| match &entry.state {
            // A deletion may be known twice, and the count of what is gone does not matter.
            State::Deleted(_) => (entry.id, false, Vec::new()),
            State::Present(_) => (entry.id, entry.counted, crate::encode([entry])),
        };
        prop_assert_eq!(
            read.iter().map(facts).collect::<Vec<_>>(),
            expected.iter().map(facts).collect::<Vec<_>>()
        );
    }
}

/// Enough users that most are dropped on the way to a page.
fn many() -> Vec<Vec<Entry>> {
    let user = |number: u64| {
        let random = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let email = format!("user{:04}@example.org", random % 10_000 * 3 + number % 3);
        let last_name = format!("Name{}", (random >> 40) & 0xff);
        let draft = roster::UserDraft {
            email: email.as_str().into(),
            last_name: last_name.as_str().into(),
            roles: "ROLE_ORIGINATOR".into(),
            ..roster::UserDraft::default()
        };
        let created = Timestamp::from_millis((random >> 32) & 0x3ff);
        User::new(draft.parse(Roles::ALL).unwrap(), created, None)
    };
    (0..3)
        .map(|set| {
            let numbers = (0..1500).map(|number| number * 3 + set);
            numbers.map(|number| Entry::present(user(number), true)).collect()
        })
        .collect()
}

#[test]
fn the_first_of_many_are_known_by_their_beginning() {
    let sets = many();
    let mut beginning = Beginning::default();
    for set in &sets {
        let first = &columns::sorted(set.clone())[..100];
        beginning = beginning.with(Arc::new(Columns::of_sorted(first)), false);
    }
    let users = found(&sets, &Filter::default(), Order::default());

    let places = beginning.first(10).unwrap();

    let ids: Vec<_> = places.iter().map(|place| place.id).collect();
    let first: Vec<_> = users.iter().take(10).map(|user| user.id).collect();
    assert_eq!(ids, first);
    assert_eq!(beginning.first(1000), None);
}

#[test]
fn a_page_among_many_is_the_same_as_a_part_of_everything_in_order() {
    let sets = many();
    let snapshot = snapshot(&sets, false);
    for by in [SortBy::Email, SortBy::LastName, SortBy::CreatedAt] {
        for descending in [false, true] {
            let order = Order { by, descending };
            let filter = Filter {
                words: words("user name1"),
                ..Filter::default()
            };
            for filter in [Filter::default(), filter] {
                let expected = found(&sets, &filter, order);
                for skip in [0, 1, 700, 2300, 4499, 4500] {
                    let wanted = Wanted {
                        filter: filter.clone(),
                        order,
                        skip: skip as u64,
                        limit: 10,
                        ..Wanted::default()
                    };
                    let page = snapshot.find(&wanted);
                    let part = expected.iter().skip(skip).take(10).map(|user| user.id);
                    assert_eq!(page.ids, part.collect::<Vec<_>>(), "{order:?} {skip}");
                    assert_eq!(page.count, expected.len() as u64);
                }
            }
        }
    }
}
