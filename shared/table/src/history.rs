//! Who did what to an account. A line is written in the transaction of its act, and is kept also when the account is
//! deleted.
//!
//! What an import makes or changes is no line, because a line would cost as much as the row. The account itself says
//! which imports made and changed it ([`Account::import_lines`]), and its last line keeps that when it goes.

use std::time::Duration;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Select, TransactWriteItem};
use errors::{Error, failed};
use roster::{AccountAction, Recorded, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::table::{from_item, to_item};
use super::{Account, Item, Key, Table, When};

/// The place of the line that ends a history: after every time, so it is the newest whatever the clocks say.
const END: &str = "end";

/// A member that an act has changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryChange {
    /// The name of the member, as callers know it.
    pub member: String,
    /// Its value before the act; null unless it is one that histories tell.
    pub before: Value,
    /// Its value after the act; likewise.
    pub after: Value,
}

/// A line of an account's history. It has ids and no personal data.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryLine {
    /// When it happened.
    pub at: Timestamp,
    /// Who did it: the id of a user, `import:` and an import's id, or the name of another way in.
    pub by: String,
    /// The request or invocation by which it was done; `None` for what an account says of imports.
    pub request_id: Option<String>,
    /// What was done.
    pub action: Recorded<AccountAction>,
    /// The members that it has changed.
    pub changes: Vec<HistoryChange>,
}

/// A line as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LineItem {
    /// In milliseconds.
    at: u64,
    by: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    request_id: Option<String>,
    action: Recorded<AccountAction>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    changes: Vec<HistoryChange>,
    /// What the deleted account has said of imports; with the line that ends a history only.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    imports: Vec<LineItem>,
    /// In seconds: the attribute by which DynamoDB deletes. A line among `imports` goes with the one it is in.
    #[serde(default)]
    expires_at: u64,
}

impl From<HistoryLine> for LineItem {
    fn from(line: HistoryLine) -> Self {
        let HistoryLine {
            at,
            by,
            request_id,
            action,
            changes,
        } = line;
        Self {
            at: at.millis(),
            by,
            request_id,
            action,
            changes,
            imports: Vec::new(),
            expires_at: 0,
        }
    }
}

impl From<LineItem> for HistoryLine {
    fn from(item: LineItem) -> Self {
        let LineItem {
            at,
            by,
            request_id,
            action,
            changes,
            imports: _,
            expires_at: _,
        } = item;
        Self {
            at: Timestamp::from_millis(at),
            by,
            request_id,
            action,
            changes,
        }
    }
}

/// Which lines of a history a page has.
#[derive(Clone, Debug)]
pub struct HistorySlice {
    /// The place of the line after which the page begins; `None` for the beginning.
    pub after: Option<String>,
    /// How many lines to pass over from there. They are read, too.
    pub skip: usize,
    /// How many lines the page has at most.
    pub limit: usize,
}

/// A page of a history, newest first.
#[derive(Clone, Debug)]
pub struct HistoryPage {
    /// The lines.
    pub lines: Vec<HistoryLine>,
    /// The place after which the next page begins; `None` on the last one.
    pub last: Option<String>,
}

/// The histories of accounts.
#[derive(Clone, Debug)]
pub struct HistoryStore {
    table: Table,
    retention: Duration,
}

impl HistoryStore {
    /// Returns the histories in `table`, each line of which is kept for `retention`.
    #[must_use]
    pub fn new(table: Table, retention: Duration) -> Self {
        Self { table, retention }
    }

    /// Returns the action that stores `line` in the history of `user`, whose account has this version after the act.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the action cannot be built.
    pub fn adding(&self, user: UserId, version: u64, line: &HistoryLine) -> Result<TransactWriteItem, Error> {
        // Of two acts in one millisecond the version says which was later. Tokens do not raise it, hence the rest.
        let rest = getrandom::u32().unwrap_or_default();
        let place = format!("{}#{version:010}#{rest:08x}", time(line.at));
        self.put(user, &place, line, Vec::new())
    }

    /// Returns the action that ends the history of `account`, which goes by the act of `line`.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the action cannot be built.
    pub fn ending(&self, account: &Account, line: &HistoryLine) -> Result<TransactWriteItem, Error> {
        self.put(account.user.id, END, line, account.import_lines())
    }

    fn put(
        &self,
        user: UserId,
        place: &str,
        line: &HistoryLine,
        imports: Vec<HistoryLine>,
    ) -> Result<TransactWriteItem, Error> {
        let doing = "note an act";
        let item = LineItem {
            imports: imports.into_iter().map(LineItem::from).collect(),
            expires_at: line.at.plus(self.retention).seconds(),
            ..line.clone().into()
        };
        let item = to_item(key(user, place), item, doing)?;
        self.table.put(item, When::Always, doing)
    }

