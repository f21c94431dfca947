//! The floor of the import: the same items by bare calls of the SDK.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::{
    AttributeValue, BatchStatementRequest, ConsumedCapacity, ReturnConsumedCapacity,
};
use futures::{StreamExt, TryStreamExt, stream};
use local::Local;
use shared::BoxError;

/// Calls, of 25 inserts each, that are under way at the same time.
const CALLS: usize = 16;

/// Writes `rows` items of the shape that an import writes; the time, and the write units.
pub(super) async fn write(local: &Local, rows: u32) -> Result<(Duration, f64), BoxError> {
    let statements: Vec<_> = (0..rows)
        .map(|row| statement(local.table(), row))
        .collect::<Result<_, _>>()?;
    let calls: Vec<Vec<_>> = statements.chunks(25).map(<[_]>::to_vec).collect();
    let client = local.dynamodb();
    let started = Instant::now();
    let units = stream::iter(calls)
        .map(|statements| async move {
            let answer = client
                .batch_execute_statement()
                .set_statements(Some(statements))
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await?;
            let mut responses = answer.responses().iter();
            assert!(responses.all(|response| response.error().is_none()));
            let used = answer.consumed_capacity().iter();
            Ok::<f64, BoxError>(used.filter_map(ConsumedCapacity::capacity_units).sum())
        })
        .buffer_unordered(CALLS)
        .try_fold(0.0, async |sum, used| Ok(sum + used))
        .await?;
    Ok((started.elapsed(), units))
}

fn statement(table: &str, row: u32) -> Result<BatchStatementRequest, BoxError> {
    let text = |value: String| AttributeValue::S(value);
    let number = |value: u64| AttributeValue::N(value.to_string());
    let email = format!("bare{row:08}@example.org");
    let slot = format!("{row:024}");
    let attributes = [
        ("PK", text(format!("U#{slot}"))),
        ("SK", text("U".to_owned())),
        ("LPK", text(format!("U#{}", row % 8))),
        ("LSK", text(email.clone())),
        ("id", text(format!("{slot}abcdefgh"))),
        ("email", text(email.clone())),
        ("firstName", text(format!("First{row}"))),
        ("lastName", text(format!("Last{row}"))),
        ("mobileNumber", text("+442079460018".to_owned())),
        (
            "roles",
            AttributeValue::L(vec![text("ROLE_COLLABORATOR".to_owned())]),
        ),
        ("enabled", AttributeValue::Bool(true)),
        ("accountType", text("LOCAL".to_owned())),
        ("createdAt", number(1_795_000_000_000)),
        ("modifiedAt", number(1_795_000_000_000)),
        ("version", number(0)),
        ("importId", text("0".repeat(32))),
        ("importLine", number(u64::from(row) + 2)),
        ("search", text(format!("{email}\nfirst{row}\nlast{row}"))),
    ];
    let names: Vec<_> = attributes.iter().map(|(name, _)| format!("'{name}':?")).collect();
    Ok(BatchStatementRequest::builder()
        .statement(format!("INSERT INTO \"{}\" VALUE {{{}}}", table, names.join(",")))
        .set_parameters(Some(attributes.map(|(_, value)| value).into()))
        .build()?)
}
