//! What a function may do: what the template grants its role, and nothing else.
//!
//! A call that is not granted fails before it is sent. So a right that the template lacks shows on one
//! machine, in every test, and not only when it is deployed. Functions in processes of their own are
//! not held to it: their SDK is out of reach.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_dynamodb::config::http::HttpRequest;
use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::IgnoredAny;
use shared::BoxError;

use crate::template::{Function, Grant, bucket_arn, table_arn};

/// The rights of one function. The default is none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rights {
    function: Arc<str>,
    grants: Arc<[Grant]>,
}

/// One thing that a call does.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Act {
    action: String,
    resource: String,
}

impl Rights {
    pub(crate) fn of(name: &str, function: &Function) -> Self {
        Self {
            function: name.into(),
            grants: function.rights.as_slice().into(),
        }
    }

    fn allow(&self, act: &Act) -> bool {
        self.grants.iter().any(|grant| {
            grant.actions.contains(&act.action)
                && grant
                    .resources
                    .iter()
                    .any(|resource| match resource.strip_suffix('*') {
                        Some(beginning) => act.resource.starts_with(beginning),
                        None => *resource == act.resource,
                    })
        })
    }
}

impl Intercept for Rights {
    fn name(&self) -> &'static str {
        "rights"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        for act in acts(context.request())? {
            if !self.allow(&act) {
                let Act { action, resource } = act;
                let refusal = format!(
                    "the template does not grant {action} on {resource} to {}",
                    self.function
                );
                tracing::error!("{refusal}");
                return Err(refusal.into());
            }
        }
        Ok(())
    }
}

/// All that `request` does, in the words of rights.
fn acts(request: &HttpRequest) -> Result<Vec<Act>, BoxError> {
    match request.headers().get("x-amz-target") {
        Some(target) => on_table(
            target.rsplit('.').next().unwrap_or_default(),
            request.body().bytes().unwrap_or_default(),
        ),
        None => Ok(vec![on_bucket(request.method(), request.uri())]),
    }
}

/// What of a DynamoDB call matters to rights.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[expect(
    clippy::zero_sized_map_values,
    reason = "what is an object in JSON is read as a map"
)]
struct Call<'a> {
    #[serde(borrow)]
    table_name: Cow<'a, str>,
    #[serde(borrow)]
    index_name: Option<Cow<'a, str>>,
    /// Of batches: by table.
    #[serde(borrow)]
    request_items: BTreeMap<Cow<'a, str>, IgnoredAny>,
    /// Of transactions: each with its operation as its only member.
    #[serde(borrow)]
    transact_items: Vec<BTreeMap<Cow<'a, str>, Call<'a>>>,
    #[serde(borrow)]
    statements: Vec<Statement<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statement<'a> {
    #[serde(borrow)]
    statement: Cow<'a, str>,
}

fn on_table(operation: &str, body: &[u8]) -> Result<Vec<Act>, BoxError> {
    let call: Call<'_> = serde_json::from_slice(body)?;
    let act = |operation: &str, table: &str| Act {
        action: format!("dynamodb:{operation}"),
        resource: table_arn(table),
    };
    Ok(match operation {
        "BatchGetItem" | "BatchWriteItem" => call
            .request_items
            .keys()
            .map(|table| act(operation, table))
            .collect(),
        "TransactGetItems" | "TransactWriteItems" => call
            .transact_items
            .iter()
            .flatten()
            .map(|(kind, item)| match &**kind {
                "ConditionCheck" => act("ConditionCheckItem", &item.table_name),
                kind => act(&format!("{kind}Item"), &item.table_name),
            })
            .collect(),
        "BatchExecuteStatement" => call
            .statements
            .iter()
            .map(|Statement { statement }| {
                let verb = statement.split(' ').next().unwrap_or_default();
                let verb = match verb {
                    "DELETE" => "PartiQLDelete",
                    "INSERT" => "PartiQLInsert",
                    "SELECT" => "PartiQLSelect",
                    "UPDATE" => "PartiQLUpdate",
                    other => other,
                };
                act(verb, statement.split('"').nth(1).unwrap_or_default())
            })
            .collect(),
        _ => {
            let mut act = act(operation, &call.table_name);
            if let Some(index) = &call.index_name {
                act.resource.push_str("/index/");
                act.resource.push_str(index);
            }
            vec![act]
        }
    })
}

