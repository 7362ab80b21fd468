//! HTTP connections for the SDK, which read the trusted roots when the first of them needs TLS.
//!
//! The SDK's own client reads them while it is made, which can take longer than all the rest of a start. This one uses
//! the same parts later, and none of TLS for a plain `http://` endpoint. What is wrong with a root, or with a
//! certificate, is the error of the first read.

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

/// The client. Clones share its connections.
#[derive(Debug, Clone, Default)]
pub struct Https(Arc<Mutex<HashMap<Kind, SharedHttpConnector>>>);

/// What connections have in common that are kept together.
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

/// Makes its connector, or finds it, with the first request.
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
            // HTTPS_PROXY and its like, as the SDK's own client.
            .proxy_config(ProxyConfig::from_env())
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(TlsContext::builder().with_trust_store(roots).build().unwrap_or_default());
        builder.set_sleep_impl(self.sleep.clone());
        builder.build()
    }
}
