//! Imports: the record of each, and the engine that carries it out.
//!
//! A file's arrival in the bucket starts [`arrived`].
//!
//! | module | what it does |
//! |---|---|
//! | [`record`], [`store`] | the import itself, and its items in the table |
//! | `app` | what a function that works on imports holds |
//! | `run` | claims an import, and makes its checkpoints; below it undos, the accounts that are to be disabled, and stalled runs |
//! | `reading` | goes through the rows between two checkpoints |
//! | `file` | reads the object ahead of the rows |
//! | `write` | stores a batch of users, and finds out why some were refused |
//! | `segment` | gathers the outcome of the rows up to a checkpoint |
//! | `missing` | finds out who is not in a file |
//! | `chart` | hands the changes to the index of users |
//! | [`changes`] | what became of every row: the record |
//! | `late` | settles what runs wrote after they had lost their import |
//! | `stop` | why a run ends early |
//! | `check_rows` | checks rows that are not an import |
//! | `report`, `causes` | what callers see of an import and of its errors |
//! | `notice`, [`metrics`] | what is told of an import that has ended, and what operators watch |

mod app;
mod causes;
pub mod changes;
mod chart;
mod check_rows;
mod file;
mod late;
pub mod metrics;
mod missing;
mod notice;
mod reading;
pub mod record;
mod report;
mod run;
mod segment;
mod stop;
pub mod store;
mod write;

pub use app::Intake;
pub use causes::CausesView;
pub use check_rows::{CheckedRow, RowOutcome, check_rows};
pub use late::{Late, settle_late};
pub use notice::notify_all;
pub use report::{FirstFaults, ImportView, MAX_ROW_ERRORS, ReadView};
pub use run::{Arrival, Ended, Run, arrived, chart_stalled};
pub use store::ImportStore;
