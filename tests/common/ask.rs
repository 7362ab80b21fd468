//! Requests, step by step, and answers.

use std::{io::Read, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{HeaderName, HeaderValue, Method, Request, Response, header};
use http_sd_lambda::http::{Access, Call, Service, Settings};
use sdctl::local;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use tower::ServiceExt;

use super::{Dynamo, background::Background, engine::TABLE, prometheus::Group};

/// A request that is being put together. Without more it is what Prometheus sends.
pub struct Ask {
    request: Request<()>,
    call: Call,
}

impl Ask {
    pub fn get(path_and_query: &str) -> Self {
        Self::bare(Method::GET, path_and_query)
            .header(header::USER_AGENT, "Prometheus/2.42.0")
            .header(header::ACCEPT, "application/json")
            .header(HeaderName::from_static("x-prometheus-refresh-interval-seconds"), "0.5")
    }

    /// A request without headers.
    pub fn bare(method: Method, path_and_query: &str) -> Self {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let mut request = Request::new(());
        *request.method_mut() = method;
        let call = Call {
            request_id: "test-request".into(),
            deadline: Some(Instant::now() + Duration::from_secs(30)),
            path: Some(path.into()),
            query: Some(query.into()),
            ..Call::default()
        };
        Self { request, call }
    }

    pub fn method(mut self, method: Method) -> Self {
        *self.request.method_mut() = method;
        self
    }

    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        self.request.headers_mut().append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header(header::AUTHORIZATION, &format!("Bearer {token}"))
    }

    pub fn basic(self, user: &str, password: &str) -> Self {
        let both = BASE64_STANDARD.encode(format!("{user}:{password}"));
        self.header(header::AUTHORIZATION, &format!("Basic {both}"))
    }

    /// What it sends to be let in.
    pub fn authorization(&self) -> &str {
        self.request.headers()[header::AUTHORIZATION].to_str().unwrap()
    }

    pub fn gzip(self) -> Self {
        self.header(header::ACCEPT_ENCODING, "gzip")
    }

    pub fn within(mut self, time: Duration) -> Self {
        self.call.deadline = Some(Instant::now() + time);
        self
    }

    pub fn iam_caller(mut self, arn: &str) -> Self {
        self.call.iam_caller = Some(arn.into());
        self
    }

    pub async fn of(mut self, service: &Service) -> Answer {
        self.request.extensions_mut().insert(self.call);
        let Ok(response) = service.clone().oneshot(self.request).await;
        Answer(response.map(|body| body.into_vec().into()))
    }

    /// The answer, if there is one when the deadline comes.
    ///
    /// The service's own timer is looked at first: on a machine that stands still past both, an answer in time is one.
    pub async fn in_time(self, service: &Service) -> Option<Answer> {
        timeout_at(self.call.deadline.unwrap(), self.of(service)).await.ok()
    }
}

/// What came back.
pub struct Answer(pub Response<Bytes>);

impl Answer {
    pub fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    pub fn header(&self, name: HeaderName) -> Option<&str> {
        self.0.headers().get(name).map(|value| value.to_str().unwrap())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(self.0.body()).unwrap()
    }

    pub fn unzipped(&self) -> String {
        let mut text = String::new();
        GzDecoder::new(&self.0.body()[..]).read_to_string(&mut text).unwrap();
        text
    }

    /// The groups, read as strictly as Prometheus does.
    pub fn groups(&self) -> Vec<Group> {
        assert_eq!(self.status(), 200, "{}", self.text());
        super::prometheus::read(self.0.body()).unwrap()
    }

    /// Every target, in order.
    pub fn targets(&self) -> Vec<String> {
        self.groups().into_iter().flat_map(|group| group.targets).collect()
    }

    /// Status, code and message of an error, whose form is checked on the way.
    pub fn error(&self) -> (u16, String, String) {
        assert_ne!(self.status(), 200, "{}", self.text());
        assert_eq!(self.header(header::CONTENT_TYPE), Some("application/json"));
        let body: Value = serde_json::from_slice(self.0.body()).unwrap();
        let error = body["error"].as_object().unwrap();
        assert_eq!(error.keys().collect::<Vec<_>>(), ["code", "message", "request_id"]);
        assert_eq!(error["request_id"], "test-request");
        let field = |name: &str| error[name].as_str().unwrap().to_owned();
        (self.status(), field("code"), field("message"))
    }

    /// Status and code of an error that gives nothing away.
    pub fn discreet(&self) -> (u16, String) {
        let (status, code, message) = self.error();
        for secret in ["arn:", "123456789012", TABLE, "said no", "Exception", "127.0.0.1"] {
            assert!(!message.contains(secret), "{message:?} tells {secret:?}");
        }
        assert_eq!(self.header(header::CACHE_CONTROL), Some("no-store"));
        (status, code)
    }

    /// Status and code of an error.
    pub fn code(&self) -> (u16, String) {
        let (status, code, _) = self.error();
        (status, code)
    }
}

/// A service on a port of its own, as `sdctl serve` serves it.
pub fn serve(service: Service) -> Background {
    Background::start(|listener| local::serve(listener, service, local::PATIENCE, std::future::pending()))
}

/// A service that everybody may ask, over that engine's table.
pub fn service(dynamo: &Dynamo, settings: Settings) -> Service {
    Service::new(dynamo.table(), Access::Open, settings)
}
