//! `/users`: lists, searches, exports and adds accounts.

mod cursor;
mod export;

use lambda_http::http::StatusCode;
use lambda_http::http::header::LOCATION;
use lambda_http::{Body, Request, Response};
use serde_json::json;
use shared::auth::Caller;
use shared::catalog::Catalog;
use shared::http::operation::{Access, Answer, Description, Operation, Route, Tag, Verb, nullable};
use shared::http::page::{self, CURSOR, LIMIT, OFFSET, Page};
use shared::http::query::{Choice, Parameter, Query, Text, Time};
use shared::http::{self, BASE_PATH, Kind, respond};
use shared::index::{Filter, Order, SortBy, Wanted, words};
use shared::roster::{Code, Email, ExternalUserId, Right, Role, UserDraft, UserView, Violation};
use shared::{Error, accounts, by_reference, operations};

use crate::cursor::Cursor;

/// What is searched for; no longer than an address.
const SEARCH_TEXT: Parameter<Text> = Parameter {
    name: "searchText",
    about: "Words, separated by blanks, each contained in the address, the first or the last name; taken literally \
            and without regard to case. What is between double quotes is one word: `\"ada love\"`",
    kind: Text {
        max: Email::MAX_OCTETS,
    },
};

const EXTERNAL_USER_ID: Parameter<Text> = Parameter {
    name: "externalUserId",
    about: "Only users with exactly this reference",
    kind: Text {
        max: ExternalUserId::MAX,
    },
};

const IMPORT_ID: Parameter<Text> = Parameter {
    name: "importId",
    about: "Only users whom this import has created",
    kind: Text { max: 32 },
};

const CREATED_AFTER: Parameter<Time> = Parameter {
    name: "createdAfter",
    about: "Only users who were created after this time",
    kind: Time,
};

const CREATED_BEFORE: Parameter<Time> = Parameter {
    name: "createdBefore",
    about: "Only users who were created before this time",
    kind: Time,
};

const ROLE: Parameter<Choice<Role>> = Parameter {
    name: "role",
    about: "Only users with this role",
    kind: Choice {
        words: &Role::BY_NAME,
        default: None,
    },
};

const ENABLED: Parameter<Choice<bool>> = Parameter {
    name: "enabled",
    about: "Only users who are enabled, or only those who are not",
    kind: Choice::FLAG,
};

const SORT_BY: Parameter<Choice<SortBy>> = Parameter {
    name: "sortBy",
    about: "The member to sort by",
    kind: Choice {
        words: &[
            ("email", SortBy::Email),
            ("lastName", SortBy::LastName),
            ("createdAt", SortBy::CreatedAt),
        ],
        default: Some("email"),
    },
};

/// Whether the order is turned round.
const ORDER_BY: Parameter<Choice<bool>> = Parameter {
    name: "orderBy",
    about: "Ascending or descending order",
    kind: Choice {
        words: &[("ASC", false), ("DESC", true)],
        default: Some("ASC"),
    },
};

operations! { Catalog; LIST, CREATE, export::EXPORT }

const LIST: Operation<Catalog> = Operation {
    route: Route::new(
        Verb::Get,
        "/users",
        Access::Right(Right::ManageUsers),
        by_reference!(list),
    ),
    tag: Tag::Users,
    id: "listUsers",
    summary: "Lists and searches users",
    describe: |operation| {
        with_filter(operation)
            .about(
                "Returns one page; `cursor` leads to the next one. A request that begins after a change was answered \
                 sees the change, and `count` is exact for every filter. Names are sorted by Unicode collation, users \
                 without one first. Callers whose only admin role is `ROLE_USER_ADMIN` do not see accounts that have an \
                 admin role.",
            )
            .query(&LIMIT)
            .query(&OFFSET)
            .query(&CURSOR)
            .query(&SORT_BY)
            .query(&ORDER_BY)
            .answers(200, Answer::page::<UserView>("One page of users"))
    },
};

