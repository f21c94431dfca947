//! What it costs to search users: times, and what storage counts, with an index in one piece and with one in many.
//!
//! `cargo bench -p benches --bench index [-- USERS...]`. Each number of users is measured twice. First the index is one
//! segment. Then it is five, that rename one user in a hundred and delete another, with a hundred changes since the last
//! merge.

#[path = "index/storage.rs"]
mod storage;

use std::time::Duration;

use benches::median;
use benches::users::{exported, resident, timed, user};
use clap::Parser;
use local::{Local, Options};
use reqwest::Client;
use shared::catalog::Catalog;
use shared::files::UploadStore;
use shared::http::BASE_PATH;
use shared::index::{COLLATION_VERSION, Entry, Segment, Wanted, merge, words};
use shared::roster::{RequestMark, Role, Roles, Tally, Timestamp, User};
use shared::table::{IndexStore, Lease, SegmentFile};
use shared::{BoxError, clock};

use self::storage::{Meter, Used};

/// Requests of each kind; the median is printed.
const ROUNDS: usize = 50;
/// Changes since the last merge: fewer than call for another one.
const NOTES: u32 = 100;
/// What parts of the users are in the segments, in thousandths.
const SEGMENTS: [u32; 5] = [800, 150, 40, 8, 2];

/// What it costs to search users
#[derive(Parser)]
struct Arguments {
    /// Numbers of users
    #[arg(default_values_t = [10_000, 100_000])]
    users: Vec<u32>,
    /// Measures the export only
    #[arg(long)]
    export: bool,
    /// What `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let Arguments { users, export, .. } = Arguments::parse();
    for users in users {
        for is_split in [false, true] {
            let what = if is_split {
                "5 segments, 100 notes, 1% deleted, 1% renamed"
            } else {
                "1 segment"
            };
            println!("{users} users, {what}");
            let world = Box::pin(World::start(users, is_split)).await?;
            if !export {
                Box::pin(world.requests()).await?;
                Box::pin(world.storage()).await?;
            }
            Box::pin(world.export()).await?;
            world.local.stop().await;
        }
    }
    Ok(())
}

/// A service with many users.
struct World {
    local: Local,
    client: Client,
    users: u32,
}

impl World {
    async fn start(users: u32, is_split: bool) -> Result<Self, BoxError> {
        let local = Local::start(Options::default()).await?;
        let world = Self {
            client: Client::builder().no_proxy().tls_certs_only([]).build()?,
            local,
            users,
        };
        world.add_users(is_split).await?;
        Ok(world)
    }

    /// Stores the users, and the index that knows them.
    async fn add_users(&self, is_split: bool) -> Result<(), BoxError> {
        let app = self.local.app();
        let now = clock::now();
        let shares: &[u32] = if is_split { &SEGMENTS } else { &[1000] };
        let last = shares.len() - 1;
        let mut segments: Vec<Vec<Entry>> = shares.iter().map(|_| Vec::new()).collect();
        let mut tally = Tally::default();
        let numbers: Vec<u32> = (0..self.users).collect();
        for numbers in numbers.chunks(1000) {
            let mut stored = Vec::new();
            for number in numbers {
                let user = person(*number, &format!("Last{number}"))?;
                let segment = place(number % 1000, shares);
                segments[segment].push(Entry::present(user.clone(), true));
                match number % 100 {
                    // The former record is in the largest segment and the deletion in the smallest.
                    7 if is_split && segment < last => segments[last].push(Entry::deleted(user.id, now)),
                    8 if is_split && segment < last => {
                        let user = renamed(user, *number, now)?;
                        segments[last].push(Entry::present(user.clone(), true));
                        stored.push(user);
                    }
                    _ => stored.push(user),
                }
            }
            app.users.insert_each(&stored, 0).await?;
            tally = stored.iter().fold(tally, |tally, user| tally + user.tally());
        }
        let counted = self.local.dynamodb().transact_write_items();
        let counting = app.users.counting(tally, "count users")?;
        counted.set_transact_items(Some(counting)).send().await?;
        self.add_segments(segments, now).await?;
        for number in 0..if is_split { NOTES } else { 0 } {
            let user = person(self.users + number, "New")?;
            let mark = RequestMark::random();
            app.users.insert(&user, mark, Vec::new()).await?;
        }
        Ok(())
    }

