//! Requests through the local gateway beside the bare storage calls that they cannot do without.
//!
//! `cargo bench -p benches --bench requests [-- USERS]`, 100,000 users if it is not said.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::{AttributeValue, Select};
use futures::future::try_join_all;
use local::{Local, Options};
use reqwest::Client;
use shared::models::{
    Contact, ContactDraft, ContactId, Given, Role, Roles, Slot, Tally, User, UserDraft, UserId,
};
use shared::store::Token;
use shared::{App, BoxError, clock};
use uuid::Uuid;

/// Requests of each kind, taken in turn with their floor.
const ROUNDS: usize = 1000;
/// Connections of the load.
const CONNECTIONS: usize = 8;
/// Contacts of one owner.
const CONTACTS: usize = 10_000;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let users = benches::numbers().first().copied().unwrap_or(100_000);
    let world = Box::pin(World::start()).await?;

    println!("| request | p50 ms | p99 ms | p50 of the floor, ms | ratio | aim |");
    println!("|---|---|---|---|---|---|");
    let path = format!("/users/{}", world.owner);
    row(
        "GET one user, beside GetItem",
        "2.5",
        &world,
        &path,
        ROUNDS,
        || world.bare_get(),
    )
    .await?;
    world.add_contacts().await?;
    let path = "/users/me/contacts?limit=10";
    row(
        "GET 10 of 10,000 contacts, beside the paged Query",
        "1.3",
        &world,
        path,
        50,
        || world.bare_query(),
    )
    .await?;
    let path = "/users/me/contacts?searchText=er0042";
    row(
        "search among 10,000 contacts, beside the paged Query",
        "1.3",
        &world,
        path,
        50,
        || world.bare_query(),
    )
    .await?;
    world.add_users(users).await?;
    row(
        "first page of all users, beside bare Queries of as much",
        "",
        &world,
        "/users",
        50,
        || world.bare_listing(Some(10)),
    )
    .await?;
    let path = "/users?searchText=ser00042";
    row(
        "search among all users, beside the paged Queries",
        "",
        &world,
        path,
        5,
        || world.bare_listing(None),
    )
    .await?;

    let started = Instant::now();
    let path = format!("/users/{}", world.owner);
    try_join_all((0..CONNECTIONS).map(|_| async {
        for _ in 0..ROUNDS {
            world.get(&path).await?;
        }
        Ok::<_, BoxError>(())
    }))
    .await?;
    let requests = u32::try_from(CONNECTIONS * ROUNDS)?;
    let rate = f64::from(requests) / started.elapsed().as_secs_f64();
    println!("GET one user over {CONNECTIONS} connections: {rate:.0} requests/s; {users} users in all");
    world.local.stop().await;
    Ok(())
}

/// Times `path` and its floor in turn, and prints a row.
async fn row<F, R>(
    what: &str,
    aim: &str,
    world: &World,
    path: &str,
    rounds: usize,
    floor: F,
) -> Result<(), BoxError>
where
    F: Fn() -> R,
    R: Future<Output = Result<(), BoxError>>,
{
    let mut request = Vec::new();
    let mut bare = Vec::new();
    for _ in 0..rounds {
        request.push(timed(world.get(path)).await?);
        bare.push(timed(floor()).await?);
    }
    let (p50, p99) = (percentile(&mut request, 50), percentile(&mut request, 99));
    let floor = percentile(&mut bare, 50);
    println!(
        "| {what} | {p50:.2} | {p99:.2} | {floor:.2} | {:.2} | {aim} |",
        p50 / floor
    );
    Ok(())
}

async fn timed(work: impl Future<Output = Result<(), BoxError>>) -> Result<Duration, BoxError> {
    let started = Instant::now();
    work.await?;
    Ok(started.elapsed())
}

/// The given percentile of `times`, in milliseconds.
fn percentile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64() * 1000.0
}

/// A service with an administrator who has contacts.
struct World {
    local: Local,
    app: App,
    client: Client,
    owner: UserId,
    token: String,
}

impl World {
    async fn start() -> Result<Self, BoxError> {
        let (local, app) = benches::start(Options::default()).await?;
        let roles = Roles::NONE.with(Role::SystemAdmin).with(Role::Originator);
        let owner = user("owner@example.org", "Olive", "Owner", roles)?;
        app.users.insert(&owner).await?;
        let token = Token::random(owner.id)?;
        let now = clock::now();
        app.tokens
            .insert(&token, now, now.plus(Duration::from_hours(1)))
            .await?;
        Ok(Self {
            client: Client::builder().no_proxy().build()?,
            owner: owner.id,
            token: token.reveal().to_owned(),
            local,
            app,
        })
    }

