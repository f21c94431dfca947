//! The HTTP API: HTTP in, an event to the function that the path belongs to, HTTP out.
//!
//! Limits and failures are answered as API Gateway answers them, except that a body which is too large
//! gets a problem document that says what to do.

mod event;
mod routes;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, EXPECT, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use serde_json::json;
use shared::http::{BASE_PATH, Kind};
use shared::{BoxError, clock};
use tokio::net::TcpListener;
use uuid::Uuid;

use self::event::Circumstances;
use self::routes::Routes;
use crate::invoke::{FunctionError, Invocation, Invoker, PAYLOAD_LIMIT};
use crate::server::{self, Server};
use crate::template::Route;

/// The largest body that API Gateway takes.
const BODY_LIMIT: usize = 10 * 1024 * 1024;
/// The largest request line and headers that API Gateway takes, together.
const HEADER_LIMIT: usize = 10_240;
/// How much of a body that is too large is read and thrown away, so that a client which does not read
/// before it has written everything still gets its answer.
const DRAIN_LIMIT: usize = 256 * 1024 * 1024;

/// The HTTP API.
#[derive(Clone)]
pub(crate) struct Gateway {
    routes: Arc<Routes>,
    invoker: Invoker,
    timeout: Duration,
}

impl Gateway {
    /// The API with these routes, which waits for a function at most `timeout`.
    pub(crate) fn new(routes: &[Route], invoker: Invoker, timeout: Duration) -> Self {
        Self {
            routes: Arc::new(Routes::new(routes)),
            invoker,
            timeout,
        }
    }

    /// Serves the API on `listener`.
    pub(crate) fn serve(self, listener: TcpListener) -> std::io::Result<Server> {
        Server::start(listener, move |peer, request| {
            let gateway = self.clone();
            async move { Ok::<_, BoxError>(gateway.respond(peer, request).await) }
        })
    }

    async fn respond(&self, peer: SocketAddr, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let request_id = Uuid::new_v4().to_string();
        let (parts, body) = request.into_parts();
        let mut response = match self.answer(&request_id, peer, &parts, body).await {
            Ok(response) | Err(response) => response,
        };
        if let Ok(id) = HeaderValue::from_str(&request_id) {
            response.headers_mut().insert("apigw-requestid", id);
        }
        response
    }

    /// Both sides are answers; `Err` is one that no function gave.
    async fn answer(
        &self,
        request_id: &str,
        peer: SocketAddr,
        parts: &Parts,
        body: Incoming,
    ) -> Result<Response<Full<Bytes>>, Response<Full<Bytes>>> {
        if head_size(parts) > HEADER_LIMIT {
            return Err(message(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "Request Header Fields Too Large",
            ));
        }
        let body = read(request_id, parts, body).await?;
        let matched = self
            .routes
            .find(parts.method.as_str(), parts.uri.path())
            .ok_or_else(|| message(StatusCode::NOT_FOUND, "Not Found"))?;
        let circumstances = Circumstances {
            request_id: request_id.to_owned(),
            now: clock::now(),
            peer,
        };
        let event = event::of_request(parts, &body, &matched, &circumstances);
        drop(body);
        let invocation = Invocation::new(matched.function, &event);
        // An answer may be waited for long, and a body be large.
        drop(event);

        match tokio::time::timeout(self.timeout, self.invoker.invoke(invocation)).await {
            Ok(Ok(result)) => event::to_response(&result).ok_or_else(|| {
                tracing::error!(
                    function = matched.function,
                    "the function's answer is not a response"
                );
                internal()
            }),
            Ok(Err(FunctionError::TooLarge)) => Err(too_large(
                request_id,
                PAYLOAD_LIMIT,
                "with all its headers and encoding",
            )),
            Ok(Err(err)) => {
                tracing::error!(function = matched.function, error = %err, "the function failed");
                Err(internal())
            }
            Err(_) => {
                tracing::error!(function = matched.function, "the function took too long");
                Err(message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"))
            }
        }
    }
}

fn head_size(parts: &Parts) -> usize {
    let line = parts.method.as_str().len() + parts.uri.to_string().len();
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len());
    headers.fold(line, |sum, header| sum + header)
}

async fn read(request_id: &str, parts: &Parts, mut body: Incoming) -> Result<Bytes, Response<Full<Bytes>>> {
    let announced: usize = parts
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok())
        .unwrap_or_default();
    // The client waits for a word before it sends the body.
    if announced > BODY_LIMIT && parts.headers.contains_key(EXPECT) {
        return Err(too_large(request_id, BODY_LIMIT, "as it is sent"));
    }
    let mut kept = BytesMut::new();
    let mut seen = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(message(StatusCode::BAD_REQUEST, "Bad Request"));
        };
        if let Ok(data) = frame.into_data() {
            seen += data.remaining();
            if seen <= BODY_LIMIT {
                kept.extend_from_slice(&data);
            } else if seen > DRAIN_LIMIT {
                break;
            }
        }
    }
    if seen > BODY_LIMIT {
        return Err(too_large(request_id, BODY_LIMIT, "as it is sent"));
    }
    Ok(kept.freeze())
}

fn too_large(request_id: &str, limit: usize, measured: &str) -> Response<Full<Bytes>> {
    let Kind { uri, title, status } = Kind::TOO_LARGE;
    let problem = json!({
        "type": uri,
        "title": title,
        "status": status.as_u16(),
        "detail": format!(
            "a request may have at most {limit} bytes, {measured}; send a larger file by POST \
             {BASE_PATH}/users/import/uploads"
        ),
        "instance": request_id,
    });
    server::answer(status, "application/problem+json", problem.to_string())
}

fn internal() -> Response<Full<Bytes>> {
    message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

fn message(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    server::answer(status, "application/json", json!({ "message": text }).to_string())
}
