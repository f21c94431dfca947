//! `/users/import` and what lies below it.

mod again;
mod crashes;
mod create;
mod kills;
