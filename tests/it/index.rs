//! The index of users: whatever happens, a search finds what a look at the whole table finds.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use local::{Data, Options};
use reqwest::Method;
use serde_json::{Value, json};
use shared::catalog::{Catalog, Done, tick};
use shared::clock;
use shared::files::Wake;
use shared::index::{COLLATION_VERSION, Entry, Filter, Wanted, merge, pack, words};
use shared::roster::{Email, ImportId, Role, Slot, Timestamp, User, UserId};
use shared::table::{IndexStore, Lease, Manifest, SegmentFile};

use crate::support::faults::{Fault, Faults, Schedule, mixed};
use crate::support::index::{compare, counted};
use crate::support::{Service, owned, send};

/// Longer than any pause between two calls by the clock.
const HOUR: Duration = Duration::from_hours(1);

type Variables = &'static [(&'static str, &'static str)];

/// With the variables of a deployment that may go back to the version before.
const LISTING: Variables = &[("USERS_IN_LISTING", "true")];

/// A service whose index is looked after by the tests alone.
struct World {
    service: Service,
    catalog: Catalog,
    variables: Variables,
    calls: u64,
}

/// What is searched for: each finds some of the users that the tests make, and not all.
fn filters() -> Vec<Filter> {
    let of = |text: &str, enabled, without_admins| Filter {
        words: words(text),
        enabled,
        without_admins,
        ..Filter::default()
    };
    vec![
        of("", None, false),
        of("", None, true),
        of("ada", None, false),
        of("example.org b", Some(true), false),
        of("", Some(false), false),
        Filter {
            role: Some(Role::Originator),
            ..Filter::default()
        },
    ]
}

impl World {
    async fn start() -> Self {
        Self::with_variables(&[]).await
    }

    async fn with_variables(variables: Variables) -> Self {
        Self::over(Service::without_runs(variables).await, variables)
    }

    fn over(service: Service, variables: Variables) -> Self {
        let catalog = Faults::new(Schedule::Clean).catalog(&service.local, variables);
        Self {
            service,
            catalog,
            variables,
            calls: 0,
        }
    }

    fn store(&self) -> IndexStore {
        IndexStore::new(self.service.app().table.clone())
    }

    async fn tick(&mut self, why: Option<Wake>, now: Timestamp) -> Done {
        self.calls += 1;
        let run = format!("call-{}", self.calls);
        tick(&self.catalog, &run, why, now).await.unwrap()
    }

    /// Compares searches by `catalog` with a look at the whole table.
    async fn compare_by(&self, catalog: &Catalog, what: &str) {
        compare(catalog, &filters(), what).await;
    }

    /// The same by a process that remembers the index and by a new one.
    async fn compare(&self, what: &str) {
        self.compare_by(&self.catalog, what).await;
        let new = Faults::new(Schedule::Clean).catalog(&self.service.local, self.variables);
        self.compare_by(&new, what).await;
        let counted = self.catalog.users.tally().await.unwrap();
        let listed = self.service.get("/users?limit=0").await.expect(200);
        assert_eq!(listed["count"], counted.all.total, "{what}");
    }

    async fn create(&self, email: &str) -> Value {
        let user = json!({"email": email, "firstName": "Ada", "roles": "ROLE_ORIGINATOR"});
        self.service.post("/users", &user).await.expect(201)
    }

    async fn manifest(&self) -> Option<Manifest> {
        self.store().read().await.unwrap().manifest
    }

    async fn objects(&self, folder: &str) -> Vec<String> {
        let objects = self.service.app().uploads.index_objects().await.unwrap();
        let keys = objects.into_iter().map(|object| object.key);
        keys.filter(|key| key.starts_with(folder)).collect()
    }

    async fn delete_object(&self, key: &str) {
        let s3 = self.service.local.s3();
        let delete = s3.delete_object().bucket(self.service.local.bucket()).key(key);
        delete.send().await.unwrap();
    }

