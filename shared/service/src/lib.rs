//! What every function needs: authentication, accounts, and HTTP at the edge.
//!
//! # The way of a request
//!
//! 1. A function's `main` makes an [`App`] once and calls [`http::serve`] with its handler.
//! 2. [`http`] reads what came: the route, the query, the body.
//! 3. [`auth`] turns the bearer token into a [`auth::Caller`] and says what it may do.
//! 4. [`roster`] parses what was given into values that carry their rules.
//! 5. [`accounts`] has what several routes do to an account, with the rules that guard it.
//! 6. [`table`] reads and writes, where a condition decides every race.
//! 7. [`http::respond`] answers; an [`errors::Error`] becomes a problem document.

pub mod accounts;
mod app;
pub mod audit;
pub mod auth;
pub mod clock;
pub mod config;
pub mod http;
pub mod telemetry;

pub use app::{App, StartError};
pub use config::Config;
