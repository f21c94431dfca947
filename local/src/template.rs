//! What `template.yaml` says, as far as one machine has a use for it.
//!
//! The template is the only place that names functions, routes, triggers, the table and the bucket.
//! It is built into the binary, so that the binary runs from any folder.

mod resolve;
mod yaml;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use self::resolve::Resolver;
pub(crate) use self::resolve::{ACCOUNT, REGION, bucket_arn, function_arn, table_arn};

/// The repository's own template.
const TEXT: &str = include_str!("../../template.yaml");

/// A template that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("template.yaml cannot be used: {0}")]
pub struct InvalidTemplate(String);

/// The stack that the template describes.
#[derive(Clone, Debug, Default)]
pub struct Template {
    /// The Lambda functions, by name.
    pub functions: BTreeMap<String, Function>,
    /// The HTTP API's routes, in no particular order.
    pub routes: Vec<Route>,
    /// Which arrivals in the bucket call which function.
    pub triggers: Vec<Trigger>,
    /// Which functions are called by the clock.
    pub schedules: Vec<Schedule>,
    /// The table.
    pub table: Table,
    /// The bucket's name.
    pub bucket: String,
    /// Whether the bucket tells EventBridge of its objects.
    pub has_event_bridge: bool,
}

/// A Lambda function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// After this long, a run is ended.
    pub timeout: Duration,
    /// In MB. Nothing enforces it on one machine.
    pub memory: u32,
    /// How often a failed event is delivered again.
    pub retries: u32,
    /// Its environment variables.
    pub environment: BTreeMap<String, String>,
    /// What its role may do.
    pub rights: Vec<Grant>,
}

/// Actions that a role may do on resources.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Grant {
    /// Always `Allow`: nothing else is granted that would have to be taken back.
    effect: Effect,
    /// The actions: `dynamodb:GetItem`.
    #[serde(rename = "Action")]
    pub actions: Vec<String>,
    /// The resources as ARNs, which may end with `*`.
    #[serde(rename = "Resource")]
    pub resources: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Effect {
    Allow,
}

/// A route of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method, or `ANY`.
    pub method: String,
    /// The path with its parameters in braces; `None` for the `$default` route.
    pub path: Option<String>,
    /// The function that answers.
    pub function: String,
}

/// A function to call when an object arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// What the object's key begins with.
    pub prefix: String,
    /// The function that is told.
    pub function: String,
}

/// A function to call again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The time between two calls.
    pub every: Duration,
    /// The function that is called.
    pub function: String,
}

/// The table, in the words of `CreateTable`, which are CloudFormation's too.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Table {
    /// The name.
    #[serde(skip)]
    pub name: String,
    /// The attributes that keys are made of.
    pub attribute_definitions: Vec<Attribute>,
    /// The primary key.
    pub key_schema: Vec<Key>,
    /// Indexes on other attributes of the same partition.
    #[serde(default)]
    pub local_secondary_indexes: Vec<Index>,
    /// Indexes with partitions of their own.
    #[serde(default)]
    pub global_secondary_indexes: Vec<Index>,
    /// The attribute that says when an item may be deleted.
    pub time_to_live_specification: Option<TimeToLive>,
}

/// An attribute that a key is made of.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Attribute {
    /// The name.
    pub attribute_name: String,
    /// `S`, `N` or `B`.
    pub attribute_type: String,
}

/// A part of a key.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Key {
    /// The attribute.
    pub attribute_name: String,
    /// `HASH` or `RANGE`.
    pub key_type: String,
}

/// A secondary index.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Index {
    /// The name.
    #[serde(rename = "IndexName")]
    pub name: String,
    /// Its key.
    pub key_schema: Vec<Key>,
    /// What it holds of an item.
    pub projection: Projection,
}

/// What an index holds of an item.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Projection {
    /// `ALL`, `KEYS_ONLY` or `INCLUDE`.
    pub projection_type: String,
}

/// When items may be deleted.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TimeToLive {
    /// The attribute with the time, in seconds since 1970.
    pub attribute_name: String,
}

