//! A plain HTTP client.

use std::time::Duration;

/// The largest body that is read, in bytes.
pub const MOST: u64 = 64 << 20;

/// A client that takes every status for an answer, asks for no compression and does not wait for ever.
pub fn agent() -> ureq::Agent {
    let config =
        ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(30)));
    config.build().into()
}

/// Status and body of a `GET`, or why there is none.
pub fn get(url: &str, token: Option<&str>) -> Result<(u16, String), ureq::Error> {
    let mut request = agent().get(url);
    if let Some(token) = token {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    let mut answer = request.call()?;
    let body = answer.body_mut().with_config().limit(MOST).read_to_string()?;
    Ok((answer.status().as_u16(), body))
}
