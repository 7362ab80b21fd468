//! Polls an endpoint as Prometheus or vmagent does.

use std::{
    error::Error,
    fmt::{self, Display, Formatter},
    fs,
    path::Path,
    time::{Duration, Instant},
};

use http::{HeaderMap, header};
use reqwest::{Certificate, Client, Response, Url};

use super::profile::Profile;
use crate::{commands::token_file, connection_fault::ConnectionFault, error::CliError, terminal::progress};

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
    Broken(ConnectionFault),
    /// An unknown reason, on one line.
    Other(String),
}

/// The files that a poller reads.
#[derive(Clone, Copy)]
pub(super) struct Files<'a> {
    /// The bearer token.
    pub(super) token: Option<&'a Path>,
    /// The authorities to trust; `None` means those of the system.
    pub(super) authorities: Option<&'a Path>,
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
    /// Creates a poller of this kind.
    pub(super) fn new(
        url: &Url,
        files: Files<'_>,
        refresh_interval: Duration,
        profile: Profile,
    ) -> Result<Self, CliError> {
        let token = files.token.map(token_file::read).transpose()?;
        // Fails only if a provider is already installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // As the pollers: no proxy without configuration, and the refresh interval as time-out.
        let client = Client::builder().user_agent(profile.user_agent()).timeout(refresh_interval).no_proxy();
        let client = match files.authorities {
            Some(file) => client.tls_certs_only(authorities(file)?),
            None => client,
        };
        let client = client.build().map_err(|e| CliError::Refused(format!("cannot poll: {}", reason(&e))))?;
        Ok(Self { client, url: url.clone(), refresh_interval, token, profile })
    }

    /// Polls once. Returns the response and the duration.
    pub(super) async fn poll(&self) -> (Result<Answer, Failure>, Duration) {
        let start = Instant::now();
        let answer = progress::waiting(self.to_string(), self.ask()).await;
        let duration = start.elapsed();
        let answer = match answer {
            Ok(answer) => Ok(answer),
            Err(error) if error.is_timeout() => Err(Failure::TimedOut),
            Err(error) => Err(match ConnectionFault::of(error.url().unwrap_or(&self.url), &error).await {
                Some(fault) => Failure::Broken(fault),
                None => Failure::Other(reason(&error)),
            }),
        };
        (answer, duration)
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

/// The server, without user name, password and query.
impl Display for Poller {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port().map_or_else(String::new, |port| format!(":{port}"));
        write!(f, "{}://{host}{port}{}", self.url.scheme(), self.url.path())
    }
}

/// Reads the certificates of authorities.
fn authorities(file: &Path) -> Result<Vec<Certificate>, CliError> {
    let pem = fs::read(file).map_err(|source| CliError::Read { file: file.to_owned(), source })?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(authorities) if !authorities.is_empty() => Ok(authorities),
        _ => Err(CliError::Refused(format!(
            "no certificate in {}. Name a file with the certificates of authorities in PEM format",
            file.display()
        ))),
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
