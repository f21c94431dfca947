//! The record of what an import has done: one entry for each row, in pieces in the bucket, one a checkpoint.
//!
//! It is complete: `/changes` shows some of it, an apply carries out what the record of a dry run says, and an undo goes
//! by the record of the import that it takes back.

use std::collections::VecDeque;

use errors::Error;
use files::{RecordPiece, UploadStore};
use roster::{Email, ImportId, MemberChange, UserId};
use serde::{Deserialize, Serialize};
use table::FormerMark;
use utoipa::ToSchema;

use crate::{ImportStore, Intake};

/// How many changes of an import are shown: as many as row errors are kept. Its record is complete.
pub const MAX_SHOWN: u64 = 100_000;
/// Pieces of a record that are looked up at once, by one query.
const PIECES: u8 = 50;

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ChangeOutcome)]
pub enum EntryOutcome {
    /// An account was made.
    Created,
    /// Its account was changed.
    Updated,
    /// Its account was as the row wants it.
    Unchanged,
    /// It was passed over.
    Skipped,
    /// It has an error.
    Failed,
    /// Its account went, by an undo.
    Deleted,
    /// No row has the account's address, and the account was left as it is.
    Missing,
    /// No row has the account's address, so the account was disabled.
    Disabled,
}

impl EntryOutcome {
    /// Returns whether an account was made, changed or deleted.
    #[must_use]
    pub fn is_change(self) -> bool {
        match self {
            Self::Created | Self::Updated | Self::Deleted | Self::Disabled => true,
            Self::Unchanged | Self::Skipped | Self::Failed | Self::Missing => false,
        }
    }

    /// Returns whether callers see it among the changes of the import.
    #[must_use]
    pub fn is_shown(self) -> bool {
        self.is_change() || self == Self::Missing
    }
}

/// What an import has done with a row, or with an account that is in no row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The line on which the row begins. Accounts that are in no row have numbers from that of the last row on.
    pub line: u64,
    /// Whether the account is in no row.
    #[serde(rename = "absent", skip_serializing_if = "std::ops::Not::not", default)]
    pub is_absent: bool,
    /// What became of it.
    pub outcome: EntryOutcome,
    /// The account; none if a dry run would make it, or if there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user_id: Option<UserId>,
    /// The address that the row has.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub email: Option<Email>,
    /// The version of the account that the row met; none if it met no account.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<u64>,
    /// The mark of another import that the account had.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mark: Option<FormerMark>,
    /// What was changed.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub changes: Vec<MemberChange>,
}

impl Entry {
    /// The entry of a row that has touched no account.
    #[must_use]
    pub fn of(line: u64, outcome: EntryOutcome) -> Self {
        Self {
            line,
            is_absent: false,
            outcome,
            user_id: None,
            email: None,
            version: None,
            mark: None,
            changes: Vec::new(),
        }
    }

    /// Returns entries as they are kept: one line of JSON each. They are many, so each is freed once it is written.
    pub(super) fn write_all(entries: Vec<Self>) -> serde_json::Result<Vec<u8>> {
        let mut out = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut out, &entry)?;
            out.push(b'\n');
        }
        Ok(out)
    }

    /// Reads what [`Entry::write_all`] has written.
    pub(super) fn read_all(piece: &[u8]) -> serde_json::Result<Vec<Self>> {
        serde_json::Deserializer::from_slice(piece).into_iter().collect()
    }
}

/// Reads the record of an import, by line.
#[derive(Debug)]
pub(super) struct RecordReader {
    imports: ImportStore,
    uploads: UploadStore,
    import: ImportId,
    pieces: VecDeque<RecordPiece>,
    /// The line from which on further pieces are looked for; `None` if there are no more.
    more: Option<u64>,
    entries: VecDeque<Entry>,
}

impl RecordReader {
    /// A reader of the record of `import`, from `line` on.
    pub(super) fn new(app: &Intake, import: ImportId, line: u64) -> Self {
        Self {
            imports: app.imports.clone(),
            uploads: app.uploads.clone(),
            import,
            pieces: VecDeque::new(),
            more: Some(line),
            entries: VecDeque::new(),
        }
    }

