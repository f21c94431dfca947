//! Arrivals of objects, told to functions as S3 and Lambda tell them: asynchronously, at least once,
//! tried again when the function fails, and put aside when it fails for good. And the calls of functions
//! by the clock.

mod journal;
mod poll;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use futures::future::join_all;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use shared::clock;
use shared::roster::Timestamp;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

use self::journal::{Entry, Journal};
use crate::invoke::{FunctionError, Invocation, Invoker};
use crate::sync::lock;
use crate::template::{ACCOUNT, REGION, Schedule, Template, Trigger, bucket_arn};

/// What S3 leaves as it is in a key; a blank becomes `+`.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'*')
    .remove(b'/')
    .remove(b' ');

/// What the keys begin with of the objects that say how imports have ended. There are no rules here, so the log has
/// these events, and no others: the keys of dropped files are names that operators chose.
const RESULTS: &str = "results/";

/// How events are delivered.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// How long to wait before an event is tried again. Lambda waits one minute, then two; nobody wants to wait for that
    /// on one machine.
    pub backoff: Duration,
    /// How many events are under delivery at once.
    pub concurrency: usize,
    /// How many times each event is delivered: S3 and Lambda promise at least once, so more than one
    /// is to be coped with. Further deliveries have request ids of their own.
    pub times: u32,
    /// Whether the deliveries of one event run side by side instead of one after the other.
    pub at_once: bool,
    /// How often a store that does not tell of arrivals is looked at: about as late as S3's events are.
    pub poll: Duration,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            backoff: Duration::from_secs(2),
            concurrency: 8,
            times: 1,
            at_once: false,
            poll: Duration::from_secs(1),
        }
    }
}

/// An object that has arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    /// S3's name for the way it came.
    pub(crate) event: &'static str,
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) size: i64,
    pub(crate) e_tag: String,
}

/// The events of one bucket.
#[derive(Clone)]
pub(crate) struct Events(Arc<Inner>);

struct Inner {
    data: PathBuf,
    journal: Journal,
    bucket: String,
    /// Whether the bucket tells EventBridge of its objects.
    has_event_bridge: bool,
    triggers: Vec<(Trigger, u32)>,
    schedules: Vec<Schedule>,
    delivery: Delivery,
    places: Arc<Semaphore>,
    /// Set once the functions are there, which need the store that these events are of.
    invoker: OnceLock<Invoker>,
    tasks: Mutex<JoinSet<()>>,
    under_way: watch::Sender<usize>,
}

impl Events {
    /// Opens the journal below `data`. Nothing is delivered before [`Events::deliver`].
    pub(crate) fn open(data: &Path, template: &Template, delivery: Delivery) -> io::Result<Self> {
        let triggers = template
            .triggers
            .iter()
            .map(|trigger| {
                let retries = template
                    .functions
                    .get(&trigger.function)
                    .map_or(0, |function| function.retries);
                (trigger.clone(), retries)
            })
            .collect();
        Ok(Self(Arc::new(Inner {
            data: data.to_owned(),
            journal: Journal::open(data)?,
            bucket: template.bucket.clone(),
            has_event_bridge: template.has_event_bridge,
            triggers,
            schedules: template.schedules.clone(),
            places: Arc::new(Semaphore::new(delivery.concurrency)),
            delivery,
            invoker: OnceLock::new(),
            tasks: Mutex::default(),
            under_way: watch::Sender::new(0),
        })))
    }

    /// Begins to deliver, with the events that an earlier process left behind, and to call functions
    /// by the clock.
    pub(crate) fn deliver(&self, invoker: Invoker) -> io::Result<()> {
        let left = self.0.journal.waiting()?;
        for schedule in self.0.schedules.clone() {
            self.tasks().spawn(call_by_clock(schedule, invoker.clone()));
        }
        let _ = self.0.invoker.set(invoker);
        for (name, entry) in left {
            self.spawn(name, entry);
        }
        Ok(())
    }

    /// Looks for arrivals in a store that does not tell of them.
    pub(crate) fn watch(&self, client: aws_sdk_s3::Client) {
        let prefixes = self
            .0
            .triggers
            .iter()
            .map(|(trigger, _)| trigger.prefix.clone())
            .collect();
        let watched = poll::Watched {
            client,
            bucket: self.0.bucket.clone(),
            prefixes,
            data: self.0.data.clone(),
        };
        let looking = poll::run(self.clone(), watched, self.0.delivery.poll);
        self.tasks().spawn(looking);
    }

