//! A function that only makes the two SDK clients: what a cold start cannot do without.

use std::convert::Infallible;
use std::hint::black_box;

use lambda_http::{Body, Request, Response, service_fn};
use service::Config;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    let aws = Config::from_env()?.aws_from_env()?;
    let clients = (aws_sdk_dynamodb::Client::new(&aws), aws_sdk_s3::Client::new(&aws));
    lambda_http::run(service_fn(async |_: Request| {
        black_box(&clients);
        Ok::<_, Infallible>(Response::new(Body::Empty))
    }))
    .await
}
