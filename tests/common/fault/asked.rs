//! What a request asks for, and which page that is.

use std::{collections::HashMap, sync::Mutex};

use serde_json::Value;

use super::wire::Request;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Asked {
    /// The operation, such as `Query`.
    pub operation: String,
    /// The part of a parallel Scan.
    pub segment: Option<i64>,
    /// Which page of the read it is: the first is 1.
    pub page: usize,
}

/// Which read, and after which row: the operation, the segment, and the row's key.
type Place = (String, Option<i64>, String);

/// Which page begins where, as the answers so far have said.
#[derive(Default)]
pub(super) struct PageNumbers(Mutex<HashMap<Place, usize>>);

impl PageNumbers {
    /// What a request asks for. A page that begins where no answer has said is taken for the second.
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
        // Without reading all of a megabyte.
        let Some(place) = body.windows(NAME.len()).rposition(|bytes| bytes == NAME) else { return };
        let rest = serde_json::Deserializer::from_slice(&body[place + NAME.len()..]);
        let Some(Ok(key)) = rest.into_iter::<Value>().next() else { return };
        let place = (asked.operation.clone(), asked.segment, text(&key));
        self.0.lock().unwrap().insert(place, asked.page + 1);
    }
}

/// A key in one text, whatever the order of its attributes.
fn text(key: &Value) -> String {
    let mut attributes: Vec<String> =
        key.as_object().into_iter().flatten().map(|(name, value)| format!("{name}={value}")).collect();
    attributes.sort();
    attributes.join(",")
}
