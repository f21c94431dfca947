//! Started by a file's arrival: turns its rows into users.

use lambda_runtime::{LambdaEvent, service_fn};
use shared::intake::Intake;
use shared::telemetry;

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init(module_path!());
    let app = Intake::from_env()?;
    let app = &app;
    lambda_runtime::run(service_fn(|event: LambdaEvent<_>| {
        import_file::handle(app, event)
    }))
    .await
}
