//! A DynamoDB endpoint that fails on purpose. It stands in front of a real engine and speaks the real protocol, so
//! that the real SDK, its retries and its time-outs are what is tested.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use ::http::{HeaderMap, Response, StatusCode};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
};
use http_sd_lambda::table::Table;

use super::{Dynamo, background::Background, engine, http};

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It reaches the engine.
    None,
    /// It is answered with that status and DynamoDB's error of that name.
    Error(u16, &'static str),
    /// It is answered with 200 and that body.
    Answer(&'static str),
    /// It reaches the engine, but a byte of the answer is another one afterwards.
    Altered,
    /// It is not answered.
    Silence,
    /// It reaches the engine, but the answer is an error.
    BrokenAnswer,
    /// It is a transaction, and cancelled for that reason.
    Cancelled(&'static str),
    /// It reaches the engine, but the answer is lost.
    LostAnswer,
}

/// The fault for a request: by its operation, such as `Query`, and whether it asks for a later page than the first.
type Rule = dyn Fn(&str, bool) -> Fault + Send + Sync;

/// An endpoint that fails by a rule. It stops when it is dropped.
pub struct FaultyDynamo {
    server: Background,
    rule: Arc<Mutex<Arc<Rule>>>,
}

#[derive(Clone)]
struct Proxy {
    engine: SocketAddr,
    rule: Arc<Mutex<Arc<Rule>>>,
}

impl FaultyDynamo {
    /// An endpoint that passes everything on to `dynamo`.
    pub fn before(dynamo: &Dynamo) -> Self {
        let none: Arc<Rule> = Arc::new(|_, _| Fault::None);
        let rule = Arc::new(Mutex::new(none));
        let router = Router::new().fallback(answer).with_state(Proxy { engine: dynamo.address, rule: rule.clone() });
        Self { server: Background::router(router), rule }
    }

    /// From now on requests fail by that rule.
    pub fn fail(&self, rule: impl Fn(&str, bool) -> Fault + Send + Sync + 'static) {
        *self.rule.lock().unwrap() = Arc::new(rule);
    }

    /// From now on nothing fails.
    pub fn heal(&self) {
        self.fail(|_, _| Fault::None);
    }

    /// Where it is.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// The table as seen through this endpoint.
    pub fn table(&self) -> Table {
        Table::new(engine::client(self.server.address), engine::TABLE)
    }
}

/// The address of an endpoint that takes a connection and closes it without a word. It goes with the test process.
pub fn closing_endpoint() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    address
}

async fn answer(State(proxy): State<Proxy>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let operation = headers["x-amz-target"].to_str().unwrap().rsplit('.').next().unwrap().to_owned();
    let request: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let rule = proxy.rule.lock().unwrap().clone();
    match rule(&operation, request.get("ExclusiveStartKey").is_some_and(|key| !key.is_null())) {
        Fault::None => forward(proxy.engine, headers, body).await,
        Fault::Error(status, name) => {
            let error = format!(
                r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{name}","message":"arn:aws:dynamodb:eu-central-1:123456789012:table/http-sd said no"}}"#
            );
            let response = Response::builder().header("content-type", "application/x-amz-json-1.0");
            response.status(StatusCode::from_u16(status).unwrap()).body(Body::from(error)).unwrap()
        }
        Fault::Answer(body) => {
            Response::builder().header("content-type", "application/x-amz-json-1.0").body(Body::from(body)).unwrap()
        }
        Fault::Altered => {
            let (parts, body) = forward(proxy.engine, headers, body).await.into_parts();
            let mut body = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
            // In the first text, so that it is as good a page as the right one.
            let text = br#""S":""#;
            let place = text.len() + body.windows(text.len()).position(|bytes| bytes == text).unwrap();
            body[place] += 1;
            Response::from_parts(parts, Body::from(body))
        }
        Fault::BrokenAnswer => {
            forward(proxy.engine, headers, body).await;
            Response::builder().status(StatusCode::BAD_GATEWAY).body(Body::empty()).unwrap()
        }
        Fault::Cancelled(code) => {
            let reasons = r#"{"Code":"None"},{"Code":"#.to_owned() + &format!("{code:?}}}");
            let error = format!(
                r#"{{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","CancellationReasons":[{reasons}]}}"#
            );
            let response = Response::builder().header("content-type", "application/x-amz-json-1.0");
            response.status(StatusCode::BAD_REQUEST).body(Body::from(error)).unwrap()
        }
        fault @ (Fault::Silence | Fault::LostAnswer) => {
            if fault == Fault::LostAnswer {
                forward(proxy.engine, headers, body).await;
            }
            tokio::time::sleep(Duration::from_mins(10)).await;
            Response::new(Body::empty())
        }
    }
}

async fn forward(engine: SocketAddr, headers: HeaderMap, body: Bytes) -> Response<Body> {
    tokio::task::spawn_blocking(move || {
        let mut request = http::agent().post(format!("http://{engine}/"));
        for (name, value) in headers.iter().filter(|(name, _)| !["host", "content-length"].contains(&name.as_str())) {
            request = request.header(name, value);
        }
        let mut answer = request.send(&body[..]).unwrap();
        let body = answer.body_mut().with_config().limit(http::MOST).read_to_vec().unwrap();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = answer.status();
        for name in ["content-type", "x-amz-crc32", "x-amzn-requestid"] {
            if let Some(value) = answer.headers().get(name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        response
    })
    .await
    .unwrap()
}
