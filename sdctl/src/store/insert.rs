//! Adding many new rows, on condition that they are new.

use std::time::Duration;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{CancellationReason, Put, TransactWriteItem},
};
use http_sd_lambda::{
    group::{EpochSeconds, StoredGroup},
    table::{JOB, TableError, row_key},
};

use super::{Backoff, Store, WriteError, content::content};

/// How many rows a transaction may have.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
pub const MOST_IN_TRANSACTION: usize = 100;
/// How often a transaction is tried that a throttled table, or another transaction, has stopped.
const TRIES: u32 = 15;
/// The first pause before that.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

impl Store {
    /// Adds at most [`MOST_IN_TRANSACTION`] rows of at most 4 MB in all: every one of them, or none.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] if one of them is there already; [`TableError`] when DynamoDB refuses.
    pub async fn insert(&self, groups: &[StoredGroup], owner: &str, now: EpochSeconds) -> Result<(), WriteError> {
        let puts: Vec<TransactWriteItem> = groups.iter().map(|group| self.put_new(group, owner, now)).collect();
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        for _ in 1..TRIES {
            let Err(error) = self.client.transact_write_items().set_transact_items(Some(puts.clone())).send().await
            else {
                return Ok(());
            };
            if let Some(there) = position(&error, &["ConditionalCheckFailed"]).and_then(|i| groups.get(i)) {
                return Err(WriteError::Conflict { job: there.job.clone(), group: there.name.clone() });
            }
            let passing = ["ThrottlingError", "ProvisionedThroughputExceeded", "TransactionConflict"];
            if position(&error, &passing).is_none() {
                return Err(TableError::from(error).into());
            }
            tokio::time::sleep(backoff.pause()).await;
        }
        Err(TableError::Throttled("throttled: the table takes no more rows".into()).into())
    }

    fn put_new(&self, group: &StoredGroup, owner: &str, now: EpochSeconds) -> TransactWriteItem {
        let mut item = row_key(group.job.as_str(), group.name.as_str());
        item.extend(content(group, Some(owner), now).into_iter().map(|(name, value)| (name.to_owned(), value)));
        let put = Put::builder()
            .table_name(self.name())
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#job)")
            .expression_attribute_names("#job", JOB);
        TransactWriteItem::builder().set_put(put.build().ok()).build()
    }
}

/// The first row that ended a transaction for one of those reasons.
fn position(error: &SdkError<TransactWriteItemsError>, codes: &[&str]) -> Option<usize> {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
        return None;
    };
    let code = |reason: &CancellationReason| reason.code().is_some_and(|code| codes.contains(&code));
    cancelled.cancellation_reasons().iter().position(code)
}
