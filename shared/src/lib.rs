//! Everything the functions of the access service have in common.

pub mod error;
pub mod import;
pub mod models;

pub use error::{BoxError, Error};
