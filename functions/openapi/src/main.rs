//! The OpenAPI document, a page of it, and the answer to every path that is no other function's.

use shared::{App, http, telemetry};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init(module_path!());
    let app = App::from_env()?;
    http::serve(&app, openapi::ROUTES).await
}
