//! Makes the first administrator; has no route.

use lambda_runtime::{LambdaEvent, service_fn};
use shared::{App, telemetry};

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init(module_path!());
    let app = App::from_env()?;
    let app = &app;
    lambda_runtime::run(service_fn(|event: LambdaEvent<_>| bootstrap::handle(app, event))).await
}
