//! One account, its state and its tokens: /users/{userId}, its /enable, /expire and /tokens.

use shared::{App, http, telemetry};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init(module_path!());
    let app = App::from_env()?;
    http::serve(&app, user::ROUTES).await
}
