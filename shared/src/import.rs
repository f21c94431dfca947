//! Imports the users of a file: bytes go in as they arrive, users and row errors come out.
//!
//! The reading half does no input or output and reads no clock, and nothing is ever held whole: memory
//! is bounded by the piece that is fed and by [`MAX_ROW`], however large the file is.
//!
//! 1. The first [`Dialect::HEAD`] bytes tell how the file is written: [`Dialect::detect`].
//! 2. [`Rows`] turns bytes into rows. After each of them [`Rows::position`] is a point from which
//!    another `Rows` goes on with the same result.
//! 3. The first row is the header; [`Columns::read`] finds out what each column means, or refuses the
//!    file with a [`FileFault`].
//! 4. `check` makes a user of any other row, or every fault of it.
//! 5. [`Rejected`] writes the rows that failed as a file to be corrected and sent again.
//!
//! The writing half carries it out: `run` claims an import and makes its checkpoints, `reading` goes through
//! the rows between two of them, `file` reads ahead, `write` stores a batch of users and finds out why some
//! were refused, `segment` gathers what became of the rows, `report` is what callers see of it, and `metrics`
//! what operators watch.

mod check;
mod columns;
mod dialect;
mod encoding;
pub mod escape;
mod fault;
mod file;
pub mod metrics;
mod reading;
mod rejected;
mod report;
mod rows;
mod run;
mod segment;
mod write;

#[cfg(test)]
mod any_file;

pub use columns::Columns;
pub use dialect::{Delimiter, Dialect};
pub use encoding::Encoding;
pub use fault::{FileFault, UnknownColumn};
pub use rejected::{Rejected, RejectedFault};
pub use report::{ImportView, MAX_ROW_ERRORS};
pub use rows::{Cells, Content, MAX_ROW, NotUtf8, OwnedCells, Position, Row, Rows};
pub use run::{Arrival, Ended, Run, arrived};

/// A file with every column and two rows, for operators to begin with.
pub const TEMPLATE: &str = include_str!("import/template.csv");