    /// Returns what the account of `user`, which is deleted, had said of imports; `None` if no history has been ended
    /// under this id, or it is not kept any more.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn ended(&self, user: UserId, now: Timestamp) -> Result<Option<Vec<HistoryLine>>, Error> {
        let doing = "read a history";
        let Some(item) = self.table.get(key(user, END), doing).await? else {
            return Ok(None);
        };
        let end: LineItem = from_item(item, doing)?;
        let is_kept = end.expires_at > now.seconds();
        Ok(is_kept.then(|| end.imports.into_iter().map(HistoryLine::from).collect()))
    }

    /// Returns the number of lines that are stored of `user` and kept at `now`.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn count(&self, user: UserId, now: Timestamp) -> Result<u64, Error> {
        let mut pages = self
            .kept(user, now)
            .key_condition_expression("PK = :history")
            .select(Select::Count)
            .into_paginator()
            .send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed("count a history", error))?;
            count += u64::try_from(page.count).unwrap_or_default();
        }
        Ok(count)
    }

    /// Returns the `slice` of the lines of `user` that are kept at `now`, together with `imports`, what the account says of
    /// imports.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn page(
        &self,
        user: UserId,
        imports: Vec<HistoryLine>,
        slice: &HistorySlice,
        now: Timestamp,
    ) -> Result<HistoryPage, Error> {
        let HistorySlice { after, skip, limit } = slice;
        let stored = self.newest(user, after.as_deref(), skip + limit + 1, now).await?;
        let imports = imports.into_iter().map(|line| (import_place(&line), line));
        let is_wanted = |place: &str| after.as_deref().is_none_or(|after| place < after);
        let mut lines: Vec<_> = stored
            .into_iter()
            .chain(imports.filter(|(place, _)| is_wanted(place)))
            .collect();
        lines.sort_by(|(one, _), (other, _)| other.cmp(one));
        lines.drain(..lines.len().min(*skip));
        let has_more = lines.len() > *limit;
        lines.truncate(*limit);
        let last = lines.last().map(|(place, _)| place.clone());
        Ok(HistoryPage {
            lines: lines.into_iter().map(|(_, line)| line).collect(),
            last: last.filter(|_| has_more),
        })
    }

    /// Reads the newest stored lines after a place, with their places.
    async fn newest(
        &self,
        user: UserId,
        after: Option<&str>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<(String, HistoryLine)>, Error> {
        let doing = "read a history";
        let query = match after {
            Some(after) => self
                .kept(user, now)
                .key_condition_expression("PK = :history AND SK < :after")
                .expression_attribute_values(":after", AttributeValue::S(after.to_owned())),
            None => self.kept(user, now).key_condition_expression("PK = :history"),
        };
        let most = i32::try_from(limit).unwrap_or(i32::MAX);
        let mut pages = query
            .scan_index_forward(false)
            .limit(most)
            .into_paginator()
            .send();
        let mut lines = Vec::new();
        while lines.len() < limit
            && let Some(page) = pages.next().await
        {
            let page = page.map_err(|error| failed(doing, error))?;
            for item in page.items.unwrap_or_default() {
                lines.push((
                    place_of(&item, doing)?,
                    from_item::<LineItem>(item, doing)?.into(),
                ));
            }
        }
        lines.truncate(limit);
        Ok(lines)
    }

    /// A consistent query of the lines of `user` that are kept at `now`. Storage deletes late.
    fn kept(&self, user: UserId, now: Timestamp) -> QueryFluentBuilder {
        self.table
            .client()
            .query()
            .table_name(self.table.name())
            .filter_expression("expiresAt > :now")
            .expression_attribute_values(":history", AttributeValue::S(partition(user)))
            .expression_attribute_values(":now", AttributeValue::N(now.seconds().to_string()))
            .consistent_read(true)
    }
}

fn partition(user: UserId) -> String {
    format!("H#{user}")
}

fn key(user: UserId, place: &str) -> Key {
    Key::new(partition(user), place)
}

/// A time as the beginning of a place: as many digits as every time has for the next 260 years.
fn time(at: Timestamp) -> String {
    format!("{:013}", at.millis())
}

/// The place of what an account says of an import: `!` puts it before the lines that are stored of the same millisecond.
fn import_place(line: &HistoryLine) -> String {
    format!("{}!{}", time(line.at), line.by)
}

fn place_of(item: &Item, doing: &'static str) -> Result<String, Error> {
    let place = item.get("SK").and_then(|place| place.as_s().ok());
    place
        .cloned()
        .ok_or_else(|| Error::internal(doing, "a line without a place"))
}
