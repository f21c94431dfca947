//! How a file of people is read: bytes go in as they arrive, people and row errors come out.
//!
//! Nothing here does input or output or reads a clock, and nothing is ever held whole: memory is bounded by
//! the piece that is fed and by [`MAX_ROW`], however large the file is.
//!
//! 1. The first [`FileLayout::HEAD`] bytes decide how the file is laid out: [`FileLayout::find`].
//! 2. [`Rows`] turns bytes into rows. After each of them [`Rows::position`] is a point from which
//!    another `Rows` continues with the same result.
//! 3. The first row is the header, if there is one; [`Columns::read`] finds out what each column means, or refuses the
//!    file with a [`FileFault`].
//! 4. [`Check`] makes a user of any other row, or every error of it.
//! 5. [`Rejected`] writes the rows that failed as a file to be corrected and sent again.
//!
//! ```
//! use std::sync::Arc;
//!
//! use roster::{ImportId, Role, Roles, Timestamp};
//! use sheet::{CellRules, Check, Columns, FileLayout, UnknownColumns, Wishes};
//!
//! let file = "E-Mail;Vorname\r\nada@example.org;Ada\r\ntim@;Tim\r\n".as_bytes();
//!
//! let layout = FileLayout::find(file, Wishes::default())?;
//! let mut rows = layout.rows();
//! rows.feed(file);
//! rows.finish();
//!
//! let columns = Columns::read(rows.next_row(), UnknownColumns::Refuse, None)?;
//! let check = Check {
//!     surplus: columns.surplus(),
//!     columns: Arc::new(columns),
//!     dialect: layout.dialect,
//!     rules: CellRules { assignable: Roles::ALL, country: None },
//!     default_roles: Role::Collaborator.into(),
//!     import: ImportId::of_object("bucket", "people.csv", ""),
//!     now: Timestamp::from_millis(0),
//! };
//! let ada = check.check(&rows.next_row().unwrap()).unwrap();
//! assert_eq!(ada.user.email.as_str(), "ada@example.org");
//!
//! let faults = check.check(&rows.next_row().unwrap()).unwrap_err();
//! assert_eq!(faults[0].sentence(), "line 3: E-Mail \"tim@\" is not an email address");
//! # Ok::<(), sheet::FileFault>(())
//! ```

mod blank;
mod causes;
mod cell;
mod check;
mod columns;
mod dialect;
mod encoding;
pub mod escape;
mod export;
mod fault;
mod format;
pub mod labels;
mod layout;
mod mapping;
mod options;
mod preview;
mod quote;
mod rejected;
mod repair;
mod repeats;
mod row_error;
mod rows;

#[cfg(test)]
mod any_file;

pub use causes::{Cause, Causes, OffendingValue};
pub use cell::CellRules;
pub use check::{Check, SoundRow};
pub use columns::{Columns, Understood};
pub use dialect::{Delimiter, Dialect};
pub use encoding::{Encoding, EncodingSample, Likely, SampleLine, UnknownEncoding, samples};
pub use export::ExportedUsers;
pub use fault::{FileFault, UnknownColumn};
pub use format::Format;
pub use layout::{FileLayout, Header, Wishes};
pub use mapping::{ColumnMapping, InvalidMapping};
pub use options::{
    Act, HeaderRow, ImportOptions, ImportOptionsDraft, Missing, MissingLimit, Mode, UnknownColumns,
};
pub use preview::{ColumnPreview, Preview, RowPreview};
pub use rejected::{Rejected, RejectedFault, RejectedNote, RejectedRow};
pub use repeats::{Outcome, Repeated, Repeats};
pub use row_error::RowError;
pub use rows::{
    Cells, Content, MAX_ROW, NotUtf8, OwnedCells, Position, QuotedLines, Row, RowLines, Rows, cell_spans,
};

/// A file with every column and two rows, for operators to begin with.
pub const TEMPLATE: &str = include_str!("template.csv");
