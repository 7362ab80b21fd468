//! The requests to a stream and their responses.

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodbstreams::{Client, types::ShardIteratorType};
use serde::Deserialize;

use super::{
    Unknown,
    shards::{Shard, Shards},
};
use crate::{
    group::{GroupName, Job},
    table::{
        Row,
        page::{Page, StartKey, TakeBody},
        retried::LogRetries,
    },
};

/// The maximum number of pages of the list of shards. A page has 100 shards.
const MOST_PAGES: usize = 100;

/// The source of the responses, in the log.
const STREAM: &str = "the table's stream";

/// A stream of a table.
#[derive(Debug)]
pub(super) struct Stream {
    client: Client,
    arn: String,
    requests: AtomicUsize,
}

/// A page of records.
#[derive(Debug)]
pub(super) struct Records {
    /// The rows that the records name.
    pub(super) keys: Vec<(Job, GroupName)>,
    /// The position after the page; `None` at the end of a closed shard.
    pub(super) next: Option<String>,
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

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Description {
    stream_arn: String,
    stream_status: String,
    shards: Vec<Shard>,
    last_evaluated_shard_id: Option<String>,
}

impl Stream {
    pub(super) fn new(client: Client, arn: String) -> Self {
        Self { client, arn, requests: AtomicUsize::new(0) }
    }

    /// Returns the number of requests so far.
    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// Reads the list of all shards.
    pub(super) async fn shards(&self) -> Result<Shards, Unknown> {
        let (mut shards, mut start) = (Shards::default(), None);
        for _ in 0..MOST_PAGES {
            let body = self.request();
            let describe = self.client.describe_stream().stream_arn(&self.arn);
            let describe = describe.set_exclusive_start_shard_id(start.clone());
            describe.customize().interceptor(body.clone()).interceptor(LogRetries::of(STREAM)).send().await?;
            let DescribeStream { stream_description: page } = parse(&body.page()?)?;
            if page.stream_arn != self.arn {
                return Err(Unknown::OtherStream);
            }
            if page.stream_status != "ENABLED" {
                return Err(Unknown::NoStream);
            }
            shards.add(page.shards);
            match page.last_evaluated_shard_id {
                None => return Ok(shards),
                // The list would never end.
                next if next == start => {
                    return Err(Unknown::Incomplete("a page names itself as the next page".into()));
                }
                next => start = next,
            }
        }
        Err(Unknown::Incomplete(format!("it has more than {MOST_PAGES} pages")))
    }

    /// Takes a position in a shard.
    pub(super) async fn iterator(&self, shard: &str, kind: ShardIteratorType) -> Result<String, Unknown> {
        let body = self.request();
        let get = self.client.get_shard_iterator().stream_arn(&self.arn).shard_id(shard).shard_iterator_type(kind);
        get.customize().interceptor(body.clone()).interceptor(LogRetries::of(STREAM)).send().await?;
        parse::<GetShardIterator>(&body.page()?).map(|response| response.shard_iterator)
    }

    /// Reads the page of records at a position.
    pub(super) async fn records(&self, iterator: &str) -> Result<Records, Unknown> {
        let body = self.request();
        let get = self.client.get_records().shard_iterator(iterator);
        get.customize().interceptor(body.clone()).interceptor(LogRetries::of(STREAM)).send().await?;
        let page = body.page()?;
        let response: GetRecords<'_> = parse(&page)?;
        let keys = response.records.iter().map(|record| key(&record.dynamodb.keys)).collect::<Result<_, _>>()?;
        Ok(Records { keys, next: response.next_shard_iterator })
    }

    /// Counts a request, and returns the interceptor of its response.
    fn request(&self) -> TakeBody {
        self.requests.fetch_add(1, Ordering::Relaxed);
        TakeBody::default()
    }
}

fn parse<'a, T: Deserialize<'a>>(page: &'a Page) -> Result<T, Unknown> {
    page.parse().map(|(_, response)| response).map_err(|problem| Unknown::Unavailable(format!("a response {problem}")))
}

/// Returns the key in a record.
fn key(keys: &Row<'_>) -> Result<(Job, GroupName), Unknown> {
    let key = StartKey::of(keys).and_then(|key| Ok((Job::new(key.job)?, GroupName::new(key.group)?)));
    key.map_err(|fault| Unknown::Unavailable(format!("a record has an invalid key: a key {fault}")))
}
