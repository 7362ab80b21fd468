//! The responses of a stream.

use serde::Deserialize;

use super::{Unknown, shards::Shard};
use crate::{
    group::{GroupName, Job},
    table::{Page, Row, page::StartKey},
};

/// A page of records.
#[derive(Debug, PartialEq, Eq)]
pub struct Records {
    /// The rows that the records name.
    pub keys: Vec<(Job, GroupName)>,
    /// The position after the page; `None` at the end of a closed shard.
    pub next: Option<String>,
}

/// A page of the list of a stream's shards.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Description {
    pub(super) stream_arn: String,
    pub(super) stream_status: String,
    pub(super) shards: Vec<Shard>,
    pub(super) last_evaluated_shard_id: Option<String>,
}

/// The response to `GetRecords`.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetRecords.html>
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetRecords<'a> {
    #[serde(borrow)]
    records: Vec<Record<'a>>,
    next_shard_iterator: Option<String>,
}

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    dynamodb: Change<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change<'a> {
    #[serde(borrow)]
    keys: Row<'a>,
}

/// The response to `GetShardIterator`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetShardIterator {
    shard_iterator: String,
}

/// The response to `DescribeStream`.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_DescribeStream.html>
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeStream {
    stream_description: Description,
}

impl Records {
    /// Parses the response to `GetRecords`.
    ///
    /// # Errors
    /// [`Unknown::Unavailable`] if the response, or the key in a record, is invalid.
    pub fn of(page: &Page) -> Result<Self, Unknown> {
        let response: GetRecords<'_> = parse(page)?;
        let keys = response.records.iter().map(|record| key(&record.dynamodb.keys)).collect::<Result<_, _>>()?;
        Ok(Self { keys, next: response.next_shard_iterator })
    }
}

impl Description {
    /// Parses the response to `DescribeStream`.
    ///
    /// # Errors
    /// [`Unknown::Unavailable`] if the response is invalid.
    pub fn of(page: &Page) -> Result<Self, Unknown> {
        parse::<DescribeStream>(page).map(|response| response.stream_description)
    }
}

/// Returns the position in the response to `GetShardIterator`.
pub(super) fn iterator(page: &Page) -> Result<String, Unknown> {
    parse::<GetShardIterator>(page).map(|response| response.shard_iterator)
}

fn parse<'a, T: Deserialize<'a>>(page: &'a Page) -> Result<T, Unknown> {
    page.parse().map(|(_, response)| response).map_err(|problem| Unknown::Unavailable(format!("a response {problem}")))
}

/// Returns the key in a record.
fn key(keys: &Row<'_>) -> Result<(Job, GroupName), Unknown> {
    let key = StartKey::of(keys).and_then(|key| Ok((Job::new(key.job)?, GroupName::new(key.group)?)));
    key.map_err(|fault| Unknown::Unavailable(format!("a record has an invalid key: a key {fault}")))
}
