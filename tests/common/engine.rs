//! An embedded DynamoDB engine on a thread and a port of its own.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client,
    config::{
        retry::{RetryConfig, RetryPartition},
        timeout::TimeoutConfig,
    },
    types::AttributeValue,
};
use http_sd_lambda::{
    config,
    group::EpochSeconds,
    local::{self, Engine},
    service::TokenHash,
    table::{ATTEMPT_TIMEOUT, Expect, Owner, Table},
};

use super::{TOKEN, background::Background, log};

pub const TABLE: &str = "http-sd";

/// A DynamoDB that stops when it is dropped.
pub struct Dynamo {
    pub address: SocketAddr,
    pub client: Client,
    _server: Background,
}

impl Dynamo {
    /// An engine without tables.
    pub fn start() -> Self {
        log::watch();
        let server = Background::start(|listener| async {
            Engine::in_memory().unwrap().serve(listener, std::future::pending()).await.unwrap();
        });
        Self { address: server.address, client: client(server.address), _server: server }
    }

    /// An engine with an empty table.
    pub async fn with_table() -> Self {
        let dynamo = Self::start();
        assert!(dynamo.table().create().await.unwrap());
        dynamo
    }

    pub fn table(&self) -> Table {
        Table::new(self.client.clone(), TABLE)
    }

    /// The row of that group, as DynamoDB has it.
    pub async fn row(&self, job: &str, group: &str) -> Option<HashMap<String, AttributeValue>> {
        let get = self.client.get_item().table_name(TABLE).consistent_read(true);
        let get = get.key("job", AttributeValue::S(job.into())).key("group", AttributeValue::S(group.into()));
        get.send().await.unwrap().item
    }

    /// Every row, by job and group.
    pub async fn rows(&self) -> BTreeMap<(String, String), HashMap<String, AttributeValue>> {
        let pages = self.client.scan().table_name(TABLE).into_paginator().items().send();
        let rows: Vec<_> = pages.try_collect().await.unwrap();
        let text = |row: &HashMap<_, AttributeValue>, name| row[name].as_s().unwrap().clone();
        rows.into_iter().map(|row| ((text(&row, "job"), text(&row, "group")), row)).collect()
    }

    pub async fn delete(&self, job: &str, group: &str) {
        let delete = self.client.delete_item().table_name(TABLE);
        let delete = delete.key("job", AttributeValue::S(job.into())).key("group", AttributeValue::S(group.into()));
        delete.send().await.unwrap();
    }

    pub async fn delete_table(&self) {
        self.client.delete_table().table_name(TABLE).send().await.unwrap();
    }

    /// Puts the sample fleet into the table.
    pub async fn put_sample(&self) {
        for group in local::sample().unwrap() {
            self.table().write(&group, Owner::AsBefore, Expect::Anything, EpochSeconds(1)).await.unwrap();
        }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Dynamo {
    /// A test ends with the table that it had.
    fn drop(&mut self) {
        log::assert_no_secret();
    }
}

/// The environment in which any AWS SDK finds an engine at that URL.
pub fn environment(endpoint: &str) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint.into()),
        ("AWS_REGION", "us-east-1".into()),
        ("AWS_ACCESS_KEY_ID", "local".into()),
        ("AWS_SECRET_ACCESS_KEY", format!("{}-key", log::MARK)),
    ]
}

/// The environment in which the function serves that engine's table to whoever sends [`TOKEN`].
pub fn function_environment(endpoint: &str) -> Vec<(&'static str, String)> {
    let mut variables = environment(endpoint);
    variables.extend([
        (config::TABLE, TABLE.into()),
        (config::AUTH, "token".into()),
        (config::TOKEN_SHA256, TokenHash::of(TOKEN.as_bytes()).to_string()),
    ]);
    variables
}

/// A client that retries as often as the SDK's default, only without the long pauses.
pub fn client(address: SocketAddr) -> Client {
    let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(10));
    Client::from_conf(local::client(&format!("http://{address}")).config().to_builder().retry_config(retries).build())
}

/// A client with the function's own time-outs as well, which no other client's failures keep from retrying.
pub fn function_client(address: SocketAddr) -> Client {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build();
    // What the SDK spends on retries it counts for the whole process.
    let retries = RetryPartition::new(address.to_string());
    let config = client(address).config().to_builder().timeout_config(timeouts).retry_partition(retries).build();
    Client::from_conf(config)
}
