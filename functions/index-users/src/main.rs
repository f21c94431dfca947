//! Keeps the index of users; called by the clock and by who meets many notes.

use lambda_runtime::{LambdaEvent, service_fn};
use shared::catalog::Catalog;
use shared::telemetry;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init(module_path!());
    let app = Catalog::from_env()?;
    let app = &app;
    lambda_runtime::run(service_fn(|event: LambdaEvent<_>| {
        index_users::handle(app, event)
    }))
    .await
}
