//! The HTTP client for the SDK, which loads the trusted root certificates for the first TLS connection.
//!
//! The default client of the SDK loads them when it is created, which can take longer than the rest of a cold start. An
//! `http://` endpoint needs no certificates. An invalid certificate is an error of the first read.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use aws_smithy_http_client::{
    Connector,
    proxy::ProxyConfig,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpRequest,
    runtime_components::RuntimeComponents,
};

/// The HTTP client. Clones share its connections.
#[derive(Debug, Clone, Default)]
pub struct Https(Arc<Mutex<HashMap<Kind, SharedHttpConnector>>>);

/// The settings that connections of one pool share.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Kind {
    tls: bool,
    connect_timeout: Option<Duration>,
    read_timeout: Option<Duration>,
}

impl HttpClient for Https {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let (client, settings, sleep) = (self.clone(), settings.clone(), components.sleep_impl());
        SharedHttpConnector::new(OnDemand { client, settings, sleep })
    }
}

/// A connector that is created or found at the first request.
#[derive(Debug)]
struct OnDemand {
    client: Https,
    settings: HttpConnectorSettings,
    sleep: Option<SharedAsyncSleep>,
}

impl HttpConnector for OnDemand {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let kind = Kind {
            tls: !request.uri().starts_with("http:"),
            connect_timeout: self.settings.connect_timeout(),
            read_timeout: self.settings.read_timeout(),
        };
        let mut connectors = self.client.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tls = kind.tls;
        let connector = connectors.entry(kind).or_insert_with(|| SharedHttpConnector::new(self.connector(tls)));
        connector.call(request)
    }
}

impl OnDemand {
    fn connector(&self, tls: bool) -> Connector {
        let roots = TrustStore::empty().with_native_roots(tls);
        let mut builder = Connector::builder()
            .connector_settings(self.settings.clone())
            // HTTPS_PROXY and similar variables, as in the default client of the SDK.
            .proxy_config(ProxyConfig::from_env())
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(TlsContext::builder().with_trust_store(roots).build().unwrap_or_default());
        builder.set_sleep_impl(self.sleep.clone());
        builder.build()
    }
}