    /// Keeps the events of an arrival and sets out to deliver them. When this returns, a process that
    /// dies does not lose them.
    pub(crate) fn note(&self, arrival: &Arrival) -> io::Result<()> {
        if arrival.bucket != self.0.bucket {
            return Ok(());
        }
        if self.0.has_event_bridge && arrival.key.starts_with(RESULTS) {
            tracing::info!(
                event.source = "aws.s3",
                event.detail_type = "Object Created",
                object.key = arrival.key,
                "an event for EventBridge"
            );
        }
        for (trigger, _) in &self.0.triggers {
            if arrival.key.starts_with(&trigger.prefix) {
                let entry = Entry {
                    function: trigger.function.clone(),
                    request_id: Uuid::new_v4().to_string(),
                    payload: event(arrival, clock::now(), self.0.journal.next()),
                    error: None,
                };
                let name = self.0.journal.add(&entry)?;
                self.spawn(name, entry);
            }
        }
        Ok(())
    }

    /// Waits until no event is under delivery.
    pub(crate) async fn settled(&self) {
        // The sender lives as long as `self`, so this cannot fail.
        let _ = self
            .0
            .under_way
            .subscribe()
            .wait_for(|under_way| *under_way == 0)
            .await;
    }

    /// Ends all deliveries where they are. Their events stay in the journal.
    pub(crate) async fn stop(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks());
        tasks.shutdown().await;
    }

    /// Ends all deliveries, without waiting for that.
    pub(crate) fn abort(&self) {
        self.tasks().abort_all();
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        lock(&self.0.tasks)
    }

    fn spawn(&self, name: String, entry: Entry) {
        let Some(invoker) = self.0.invoker.get().cloned() else {
            return;
        };
        self.0.under_way.send_modify(|under_way| *under_way += 1);
        let inner = self.0.clone();
        let mut tasks = self.tasks();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            inner.run(&invoker, &name, entry).await;
            inner.under_way.send_modify(|under_way| *under_way -= 1);
        });
    }
}

impl Inner {
    async fn run(&self, invoker: &Invoker, name: &str, entry: Entry) {
        let Ok(_place) = self.places.acquire().await else {
            return;
        };
        let repeats = (0..self.delivery.times.max(1)).map(|repeat| {
            let mut entry = entry.clone();
            if repeat > 0 {
                entry.request_id = Uuid::new_v4().to_string();
            }
            self.attempt(invoker, entry)
        });
        let outcomes = if self.delivery.at_once {
            join_all(repeats).await
        } else {
            let mut outcomes = Vec::new();
            for repeat in repeats {
                outcomes.push(repeat.await);
            }
            outcomes
        };
        let done = match outcomes.into_iter().find_map(Result::err) {
            None => self.journal.remove(name),
            Some(err) => {
                tracing::error!(function = entry.function, error = %err, "an event was given up");
                self.journal.bury(name, entry, err.to_string())
            }
        };
        if let Err(err) = done {
            tracing::error!(error = %err, "the journal of events cannot be written");
        }
    }

    /// Calls the function until it succeeds, or the retries are used up.
    async fn attempt(&self, invoker: &Invoker, entry: Entry) -> Result<(), FunctionError> {
        let retries = self
            .triggers
            .iter()
            .find(|(trigger, _)| trigger.function == entry.function)
            .map_or(0, |(_, retries)| *retries);
        let mut failures = 0;
        loop {
            let invocation = Invocation {
                request_id: entry.request_id.clone(),
                ..Invocation::new(&entry.function, &entry.payload)
            };
            match invoker.invoke(invocation).await {
                Ok(_) => return Ok(()),
                Err(err) if failures == retries => return Err(err),
                Err(err) => {
                    tracing::warn!(function = entry.function, error = %err, "an event will be tried again");
                    failures += 1;
                    tokio::time::sleep(self.delivery.backoff * failures).await;
                }
            }
        }
    }
}

/// Calls a function again and again, first when the time between two calls has passed.
///
/// A call that fails is not repeated: the next one comes anyway.
async fn call_by_clock(Schedule { every, function }: Schedule, invoker: Invoker) {
    loop {
        tokio::time::sleep(every).await;
        let event = scheduled(&function, clock::now());
        if let Err(err) = invoker.invoke(Invocation::new(&function, &event)).await {
            tracing::warn!(function, error = %err, "a call by the clock failed");
        }
    }
}

