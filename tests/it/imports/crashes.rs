//! What an import makes of a file does not depend on what happens to its runs: killed at any call to
//! storage, repeated, run side by side, throttled, or cut short.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use shared::catalog::Catalog;
use shared::files::UploadStore;
use shared::index::{Entry, Filter, words};
use shared::intake::Intake;
use shared::intake::record::{Counts, Import, Status, Via};
use shared::intake::store::{FaultFilter, FaultPlace};
use shared::roster::{Code, ImportId, Profile, Role, Slot, Tally, User, UserId};
use shared::sheet::{Causes, ImportOptions, Mode};
use shared::table::Account;
use shared::{Error, clock};
use uuid::Uuid;

use crate::support::faults::{Fault, Faults, Schedule, mixed};
use crate::support::{Service, collaborator, index};

/// Data rows of the file.
pub(super) const ROWS: u64 = 60;
/// Several segments, and the last one not full.
const SETTINGS: &[(&str, &str)] = &[("IMPORT_SEGMENT_ROWS", "13")];
/// Imports under way at the same time.
const LANES: usize = 4;
/// Schedules of the same event: as many as the project promises.
const SCHEDULES: u64 = 100;
/// Imports of which a tenth of all calls fails.
const DISTURBED: u64 = 30;
/// The calls of a run after its last checkpoint: it tells of the end.
pub(super) const CALLS_AFTER_THE_END: u64 = 2;
/// Enough for a whole import.
pub(super) const LONG: Duration = Duration::from_mins(10);

/// What one row of the file is to become.
pub(super) enum Kind {
    Good,
    /// Its address has an account that no import made.
    Existing,
    /// As [`Kind::Existing`], and the account has every value already.
    Same,
    /// It has the address of that row.
    Repeats(u64),
    BadAddress,
    TwoFaults,
    CellMissing,
}

pub(super) fn kind(row: u64) -> Kind {
    match row {
        8 => Kind::Repeats(2),
        30 => Kind::Repeats(5),
        45 => Kind::Repeats(41),
        58 => Kind::Repeats(20),
        49 => Kind::Repeats(22),
        22 | 51 => Kind::Same,
        20 | 21 | 50 => Kind::Existing,
        59 => Kind::CellMissing,
        row if row % 10 == 3 => Kind::BadAddress,
        row if row % 10 == 7 => Kind::TwoFaults,
        _ => Kind::Good,
    }
}

pub(super) fn line(row: u64) -> u64 {
    row + 2
}

/// A service in which the arrival of a file starts nothing: the tests call the function themselves.
pub(super) struct World {
    pub(super) service: Service,
    /// Undisturbed.
    pub(super) app: Intake,
    catalog: Catalog,
    sender: UserId,
    cases: AtomicU64,
    before: Tally,
}

/// One file on its way in.
pub(super) struct Case {
    pub(super) domain: String,
    pub(super) import: ImportId,
    pub(super) options: ImportOptions,
    pub(super) event: Value,
    /// The accounts that were there before, which nobody counted.
    pub(super) uncounted: Tally,
}

impl Case {
    /// The event of the object that starts the next run.
    pub(super) fn resumed(&self) -> Value {
        let mut event = self.event.clone();
        event["Records"][0]["s3"]["object"] = json!({ "key": format!("resume/{}", self.import), "size": 0 });
        event
    }
}

/// What must have become of a file.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    counts: Counts,
    errors: Vec<(u64, Code, Option<u64>)>,
    /// For each address: the line that made its account, the line that changed it, and how often it was
    /// changed.
    accounts: BTreeMap<String, (Option<u64>, Option<u64>, u64)>,
    /// The lines of the rejected rows.
    rejected: Vec<u64>,
}

