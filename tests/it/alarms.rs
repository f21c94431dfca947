//! Alarms and the dashboard of the template: what the operations page says of them, and that they ring.

use std::time::Duration;

use local::Options;
use serde_json::json;
use shared::catalog::{Catalog, tick};
use shared::clock;
use shared::intake::record::{Import, Lease, Status, Via};
use shared::roster::{ImportId, Timestamp};
use shared::sheet::ImportOptions;
use shared::table::IndexStore;

use crate::support::faults::{Faults, Schedule};
use crate::support::{Service, logs};

const TEMPLATE: &str = include_str!("../../template.yaml");
const OPERATIONS: &str = include_str!("../../docs/operations.md");

/// What begins the metrics that the service writes itself. All others are made by AWS and ring on AWS only.
const OURS: &str = "AccessService";

/// An alarm of the template.
#[derive(Debug)]
struct Alarm {
    /// Without `Alarm` at its end.
    name: &'static str,
    namespace: &'static str,
    metric: &'static str,
    /// The alarm rings beyond it.
    threshold: u64,
}

fn alarms() -> Vec<Alarm> {
    let mut alarms: Vec<Alarm> = Vec::new();
    for line in TEMPLATE.lines() {
        let name = line
            .strip_prefix("  ")
            .and_then(|line| line.strip_suffix("Alarm:"));
        if let Some(name) = name.filter(|name| !name.starts_with(' ')) {
            alarms.push(Alarm {
                name,
                namespace: "",
                metric: "",
                threshold: u64::MAX,
            });
        }
        let (Some(alarm), Some((key, value))) = (alarms.last_mut(), line.trim().split_once(": ")) else {
            continue;
        };
        match key {
            "Namespace" if alarm.namespace.is_empty() => alarm.namespace = value,
            "MetricName" if alarm.metric.is_empty() => alarm.metric = value,
            "Threshold" if alarm.threshold == u64::MAX => alarm.threshold = value.parse().unwrap(),
            "ComparisonOperator" => assert_eq!(value, "GreaterThanThreshold", "{alarm:?}"),
            _ => {}
        }
    }
    alarms
}

/// The first cells of the rows of all tables of the operations page.
fn explained() -> impl Iterator<Item = &'static str> {
    let rows = OPERATIONS.lines().filter_map(|line| line.strip_prefix("| "));
    rows.filter_map(|row| row.split(" |").next())
}

#[test]
fn the_operations_page_says_what_to_do_at_each_alarm() {
    let alarms = alarms();

    assert!(alarms.len() >= 14, "{alarms:?}");
    for Alarm { name, .. } in alarms {
        let name = format!("`{name}Alarm`");
        assert!(explained().any(|cell| cell.contains(&name)), "{name}");
    }
}

#[test]
fn the_operations_page_explains_the_metrics_that_are_watched() {
    let lines: Vec<_> = TEMPLATE.lines().map(str::trim).collect();
    let of_alarms = alarms().into_iter().filter(|alarm| alarm.namespace == OURS);
    let of_alarms = of_alarms.map(|alarm| alarm.metric);
    let of_dashboard = lines
        .iter()
        .filter_map(|line| line.strip_prefix("[\"AccessService\", \"")?.split('"').next());
    let watched: Vec<_> = of_alarms.chain(of_dashboard).collect();

    assert!(watched.len() >= 11, "{watched:?}");
    for metric in watched {
        let name = format!("`{metric}`");
        assert!(explained().any(|cell| cell.contains(&name)), "{name}");
    }
}

/// A service; the name of its table says which metrics are its own.
struct World {
    service: Service,
    catalog: Catalog,
    calls: u64,
}

impl World {
    async fn start(name: &str) -> Self {
        let service = Service::logged(Options {
            stack: format!("rings-{}", name.to_lowercase()),
            ..Options::default()
        });
        let service = service.await;
        let catalog = Faults::new(Schedule::Clean).catalog(&service.local, &[]);
        Self {
            service,
            catalog,
            calls: 0,
        }
    }

    async fn create(&self, email: &str) {
        let user = json!({"email": email, "roles": "ROLE_ORIGINATOR"});
        self.service.post("/users", &user).await.expect(201);
    }

    async fn sweep(&self) {
        self.service.local.invoke("sweep", &json!({})).await.unwrap();
    }

    /// Calls the function of the index, as the clock does at `now`.
    async fn tick(&mut self, now: Timestamp) {
        self.calls += 1;
        let run = format!("call-{}", self.calls);
        tick(&self.catalog, &run, None, now).await.unwrap();
    }

    /// Adds an import that was opened `age` ago and whose run has died.
    async fn add_dead_import(&self, age: Duration) {
        let app = self.service.app();
        let now = clock::now();
        let opened = Timestamp::from_millis(now.millis() - u64::try_from(age.as_millis()).unwrap());
        let lifetime = opened..now.plus(Duration::from_hours(1));
        let id = ImportId::of_object("", "", "");
        let options = ImportOptions::default();
        let mut import = Import::open(id, "imports/dead.csv".to_owned(), Via::Api, options, lifetime);
        import.status = Status::Running.into();
        import.started_at = Some(opened);
        import.lease = Some(Lease {
            run: Some("dead".to_owned()),
            until: opened,
        });
        app.imports.insert(&import).await.unwrap();
    }

    /// Makes the index miss a user.
    async fn lose_a_user(&self) {
        self.create("lost@example.org").await;
        let store = IndexStore::new(self.service.app().table.clone());
        let charted = store.read().await.unwrap();
        store.forget(&charted.notes).await.unwrap();
    }

    /// Makes the counters count a user too many.
    async fn miscount(&self) {
        let shard = self.service.partition("S").await.remove(0);
        let (place, all) = (shard["SK"].as_s().unwrap(), shard["all"].as_n().unwrap());
        let all: u64 = all.parse().unwrap();
        self.service.set("S", place, "all", all + 1).await;
    }

    /// Brings about what the alarm is there for.
    async fn provoke(&mut self, alarm: &str) {
        let now = clock::now();
        let hours = Duration::from_hours;
        match alarm {
            "Stalled" => {
                self.add_dead_import(hours(1)).await;
                self.sweep().await;
            }
            "OldestImport" => {
                self.add_dead_import(hours(4)).await;
                self.sweep().await;
            }
            "IndexNotes" => {
                self.create("noted@example.org").await;
                self.tick(now.plus(hours(1))).await;
            }
            "IndexDiffers" => {
                self.lose_a_user().await;
                self.tick(now).await;
            }
            "IndexDifferences" => {
                self.lose_a_user().await;
                // Two that find the difference, and one that builds the index again.
                for _ in 0..3 {
                    self.tick(now).await;
                }
            }
            "Counters" => {
                self.miscount().await;
                // Building the index again does not help.
                for _ in 0..5 {
                    self.tick(now).await;
                }
            }
            other => panic!("nothing rings {other}Alarm"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_alarm_on_a_metric_of_the_service_rings() {
    let alarms = alarms().into_iter().filter(|alarm| alarm.namespace == OURS);
    for alarm in alarms {
        let mut world = World::start(alarm.name).await;
        world.create("ada@example.org").await;
        world.tick(clock::now()).await;
        world.sweep().await;
        let beyond = |world: &World| {
            let values = logs::measured(world.service.local.table(), alarm.metric);
            values.into_iter().any(|value| value > alarm.threshold)
        };
        assert!(!beyond(&world), "{alarm:?} rings while all is well");

        world.provoke(alarm.name).await;

        assert!(beyond(&world), "{alarm:?} does not ring");
    }
}
