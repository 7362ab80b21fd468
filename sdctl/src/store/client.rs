//! Creates DynamoDB clients with the retries and time-outs that commands need.

use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::{
    Client,
    config::{retry::RetryConfig, timeout::TimeoutConfig},
};
use http_sd_lambda::table::{self, Https};

use super::ServerClock;

/// The attempts of a patient client. A throttled table needs several seconds to recover.
const ATTEMPTS: u32 = 8;
/// The time-out of an attempt: enough for a full request over a slow line.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest pause between two attempts. The SDK adds jitter.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// The first pause of a client whose caller retries itself.
const SHORT_PAUSE: Duration = Duration::from_millis(100);

/// Options of the command line that replace the environment and the AWS configuration files.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// The region.
    pub region: Option<String>,
    /// The profile in the AWS configuration files.
    pub profile: Option<String>,
    /// The URL of a DynamoDB API other than AWS's.
    pub endpoint_url: Option<String>,
}

/// Creates a client from the environment and the AWS configuration files. `overrides` take precedence.
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

/// Returns the client with more and longer retries.
pub(super) fn patient(client: &Client) -> Client {
    let retries = client.config().retry_config().cloned().unwrap_or_else(RetryConfig::standard);
    let retries = retries.with_max_attempts(ATTEMPTS).with_max_backoff(LONGEST_PAUSE);
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build();
    Client::from_conf(client.config().to_builder().retry_config(retries).timeout_config(timeouts).build())
}

/// Returns the client with a clock that its responses set.
pub(super) fn with_clock(client: &Client) -> (Client, ServerClock) {
    let clock = ServerClock::default();
    (Client::from_conf(client.config().to_builder().interceptor(clock.clone()).build()), clock)
}

/// Returns the client with a single retry, which is enough for a stale connection.
pub(super) fn hasty(client: &Client) -> Client {
    let retries = RetryConfig::standard().with_max_attempts(2).with_initial_backoff(SHORT_PAUSE);
    Client::from_conf(client.config().to_builder().retry_config(retries).build())
}
