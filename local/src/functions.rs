//! The one table of which name in `template.yaml` is which handler.

use page::Page;
use shared::catalog::Catalog;
use shared::http::service;
use shared::intake::Intake;
use shared::{App, BoxError};

use crate::invoke::Handlers;
use crate::wiring::Wiring;

/// The variable that names the folder of the page, for a developer who changes it.
pub const PAGE_FOLDER: &str = "PAGE_FOLDER";

/// Every function, wired to the stores in `wiring`.
///
/// # Errors
///
/// When the environment is not what the functions expect.
pub fn handlers(wiring: &Wiring) -> Result<Handlers, BoxError> {
    let config = wiring.config()?;
    // As in a function's own process, there is one app, and it stays to the end.
    let app = |function| -> &'static App {
        let (dynamodb, _) = wiring.clients(function);
        Box::leak(Box::new(App::new(config.clone(), &dynamodb)))
    };
    let intake = |function| -> &'static Intake {
        let (dynamodb, s3) = wiring.clients(function);
        Box::leak(Box::new(Intake::new(config.clone(), &dynamodb, &s3)))
    };
    let catalog = |function| {
        let (dynamodb, s3) = wiring.clients(function);
        Catalog::new(config.clone(), &dynamodb, &s3)
    };
    let index: &'static Catalog = Box::leak(Box::new(catalog("index-users")));
    // The index is large, so it is in memory once.
    let catalog =
        |function| -> &'static Catalog { Box::leak(Box::new(catalog(function).remembering_with(index))) };
    let (dynamodb, _) = wiring.clients("page");
    let page_app = App::new(config.clone(), &dynamodb);
    let page: &'static Page = Box::leak(Box::new(match wiring.environment.get(PAGE_FOLDER) {
        Some(folder) => Page::in_folder(page_app, folder.into()),
        None => Page::new(page_app),
    }));
    let (bootstrap, import_file, sweep) = (app("bootstrap"), intake("import-file"), intake("sweep"));
    Ok(Handlers::new()
        .event("bootstrap", |event| bootstrap::handle(bootstrap, event))
        .http("contact", service(app("contact"), contact::ROUTES))
        .http("contacts", service(app("contacts"), contacts::ROUTES))
        .http("dashboard", service(catalog("dashboard"), dashboard::ROUTES))
        .http("import", service(intake("import"), import::ROUTES))
        .event("import-file", |event| import_file::handle(import_file, event))
        .http("imports", service(intake("imports"), imports::ROUTES))
        .event("index-users", |event| index_users::handle(index, event))
        .http("me", service(app("me"), me::ROUTES))
        .http("openapi", service(app("openapi"), openapi::ROUTES))
        .http("page", service(page, page::ROUTES))
        .http("session", service(app("session"), session::ROUTES))
        .event("sweep", |event| sweep::handle(sweep, event))
        .http("user", service(app("user"), user::ROUTES))
        .http("users", service(catalog("users"), users::ROUTES))
        .http("users-bulk", service(app("users-bulk"), users_bulk::ROUTES)))
}
