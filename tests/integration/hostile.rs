//! Hostile requests, each with its expected status: sent to the service, as a Function URL event, and over a socket.

mod requests;

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

use http::{HeaderName, Method};
use http_sd_lambda::http::{Service, Settings, TokenHash};
use serde_json::{Value, json};
use test_support::{Ask, Dynamo, Row, TOKEN, access::token_access, ask::serve, background::Background, events};

use self::requests::{NODE, Request, requests};

async fn service(dynamo: &Dynamo) -> Service {
    Row::new("node", "web", &["a:1"]).put(dynamo).await;
    Row::new("secret/job", "web", &["s:1"]).put(dynamo).await;
    let access = token_access(&TokenHash::of(TOKEN.as_bytes()).to_string());
    Service::new(dynamo.table(), access, Settings::default())
}

impl Request {
    fn what(&self) -> String {
        let headers: Vec<String> = self.headers.iter().map(|(name, value)| format!("{name}: {value:.60}")).collect();
        format!("{} {:.80} {headers:?}", self.method, self.target)
    }

    fn event(&self) -> Value {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let headers: serde_json::Map<String, Value> =
            self.headers.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "headers": headers,
            "requestContext": {"http": {"method": self.method, "path": path, "sourceIp": "192.0.2.10"}, "timeEpoch": 0},
            "isBase64Encoded": false,
        })
    }

    fn bytes(&self) -> Vec<u8> {
        let own = [("host", "localhost"), ("connection", "close")].map(|(name, value)| format!("{name}: {value}"));
        let headers = self.headers.iter().map(|(name, value)| format!("{name}: {value}"));
        let lines = [format!("{} {} HTTP/1.1", self.method, self.target)].into_iter().chain(own).chain(headers);
        (lines.collect::<Vec<_>>().join("\r\n") + "\r\n\r\n").into_bytes()
    }
}

#[tokio::test]
async fn service_gives_hostile_requests_their_status() {
    let dynamo = Dynamo::with_table().await;
    let service = service(&dynamo).await;
    let requests = requests();
    assert!(requests.len() >= 395, "{}", requests.len());
    for request in requests {
        let mut ask = Ask::bare(Method::from_bytes(request.method.as_bytes()).unwrap(), &request.target);
        for (name, value) in &request.headers {
            ask = ask.header(name.parse::<HeaderName>().unwrap(), value);
        }
        let answer = ask.of(&service).await;
        request.answer.check(answer.status(), answer.text(), &request.what());
    }
}

#[tokio::test]
async fn hostile_events_get_their_status() {
    let dynamo = Dynamo::with_table().await;
    let service = service(&dynamo).await;
    for request in requests() {
        let (status, body, _) = events::answer(&service, request.event()).await;
        request.answer.check(status, &body, &request.what());
    }
}

/// Sends bytes, and returns the status, if any, and the body.
fn over_a_socket(address: SocketAddr, bytes: &[u8], then_hang_up: bool) -> (Option<u16>, String) {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    // The server may close the connection before it has read everything.
    let _ = socket.write_all(bytes);
    if then_hang_up {
        let _ = socket.shutdown(Shutdown::Write);
    }
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    (status, body.to_owned())
}

async fn server(dynamo: &Dynamo) -> Background {
    serve(service(dynamo).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_requests_over_sockets_get_their_status() {
    let dynamo = Dynamo::with_table().await;
    let server = server(&dynamo).await;
    for request in requests() {
        let (status, body) = over_a_socket(server.address, &request.bytes(), false);
        request.answer.check(status.unwrap(), &body, &request.what());
    }
}

/// Not an HTTP request, or two in one: the server rejects it or closes the connection, and keeps serving.
#[tokio::test(flavor = "multi_thread")]
async fn malformed_request_does_not_affect_the_next() {
    let dynamo = Dynamo::with_table().await;
    let server = server(&dynamo).await;
    let bearer = format!("authorization: Bearer {TOKEN}\r\n");
    let with = |headers: &str| format!("GET /prom/node HTTP/1.1\r\nhost: x\r\n{bearer}{headers}\r\n").into_bytes();
    let long = format!("GET /prom/{} HTTP/1.1\r\nhost: x\r\n{bearer}\r\n", "j".repeat(100_000));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("a TLS handshake", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("HTTP/2 without asking", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("another version", b"GET /prom HTTP/9.9\r\nhost: x\r\n\r\n".to_vec()),
        ("no version", b"GET /prom\r\n\r\n".to_vec()),
        ("no path", b"GET HTTP/1.1\r\nhost: x\r\n\r\n".to_vec()),
        ("a blank in the path", b"GET /prom/a b HTTP/1.1\r\nhost: x\r\n\r\n".to_vec()),
        ("a null byte in the path", b"GET /prom/\0 HTTP/1.1\r\nhost: x\r\n\r\n".to_vec()),
        ("a path of 100 kB", long.into_bytes()),
        ("a header without a colon", with("x\r\n")),
        ("a blank before the colon", with("x : y\r\n")),
        ("a null byte in a header", with("x: \0\r\n")),
        ("a folded header", with("x: y\r\n z\r\n")),
        ("two lengths", with("content-length: 1\r\ncontent-length: 2\r\n")),
        ("a length that is none", with("content-length: -1\r\n")),
        ("a coding after chunked", with("transfer-encoding: chunked, identity\r\n")),
        ("500 headers", with(&"x: y\r\n".repeat(500))),
        ("a header of 1 MB", with(&format!("x: {}\r\n", "y".repeat(1 << 20)))),
        ("half a request", b"GET /prom HTTP/1.1\r\nhost".to_vec()),
    ];
    for (what, bytes) in cases {
        let (status, body) = over_a_socket(server.address, &bytes, true);
        assert!(status.is_none_or(|status| (400..500).contains(&status)), "{what}: {status:?}");
        assert!(!body.contains("a:1"), "{what}: {body}");
        let (status, body) = over_a_socket(server.address, &with("connection: close\r\n"), false);
        assert_eq!((status, body.as_str()), (Some(200), NODE), "after {what}");
    }
}

/// The function ignores the body of a request and the headers that describe it.
#[tokio::test(flavor = "multi_thread")]
async fn request_body_is_ignored() {
    let dynamo = Dynamo::with_table().await;
    let server = server(&dynamo).await;
    let head = format!("GET /prom/node HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\nconnection: close\r\n");
    let second = "GET /prom HTTP/1.1\r\nhost: x\r\n\r\n";
    let bodies = [
        "content-length: 5\r\n\r\nhello".to_string(),
        format!("content-length: {}\r\n\r\n{second}", second.len()),
        format!("transfer-encoding: chunked\r\n\r\n{:x}\r\n{second}\r\n0\r\n\r\n", second.len()),
        "content-type: application/json\r\ncontent-length: 2\r\n\r\n{}".to_string(),
        format!("content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{second}"),
    ];
    for body in bodies {
        let (status, answer) = over_a_socket(server.address, format!("{head}{body}").as_bytes(), false);
        assert_eq!((status, answer.as_str()), (Some(200), NODE), "{body}");
    }
}
