//! An HTTP client for tests.

use std::time::Duration;

/// The largest body that the client reads, in bytes.
pub const MOST: u64 = 64 << 20;

/// A client that returns every status as a response, requests no compression and times out.
pub fn agent() -> ureq::Agent {
    let config =
        ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(30)));
    config.build().into()
}

/// Returns status and body of a `GET`, or the reason of its failure.
pub fn get(url: &str, token: Option<&str>) -> Result<(u16, String), ureq::Error> {
    let mut request = agent().get(url);
    if let Some(token) = token {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    let mut answer = request.call()?;
    let body = answer.body_mut().with_config().limit(MOST).read_to_string()?;
    Ok((answer.status().as_u16(), body))
}
