//! `/users/{userId}`: one account; `/enable`, `/expire` and `/tokens` below it.

mod operations;

use std::time::Duration;

use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Request, Response};
use serde::Serialize;
use shared::auth::Caller;
use shared::http::query::Query;
use shared::http::{self, etag, json, respond};
use shared::roster::{Code, Given, Right, Timestamp, UserId, Violation};
use shared::table::Account;
use shared::{App, Error, accounts};
use utoipa::ToSchema;

pub use operations::operations;

/// The longest that a token is valid, in seconds: 90 days.
const MAX_TOKEN_LIFETIME: u64 = 90 * 24 * 60 * 60;

/// Serves every method of the four routes.
///
/// # Errors
///
/// What the contract says of each.
pub async fn handle(app: &App, request: Request) -> Result<Response<Body>, Error> {
    match (http::resource(&request), request.method()) {
        ("/users/{userId}", &Method::GET) => read(app, &request).await,
        ("/users/{userId}", &Method::PUT) => change(app, &request).await,
        ("/users/{userId}", &Method::DELETE) => delete(app, &request).await,
        ("/users/{userId}", _) => Err(Error::MethodNotAllowed("GET, PUT, DELETE")),
        ("/users/{userId}/enable", &Method::PUT) => flip(app, &request).await,
        ("/users/{userId}/expire", &Method::PUT) => expire(app, &request).await,
        ("/users/{userId}/enable" | "/users/{userId}/expire", _) => Err(Error::MethodNotAllowed("PUT")),
        ("/users/{userId}/tokens", &Method::POST) => issue_token(app, &request).await,
        ("/users/{userId}/tokens", _) => Err(Error::MethodNotAllowed("POST")),
        _ => Err(Error::NotFound("the path")),
    }
}

async fn read(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let (caller, account) = named(app, request).await?;
    let own = account
        .as_ref()
        .is_some_and(|account| account.user.id == caller.user.id);
    let user = if own {
        caller.require(Right::ReadSelf)?;
        caller.user
    } else {
        managed(&caller, account)?.user
    };
    Query::of(request).finish()?;
    respond::user(Response::builder(), &user)
}

async fn change(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let (caller, account) = to_manage(app, request).await?;
    let body = json::object(request)?;
    stored(app, request, &caller, account, |account| {
        accounts::patched(&caller, account, body.clone())
    })
    .await
}

async fn flip(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let (caller, account) = to_manage(app, request).await?;
    stored(app, request, &caller, account, |account| {
        accounts::enabled(&caller, account, !account.user.enabled)
    })
    .await
}

async fn expire(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let (caller, account) = to_manage(app, request).await?;
    stored(app, request, &caller, account, |account| {
        Ok(accounts::expired(account))
    })
    .await
}

/// Stores what `decide` makes of `account`, if it is the one that the request means, and answers with it.
async fn stored(
    app: &App,
    request: &Request,
    caller: &Caller,
    account: Account,
    decide: impl Fn(&Account) -> Result<Account, Error>,
) -> Result<Response<Body>, Error> {
    let account = accounts::change(app, &caller.actor(), account, |account| {
        caller.may_manage(&account.user)?;
        etag::check(request, account.user.version)?;
        decide(account)
    })
    .await?;
    respond::user(Response::builder(), &account.user)
}

/// What a deletion took away.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeletedUser, example = json!({
    "id": "mfsgs3lbnnqxe2lpnz2gk4ramfxgiidu",
    "contactsDeleted": 12,
}))]
struct Deleted {
    /// The user who is gone.
    id: UserId,
    /// How many contacts went too.
    contacts_deleted: u64,
}

async fn delete(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let (caller, account) = to_manage(app, request).await?;
    let id = account.user.id;
    let contacts_deleted = accounts::delete(app, &caller.actor(), account, |account| {
        caller.may_delete(&account.user)?;
        etag::check(request, account.user.version)
    })
    .await?;
    respond::ok(&Deleted { id, contacts_deleted })
}

/// A new access token: the one answer that ever shows it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "accessToken": "an opaque text",
    "tokenType": "Bearer",
    "expiresIn": 3600,
    "expiresAt": "2026-11-23T09:37:46.000Z",
}))]
struct NewToken<'a> {
    /// What to send as `Authorization: Bearer`.
    access_token: &'a str,
    /// `Bearer`.
    token_type: &'static str,
    /// How long it is valid, in seconds.
    expires_in: u64,
    /// When it ends.
    expires_at: Timestamp,
}

async fn issue_token(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let (caller, account) = named(app, request).await?;
    caller.require(Right::IssueTokens)?;
    if !app.config.token_issue {
        return Err(Error::Forbidden("this deployment issues no access tokens"));
    }
    let account = managed(&caller, account)?;
    Query::of(request).finish()?;
    let lifetime = lifetime(request)?;
    match http::answered(request) {
        Some(answer) if answer.status().is_success() => {
            let detail = "this request was answered with an access token, which is never given twice; \
                          issue another one with a new Idempotency-Key";
            return Err(Error::conflict(detail));
        }
        Some(answer) => return Ok(answer),
        None => {}
    }
    if !account.user.enabled {
        return Err(Error::conflict("the user is disabled"));
    }

    let (token, expires_at) = accounts::issue_token(app, &caller.actor(), &account, lifetime).await?;
    respond::json(
        Response::builder().status(StatusCode::CREATED),
        &NewToken {
            access_token: token.reveal(),
            token_type: "Bearer",
            expires_in: lifetime.as_secs(),
            expires_at,
        },
    )
}

/// The time that the body asks for.
fn lifetime(request: &Request) -> Result<Duration, Error> {
    let mut body = json::object_or_nothing(request)?;
    let given = body.take("expiresIn");
    let mut faults = body.unknown_members();
    let lifetime = match given {
        Given::Absent | Given::Null => Some(accounts::TOKEN_LIFETIME),
        given => given.number_in(1..=MAX_TOKEN_LIFETIME).map(Duration::from_secs),
    };
    match lifetime {
        Some(lifetime) if faults.is_empty() => Ok(lifetime),
        Some(_) => Err(Error::Invalid(faults)),
        None => {
            let detail = format!("must be a whole number of seconds from 1 to {MAX_TOKEN_LIFETIME}");
            faults.insert(0, Violation::new("expiresIn", Code::OutOfRange, detail));
            Err(Error::Invalid(faults))
        }
    }
}

/// Who asks and the account in the path, if there is one, by one read.
async fn named(app: &App, request: &Request) -> Result<(Caller, Option<Account>), Error> {
    let id = http::path_id(request, "userId", "the user").ok();
    app.auth.caller_and(request, id).await
}

/// The account, if it is one that the caller manages.
fn managed(caller: &Caller, account: Option<Account>) -> Result<Account, Error> {
    caller.require(Right::ManageUsers)?;
    let account = account.ok_or(Error::NotFound("the user"))?;
    caller.may_manage(&account.user)?;
    Ok(account)
}

/// Who asks and the account in the path, which is one that the caller manages, for a route without parameters.
async fn to_manage(app: &App, request: &Request) -> Result<(Caller, Account), Error> {
    let (caller, account) = named(app, request).await?;
    let account = managed(&caller, account)?;
    Query::of(request).finish()?;
    Ok((caller, account))
}