impl World {
    pub(super) async fn start() -> Self {
        let service = Service::without_runs(&[]).await;
        let sender = service.account("sender@example.org", &[Role::SystemAdmin]).await;
        let app = Faults::new(Schedule::Clean).app(&service.local, SETTINGS);
        let before = app.users.tally().await.unwrap();
        // The index begins with whom there is.
        service.local.invoke("index-users", &json!({})).await.unwrap();
        let catalog = Faults::new(Schedule::Clean).catalog(&service.local, &[]);
        Self {
            service,
            app,
            catalog,
            sender: sender.id,
            cases: AtomicU64::new(0),
            before,
        }
    }

    /// An app whose storage is disturbed as `schedule` says.
    pub(super) fn disturbed(&self, schedule: Schedule) -> (Faults, Intake) {
        let faults = Faults::new(schedule);
        let app = faults.app(&self.service.local, SETTINGS);
        (faults, app)
    }

    /// Stages a file of its own addresses, some of which have accounts.
    pub(super) async fn case(&self, options: ImportOptions) -> Case {
        self.case_of(options, self.sender).await
    }

    /// As [`World::case`], with a sender of its own.
    pub(super) async fn case_of(&self, options: ImportOptions, sender: UserId) -> Case {
        let number = self.cases.fetch_add(1, Ordering::SeqCst);
        let domain = format!("case{number}.example.org");
        let existing = (0..ROWS).filter_map(|row| {
            let first_name = match kind(row) {
                Kind::Existing => None,
                Kind::Same => "Ada".parse().ok(),
                _ => return None,
            };
            let new = collaborator(&address(row, &domain));
            Some(User {
                profile: Profile {
                    first_name,
                    ..Profile::default()
                },
                ..User::new(new, clock::now(), None)
            })
        });
        let existing: Vec<_> = existing.collect();
        self.app.users.insert_each(&existing, 0).await.unwrap();
        let known = existing.iter().map(|user| Entry::present(user.clone(), true));
        let noted = self.app.users.noting(&known.collect::<Vec<_>>(), "note users");
        let noted = self.app.table.transact(vec![noted.unwrap()], "note users").await;
        noted.unwrap();
        let mut case = self.send(domain, options, sender).await;
        for user in existing {
            case.uncounted += user.tally();
        }
        case
    }

    /// Stages the file for another import.
    async fn send(&self, domain: String, options: ImportOptions, sender: UserId) -> Case {
        let app = &self.app;
        let import = ImportId::from_uuid(Uuid::now_v7());
        let key = UploadStore::staged_key(import);
        let now = clock::now();
        let expires_at = now.plus(app.config.import_retention);
        let mut opened = Import::open(import, key.clone(), Via::Api, options.clone(), now..expires_at);
        opened.created_by = Some(sender);
        app.imports.insert(&opened).await.unwrap();
        let file = file(&domain);
        let size = file.len();
        app.uploads.stage(import, file.into()).await.unwrap();
        let head = self
            .service
            .local
            .s3()
            .head_object()
            .bucket(self.service.local.bucket());
        let staged = head.key(&key).send().await.unwrap();
        let object = json!({
            "key": key,
            "size": size,
            "eTag": staged.e_tag().unwrap().trim_matches('"'),
            "sequencer": "01",
        });
        let bucket = json!({ "name": self.service.local.bucket() });
        let event = json!({
            "Records": [{
                "eventTime": "2026-11-23T08:37:46.500Z",
                "eventName": "ObjectCreated:Put",
                "s3": { "bucket": bucket, "object": object },
                "userIdentity": {},
                "requestParameters": {},
                "responseElements": {},
            }],
        });
        Case {
            domain,
            import,
            options,
            event,
            uncounted: Tally::default(),
        }
    }

    /// Delivers the event again as Lambda and S3 may: with the same request id, then with another.
    pub(super) async fn redeliver(&self, case: &Case, run: &str) {
        let app = &self.app;
        for run in [run.to_owned(), format!("{run}-again")] {
            deliver(app, &case.event, &run, LONG).await.unwrap();
        }
    }

