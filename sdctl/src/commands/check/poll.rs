//! Polls an endpoint as Prometheus or vmagent does.

use std::{
    error::Error,
    path::Path,
    time::{Duration, Instant},
};

use http::{HeaderMap, header};
use reqwest::{Client, Response, Url};

use super::profile::Profile;
use crate::{commands::token_file, error::CliError};

const REFRESH_INTERVAL: &str = "x-prometheus-refresh-interval-seconds";

/// A response.
pub(super) struct Answer {
    pub(super) status: u16,
    /// The URL of the response, after redirects.
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Why a poll has no complete response.
pub(super) enum Failure {
    TimedOut,
    /// The reason, on one line.
    Broken(String),
}

/// Polls one URL.
pub(super) struct Poller {
    client: Client,
    url: Url,
    refresh_interval: Duration,
    token: Option<String>,
    profile: Profile,
}

impl Poller {
    /// Creates a poller of this kind that sends the token in `file`, if any.
    pub(super) fn new(
        url: &Url,
        file: Option<&Path>,
        refresh_interval: Duration,
        profile: Profile,
    ) -> Result<Self, CliError> {
        let token = file.map(token_file::read).transpose()?;
        // Fails only if a provider is already installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // As the pollers: no proxy without configuration, and the refresh interval as time-out.
        let client = Client::builder().user_agent(profile.user_agent()).timeout(refresh_interval).no_proxy().build();
        let client = client.map_err(|e| CliError::Refused(format!("cannot poll: {}", reason(&e))))?;
        Ok(Self { client, url: url.clone(), refresh_interval, token, profile })
    }

    /// Polls once. Returns the response and the duration.
    pub(super) async fn poll(&self) -> (Result<Answer, Failure>, Duration) {
        let start = Instant::now();
        let answer = self.ask().await.map_err(|error| match error {
            error if error.is_timeout() => Failure::TimedOut,
            error => Failure::Broken(reason(&error)),
        });
        (answer, start.elapsed())
    }

    async fn ask(&self) -> Result<Answer, reqwest::Error> {
        let mut request = self.client.get(self.url.clone());
        request = request.header(header::ACCEPT, "application/json");
        request = request.header(REFRESH_INTERVAL, self.refresh_interval.as_secs_f64().to_string());
        if self.profile.requests_gzip() {
            request = request.header(header::ACCEPT_ENCODING, "gzip");
        }
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let response: Response = request.send().await?;
        let (status, url, headers) = (response.status().as_u16(), response.url().clone(), response.headers().clone());
        let body = response.bytes().await?.to_vec();
        Ok(Answer { status, url, headers, body })
    }
}

/// Returns the causes of an error. The error's own text contains the URL and possibly a password.
fn reason(error: &reqwest::Error) -> String {
    let mut reasons: Vec<String> = Vec::new();
    let mut source = error.source();
    while let Some(error) = source {
        let text = error.to_string();
        // Some errors repeat the text of their cause.
        if reasons.iter().all(|reason| !reason.contains(&text)) {
            reasons.push(text);
        }
        source = error.source();
    }
    if reasons.is_empty() { "the request failed".into() } else { reasons.join(": ") }
}
