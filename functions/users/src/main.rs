//! Lists, searches and adds accounts: /users.

use shared::catalog::Catalog;
use shared::{http, telemetry};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init(module_path!());
    let app = Catalog::from_env()?;
    http::serve(&app, users::ROUTES).await
}
