//! `sdctl check --url`: an endpoint, judged as Prometheus judges it.

use std::{fs, io::Write};

use axum::{
    Router,
    extract::Path,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Redirect,
    routing::get,
};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{
    TOKEN,
    background::Background,
    contract::BODIES,
    sdctl::{run, sdctl, serve_local},
};

const JSON: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];

fn check_url(server: &Background, path: &str, arguments: &[&str]) -> (i32, String) {
    let url = format!("http://{}{path}", server.address);
    run(sdctl().args(["check", "--url", &url]).args(arguments)).code_and_text()
}

#[test]
fn invalid_response_fault_states_effect_on_prometheus() {
    let body = |Path(i): Path<usize>| async move { (JSON, BODIES[i].0) };
    let server = Background::router(Router::new().route("/{i}", get(body)));
    for (i, (body, consequence)) in BODIES.into_iter().enumerate() {
        let (code, output) = check_url(&server, &format!("/{i}"), &[]);
        // `apply` rejects a file with `null`, but Prometheus accepts such a response.
        assert_eq!(code, if consequence.is_empty() || body == "null" { 0 } else { 2 }, "{body}: {output}");
        assert!(output.contains(consequence) && output.contains(": 200, "), "{body}: {output}");
    }
}

#[test]
fn check_polls_as_the_poller_does() {
    let echo = |headers: HeaderMap| async move {
        let name = |(name, value): (&HeaderName, &HeaderValue)| format!("{name}={}", value.to_str().unwrap());
        let mut seen: Vec<_> = headers.iter().filter(|(name, _)| *name != "host").map(name).collect();
        seen.sort();
        (StatusCode::FORBIDDEN, json!({"error": {"code": "seen", "message": seen.join(" ")}}).to_string())
    };
    let server = Background::router(Router::new().route("/", get(echo)));
    let folder = TempDir::new().unwrap();
    let token = folder.path().join("token");
    fs::write(&token, format!(" {TOKEN}\n")).unwrap();
    for (poller, gzip, user_agent) in [
        ("prometheus2", "", "Prometheus/2.53.0"),
        ("prometheus3", "", "Prometheus/3.5.0"),
        ("vmagent", "accept-encoding=gzip ", "Go-http-client/1.1"),
    ] {
        let arguments = ["--for", poller, "--refresh-interval", "30s500ms", "--token-file", token.to_str().unwrap()];
        let (code, output) = check_url(&server, "/", &arguments);
        let expected = format!(
            "responds with 403, not 200: seen: {gzip}accept=application/json authorization=Bearer {TOKEN} user-agent={user_agent} x-prometheus-refresh-interval-seconds=30.5; "
        );
        assert!(code == 2 && output.contains(&expected), "{output}");
    }
}

