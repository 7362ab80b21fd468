//! Clients for the table, as the command line needs them.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::{
    Client,
    config::{retry::RetryConfig, timeout::TimeoutConfig},
};
use http_sd_lambda::table::{self, Https};

/// How often a request is tried. Nobody waits for an answer within seconds, and a throttled table recovers.
const ATTEMPTS: u32 = 8;
/// How long an attempt may take: a full request over a slow line.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest pause between two attempts. The SDK adds jitter.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// The longest pause where somebody else decides how often to try.
const SHORT_PAUSE: Duration = Duration::from_millis(100);

/// What somebody said on the command line, in place of the environment and the SDK's files.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// The region.
    pub region: Option<String>,
    /// The profile in the SDK's files.
    pub profile: Option<String>,
    /// Where the API is, if not at AWS.
    pub endpoint_url: Option<String>,
}

/// A client for the command line, from whatever the SDK knows of, where `overrides` have the last word.
pub async fn connect(overrides: &Overrides) -> Client {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(table::ATTEMPT_TIMEOUT).build();
    let mut loader =
        aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts).http_client(Https::default());
    if let Some(region) = &overrides.region {
        loader = loader.region(aws_config::Region::new(region.clone()));
    }
    if let Some(profile) = &overrides.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(url) = &overrides.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    Client::new(&loader.load().await)
}

/// The same client, only that it retries for longer.
pub(super) fn patient(client: &Client) -> Client {
    let retries = client.config().retry_config().cloned().unwrap_or_else(RetryConfig::standard);
    let retries = retries.with_max_attempts(ATTEMPTS).with_max_backoff(LONGEST_PAUSE);
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build();
    Client::from_conf(client.config().to_builder().retry_config(retries).timeout_config(timeouts).build())
}

/// The same client, only that it retries once. That is for a connection that has gone stale meanwhile.
pub(super) fn hasty(client: &Client) -> Client {
    let retries = RetryConfig::standard().with_max_attempts(2).with_initial_backoff(SHORT_PAUSE);
    Client::from_conf(client.config().to_builder().retry_config(retries).build())
}
