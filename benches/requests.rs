//! Requests through the local gateway beside the bare storage calls that they cannot do without.

mod floor;
mod index;

use std::time::{Duration, Instant};

use benches::users::{exported, timed, user};
use benches::{Row, Unit, median, percentile};
use futures::future::try_join_all;
use local::{Local, Options};
use reqwest::Client;
use serde_json::json;
use shared::http::BASE_PATH;
use shared::index::{Entry, pack};
use shared::intake::Intake;
use shared::roster::{
    Contact, ContactDraft, ContactId, Given, ImportId, RequestMark, Role, Roles, Tally, UserId,
};
use shared::table::{NewToken, Token, WhenFull};
use shared::{BoxError, clock};
use uuid::Uuid;

use self::floor::Floor;
use crate::Measured;

/// Connections of the load, and requests of each.
const LOAD: (usize, usize) = (8, 1000);
/// Contacts of one owner.
const CONTACTS: usize = 10_000;
/// Changes that a search finds in notes: fewer than call for a merge.
const NOTES: u32 = 100;
/// Times requests of each kind, with `users` users in the table.
pub(crate) async fn measure(users: u32) -> Result<Measured, BoxError> {
    eprintln!("requests for one user, and for {CONTACTS} contacts");
    let world = Box::pin(World::start()).await?;
    let one = format!("/users/{}", world.owner);
    let mut rows = vec![world.row("GET one user", &one, Floor::User, Some(2.5)).await?];
    world.add_contacts().await?;
    for (what, query) in [
        ("GET 10 of 10,000 contacts", "limit=10"),
        ("search among 10,000 contacts", "searchText=er0042"),
    ] {
        let path = format!("/users/me/contacts?{query}");
        rows.push(world.row(what, &path, Floor::Contacts, Some(1.3)).await?);
    }
    eprintln!("requests for {users} users");
    world.add_users(users).await?;
    let what = format!("GET the first page of {users} users");
    rows.push(world.row(&what, "/users", Floor::Page, None).await?);
    for (what, query) in [
        ("search among", "searchText=ser000042"),
        ("the first page by last name of", "sortBy=lastName"),
        (
            "a page in the middle by last name of",
            &format!("sortBy=lastName&offset={}", users / 2),
        ),
        ("the disabled of", "enabled=false"),
    ] {
        let what = format!("{what} {users} users");
        let path = format!("/users?{query}");
        rows.push(world.row(&what, &path, Floor::Page, None).await?);
    }
    let mut lines = vec![
        "requests: the middle of 1,000 for one user, of 50 for lists and searches".to_owned(),
        Box::pin(index::held(&world.local, world.app.config.clone())).await?,
        exported(&world.client, &world.local).await?,
    ];
    world.note_changes().await?;
    let what = format!("search among {users} users with {NOTES} changes since the last merge");
    let path = "/users?searchText=ser000042";
    rows.push(world.row(&what, path, Floor::Page, None).await?);

    let (connections, requests) = LOAD;
    let started = Instant::now();
    let times = try_join_all((0..connections).map(|_| async {
        let mut times = Vec::new();
        for _ in 0..requests {
            times.push(timed(world.get(&one)).await?);
        }
        Ok::<_, BoxError>(times)
    }));
    let times = times.await?.concat();
    let rate = f64::from(u32::try_from(times.len())?) / started.elapsed().as_secs_f64();
    world.local.stop().await;
    lines.push(format!(
        "GET one user over {connections} connections: {rate:.0} requests/s, 99% within {:.2} ms",
        percentile(&times, 99)
    ));
    Ok((rows, lines))
}

/// A service with an administrator who has contacts.
struct World {
    local: Local,
    app: Intake,
    client: Client,
    owner: UserId,
    token: String,
}

impl World {
    async fn start() -> Result<Self, BoxError> {
        let local = Local::start(Options::default()).await?;
        let app = local.app();
        let roles = Roles::NONE.with(Role::SystemAdmin).with(Role::Originator);
        let owner = user("owner@example.org", "Olive", "Owner", roles)?;
        app.users
            .insert(&owner, RequestMark::random(), Vec::new())
            .await?;
        let token = Token::random(owner.id)?;
        let now = clock::now();
        let new = NewToken {
            token: &token,
            issued_at: now,
            expires_at: now.plus(Duration::from_hours(1)),
            void: None,
            more: &[],
        };
        app.tokens.issue(new, 1, WhenFull::Refuse).await?;
        Ok(Self {
            client: Client::builder().no_proxy().tls_certs_only([]).build()?,
            owner: owner.id,
            token: token.reveal().to_owned(),
            local,
            app,
        })
    }

    /// Times `path` and its floor in turn.
    async fn row(&self, what: &str, path: &str, floor: Floor, aim: Option<f64>) -> Result<Row, BoxError> {
        let (mut request, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..floor.rounds() {
            request.push(timed(self.get(path)).await?);
            bare.push(timed(floor.take(&self.local, self.owner)).await?);
        }
        Ok(Row {
            what: what.to_owned(),
            figure: median(&request),
            beside: floor.beside(),
            floor: median(&bare),
            unit: Unit::Time,
            aim,
        })
    }

    async fn get(&self, path: &str) -> Result<(), BoxError> {
        let url = format!("{}{BASE_PATH}{path}", self.local.url());
        let answer = self.client.get(url).bearer_auth(&self.token).send().await?;
        answer.error_for_status()?.bytes().await?;
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

    /// Adds users one by one, each of which leaves a note.
    async fn note_changes(&self) -> Result<(), BoxError> {
        let roles = Roles::NONE.with(Role::Collaborator);
        for number in 0..NOTES {
            let user = user(&format!("new{number}@example.org"), "New", "User", roles)?;
            let mark = RequestMark::random();
            self.app.users.insert(&user, mark, Vec::new()).await?;
        }
        Ok(())
    }

    async fn add_users(&self, users: u32) -> Result<(), BoxError> {
        let roles = Roles::NONE.with(Role::Collaborator);
        let numbers: Vec<u32> = (0..users).collect();
        let mut tally = Tally::default();
        let mut noted = Vec::new();
        let import = ImportId::of_object("", "", "");
        for numbers in numbers.chunks(1000) {
            let users = numbers
                .iter()
                .map(|number| {
                    let email = format!("user{number:08}@example.org");
                    user(&email, &format!("First{number}"), &format!("Last{number}"), roles)
                })
                .collect::<Result<Vec<_>, _>>()?;
            // Calls of 25, all under way at the same time.
            self.app.users.insert_each(&users, 0).await?;
            for user in &users {
                tally += user.tally();
            }
            let entries: Vec<_> = users.into_iter().map(|user| Entry::present(user, true)).collect();
            let line = u64::from(numbers[0]);
            let key = self.app.uploads.put_delta(import, line, pack(&entries)).await?;
            noted.push(self.app.users.noting_object(&key, "note users")?);
        }
        self.local
            .dynamodb()
            .transact_write_items()
            .set_transact_items(Some(self.app.users.counting(tally, "count users")?))
            .send()
            .await?;
        for noted in noted.chunks(100) {
            let call = self.local.dynamodb().transact_write_items();
            call.set_transact_items(Some(noted.to_vec())).send().await?;
        }
        self.local.invoke("index-users", &json!({})).await?;
        Ok(())
    }
}
