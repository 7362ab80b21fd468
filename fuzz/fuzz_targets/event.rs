//! A Function URL event → response. Without a token the response contains no target. Prometheus accepts every list, and
//! a list contains exactly the targets of the table. The response is the same buffered, streamed, compressed, repeated,
//! or with HEAD.
#![no_main]

use std::{
    collections::BTreeSet,
    io::Read,
    sync::{Arc, LazyLock, atomic::AtomicI64, mpsc},
    time::Duration,
};

use aws_lambda_events::lambda_function_urls::{LambdaFunctionUrlRequest, LambdaFunctionUrlResponse};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use flate2::read::GzDecoder;
use http::{HeaderMap, HeaderValue, header};
use http_sd_lambda::{
    group::{EpochSeconds, StoredGroup, Target},
    http::{Access, Clock, Credential, ResponseMode, Service, Settings, TokenHash},
    lambda,
};
use http_sd_lambda_fuzz::{check_line, prometheus};
use lambda_http::{Context, LambdaEvent, lambda_runtime::FunctionResponse};
use libfuzzer_sys::fuzz_target;
use sdctl::{
    local::{self, Engine, sample},
    store::{Expect, Owner, Store},
};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
};

/// The token in the events of the repository.
const TOKEN: &str = "local-token";
/// A token that may read only one job.
const LIMITED: &str = "one-job";
const JOB: &str = "mysqld_exporter";

static WORLD: LazyLock<World> = LazyLock::new(World::new);

/// An engine with a table, and the services over it. Each service reads a list once, and then serves it from memory.
struct World {
    runtime: Runtime,
    groups: Vec<StoredGroup>,
    token: Service,
    streaming: Service,
    iam: Service,
    open: Service,
}

/// A response.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

// An event in JSON, or the lines of a request: method, space, path with query, and then one header a line.
fuzz_target!(|text: &str| {
    let Some(event) = event(text) else { return };
    let world = &*WORLD;
    let method = event.request_context.http.method.as_deref().unwrap_or_default();
    let answer = world.ask(&world.open, &event);
    check(&event.headers, method, &answer);
    world.check_target(&event, &answer);
    same(&answer, &world.ask(&world.open, &event), "again");
    same(&answer, &world.ask(&world.streaming, &event), "streamed");
    if ["GET", "HEAD"].contains(&method) {
        let mut head = event.clone();
        head.request_context.http.method = Some(if method == "GET" { "HEAD" } else { "GET" }.into());
        let head = world.ask(&world.open, &head);
        assert_eq!(head.status, answer.status, "HEAD");
        let without_length = |answer: &Answer| {
            let mut headers = answer.headers.clone();
            headers.remove(header::CONTENT_LENGTH);
            headers
        };
        assert_eq!(without_length(&head), without_length(&answer), "HEAD");
    }
    world.check_access(&event, &answer);
});

/// Returns the event of a text, if it is one.
fn event(text: &str) -> Option<LambdaFunctionUrlRequest> {
    if text.trim_ascii_start().starts_with('{') {
        return serde_json::from_str(text).ok();
    }
    let mut lines = text.split('\n');
    let (method, target) = lines.next()?.split_once(' ')?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: serde_json::Map<String, Value> =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.into(), value.into())).collect();
    let context = json!({"http": {"method": method, "path": path, "sourceIp": "192.0.2.10"}, "timeEpoch": 0});
    let event = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "headers": headers,
        "requestContext": context, "isBase64Encoded": false,
    });
    serde_json::from_value(event).ok()
}