    /// Returns the next entry.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub(super) async fn next(&mut self) -> Result<Option<Entry>, Error> {
        while self.entries.is_empty() {
            let Some(piece) = self.next_piece().await? else {
                return Ok(None);
            };
            self.enter(&piece).await?;
        }
        Ok(self.entries.pop_front())
    }

    /// Returns the entry of `line`, if there is one, and passes over those before.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub(super) async fn at(&mut self, line: u64) -> Result<Option<Entry>, Error> {
        while let Some(entry) = self.next().await? {
            if entry.line == line {
                return Ok(Some(entry));
            }
            if entry.line > line {
                self.entries.push_front(entry);
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Returns whether there is another entry.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub(super) async fn has_more(&mut self) -> Result<bool, Error> {
        let Some(next) = self.next().await? else {
            return Ok(false);
        };
        self.entries.push_front(next);
        Ok(true)
    }

    /// Passes over the next `count` entries that are shown, and over what comes before and between them. Pieces that
    /// are passed over whole are not read.
    ///
    /// # Errors
    ///
    /// If storage fails.
    async fn skip_changes(&mut self, count: u64) -> Result<(), Error> {
        let mut left = count;
        while left > 0 {
            let Some(piece) = self.next_piece().await? else {
                return Ok(());
            };
            if piece.changes <= left {
                left -= piece.changes;
                continue;
            }
            self.enter(&piece).await?;
            while left > 0
                && let Some(entry) = self.entries.pop_front()
            {
                left -= u64::from(entry.outcome.is_shown());
            }
        }
        Ok(())
    }

    async fn next_piece(&mut self) -> Result<Option<RecordPiece>, Error> {
        if let Some(line) = self.more.filter(|_| self.pieces.is_empty()) {
            self.pieces = self
                .imports
                .record_pieces(self.import, line, PIECES.into())
                .await?
                .into();
            let last = self
                .pieces
                .back()
                .filter(|_| self.pieces.len() == usize::from(PIECES));
            self.more = last.map(|piece| piece.line);
            if self.more.is_some() {
                // It comes first again, so that the next ones are found.
                self.pieces.pop_back();
            }
        }
        Ok(self.pieces.pop_front())
    }

    async fn enter(&mut self, piece: &RecordPiece) -> Result<(), Error> {
        let read = self.uploads.record_piece(piece).await?;
        let entries = Entry::read_all(&read);
        self.entries = entries
            .map_err(|error| Error::internal("read what became of rows", error))?
            .into();
        Ok(())
    }
}

/// What an import has done to an account, or would do, as callers see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ImportChange)]
pub struct ChangeView {
    /// The line on which the row begins; null for an account that is in no row.
    line: Option<u64>,
    /// The account; null if a dry run would make it.
    user_id: Option<UserId>,
    /// Its address, as the row gives it.
    email: Option<Email>,
    /// What became of the account, or would.
    outcome: EntryOutcome,
    /// The members that have changed, with their values before and after.
    changes: Vec<MemberChange>,
}

impl ChangeView {
    fn new(entry: Entry) -> Self {
        let Entry {
            line,
            is_absent,
            outcome,
            user_id,
            email,
            version: _,
            mark: _,
            changes,
        } = entry;
        Self {
            line: (!is_absent).then_some(line),
            user_id,
            email,
            outcome,
            changes,
        }
    }
}

/// Returns up to `limit` accounts that an import has made, changed or deleted, or would, or misses, from `line` on after the first
/// `skip` of them, and the line from which on the next ones are.
///
/// # Errors
///
/// If storage fails.
pub async fn changes(
    app: &Intake,
    import: ImportId,
    line: u64,
    skip: u64,
    limit: u64,
) -> Result<(Vec<ChangeView>, u64), Error> {
    let mut reader = RecordReader::new(app, import, line);
    reader.skip_changes(skip).await?;
    let mut found = Vec::new();
    let mut next = line;
    while (found.len() as u64) < limit
        && let Some(entry) = reader.next().await?
    {
        if entry.line >= line && entry.outcome.is_shown() {
            next = entry.line + 1;
            found.push(ChangeView::new(entry));
        }
    }
    Ok((found, next))
}

#[cfg(test)]
mod tests {
    use roster::Member;
    use serde_json::json;

    use super::*;

    #[test]
    fn entries_are_read_as_they_were_written() {
        let entries = vec![
            Entry::of(2, EntryOutcome::Failed),
            Entry {
                email: "ada@example.org".parse().ok(),
                version: Some(3),
                mark: Some(FormerMark::default()),
                changes: vec![MemberChange {
                    member: Member::LastName,
                    before: json!(null),
                    after: json!("King\nof\u{2028}lines"),
                }],
                ..Entry::of(7, EntryOutcome::Updated)
            },
        ];

        let piece = Entry::write_all(entries.clone()).unwrap();

        assert_eq!(Entry::read_all(&piece).unwrap(), entries);
        let text = String::from_utf8(piece).unwrap();
        assert_eq!(text.split_inclusive('\n').count(), 2, "{text}");
        assert!(text.starts_with("{\"line\":2,\"outcome\":\"failed\"}\n"));
    }
}