    async fn get(&self, path: &str) -> Result<(), BoxError> {
        let url = format!("{}/api/v1{path}", self.local.url());
        let answer = self.client.get(url).bearer_auth(&self.token).send().await?;
        answer.error_for_status()?.bytes().await?;
        Ok(())
    }

    async fn bare_get(&self) -> Result<(), BoxError> {
        let key = AttributeValue::S(format!("U#{}", self.owner.slot()));
        let read = self
            .local
            .dynamodb()
            .get_item()
            .table_name(self.local.table())
            .key("PK", key)
            .key("SK", AttributeValue::S("U".to_owned()))
            .consistent_read(true)
            .send()
            .await?;
        read.item.map(|_| ()).ok_or_else(|| "the user is gone".into())
    }

    /// Reads the owner's whole partition of contacts, page by page.
    async fn bare_query(&self) -> Result<(), BoxError> {
        let mut pages = self
            .local
            .dynamodb()
            .query()
            .table_name(self.local.table())
            .key_condition_expression("PK = :owner")
            .expression_attribute_values(":owner", AttributeValue::S(format!("C#{}", self.owner)))
            .consistent_read(true)
            .into_paginator()
            .send();
        let mut contacts = 0;
        while let Some(page) = pages.next().await {
            contacts += page?.items().len();
        }
        assert_eq!(contacts, CONTACTS);
        Ok(())
    }

    /// Reads the eight parts of the listing side by side: the first `limit` users of each, or page by page
    /// to the end.
    async fn bare_listing(&self, limit: Option<i32>) -> Result<(), BoxError> {
        try_join_all((0..8).map(|part| async move {
            let mut pages = self
                .local
                .dynamodb()
                .query()
                .table_name(self.local.table())
                .index_name("listing")
                .key_condition_expression("LPK = :part")
                .expression_attribute_values(":part", AttributeValue::S(format!("U#{part}")))
                .set_limit(limit)
                .set_select(limit.is_none().then_some(Select::Count))
                .into_paginator()
                .send();
            while let Some(page) = pages.next().await {
                page?;
                if limit.is_some() {
                    break;
                }
            }
            Ok::<_, BoxError>(())
        }))
        .await?;
        Ok(())
    }

    async fn add_contacts(&self) -> Result<(), BoxError> {
        let now = clock::now();
        for hundred in 0..CONTACTS / 100 {
            let contacts = (0..100)
                .map(|one| {
                    let number = hundred * 100 + one;
                    let email = format!("other{number:06}@example.org");
                    let first = format!("First{number}");
                    let draft = ContactDraft {
                        email: Given::from(email.as_str()),
                        first_name: Given::from(first.as_str()),
                        last_name: Given::from("Contact"),
                    };
                    let new = draft.parse().map_err(|faults| faults[0].message())?;
                    Ok(Contact::new(ContactId::from_uuid(Uuid::now_v7()), new, now))
                })
                .collect::<Result<Vec<_>, BoxError>>()?;
            let contacts: Vec<_> = contacts.iter().collect();
            self.app.contacts.insert(self.owner, &contacts).await?;
        }
        Ok(())
    }

    async fn add_users(&self, users: u32) -> Result<(), BoxError> {
        let roles = Roles::NONE.with(Role::Collaborator);
        let numbers: Vec<u32> = (0..users).collect();
        let mut tally = Tally::default();
        for numbers in numbers.chunks(1000) {
            let users = numbers
                .iter()
                .map(|number| {
                    let email = format!("user{number:08}@example.org");
                    user(&email, &format!("First{number}"), &format!("Last{number}"), roles)
                })
                .collect::<Result<Vec<_>, _>>()?;
            // Calls of 25, all under way at the same time.
            self.app.users.insert_each(&users).await?;
            for user in &users {
                tally += user.tally();
            }
        }
        self.local
            .dynamodb()
            .transact_write_items()
            .set_transact_items(Some(self.app.users.counting(tally, "count users")?))
            .send()
            .await?;
        Ok(())
    }
}

fn user(email: &str, first: &str, last: &str, roles: Roles) -> Result<User, BoxError> {
    let draft = UserDraft {
        email: Given::from(email),
        first_name: Given::from(first),
        last_name: Given::from(last),
        roles: Given::List(roles.iter().map(|role| role.as_str().into()).collect()),
        ..UserDraft::default()
    };
    let new = draft.parse(Roles::ALL).map_err(|faults| faults[0].message())?;
    let random = Uuid::new_v4();
    let suffix: [u8; 5] = std::array::from_fn(|index| random.as_bytes()[index]);
    Ok(User::new(
        UserId::new(Slot::of(new.email()), suffix),
        new,
        clock::now(),
        None,
    ))
}