#[test]
fn check_judges_an_endpoint_by_its_response() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(br#"[{"targets":["a:1","b:1"]}]"#).unwrap();
    let compressed = encoder.finish().unwrap();
    let router = Router::new()
        .route("/good", get(|| async { (JSON, r#"[{"targets":["a:1","b:1"]}]"#) }))
        .route("/redirect", get(|| async { Redirect::temporary("/good") }))
        .route("/status", get(|| async { StatusCode::NO_CONTENT }))
        .route("/cached", get(|| async { StatusCode::NOT_MODIFIED }))
        .route("/gzip", get(|| async { (JSON, [(header::CONTENT_ENCODING, "gzip")], "\u{1f}") }))
        .route("/compressed", get(move || async move { (JSON, [(header::CONTENT_ENCODING, "gzip")], compressed) }))
        .route("/empty", get(|| async { (JSON, "[]") }))
        .route("/html", get(|| async { ([(header::CONTENT_TYPE, "text/html")], "[]") }))
        .route("/latin1", get(|| async { (JSON, &b"[{\"targets\":[\"a\xff:1\"]}]"[..]) }))
        .route("/files", get(|| async { (JSON, r#"{"scrape_configs":[]}"#) }))
        .route("/silent", get(std::future::pending::<StatusCode>));
    let server = Background::router(router);
    for (path, code, expected) in [
        ("/good", 0, "no faults: 200, 1 group, 2 targets, 27 bytes in "),
        ("/redirect", 0, "/good\": the OpenTelemetry target allocator follows no redirect"),
        ("/status", 2, "responds with 204, not 200; Prometheus 2 rejects the response and keeps its old targets"),
        ("/cached", 2, "responds with 304, not 200"),
        ("/gone", 2, "responds with 404, not 200"),
        ("/gzip", 2, "sends Content-Encoding \"gzip\", which the poller did not request"),
        ("/html", 2, "sends Content-Type \"text/html\", but must send application/json"),
        ("/latin1", 0, "contains bytes that are not UTF-8; Prometheus 2 replaces each"),
        ("/files", 2, "is a map, but must be a list of target groups"),
        ("/silent", 2, "does not respond within 1s, the refresh interval; Prometheus 2 keeps its old targets"),
    ] {
        let (found, output) = check_url(&server, path, &["--refresh-interval", "1s"]);
        assert!(found == code && output.contains(expected), "{path}: {output}");
    }
    for (path, poller, code, expected) in [
        ("/html", "vmagent", 2, "vmagent accepts it"),
        ("/compressed", "vmagent", 0, "no faults: 200, 1 group, 2 targets"),
        ("/compressed", "prometheus3", 2, "sends Content-Encoding \"gzip\", which the poller did not request"),
        ("/gzip", "vmagent", 2, "sends a body that is not gzip"),
        ("/empty", "prometheus2", 2, "is an empty list; Prometheus 2 drops every target"),
        ("/empty", "vmagent", 2, "is an empty list; vmagent drops every target"),
    ] {
        let (found, output) = check_url(&server, path, &["--for", poller, "--strict"]);
        assert!(found == code && output.contains(expected), "{path}: {output}");
    }
    let (code, output) = check_url(&server, "/html", &["--for", "vmagent"]);
    assert!(code == 0 && output.contains("vmagent accepts it"), "{output}");
    let (_, output) = check_url(&server, "/good", &["-o", "json"]);
    let summary = serde_json::from_str::<Value>(&output).unwrap()["summary"].clone();
    assert_eq!((&summary["status"], &summary["bytes"]), (&json!(200), &json!(27)), "{output}");
    assert!(summary["duration_ms"].is_u64(), "{output}");
    let with_password = format!("http://me:secret@{}/good", server.address);
    let (code, output) = run(sdctl().args(["check", "--url", &with_password])).code_and_text();
    assert!(code == 0 && output.starts_with("no faults: 200, ") && !output.contains("redirects"), "{output}");
    drop(server);
    let (code, output) = run(sdctl().args(["check", "--url", &with_password])).code_and_text();
    assert!(code == 2 && output.contains("does not respond") && !output.contains("secret"), "{output}");
}

#[test]
fn response_of_serve_has_no_fault() {
    let data = TempDir::new().unwrap();
    let served = serve_local(data.path(), &["--sample"]);
    for (path, poller, strict, expected) in [
        ("/prom", "prometheus2", 0, "200, 6 groups, 11 targets, "),
        ("/prom", "vmagent", 0, "200, 6 groups, 11 targets, "),
        ("/prom/none", "prometheus2", 2, "is an empty list"),
    ] {
        let url = format!("{}{path}", served.url);
        let (code, output) = run(sdctl().args(["check", "--strict", "--url", &url, "--for", poller])).code_and_text();
        assert!(code == strict && output.contains(expected), "{output}");
    }
    let (code, output) = run(sdctl().args(["check", "--url", &format!("{}/no-such-path", served.url)])).code_and_text();
    assert!(code == 2 && output.contains("responds with 404, not 200: not_found: "), "{output}");
}
