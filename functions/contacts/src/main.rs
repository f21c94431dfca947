//! Lists, searches and adds the caller's contacts: /users/me/contacts.

use shared::{App, http, telemetry};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init(module_path!());
    let app = App::from_env()?;
    http::serve(&app, contacts::ROUTES).await
}
