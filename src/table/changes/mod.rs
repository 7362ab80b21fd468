//! Changes of the table, as its stream tells them: nothing changed, these keys changed, or unknown.
//!
//! A record only names a row. Its images are not read, because an old image could hide a later write.
//!
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html>

mod requests;
mod responses;
mod shards;
mod unknown;

pub use responses::{Description, Records};
pub use unknown::Unknown;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    time::Duration,
};

use aws_sdk_dynamodb::types::TableDescription;
use aws_sdk_dynamodbstreams::{Client, types::ShardIteratorType};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::timeout;

use self::{requests::Stream, shards::Shards};
use crate::group::{GroupName, Job, excerpt};

/// The time-out of [`Changes::start`], which can include new TLS connections.
const START: Duration = Duration::from_secs(5);
/// The time-out of [`Changes::look`]. A poll that fails to look still needs time to read the table.
const LOOK: Duration = Duration::from_secs(3);
/// The number of parallel requests. Each needs a connection, and a small function has only a fraction of a core.
const PARALLEL: usize = 8;
/// The maximum number of pages of one look, besides one for each shard. A page has up to 1000 records, and reading the
/// table is cheaper than reading so many rows one by one.
const MOST_PAGES: usize = 40;

/// The rows that changed: the names of groups by job.
pub type Keys = BTreeMap<Job, BTreeSet<GroupName>>;

/// The changes since the last look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// The stream has no new record. A record of a recent change can still follow.
    Nothing,
    /// Rows were put or deleted. The stream says neither what they contain now nor whether they exist.
    Keys(Keys),
}

/// The positions in the open shards of a stream.
#[derive(Debug)]
pub struct Changes {
    stream: Stream,
    positions: Vec<Position>,
    /// The shards of the last description of the stream.
    known: HashSet<String>,
}

/// A position in a shard. It expires after 15 minutes, and can be read several times until then.
#[derive(Debug, Clone)]
struct Position {
    shard: String,
    iterator: String,
}

/// The stream of a table, from its description.
///
/// # Errors
/// [`Unknown::NoStream`] if the table has no stream, or has turned it off.
pub fn stream_arn(table: &TableDescription) -> Result<&str, Unknown> {
    let is_on = table.stream_specification().is_some_and(|stream| stream.stream_enabled);
    table.latest_stream_arn().filter(|_| is_on).ok_or(Unknown::NoStream)
}

impl Changes {
    /// Takes positions at the end of all open shards of a stream. A strongly consistent read that begins afterwards
    /// sees each change that later looks do not tell.
    ///
    /// # Errors
    /// [`Unknown`].
    pub async fn start(client: Client, arn: impl Into<String>) -> Result<Self, Unknown> {
        let stream = Stream::new(client, arn.into());
        timeout(START, Self::take(stream)).await.map_err(|_| Unknown::Late(START))?
    }

    async fn take(stream: Stream) -> Result<Self, Unknown> {
        let shards = stream.shards().await?;
        let leaves: Vec<String> = shards.leaves().map(str::to_owned).collect();
        // Without a shard every look would find nothing.
        if leaves.is_empty() {
            return Err(Unknown::Incomplete("it has no open shard".into()));
        }
        let positions = positions(&stream, leaves, ShardIteratorType::Latest).await?;
        let start = Self { stream, positions, known: shards.ids() };
        // DynamoDB does not say whether LATEST is the end when the position is taken or when it is first read. A read
        // also replaces shards that have just closed.
        let (positions, known, _) = start.read().await?;
        Ok(Self { positions, known, ..start })
    }

    /// Reads all records after the positions, and moves the positions behind them.
    ///
    /// A look that fails or is cancelled moves no position, so that the next one tells the same records.
    ///
    /// # Errors
    /// [`Unknown`]. Anything may have changed.
    pub async fn look(&mut self) -> Result<Look, Unknown> {
        let (positions, known, keys) = timeout(LOOK, self.read()).await.map_err(|_| Unknown::Late(LOOK))??;
        self.positions = positions;
        self.known = known;
        Ok(if keys.is_empty() { Look::Nothing } else { Look::Keys(keys) })
    }

    /// Returns the number of requests so far, without retries.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.stream.requests()
    }

    /// Returns the number of requests of a look that finds no record.
    #[must_use]
    pub fn shards(&self) -> usize {
        self.positions.len()
    }

    async fn read(&self) -> Result<(Vec<Position>, HashSet<String>, Keys), Unknown> {
        let (mut known, mut keys) = (self.known.clone(), Keys::new());
        let (mut read, mut unread) = (Vec::with_capacity(self.positions.len()), self.positions.clone());
        let mut pages_left = self.positions.len() + MOST_PAGES;
        while !unread.is_empty() {
            pages_left = pages_left.checked_sub(unread.len()).ok_or(Unknown::TooMany)?;
            let pages = stream::iter(unread).map(|position| async move {
                let page = self.stream.records(&position.iterator).await?;
                Ok::<_, Unknown>((position.shard, page))
            });
            let pages: Vec<_> = pages.buffered(PARALLEL).try_collect().await?;
            let mut closed = Vec::new();
            unread = Vec::new();
            for (shard, page) in pages {
                let has_records = !page.keys.is_empty();
                for (job, group) in page.keys {
                    keys.entry(job).or_default().insert(group);
                }
                match page.next {
                    Some(iterator) if has_records => unread.push(Position { shard, iterator }),
                    Some(iterator) => read.push(Position { shard, iterator }),
                    None => closed.push(shard),
                }
            }
            if !closed.is_empty() {
                let shards = self.stream.shards().await?;
                let new = successors(&shards, &closed, &known)?;
                unread.extend(positions(&self.stream, new, ShardIteratorType::TrimHorizon).await?);
                known = shards.ids();
            }
        }
        Ok((read, known, keys))
    }
}

/// Returns the shards to follow after some shards closed: all that are not known yet.
fn successors(shards: &Shards, closed: &[String], known: &HashSet<String>) -> Result<Vec<String>, Unknown> {
    if let Some(shard) = closed.iter().find(|shard| !shards.has_child(shard)) {
        return Err(Unknown::Incomplete(format!("the shard {} has closed, but no shard continues it", excerpt(shard))));
    }
    Ok(shards.ids().into_iter().filter(|shard| !known.contains(shard)).collect())
}

/// Takes positions in shards.
async fn positions(stream: &Stream, shards: Vec<String>, kind: ShardIteratorType) -> Result<Vec<Position>, Unknown> {
    let kind = &kind;
    let positions = stream::iter(shards).map(|shard| async move {
        let iterator = stream.iterator(&shard, kind.clone()).await?;
        Ok::<_, Unknown>(Position { shard, iterator })
    });
    positions.buffered(PARALLEL).try_collect().await
}
