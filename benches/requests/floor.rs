//! The storage calls that a request cannot do without, by the bare SDK.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use local::Local;
use shared::BoxError;
use shared::roster::{Slot, UserId};

use super::CONTACTS;

/// The calls that a request cannot do without.
#[derive(Clone, Copy)]
pub(super) enum Floor {
    User,
    Contacts,
    Page,
}

impl Floor {
    pub(super) const fn beside(self) -> &'static str {
        match self {
            Self::User => "`GetItem`",
            Self::Contacts => "the paged `Query` of all",
            Self::Page => "`Query` of the notes, `BatchGetItem` of as many users",
        }
    }

    /// How many times request and floor are taken, in turn.
    pub(super) const fn rounds(self) -> usize {
        match self {
            Self::User => 1000,
            Self::Contacts | Self::Page => 50,
        }
    }

    /// Makes the calls once; `owner` is whose user and contacts are read.
    pub(super) async fn take(self, local: &Local, owner: UserId) -> Result<(), BoxError> {
        match self {
            Self::User => user(local, owner).await,
            Self::Contacts => contacts(local, owner).await,
            Self::Page => page(local).await,
        }
    }
}

async fn user(local: &Local, owner: UserId) -> Result<(), BoxError> {
    let key = AttributeValue::S(format!("U#{}", owner.slot()));
    let read = local
        .dynamodb()
        .get_item()
        .table_name(local.table())
        .key("PK", key)
        .key("SK", AttributeValue::S("U".to_owned()))
        .consistent_read(true)
        .send()
        .await?;
    read.item.map(|_| ()).ok_or_else(|| "the user is gone".into())
}

/// Reads the owner's whole partition of contacts, page by page.
async fn contacts(local: &Local, owner: UserId) -> Result<(), BoxError> {
    let mut pages = local
        .dynamodb()
        .query()
        .table_name(local.table())
        .key_condition_expression("PK = :owner")
        .expression_attribute_values(":owner", AttributeValue::S(format!("C#{owner}")))
        .consistent_read(true)
        .into_paginator()
        .send();
    let mut found = 0;
    while let Some(page) = pages.next().await {
        found += page?.items().len();
    }
    assert_eq!(found, CONTACTS);
    Ok(())
}

/// Reads the notes and the manifest of the index, and ten users with the manifest.
async fn page(local: &Local) -> Result<(), BoxError> {
    let notes = local
        .dynamodb()
        .query()
        .table_name(local.table())
        .key_condition_expression("PK = :index")
        .expression_attribute_values(":index", AttributeValue::S("Q#0".to_owned()))
        .consistent_read(true)
        .send();
    notes.await?;
    let key = |pk: String, sk: &str| {
        HashMap::from([
            ("PK".to_owned(), AttributeValue::S(pk)),
            ("SK".to_owned(), AttributeValue::S(sk.to_owned())),
        ])
    };
    let slots = (0..10).map(|number| Slot::of_key(&format!("user{number:08}@example.org")));
    let mut keys: Vec<_> = slots.map(|slot| key(format!("U#{slot}"), "U")).collect();
    keys.push(key("Q#0".to_owned(), "M"));
    let wanted = KeysAndAttributes::builder()
        .set_keys(Some(keys))
        .consistent_read(true)
        .build()?;
    let read = local
        .dynamodb()
        .batch_get_item()
        .request_items(local.table(), wanted)
        .send()
        .await?;
    let found = read
        .responses
        .into_iter()
        .flatten()
        .flat_map(|(_, items)| items)
        .count();
    assert_eq!(found, 11);
    Ok(())
}
