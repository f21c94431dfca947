//! The operator's page: its shell, its files, and what it has to know of the deployment.

use page::Page;
use shared::{App, http, telemetry};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init(module_path!());
    let page = Page::new(App::from_env()?);
    http::serve(&page, page::ROUTES).await
}
