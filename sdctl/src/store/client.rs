//! Creates DynamoDB clients with the retries and time-outs that commands need.

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::{
    Client,
    config::{self, Region, retry::RetryConfig, timeout::TimeoutConfig},
};
use http_sd_lambda::table;

use super::{Requests, ServerClock, arn, login::Login};
use crate::error::CliError;

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
pub(crate) struct Overrides {
    /// The region.
    pub(crate) region: Option<String>,
    /// The profile in the AWS configuration files.
    pub(crate) profile: Option<String>,
    /// The URL of a DynamoDB API other than AWS's.
    pub(crate) endpoint_url: Option<String>,
}

/// Creates a client for a table in AWS.
///
/// # Errors
/// As [`connect_with_settings`].
pub(crate) async fn connect(table: &str, overrides: &Overrides) -> Result<Client, CliError> {
    Ok(connect_with_settings(table, overrides).await?.0)
}

/// Creates a client for a table in AWS, and returns the settings for other clients. They come from the environment and
/// the AWS configuration files; `overrides` take precedence. The region is the one of the table's ARN, if `table` is an
/// ARN.
///
/// # Errors
/// [`CliError`] if the profile does not exist, or the region is unknown or contradicts the ARN.
pub(crate) async fn connect_with_settings(table: &str, overrides: &Overrides) -> Result<(Client, SdkConfig), CliError> {
    let of_arn = arn::region_and_account(table).map(|(region, _)| region.to_owned());
    if table.starts_with("arn:") && of_arn.is_none() {
        return Err(CliError::Arn(table.to_owned()));
    }
    if let (Some(region), Some(of_arn)) = (&overrides.region, &of_arn)
        && region != of_arn
    {
        return Err(CliError::OtherRegion { region: region.clone(), of_arn: of_arn.clone() });
    }
    let requests = Requests::new(table);
    let login = Login::read(overrides.profile.as_deref()).await?;
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(table::ATTEMPT_TIMEOUT).build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts)
        .no_credentials()
        .http_client(requests.clone());
    if let Some(region) = of_arn.or_else(|| overrides.region.clone()) {
        loader = loader.region(Region::new(region));
    }
    if let Some(profile) = &overrides.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(url) = &overrides.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    let config = loader.load().await;
    let region = config.region().ok_or(CliError::NoRegion)?;
    let credentials = login.credentials(requests, region).await;
    let settings = config.into_builder().credentials_provider(credentials).build();
    let client = config::Builder::from(&settings).interceptor(login.rejected()).build();
    Ok((Client::from_conf(client), settings))
}

/// Returns the client with a log of its requests to `table`.
pub(super) fn logged(client: &Client, table: &str) -> Client {
    Client::from_conf(client.config().to_builder().http_client(Requests::new(table)).build())
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
