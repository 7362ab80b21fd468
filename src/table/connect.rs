//! Clients for the table.

use std::time::Duration;

use aws_config::{BehaviorVersion, ConfigLoader};
use aws_sdk_dynamodb::{Client, config::timeout::TimeoutConfig};

/// A page is at most 1 MB. Beyond this an attempt is taken for dead and repeated, while the invocation's deadline
/// still leaves time for it.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);

/// A DynamoDB client from the SDK's own environment variables and files, with time-outs that suit a poll.
pub async fn connect() -> Client {
    Client::new(&loader().load().await)
}

fn loader() -> ConfigLoader {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build();
    aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts)
}

/// What somebody said on the command line, in place of the environment and the SDK's files.
#[cfg(feature = "sdctl")]
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// The region.
    pub region: Option<String>,
    /// The profile in the SDK's files.
    pub profile: Option<String>,
    /// Where the API is, if not at AWS.
    pub endpoint_url: Option<String>,
}

/// As [`connect`], where the command line has the last word.
#[cfg(feature = "sdctl")]
pub async fn connect_with(overrides: &Overrides) -> Client {
    let mut loader = loader();
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