impl World {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (send, address) = mpsc::channel();
        // The thread ends with the process.
        std::thread::spawn(move || {
            Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                send.send(listener.local_addr().unwrap()).unwrap();
                Engine::in_memory().unwrap().serve(listener, std::future::pending()).await.unwrap();
            });
        });
        let client = local::client(&format!("http://{}", address.recv().unwrap()));
        let store = Store::new(client, "http-sd");
        let table = store.table();
        let groups = sample().unwrap();
        runtime.block_on(async {
            assert!(store.create().await.unwrap());
            for group in &groups {
                store.write(group, Owner::AsBefore, Expect::Absent, EpochSeconds(0)).await.unwrap();
            }
        });
        let credential = |token: &str| Credential::new(TokenHash::of(token.as_bytes()));
        let job = groups.iter().find(|group| group.job.as_str() == JOB).unwrap().job.clone();
        let tokens = vec![credential(TOKEN), credential(LIMITED).named("limited").unwrap().limited_to([job]).unwrap()];
        let service = |access, response_mode| {
            let settings = Settings { cache: Duration::from_hours(1), response_mode, ..Settings::default() };
            let clock = Clock::Set(Arc::new(AtomicI64::new(1_764_000_000)));
            Service::new(table.clone(), access, settings).with_clock(clock)
        };
        Self {
            token: service(Access::Token(tokens), ResponseMode::Buffered),
            streaming: service(Access::Open, ResponseMode::Stream),
            iam: service(Access::Iam, ResponseMode::Buffered),
            open: service(Access::Open, ResponseMode::Buffered),
            runtime,
            groups,
        }
    }

    fn ask(&self, service: &Service, event: &LambdaFunctionUrlRequest) -> Answer {
        let event = LambdaEvent::new(event.clone(), Context::default());
        let Ok(response) = self.runtime.block_on(lambda::handle(service.clone(), event));
        match response {
            FunctionResponse::BufferedResponse(response) => {
                // The form in which the runtime sends it.
                let json = serde_json::to_vec(&response).unwrap();
                assert!(json.len() <= 6 * 1024 * 1024, "{} bytes", json.len());
                let response: LambdaFunctionUrlResponse = serde_json::from_slice(&json).unwrap();
                let body = response.body.unwrap();
                let body = if response.is_base64_encoded { BASE64_STANDARD.decode(body).unwrap() } else { body.into() };
                Answer { status: response.status_code.try_into().unwrap(), headers: response.headers, body }
            }
            FunctionResponse::StreamingResponse(response) => {
                let stream = futures_util::StreamExt::collect::<Vec<_>>(response.stream);
                let pieces = self.runtime.block_on(stream);
                Answer {
                    status: response.metadata_prelude.status_code.as_u16(),
                    headers: response.metadata_prelude.headers,
                    body: pieces.into_iter().flat_map(Result::unwrap).collect(),
                }
            }
        }
    }

    /// Checks that a list contains only targets of the table, and the whole list all of them.
    fn check_target(&self, event: &LambdaFunctionUrlRequest, answer: &Answer) {
        let Some(groups) = answer.groups() else { return };
        let path = event.raw_path.as_deref().unwrap_or_default();
        let job = path.strip_suffix('/').unwrap_or(path).strip_prefix("/prom").unwrap().strip_prefix('/');
        let mut known =
            self.groups.iter().filter(|group| job.is_none_or(|job| job.contains('%') || job == group.job.as_str()));
        let known_targets: BTreeSet<&str> =
            known.clone().flat_map(|group| &group.group.targets).map(Target::as_str).collect();
        let targets = groups.iter().flat_map(|group| &group.targets);
        assert!(targets.clone().all(|target| known_targets.contains(target.as_str())), "{groups:?}");
        if event.raw_query_string.as_deref().unwrap_or_default().is_empty() && !path.contains('%') {
            assert_eq!(targets.collect::<BTreeSet<_>>().len(), known_targets.len(), "a short list");
            assert_eq!(groups.len(), known.by_ref().count());
        }
    }

    /// Checks that callers with access receive the same as with open access, and other callers an error.
    fn check_access(&self, event: &LambdaFunctionUrlRequest, open: &Answer) {
        let path = event.raw_path.as_deref().unwrap_or_default();
        let path = path.strip_suffix('/').unwrap_or(path);
        if open.status == 431 || path == "/-/healthy" {
            same(open, &self.ask(&self.token, event), "token");
            return same(open, &self.ask(&self.iam, event), "IAM");
        }
        match lambda::call(event, &Context::default()).iam_caller {
            Some(_) => same(open, &self.ask(&self.iam, event), "IAM"),
            None => assert_eq!(self.ask(&self.iam, event).status, 401),
        }
        let with = |value: Option<&str>| {
            let mut event = event.clone();
            event.headers.remove(header::AUTHORIZATION);
            event.headers.extend(value.map(|value| (header::AUTHORIZATION, HeaderValue::from_str(value).unwrap())));
            self.ask(&self.token, &event)
        };
        assert_eq!(with(None).status, 401);
        // One header more may exceed the limit of headers.
        assert!([401, 431].contains(&with(Some("Bearer wrong")).status));
        let known = with(Some(&format!("Bearer {TOKEN}")));
        if known.status != 431 {
            same(open, &known, "token");
        }
        let limited = with(Some(&format!("Bearer {LIMITED}")));
        if let Some(groups) = limited.groups() {
            let job = self.groups.iter().filter(|group| group.job.as_str() == JOB);
            let may: BTreeSet<&str> = job.flat_map(|group| &group.group.targets).map(Target::as_str).collect();
            assert!(groups.iter().flat_map(|group| &group.targets).all(|target| may.contains(target.as_str())));
        }
        // The request with its own headers.
        let sent = self.ask(&self.token, event);
        assert!([401, 403, 431, open.status].contains(&sent.status), "{} instead of {}", sent.status, open.status);
    }
}

