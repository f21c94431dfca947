//! One import: /users/import/{importId}, its /resume, /errors and /rejected.

use shared::intake::Intake;
use shared::{http, telemetry};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init(module_path!());
    let app = Intake::from_env()?;
    http::serve(&app, import::ROUTES).await
}
