//! An account as it is stored, and what points to it.

use errors::Error;
use roster::{
    AccountType, Email, ImportId, MemberChange, Profile, Recorded, RequestMark, Role, Slot, SubjectId,
    Timestamp, User, UserId,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Account, AccountRecord, Former, Holder};
use crate::table::{from_item, from_item_and_rest, to_item};
use crate::{Item, Key, search};

/// What is stored of an account, besides its [`Profile`], whose members are attributes of the same item.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserItem {
    id: UserId,
    email: Email,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pending_email: Option<Email>,
    #[serde(default)]
    roles: Vec<Recorded<Role>>,
    enabled: bool,
    #[serde(default)]
    account_type: Recorded<AccountType>,
    created_at: u64,
    modified_at: u64,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    import_id: Option<ImportId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    import_line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_by_import: Option<ImportId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_by_line: Option<u64>,
    /// How many takeovers of its import the run knew of that made it; likewise the one that changed it last.
    #[serde(skip_serializing_if = "is_zero", default)]
    import_run: u64,
    #[serde(skip_serializing_if = "is_zero", default)]
    changed_by_run: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    former: Option<Former>,
    #[serde(skip_serializing_if = "is_zero", default)]
    marked_version: u64,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    undone: Vec<ImportId>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    import_changes: Vec<ImportChangeItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    made_by: Option<RequestMark>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens_valid_after: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    addresses: Vec<Slot>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<SubjectId>,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    address_unproven: bool,
    /// See [`search::index`]. It and the next two are for the index; a later version may leave them out.
    #[serde(default)]
    search: String,
    #[serde(rename = "LPK", default)]
    listing_part: String,
    #[serde(rename = "LSK", default)]
    listing_place: String,
}

/// The attributes that only the index `listing` needs.
pub(super) const LISTED: [&str; 3] = ["search", "LPK", "LSK"];

/// Nearly every import has one run, or runs that hand over: nothing is stored then.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "how serde calls it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// An import that changed the account.
#[derive(Serialize, Deserialize)]
struct ImportChangeItem {
    import: ImportId,
    /// In milliseconds.
    at: u64,
}

