//! One import: /users/import/{importId}, its /resume, /errors and /rejected.

use shared::{App, http, telemetry};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init(module_path!());
    let app = App::from_env().await?;
    http::serve(&app, import::handle).await
}
