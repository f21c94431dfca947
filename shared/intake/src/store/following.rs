//! Imports that apply a dry run or take another import back.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use errors::Error;
use table::{Refused, When};

use super::ImportStore;
use super::item::{key, stored};
use crate::record::Import;

impl ImportStore {
    /// Records `import`, which applies the dry run `parent`. `false` if the dry run is applied already, or gone.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn insert_applying(&self, import: &Import, parent: &Import) -> Result<bool, Error> {
        self.insert_following(import, parent, "appliedBy", None).await
    }

    /// Records `import`, which takes `parent` back. `false` if another one does since `parent` was read, or if it is
    /// gone.
    ///
    /// # Errors
    ///
    /// If storage fails.
    pub async fn insert_undoing(&self, import: &Import, parent: &Import) -> Result<bool, Error> {
        let before = parent.undone_by.map(|id| id.to_string());
        self.insert_following(import, parent, "undoneBy", before).await
    }

    /// Records `import`, and in the attribute of its parent that it follows it, if that names `before` still.
    async fn insert_following(
        &self,
        import: &Import,
        parent: &Import,
        attribute: &'static str,
        before: Option<String>,
    ) -> Result<bool, Error> {
        let doing = "record an import that follows another";
        let condition = match &before {
            None => "attribute_exists(PK) AND attribute_not_exists(#follower)",
            Some(_) => "#follower = :before",
        };
        let mut update = Update::builder()
            .table_name(self.table.name())
            .set_key(Some(key(parent.id).item()))
            .update_expression("SET #follower = :follower")
            .condition_expression(condition)
            .expression_attribute_names("#follower", attribute)
            .expression_attribute_values(":follower", AttributeValue::S(import.id.to_string()));
        if let Some(before) = before {
            update = update.expression_attribute_values(":before", AttributeValue::S(before));
        }
        let update = update.build().map_err(|error| Error::internal(doing, error))?;
        let actions = vec![
            self.table.put(stored(import, doing)?, When::Free, doing)?,
            TransactWriteItem::builder().update(update).build(),
        ];
        match self.table.transact(actions, doing).await {
            Ok(()) => Ok(true),
            Err(Refused::Condition(_)) => Ok(false),
            Err(Refused::Failed(error)) => Err(error),
        }
    }
}