/// The event in EventBridge's own words.
fn scheduled(rule: &str, now: Timestamp) -> Value {
    let now = now.to_string();
    // EventBridge counts seconds.
    let seconds = now.split('.').next().unwrap_or_default();
    json!({
        "version": "0",
        "id": Uuid::new_v4().to_string(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": format!("{seconds}Z"),
        "region": REGION,
        "resources": [format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule}")],
        "detail": {},
    })
}

/// The event in S3's own words. There is no version id, because the bucket keeps no versions here.
fn event(arrival: &Arrival, now: Timestamp, sequence: u64) -> Value {
    let key = utf8_percent_encode(&arrival.key, KEPT)
        .to_string()
        .replace(' ', "+");
    json!({
        "Records": [{
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": REGION,
            "eventTime": now,
            "eventName": arrival.event,
            "userIdentity": { "principalId": "AWS:LOCAL" },
            "requestParameters": { "sourceIPAddress": "127.0.0.1" },
            "responseElements": {
                "x-amz-request-id": format!("{sequence:016X}"),
                "x-amz-id-2": format!("{sequence:016x}"),
            },
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "local",
                "bucket": {
                    "name": arrival.bucket,
                    "ownerIdentity": { "principalId": "LOCAL" },
                    "arn": bucket_arn(&arrival.bucket),
                },
                "object": {
                    "key": key,
                    "size": arrival.size,
                    "eTag": arrival.e_tag,
                    "sequencer": format!("{sequence:018X}"),
                },
            },
        }],
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use aws_lambda_events::s3::S3Event;
    use lambda_runtime::LambdaEvent;

    use super::*;
    use crate::invoke::{Handlers, InProcess};

    #[test]
    fn an_arrival_becomes_the_event_that_s3_sends() {
        let arrival = Arrival {
            event: "ObjectCreated:Put",
            bucket: "bucket".to_owned(),
            key: "drop/Ada & Bob's é+1 (a_b-c.d*).csv".to_owned(),
            size: 12,
            e_tag: "d41d8cd98f00b204e9800998ecf8427e".to_owned(),
        };

        let now = Timestamp::from_millis(1_795_423_066_500);
        let event = event(&arrival, now, 0x18_0a_ff);

        let record = &event["Records"][0];
        assert_eq!(record["eventTime"], "2026-11-23T08:37:46.500Z");
        assert_eq!(
            record["s3"]["object"],
            json!({
                "key": "drop/Ada+%26+Bob%27s+%C3%A9%2B1+%28a_b-c.d*%29.csv",
                "size": 12,
                "eTag": "d41d8cd98f00b204e9800998ecf8427e",
                "sequencer": "000000000000180AFF",
            })
        );
        let parsed: S3Event = serde_json::from_value(event).unwrap();
        assert_eq!(parsed.records[0].event_name.as_deref(), Some("ObjectCreated:Put"));
    }

    #[tokio::test]
    async fn the_clock_calls_again_and_again_whatever_becomes_of_a_call() {
        let folder = tempfile::tempdir().unwrap();
        let mut template = Template::embedded("local", &BTreeMap::new()).unwrap();
        template.schedules = vec![Schedule {
            every: Duration::from_millis(5),
            function: "sweep".to_owned(),
        }];
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let handlers = Handlers::new().event("sweep", move |event: LambdaEvent<Value>| {
            tell.send(event.payload).unwrap();
            async { Err::<(), _>("as always".to_owned()) }
        });
        let invoker = Invoker::new(InProcess::new(handlers, template.functions.clone()));

        let events = Events::open(folder.path(), &template, Delivery::default()).unwrap();
        events.deliver(invoker).unwrap();

        for _ in 0..3 {
            let event = told.recv().await.unwrap();
            assert_eq!(event["detail-type"], "Scheduled Event");
            assert_eq!(event["source"], "aws.events");
            assert_eq!(
                event["time"].as_str().unwrap().len(),
                "2026-11-23T08:37:46Z".len()
            );
        }
        events.stop().await;
    }

    #[test]
    fn sequencers_grow() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path()).unwrap();

        let numbers: Vec<_> = (0..1000).map(|_| journal.next()).collect();

        assert!(numbers.is_sorted_by(|a, b| a < b));
    }
}
