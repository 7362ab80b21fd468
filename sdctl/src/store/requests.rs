//! The HTTP client of all AWS clients: logs each request, and says in the user's words why a request fails.

use std::time::Instant;

use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpRequest,
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use http_sd_lambda::table::{Https, NotSent};
use reqwest::Url;
use tracing::debug;

use crate::connection_fault::ConnectionFault;

/// The header of a request to DynamoDB that names the operation: `DynamoDB_20120810.Scan`.
const TARGET: &str = "x-amz-target";
/// The remedy for AWS clients that do not trust an authority.
const TRUST: &str = "Name a file with the authority's certificate in the variable SSL_CERT_FILE";

/// The HTTP client of the clients for one table.
#[derive(Debug, Clone)]
pub(super) struct Requests {
    https: Https,
    table: String,
}

impl Requests {
    pub(super) fn new(table: &str) -> Self {
        Self { https: Https::default(), table: table.to_owned() }
    }
}

impl HttpClient for Requests {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.https.http_connector(settings, components);
        SharedHttpConnector::new(Connector { inner, table: self.table.clone() })
    }
}

#[derive(Debug)]
struct Connector {
    inner: SharedHttpConnector,
    table: String,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let logged = Logged::new(&request, &self.table);
        let url = Url::parse(request.uri()).ok();
        let started = Instant::now();
        let response = self.inner.call(request);
        HttpConnectorFuture::new(async move {
            let response = response.await;
            let duration = started.elapsed();
            match response {
                Ok(response) => {
                    debug!("{logged}: {} in {} ms", response.status().as_u16(), duration.as_millis());
                    Ok(response)
                }
                Err(error) => {
                    debug!("{logged}: no response in {} ms", duration.as_millis());
                    Err(match &url {
                        Some(url) => in_words(url, error).await,
                        None => error,
                    })
                }
            }
        })
    }
}

/// A request in the log, without its query string and headers, which can hold secrets.
struct Logged(String);

impl Logged {
    fn new(request: &HttpRequest, table: &str) -> Self {
        let target = request.headers().get(TARGET).and_then(|target| target.split_once('.'));
        Self(if let Some((_, operation)) = target {
            format!("{operation} of table {table:?}")
        } else {
            let url = request.uri();
            format!("{} {}", request.method(), url.split_once('?').map_or(url, |(before, _)| before))
        })
    }
}

impl std::fmt::Display for Logged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns the error with a cause in the user's words, of the same kind: the SDK retries by the kind.
async fn in_words(url: &Url, error: ConnectorError) -> ConnectorError {
    let fault = match ConnectionFault::of(url, &error).await {
        None if error.is_timeout() => ConnectionFault::TimedOut(url.host_str().unwrap_or_default().to_owned()),
        None => return error,
        Some(fault) => fault,
    };
    let cause = NotSent { reason: fault.to_string(), remedy: fault.remedy(TRUST), transient: true }.into();
    match error.as_other() {
        _ if error.is_timeout() => ConnectorError::timeout(cause),
        _ if error.is_user() => ConnectorError::user(cause),
        _ if error.is_io() => ConnectorError::io(cause),
        kind => ConnectorError::other(cause, kind),
    }
}