/// Checks that a poller accepts the form of a response to these headers.
fn check(headers: &HeaderMap, method: &str, answer: &Answer) {
    let has = |name| answer.headers.contains_key(name);
    assert!(has(header::CONTENT_TYPE) && has(header::CACHE_CONTROL) && has(header::X_CONTENT_TYPE_OPTIONS));
    assert!(answer.status != 304 || headers.contains_key(header::IF_NONE_MATCH), "a 304 without If-None-Match");
    let zipped = answer.headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding == "gzip");
    assert!(!zipped || headers.contains_key(header::ACCEPT_ENCODING), "gzip without Accept-Encoding");
    match answer.status {
        304 => assert!(answer.body.is_empty()),
        200 | 400 | 401 | 403 | 404 | 405 | 431 if method == "HEAD" => assert!(answer.body.is_empty()),
        _ if answer.is_page() => {
            let text = answer.text();
            assert!(text.starts_with("<!DOCTYPE html>") && text.ends_with("</html>") && !text.contains("<script"));
        }
        200 => drop(answer.groups()),
        400 | 401 | 403 | 404 | 405 | 431 => {
            let body: Value = serde_json::from_slice(&answer.body).unwrap();
            let error = body["error"].as_object().unwrap();
            assert_eq!(error.keys().collect::<Vec<_>>(), ["code", "message", "request_id"]);
            check_line(error["message"].as_str().unwrap());
        }
        status => panic!("{status}: {}", String::from_utf8_lossy(&answer.body)),
    }
}

impl Answer {
    fn is_page(&self) -> bool {
        self.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/html; charset=utf-8")
    }

    /// Returns the text of the body, without the lines of a page or of metrics that depend on the caller or the clock.
    fn text(&self) -> String {
        let mut text = String::new();
        if self.headers.contains_key(header::CONTENT_ENCODING) && !self.body.is_empty() {
            GzDecoder::new(&self.body[..]).read_to_string(&mut text).unwrap();
        } else {
            text = String::from_utf8(self.body.clone()).unwrap();
        }
        let depends = [
            "http_sd_table_read_duration_seconds ",
            "        authorization:",
            "          type: Bearer",
            "          credentials_file:",
        ];
        let lines = text.split_inclusive('\n').filter(|line| !depends.iter().any(|start| line.starts_with(start)));
        lines.collect()
    }

    /// Returns the groups of a list, read as strictly as Prometheus reads them.
    fn groups(&self) -> Option<Vec<prometheus::Group>> {
        if self.status != 200 || !self.headers.contains_key(header::ETAG) || self.body.is_empty() {
            return None;
        }
        let mut body = Vec::new();
        if self.headers.contains_key(header::CONTENT_ENCODING) {
            GzDecoder::new(&self.body[..]).read_to_end(&mut body).unwrap();
        } else {
            body.clone_from(&self.body);
        }
        Some(prometheus::read(&body).unwrap())
    }
}

fn same(one: &Answer, other: &Answer, how: &str) {
    assert_eq!(one.status, other.status, "{how}");
    let is_text = one.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind != "application/json");
    if is_text && one.status == 200 {
        return assert_eq!(one.text(), other.text(), "{how}");
    }
    assert_eq!(one.headers, other.headers, "{how}");
    assert!(one.body == other.body, "{how}: the body differs");
}