/// The properties of a function that matter here, with those of `Globals` filled in.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct FunctionProperties {
    code_uri: String,
    timeout: Option<Value>,
    memory_size: Option<u32>,
    event_invoke_config: EventInvokeConfig,
    environment: Environment,
    events: BTreeMap<String, Event>,
    policies: Vec<Policy>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    statement: Vec<Grant>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct EventInvokeConfig {
    maximum_retry_attempts: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Environment {
    variables: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(tag = "Type", content = "Properties")]
enum Event {
    HttpApi(HttpEvent),
    S3(S3Event),
    Schedule(ScheduleEvent),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HttpEvent {
    path: Option<String>,
    method: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct S3Event {
    events: String,
    filter: Option<S3Filter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct S3Filter {
    s3_key: S3Key,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct S3Key {
    rules: Vec<S3Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct S3Rule {
    name: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ScheduleEvent {
    schedule: String,
}

impl Template {
    /// The repository's own template, for a stack called `stack`, with `parameters` in place of the
    /// defaults.
    ///
    /// # Errors
    ///
    /// When the template uses something that this module does not understand, or has no such
    /// parameter.
    pub fn embedded(stack: &str, parameters: &BTreeMap<String, String>) -> Result<Self, InvalidTemplate> {
        Self::parse(TEXT, stack, parameters)
    }

    fn parse(
        text: &str,
        stack: &str,
        parameters: &BTreeMap<String, String>,
    ) -> Result<Self, InvalidTemplate> {
        let document = yaml::parse(text).map_err(|err| InvalidTemplate(err.to_string()))?;
        let resolver = Resolver::new(&document, stack, parameters)?;
        let globals: FunctionProperties = read(&resolver, &document["Globals"]["Function"])?;

        let mut template = Self::default();
        for (logical, resource) in document["Resources"].as_object().into_iter().flatten() {
            let name = || resolve::plain(&resolver.resolve(&json!({ "Ref": logical }))?);
            match resource["Type"].as_str() {
                Some("AWS::DynamoDB::Table") => {
                    template.table = read(&resolver, &resource["Properties"])?;
                    template.table.name = name()?;
                }
                Some("AWS::S3::Bucket") => {
                    template.bucket = name()?;
                    let notification = &resource["Properties"]["NotificationConfiguration"];
                    template.has_event_bridge =
                        notification["EventBridgeConfiguration"]["EventBridgeEnabled"] == true;
                }
                Some("AWS::Serverless::Function") => {
                    template.add(&globals, read(&resolver, &resource["Properties"])?)?;
                }
                _ => {}
            }
        }
        Ok(template)
    }

    /// Adds what starts the function `name`.
    fn add_event(&mut self, name: &str, event: Event) -> Result<(), InvalidTemplate> {
        match event {
            Event::HttpApi(HttpEvent { path, method }) => self.routes.push(Route {
                method: method.unwrap_or_else(|| "ANY".to_owned()).to_uppercase(),
                path,
                function: name.to_owned(),
            }),
            Event::S3(S3Event { events, filter }) => {
                let rules = filter.map(|filter| filter.s3_key.rules).unwrap_or_default();
                if events != "s3:ObjectCreated:*" || rules.iter().any(|rule| rule.name != "prefix") {
                    return Err(InvalidTemplate(format!(
                        "{name} has a trigger other than s3:ObjectCreated:* by prefix"
                    )));
                }
                self.triggers.push(Trigger {
                    prefix: rules
                        .into_iter()
                        .next()
                        .map(|rule| rule.value)
                        .unwrap_or_default(),
                    function: name.to_owned(),
                });
            }
            Event::Schedule(ScheduleEvent { schedule }) => self.schedules.push(Schedule {
                every: minutes(&schedule).ok_or_else(|| {
                    InvalidTemplate(format!("{name} has a schedule other than rate(N minutes)"))
                })?,
                function: name.to_owned(),
            }),
        }
        Ok(())
    }

    fn add(
        &mut self,
        globals: &FunctionProperties,
        properties: FunctionProperties,
    ) -> Result<(), InvalidTemplate> {
        let name = properties
            .code_uri
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .filter(|name| !name.is_empty())
            .ok_or_else(|| InvalidTemplate("a function has no CodeUri".to_owned()))?;

        for event in properties.events.into_values() {
            self.add_event(name, event)?;
        }

        let environment = globals
            .environment
            .variables
            .iter()
            .chain(&properties.environment.variables)
            .map(|(name, value)| Ok((name.clone(), resolve::plain(value)?)))
            .collect::<Result<_, InvalidTemplate>>()?;
        // As a parameter it is a text.
        let seconds = match properties.timeout.as_ref().or(globals.timeout.as_ref()) {
            Some(seconds) => resolve::plain(seconds)?
                .parse()
                .map_err(|_| InvalidTemplate(format!("{name} has a timeout that is no number")))?,
            None => 3,
        };
        let function = Function {
            timeout: Duration::from_secs(seconds),
            memory: properties.memory_size.or(globals.memory_size).unwrap_or(128),
            retries: properties.event_invoke_config.maximum_retry_attempts.unwrap_or(2),
            environment,
            rights: properties
                .policies
                .into_iter()
                .flat_map(|policy| policy.statement)
                .collect(),
        };
        self.functions.insert(name.to_owned(), function);
        Ok(())
    }
}

/// The time between two calls of `rate(5 minutes)`.
fn minutes(schedule: &str) -> Option<Duration> {
    let (number, unit) = schedule
        .strip_prefix("rate(")?
        .strip_suffix(')')?
        .split_once(' ')?;
    let number: u64 = number.parse().ok().filter(|number| *number > 0)?;
    ["minute", "minutes"]
        .contains(&unit)
        .then(|| Duration::from_secs(60 * number))
}

fn read<T: serde::de::DeserializeOwned>(
    resolver: &Resolver<'_>,
    value: &Value,
) -> Result<T, InvalidTemplate> {
    serde_json::from_value(resolver.resolve(value)?).map_err(|err| InvalidTemplate(err.to_string()))
}

#[cfg(test)]
mod tests;
