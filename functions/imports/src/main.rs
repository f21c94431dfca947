//! Lists imports and takes in files: /users/import, its /uploads and /template.

use shared::intake::Intake;
use shared::{http, telemetry};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init(module_path!());
    let app = Intake::from_env()?;
    http::serve(&app, imports::ROUTES).await
}
