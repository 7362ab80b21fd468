//! Rows as users write them, valid or broken.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, PutRequest, WriteRequest},
};

use super::{Dynamo, engine::TABLE};

/// A number in DynamoDB's notation.
pub struct Number(String);

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self(number.to_string())
    }
}

impl From<&str> for Number {
    fn from(number: &str) -> Self {
        Self(number.into())
    }
}

/// A row to write to the table.
#[derive(Clone)]
pub struct Row(HashMap<String, AttributeValue>);

pub fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub fn n(number: impl Into<Number>) -> AttributeValue {
    AttributeValue::N(number.into().0)
}

pub fn list<const N: usize>(elements: [AttributeValue; N]) -> AttributeValue {
    AttributeValue::L(elements.into())
}

pub fn map<const N: usize>(entries: [(&str, AttributeValue); N]) -> AttributeValue {
    AttributeValue::M(entries.map(|(name, value)| (name.to_owned(), value)).into())
}

impl Row {
    /// A row with its key and nothing else.
    pub fn key(job: &str, group: &str) -> Self {
        Self([("job".into(), s(job)), ("group".into(), s(group))].into())
    }

    /// A valid row without labels.
    pub fn new(job: &str, group: &str, targets: &[&str]) -> Self {
        Self::key(job, group).with("targets", AttributeValue::L(targets.iter().map(|t| s(t)).collect()))
    }

    pub fn labels<const N: usize>(self, labels: [(&str, &str); N]) -> Self {
        self.with("labels", map(labels.map(|(name, value)| (name, s(value)))))
    }

    pub fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.0.insert(name.into(), value);
        self
    }

    pub async fn put(self, dynamo: &Dynamo) {
        self.put_with(&dynamo.client).await;
    }

    pub async fn put_with(self, client: &Client) {
        client.put_item().table_name(TABLE).set_item(Some(self.0)).send().await.unwrap();
    }
}

/// Rows of the job `node`, large enough that ten fill a page.
pub fn tenths_of_a_page(rows: usize) -> impl Iterator<Item = Row> {
    let padding = "x".repeat(100_000);
    (0..rows).map(move |i| Row::new("node", &format!("{i:02}"), &[&format!("{i}:1")]).labels([("padding", &padding)]))
}

/// Writes many rows in batches.
pub async fn put_all(dynamo: &Dynamo, rows: impl IntoIterator<Item = Row>) {
    let rows: Vec<Row> = rows.into_iter().collect();
    for batch in rows.chunks(25) {
        let writes = batch
            .iter()
            .map(|row| {
                let put = PutRequest::builder().set_item(Some(row.0.clone())).build().unwrap();
                WriteRequest::builder().put_request(put).build()
            })
            .collect();
        let answer = dynamo.client.batch_write_item().request_items(TABLE, writes).send().await.unwrap();
        assert!(answer.unprocessed_items.unwrap_or_default().is_empty());
    }
}
