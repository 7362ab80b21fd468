//! The operation, segment and page of a DynamoDB request.

use std::{collections::HashMap, sync::Mutex};

use serde_json::Value;

use super::wire::Request;

/// The operations of a stream.
pub const STREAM_OPERATIONS: [&str; 3] = ["DescribeStream", "GetShardIterator", "GetRecords"];

/// The identity of a request, by which rules choose a fault.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Asked {
    /// The operation, such as `Query`.
    pub operation: String,
    /// The segment of a parallel Scan.
    pub segment: Option<i64>,
    /// The page of the read. The first page is 1.
    pub page: usize,
}

impl Asked {
    /// Returns whether the request is to a stream.
    pub fn is_of_stream(&self) -> bool {
        STREAM_OPERATIONS.contains(&&*self.operation)
    }
}

/// The start of a page: the operation, the segment, and the key of the row before it.
type Place = (String, Option<i64>, String);

/// The number of each page, learned from the responses so far.
#[derive(Default)]
pub(super) struct PageNumbers(Mutex<HashMap<Place, usize>>);

impl PageNumbers {
    /// Returns the identity of a request. A page with an unknown start counts as page 2.
    pub(super) fn asked(&self, request: &Request) -> Asked {
        let operation = request.header("x-amz-target").rsplit('.').next().unwrap().to_owned();
        let segment = request.json["Segment"].as_i64();
        let start = &request.json["ExclusiveStartKey"];
        let page = if start.is_null() {
            1
        } else {
            let place = (operation.clone(), segment, text(start));
            self.0.lock().unwrap().get(&place).copied().unwrap_or(2)
        };
        Asked { operation, segment, page }
    }

    /// Remembers where the next page begins.
    pub(super) fn answered(&self, asked: &Asked, body: &[u8]) {
        const NAME: &[u8] = br#""LastEvaluatedKey":"#;
        // A search from the end avoids parsing a megabyte.
        let Some(place) = body.windows(NAME.len()).rposition(|bytes| bytes == NAME) else { return };
        let rest = serde_json::Deserializer::from_slice(&body[place + NAME.len()..]);
        let Some(Ok(key)) = rest.into_iter::<Value>().next() else { return };
        let place = (asked.operation.clone(), asked.segment, text(&key));
        self.0.lock().unwrap().insert(place, asked.page + 1);
    }
}

/// Returns a key as text, independent of the order of its attributes.
fn text(key: &Value) -> String {
    let mut attributes: Vec<String> =
        key.as_object().into_iter().flatten().map(|(name, value)| format!("{name}={value}")).collect();
    attributes.sort();
    attributes.join(",")
}
