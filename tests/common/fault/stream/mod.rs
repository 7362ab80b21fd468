//! A stream with invented shards: they split, close and lag, and their positions expire, which no local engine does.
//!
//! The records are those of the engine's stream. Each goes to the open shard of its key, as in DynamoDB.

mod shard;
mod source;

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    mem,
    sync::{Mutex, MutexGuard},
};

use serde_json::{Value, json};

use self::{shard::Shard, source::Source};
use super::{play, wire::Answer};
use crate::Dynamo;

/// A stream that behaves as a test says.
pub struct InventedStream(Mutex<State>);

struct State {
    source: Source,
    shards: Vec<Shard>,
    /// Records without an open shard.
    homeless: Vec<Value>,
    /// The number of times that the positions have expired.
    expired: usize,
    /// The number of empty pages before each page of records.
    empty_pages: usize,
    /// The number of reads of a shard that do not return a new record yet.
    lag: usize,
    /// Whether only every second shard lags.
    lags_unevenly: bool,
    shards_of_a_page: usize,
    records_of_a_page: usize,
}

/// A position in a shard, which the text of an iterator contains.
struct Position {
    shard: usize,
    record: usize,
    /// The number of empty pages read at this position.
    empty: usize,
    /// The number of times that positions had expired before.
    expired: usize,
}

/// The name of DynamoDB's error.
type ErrorName = &'static str;

impl InventedStream {
    /// Creates a stream with one open shard, which gets the further changes of the table.
    pub(super) fn before(dynamo: &Dynamo) -> Self {
        Self(Mutex::new(State {
            source: Source::of(dynamo),
            shards: vec![Shard::new(0, None)],
            homeless: Vec::new(),
            expired: 0,
            empty_pages: 0,
            lag: 0,
            lags_unevenly: false,
            shards_of_a_page: 100,
            records_of_a_page: 1000,
        }))
    }

    /// Closes all open shards. Each gets `children` children, which get the further changes.
    pub fn split_into(&self, children: usize) {
        self.close();
        self.open(children);
    }

    /// Closes all open shards.
    pub fn close(&self) {
        let state = &mut self.with_all_records();
        for shard in &mut state.shards {
            shard.is_open = false;
        }
    }

    /// Creates `children` children of each closed shard that has none. They get the changes since the shard closed.
    pub fn open(&self, children: usize) {
        let state = &mut self.with_all_records();
        for parent in 0..state.shards.len() {
            if !state.shards[parent].is_open && state.children(parent).next().is_none() {
                for _ in 0..children {
                    let number = state.shards.len();
                    state.shards.push(Shard::new(number, Some(parent)));
                }
            }
        }
        let homeless = mem::take(&mut state.homeless);
        state.assign(homeless);
    }

    /// Lets all positions expire that were taken before.
    pub fn expire(&self) {
        self.0.lock().unwrap().expired += 1;
    }

    /// Deletes all records so far.
    pub fn trim(&self) {
        self.with_all_records().shards.iter_mut().for_each(Shard::trim);
    }

    /// Hides further records from the next `reads` reads of their shard.
    pub fn lag(&self, reads: usize) {
        self.with_all_records().lag = reads;
    }

    /// As [`InventedStream::lag`], but only in every second shard.
    pub fn lag_unevenly(&self, reads: usize) {
        self.lag(reads);
        self.0.lock().unwrap().lags_unevenly = true;
    }

    /// Returns `pages` empty pages before each page of records.
    pub fn precede_records(&self, pages: usize) {
        self.0.lock().unwrap().empty_pages = pages;
    }

    /// Sets the number of shards of a page of `DescribeStream`, and of records of a page of `GetRecords`.
    pub fn pages_of(&self, shards: usize, records: usize) {
        let mut state = self.0.lock().unwrap();
        (state.shards_of_a_page, state.records_of_a_page) = (shards, records);
    }

    /// Returns the state, with all records that the engine has.
    fn with_all_records(&self) -> MutexGuard<'_, State> {
        let mut state = self.0.lock().unwrap();
        state.receive();
        state
    }

    /// Returns the response to an operation of the stream.
    pub(super) fn answer(&self, operation: &str, request: &Value) -> Answer {
        let mut state = self.with_all_records();
        let answer = match operation {
            "DescribeStream" => state.describe(request),
            "GetShardIterator" => state.iterator(request),
            "GetRecords" => state.records(request),
            other => panic!("{other} is not an operation of a stream"),
        };
        match answer {
            Ok(json) => Answer::new(200, json.to_string()).with_checksum(),
            Err(name) => play::error(400, name),
        }
    }
}