#[derive(Serialize, Deserialize)]
struct AddressItem {
    home: Option<Slot>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubjectItem {
    user_id: UserId,
}

impl From<&Account> for UserItem {
    #[expect(clippy::too_many_lines, reason = "a complete list of members")]
    fn from(account: &Account) -> Self {
        let AccountRecord {
            user,
            tokens_valid_after,
            import_run,
            changed_by,
            changed_by_run,
            former,
            marked_version,
            undone,
            import_changes,
            made_by,
            addresses,
            subject,
            address_unproven,
            later: _,
        } = account.clone().into_record();
        let User {
            id,
            email,
            pending_email,
            profile,
            roles,
            later_roles,
            enabled,
            account_type,
            created_at,
            modified_at,
            import,
            version,
        } = user;
        let later_roles = later_roles.into_iter().map(|role| Recorded::Later(role.into()));
        let search = search::index(&email, [profile.first_name.as_ref(), profile.last_name.as_ref()]);
        let (import_id, import_line) = import.unzip();
        let (changed_by_import, changed_by_line) = changed_by.unzip();
        Self {
            listing_part: listing_part(id.slot().shard()),
            listing_place: email.key().to_owned(),
            id,
            email,
            pending_email,
            roles: roles.iter().map(Recorded::Known).chain(later_roles).collect(),
            enabled,
            account_type,
            created_at: created_at.millis(),
            modified_at: modified_at.millis(),
            version,
            import_id,
            import_line,
            changed_by_import,
            changed_by_line,
            import_run,
            changed_by_run,
            former,
            marked_version,
            undone,
            import_changes: import_changes
                .into_iter()
                .map(|(import, at)| ImportChangeItem {
                    import,
                    at: at.millis(),
                })
                .collect(),
            made_by,
            tokens_valid_after: tokens_valid_after.map(Timestamp::millis),
            addresses,
            subject,
            address_unproven,
            search,
        }
    }
}

impl UserItem {
    /// Returns what is stored of an account, with the members that it may be without and the attributes that a later
    /// version has added.
    #[expect(clippy::too_many_lines, reason = "a complete list of members")]
    fn into_record(self, profile: Profile, later: Item) -> AccountRecord {
        let Self {
            id,
            email,
            pending_email,
            roles,
            enabled,
            account_type,
            created_at,
            modified_at,
            version,
            import_id,
            import_line,
            changed_by_import,
            changed_by_line,
            import_run,
            changed_by_run,
            former,
            marked_version,
            undone,
            import_changes,
            made_by,
            tokens_valid_after,
            addresses,
            subject,
            address_unproven,
            search: _,
            listing_part: _,
            listing_place: _,
        } = self;
        let later_roles = roles.iter().filter_map(|role| match role {
            Recorded::Known(_) => None,
            Recorded::Later(role) => Some(role.as_str().map_or_else(|| role.to_string(), str::to_owned)),
        });
        AccountRecord {
            user: User {
                id,
                email,
                pending_email,
                profile,
                later_roles: later_roles.collect(),
                roles: roles.iter().filter_map(|role| role.known().copied()).collect(),
                enabled,
                account_type,
                created_at: Timestamp::from_millis(created_at),
                modified_at: Timestamp::from_millis(modified_at),
                import: import_id.zip(import_line),
                version,
            },
            tokens_valid_after: tokens_valid_after.map(Timestamp::from_millis),
            import_run,
            changed_by: changed_by_import.zip(changed_by_line),
            changed_by_run,
            former,
            marked_version,
            undone,
            import_changes: import_changes
                .into_iter()
                .map(|change| (change.import, Timestamp::from_millis(change.at)))
                .collect(),
            made_by,
            addresses,
            subject,
            address_unproven,
            later,
        }
    }
}

/// The part number `shard` of the index, of [`Slot::SHARDS`]. A user is in the part of the slot's shard, so
/// that no part takes more than an eighth of an import's writes.
pub(crate) fn listing_part(shard: u8) -> String {
    format!("U#{shard}")
}

/// Where the account or address of `slot` is kept.
#[must_use]
pub fn key(slot: Slot) -> Key {
    Key::new(format!("U#{slot}"), "U")
}

/// Where it is kept which account a subject is bound to.
pub(super) fn subject_key(subject: SubjectId) -> Key {
    Key::new(format!("X#{subject}"), "X")
}

/// The slot at which `item` lies.
pub(super) fn slot_of(item: &Item) -> Option<Slot> {
    item.get("PK")?.as_s().ok()?.strip_prefix("U#")?.parse().ok()
}

/// `account` as it is stored, with the attributes that a later version has added.
pub(super) fn stored(account: &Account, doing: &'static str) -> Result<Item, Error> {
    let key = key(account.user.id.slot());
    let mut item = account.later.clone();
    item.extend(to_item(key.clone(), &account.user.profile, doing)?);
    item.extend(to_item(key, UserItem::from(account), doing)?);
    Ok(item)
}

/// `account` as it would be with the values before `changes`.
pub(super) fn with_values(account: &Account, changes: &[MemberChange]) -> Result<AccountRecord, Error> {
    let doing = "give former values back";
    let failed = |error| Error::internal(doing, error);
    let mut members = Map::new();
    for part in [
        serde_json::to_value(UserItem::from(account)),
        serde_json::to_value(&account.user.profile),
    ] {
        if let Value::Object(part) = part.map_err(failed)? {
            members.extend(part);
        }
    }
    for change in changes {
        let name = change.member.name();
        if change.before.is_null() {
            members.remove(name);
        } else {
            members.insert(name.to_owned(), change.before.clone());
        }
    }
    let members = Value::Object(members);
    let profile = Profile::deserialize(&members).map_err(failed)?;
    let item: UserItem = serde_json::from_value(members).map_err(failed)?;
    Ok(item.into_record(profile, account.later.clone()))
}

/// What is stored at the slot of an address that the account at `home` took later.
pub(super) fn address(slot: Slot, home: Slot, doing: &'static str) -> Result<Item, Error> {
    to_item(key(slot), AddressItem { home: Some(home) }, doing)
}

/// What is stored of a subject that signs in as `user`.
pub(super) fn bound(subject: SubjectId, user: UserId, doing: &'static str) -> Result<Item, Error> {
    to_item(subject_key(subject), SubjectItem { user_id: user }, doing)
}

/// The account that `item` says a subject signs in as.
pub(super) fn bound_user(item: Item, doing: &'static str) -> Result<UserId, Error> {
    from_item(item, doing).map(|SubjectItem { user_id }| user_id)
}

/// The holder that `item` tells of.
///
/// # Errors
///
/// [`Error::Internal`] if the item is neither an account nor an address.
pub fn holder(item: Item) -> Result<Holder, Error> {
    let doing = "read a user";
    if item.contains_key("home") {
        let AddressItem { home } = from_item(item, doing)?;
        return home
            .map(Holder::Elsewhere)
            .ok_or_else(|| Error::internal(doing, "an address without a home"));
    }
    let (item, rest) = from_item_and_rest::<UserItem>(item, doing)?;
    let (profile, later) = from_item_and_rest::<Profile>(rest, doing)?;
    let record = item.into_record(profile, later);
    Ok(Holder::Account(Box::new(Account::stored(record))))
}
