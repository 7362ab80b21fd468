//! The DynamoDB of a test.

use std::{
    collections::{BTreeMap, HashMap},
    env,
    net::SocketAddr,
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client,
    config::{
        Credentials,
        retry::{RetryConfig, RetryPartition},
        timeout::TimeoutConfig,
    },
    types::{AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType},
};
use http_sd_lambda::{
    config,
    group::{EpochSeconds, StoredGroup},
    http::TokenHash,
    table::{ATTEMPT_TIMEOUT, Table},
};
use sdctl::{
    local::{self, Engine},
    store::{Expect, Owner, Store},
};

use super::{Endpoint, TOKEN, background::Background, dynamodb_local, log};

pub const TABLE: &str = "http-sd";

/// What the tests' tables are in: `embedded`, the default, an engine in this process, or `dynamodb-local`, Amazon's.
const ENGINE: &str = "HTTP_SD_TEST_ENGINE";

/// Whether the engine is Amazon's.
pub fn is_dynamodb_local() -> bool {
    match env::var(ENGINE).as_deref() {
        Err(_) | Ok("" | "embedded") => false,
        Ok("dynamodb-local") => true,
        Ok(other) => panic!("{ENGINE} is {other:?}, but must be embedded or dynamodb-local"),
    }
}

/// A DynamoDB without tables at first, which nobody else has.
pub struct Dynamo {
    pub address: SocketAddr,
    pub client: Client,
    endpoint: Endpoint,
    /// What stops when it is dropped, if that is the engine.
    _server: Option<Background>,
}

impl Dynamo {
    /// An engine without tables.
    pub fn start() -> Self {
        log::watch();
        let server = (!is_dynamodb_local()).then(|| {
            Background::start(|listener| async {
                Engine::in_memory().unwrap().serve(listener, std::future::pending()).await.unwrap();
            })
        });
        let address = server.as_ref().map_or_else(dynamodb_local::address, |server| server.address);
        let endpoint = Endpoint::from(address);
        Self { address, client: client(&endpoint), endpoint, _server: server }
    }

    /// An engine with an empty table.
    pub async fn with_table() -> Self {
        let dynamo = Self::start();
        assert!(dynamo.store().create().await.unwrap());
        dynamo
    }

    /// Creates a table with another key, of these attributes.
    pub async fn create_other_table(&self, key: &[(&str, KeyType, ScalarAttributeType)]) {
        let mut create = self.client.create_table().table_name(TABLE).billing_mode(BillingMode::PayPerRequest);
        for (name, kind, of) in key {
            let element = KeySchemaElement::builder().attribute_name(*name).key_type(kind.clone()).build().unwrap();
            let attribute = AttributeDefinition::builder().attribute_name(*name).attribute_type(of.clone()).build();
            create = create.key_schema(element).attribute_definitions(attribute.unwrap());
        }
        create.send().await.unwrap();
    }

    /// The table as the function has it.
    pub fn table(&self) -> Table {
        Table::new(self.client.clone(), TABLE)
    }

    /// The table as `sdctl` has it.
    pub fn store(&self) -> Store {
        Store::new(self.client.clone(), TABLE)
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

    /// Puts the sample fleet into the table, and returns it.
    pub async fn put_sample(&self) -> Vec<StoredGroup> {
        let sample = local::sample().unwrap();
        for group in &sample {
            self.store().write(group, Owner::AsBefore, Expect::Anything, EpochSeconds(1)).await.unwrap();
        }
        sample
    }

    pub fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }
}

impl Drop for Dynamo {
    /// A test ends with the table that it had.
    fn drop(&mut self) {
        log::assert_no_secret();
    }
}

/// The environment in which any AWS SDK finds the engine at that endpoint.
pub fn environment(endpoint: &Endpoint) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint.to_string()),
        ("AWS_REGION", "us-east-1".into()),
        ("AWS_ACCESS_KEY_ID", endpoint.access_key().into()),
        ("AWS_SECRET_ACCESS_KEY", secret_key()),
    ]
}

/// The environment in which the function serves that engine's table to whoever sends [`TOKEN`].
pub fn function_environment(endpoint: &Endpoint) -> Vec<(&'static str, String)> {
    let mut variables = environment(endpoint);
    variables.extend([
        (config::TABLE, TABLE.into()),
        (config::AUTH, "token".into()),
        (config::TOKEN_SHA256, TokenHash::of(TOKEN.as_bytes()).to_string()),
    ]);
    variables
}

/// What requests are signed with, and what must be in no log.
fn secret_key() -> String {
    format!("{}-key", log::MARK)
}

/// A client that retries as often as the SDK's default, only without the long pauses.
pub fn client(endpoint: &Endpoint) -> Client {
    let credentials = Credentials::new(endpoint.access_key(), secret_key(), None, None, "test");
    let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(10));
    let config = local::client(endpoint).config().to_builder().credentials_provider(credentials);
    Client::from_conf(config.retry_config(retries).build())
}

/// A client with the function's own time-outs as well, which no other client's failures keep from retrying.
pub fn function_client(endpoint: &Endpoint) -> Client {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build();
    // What the SDK spends on retries it counts for the whole process.
    let retries = RetryPartition::new(endpoint.to_string());
    let config = client(endpoint).config().to_builder().timeout_config(timeouts).retry_partition(retries).build();
    Client::from_conf(config)
}