    /// Asks for users while the manifest says nothing of them: the answer is 503, and the index is built at once.
    async fn comes_back(&mut self) {
        let refused = self.service.get("/users").await;
        assert_eq!(refused.status, 503);
        assert!(refused.headers.contains_key("retry-after"));
        if self.tick(None, clock::now()).await == Done::Busy {
            self.service.local.settled().await;
        }
    }

    async fn delete_item(&self, pk: &str, sk: &str) {
        let delete = self.service.local.dynamodb().delete_item();
        delete
            .table_name(self.service.local.table())
            .key("PK", AttributeValue::S(pk.to_owned()))
            .key("SK", AttributeValue::S(sk.to_owned()))
            .send()
            .await
            .unwrap();
    }

    /// Makes an index of one segment, of all users in the table and of `count` more that sort behind them and are too many
    /// to be stored.
    async fn add_many(&self, count: u64) {
        let app = self.service.app();
        let users = counted(&self.catalog).await;
        let model = users[0].clone();
        let more = (0..count).map(|number| {
            let email: Email = format!("z{number:08}@example.org").parse().unwrap();
            // Names that cannot be compressed, so that few users are many bytes.
            let name = [0, 1, 2, 3, 4].map(|part| format!("{:016x}", mixed(number * 5 + part)));
            let mut user = User {
                id: UserId::random(Slot::of(&email)),
                email,
                ..model.clone()
            };
            user.profile.last_name = Some(name.concat().parse().unwrap());
            user
        });
        let entries: Vec<_> = users
            .into_iter()
            .chain(more)
            .map(|user| Entry::present(user, true))
            .collect();
        let segment = merge::<Vec<u8>>(&[], entries, None).unwrap().finish();
        let (entries, (bytes, search)) = (segment.head().entries, segment.sizes());
        let file = SegmentFile {
            key: app.uploads.put_segment(segment.into_pieces()).await.unwrap(),
            bytes,
            search,
            entries,
            deleted: 0,
            collation: COLLATION_VERSION,
        };
        let lease = Lease {
            run: "many".to_owned(),
            until: u64::MAX,
        };
        let store = self.store();
        let mut manifest = store.claim(&lease, clock::now()).await.unwrap().unwrap();
        let before = manifest.generation;
        manifest.table = self.service.local.table().to_owned();
        manifest.bucket = self.service.local.bucket().to_owned();
        manifest.epoch.clone_from(&self.catalog.config.index_epoch);
        manifest.segments = vec![file];
        manifest.generation += 1;
        assert!(store.store(&manifest, before, "many").await.unwrap());
        self.forget_notes().await;
        let tally = model.tally().times(i64::try_from(count).unwrap());
        let counting = app.users.counting(tally, "count users").unwrap();
        app.table.transact(counting, "count users").await.unwrap();
    }

    /// Deletes every note, as if functions without notes had written.
    async fn forget_notes(&self) {
        let charted = self.store().read().await.unwrap();
        self.store().forget(&charted.notes).await.unwrap();
    }

    /// Changes users at each of `steps`, merges or builds the index at some, and compares it with the table after each.
    /// Returns who is left.
    async fn changes(&mut self, steps: Range<u64>) -> Vec<String> {
        let mut ids = Vec::new();
        for step in steps {
            change(self, &mut ids, step).await;
            match mixed(step + 1_000_000) % 8 {
                0 | 1 => {
                    let noted = !self.store().read().await.unwrap().notes.is_empty();
                    let first = self.manifest().await.is_none();
                    let done = self.tick(None, clock::now()).await;
                    let expected = if noted || first {
                        Done::Merged
                    } else {
                        Done::Nothing
                    };
                    assert_eq!(done, expected);
                }
                2 => {
                    let done = self.tick(Some(Wake::Lost), clock::now()).await;
                    let first = self
                        .manifest()
                        .await
                        .is_some_and(|manifest| manifest.generation == 1);
                    assert!(done == Done::Rebuilt || first, "{done:?}");
                }
                _ => {}
            }
            self.compare_by(&self.catalog, &format!("step {step}")).await;
        }
        ids
    }
}

