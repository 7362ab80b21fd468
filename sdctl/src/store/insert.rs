//! Adds many new rows in one transaction, which fails if one of them exists.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{CancellationReason, Put, TransactWriteItem},
};
use http_sd_lambda::{
    group::{EpochSeconds, StoredGroup},
    table::{Attributes, JOB, TableError, row_key},
};

use super::{Backoff, Store, WriteError, content::content};

/// The most rows of a transaction.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
pub const MOST_IN_TRANSACTION: usize = 100;
/// The most bytes of rows in a transaction: small enough for a slow connection and for a small table.
const MOST_BYTES: usize = 256 << 10;
/// The attempts of a transaction that a throttled table or another transaction cancels.
const ATTEMPTS: u32 = 15;
/// The first pause between two attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Cuts new rows into transactions. `size` returns the bytes of a row.
pub fn transactions<T>(rows: &[T], size: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let mut transactions = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (i, row) in rows.iter().enumerate() {
        let more = size(row);
        if i > start && (i - start == MOST_IN_TRANSACTION || bytes + more > MOST_BYTES) {
            transactions.push(&rows[start..i]);
            (start, bytes) = (i, 0);
        }
        bytes += more;
    }
    transactions.extend(Some(&rows[start..]).filter(|rest| !rest.is_empty()));
    transactions
}

impl Store {
    /// Adds all of the rows or none. At most [`MOST_IN_TRANSACTION`] rows, at most 4 MB in total.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] if one of the rows exists; [`TableError`] if DynamoDB refuses.
    pub async fn insert(&self, groups: &[StoredGroup], owner: &str, now: EpochSeconds) -> Result<(), WriteError> {
        let puts = || groups.iter().map(|group| self.put_new(group, owner, now)).collect();
        let conflict = |place| {
            let there: &StoredGroup = groups.get(place)?;
            Some(WriteError::Conflict { job: there.job.clone(), group: there.name.clone() })
        };
        self.transact(puts, conflict).await
    }

    /// Writes new rows, and records them in the journal. `puts` returns the rows for an attempt. `conflict` returns the
    /// error for the row at an index, which exists already.
    pub(super) async fn transact(
        &self,
        puts: impl Fn() -> Vec<TransactWriteItem>,
        conflict: impl Fn(usize) -> Option<WriteError>,
    ) -> Result<(), WriteError> {
        let first = puts();
        let Some(journal) = self.journal() else { return transact(&self.client, first, puts, conflict).await };
        journal.add(rows(&first));
        let written = transact(&self.client, first, &puts, conflict).await;
        written.inspect_err(|error| journal.not_added(rows(&puts()), error))
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

fn rows(puts: &[TransactWriteItem]) -> impl Iterator<Item = &Attributes> {
    puts.iter().filter_map(TransactWriteItem::put).map(Put::item)
}

/// Writes new rows, with retries.
async fn transact(
    client: &Client,
    mut puts: Vec<TransactWriteItem>,
    again: impl Fn() -> Vec<TransactWriteItem>,
    conflict: impl Fn(usize) -> Option<WriteError>,
) -> Result<(), WriteError> {
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    for _ in 1..ATTEMPTS {
        let Err(error) = client.transact_write_items().set_transact_items(Some(puts)).send().await else {
            return Ok(());
        };
        if let Some(conflict) = position(&error, &["ConditionalCheckFailed"]).and_then(&conflict) {
            return Err(conflict);
        }
        let passing = ["ThrottlingError", "ProvisionedThroughputExceeded", "TransactionConflict"];
        if position(&error, &passing).is_none() {
            return Err(TableError::from(error).into());
        }
        tokio::time::sleep(backoff.pause()).await;
        puts = again();
    }
    Err(TableError::Throttled(format!("throttled: all {ATTEMPTS} attempts to add rows failed")).into())
}

/// Returns the index of the first row that cancelled a transaction with one of these codes.
fn position(error: &SdkError<TransactWriteItemsError>, codes: &[&str]) -> Option<usize> {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() else {
        return None;
    };
    let code = |reason: &CancellationReason| reason.code().is_some_and(|code| codes.contains(&code));
    cancelled.cancellation_reasons().iter().position(code)
}
