//! The DynamoDB engine of a test, and the clients of it.

use std::{
    collections::{BTreeMap, HashMap},
    env,
    net::SocketAddr,
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client,
    config::{
        BehaviorVersion, Credentials,
        retry::{RetryConfig, RetryPartition},
        timeout::TimeoutConfig,
    },
    types::{
        AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
        StreamSpecification, StreamViewType,
    },
};
use http_sd_lambda::{
    config,
    group::{EpochSeconds, StoredGroup},
    http::TokenHash,
    table::{ATTEMPT_TIMEOUT, Https, STREAM_ATTEMPT_TIMEOUT, Table},
};
use sdctl::{
    local::{self, Engine},
    store::{Expect, Owner, Store},
};

use super::{Endpoint, TOKEN, background::Background, dynamodb_local, log};

pub const TABLE: &str = "http-sd";

/// The engine: `embedded` (the default) runs in this process, `dynamodb-local` is Amazon's.
const ENGINE: &str = "HTTP_SD_TEST_ENGINE";

/// Returns whether the engine is DynamoDB Local.
pub fn is_dynamodb_local() -> bool {
    match env::var(ENGINE).as_deref() {
        Err(_) | Ok("" | "embedded") => false,
        Ok("dynamodb-local") => true,
        Ok(other) => panic!("{ENGINE} is {other:?}, but must be embedded or dynamodb-local"),
    }
}

/// A DynamoDB that no other test uses.
pub struct Dynamo {
    pub address: SocketAddr,
    pub client: Client,
    endpoint: Endpoint,
    /// The embedded engine, which stops when it is dropped.
    _server: Option<Background>,
}

impl Dynamo {
    /// Starts an engine without tables.
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

    /// Starts an engine with an empty table.
    pub async fn with_table() -> Self {
        let dynamo = Self::start();
        assert!(dynamo.store().create().await.unwrap());
        dynamo
    }

    /// Starts an engine with an empty table that has a stream.
    pub async fn with_stream() -> Self {
        let dynamo = Self::with_table().await;
        dynamo.turn_stream(true).await;
        dynamo
    }

    /// Turns the stream of the table on or off. A stream that is turned on again is another one.
    pub async fn turn_stream(&self, on: bool) {
        let stream = StreamSpecification::builder().stream_enabled(on);
        let stream = if on { stream.stream_view_type(StreamViewType::KeysOnly) } else { stream };
        let update = self.client.update_table().table_name(TABLE);
        update.stream_specification(stream.build().unwrap()).send().await.unwrap();
    }

    /// Creates the table with another key, of these attributes.
    pub async fn create_other_table(&self, key: &[(&str, KeyType, ScalarAttributeType)]) {
        let mut create = self.client.create_table().table_name(TABLE).billing_mode(BillingMode::PayPerRequest);
        for (name, kind, of) in key {
            let element = KeySchemaElement::builder().attribute_name(*name).key_type(kind.clone()).build().unwrap();
            let attribute = AttributeDefinition::builder().attribute_name(*name).attribute_type(of.clone()).build();
            create = create.key_schema(element).attribute_definitions(attribute.unwrap());
        }
        create.send().await.unwrap();
    }

    /// The table as the function reads it.
    pub fn table(&self) -> Table {
        Table::new(self.client.clone(), TABLE)
    }

    /// The table as `sdctl` reads and writes it.
    pub fn store(&self) -> Store {
        Store::new(self.client.clone(), TABLE)
    }

    /// Returns the row of a group, as DynamoDB stores it.
    pub async fn row(&self, job: &str, group: &str) -> Option<HashMap<String, AttributeValue>> {
        let get = self.client.get_item().table_name(TABLE).consistent_read(true);
        let get = get.key("job", AttributeValue::S(job.into())).key("group", AttributeValue::S(group.into()));
        get.send().await.unwrap().item
    }

    /// Returns every row, by job and group.
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

    /// Writes the sample fleet into the table, and returns it.
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
    /// Checks the log at the end of each test that used a table.
    fn drop(&mut self) {
        log::assert_no_secret();
    }
}

/// Returns environment variables that direct any AWS SDK to this endpoint.
pub fn environment(endpoint: &Endpoint) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint.to_string()),
        ("AWS_REGION", "us-east-1".into()),
        ("AWS_ACCESS_KEY_ID", endpoint.access_key().into()),
        ("AWS_SECRET_ACCESS_KEY", secret_key()),
    ]
}

/// Returns environment variables with which the function serves this table to callers with [`TOKEN`].
pub fn function_environment(endpoint: &Endpoint) -> Vec<(&'static str, String)> {
    let mut variables = environment(endpoint);
    variables.extend([
        (config::TABLE, TABLE.into()),
        (config::AUTH, "token".into()),
        (config::TOKEN_SHA256, TokenHash::of(TOKEN.as_bytes()).to_string()),
    ]);
    variables
}

/// The key that signs requests. It carries the mark of a secret, which no log may contain.
fn secret_key() -> String {
    format!("{}-key", log::MARK)
}

/// A client with the SDK's default number of retries, and short pauses between them.
pub fn client(endpoint: &Endpoint) -> Client {
    let config = local::client(endpoint).config().to_builder().credentials_provider(credentials(endpoint));
    Client::from_conf(config.retry_config(retries()).build())
}

fn credentials(endpoint: &Endpoint) -> Credentials {
    Credentials::new(endpoint.access_key(), secret_key(), None, None, "test")
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_initial_backoff(Duration::from_millis(10))
}

/// A client with the function's time-outs and its own retry budget.
pub fn function_client(endpoint: &Endpoint) -> Client {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build();
    // The SDK keeps one retry budget for the process: failures of other tests' clients would use it up.
    let retries = RetryPartition::new(endpoint.to_string());
    let config = client(endpoint).config().to_builder().timeout_config(timeouts).retry_partition(retries).build();
    Client::from_conf(config)
}

/// A client of the table's stream with the function's time-outs and its own retry budget.
pub fn stream_client(endpoint: &Endpoint) -> aws_sdk_dynamodbstreams::Client {
    let stream = aws_sdk_dynamodbstreams::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(Https::default())
        .credentials_provider(credentials(endpoint))
        .endpoint_url(&**endpoint)
        .retry_partition(RetryPartition::new(endpoint.to_string()))
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(STREAM_ATTEMPT_TIMEOUT).build())
        .retry_config(retries())
        .region(client(endpoint).config().region().cloned());
    aws_sdk_dynamodbstreams::Client::from_conf(stream.build())
}
