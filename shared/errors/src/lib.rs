//! Why something could not be done, in terms that know nothing of HTTP, and what a failed call of AWS means.
//!
//! The crates that reach storage and the one that answers requests share one [`Error`]; the service turns it
//! into a problem document in one place. They also share one idea of how long to wait: [`Limits`] and [`Tries`].

mod aws;
mod error;
mod limits;
mod tries;

pub use aws::{DiskFull, failed, is_throttling};
pub use error::{BoxError, Error, chain};
pub use limits::Limits;
pub use tries::Tries;