    /// Checks that the file became exactly what it must.
    pub(super) async fn check(&self, case: &Case, what: &str) {
        assert_eq!(self.outcome(case).await, expected(case), "{what}");
    }

    /// The import as it is stored.
    pub(super) async fn import(&self, case: &Case) -> Import {
        let found = self.app.imports.find(case.import, clock::now()).await;
        found.unwrap().unwrap()
    }

    /// What became of the file.
    async fn outcome(&self, case: &Case) -> Outcome {
        let app = &self.app;
        let import = self.import(case).await;
        assert_eq!(import.status, Status::Completed, "{:?}", import.fault);
        let (filter, first) = (FaultFilter::default(), FaultPlace::default());
        let (errors, _) = app
            .imports
            .faults(case.import, &filter, first, 10_000)
            .await
            .unwrap();
        let known: Vec<_> = errors
            .iter()
            .map(|error| error.known().unwrap().clone())
            .collect();
        let causes = app.imports.causes(&import).await.unwrap().unwrap();
        assert_eq!(causes, Causes::of(&known).bounded());
        assert_eq!(import.errors, errors.len() as u64);
        let mut rejected = String::new();
        let pieces = app.imports.rejected(&import).await.unwrap();
        let read: Vec<_> = app.uploads.rejected(&pieces).try_collect().await.unwrap();
        for (piece, rows) in pieces.iter().zip(read) {
            assert_eq!(rows.len() as u64, piece.bytes);
            rejected.push_str(std::str::from_utf8(&rows).unwrap());
        }
        let rows: u64 = pieces.iter().map(|piece| piece.rows).sum();
        assert_eq!(rows, import.counts.failed);
        let own =
            |mark: Option<(ImportId, u64)>| mark.filter(|(id, _)| *id == case.import).map(|(_, line)| line);
        Outcome {
            counts: import.counts,
            errors: errors
                .iter()
                .map(|error| error.known().unwrap())
                .map(|error| (error.line, error.code, error.first_line))
                .collect(),
            accounts: self
                .accounts(case)
                .await
                .into_iter()
                .map(|account| {
                    let made = own(account.user.import);
                    let changed = own(account.changed_by);
                    // A run that takes over makes what it finds its own, which is no change of the user.
                    let adoptions = account.import_run.max(account.changed_by_run);
                    let least = u64::from(changed.is_some());
                    let version = account.user.version;
                    let version = if version <= least + adoptions {
                        least
                    } else {
                        version
                    };
                    (account.user.email.as_str().to_owned(), (made, changed, version))
                })
                .collect(),
            rejected: rejected
                .lines()
                .map(|row| row.split(',').nth(4).unwrap().parse().unwrap())
                .collect(),
        }
    }

    pub(super) async fn accounts(&self, case: &Case) -> Vec<Account> {
        let app = &self.app;
        let slots = (0..ROWS)
            .filter(|row| matches!(kind(*row), Kind::Good | Kind::Existing | Kind::Same))
            .map(|row| Slot::of(&address(row, &case.domain).parse().unwrap()));
        let holders = app.users.holders(slots).await.unwrap();
        holders.into_values().collect()
    }

    /// Checks that the import was cancelled and has counted what it wrote.
    async fn check_cancelled(&self, case: &Case, what: &str) {
        assert_eq!(self.import(case).await.status, Status::Cancelled, "{what}");
        self.check_counts(case, what).await;
    }

    /// Checks that the import has counted what is there of it.
    pub(super) async fn check_counts(&self, case: &Case, what: &str) {
        let import = self.import(case).await;
        let (mut created, mut updated) = (0, 0);
        for account in self.accounts(case).await {
            created += u64::from(account.user.import.is_some());
            updated += u64::from(account.changed_by.is_some());
        }
        let Counts {
            created: made,
            updated: changed,
            ..
        } = import.counts;
        assert_eq!((made, changed), (created, updated), "{what}");
    }

