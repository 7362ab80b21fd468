//! The engine's own stream, as the source of records.

use serde_json::{Value, json};

use crate::{Dynamo, Endpoint, engine::TABLE, http};

/// A position in the single shard of the engine's stream.
pub(super) struct Source {
    endpoint: Endpoint,
    pub(super) arn: String,
    iterator: String,
}

impl Source {
    /// Takes a position at the end of the stream.
    pub(super) fn of(dynamo: &Dynamo) -> Self {
        let endpoint = dynamo.endpoint();
        let table = ask(&endpoint, "DynamoDB_20120810.DescribeTable", &json!({ "TableName": TABLE }));
        let arn = table["Table"]["LatestStreamArn"].clone();
        let stream = ask(&endpoint, "DynamoDBStreams_20120810.DescribeStream", &json!({ "StreamArn": arn }));
        let shards = stream["StreamDescription"]["Shards"].as_array().unwrap();
        assert_eq!(shards.len(), 1, "the engine has one shard");
        let place = json!({ "StreamArn": arn, "ShardId": shards[0]["ShardId"], "ShardIteratorType": "LATEST" });
        let iterator = ask(&endpoint, "DynamoDBStreams_20120810.GetShardIterator", &place);
        Self { endpoint, arn: text(&arn), iterator: text(&iterator["ShardIterator"]) }
    }

    /// Returns the records since the last call.
    pub(super) fn new_records(&mut self) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let place = json!({ "ShardIterator": self.iterator });
            let mut page = ask(&self.endpoint, "DynamoDBStreams_20120810.GetRecords", &place);
            self.iterator = text(&page["NextShardIterator"]);
            let Value::Array(records) = page["Records"].take() else { panic!("no records: {page}") };
            if records.is_empty() {
                return all;
            }
            all.extend(records);
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no string")).to_owned()
}

/// Sends a request to the engine. Local engines read the access key of the signature, and do not verify it.
fn ask(endpoint: &Endpoint, operation: &str, request: &Value) -> Value {
    let credential = format!("{}/20260101/us-east-1/dynamodb/aws4_request", endpoint.access_key());
    let signature = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, Signature=0");
    let request = http::agent()
        .post(format!("{endpoint}/"))
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", operation)
        .header("x-amz-date", "20260101T000000Z")
        .header("authorization", signature)
        .send(request.to_string().as_bytes());
    let mut answer = request.unwrap();
    let body = answer.body_mut().with_config().limit(http::MOST).read_to_string().unwrap();
    assert_eq!(answer.status(), 200, "{operation}: {body}");
    serde_json::from_str(&body).unwrap()
}
