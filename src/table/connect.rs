//! The DynamoDB clients of the function.

use std::{env, time::Duration};

use aws_config::{
    AppName, BehaviorVersion, SdkConfig,
    default_provider::{
        endpoint_url::endpoint_url_provider, ignore_configured_endpoint_urls::ignore_configured_endpoint_urls_provider,
        retry_config, timeout_config, use_dual_stack::use_dual_stack_provider, use_fips::use_fips_provider,
    },
    environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider},
    meta::region::ProvideRegion,
    provider_config::ProviderConfig,
};
use aws_sdk_dynamodb::{
    Client,
    config::{SharedCredentialsProvider, timeout::TimeoutConfig},
};

use super::https::Https;

/// The time-out of one attempt. A page of at most 1 MB needs far less, and the deadline of the request leaves time for
/// a retry.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);

/// The time-out of one attempt to read the table's stream. It leaves time for a retry within one look at the stream.
pub const STREAM_ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1400);

/// The settings of the function's clients. The clients share their connections.
#[derive(Debug, Clone)]
pub struct Connection {
    sdk: SdkConfig,
    /// The endpoint of the table, if it is not that of AWS.
    table: Option<String>,
    /// The endpoint of the table's stream, if it is not that of AWS.
    stream: Option<String>,
}

/// Reads the settings of the function's clients from the environment variables of the SDK, with time-outs that suit a
/// poll.
///
/// Lambda sets the credentials and the region in the environment. `aws_config::defaults` also searches other places,
/// and its additional clients would make the function a seventh larger.
pub async fn connect() -> Connection {
    let sdk = ProviderConfig::without_region();
    let mut timeouts = timeouts(ATTEMPT_TIMEOUT);
    timeouts.take_defaults_from(&timeout_config::default_provider().configure(&sdk).timeout_config().await);
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(Https::default())
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .region(EnvironmentVariableRegionProvider::new().region().await)
        .retry_config(retry_config::default_provider().configure(&sdk).retry_config().await)
        .timeout_config(timeouts);
    config.set_use_fips(use_fips_provider(&sdk).await);
    config.set_use_dual_stack(use_dual_stack_provider(&sdk).await);
    config.set_app_name(variable("AWS_SDK_UA_APP_ID").and_then(|name| AppName::new(name).ok()));
    config.set_account_id_endpoint_mode(variable("AWS_ACCOUNT_ID_ENDPOINT_MODE").and_then(|mode| mode.parse().ok()));
    let (mut table, mut stream) = (None, None);
    if ignore_configured_endpoint_urls_provider(&sdk).await != Some(true) {
        let of_all = endpoint_url_provider(&sdk).await;
        let (of_table, of_stream) = ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_DYNAMODB_STREAMS");
        (table, stream) = endpoints(of_all, variable(of_table), variable(of_stream));
    }
    Connection { sdk: config.build(), table, stream }
}

impl Connection {
    /// Creates the client of the table.
    #[must_use]
    pub fn table(&self) -> Client {
        let mut config = aws_sdk_dynamodb::config::Builder::from(&self.sdk);
        config.set_endpoint_url(self.table.clone());
        Client::from_conf(config.build())
    }

    /// Creates the client of the table's stream.
    #[must_use]
    pub fn stream(&self) -> aws_sdk_dynamodbstreams::Client {
        let mut timeouts = timeouts(STREAM_ATTEMPT_TIMEOUT);
        if let Some(defaults) = self.sdk.timeout_config() {
            timeouts.take_defaults_from(defaults);
        }
        let mut config = aws_sdk_dynamodbstreams::config::Builder::from(&self.sdk).timeout_config(timeouts);
        config.set_endpoint_url(self.stream.clone());
        aws_sdk_dynamodbstreams::Client::from_conf(config.build())
    }
}

/// Reads an environment variable of the SDK. An empty variable counts as not set, as in the SDK.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns the endpoints of the table and of its stream, from the one of all services and their own ones.
fn endpoints(
    of_all: Option<String>,
    of_table: Option<String>,
    of_stream: Option<String>,
) -> (Option<String>, Option<String>) {
    let table = of_table.or_else(|| of_all.clone());
    // A local engine serves both. An endpoint of AWS for tables does not serve streams.
    let local = table.clone().filter(|url| url.starts_with("http:"));
    (table, of_stream.or(of_all).or(local))
}

fn timeouts(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().operation_attempt_timeout(attempt).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_table_also_serves_its_stream() {
        let local = Some("http://127.0.0.1:8000");
        let [all, table, stream] = ["https://a.example", "https://t.example", "https://s.example"].map(Some);
        let cases = [
            ((None, None, None), (None, None)),
            ((None, local, None), (local, local)),
            ((None, local, stream), (local, stream)),
            ((None, table, None), (table, None)),
            ((None, table, stream), (table, stream)),
            ((all, None, None), (all, all)),
            ((all, local, None), (local, all)),
            ((all, None, stream), (all, stream)),
        ];
        for (case @ (of_all, of_table, of_stream), expected) in cases {
            let [of_all, of_table, of_stream] = [of_all, of_table, of_stream].map(|url| url.map(str::to_owned));
            let (table, stream) = endpoints(of_all, of_table, of_stream);
            assert_eq!((table.as_deref(), stream.as_deref()), expected, "{case:?}");
        }
    }
}