async fn list(app: &Catalog, request: &Request) -> Result<Response<Body>, Error> {
    let caller = http::caller(app, request).await?;
    let mut query = Query::of(request);
    let mut wanted = wanted(&mut query, &caller);
    let (mut offset, cursor) = page::beginning(&mut query);
    wanted.skip = offset;
    let mut known = None;
    if let Some(text) = cursor {
        if let Some(cursor) = Cursor::read(&text, &wanted, app.secret().await?) {
            offset = cursor.offset;
            known = wanted.filter.narrows().then_some(cursor.count);
            wanted.after = Some(cursor.last);
        } else {
            page::unknown_cursor(&mut query);
        }
    }
    query.finish()?;

    let found = app.page(&wanted, known).await?;
    let next_cursor = match found.last {
        None => None,
        Some(last) => {
            let cursor = Cursor {
                last,
                offset: offset.saturating_add(wanted.limit),
                count: found.count,
            };
            Some(cursor.written(&wanted, app.secret().await?)?)
        }
    };
    respond::ok(&Page {
        items: found.users.iter().map(UserView::from).collect(),
        count: found.count,
        offset,
        next_cursor,
    })
}

/// Describes the parameters that [`filter`] reads.
fn with_filter(operation: Description) -> Description {
    operation
        .query(&SEARCH_TEXT)
        .query(&ROLE)
        .query(&ENABLED)
        .query(&EXTERNAL_USER_ID)
        .query(&IMPORT_ID)
        .query(&CREATED_AFTER)
        .query(&CREATED_BEFORE)
}

/// The users that the query asks for, of those that the caller sees.
fn filter(query: &mut Query, caller: &Caller) -> Filter {
    let text = query.text(&SEARCH_TEXT).unwrap_or_default();
    let import_id = query.import_id(&IMPORT_ID);
    Filter {
        words: words(&text),
        role: query.choice(&ROLE),
        enabled: query.choice(&ENABLED),
        external_user_id: query.text(&EXTERNAL_USER_ID),
        import: import_id,
        created_after: query.time(&CREATED_AFTER),
        created_before: query.time(&CREATED_BEFORE),
        without_admins: caller.require(Right::ManageAdmins).is_err(),
    }
}

/// The page that the query asks for, but for where it begins.
fn wanted(query: &mut Query, caller: &Caller) -> Wanted {
    Wanted {
        filter: filter(query, caller),
        order: Order {
            by: query.choice(&SORT_BY).unwrap_or_default(),
            descending: query.choice(&ORDER_BY).unwrap_or_default(),
        },
        after: None,
        skip: 0,
        limit: query.number(&LIMIT).unwrap_or_default(),
    }
}

const CREATE: Operation<Catalog> = Operation {
    route: Route::new(
        Verb::Post,
        "/users",
        Access::Right(Right::ManageUsers),
        by_reference!(create),
    ),
    tag: Tag::Users,
    id: "createUser",
    summary: "Adds a user",
    describe: |operation| {
        operation
            .about(
                "Each address belongs to one user at most. `ROLE_ADHOC_COLLABORATOR` cannot be assigned to a new \
                 user.",
            )
            .json::<UserDraft>(
                "NewUser",
                |user| {
                    user.required = vec!["email".to_owned(), "roles".to_owned()];
                    nullable(user, &["enabled", "accountType"]);
                },
                json!({
                    "email": "mary@example.org",
                    "firstName": "Mary",
                    "roles": ["ROLE_ORIGINATOR"],
                }),
            )
            .answers(
                201,
                Answer::json::<UserView>("The user")
                    .header("Location", "The path of the user")
                    .header("ETag", "The user's entity tag, for `If-Match`")
                    .leads_to("readUser", "userId")
                    .leads_to("changeUser", "userId")
                    .leads_to("deleteUser", "userId")
                    .leads_to("listUserHistory", "userId")
                    .leads_to("issueToken", "userId"),
            )
            .fails(&[&Kind::CONFLICT])
    },
};

async fn create(app: &Catalog, request: &Request) -> Result<Response<Body>, Error> {
    let caller = http::caller(app, request).await?;
    Query::of(request).finish()?;

    let mut body = http::json::object(request)?;
    let draft = accounts::draft(&mut body);
    let foreign = accounts::foreign_members(body, None)?;
    let new = Violation::unless(foreign, draft.parse(caller.assignable())).map_err(|faults| {
        if faults.iter().any(|fault| fault.code == Code::ForbiddenRole) {
            Error::Forbidden("your roles do not allow you to give this role")
        } else {
            Error::Invalid(faults)
        }
    })?;

    if let Some(answer) = http::answered(request) {
        return Ok(answer);
    }
    let user = accounts::create(app, &caller.actor(), new, http::mark(request)).await?;
    let response = Response::builder()
        .status(StatusCode::CREATED)
        .header(LOCATION, format!("{BASE_PATH}/users/{}", user.id));
    respond::user(response, &user)
}
