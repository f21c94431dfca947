//! Reads the file of an import: bytes go in as they arrive, rows of members come out.
//!
//! Nothing here does input or output or reads a clock, and nothing is ever held whole: memory is
//! bounded by the chunk that is fed and by [`MAX_ROW`], however large the file is.
//!
//! 1. The first [`Dialect::HEAD`] bytes tell how the file is written: [`Dialect::detect`].
//! 2. [`Rows`] turns bytes into rows. After each of them [`Rows::position`] is a point from which
//!    another `Rows` goes on with the same result.
//! 3. The first row is the header; [`Columns::read`] finds out what each column means, or refuses the
//!    file with a [`FileFault`].
//! 4. [`Columns::given`] takes a member's value out of any other row.
//! 5. [`Rejected`] writes the rows that failed as a file to be corrected and sent again.

mod columns;
mod dialect;
mod encoding;
pub mod escape;
mod fault;
mod rejected;
mod rows;

pub use columns::{Columns, Member, UnknownColumns};
pub use dialect::{Delimiter, Dialect};
pub use encoding::Encoding;
pub use fault::{FileFault, UnknownColumn};
pub use rejected::{Rejected, RejectedFault};
pub use rows::{Cells, Content, MAX_ROW, NotUtf8, Position, Row, Rows};
