//! Reads of single rows by their keys.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use aws_sdk_dynamodb::types::KeysAndAttributes;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use tokio::time::sleep;

use super::{
    Attributes, Budget, Detail, JobRows, Keys, Page, PageContent, ReadError, Row, RowRules, Table, TableError,
    builder::Builder,
    page::{StartKey, TakeBody},
    reader::Reader,
    retried::LogRetries,
    row_key,
};
use crate::group::{EpochSeconds, Job};

/// The number of keys in one request, at most.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>
pub(super) const KEYS_AT_ONCE: usize = 100;
/// The number of parallel requests.
const BATCHES: usize = 4;
/// The maximum number of requests for one batch. A response may leave keys unprocessed.
const ATTEMPTS: u32 = 8;
/// The pause after the first response with unprocessed keys. Each later pause is twice as long.
const PAUSE: Duration = Duration::from_millis(25);

/// The response to `BatchGetItem`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Response<'a> {
    #[serde(borrow)]
    responses: HashMap<String, Vec<Row<'a>>>,
    #[serde(borrow)]
    unprocessed_keys: HashMap<String, Unprocessed<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Unprocessed<'a> {
    #[serde(borrow)]
    keys: Vec<Row<'a>>,
}

impl Reader {
    /// Reads rows by their keys, strongly consistent. Returns the jobs of rows that exist, and the number of responses.
    ///
    /// # Errors
    /// [`ReadError`], also if keys stay unprocessed.
    pub(super) async fn rows(
        &self,
        keys: &Keys,
        now: EpochSeconds,
        budget: &Budget,
    ) -> Result<(BTreeMap<Job, Arc<JobRows>>, usize), ReadError> {
        let keys = keys.iter().flat_map(|(job, groups)| groups.iter().map(move |group| (job.as_str(), group.as_str())));
        let keys: Vec<(&str, &str)> = keys.collect();
        let batches: Vec<_> = keys.chunks(KEYS_AT_ONCE).map(|batch| self.table.batch(batch)).collect();
        let pages: Vec<Vec<Page>> = stream::iter(batches).buffered(BATCHES).try_collect().await?;
        let mut builder = Builder::new(RowRules { detail: Detail::Followed, ..self.rules }, now, budget);
        let mut count = 0;
        for page in pages.iter().flatten() {
            count += 1;
            builder.add(&page.batch()?.0)?;
        }
        Ok((Builder::finish(vec![builder])?, count))
    }
}

impl Table {
    /// Reads the rows of a batch of keys.
    async fn batch(&self, keys: &[(&str, &str)]) -> Result<Vec<Page>, TableError> {
        let mut pages = Vec::new();
        let mut unread: Vec<StartKey> =
            keys.iter().map(|(job, group)| StartKey { job: (*job).to_owned(), group: (*group).to_owned() }).collect();
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                sleep(PAUSE * 2_u32.pow(attempt - 1)).await;
            }
            let page = self.batch_once(&unread).await?;
            let (content, unprocessed) = page.batch()?;
            for row in &content.rows {
                let key = row.key()?;
                if !unread.iter().any(|unread| (unread.job.as_str(), unread.group.as_str()) == key) {
                    return Err(TableError::Unavailable("a response has a row that was not requested".into()));
                }
            }
            pages.push(page);
            if unprocessed.is_empty() {
                return Ok(pages);
            }
            unread = unprocessed;
        }
        Err(TableError::Throttled(format!("{} keys are still unprocessed", unread.len())))
    }

    async fn batch_once(&self, keys: &[StartKey]) -> Result<Page, TableError> {
        let view = Detail::Followed.view();
        let keys: Vec<Attributes> = keys.iter().map(|key| row_key(&key.job, &key.group)).collect();
        let request = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(view.is_consistent)
            .projection_expression(view.projection())
            .set_expression_attribute_names(Some(view.names()))
            .build()
            .map_err(|error| TableError::Refused(error.to_string()))?;
        let body = TakeBody::default();
        let get = self.client.batch_get_item().request_items(&self.name, request);
        get.customize().interceptor(body.clone()).interceptor(LogRetries::default()).send().await?;
        body.page()
    }
}

impl Page {
    /// Parses the response to `BatchGetItem`. Returns its rows, and the unprocessed keys.
    ///
    /// # Errors
    /// [`TableError::Unavailable`] if the response is invalid.
    pub fn batch(&self) -> Result<(PageContent<'_>, Vec<StartKey>), TableError> {
        let bad = |problem: String| TableError::Unavailable(format!("a response {problem}"));
        let (json, response) = self.parse::<Response<'_>>().map_err(bad)?;
        let unprocessed = response.unprocessed_keys.values().flat_map(|unprocessed| &unprocessed.keys);
        let unprocessed = unprocessed.map(StartKey::of).collect::<Result<_, _>>();
        let unprocessed = unprocessed.map_err(|fault| bad(format!("has an invalid key: a key {fault}")))?;
        let rows = response.responses.into_values().flatten().collect();
        Ok((PageContent { rows, next: None, json }, unprocessed))
    }
}
