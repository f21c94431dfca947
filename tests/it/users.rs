//! `/users` and what lies below it, but for imports and the own record.

mod bulk;
mod change;
mod create;
mod delete;
mod export;
mod history;
mod list;
mod races;
mod read;
mod sequences;
mod state;
mod tokens;