    /// Makes `segments` the index.
    async fn add_segments(&self, segments: Vec<Vec<Entry>>, now: Timestamp) -> Result<(), BoxError> {
        let app = self.local.app();
        let store = IndexStore::new(app.table.clone());
        let lease = Lease {
            run: "bench".to_owned(),
            until: now.plus(Duration::from_mins(1)).millis(),
        };
        let mut manifest = store.claim(&lease, now).await?.ok_or("the index is taken")?;
        // What was noted of the first administrator stays a note.
        for entries in segments {
            manifest.segments.push(put(&app.uploads, entries).await?);
        }
        manifest.table.clone_from(&app.config.table);
        manifest.bucket.clone_from(&app.config.bucket);
        let before = manifest.generation;
        manifest.generation += 1;
        manifest.lease = None;
        (manifest.seen_at, manifest.rebuilt_at, manifest.swept_at) =
            (now.millis(), now.millis(), now.millis());
        let is_stored = store.store(&manifest, before, "bench").await?;
        is_stored.then_some(()).ok_or("the index is taken")?;
        Ok(())
    }

    /// Prints how long requests take through the gateway.
    async fn requests(&self) -> Result<(), BoxError> {
        for (what, path) in [
            ("first page", "/users"),
            ("search", "/users?searchText=ser000042"),
            ("first page by last name", "/users?sortBy=lastName"),
            ("page of 100", "/users?limit=100"),
        ] {
            let url = format!("{}{BASE_PATH}{path}", self.local.url());
            let mut times = Vec::new();
            for _ in 0..ROUNDS {
                let request = self.client.get(&url).bearer_auth(self.local.admin_token());
                let answered = async {
                    request.send().await?.error_for_status()?.bytes().await?;
                    Ok(())
                };
                times.push(timed(answered).await?);
            }
            println!("- {what}: {:.2} ms", median(&times));
        }
        Ok(())
    }

    /// Prints what a process that knows nothing yet reads, and then each search.
    async fn storage(&self) -> Result<(), BoxError> {
        let meter = Meter::default();
        let dynamodb = self.local.dynamodb().config().to_builder();
        let dynamodb = aws_sdk_dynamodb::Client::from_conf(dynamodb.interceptor(meter.clone()).build());
        let s3 = self.local.s3().config().to_builder();
        let s3 = aws_sdk_s3::Client::from_conf(s3.interceptor(meter.clone()).build());
        for (what, text, limit) in [
            ("first page", "", 10),
            ("search", "ser000042", 10),
            ("page", "", 100),
        ] {
            let mut wanted = Wanted {
                limit,
                ..Wanted::default()
            };
            wanted.filter.words = words(text);
            let before = resident()?;
            let catalog = Catalog::new(self.local.app().config.clone(), &dynamodb, &s3);
            for state in ["cold", "warm"] {
                let took = timed(async {
                    catalog.page(&wanted, None).await?;
                    Ok(())
                });
                let took = Box::pin(took).await?;
                let Used {
                    calls,
                    units,
                    gets,
                    bytes,
                } = meter.take();
                let held = resident()?.saturating_sub(before) >> 10;
                println!(
                    "- {what} of {limit}, {state}, without the gateway: {took:.2} ms, {calls} calls of the table with \
                     {units} read units, {gets} objects with {} KiB; {held} MiB more",
                    bytes >> 10
                );
            }
        }
        Ok(())
    }

    /// Prints how long an export takes.
    async fn export(&self) -> Result<(), BoxError> {
        println!("- {}", exported(&self.client, &self.local).await?);
        Ok(())
    }
}

/// Returns in which of the segments that have these shares a user is.
fn place(mut thousandth: u32, shares: &[u32]) -> usize {
    for (segment, share) in shares.iter().enumerate() {
        if thousandth < *share {
            return segment;
        }
        thousandth -= share;
    }
    shares.len() - 1
}

fn person(number: u32, last: &str) -> Result<User, BoxError> {
    let email = format!("user{number:08}@example.org");
    let roles = Roles::NONE.with(Role::Collaborator);
    user(&email, &format!("First{number}"), last, roles)
}

/// Returns the user after a change of the last name.
fn renamed(old: User, number: u32, now: Timestamp) -> Result<User, BoxError> {
    Ok(User {
        profile: person(number, "Renamed")?.profile,
        modified_at: now,
        version: old.version + 1,
        ..old
    })
}

/// Puts a segment into the bucket.
async fn put(uploads: &UploadStore, entries: Vec<Entry>) -> Result<SegmentFile, BoxError> {
    let segment = merge::<Vec<u8>>(&[], entries, None)?.finish();
    let (head, (bytes, search)) = (segment.head().clone(), segment.sizes());
    Ok(SegmentFile {
        key: uploads.put_segment(segment.into_pieces()).await?,
        bytes,
        search,
        entries: head.entries,
        deleted: head.deleted,
        collation: COLLATION_VERSION,
    })
}