/// Makes, renames, disables and deletes users, as `seed` says.
async fn change(world: &World, ids: &mut Vec<String>, seed: u64) {
    let random = mixed(seed);
    let path = |ids: &[String]| {
        let place = usize::try_from(random >> 8).unwrap_or_default() % ids.len();
        (place, format!("/users/{}", ids[place]))
    };
    let service = &world.service;
    match random % 6 {
        0 | 1 => {
            let made = world.create(&format!("ada{seed}@example.org")).await;
            ids.push(made["id"].as_str().unwrap().to_owned());
        }
        _ if ids.is_empty() => {}
        2 => {
            let (_, path) = path(ids);
            let change = json!({"email": format!("b{seed}@example.org")});
            service.put(&path, &change).await.expect(200);
        }
        3 => {
            let (_, path) = path(ids);
            let change = json!({"firstName": format!("Bob {seed}"), "roles": "ROLE_COLLABORATOR"});
            service.put(&path, &change).await.expect(200);
        }
        4 => {
            let (_, path) = path(ids);
            service
                .put(&format!("{path}/enable"), &Value::Null)
                .await
                .expect(200);
        }
        _ => {
            let (place, path) = path(ids);
            service.delete(&path).await.expect(200);
            ids.swap_remove(place);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes without optimisation"]
async fn a_search_finds_what_the_table_has_after_hundreds_of_changes_merges_and_builds() {
    let mut world = World::start().await;
    Box::pin(world.changes(10_000..10_600)).await;
    world.compare("at the end").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_makes_two_calls_to_storage_and_reads_each_object_once() {
    let mut world = World::start().await;
    for number in 0..3 {
        world.create(&format!("ada{number}@example.org")).await;
    }
    world.tick(None, clock::now()).await;
    world.create("noted@example.org").await;
    let faults = Faults::new(Schedule::Clean);
    let catalog = faults.catalog(&world.service.local, &[]);
    let wanted = Wanted {
        limit: 10,
        ..Wanted::default()
    };

    for calls in [3, 2, 2] {
        assert_eq!(catalog.page(&wanted, None).await.unwrap().count, 5);
        assert_eq!(faults.take(), calls);
    }
    // Of a new segment, only what is new is read.
    world.tick(None, clock::now()).await;
    catalog.page(&wanted, None).await.unwrap();
    assert_eq!(faults.take(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_page_of_many_users_is_read_from_the_beginning_of_the_index() {
    const MANY: u64 = 40_000;
    let world = World::start().await;
    let mut paths = Vec::new();
    for name in ["b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "zzz"] {
        let made = world.create(&format!("{name}@example.org")).await;
        paths.push(format!("/users/{}", made["id"].as_str().unwrap()));
    }
    world.add_many(MANY).await;
    let wanted = Wanted {
        limit: 4,
        ..Wanted::default()
    };
    let rename = async |path: &str, email: &str| {
        let changed = world.service.put(path, &json!({ "email": email })).await;
        changed.expect(200);
    };
    // Of a new process and then of the same again: notes, the beginning, counters, and users with the manifest.
    let few = [Some(4), Some(3)];
    for (step, calls) in (0..6).zip([few, few, few, few, [None, None], few]) {
        match step {
            1 => rename(&paths[1], "zz@example.org").await,
            2 => drop(world.create("a@example.org").await),
            3 => drop(world.service.delete(&paths[3]).await.expect(200)),
            // Whether it is counted is known only by its former record, which is at the end.
            4 => rename(&paths[8], "a1@example.org").await,
            5 => drop(world.service.delete(&paths[8]).await.expect(200)),
            _ => {}
        }
        let mut users = counted(&world.catalog).await;
        users.sort_by(|one, other| one.email.key().cmp(other.email.key()));
        let faults = Faults::new(Schedule::Clean);
        let catalog = faults.catalog(&world.service.local, &[]);
        for calls in calls {
            let page = catalog.page(&wanted, None).await.unwrap();
            assert_eq!(page.users, users[..4], "step {step}");
            assert_eq!(page.count, users.len() as u64 + MANY, "step {step}");
            let last = page.last.unwrap();
            assert_eq!(last.email, users[3].email.key());
            let made = faults.take();
            assert!(
                calls.is_none_or(|calls| made == calls),
                "step {step}: {made} calls"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_finds_what_the_table_has_after_any_changes_merges_and_builds() {
    let mut world = World::start().await;
    world.compare("a new table").await;
    let ids = Box::pin(world.changes(0..80)).await;
    world.compare("at the end").await;
    let manifest = world.manifest().await.unwrap();
    assert!(manifest.generation > 5);
    assert!(world.objects("index/segments/").await.len() > 1);

    // A day later everything that is not needed is gone, deletions too.
    let later = clock::now().plus(Duration::from_hours(25));
    assert_eq!(world.tick(None, later).await, Done::Rebuilt, "after a long pause");
    let later = later.plus(Duration::from_mins(25));
    for minutes in [0, 5, 10, 15, 20, 25] {
        world.tick(None, later.plus(Duration::from_mins(minutes))).await;
    }
    let manifest = world.manifest().await.unwrap();
    assert_eq!(manifest.segments.len(), 1);
    assert_eq!(world.objects("index/segments/").await.len(), 1);
    world.compare("a day later").await;

    // All segments are merged once a day, however long a deletion has to be kept.
    let path = format!("/users/{}", ids[0]);
    world.service.delete(&path).await.expect(200);
    let mut later = later.plus(Duration::from_mins(25));
    let mut merges = 0;
    for _ in 0..300 {
        later = later.plus(Duration::from_mins(5));
        merges += u32::from(world.tick(None, later).await == Done::Merged);
    }
    assert!(merges <= 3, "{merges} merges");
    let deleted: u64 = world
        .manifest()
        .await
        .unwrap()
        .segments
        .iter()
        .map(|segment| segment.deleted)
        .sum();
    assert_eq!(deleted, 0);
    world.compare("two days later").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_found_as_it_is_counted() {
    let service = Service::with_variables(&[("IMPORT_SEGMENT_ROWS", "90")]).await;
    let world = World::over(service, &[]);
    let rows: Vec<_> = (0..180)
        .map(|row| format!("ada{row}@example.org,Ada,Lovelace{row}\n"))
        .collect();
    let file = format!("email,firstName,lastName\n{}", rows.concat());

    let import = world.service.import(file.clone(), &[]).await.expect(200);

    assert_eq!(import["counts"]["created"], 180);
    let listed = world
        .service
        .get("/users?searchText=ada+lovelace17")
        .await
        .expect(200);
    assert_eq!(listed["count"], 11);
    let of_import = format!("/users?limit=0&importId={}", import["id"].as_str().unwrap());
    assert_eq!(world.service.get(&of_import).await.expect(200)["count"], 180);
    // The end of the import has called the index.
    world.service.local.settled().await;
    assert_eq!(world.objects("index/deltas/").await.len(), 2);
    let charted = world.store().read().await.unwrap();
    assert_eq!(charted.notes.len(), 0);
    assert_eq!(charted.manifest.unwrap().segments[0].entries, 181);

    let changed = file.replace("Lovelace", "Byron");
    let changed = world
        .service
        .import(changed, &[("mode", "upsert")])
        .await
        .expect(200);
    assert_eq!(changed["counts"]["failed"], 0);
    for (text, count) in [("lovelace", 0), ("byron17", 11), ("ada", 180)] {
        let listed = world
            .service
            .get(&format!("/users?limit=0&searchText={text}"))
            .await;
        assert_eq!(listed.expect(200)["count"], count, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_and_a_build_may_be_killed_at_any_call() {
    let mut world = World::start().await;
    let mut ids = Vec::new();
    let mut seed = 1000;
    for why in [None, Some(Wake::Lost)] {
        for after in [false, true] {
            let mut call = 0;
            loop {
                for _ in 0..2 {
                    seed += 1;
                    change(&world, &mut ids, seed).await;
                }
                let faults = Faults::new(Schedule::Crash { call, after });
                let catalog = faults.catalog(&world.service.local, &[]);
                let run = format!("killed-{seed}");
                let ended = faults
                    .until_stopped(Box::pin(tick(&catalog, &run, why, clock::now())))
                    .await;
                world
                    .compare_by(&world.catalog, &format!("{why:?} killed at call {call}, {after}"))
                    .await;
                if let Some(done) = ended {
                    assert_ne!(done.unwrap(), Done::Busy);
                    break;
                }
                // Lambda tries again by the same id.
                let again = Faults::new(Schedule::Clean).catalog(&world.service.local, &[]);
                let done = tick(&again, &run, why, clock::now()).await.unwrap();
                assert_ne!(done, Done::Busy);
                world
                    .compare_by(&world.catalog, &format!("{why:?} tried again after call {call}"))
                    .await;
                call += 1;
            }
            assert!(call > 5, "{call} calls");
        }
    }
    world.compare("at the end").await;
    assert!(world.tick(None, clock::now().plus(HOUR)).await != Done::Busy);
    world.compare("an hour later").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_and_a_build_meet_failing_storage_at_any_call() {
    let mut world = World::start().await;
    let mut ids = Vec::new();
    let mut seed = 5000;
    for why in [None, Some(Wake::Lost)] {
        for fault in [Fault::NotSent, Fault::AnswerLost, Fault::Half] {
            for call in 0.. {
                for _ in 0..2 {
                    seed += 1;
                    change(&world, &mut ids, seed).await;
                }
                let faults = Faults::new(Schedule::Once { call, fault });
                let catalog = faults.catalog(&world.service.local, &[]);
                let run = format!("disturbed-{seed}");
                let done = tick(&catalog, &run, why, clock::now()).await.unwrap();
                assert!(
                    !matches!(done, Done::Busy | Done::Superseded),
                    "{fault:?} at {call}"
                );
                let new = Faults::new(Schedule::Clean).catalog(&world.service.local, &[]);
                world
                    .compare_by(&new, &format!("{why:?} and {fault:?} at call {call}"))
                    .await;
                if faults.disturbed() == 0 {
                    assert!(call > 5, "{call} calls");
                    break;
                }
            }
        }
    }
    assert_ne!(world.tick(None, clock::now()).await, Done::Rebuilt);
    world.compare("at the end").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_that_cannot_be_read_is_taken_from_the_table() {
    let mut world = World::start().await;
    world.create("ada@example.org").await;
    world.tick(None, clock::now()).await;
    world.create("bob@example.org").await;
    let note = world.store().read().await.unwrap().notes.remove(0);
    let update = world.service.local.dynamodb().update_item();
    update
        .table_name(world.service.local.table())
        .key("PK", AttributeValue::S("Q#0".to_owned()))
        .key("SK", AttributeValue::S(note.key.sk))
        .update_expression("SET entries = :entries")
        .expression_attribute_values(":entries", AttributeValue::B(Blob::new(*b"later version")))
        .send()
        .await
        .unwrap();

    let refused = world.service.get("/users").await;
    assert_eq!(refused.status, 503);
    assert!(refused.headers.contains_key("retry-after"));
    // The reader has called the function of the index.
    world.service.local.settled().await;
    assert!(world.store().read().await.unwrap().notes.is_empty());
    world.compare("after the build").await;
    assert_eq!(world.tick(None, clock::now()).await, Done::Nothing);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stands_still_while_merges_pass_sees_no_error() {
    let mut world = World::start().await;
    let mut ids = Vec::new();
    for seed in 2000..2010 {
        change(&world, &mut ids, seed).await;
    }
    world.tick(None, clock::now()).await;
    let mut seed = 2010;
    for call in 0.. {
        seed += 1;
        change(&world, &mut ids, seed).await;
        let faults = Faults::new(Schedule::Freeze { call });
        let reader = faults.catalog(&world.service.local, &[]);
        let wanted = Wanted {
            limit: 100,
            ..Wanted::default()
        };
        let reading = tokio::spawn(async move { reader.page(&wanted, None).await });
        let stopped = faults.until_stopped(async {
            while !reading.is_finished() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        let finished = stopped.await.is_some();
        for _ in 0..3 {
            seed += 1;
            change(&world, &mut ids, seed).await;
            world.tick(None, clock::now()).await;
        }
        faults.begin(Schedule::Clean);
        faults.thaw();
        let page = reading.await.unwrap().unwrap();
        if finished {
            break;
        }
        // It has begun before the changes and ends after them, and began again because of them.
        let expected = counted(&world.catalog).await;
        let found: BTreeSet<_> = page
            .users
            .into_iter()
            .map(|user| user.email.to_string())
            .collect();
        let expected: BTreeSet<_> = expected.into_iter().map(|user| user.email.to_string()).collect();
        assert_eq!(found, expected, "call {call}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_lost_comes_back_by_itself() {
    let mut world = World::start().await;
    let mut ids = Vec::new();
    for seed in 3000..3020 {
        change(&world, &mut ids, seed).await;
    }
    world.tick(None, clock::now()).await;
    world.create("noted@example.org").await;
    world.compare("before").await;

    // The manifest: nothing else says who there is.
    world.delete_item("Q#0", "M").await;
    world.comes_back().await;
    world.compare("with a new manifest").await;

    // Each object: a process that remembers it does not notice, a new one says 503 and calls for help.
    for key in world.objects("index/segments/").await {
        world.delete_object(&key).await;
    }
    let stranger = Faults::new(Schedule::Clean).catalog(&world.service.local, &[]);
    let wanted = Wanted::default();
    let refused = stranger.page(&wanted, None).await;
    assert!(
        matches!(refused, Err(shared::Error::Unavailable { .. })),
        "{refused:?}"
    );
    assert!(world.service.object("index/wake/lost").await.is_some());
    world.service.local.settled().await;
    if world.tick(Some(Wake::Lost), clock::now()).await == Done::Busy {
        world.service.local.settled().await;
    }
    world.compare("with new objects").await;
    let read = world.service.get("/users?limit=1").await;
    read.expect(200);

    // What a checkpoint of an import has handed over.
    let app = world.service.app();
    let users = counted(&world.catalog).await;
    let entries: Vec<_> = users.into_iter().map(|user| Entry::present(user, true)).collect();
    let import = ImportId::of_object("", "", "");
    let delta = app.uploads.put_delta(import, 2, pack(&entries)).await.unwrap();
    let noted = app.users.noting_object(&delta, "note users").unwrap();
    app.table.transact(vec![noted], "note users").await.unwrap();
    world.compare("with a delta").await;
    world.delete_object(&delta).await;
    world
        .compare_by(&world.catalog, "without a delta that is known")
        .await;
    let done = world.tick(None, clock::now()).await;
    assert!(matches!(done, Done::Rebuilt | Done::Merged), "{done:?}");
    world.compare("after a delta was lost").await;

    // The manifest of another table, as in one that was restored under another name.
    let mut foreign = world.manifest().await.unwrap();
    foreign.table = "another".to_owned();
    world
        .service
        .local
        .dynamodb()
        .update_item()
        .table_name(world.service.local.table())
        .key("PK", AttributeValue::S("Q#0".to_owned()))
        .key("SK", AttributeValue::S("M".to_owned()))
        .update_expression("SET #table = :table")
        .expression_attribute_names("#table", "table")
        .expression_attribute_values(":table", AttributeValue::S(foreign.table))
        .send()
        .await
        .unwrap();
    world.comes_back().await;
    world.compare("after a restore").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_functions_without_notes_wrote_is_found_after_a_pause_and_twenty_minutes() {
    let mut world = World::start().await;
    for number in 0..5 {
        world.create(&format!("ada{number}@example.org")).await;
    }
    world.tick(None, clock::now()).await;
    // The version before: it changes users and counters, and writes no notes.
    world.create("late@example.org").await;
    world.forget_notes().await;

    let later = clock::now().plus(Duration::from_mins(16));
    assert_eq!(world.tick(None, later).await, Done::Rebuilt);
    world.compare("after a pause").await;

    world.create("later@example.org").await;
    world.forget_notes().await;
    let later = later.plus(Duration::from_mins(10));
    assert_eq!(world.tick(None, later).await, Done::Nothing);
    let later = later.plus(Duration::from_mins(11));
    assert_eq!(world.tick(None, later).await, Done::Rebuilt);
    world.compare("twenty minutes later").await;
}

/// A service over `folder`.
async fn over(folder: &tempfile::TempDir, variables: Variables) -> World {
    let options = Options {
        data: Data::Dir(folder.path().to_owned()),
        environment: owned(variables).collect(),
        ..Options::default()
    };
    World::over(Service::with(options).await, variables)
}

/// Leaves `folder` as the version without an index does when it starts.
fn opened_by_the_version_before(folder: &tempfile::TempDir) {
    std::fs::File::create(folder.path().join("lock")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_version_before_is_found_at_once_however_short_it_ran() {
    let folder = tempfile::tempdir().unwrap();
    for (variables, name) in [(LISTING, "Ada"), (LISTING, "Bea"), (&[], "Cyd")] {
        let mut world = over(&folder, LISTING).await;
        let made = world.create(&format!("{name}@example.org")).await;
        world.tick(None, clock::now()).await;
        // The changes of the version before have no notes, and this one moves no counter.
        let path = format!("/users/{}", made["id"].as_str().unwrap());
        let change = json!({"lastName": format!("{name}-changed")});
        world.service.put(&path, &change).await.expect(200);
        world.forget_notes().await;
        world.service.local.stop().await;

        opened_by_the_version_before(&folder);
        let mut world = over(&folder, variables).await;
        let search = format!("/users?searchText={name}-changed");
        let found = world.service.get(&search).await;
        if variables.is_empty() {
            assert_eq!(found.status, 503, "{name}");
            assert!(found.headers.contains_key("retry-after"));
            // It has called the function of the index.
            world.service.local.settled().await;
        } else {
            assert_eq!(found.expect(200)["count"], 1, "{name}");
            assert_eq!(world.tick(None, clock::now()).await, Done::Rebuilt);
        }
        world.compare(name).await;
        let found = world.service.get(&search).await.expect(200);
        assert_eq!(found["count"], 1, "{name}");
        world.service.local.stop().await;

        // Another start of this version is none of that one.
        let mut world = over(&folder, variables).await;
        assert_ne!(world.tick(None, clock::now()).await, Done::Rebuilt);
        world.service.local.stop().await;
    }

    // Users were left out of `listing` meanwhile.
    opened_by_the_version_before(&folder);
    let world = over(&folder, LISTING).await;
    let refused = world.service.get("/users").await;
    assert_eq!(refused.status, 503);
    assert!(refused.headers.contains_key("retry-after"));
    world.service.local.settled().await;
    assert_eq!(world.service.get("/users").await.expect(200)["count"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_from_before_there_was_an_index_is_read_as_before_until_it_is_built() {
    let mut world = World::with_variables(LISTING).await;
    for number in 0..5 {
        world.create(&format!("ada{number}@example.org")).await;
    }
    world.forget_notes().await;
    world.delete_item("Q#0", "M").await;
    world.create("new@example.org").await;
    world.compare("before").await;
    let walked = world.service.walk("/users", &[("searchText", "ada")], 2).await;
    assert_eq!(walked.len(), 6);
    assert_eq!(world.tick(None, clock::now()).await, Done::Rebuilt);
    world.compare("after").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_large_import_leaves_does_not_fill_the_manifest() {
    let mut world = World::start().await;
    world.create("ada@example.org").await;
    world.tick(None, clock::now()).await;
    world.create("bob@example.org").await;
    let app = world.service.app();
    let users = counted(&world.catalog).await;
    let entries: Vec<_> = users.into_iter().map(|user| Entry::present(user, true)).collect();
    for line in 0..250 {
        let import = ImportId::of_object("", "", "");
        let delta = app.uploads.put_delta(import, line, pack(&entries)).await.unwrap();
        let noted = app.users.noting_object(&delta, "note users").unwrap();
        app.table.transact(vec![noted], "note users").await.unwrap();
    }
    // Finds so many notes that it calls the function of the index.
    world.compare("with deltas").await;
    world.service.local.settled().await;
    world.tick(None, clock::now()).await;

    let manifest = world.manifest().await.unwrap();
    assert_eq!(manifest.garbage.len(), 200);
    assert!(manifest.garbage[0].key.starts_with("index/segments/"));
    world.compare("without deltas").await;
    let later = clock::now().plus(Duration::from_hours(25));
    for minutes in [0, 10, 20, 30] {
        world.tick(None, later.plus(Duration::from_mins(minutes))).await;
    }
    assert_eq!(world.objects("index/deltas/").await.len(), 0);
    world.compare("a day later").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_is_found_and_repaired_on_either_side() {
    let mut world = World::start().await;
    for number in 0..5 {
        world.create(&format!("ada{number}@example.org")).await;
    }
    world.tick(None, clock::now()).await;

    // The index misses a user.
    world.create("lost@example.org").await;
    world.forget_notes().await;
    assert_eq!(world.tick(None, clock::now()).await, Done::Nothing);
    assert_eq!(world.tick(None, clock::now()).await, Done::Nothing);
    assert_eq!(world.tick(None, clock::now()).await, Done::Rebuilt);
    world.compare("the index is right").await;
    assert_eq!(world.tick(None, clock::now()).await, Done::Nothing);

    // The counters have one user too many.
    let shard = world.service.partition("S").await.remove(0);
    let (place, all) = (shard["SK"].as_s().unwrap(), shard["all"].as_n().unwrap());
    let all: u64 = all.parse().unwrap();
    world.service.set("S", place, "all", all + 1).await;
    for _ in 0..5 {
        world.tick(None, clock::now()).await;
    }
    world.compare("the counters are right").await;
    let numbers = world.service.get("/dashboard/users").await.expect(200);
    assert_eq!(numbers["totalUsers"], 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_notes_call_the_function_of_the_index() {
    let service = Service::start().await;
    for number in 0..130 {
        let user = json!({"email": format!("ada{number}@example.org"), "roles": "ROLE_ORIGINATOR"});
        service.post("/users", &user).await.expect(201);
    }
    let search = send(service.request(Method::GET, "/users?searchText=ada12")).await;
    assert_eq!(search.expect(200)["count"], 11);

    assert!(service.object("index/wake/merge").await.is_some());
    service.local.settled().await;
    let charted = IndexStore::new(service.app().table.clone()).read().await.unwrap();
    assert_eq!(charted.notes.len(), 0);
    let search = send(service.request(Method::GET, "/users?searchText=ada12")).await;
    assert_eq!(search.expect(200)["count"], 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_left_out_of_the_index_of_the_version_before() {
    let service = Service::start().await;
    let file = "email,firstName\nada@example.org,Ada\nbob@example.org,Bob\n";
    service.import(file, &[]).await.expect(200);
    let user = json!({"email": "cyd@example.org", "roles": "ROLE_ORIGINATOR"});
    let cyd = service.post("/users", &user).await.expect(201);
    let path = format!("/users/{}", cyd["id"].as_str().unwrap());
    service.put(&path, &json!({"firstName": "Cyd"})).await.expect(200);

    for item in service.items().await {
        let is_user = item["SK"].as_s().is_ok_and(|place| place == "U");
        assert!(
            !is_user || (!item.contains_key("LPK") && !item.contains_key("search")),
            "{item:?}"
        );
    }
    let listed = service.get("/users?searchText=cyd").await.expect(200);
    assert_eq!(listed["count"], 1);
    let all = service.get("/users").await.expect(200);
    assert_eq!(all["count"], 4);
}
