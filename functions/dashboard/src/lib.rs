//! `/dashboard/users`: how many accounts there are.

mod operations;

use lambda_http::http::Method;
use lambda_http::{Body, Request, Response};
use serde::Serialize;
use shared::http::query::Query;
use shared::http::respond;
use shared::roster::{AccountType, Right, Role, Share};
use shared::{App, Error};
use utoipa::ToSchema;

pub use operations::operations;

/// Serves every method of the route.
///
/// # Errors
///
/// What the contract says.
pub async fn handle(app: &App, request: Request) -> Result<Response<Body>, Error> {
    match *request.method() {
        Method::GET => numbers(app, &request).await,
        _ => Err(Error::MethodNotAllowed("GET")),
    }
}

/// How many accounts there are.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Numbers {
    total_users: i64,
    active_users: i64,
    disabled_users: i64,
    breakdown_by_account_type: Vec<OfAccountType>,
    breakdown_by_role: Vec<OfRole>,
}

/// The accounts of one type.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OfAccountType {
    account_type: AccountType,
    #[serde(flatten)]
    part: Part,
}

/// The accounts with one role.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OfRole {
    role: Role,
    #[serde(flatten)]
    part: Part,
}

/// The numbers of a part of the accounts.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names on the wire")]
struct Part {
    total_users: i64,
    total_active_users: i64,
    total_disabled_users: i64,
}

impl From<Share> for Part {
    fn from(Share { total, disabled }: Share) -> Self {
        Self {
            total_users: total,
            total_active_users: total - disabled,
            total_disabled_users: disabled,
        }
    }
}

async fn numbers(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let caller = app.auth.caller(request).await?;
    caller.require(Right::Dashboard)?;
    Query::of(request).finish()?;
    // Whoever does not see administrators in the listing does not count them here.
    let tally = if caller.require(Right::ManageAdmins).is_ok() {
        app.users.tally().await?
    } else {
        app.users.tally_without_admins().await?
    };
    respond::ok(&Numbers {
        total_users: tally.all.total,
        active_users: tally.all.total - tally.all.disabled,
        disabled_users: tally.all.disabled,
        breakdown_by_account_type: AccountType::ALL
            .into_iter()
            .zip(tally.by_account_type)
            .map(|(account_type, share)| OfAccountType {
                account_type,
                part: share.into(),
            })
            .collect(),
        breakdown_by_role: Role::ALL
            .into_iter()
            .zip(tally.by_role)
            .map(|(role, share)| OfRole {
                role,
                part: share.into(),
            })
            .collect(),
    })
}
