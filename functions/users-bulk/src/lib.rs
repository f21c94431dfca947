//! `/users/bulk`: one action on up to a hundred accounts, each by itself.

use std::collections::HashSet;

use lambda_http::{Body, Request, Response};
use serde::Serialize;
use serde_json::json;
use shared::auth::Caller;
use shared::http::json::Object;
use shared::http::operation::{Access, Answer, Nothing, Operation, Route, Tag, Verb, add};
use shared::http::query::{Choice, Parameter, Query};
use shared::http::{self, respond};
use shared::roster::{Code, Given, Right, UserId, Violation};
use shared::table::Account;
use shared::{App, Error, accounts, by_reference, operations};
use utoipa::ToSchema;
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, Type};

/// The most ids of a request: as many as one read brings.
const MAX_IDS: usize = 100;

operations! { App; BULK }

#[derive(Clone, Copy)]
enum Action {
    Enable,
    Disable,
    Expire,
    Delete,
}

const ACTION: Parameter<Choice<Action>> = Parameter {
    name: "action",
    about: "What to do; `expire` ends every access token",
    kind: Choice {
        words: &[
            ("enable", Action::Enable),
            ("disable", Action::Disable),
            ("expire", Action::Expire),
            ("delete", Action::Delete),
        ],
        default: None,
    },
};

/// The outcomes.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkResults, example = json!({
    "results": [
        { "id": "mfsgs3lbnnqxe2lpnz2gk4ramfxgiidu", "status": 200, "detail": null },
        { "id": "x", "status": 404, "detail": "the user does not exist" },
    ],
}))]
struct Results {
    /// One for each id, in order.
    results: Vec<Outcome>,
}

/// The outcome for one id, as its own route would answer.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkOutcome)]
struct Outcome {
    /// The id as it was sent, cut short.
    id: String,
    /// The status of the answer that it would have got by itself.
    status: u16,
    /// What is wrong; null if it was done.
    detail: Option<String>,
}

const BULK: Operation<App> = Operation {
    route: Route::new(
        Verb::Post,
        "/users/bulk",
        Access::Right(Right::ManageUsers),
        by_reference!(bulk),
    ),
    tag: Tag::Users,
    id: "runBulkAction",
    summary: "Does one thing to up to a hundred users",
    describe: |operation| {
        operation
            .about("Each id is handled by itself: some can fail while the others succeed. The answer has one result for each id.")
            .required_query(&ACTION)
            .json::<Nothing>(
                "BulkIds",
                |request| {
                    let id = ObjectBuilder::new().schema_type(Type::String);
                    let ids = ArrayBuilder::new()
                        .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
                        .items(id)
                        .max_items(Some(MAX_IDS));
                    add(request, "ids", ids);
                },
                json!({ "ids": ["mfsgs3lbnnqxe2lpnz2gk4ramfxgiidu"] }),
            )
            .answers(200, Answer::json::<Results>("The outcome for each id, in order"))
    },
};

async fn bulk(app: &App, request: &Request) -> Result<Response<Body>, Error> {
    let caller = http::caller(app, request).await?;
    let mut query = Query::of(request);
    let action = query.required(&ACTION);
    query.finish()?;
    let ids = ids(http::json::object(request)?)?;
    if let Some(answer) = http::answered(request) {
        return Ok(answer);
    }

    let known: Vec<Option<UserId>> = ids.iter().map(|id| id.parse().ok()).collect();
    let slots: HashSet<_> = known.iter().flatten().map(|id| id.slot()).collect();
    let accounts = app.users.holders(slots).await?;
    let mut results = Vec::with_capacity(ids.len());
    let mut unavailable = None;
    // One after the other, so that an id given twice meets what became of it first.
    for (text, id) in ids.into_iter().zip(known) {
        let account = id.and_then(|id| match accounts.get(&id.slot()) {
            Some(account) if account.user.id == id => Some(account.clone()),
            _ => None,
        });
        let (status, detail) = match (&unavailable, account, action) {
            // Storage that does not answer is waited for once, and not once for each id.
            (Some(said), _, _) => Clone::clone(said),
            (None, Some(account), Some(action)) => match act(app, &caller, action, account).await {
                Ok(()) => (200, None),
                Err(error) => {
                    let said = said(request, &error);
                    unavailable = matches!(error, Error::Unavailable { .. }).then(|| said.clone());
                    said
                }
            },
            (None, _, _) => said(request, &Error::NotFound("the user")),
        };
        results.push(Outcome {
            id: text.chars().take(Violation::MAX_VALUE).collect(),
            status,
            detail,
        });
    }
    respond::ok(&Results { results })
}

/// What an id's own route would say of `error`.
fn said(request: &Request, error: &Error) -> (u16, Option<String>) {
    let (status, detail) = http::outcome(request, error);
    (status.as_u16(), Some(detail))
}

async fn act(app: &App, caller: &Caller, action: Action, account: Account) -> Result<(), Error> {
    let enable = |enabled| {
        move |account: &Account| {
            caller.may_manage(&account.user)?;
            accounts::enabled(caller, account, enabled)
        }
    };
    let actor = caller.actor();
    match action {
        Action::Enable => accounts::change(app, &actor, account, enable(true))
            .await
            .map(drop),
        Action::Disable => accounts::change(app, &actor, account, enable(false))
            .await
            .map(drop),
        Action::Expire => {
            let expire = |account: &Account| {
                caller.may_manage(&account.user)?;
                Ok(accounts::expired(account))
            };
            accounts::change(app, &actor, account, expire).await.map(drop)
        }
        Action::Delete => {
            let check = |account: &Account| caller.may_delete(&account.user);
            accounts::delete(app, &actor, account, check).await.map(drop)
        }
    }
}

/// The ids in `body`, as they were sent.
fn ids(mut body: Object) -> Result<Vec<String>, Error> {
    let given = body.take("ids");
    let mut faults = body.unknown_members();
    let mut ids = Vec::new();
    match given {
        Given::Absent | Given::Null => {}
        Given::List(elements) if elements.len() > MAX_IDS => {
            let detail = format!("has more than {MAX_IDS} elements");
            faults.push(Violation::new("ids", Code::OutOfRange, detail));
        }
        Given::List(elements) => {
            for (index, element) in elements.into_iter().enumerate() {
                match element {
                    Given::Text(id) => ids.push(id.into_owned()),
                    _ => faults.push(Violation::new(
                        format!("ids/{index}"),
                        Code::InvalidFormat,
                        "must be a string",
                    )),
                }
            }
        }
        _ => faults.push(Violation::new("ids", Code::InvalidFormat, "must be an array")),
    }
    if faults.is_empty() {
        Ok(ids)
    } else {
        Err(Error::Invalid(faults))
    }
}
