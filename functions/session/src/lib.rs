//! `/auth/token/revoke`: ends the presented access token.

use lambda_http::{Body, Request, Response};
use shared::http::operation::{Access, Answer, Nothing, Operation, Route, Tag, Verb};
use shared::http::query::Query;
use shared::http::{self, respond};
use shared::{App, Error, by_reference, clock, operations};

operations! { App; REVOKE }

const REVOKE: Operation<App> = Operation {
    route: Route::new(
        Verb::Post,
        "/auth/token/revoke",
        Access::SignedIn,
        by_reference!(revoke),
    ),
    tag: Tag::Tokens,
    id: "revokeToken",
    summary: "Ends the access token that is presented",
    describe: |operation| {
        operation
            .about(
                "The token is refused from the next request on. Of an issuer's token, this service forgets the \
                 sign-in; the issuer's own session goes on.",
            )
            .answers(200, Answer::json::<Nothing>("An object without members"))
    },
};

async fn revoke(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let caller = http::caller(app, request).await?;
    Query::of(request).finish()?;
    if let Some(answer) = http::answered(request) {
        return Ok(answer);
    }
    app.tokens.revoke(&caller.credential, clock::now()).await?;
    respond::ok(&Nothing {})
}
