//! Imports: the record of each, and the engine that carries it out.
//!
//! A file's arrival in the bucket starts [`arrived`]. `run` claims the import and makes its checkpoints, `reading`
//! goes through the rows between two of them, `file` reads ahead, `write` stores a batch of users and finds out
//! why some were refused, `segment` gathers the outcome of the rows, `missing` says who is not in a file, `chart` hands
//! the changes to the index of users, `late` settles what runs wrote after they had lost their import, `report` is what
//! callers see of it, and [`metrics`] what operators watch. [`record`] is the import itself, [`store`] its items in the
//! table.

mod app;
mod causes;
pub mod changes;
mod chart;
mod file;
mod late;
pub mod metrics;
mod missing;
mod notice;
mod outcome;
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
pub use late::{Late, settle_late};
pub use notice::notify_all;
pub use outcome::{CheckedRow, RowOutcome, check_rows};
pub use report::{FirstFaults, ImportView, MAX_ROW_ERRORS, ReadView};
pub use run::{Arrival, Ended, Run, arrived, chart_stalled};
pub use store::ImportStore;
