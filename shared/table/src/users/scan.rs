//! Going through all accounts.

use aws_sdk_dynamodb::types::AttributeValue;
use errors::{Error, failed};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::{Account, Holder, UserStore, holder};
use crate::{Item, Key, Table};

/// Parts of the table that are read at the same time, a page of 1 MB each. A scan that is continued has as many places.
const PARTS: u8 = 8;

/// How far a scan of the table has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountScan {
    parts: Vec<ScanPart>,
}

/// How far a part of the table is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum ScanPart {
    /// Not at all.
    Beginning,
    /// Up to the item with this key.
    After { pk: String, sk: String },
    /// Whole.
    End,
}

impl AccountScan {
    /// A scan that has not begun.
    #[must_use]
    pub fn beginning() -> Self {
        Self {
            parts: vec![ScanPart::Beginning; PARTS.into()],
        }
    }

    /// A scan that has read everything. Unlike one on its way, it names no item.
    #[must_use]
    pub fn end() -> Self {
        Self { parts: Vec::new() }
    }

    /// Returns whether everything is read.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.parts.iter().all(|part| *part == ScanPart::End)
    }
}

impl UserStore {
    /// Reads the next accounts that imports have made, consistently: about a page of 1 MB of each part of the table,
    /// whatever else is in it. Returns them and how far the scan has come then.
    ///
    /// An account that is changed meanwhile is read as it was before or after the change, but once.
    ///
    /// # Errors
    ///
    /// If storage fails or an account cannot be read.
    pub async fn scan_imported(&self, from: &AccountScan) -> Result<(Vec<Account>, AccountScan), Error> {
        let count = from.parts.len();
        let mut pages = Vec::with_capacity(count);
        for (number, part) in from.parts.iter().enumerate() {
            pages.push(self.scan_part((number, count), part.clone()));
        }
        let (accounts, parts): (Vec<_>, Vec<_>) = try_join_all(pages).await?.into_iter().unzip();
        let scan = AccountScan { parts };
        let scan = if scan.has_ended() {
            AccountScan::end()
        } else {
            scan
        };
        Ok((accounts.concat(), scan))
    }

    async fn scan_part(
        &self,
        part: (usize, usize),
        from: ScanPart,
    ) -> Result<(Vec<Account>, ScanPart), Error> {
        let after = match from {
            ScanPart::End => return Ok((Vec::new(), ScanPart::End)),
            ScanPart::Beginning => None,
            ScanPart::After { pk, sk } => Some(Key::new(pk, sk).item()),
        };
        let (accounts, last) = scan_accounts(&self.table, part, after, "importId").await?;
        Ok((accounts, place(last)))
    }
}

/// Reads the next accounts that have `attribute` of the part `part` of `parts` of the whole table, and where to go on;
/// consistently.
///
/// # Errors
///
/// If storage fails or an account cannot be read.
#[expect(
    clippy::disallowed_methods,
    reason = "who is missing from a file, and what belongs into an index, is found by looking at everybody"
)]
pub(crate) async fn scan_accounts(
    table: &Table,
    (part, parts): (usize, usize),
    from: Option<Item>,
    attribute: &str,
) -> Result<(Vec<Account>, Option<Item>), Error> {
    let doing = "read all users";
    let number = |number| i32::try_from(number).map_err(|error| Error::internal(doing, error));
    let read = table
        .client()
        .scan()
        .table_name(table.name())
        .segment(number(part)?)
        .total_segments(number(parts)?)
        .set_exclusive_start_key(from)
        .filter_expression("SK = :user AND attribute_exists(#attribute)")
        .expression_attribute_names("#attribute", attribute)
        .expression_attribute_values(":user", AttributeValue::S("U".to_owned()))
        .consistent_read(true)
        .send()
        .await
        .map_err(|error| failed(doing, error))?;
    let mut accounts = Vec::new();
    for item in read.items.unwrap_or_default() {
        match holder(item)? {
            Holder::Account(account) => accounts.push(*account),
            Holder::Elsewhere(_) => {}
        }
    }
    Ok((accounts, read.last_evaluated_key))
}

/// Returns how far a part is read whose last page ends at the key `last`, or at the end of the part.
fn place(last: Option<Item>) -> ScanPart {
    let text = |item: &Item, name: &str| item.get(name)?.as_s().ok().cloned();
    let key = last.and_then(|last| Some((text(&last, "PK")?, text(&last, "SK")?)));
    key.map_or(ScanPart::End, |(pk, sk)| ScanPart::After { pk, sk })
}
