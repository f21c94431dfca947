//! `/users/import` and what lies below it.

mod crashes;
mod create;
