//! The requests to a stream.

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodbstreams::{Client, types::ShardIteratorType};

use super::{
    Unknown,
    responses::{Description, Records, iterator},
    shards::Shards,
};
use crate::table::{page::TakeBody, retried::LogRetries};

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
            let page = Description::of(&body.page()?)?;
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
        iterator(&body.page()?)
    }

    /// Reads the page of records at a position.
    pub(super) async fn records(&self, iterator: &str) -> Result<Records, Unknown> {
        let body = self.request();
        let get = self.client.get_records().shard_iterator(iterator);
        get.customize().interceptor(body.clone()).interceptor(LogRetries::of(STREAM)).send().await?;
        Records::of(&body.page()?)
    }

    /// Counts a request, and returns the interceptor of its response.
    fn request(&self) -> TakeBody {
        self.requests.fetch_add(1, Ordering::Relaxed);
        TakeBody::default()
    }
}
