//! `/dashboard/users`: how many accounts there are.

use lambda_http::{Body, Request, Response};
use serde::Serialize;
use shared::catalog::Catalog;
use shared::http::operation::{Access, Answer, Operation, Route, Tag, Verb};
use shared::http::query::Query;
use shared::http::respond;
use shared::roster::{AccountType, Right, Role, Share};
use shared::{Error, by_reference, http, operations};
use utoipa::ToSchema;

operations! { Catalog; COUNT }

/// The numbers of accounts.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserCounts)]
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
#[schema(as = AccountTypeCounts)]
struct OfAccountType {
    account_type: AccountType,
    #[serde(flatten)]
    part: Part,
}

/// The accounts with one role.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RoleCounts)]
struct OfRole {
    role: Role,
    #[serde(flatten)]
    part: Part,
}

/// The numbers of a part of the accounts.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names on the wire")]
#[schema(as = AccountCounts)]
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

const COUNT: Operation<Catalog> = Operation {
    route: Route::new(
        Verb::Get,
        "/dashboard/users",
        Access::Right(Right::Dashboard),
        by_reference!(numbers),
    ),
    tag: Tag::Dashboard,
    id: "countUsers",
    summary: "Counts users",
    describe: |operation| {
        let numbers = Answer::json::<Numbers>("The numbers; an account with two roles is counted in both");
        operation
            .about(
                "Callers whose only admin role is `ROLE_USER_ADMIN` count the accounts that they see: those without \
                 an admin role.",
            )
            .answers(200, numbers)
    },
};

async fn numbers(app: &Catalog, request: &Request) -> Result<Response<Body>, Error> {
    let caller = http::caller(app, request).await?;
    Query::of(request).finish()?;
    // Whoever does not see administrators in the listing does not count them here.
    let tally = if caller.require(Right::ManageAdmins).is_ok() {
        app.users.tally().await?
    } else {
        app.tally_without_admins().await?
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