    /// Makes the lease of the import lapse, as time does.
    pub(super) async fn lapse(&self, case: &Case) {
        let partition = format!("I#{}", case.import);
        self.service.set(&partition, "I", "leaseUntil", 1).await;
    }

    /// Checks the counters against the accounts of all `cases`, which must be all there are, and searches against the
    /// table.
    pub(super) async fn check_counters(&self, cases: &[Case]) {
        let mut expected = self.before;
        for case in cases {
            for account in self.accounts(case).await {
                expected += account.user.tally();
            }
            expected += -case.uncounted;
        }
        assert_eq!(self.app.users.tally().await.unwrap(), expected);
        self.check_searches("after all imports").await;
    }

    /// Checks searches against the table.
    pub(super) async fn check_searches(&self, what: &str) {
        index::compare(&self.catalog, &filters(), what).await;
    }
}

/// What is searched for: each finds some of the users, and not all.
fn filters() -> Vec<Filter> {
    let mut filters = vec![Filter::default()];
    filters.extend(["ada", "case1 @", "u20"].map(|text| Filter {
        words: words(text),
        ..Filter::default()
    }));
    filters.extend([false, true].map(|enabled| Filter {
        enabled: Some(enabled),
        ..Filter::default()
    }));
    filters.extend([Role::Originator, Role::Collaborator].map(|role| Filter {
        role: Some(role),
        ..Filter::default()
    }));
    filters
}

pub(super) fn address(row: u64, domain: &str) -> String {
    format!("u{row}@{domain}")
}

fn file(domain: &str) -> String {
    let rows = (0..ROWS).map(|row| {
        let address = match kind(row) {
            Kind::Good | Kind::Existing | Kind::Same => address(row, domain),
            Kind::Repeats(first) => address(first, domain).to_uppercase(),
            Kind::BadAddress => format!("u{row}"),
            Kind::TwoFaults => return ",Ada,Wizard,true\r\n".to_owned(),
            Kind::CellMissing => return format!("u{row}@{domain},Ada\r\n"),
        };
        let role = if row % 4 == 0 { "Originator" } else { "" };
        format!("{address},Ada,{role},{}\r\n", row % 5 != 0)
    });
    std::iter::once("email,firstName,roles,enabled\r\n".to_owned())
        .chain(rows)
        .collect()
}

/// What a reader of the contract expects of the file.
fn expected(case: &Case) -> Outcome {
    let ImportOptions {
        mode,
        ignore_duplicates,
        ..
    } = case.options;
    let mut outcome = Outcome::default();
    let mut fail = |row, codes: &[Code], first: Option<u64>| {
        outcome.counts.failed += 1;
        outcome.rejected.push(line(row));
        outcome
            .errors
            .extend(codes.iter().map(|code| (line(row), *code, first.map(line))));
    };
    for row in 0..ROWS {
        match kind(row) {
            Kind::Good => {}
            Kind::Existing | Kind::Same if mode == Mode::Upsert => {}
            // A repeat of a row that made nothing meets the account that was there.
            Kind::Repeats(first) if mode == Mode::Upsert || matches!(kind(first), Kind::Good) => {
                fail(row, &[Code::DuplicateInFile], Some(first));
            }
            Kind::Existing | Kind::Same | Kind::Repeats(_) if ignore_duplicates => {}
            Kind::Existing | Kind::Same | Kind::Repeats(_) => fail(row, &[Code::AlreadyExists], None),
            Kind::BadAddress => fail(row, &[Code::InvalidFormat], None),
            Kind::TwoFaults => fail(row, &[Code::Required, Code::UnknownRole], None),
            Kind::CellMissing => fail(row, &[Code::ColumnCount], None),
        }
    }
    for row in 0..ROWS {
        match kind(row) {
            Kind::Good => {
                outcome.counts.created += 1;
                if mode != Mode::Validate {
                    let made = (Some(line(row)), None, 0);
                    outcome.accounts.insert(address(row, &case.domain), made);
                }
            }
            Kind::Existing if mode == Mode::Upsert => {
                outcome.counts.updated += 1;
                let changed = (None, Some(line(row)), 1);
                outcome.accounts.insert(address(row, &case.domain), changed);
            }
            Kind::Existing | Kind::Same => {
                outcome.counts.unchanged += u64::from(mode == Mode::Upsert);
                outcome.counts.skipped += u64::from(ignore_duplicates && mode != Mode::Upsert);
                outcome
                    .accounts
                    .insert(address(row, &case.domain), (None, None, 0));
            }
            Kind::Repeats(first)
                if mode != Mode::Upsert && matches!(kind(first), Kind::Existing | Kind::Same) =>
            {
                outcome.counts.skipped += u64::from(ignore_duplicates);
            }
            _ => {}
        }
    }
    outcome
}

