//! One action on up to a hundred accounts: /users/bulk.

use shared::{App, http, telemetry};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init(module_path!());
    let app = App::from_env()?;
    http::serve(&app, users_bulk::ROUTES).await
}
