//! Every event in `events/`, passed to the function as Lambda passes it.

use std::{collections::BTreeMap, fs};

use http_sd_lambda::{
    config::{self, Config},
    http::{ResponseMode, Service},
    lambda,
};
use lambda_http::lambda_runtime::FunctionResponse;
use serde_json::{Value, json};
use test_support::{
    Dynamo, TOKEN,
    events::{self, answer, event, load},
    lambda::Function,
    repository,
};

/// Returns the variables of `local.env`, with which cargo-lambda runs the function.
fn local_env() -> BTreeMap<String, String> {
    let file = fs::read_to_string(repository().join("local.env")).unwrap();
    let lines = file.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split_once('=').unwrap()).map(|(name, value)| (name.into(), value.into())).collect()
}

async fn sample_service(dynamo: &Dynamo, overrides: &[(&str, &str)]) -> Service {
    dynamo.put_sample().await;
    let mut variables = local_env();
    variables.extend(overrides.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let config = Config::read(&|name| variables.get(name).cloned()).unwrap();
    Service::new(dynamo.table(), config.access, config.settings)
}

#[tokio::test]
async fn every_event_gets_its_expected_response() {
    let dynamo = Dynamo::with_table().await;
    let service = sample_service(&dynamo, &[]).await;
    for (name, expected) in events::all() {
        let (status, body, base64) = answer(&service, load(&name)).await;
        assert_eq!(status, expected.status, "{name}: {body}");
        assert!(body.starts_with(&expected.body), "{name}: {body}");
        assert_eq!(base64, expected.base64, "{name}");
    }
}

#[tokio::test]
async fn only_the_iam_event_passes_iam_access() {
    let dynamo = Dynamo::with_table().await;
    let service = sample_service(&dynamo, &[(config::AUTH, "iam")]).await;
    for (name, status) in [("iam-caller", 200), ("job", 401)] {
        assert_eq!(answer(&service, load(name)).await.0, status, "{name}");
    }
    let authorizers = [
        (json!({"iam": {"userArn": "arn:aws:iam::123456789012:user/x"}}), 200),
        (json!({"iam": {"userArn": null, "callerId": "AROAEXAMPLE:service"}}), 200),
        (json!({"iam": {"userArn": "", "callerId": "", "accessKey": "ASIAEXAMPLE"}}), 401),
        (json!({"iam": {}}), 401),
        (json!({"iam": null}), 401),
        (json!({}), 401),
        (Value::Null, 401),
    ];
    for (authorizer, status) in authorizers {
        let mut event = load("iam-caller");
        event["requestContext"]["authorizer"] = authorizer.clone();
        assert_eq!(answer(&service, event).await.0, status, "{authorizer}");
    }
}

#[tokio::test]
async fn streamed_response_equals_buffered_response() {
    use futures_util::StreamExt;
    let dynamo = Dynamo::with_table().await;
    let buffered = sample_service(&dynamo, &[]).await;
    let streamed = sample_service(&dynamo, &[(config::RESPONSE_MODE, "stream")]).await;
    assert_eq!(streamed.response_mode(), ResponseMode::Stream);
    for name in ["job", "token-wrong", "job-not-modified", "job-head"] {
        let json = load(name);
        let (status, body, _) = answer(&buffered, json.clone()).await;
        let response = lambda::handle(streamed.clone(), event(json)).await;
        let Ok(FunctionResponse::StreamingResponse(response)) = response else { panic!("response is not streamed") };
        assert_eq!(response.metadata_prelude.status_code.as_u16(), status, "{name}");
        let pieces: Vec<_> = response.stream.map(Result::unwrap).collect().await;
        assert_eq!(pieces.concat(), body.as_bytes(), "{name}");
    }
}

/// Events that browsers do not send, each with its expected status.
fn odd_events() -> Vec<(Value, u16)> {
    let odd = |path: &str, query: &str, method: Value, host: &str, proto: &str| {
        json!({
            "version": "2.0", "rawPath": path, "rawQueryString": query, "isBase64Encoded": true, "body": "%%% no base64",
            "headers": {"authorization": format!("Bearer {TOKEN}"), "host": host, "x-forwarded-proto": proto},
            "cookies": ["\n"],
            "requestContext": {
                "http": {"method": method, "path": path}, "timeEpoch": 0, "domainName": host, "stage": "\\ ["
            }
        })
    };
    let paths = [
        ("/prom/node_exporter", "a=b c", json!("GET"), 200),
        ("/prom/node exporter", "", json!("GET"), 200),
        ("/prom/näme", "\u{0}", json!("GET"), 200),
        ("/prom/node\\exporter", "", json!("GET"), 400),
        ("/prom/[", "]", json!("GET"), 200),
        ("/prom/%zz", "", json!("GET"), 400),
        ("/prom/%FF", "", json!("GET"), 400),
        ("/prom/node_exporter", "match[]=%FF", json!("GET"), 400),
        ("prom", "", json!("GET"), 404),
        ("", "", json!("GET"), 404),
        ("/prom/../-/ready", "", json!("GET"), 404),
        ("/prom\\..\\-\\ready", "", json!("GET"), 404),
        ("http://[", "", json!("GET"), 404),
        (":1", "", json!("GET"), 404),
        ("@", "", json!("GET"), 404),
        ("/prom", "", json!("G E T"), 405),
        ("/prom", "", json!(""), 405),
        ("/prom", "", Value::Null, 405),
    ];
    let hosts = ["", " ", "[", "]", "[::1", "\\", "..", "/", "a b", "a:99999999", "%zz", "xn--a", "@", "é"];
    let protos = ["", " ", ":", "é", "javascript", "http://", "https, http"];
    let huge = ["x".repeat(100_000), "/".repeat(100_000)];
    let paths = paths.map(|(path, query, method, status)| (odd(path, query, method, "a b:99999999", ":"), status));
    let of_host = |host: &str, proto: &str| odd("/prom/node_exporter", "", json!("GET"), host, proto);
    let hosts = hosts.map(|host| (of_host(host, "https"), 200));
    let protos = protos.map(|proto| (of_host("localhost", proto), 200));
    let huge = huge.iter().flat_map(|huge| {
        let path = odd(huge, huge, json!("GET"), "localhost", "https");
        [(of_host(huge, "https"), 431), (of_host("localhost", huge), 431), (path, 400)]
    });
    paths.into_iter().chain(hosts).chain(protos).chain(huge).collect()
}

#[tokio::test]
async fn odd_event_does_not_panic() {
    let dynamo = Dynamo::with_table().await;
    let buffered = sample_service(&dynamo, &[]).await;
    let streamed = sample_service(&dynamo, &[(config::RESPONSE_MODE, "stream")]).await;
    for (json, status) in odd_events() {
        let (found, body, _) = answer(&buffered, json.clone()).await;
        assert_eq!(found, status, "{json:.300}: {body}");
        let response = lambda::handle(streamed.clone(), event(json)).await;
        let Ok(FunctionResponse::StreamingResponse(response)) = response else { panic!("response is not streamed") };
        assert_eq!(response.metadata_prelude.status_code.as_u16(), status, "{body}");
    }
}

/// Lambda's runtime reports a panic as an error of the function, which [`Function`] does not accept.
#[tokio::test(flavor = "multi_thread")]
async fn function_process_responds_to_odd_events() {
    let dynamo = Dynamo::with_table().await;
    dynamo.put_sample().await;
    let function = Function::start(&dynamo.endpoint(), &[]);
    for (event, status) in odd_events() {
        let answer = function.answer(event.clone());
        assert_eq!(answer["statusCode"], status, "{event:.300}: {answer}");
    }
}
