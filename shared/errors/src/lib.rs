//! Why something could not be done, in terms that know nothing of HTTP, and what a failed call of AWS means.
//!
//! The crates that reach storage and the one that answers requests share one [`Error`]; the service turns it
//! into a problem document in one place.

mod aws;
mod error;

pub use aws::{failed, is_throttling, pause, throttled};
pub use error::{BoxError, Error, chain};
