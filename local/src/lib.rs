//! The whole access service on one machine; never deployed.
//!
//! The way of a request, and where to read about it:
//!
//! 1. `gateway` takes HTTP, finds the route of `template` and makes the event;
//! 2. `invoke` calls the function: in this process by the table in [`functions`], or, by
//!    `runtime_api`, one of the built binaries in a process of its own;
//! 3. the function reaches `dynamodb` and `s3` over loopback, as it reaches AWS when deployed; in this
//!    process, `rights` refuses what the template does not grant it;
//! 4. an object that arrives in `s3` is noted by `events`, which calls the function it triggers, and
//!    which calls those that the clock triggers.
//!
//! With the feature `dev-issuer`, `Issuer` signs in whoever asks, for tests and demonstrations.
//!
//! `stack` puts these together: the binary and each test start a [`Local`] of their own.

mod clients;
mod dynamodb;
mod events;
pub mod functions;
mod gateway;
mod invoke;
#[cfg(feature = "dev-issuer")]
mod issuer;
mod rights;
mod runtime_api;
mod s3;
mod server;
mod stack;
mod start_error;
mod stores;
mod sync;
mod template;
mod wiring;

pub use clients::{ACCESS_KEY, Credentials, SECRET_KEY};
pub use events::Delivery;
pub use invoke::{FunctionError, Handlers, PAYLOAD_LIMIT};
#[cfg(feature = "dev-issuer")]
pub use issuer::Issuer;
pub use runtime_api::processes;
pub use stack::{ADMINISTRATOR, Data, Functions, Local, Options};
pub use start_error::{StartError, reason};
pub use template::{
    Attribute, Function, Grant, Index, InvalidTemplate, Key, Projection, Route, Schedule, Table, Template,
    TimeToLive, Trigger,
};
pub use wiring::{Wire, Wiring};
