//! An import as it is stored.

use errors::Error;
use files::StagedObject;
use roster::{FileName, ImportId, Recorded, Roles, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use sheet::{ImportOptions, Position};
use table::{Item, Key, Takeovers, from_item, import_key, to_item};

use crate::missing::MissingSearch;
use crate::record::{Counts, Import, Lease, Read, Status, Via};

/// The part of the index that lists imports.
pub(super) const LISTING_PART: &str = "I";

/// The partition of an import and its row errors.
pub(super) fn partition(id: ImportId) -> String {
    format!("I#{id}")
}

/// Where an import is kept.
pub(super) fn key(id: ImportId) -> Key {
    import_key(id)
}

/// Where `import` stands in the listing.
pub(super) fn place(import: &Import) -> String {
    format!("{}#{}", import.created_at, import.id)
}

/// `import` as it is stored.
pub(super) fn stored(import: &Import, doing: &'static str) -> Result<Item, Error> {
    to_item(key(import.id), ImportItem::from(import), doing)
}

/// The import that `item` holds.
pub(super) fn import(item: Item, doing: &'static str) -> Result<Import, Error> {
    from_item::<ImportItem>(item, doing).map(Import::from)
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImportItem {
    id: ImportId,
    status: Recorded<Status>,
    #[serde(default)]
    options: Recorded<ImportOptions>,
    file_name: Option<FileName>,
    bytes: Option<u64>,
    sha256: Option<String>,
    #[serde(default)]
    via: Recorded<Via>,
    created_by: Option<UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_roles: Option<Recorded<Roles>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_until: Option<u64>,
    object_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<Recorded<Read>>,
    #[serde(default)]
    counts: Counts,
    #[serde(default)]
    errors: u64,
    #[serde(default)]
    warnings: u64,
    #[serde(default)]
    errors_left_out: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<ImportId>,
    #[serde(rename = "recorded", skip_serializing_if = "std::ops::Not::not", default)]
    is_recorded: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    applied_by: Option<ImportId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    undone_by: Option<ImportId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    notified: Option<Recorded<Status>>,
    position: Recorded<Position>,
    #[serde(rename = "missingSearch", skip_serializing_if = "Option::is_none")]
    search: Option<Recorded<MissingSearch>>,
    #[serde(skip_serializing_if = "Takeovers::is_empty", default)]
    takeovers: Takeovers,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_until: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    charted: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancel: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    created_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<u64>,
    /// In seconds: DynamoDB deletes the item then.
    expires_at: u64,
    #[serde(rename = "LPK", default)]
    listing_part: String,
    #[serde(rename = "LSK", default)]
    listing_place: String,
}

impl From<&Import> for ImportItem {
    #[expect(clippy::too_many_lines, reason = "a complete list of members")]
    fn from(import: &Import) -> Self {
        let Import {
            id,
            status,
            options,
            file_name,
            bytes,
            sha256,
            via,
            created_by,
            sender_roles,
            upload_until,
            object: StagedObject { key, version, etag },
            read,
            counts,
            errors,
            warnings,
            errors_left_out,
            parent,
            is_recorded,
            applied_by,
            undone_by,
            notified,
            position,
            search,
            takeovers,
            lease,
            charted,
            cancel,
            fault,
            created_at,
            started_at,
            finished_at,
            expires_at,
        } = import.clone();
        Self {
            listing_part: LISTING_PART.to_owned(),
            listing_place: place(import),
            id,
            status,
            options,
            file_name,
            bytes,
            sha256,
            via,
            created_by,
            sender_roles: sender_roles.map(Recorded::Known),
            upload_until: upload_until.map(Timestamp::millis),
            object_key: key,
            object_version: version,
            object_etag: etag,
            read,
            counts,
            errors,
            warnings,
            errors_left_out,
            parent,
            is_recorded,
            applied_by,
            undone_by,
            notified,
            position,
            search,
            takeovers,
            lease_until: lease.as_ref().map(|lease| lease.until.millis()),
            run_id: lease.and_then(|lease| lease.run),
            charted: charted.map(Timestamp::millis),
            cancel: cancel.then_some(true),
            fault,
            created_at: created_at.millis(),
            started_at: started_at.map(Timestamp::millis),
            finished_at: finished_at.map(Timestamp::millis),
            expires_at: expires_at.seconds(),
        }
    }
}

impl From<ImportItem> for Import {
    #[expect(clippy::too_many_lines, reason = "a complete list of members")]
    fn from(item: ImportItem) -> Self {
        let ImportItem {
            id,
            status,
            options,
            file_name,
            bytes,
            sha256,
            via,
            created_by,
            sender_roles,
            upload_until,
            object_key,
            object_version,
            object_etag,
            read,
            counts,
            errors,
            warnings,
            errors_left_out,
            parent,
            is_recorded,
            applied_by,
            undone_by,
            notified,
            position,
            search,
            takeovers,
            run_id,
            lease_until,
            charted,
            cancel,
            fault,
            created_at,
            started_at,
            finished_at,
            expires_at,
            listing_part: _,
            listing_place: _,
        } = item;
        Self {
            id,
            status,
            options,
            file_name,
            bytes,
            sha256,
            via,
            created_by,
            // A role of a later version may be one of a system administrator.
            sender_roles: sender_roles.and_then(|roles| roles.known().copied()),
            upload_until: upload_until.map(Timestamp::from_millis),
            object: StagedObject {
                key: object_key,
                version: object_version,
                etag: object_etag,
            },
            read,
            counts,
            errors,
            warnings,
            errors_left_out,
            parent,
            is_recorded,
            applied_by,
            undone_by,
            notified,
            position,
            search,
            takeovers,
            lease: lease_until.map(|until| Lease {
                run: run_id,
                until: Timestamp::from_millis(until),
            }),
            charted: charted.map(Timestamp::from_millis),
            cancel: cancel.unwrap_or_default(),
            fault,
            created_at: Timestamp::from_millis(created_at),
            started_at: started_at.map(Timestamp::from_millis),
            finished_at: finished_at.map(Timestamp::from_millis),
            expires_at: Timestamp::from_millis(expires_at.saturating_mul(1000)),
        }
    }
}
