//! The storage calls that a request cannot do without, by the bare SDK.

use aws_sdk_dynamodb::types::{AttributeValue, Select};
use futures::future::try_join_all;
use local::Local;
use shared::BoxError;
use shared::roster::UserId;

use super::CONTACTS;

/// The calls that a request cannot do without.
#[derive(Clone, Copy)]
pub(super) enum Floor {
    User,
    Contacts,
    Page,
    Users,
}

impl Floor {
    pub(super) const fn beside(self) -> &'static str {
        match self {
            Self::User => "`GetItem`",
            Self::Contacts => "the paged `Query` of all",
            Self::Page => "eight `Query`s of as much, side by side",
            Self::Users => "the paged `Query`s of all, eight side by side",
        }
    }

    /// How many times request and floor are taken, in turn.
    pub(super) const fn rounds(self) -> usize {
        match self {
            Self::User => 1000,
            Self::Contacts | Self::Page => 50,
            Self::Users => 10,
        }
    }

    /// Makes the calls once; `owner` is whose user and contacts are read.
    pub(super) async fn take(self, local: &Local, owner: UserId) -> Result<(), BoxError> {
        match self {
            Self::User => user(local, owner).await,
            Self::Contacts => contacts(local, owner).await,
            Self::Page => listing(local, Some(10)).await,
            Self::Users => listing(local, None).await,
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

/// Reads the eight parts of the listing side by side: the first `limit` users of each, or page by page
/// to the end.
async fn listing(local: &Local, limit: Option<i32>) -> Result<(), BoxError> {
    try_join_all((0..8).map(|part| async move {
        let mut pages = local
            .dynamodb()
            .query()
            .table_name(local.table())
            .index_name("listing")
            .key_condition_expression("LPK = :part")
            .expression_attribute_values(":part", AttributeValue::S(format!("U#{part}")))
            .set_limit(limit)
            .set_select(limit.is_none().then_some(Select::Count))
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            page?;
            if limit.is_some() {
                break;
            }
        }
        Ok::<_, BoxError>(())
    }))
    .await?;
    Ok(())
}
