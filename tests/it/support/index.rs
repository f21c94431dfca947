//! What a search has to find: what a look at the whole table finds.

use std::collections::{BTreeSet, HashMap};

use shared::catalog::Catalog;
use shared::index::{Filter, Order, Wanted};
use shared::roster::User;
use shared::table::{Account, IndexStore};

/// Checks that searches by `catalog` find the users in the table who are counted and match.
pub(crate) async fn compare(catalog: &Catalog, filters: &[Filter], what: &str) {
    let users = counted(catalog).await;
    for filter in filters {
        let matching = users.iter().filter(|user| filter.admits(user));
        let expected: BTreeSet<_> = matching.map(|user| user.email.to_string()).collect();
        let wanted = Wanted {
            filter: filter.clone(),
            order: Order::default(),
            limit: users.len() as u64 + 1,
            ..Wanted::default()
        };
        let page = catalog.page(&wanted, None).await.unwrap();
        let found: BTreeSet<_> = page.users.iter().map(|user| user.email.to_string()).collect();
        // Only what differs: there may be thousands.
        let missing: Vec<_> = expected.difference(&found).collect();
        let surplus: Vec<_> = found.difference(&expected).collect();
        assert!(
            missing.is_empty() && surplus.is_empty(),
            "{what}: {filter:?}: {missing:?} are missing, {surplus:?} are there"
        );
        assert_eq!(page.count, expected.len() as u64, "{what}: {filter:?}");
    }
}

/// Returns the users in the table who are counted.
pub(crate) async fn counted(catalog: &Catalog) -> Vec<User> {
    let store = IndexStore::new(catalog.table.clone());
    let mut accounts = Vec::new();
    let mut next = None;
    loop {
        let (read, rest) = store.scan((0, 1), next).await.unwrap();
        accounts.extend(read);
        next = rest;
        if next.is_none() {
            break;
        }
    }
    let imports: BTreeSet<_> = accounts
        .iter()
        .filter_map(|account| account.user.import)
        .map(|(import, _)| import)
        .collect();
    let imports: Vec<_> = imports.into_iter().collect();
    let progress: HashMap<_, _> = store.progress(&imports).await.unwrap();
    let is_counted = |account: &Account| {
        let progress = account.user.import.and_then(|(import, _)| progress.get(&import));
        progress.is_none_or(|progress| progress.counts(account))
    };
    accounts
        .into_iter()
        .filter(is_counted)
        .map(Account::into_user)
        .collect()
}
