//! Builders of requests to the function, and readers of its responses.

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

/// A request under construction. The default is a poll as Prometheus sends it.
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

    /// Returns the value of the header `Authorization`.
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

    /// Returns the response, or `None` if the deadline passes first.
    ///
    /// `timeout_at` polls the service before its own timer. So a response in time counts even if the machine stalls
    /// past the deadline.
    pub async fn in_time(self, service: &Service) -> Option<Answer> {
        timeout_at(self.call.deadline.unwrap(), self.of(service)).await.ok()
    }
}

/// A response of the function.
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

    /// Returns the groups, read as strictly as Prometheus reads them.
    pub fn groups(&self) -> Vec<Group> {
        assert_eq!(self.status(), 200, "{}", self.text());
        super::prometheus::read(self.0.body()).unwrap()
    }

    /// Returns the targets of all groups, in order.
    pub fn targets(&self) -> Vec<String> {
        self.groups().into_iter().flat_map(|group| group.targets).collect()
    }

    /// Returns status, code and message of an error, and checks the error's form.
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

    /// Returns status and code of an error, and checks that the error reveals no secret.
    pub fn discreet(&self) -> (u16, String) {
        let (status, code, message) = self.error();
        for secret in ["arn:", "123456789012", TABLE, "said no", "Exception", "127.0.0.1"] {
            assert!(!message.contains(secret), "{message:?} contains {secret:?}");
        }
        assert_eq!(self.header(header::CACHE_CONTROL), Some("no-store"));
        (status, code)
    }

    /// Returns status and code of an error.
    pub fn code(&self) -> (u16, String) {
        let (status, code, _) = self.error();
        (status, code)
    }
}

/// Serves on a free port, as `sdctl serve` does.
pub fn serve(service: Service) -> Background {
    Background::start(|listener| local::serve(listener, service, local::PATIENCE, std::future::pending()))
}

/// A service with open access over this table.
pub fn service(dynamo: &Dynamo, settings: Settings) -> Service {
    Service::new(dynamo.table(), Access::Open, settings)
}
