//! `/users/{userId}`: one account; `/enable`, `/expire`, `/tokens` and `/history` below it.

mod history;

use std::time::Duration;

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use serde::Serialize;
use serde_json::json;
use shared::accounts::TOKEN_LIFETIME;
use shared::auth::Caller;
use shared::http::operation::{Access, Answer, Nothing, Operation, Route, Tag, Verb, add};
use shared::http::query::Query;
use shared::http::{self, Kind, etag, respond};
use shared::roster::{Code, Given, Right, Timestamp, UserId, Violation};
use shared::table::{Account, WhenFull};
use shared::{App, Error, accounts, by_reference, operations};
use utoipa::ToSchema;
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{ObjectBuilder, Type};

use history::HISTORY;

/// The longest that a token is valid, in seconds: 90 days.
const MAX_TOKEN_LIFETIME: u64 = 90 * 24 * 60 * 60;

operations! { App; READ, CHANGE, DELETE, FLIP, EXPIRE, ISSUE_TOKEN, HISTORY }

const READ: Operation<App> = Operation {
    // Own records take another right than those of others.
    route: Route::new(
        Verb::Get,
        "/users/{userId}",
        Access::SignedIn,
        by_reference!(read),
    ),
    tag: Tag::Users,
    id: "readUser",
    summary: "Reads a user",
    describe: |operation| {
        operation
            .about("Callers without an admin role are allowed to read their own record only.")
            .answers_user("The user")
    },
};

async fn read(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let (caller, account) = named(app, request).await?;
    let own = account
        .as_ref()
        .is_some_and(|account| account.user.id == caller.user.id);
    let user = if own {
        caller.require(Right::ReadSelf)?;
        caller.user
    } else {
        caller.require(Right::ManageUsers)?;
        managed(&caller, account)?.into_user()
    };
    Query::of(request).finish()?;
    respond::user(Response::builder(), &user)
}

const CHANGE: Operation<App> = Operation {
    route: Route::new(
        Verb::Put,
        "/users/{userId}",
        Access::Right(Right::ManageUsers),
        by_reference!(change),
    ),
    tag: Tag::Users,
    id: "changeUser",
    summary: "Changes a user",
    describe: |operation| {
        operation.takes_user_change(
            "The user",
            "`email` becomes the user's address. If `pendingEmail` is the present address too, its owner set it and \
             nobody has confirmed it; to confirm it, send it as `email` together with `\"pendingEmail\": null`.",
        )
    },
};

async fn change(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let (caller, account) = to_manage(app, request).await?;
    let body = http::json::object(request)?;
    stored(app, request, &caller, account, |account| {
        accounts::patched(&caller, account, body.clone())
    })
    .await
}

const FLIP: Operation<App> = Operation {
    route: Route::new(
        Verb::Put,
        "/users/{userId}/enable",
        Access::Right(Right::ManageUsers),
        by_reference!(flip),
    ),
    tag: Tag::Users,
    id: "toggleUser",
    summary: "Enables a disabled user, disables an enabled one",
    describe: |operation| {
        operation
            .about(
                "A disabled user's access tokens are refused from the next request on. The last enabled system \
                 administrator cannot be disabled.",
            )
            .if_match()
            .answers_user("The user")
            .fails(&[&Kind::CONFLICT])
    },
};

async fn flip(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let (caller, account) = to_manage(app, request).await?;
    stored(app, request, &caller, account, |account| {
        accounts::enabled(&caller, account, !account.user.enabled)
    })
    .await
}

const EXPIRE: Operation<App> = Operation {
    route: Route::new(
        Verb::Put,
        "/users/{userId}/expire",
        Access::Right(Right::ManageUsers),
        by_reference!(expire),
    ),
    tag: Tag::Tokens,
    id: "expireUserTokens",
    summary: "Ends every access token of a user",
    describe: |operation| {
        operation
            .about(
                "The tokens are refused from the next request on, and so are an issuer's tokens for this user that \
                 were issued before.",
            )
            .if_match()
            .answers_user("The user")
    },
};

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

/// What was deleted.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeletedUser, example = json!({
    "id": "mfsgs3lbnnqxe2lpnz2gk4ramfxgiidu",
    "contactsDeleted": 12,
}))]
struct Deleted {
    /// The id of the deleted user.
    id: UserId,
    /// The number of contacts that were deleted with the user.
    contacts_deleted: u64,
}

const DELETE: Operation<App> = Operation {
    route: Route::new(
        Verb::Delete,
        "/users/{userId}",
        Access::Right(Right::ManageUsers),
        by_reference!(delete),
    ),
    tag: Tag::Users,
    id: "deleteUser",
    summary: "Deletes a user",
    describe: |operation| {
        operation
            .about(
                "Deletes the user's contacts and tokens as well. Afterwards another user can have the address. The \
                 last enabled system administrator cannot be deleted.",
            )
            .if_match()
            .answers(200, Answer::json::<Deleted>("What was deleted"))
            .fails(&[&Kind::CONFLICT])
    },
};

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
    /// The time for which it is valid, in seconds.
    expires_in: u64,
    /// The time when it expires.
    expires_at: Timestamp,
}

const ISSUE_TOKEN: Operation<App> = Operation {
    route: Route::new(
        Verb::Post,
        "/users/{userId}/tokens",
        Access::Right(Right::IssueTokens),
        by_reference!(issue_token),
    ),
    tag: Tag::Tokens,
    id: "issueToken",
    summary: "Issues an access token for a user",
    describe: |operation| {
        operation
            .about(
                "Requires `ROLE_SYSTEM_ADMIN`, and a deployment can switch it off. A token is shown once only: a \
                 request that repeats an `Idempotency-Key` is answered with 409. So is a request for a user who has \
                 as many valid access tokens as the deployment allows, 20 unless it says otherwise.",
            )
            .json::<Nothing>(
                "TokenRequest",
                |request| {
                    let seconds = ObjectBuilder::new()
                        .schema_type(SchemaType::from_iter([Type::Integer, Type::Null]))
                        .description(Some("How long the token is valid, in seconds"))
                        .minimum(Some(1))
                        .maximum(Some(MAX_TOKEN_LIFETIME))
                        .default(Some(TOKEN_LIFETIME.as_secs().into()));
                    add(request, "expiresIn", seconds);
                },
                json!({ "expiresIn": 3600 }),
            )
            .body_is_optional()
            .answers(201, Answer::json::<NewToken>("The token, shown this once"))
            .fails(&[&Kind::CONFLICT])
    },
};

async fn issue_token(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let (caller, account) = named(app, request).await?;
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

    let (token, expires_at) =
        accounts::issue_token(app, &caller.actor(), &account, lifetime, WhenFull::Refuse).await?;
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
    let mut body = http::json::object_or_nothing(request)?;
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
    http::caller_and(app, request, id).await
}

/// The account, if it is one that the caller manages.
fn managed(caller: &Caller, account: Option<Account>) -> Result<Account, Error> {
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
