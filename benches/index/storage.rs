//! What a client uses of storage.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::get_item::{GetItemInput, GetItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};
use aws_sdk_s3::operation::get_object::GetObjectOutput;

/// What was used of storage since it was asked last.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Used {
    /// Reading calls of the table.
    pub(crate) calls: u32,
    /// The read units that storage has counted for them.
    pub(crate) units: f64,
    /// Calls that read an object, or a range of one.
    pub(crate) gets: u32,
    /// Bytes of them.
    pub(crate) bytes: u64,
}

/// Counts what the clients that have it use of storage.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter(Arc<Mutex<Used>>);

impl Meter {
    pub(crate) fn take(&self) -> Used {
        self.0
            .lock()
            .map(|mut used| std::mem::take(&mut *used))
            .unwrap_or_default()
    }

    fn add(&self, used: &[ConsumedCapacity]) {
        if let Ok(mut sum) = self.0.lock() {
            sum.calls += 1;
            sum.units += used
                .iter()
                .filter_map(ConsumedCapacity::capacity_units)
                .sum::<f64>();
        }
    }
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let input = context.input_mut();
        let total = Some(ReturnConsumedCapacity::Total);
        if let Some(get) = input.downcast_mut::<GetItemInput>() {
            get.return_consumed_capacity = total;
        } else if let Some(batch) = input.downcast_mut::<BatchGetItemInput>() {
            batch.return_consumed_capacity = total;
        } else if let Some(query) = input.downcast_mut::<QueryInput>() {
            query.return_consumed_capacity = total;
        }
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Ok(output) = context.output_or_error() else {
            return Ok(());
        };
        if let Some(get) = output.downcast_ref::<GetItemOutput>() {
            self.add(get.consumed_capacity.as_slice());
        } else if let Some(batch) = output.downcast_ref::<BatchGetItemOutput>() {
            self.add(batch.consumed_capacity());
        } else if let Some(query) = output.downcast_ref::<QueryOutput>() {
            self.add(query.consumed_capacity.as_slice());
        } else if let Some(object) = output.downcast_ref::<GetObjectOutput>()
            && let Ok(mut sum) = self.0.lock()
        {
            sum.gets += 1;
            sum.bytes += object
                .content_length
                .and_then(|bytes| u64::try_from(bytes).ok())
                .unwrap_or_default();
        }
        Ok(())
    }
}
