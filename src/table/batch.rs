//! Writing many new rows with few requests.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};

use super::{
    Backoff, Table, TableError,
    write::{content, item_key},
};
use crate::group::{EpochSeconds, StoredGroup};

/// How many rows a request may have.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>
pub const MOST_IN_BATCH: usize = 25;
/// How often rows that a throttled table has left out are sent again without one of them getting through.
const TRIES: u32 = 10;
/// The first pause before that.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

impl Table {
    /// Puts at most [`MOST_IN_BATCH`] rows that were seen not to be there. DynamoDB takes no conditions here: a row
    /// that has come meanwhile is replaced, so that the caller has to look again afterwards.
    ///
    /// Returns how many were written, also where an error ended it.
    pub async fn put_batch(
        &self,
        groups: &[StoredGroup],
        owner: Option<&str>,
        now: EpochSeconds,
    ) -> (usize, Result<(), TableError>) {
        let mut left: Vec<WriteRequest> = groups.iter().map(|group| put(group, owner, now)).collect();
        let pauses = || Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        let (mut tries, mut backoff) = (0, pauses());
        while !left.is_empty() {
            let before = left.len();
            let sent = self.client.batch_write_item().request_items(&self.name, std::mem::take(&mut left)).send().await;
            match sent {
                Ok(answer) => {
                    left = answer.unprocessed_items.into_iter().flatten().flat_map(|(_, rows)| rows).collect();
                }
                Err(error) => return (groups.len() - before, Err(error.into())),
            }
            if left.is_empty() {
                break;
            }
            if left.len() < before {
                (tries, backoff) = (0, pauses());
            }
            tries += 1;
            if tries == TRIES {
                let error = TableError::Unavailable("throttled: the table takes no more rows".into());
                return (groups.len() - left.len(), Err(error));
            }
            tokio::time::sleep(backoff.pause()).await;
        }
        (groups.len(), Ok(()))
    }
}

fn put(group: &StoredGroup, owner: Option<&str>, now: EpochSeconds) -> WriteRequest {
    let mut item: HashMap<String, AttributeValue> = item_key(&group.job, &group.name);
    item.extend(content(group, owner, now).into_iter().map(|(name, value)| (name.to_owned(), value)));
    let put = PutRequest::builder().set_item(Some(item)).build().ok();
    WriteRequest::builder().set_put_request(put).build()
}