/// Calls the function with an event, as Lambda does.
pub(super) async fn deliver(
    app: &Intake,
    event: &Value,
    run: &str,
    time: Duration,
) -> Result<(), lambda_runtime::Error> {
    let mut context = Context::default();
    run.clone_into(&mut context.request_id);
    context.deadline = clock::now().plus(time).millis();
    let event = serde_json::from_value(event.clone()).unwrap();
    import_file::handle(app, LambdaEvent::new(event, context)).await
}

pub(super) fn create() -> ImportOptions {
    ImportOptions::default()
}

pub(super) fn upsert() -> ImportOptions {
    ImportOptions {
        mode: Mode::Upsert,
        ..create()
    }
}

/// Does `work` for each of `points`, a few at a time.
pub(super) async fn each<P, F: Future<Output = Case>>(
    points: impl IntoIterator<Item = P>,
    work: impl Fn(P) -> F,
) -> Vec<Case> {
    stream::iter(points)
        .map(work)
        .buffer_unordered(LANES)
        .collect()
        .await
}

/// Kills a run at each of its calls, before and after, and delivers the event twice more.
async fn crash_everywhere(options: ImportOptions) {
    let world = World::start().await;
    let case = world.case(options.clone()).await;
    let (faults, app) = world.disturbed(Schedule::Clean);
    deliver(&app, &case.event, "clean", LONG).await.unwrap();
    world.check(&case, "undisturbed").await;
    assert!(faults.calls() > 20, "{} calls", faults.calls());

    let crashed = AtomicU64::new(0);
    let points = (0..faults.calls()).flat_map(|call| [(call, false), (call, true)]);
    let mut cases = each(points, async |(call, after)| {
        let case = world.case(options.clone()).await;
        let (faults, app) = world.disturbed(Schedule::Crash { call, after });
        let ended = faults
            .until_stopped(deliver(&app, &case.event, "killed", LONG))
            .await;
        crashed.fetch_add(u64::from(ended.is_none()), Ordering::SeqCst);
        world.redeliver(&case, "killed").await;
        let what = format!("killed {} call {call}", if after { "after" } else { "before" });
        world.check(&case, &what).await;
        case
    })
    .await;

    let crashed = crashed.into_inner();
    println!("{:?}: {crashed} crash points", options.mode);
    // Runs of the same file differ by a call or two, so the last points may not be reached.
    assert!(crashed * 10 >= cases.len() as u64 * 9, "of {}", cases.len());
    cases.push(case);
    world.check_counters(&cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_killed_at_any_call_to_storage_loses_doubles_and_miscounts_nothing() {
    Box::pin(crash_everywhere(create())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_changes_accounts_loses_doubles_and_miscounts_nothing_either() {
    Box::pin(crash_everywhere(upsert())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_single_fault_at_each_call_is_overcome() {
    let world = World::start().await;
    let case = world.case(create()).await;
    let (faults, app) = world.disturbed(Schedule::Clean);
    deliver(&app, &case.event, "clean", LONG).await.unwrap();
    let calls = faults.calls();
    assert!(calls > 20, "{calls} calls");
    // Three kinds at each call, all kinds at most of the operations.
    let points = (0..calls).flat_map(|call| {
        let kinds = Fault::ALL
            .into_iter()
            .cycle()
            .skip(usize::try_from(call * 3).unwrap());
        kinds.take(3).map(move |fault| (call, fault))
    });
    let reached = AtomicU64::new(0);
    let mut cases = each(points, async |(call, fault)| {
        let case = world.case(create()).await;
        let (faults, app) = world.disturbed(Schedule::Once { call, fault });
        let first = deliver(&app, &case.event, "disturbed", LONG).await;
        assert!(first.is_ok(), "{fault:?} at call {call}: {}", first.unwrap_err());
        reached.fetch_add(faults.disturbed(), Ordering::SeqCst);
        world.check(&case, &format!("{fault:?} at call {call}")).await;
        case
    })
    .await;
    let reached = reached.into_inner();
    println!("{reached} single faults");
    assert!(reached * 10 >= cases.len() as u64 * 9, "of {}", cases.len());
    cases.push(case);
    world.check_counters(&cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_any_number_of_times_and_at_once_is_one_import() {
    let world = World::start().await;
    let cases = each(0..SCHEDULES, async |seed| {
        let case = world.case(if seed % 4 == 3 { upsert() } else { create() }).await;
        let app = &world.app;
        // One to five deliveries, the first three of them side by side, with or without the same id.
        let times = 1 + mixed(seed) % 5;
        let run = |number: u64| match mixed(seed + number) % 3 {
            0 => "same".to_owned(),
            _ => format!("run {number}"),
        };
        let pause = |number| Duration::from_millis(mixed(seed * 8 + number) % 15);
        let at_once = (0..times.min(3)).map(|number| {
            let (event, run) = (&case.event, run(number));
            async move {
                tokio::time::sleep(pause(number)).await;
                deliver(app, event, &run, LONG).await
            }
        });
        for ended in futures::future::join_all(at_once).await {
            ended.unwrap();
        }
        for number in 3..times {
            deliver(app, &case.event, &run(number), LONG).await.unwrap();
        }
        world.check(&case, &format!("seed {seed}")).await;
        case
    })
    .await;
    println!("{} schedules", cases.len());
    world.check_counters(&cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenth_of_all_calls_may_fail() {
    const RETRIES: usize = 10;
    let world = World::start().await;
    let disturbed = AtomicU64::new(0);
    let cases = each(0..DISTURBED, async |seed| {
        let case = world.case(if seed % 2 == 1 { upsert() } else { create() }).await;
        let (faults, app) = world.disturbed(Schedule::Random {
            seed,
            percent: 10,
            faults: &Fault::ALL,
        });
        let mut ended = Ok(());
        for _ in 0..RETRIES {
            ended = deliver(&app, &case.event, "run", LONG).await;
            if ended.is_ok() {
                break;
            }
        }
        ended.unwrap();
        disturbed.fetch_add(faults.disturbed(), Ordering::SeqCst);
        world.check(&case, &format!("seed {seed}")).await;
        case
    })
    .await;
    let disturbed = disturbed.into_inner();
    println!("{disturbed} calls disturbed");
    assert!(disturbed > DISTURBED, "in {DISTURBED} imports");
    world.check_counters(&cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_without_time_hand_over_until_it_is_done() {
    let world = World::start().await;
    let app = &world.app;
    let mut cases = Vec::new();
    for options in [create(), upsert(), validate()] {
        let case = world.case(options).await;
        let mut event = case.event.clone();
        let mut runs = 0;
        loop {
            deliver(app, &event, &format!("run {runs}"), Duration::ZERO)
                .await
                .unwrap();
            runs += 1;
            if world.import(&case).await.is_final() {
                break;
            }
            assert!(runs <= ROWS, "it never ends");
            event = case.resumed();
        }
        assert!(runs >= 5, "{runs} runs");
        world
            .check(&case, &format!("{:?} in {runs} runs", case.options.mode))
            .await;
        cases.push(case);
    }
    world.check_counters(&cases).await;
}

fn validate() -> ImportOptions {
    ImportOptions {
        mode: Mode::Validate,
        ..create()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validation_tells_what_an_import_right_after_it_does() {
    let world = World::start().await;
    let app = &world.app;
    for ignore_duplicates in [false, true] {
        let options = |mode| ImportOptions {
            mode,
            ignore_duplicates,
            ..create()
        };
        let validation = world.case(options(Mode::Validate)).await;
        deliver(app, &validation.event, "validation", LONG).await.unwrap();
        let told = world.outcome(&validation).await;
        world.check(&validation, "validated").await;

        let import = world
            .send(validation.domain.clone(), options(Mode::Create), world.sender)
            .await;
        deliver(app, &import.event, "import", LONG).await.unwrap();
        world.check(&import, "imported").await;
        let done = world.outcome(&import).await;
        assert_eq!(told.counts, done.counts);
        assert_eq!(told.errors, done.errors);
        assert_eq!(told.rejected, done.rejected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_wakes_after_another_has_taken_over_changes_nothing() {
    let world = World::start().await;
    let mut cases = Vec::new();
    for (options, step) in [(create(), 1), (upsert(), 2)] {
        let clean = world.case(options.clone()).await;
        let (faults, app) = world.disturbed(Schedule::Clean);
        deliver(&app, &clean.event, "clean", LONG).await.unwrap();
        let calls = faults.calls();
        cases.push(clean);
        let frozen = each((0..calls).step_by(step), async |call| {
            let case = world.case(options.clone()).await;
            let event = case.event.clone();
            let (sleep, sleeper) = world.disturbed(Schedule::Freeze { call });
            let mut sleeping = pin!(deliver(&sleeper, &event, "sleeper", LONG));
            let slept = sleep.until_stopped(sleeping.as_mut()).await;
            assert!(slept.is_none(), "call {call} was not reached");
            world.lapse(&case).await;

            // Its successor has done some of the work, or all of it, when the sleeper wakes.
            let at = mixed(call) % (calls + 1);
            let (pause, successor) = world.disturbed(Schedule::Freeze { call: at });
            let mut taking_over = pin!(deliver(&successor, &event, "successor", LONG));
            let taken_over = pause.until_stopped(taking_over.as_mut()).await;
            sleep.thaw();
            sleeping.await.unwrap();
            pause.thaw();
            match taken_over {
                Some(ended) => ended.unwrap(),
                None => taking_over.await.unwrap(),
            }
            world
                .check(&case, &format!("asleep at call {call}, awake at {at}"))
                .await;
            case
        });
        cases.extend(frozen.await);
    }
    println!("{} runs taken over", cases.len() - 2);
    world.check_counters(&cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_at_any_moment_of_a_run_ends_the_import_cancelled() {
    let world = World::start().await;
    let clean = world.case(create()).await;
    let (faults, app) = world.disturbed(Schedule::Clean);
    deliver(&app, &clean.event, "clean", LONG).await.unwrap();
    let mut cases = each(0..faults.calls() - CALLS_AFTER_THE_END, async |call| {
        let case = world.case(create()).await;
        let event = case.event.clone();
        let (faults, app) = world.disturbed(Schedule::Freeze { call });
        let mut running = pin!(deliver(&app, &event, "run", LONG));
        let ended = faults.until_stopped(running.as_mut()).await;
        assert!(ended.is_none(), "call {call} was not reached");

        let path = format!("/users/import/{}", case.import);
        let asked = world.service.delete(&path).await.expect(200);
        faults.thaw();
        running.await.unwrap();

        let ended = world.service.get(&path).await.expect(200);
        assert!(asked["success"].is_null() || asked == ended, "{asked}");
        assert_eq!(ended["status"], "cancelled", "call {call}");
        assert_eq!(ended["success"], false);
        world.check_cancelled(&case, &format!("call {call}")).await;
        case
    })
    .await;
    println!("{} cancelled imports", cases.len());
    cases.push(clean);
    world.check_counters(&cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_run_wrote_is_counted_when_the_import_is_cancelled() {
    let world = World::start().await;
    for (number, options) in [create(), upsert()].into_iter().enumerate() {
        let clean = world.case(options.clone()).await;
        let (faults, app) = world.disturbed(Schedule::Clean);
        deliver(&app, &clean.event, "clean", LONG).await.unwrap();
        let mut cases = each((0..faults.calls()).step_by(number + 1), async |call| {
            let case = world.case(options.clone()).await;
            let (faults, app) = world.disturbed(Schedule::Crash { call, after: true });
            faults
                .until_stopped(deliver(&app, &case.event, "killed", LONG))
                .await;

            let later = clock::now().plus(Duration::from_mins(2));
            if let Err(error) = world.app.imports.cancel(case.import, later).await {
                assert!(matches!(error, Error::Conflict { .. }), "{error}");
                world.check(&case, &format!("completed at call {call}")).await;
                return case;
            }
            let import = world.import(&case).await;
            if import.status != Status::Cancelled {
                assert_eq!(import.status_at(later), Status::Stalled);
                deliver(&world.app, &case.event, "killed", LONG).await.unwrap();
            }
            world.check_cancelled(&case, &format!("call {call}")).await;
            case
        })
        .await;
        cases.push(clean);
        println!("{} cancelled imports", cases.len() - 1);
        if number == 0 {
            world.check_counters(&cases).await;
        }
    }
}

/// A validation that stands in the middle of its file, and whose next run reads what comes before again.
async fn half_validated(world: &World) -> Case {
    let case = world.case(validate()).await;
    let mut event = case.event.clone();
    let mut runs = 0;
    while world.import(&case).await.position.known().unwrap().row < ROWS * 3 / 4 {
        let run = format!("run {runs}");
        deliver(&world.app, &event, &run, Duration::ZERO).await.unwrap();
        event = case.resumed();
        runs += 1;
    }
    case
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validation_keeps_its_lease_and_notices_a_cancel_while_it_reads_again() {
    // The import, the claim, the sender, and the file from the checkpoint and from its start.
    const READS_AGAIN: u64 = 4;
    let world = World::start().await;
    for cancelled in [false, true] {
        let case = half_validated(&world).await;
        let event = case.resumed();
        let schedule = Schedule::Freeze { call: READS_AGAIN };
        let faults = Faults::new(schedule);
        // So few rows to a segment that the lease is renewed on the way.
        let app = faults.app(&world.service.local, &[("IMPORT_SEGMENT_ROWS", "1")]);
        let mut running = pin!(deliver(&app, &event, "resumed", LONG));
        assert!(faults.until_stopped(running.as_mut()).await.is_none());
        world.lapse(&case).await;
        let path = format!("/users/import/{}", case.import);
        if cancelled {
            world.service.delete(&path).await.expect(200);
        }
        let next = if cancelled {
            Schedule::Clean
        } else {
            Schedule::Crash { call: 0, after: true }
        };
        faults.begin(next);
        faults.thaw();
        let ended = faults.until_stopped(running).await;

        let import = world.import(&case).await;
        if cancelled {
            ended.unwrap().unwrap();
            assert_eq!(import.status, Status::Cancelled);
            // The renewal that is refused, and the end: not a row was validated.
            let calls = faults.calls();
            assert!(calls <= 3 + CALLS_AFTER_THE_END, "{calls} calls");
        } else {
            assert!(ended.is_none(), "the lease was not renewed");
            assert_eq!(import.status_at(clock::now()), Status::Running);
        }
    }
}
