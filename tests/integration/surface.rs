//! The HTTP interface: paths, methods, `HEAD`, `?meta=true`, headers and the cache.

use std::time::Duration;

use http::{Method, header};
use http_sd_lambda::http::{Access, Service, Settings};
use test_support::{
    Ask, Dynamo, Row,
    ask::service,
    fault::{Fault, FaultyDynamo},
};

async fn one_group() -> Dynamo {
    let dynamo = Dynamo::with_table().await;
    Row::new("node", "web", &["a:1"]).labels([("env", "prod")]).put(&dynamo).await;
    dynamo
}

#[tokio::test]
async fn each_path_and_method_has_its_response() {
    let dynamo = one_group().await;
    let service = service(&dynamo, Settings::default());
    let cases = [
        (Method::GET, "/prom/node", 200),
        (Method::GET, "/prom/node/", 200),
        (Method::GET, "/prom/n%6Fde", 200),
        (Method::GET, "/prom", 200),
        (Method::GET, "/prom/", 200),
        (Method::GET, "/-/healthy", 200),
        (Method::GET, "/-/ready", 200),
        (Method::HEAD, "/prom/node", 200),
        (Method::HEAD, "/-/ready", 200),
        (Method::POST, "/prom/node", 405),
        (Method::PUT, "/prom", 405),
        (Method::DELETE, "/-/healthy", 405),
        (Method::OPTIONS, "/-/ready", 405),
        (Method::GET, "/jobs/node/web", 404),
        (Method::POST, "/metrics", 405),
        (Method::GET, "/prom/node/web", 404),
        (Method::GET, "/prom/%FF", 400),
        (Method::GET, "/prom/node?meta=yes", 400),
    ];
    for (method, path, status) in cases {
        let answer = Ask::get(path).method(method.clone()).of(&service).await;
        assert_eq!(answer.status(), status, "{method} {path}");
        assert_eq!(answer.header(header::CONTENT_TYPE), Some("application/json"), "{method} {path}");
        assert_eq!(answer.header(header::ALLOW), (status == 405).then_some("GET, HEAD"), "{method} {path}");
    }
}

#[tokio::test]
async fn responses_contain_nothing_that_a_browser_executes() {
    let dynamo = one_group().await;
    let service = service(&dynamo, Settings::default());
    let etag = Ask::get("/prom").of(&service).await.header(header::ETAG).unwrap().to_owned();
    let asks = [
        Ask::get("/prom"),
        Ask::get("/prom/node").gzip(),
        Ask::get("/prom").header(header::IF_NONE_MATCH, &etag),
        Ask::get("/-/healthy"),
        Ask::get("/-/ready").method(Method::HEAD),
        Ask::get("/prom").method(Method::POST),
        Ask::get("/nowhere"),
        Ask::get("/prom/%00"),
    ];
    for ask in asks {
        let answer = ask.of(&service).await;
        let headers = [
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
            (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
            (http::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        ];
        for (name, value) in headers {
            assert_eq!(answer.header(name), Some(value), "{}", answer.status());
        }
    }
}

#[tokio::test]
async fn head_equals_get_without_body() {
    let dynamo = one_group().await;
    let service = service(&dynamo, Settings::default());
    for path in ["/prom/node", "/prom", "/prom/none", "/-/ready", "/nowhere", "/", "/jobs/node"] {
        let get = Ask::get(path).of(&service).await;
        let head = Ask::get(path).method(Method::HEAD).of(&service).await;
        assert_eq!(head.status(), get.status(), "{path}");
        assert_eq!(head.text(), "");
        let mut headers = head.0.headers().clone();
        let length = headers.remove(header::CONTENT_LENGTH).unwrap();
        assert_eq!(length.to_str().unwrap(), get.0.body().len().to_string());
        assert_eq!(&headers, get.0.headers(), "{path}");
    }
}

/// The length in a response to `HEAD` equals that of `GET`, or is absent (RFC 9110, 8.6).
#[tokio::test]
async fn status_304_to_head_has_no_length() {
    let dynamo = one_group().await;
    let service = service(&dynamo, Settings::default());
    let get = Ask::get("/prom/node").of(&service).await;
    let tag = get.header(header::ETAG).unwrap();
    let ask = |method| Ask::get("/prom/node").method(method).header(header::IF_NONE_MATCH, tag);
    for method in [Method::HEAD, Method::GET] {
        let answer = ask(method.clone()).of(&service).await;
        assert_eq!((answer.status(), answer.text()), (304, ""), "{method}");
        assert_eq!(answer.header(header::CONTENT_LENGTH), None, "{method}");
    }
}

#[tokio::test]
async fn job_without_rows_is_an_empty_list() {
    let dynamo = one_group().await;
    let answer = Ask::get("/prom/nodes").of(&service(&dynamo, Settings::default())).await;
    assert_eq!((answer.status(), answer.text()), (200, "[]"));
}

#[tokio::test]
async fn meta_adds_job_and_group_labels() {
    let dynamo = one_group().await;
    let service = service(&dynamo, Settings::default());
    for path in ["/prom/node?meta=true", "/prom?meta=true"] {
        assert_eq!(
            Ask::get(path).of(&service).await.text(),
            r#"[{"targets":["a:1"],"labels":{"__meta_dynamodb_group":"web","__meta_dynamodb_job":"node","env":"prod"}}]"#
        );
    }
    assert!(!Ask::get("/prom/node?meta=false").of(&service).await.text().contains("__meta"));
}

#[tokio::test]
async fn cache_setting_serves_from_memory() {
    let dynamo = one_group().await;
    let cold = service(&dynamo, Settings::default());
    let warm = service(&dynamo, Settings { cache: Duration::from_mins(1), ..Settings::default() });
    for service in [&cold, &warm] {
        assert_eq!(Ask::get("/prom/node").of(service).await.targets(), ["a:1"]);
    }
    Row::new("node", "web", &["b:1"]).put(&dynamo).await;
    assert_eq!(Ask::get("/prom/node").of(&cold).await.targets(), ["b:1"]);
    assert_eq!(Ask::get("/prom/node").of(&warm).await.targets(), ["a:1"]);
    assert_eq!(Ask::get("/prom").of(&warm).await.targets(), ["b:1"]);
    assert!(Ask::get("/prom/node?meta=true").of(&warm).await.text().contains("__meta_dynamodb_group"));
}

#[tokio::test]
async fn errors_are_never_cached() {
    let dynamo = one_group().await;
    let faulty = FaultyDynamo::before(&dynamo);
    let settings = Settings { cache: Duration::from_mins(1), ..Settings::default() };
    let service = Service::new(faulty.table(), Access::Open, settings);
    faulty.fail(|_, _| Fault::Error(500, "InternalServerError"));
    assert_eq!(Ask::get("/prom/node").of(&service).await.status(), 503);
    faulty.heal();
    assert_eq!(Ask::get("/prom/node").of(&service).await.targets(), ["a:1"]);
}
