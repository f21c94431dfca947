//! `/users/{userId}`: one account; `/enable`, `/expire` and `/tokens` below it.

mod operations;

use std::time::Duration;

use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Request, Response};
use serde::Serialize;
use shared::auth::{Caller, Right};
use shared::http::query::Query;
use shared::http::{self, etag, json, respond};
use shared::models::{Code, Given, Timestamp, UserId, UserPatch, Violation};
use shared::store::{Account, Token};
use shared::{App, Error, accounts, clock};
use utoipa::ToSchema;

pub use operations::operations;

/// How long a token is valid if the request does not say: 12 hours.
const TOKEN_LIFETIME: Duration = Duration::from_hours(12);
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
    let (caller, account) = about(app, request).await?;
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
    let (caller, account) = about(app, request).await?;
    let account = managed(&caller, account)?;
    Query::of(request).finish()?;
    let body = json::object(request)?;

    let account = accounts::change(app, account, |account| {
        caller.may_manage(&account.user)?;
        etag::check(request, account.user.version)?;
        accounts::patched(&caller, account, body.clone())
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
    let (caller, account) = about(app, request).await?;
    let account = managed(&caller, account)?;
    Query::of(request).finish()?;

    let id = account.user.id;
    let contacts_deleted = accounts::delete(app, account, |account| {
        caller.may_delete(&account.user)?;
        etag::check(request, account.user.version)
    })
    .await?;
    respond::ok(&Deleted { id, contacts_deleted })
}

async fn flip(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let (caller, account) = about(app, request).await?;
    let account = managed(&caller, account)?;
    Query::of(request).finish()?;

    let account = accounts::change(app, account, |account| {
        caller.may_manage(&account.user)?;
        etag::check(request, account.user.version)?;
        let patch = UserPatch {
            enabled: Some(!account.user.enabled),
            ..UserPatch::default()
        };
        accounts::with_patch(&caller, account, patch)
    })
    .await?;
    respond::user(Response::builder(), &account.user)
}

async fn expire(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let (caller, account) = about(app, request).await?;
    let account = managed(&caller, account)?;
    Query::of(request).finish()?;

    let account = accounts::change(app, account, |account| {
        caller.may_manage(&account.user)?;
        etag::check(request, account.user.version)?;
        Ok(accounts::expired(account))
    })
    .await?;
    respond::user(Response::builder(), &account.user)
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
    let (caller, account) = about(app, request).await?;
    caller.require(Right::IssueTokens)?;
    if !app.config.token_issue {
        return Err(Error::Forbidden("this deployment issues no access tokens"));
    }
    let account = managed(&caller, account)?;
    Query::of(request).finish()?;
    let lifetime = lifetime(request)?;
    if !account.user.enabled {
        return Err(Error::conflict("the user is disabled"));
    }

    // A token as old as the last expiry would be void.
    let now = account.tokens_valid_after.map_or(clock::now(), |after| {
        clock::now().max(after.plus(Duration::from_millis(1)))
    });
    let expires_at = now.plus(lifetime);
    let token = Token::random(account.user.id)?;
    app.tokens.insert(&token, now, expires_at).await?;
    tracing::info!(user.id = %account.user.id, caller.id = %caller.user.id, "issued an access token");
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
        Given::Absent | Given::Null => Some(TOKEN_LIFETIME),
        Given::Number(seconds) => u64::try_from(seconds)
            .ok()
            .filter(|seconds| (1..=MAX_TOKEN_LIFETIME).contains(seconds))
            .map(Duration::from_secs),
        _ => None,
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
async fn about(app: &App, request: &Request) -> Result<(Caller, Option<Account>), Error> {
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
