//! Everything the functions of the access service have in common.
//!
//! # The way of a request
//!
//! 1. A function's `main` makes an [`App`] once and calls [`http::serve`] with its handler.
//! 2. [`http`] reads what came: the route, the query, the body.
//! 3. [`auth`] turns the bearer token into a [`auth::Caller`] and says what it may do.
//! 4. [`models`] parse what was given into values that carry their rules.
//! 5. [`accounts`] has what several routes do to an account, with the rules that guard it.
//! 6. [`store`] reads and writes, where a condition decides every race.
//! 7. [`http::respond`] answers; an [`Error`] becomes a problem document.
//!
//! # The way of a file
//!
//! 1. The object's arrival in the bucket starts the function `import-file`, which calls
//!    [`import::arrived`].
//! 2. The run claims the import, reads the object piece by piece, and splits it into rows.
//! 3. Each row becomes a user or a list of faults, by the road that a JSON body takes.
//! 4. Users are written in batches; what was refused is looked up and told apart.
//! 5. After some thousand rows a checkpoint moves, with counts and errors, in one transaction.

pub mod accounts;
mod app;
pub mod audit;
pub mod auth;
pub mod clock;
pub mod config;
pub mod error;
pub mod http;
pub mod import;
pub mod models;
pub mod store;
pub mod telemetry;

pub use app::App;
pub use config::Config;
pub use error::{BoxError, Error};
