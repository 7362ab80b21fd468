//! The HTTP surface: paths, methods, access, `HEAD`, `?meta=true`, the cache.

use std::time::Duration;

use http::{Method, header};
use http_sd_lambda::service::{Access, Service, Settings, TokenHash};

use crate::common::{
    Ask, Dynamo, Row, TOKEN,
    ask::service,
    fault::{Fault, FaultyDynamo},
};

async fn one_group() -> Dynamo {
    let dynamo = Dynamo::with_table().await;
    Row::new("node", "web", &["a:1"]).labels([("env", "prod")]).put(&dynamo).await;
    dynamo
}

#[tokio::test]
async fn each_path_and_method_has_its_answer() {
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
        (Method::GET, "/", 404),
        (Method::GET, "/metrics", 404),
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
async fn head_answers_like_get_without_the_body() {
    let dynamo = one_group().await;
    let service = service(&dynamo, Settings::default());
    for path in ["/prom/node", "/prom", "/prom/none", "/-/ready", "/nowhere"] {
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

#[tokio::test]
async fn a_job_that_has_no_row_is_an_empty_list() {
    let dynamo = one_group().await;
    let answer = Ask::get("/prom/nodes").of(&service(&dynamo, Settings::default())).await;
    assert_eq!((answer.status(), answer.text()), (200, "[]"));
}

#[tokio::test]
async fn meta_adds_job_and_group_to_the_labels() {
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
async fn a_token_is_asked_for_everywhere_but_at_healthy() {
    let dynamo = one_group().await;
    let hashes = vec![TokenHash::of(b"the other one"), TokenHash::of(TOKEN.as_bytes())];
    let service = Service::new(dynamo.table(), Access::Token(hashes), Settings::default());
    for path in ["/prom/node", "/prom", "/-/ready", "/", "/nowhere", "/prom/%FF"] {
        let bare = || Ask::get(path);
        let refused = [
            bare(),
            bare().bearer("wrong"),
            bare().bearer(""),
            bare().bearer(&TokenHash::of(TOKEN.as_bytes()).to_string()),
            bare().bearer(&format!("{TOKEN}x")),
            bare().header(header::AUTHORIZATION, TOKEN),
            bare().header(header::AUTHORIZATION, &format!("Token {TOKEN}")),
            bare().header(header::AUTHORIZATION, "Bearer"),
            bare().header(header::AUTHORIZATION, "é"),
        ];
        for ask in refused {
            let answer = ask.of(&service).await;
            assert_eq!(answer.code(), (401, "unauthorized".into()), "{path}");
            assert_eq!(answer.header(header::WWW_AUTHENTICATE), Some("Bearer realm=\"http-sd\""));
        }
        assert_ne!(bare().bearer(TOKEN).of(&service).await.status(), 401, "{path}");
        assert_ne!(bare().bearer("the other one").of(&service).await.status(), 401, "{path}");
        let lower = bare().header(header::AUTHORIZATION, &format!("bearer  {TOKEN} ")).of(&service).await;
        assert_ne!(lower.status(), 401, "{path}");
    }
    assert_eq!(Ask::get("/-/healthy").of(&service).await.status(), 200);
}

#[tokio::test]
async fn iam_access_needs_a_caller_whom_iam_has_let_through() {
    let dynamo = one_group().await;
    let service = Service::new(dynamo.table(), Access::Iam, Settings::default());
    assert_eq!(Ask::get("/prom/node").of(&service).await.code(), (401, "unauthorized".into()));
    assert_eq!(Ask::get("/prom/node").bearer(TOKEN).of(&service).await.status(), 401);
    assert_eq!(Ask::get("/prom/node").iam_caller().of(&service).await.targets(), ["a:1"]);
}

#[tokio::test]
async fn a_refused_request_and_the_health_check_touch_no_table() {
    let dynamo = one_group().await;
    let faulty = FaultyDynamo::before(&dynamo);
    faulty.fail(|_, _| Fault::Error(500, "InternalServerError"));
    let hashes = vec![TokenHash::of(TOKEN.as_bytes())];
    let service = Service::new(faulty.table(), Access::Token(hashes), Settings::default());
    assert_eq!(Ask::get("/-/healthy").of(&service).await.status(), 200);
    assert_eq!(Ask::get("/prom/node").bearer("wrong").of(&service).await.status(), 401);
    assert_eq!(Ask::get("/prom/node").bearer(TOKEN).method(Method::POST).of(&service).await.status(), 405);
    assert_eq!(Ask::get("/prom/node").bearer(TOKEN).of(&service).await.status(), 503);
}

#[tokio::test]
async fn a_warm_function_answers_from_memory_only_if_the_settings_say_so() {
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
async fn an_error_is_never_answered_from_memory_nor_kept_there() {
    let dynamo = one_group().await;
    let faulty = FaultyDynamo::before(&dynamo);
    let settings = Settings { cache: Duration::from_mins(1), ..Settings::default() };
    let service = Service::new(faulty.table(), Access::Open, settings);
    faulty.fail(|_, _| Fault::Error(500, "InternalServerError"));
    assert_eq!(Ask::get("/prom/node").of(&service).await.status(), 503);
    faulty.heal();
    assert_eq!(Ask::get("/prom/node").of(&service).await.targets(), ["a:1"]);
}
