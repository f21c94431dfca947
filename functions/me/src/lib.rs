//! `/users/me`: the caller's own record.

use lambda_http::{Body, Request, Response};
use shared::http::operation::{Access, Operation, Route, Tag, Verb};
use shared::http::query::Query;
use shared::http::{etag, json, respond};
use shared::roster::Right;
use shared::{App, Error, accounts, by_reference, http, operations};

operations! { App; READ, CHANGE }

const READ: Operation<App> = Operation {
    route: Route::new(
        Verb::Get,
        "/users/me",
        Access::Right(Right::ReadSelf),
        by_reference!(read),
    ),
    tag: Tag::Me,
    id: "readCurrentUser",
    summary: "Reads the caller's own record",
    describe: |operation| {
        operation
            .about("Returns the user to whom the access token belongs.")
            .answers_user("The caller")
    },
};

async fn read(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let caller = http::caller(app, request).await?;
    Query::of(request).finish()?;
    respond::user(Response::builder(), &caller.user)
}

const CHANGE: Operation<App> = Operation {
    route: Route::new(
        Verb::Put,
        "/users/me",
        Access::Right(Right::ChangeSelf),
        by_reference!(change),
    ),
    tag: Tag::Me,
    id: "changeCurrentUser",
    summary: "Changes the caller's own record",
    describe: |operation| {
        operation.takes_user_change(
            "The caller",
            "Another `email` is kept as `pendingEmail`, whether or not an account has that address, and `email` stays; \
             `\"pendingEmail\": null` withdraws it. Only administrators of users may change `planId`, \
             `externalUserId`, `roles`, `enabled` and `accountType`.",
        )
    },
};

async fn change(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let caller = http::caller(app, request).await?;
    Query::of(request).finish()?;
    let body = json::object(request)?;

    let account = app.users.find(caller.user.id).await?;
    let account = account.ok_or(Error::Unauthenticated { presented: true })?;
    let account = accounts::change(app, &caller.actor(), account, |account| {
        etag::check(request, account.user.version)?;
        accounts::patched_by_owner(&caller, account, body.clone())
    })
    .await?;
    respond::user(Response::builder(), &account.user)
}
