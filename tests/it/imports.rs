//! `/users/import` and what lies below it.

mod create;
