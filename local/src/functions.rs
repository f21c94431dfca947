//! The one table of which name in `template.yaml` is which handler.

use shared::http::service;
use shared::{App, BoxError, Config};

use crate::invoke::Handlers;
use crate::stack::Wiring;

/// Every function, wired to the stores in `wiring`.
///
/// # Errors
///
/// When the environment is not what the functions expect.
pub fn handlers(wiring: &Wiring) -> Result<Handlers, BoxError> {
    let config = Config::from_lookup(|name| wiring.environment.get(name).cloned())?;
    let app = App::new(config, wiring.dynamodb.clone(), wiring.s3.clone());
    // As in a function's own process, there is one app, and it stays to the end.
    let app: &'static App = Box::leak(Box::new(app));
    Ok(Handlers::new()
        .event("bootstrap", |event| bootstrap::handle(app, event))
        .http("contact", service(app, contact::handle))
        .http("contacts", service(app, contacts::handle))
        .http("dashboard", service(app, dashboard::handle))
        .http("import", service(app, import::handle))
        .event("import-file", |event| import_file::handle(app, event))
        .http("imports", service(app, imports::handle))
        .http("me", service(app, me::handle))
        .http("openapi", service(app, openapi::handle))
        .http("session", service(app, session::handle))
        .event("sweep", |event| sweep::handle(app, event))
        .http("user", service(app, user::handle))
        .http("users", service(app, users::handle))
        .http("users-bulk", service(app, users_bulk::handle)))
}