/// What a call to S3 does. Buckets are the first segment of the path here.
fn on_bucket(method: &str, uri: &str) -> Act {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let path = path.split_once("://").map_or(path, |(_, rest)| {
        rest.split_once('/').map_or("", |(_, path)| path)
    });
    let path = percent_decode_str(path.trim_start_matches('/')).decode_utf8_lossy();
    let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    let operation = match method {
        "GET" | "HEAD" if key.is_empty() => "ListBucket",
        "GET" | "HEAD" if has("versionId") => "GetObjectVersion",
        "GET" | "HEAD" => "GetObject",
        "DELETE" if has("uploadId") => "AbortMultipartUpload",
        "DELETE" => "DeleteObject",
        _ => "PutObject",
    };
    let bucket = bucket_arn(bucket);
    Act {
        action: format!("s3:{operation}"),
        resource: if key.is_empty() {
            bucket
        } else {
            format!("{bucket}/{key}")
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::template::Template;

    fn on_table(operation: &str, body: &serde_json::Value) -> Vec<(String, String)> {
        super::on_table(operation, body.to_string().as_bytes())
            .unwrap()
            .into_iter()
            .map(|Act { action, resource }| (action, resource.rsplit(':').next().unwrap().to_owned()))
            .collect()
    }

    fn acts(acts: &[(&str, &str)]) -> Vec<(String, String)> {
        acts.iter()
            .map(|(action, resource)| ((*action).to_owned(), (*resource).to_owned()))
            .collect()
    }

    #[test]
    fn a_query_of_an_index_needs_the_index() {
        assert_eq!(
            on_table(
                "Query",
                &json!({ "TableName": "t", "IndexName": "i", "Limit": 1 })
            ),
            acts(&[("dynamodb:Query", "table/t/index/i")])
        );
        assert_eq!(
            on_table("Query", &json!({ "TableName": "t" })),
            acts(&[("dynamodb:Query", "table/t")])
        );
    }

    #[test]
    fn a_transaction_needs_the_right_of_each_of_its_actions() {
        let body = json!({ "TransactItems": [
            { "Put": { "TableName": "t", "Item": {} } },
            { "ConditionCheck": { "TableName": "t", "Key": {} } },
        ] });

        assert_eq!(
            on_table("TransactWriteItems", &body),
            acts(&[
                ("dynamodb:PutItem", "table/t"),
                ("dynamodb:ConditionCheckItem", "table/t")
            ])
        );
    }

    #[test]
    fn a_batch_needs_the_right_of_the_batch_and_statements_each_their_own() {
        assert_eq!(
            on_table(
                "BatchGetItem",
                &json!({ "RequestItems": { "t": { "Keys": [] } } })
            ),
            acts(&[("dynamodb:BatchGetItem", "table/t")])
        );
        assert_eq!(
            on_table(
                "BatchExecuteStatement",
                &json!({ "Statements": [{ "Statement": "INSERT INTO \"t\" VALUE {}", "Parameters": [] }] })
            ),
            acts(&[("dynamodb:PartiQLInsert", "table/t")])
        );
    }

    #[test]
    fn objects_are_read_written_and_listed_by_rights_of_their_own() {
        for (method, uri, action, resource) in [
            (
                "GET",
                "http://h:1/b/drop/a%20b.csv?x-id=GetObject",
                "s3:GetObject",
                "b/drop/a b.csv",
            ),
            ("GET", "http://h:1/b/k?versionId=1", "s3:GetObjectVersion", "b/k"),
            ("POST", "http://h:1/b/k?uploads", "s3:PutObject", "b/k"),
            (
                "DELETE",
                "http://h:1/b/k?uploadId=1",
                "s3:AbortMultipartUpload",
                "b/k",
            ),
            ("GET", "http://h:1/b?list-type=2", "s3:ListBucket", "b"),
        ] {
            assert_eq!(
                on_bucket(method, uri),
                Act {
                    action: action.to_owned(),
                    resource: format!("arn:aws:s3:::{resource}"),
                },
                "{method} {uri}"
            );
        }
    }

    #[test]
    fn what_is_not_granted_is_refused() {
        let template = Template::embedded("local", &BTreeMap::new()).unwrap();
        let rights = Rights::of("imports", &template.functions["imports"]);
        let may = |method, path: &str| {
            rights.allow(&on_bucket(
                method,
                &format!("http://h:1/{}/{path}", template.bucket),
            ))
        };

        assert!(may("PUT", "imports/1.csv"));
        assert!(!may("PUT", "drop/1.csv"));
        assert!(!may("GET", "imports/1.csv"));
        assert!(!Rights::default().allow(&on_bucket("GET", "http://h:1/b/k")));
    }
}