impl State {
    /// Takes new records from the engine.
    fn receive(&mut self) {
        let records = self.source.new_records();
        self.assign(records);
    }

    fn assign(&mut self, records: Vec<Value>) {
        for record in records {
            match self.shard_of(&record["dynamodb"]["Keys"]) {
                Some(shard) => {
                    let lag = if self.lags_unevenly && shard.is_multiple_of(2) { 0 } else { self.lag };
                    self.shards[shard].add(record, lag);
                }
                None => self.homeless.push(record),
            }
        }
    }

    /// Returns the open shard of a key: below the first shard, one of the children at each level.
    fn shard_of(&self, key: &Value) -> Option<usize> {
        let mut shard = 0;
        while !self.shards[shard].is_open {
            let children: Vec<usize> = self.children(shard).collect();
            let mut hasher = DefaultHasher::new();
            (key.to_string(), shard).hash(&mut hasher);
            let place = hasher.finish().checked_rem(children.len() as u64)?;
            shard = children[usize::try_from(place).unwrap()];
        }
        Some(shard)
    }

    fn children(&self, parent: usize) -> impl Iterator<Item = usize> {
        (0..self.shards.len()).filter(move |child| self.shards[*child].parent == Some(parent))
    }

    fn describe(&self, request: &Value) -> Result<Value, ErrorName> {
        self.check_arn(request)?;
        let start = match request["ExclusiveStartShardId"].as_str() {
            None => 0,
            Some(id) => self.find(id)? + 1,
        };
        let end = self.shards.len().min(start + self.shards_of_a_page);
        let shards: Vec<Value> = self.shards[start..end].iter().map(Shard::describe).collect();
        let mut description = json!({
            "StreamArn": self.source.arn, "StreamStatus": "ENABLED", "StreamViewType": "KEYS_ONLY", "Shards": shards,
        });
        if end < self.shards.len() {
            description["LastEvaluatedShardId"] = shard::id(end - 1).into();
        }
        Ok(json!({ "StreamDescription": description }))
    }

    fn iterator(&self, request: &Value) -> Result<Value, ErrorName> {
        self.check_arn(request)?;
        let shard = self.find(request["ShardId"].as_str().unwrap())?;
        let record = match request["ShardIteratorType"].as_str().unwrap() {
            "LATEST" => self.shards[shard].visible(),
            "TRIM_HORIZON" => self.shards[shard].trimmed,
            other => panic!("no position of the kind {other} was expected"),
        };
        let position = Position { shard, record, empty: 0, expired: self.expired };
        Ok(json!({ "ShardIterator": position.to_string() }))
    }

    fn records(&mut self, request: &Value) -> Result<Value, ErrorName> {
        let position = request["ShardIterator"].as_str().and_then(Position::parse).ok_or("ValidationException")?;
        if position.expired < self.expired {
            return Err("ExpiredIteratorException");
        }
        let shard = &mut self.shards[position.shard];
        if position.record < shard.trimmed {
            return Err("TrimmedDataAccessException");
        }
        let end = shard.visible().clamp(position.record, position.record + self.records_of_a_page);
        shard.reads += 1;
        let next = if end > position.record && position.empty < self.empty_pages {
            Position { empty: position.empty + 1, ..position }
        } else {
            Position { record: end, empty: 0, ..position }
        };
        let records = &shard.records()[position.record..next.record];
        let mut page = json!({ "Records": records });
        // DynamoDB returns the last records of a closed shard without a further position.
        if shard.is_open || next.record < shard.records().len() {
            page["NextShardIterator"] = next.to_string().into();
        }
        Ok(page)
    }

    fn check_arn(&self, request: &Value) -> Result<(), ErrorName> {
        if request["StreamArn"] == self.source.arn { Ok(()) } else { Err("ResourceNotFoundException") }
    }

    fn find(&self, id: &str) -> Result<usize, ErrorName> {
        (0..self.shards.len()).find(|shard| shard::id(*shard) == id).ok_or("ResourceNotFoundException")
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.shard, self.record, self.empty, self.expired)
    }
}

impl Position {
    fn parse(text: &str) -> Option<Self> {
        let numbers: Vec<usize> = text.split('/').map(str::parse).collect::<Result<_, _>>().ok()?;
        let [shard, record, empty, expired] = numbers[..] else { return None };
        Some(Self { shard, record, empty, expired })
    }
}
