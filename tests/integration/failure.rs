//! Failures of the table: each is an error before the deadline that names the remedy, and never a short list.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use aws_sdk_dynamodb::types::{KeyType, ScalarAttributeType};
use futures_util::future::join_all;
use http::header;
use http_sd_lambda::{
    http::{Access, ResponseMode, Service, Settings},
    table::Table,
};
use test_support::{
    Ask, Dynamo,
    ask::service,
    engine::{TABLE, client},
    fault::{Fault, FaultyDynamo, closing_endpoint},
    lambda::Function,
    process::free_port,
    row::{put_all, tenths_of_a_page},
};

const DEADLINE: Duration = Duration::from_secs(5);
const PATHS: [&str; 2] = ["/prom/node", "/prom"];

async fn rows_of_a_tenth_of_a_page(rows: usize) -> Dynamo {
    let dynamo = Dynamo::with_table().await;
    put_all(&dynamo, tenths_of_a_page(rows)).await;
    dynamo
}

fn streaming(table: Table) -> Service {
    Service::new(table, Access::Open, Settings { response_mode: ResponseMode::Stream, ..Settings::default() })
}

#[tokio::test]
async fn failed_page_is_an_error_not_short_list() {
    let dynamo = rows_of_a_tenth_of_a_page(25).await;
    let faulty = FaultyDynamo::before(&dynamo);
    let service = streaming(faulty.table());
    let errors = [
        (400, "ProvisionedThroughputExceededException", 503, "table_unavailable"),
        (400, "ThrottlingException", 503, "table_unavailable"),
        (400, "RequestLimitExceeded", 503, "table_unavailable"),
        (500, "InternalServerError", 503, "table_unavailable"),
        (503, "ServiceUnavailable", 503, "table_unavailable"),
        (400, "AccessDeniedException", 500, "table_misconfigured"),
        (400, "ResourceNotFoundException", 500, "table_misconfigured"),
        (400, "UnrecognizedClientException", 500, "table_misconfigured"),
        (400, "ValidationException", 500, "table_misconfigured"),
    ];
    for (status, name, expected_status, expected_code) in errors {
        for only_later in [false, true] {
            faulty.fail(move |operation, later| match operation {
                "Query" | "Scan" if later == only_later => Fault::Error(status, name),
                _ => Fault::None,
            });
            for path in PATHS {
                let answer = Ask::get(path).of(&service).await;
                assert_eq!(answer.discreet(), (expected_status, expected_code.into()), "{name} {path} {only_later}");
                let retry_after = answer.header(header::RETRY_AFTER).is_some();
                assert_eq!(retry_after, expected_status == 503, "{name}");
            }
        }
        faulty.heal();
        for path in PATHS {
            assert_eq!(Ask::get(path).of(&service).await.groups().len(), 25, "after {name}");
        }
    }
}

#[tokio::test]
async fn slow_read_ends_before_the_deadline() {
    let dynamo = rows_of_a_tenth_of_a_page(25).await;
    let faulty = FaultyDynamo::before(&dynamo);
    let service = streaming(faulty.table());
    for only_later in [false, true] {
        faulty.fail(move |operation, later| match operation {
            "Query" | "Scan" if later == only_later => Fault::Silence,
            _ => Fault::None,
        });
        let paths: &[&str] = if only_later { &PATHS } else { &["/prom/node", "/prom", "/-/ready"] };
        // In parallel, because each takes as long as its deadline.
        let answers = join_all(paths.iter().map(async |path| {
            let answer = Ask::get(path).within(DEADLINE).in_time(&service).await;
            (path, answer.unwrap_or_else(|| panic!("{path}: no response before the deadline")))
        }));
        for (path, answer) in answers.await {
            let expected = if *path == "/-/ready" { 503 } else { 504 };
            assert_eq!(answer.discreet(), (expected, "table_timeout".into()), "{path}");
        }
    }
    faulty.heal();
    assert_eq!(Ask::get("/prom/node").of(&service).await.groups().len(), 25);
}

#[tokio::test]
async fn past_deadline_is_an_immediate_timeout() {
    let dynamo = Dynamo::with_table().await;
    let answer = Ask::get("/prom").within(Duration::ZERO).of(&service(&dynamo, Settings::default())).await;
    assert_eq!(answer.discreet(), (504, "table_timeout".into()));
}

#[tokio::test]
async fn refused_or_closed_connection_is_table_unavailable() {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], free_port()));
    for address in [nowhere, closing_endpoint()] {
        let service = streaming(Table::new(client(&address.into()), TABLE));
        for path in ["/prom/node", "/prom", "/-/ready"] {
            let answer = Ask::get(path).of(&service).await;
            assert_eq!(answer.discreet(), (503, "table_unavailable".into()), "{path}");
            assert!(answer.header(header::RETRY_AFTER).is_some());
        }
    }
}

/// Responses that are not pages. A careless reader could mistake each for the end of the table.
#[tokio::test]
async fn implausible_page_is_an_error() {
    const SAME_PAGE: &str = r#"{"Items":[],"Count":0,"LastEvaluatedKey":{"job":{"S":"node"},"group":{"S":"01"}}}"#;
    let dynamo = rows_of_a_tenth_of_a_page(25).await;
    let faulty = FaultyDynamo::before(&dynamo);
    let service = streaming(faulty.table());
    for body in [SAME_PAGE, "{}", r#"{"Count":0}"#, r#"{"Items":[],"Count":1}"#, "", "{", "null", "[]", "<html>"] {
        for only_later in [false, true] {
            faulty.fail(move |operation, later| match operation {
                "Query" | "Scan" if later == only_later || body == SAME_PAGE => Fault::Answer(body),
                _ => Fault::None,
            });
            for path in PATHS {
                let answer = Ask::get(path).of(&service).await;
                assert_eq!(answer.discreet(), (503, "table_unavailable".into()), "{body:?} {path} {only_later}");
            }
        }
    }
    faulty.heal();
    assert_eq!(Ask::get("/prom/node").of(&service).await.groups().len(), 25);
}

/// A changed page can look valid: only its checksum reveals the change.
#[tokio::test]
async fn page_with_wrong_checksum_is_retried_then_fails() {
    let dynamo = rows_of_a_tenth_of_a_page(25).await;
    let faulty = FaultyDynamo::before(&dynamo);
    let service = streaming(faulty.table());
    for only_later in [false, true] {
        let is_read = |operation: &str| ["Query", "Scan"].contains(&operation);
        for path in PATHS {
            faulty.fail(move |operation, later| match operation {
                _ if is_read(operation) && later == only_later => Fault::Altered,
                _ => Fault::None,
            });
            let answer = Ask::get(path).of(&service).await;
            assert_eq!(answer.discreet(), (503, "table_unavailable".into()), "{path} {only_later}");

            let altered = AtomicUsize::new(0);
            faulty.fail(move |operation, later| match operation {
                _ if is_read(operation) && later == only_later && altered.fetch_add(1, Ordering::SeqCst) == 0 => {
                    Fault::Altered
                }
                _ => Fault::None,
            });
            let targets = Ask::get(path).of(&service).await.targets();
            assert_eq!(targets, (0..25).map(|i| format!("{i}:1")).collect::<Vec<_>>(), "{path} {only_later}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_are_logged_with_the_request_id() {
    let dynamo = Dynamo::with_table().await;
    let faulty = FaultyDynamo::before(&dynamo);
    let cases = [
        ("Text", "request{request_id=test-request}: the request to the table succeeded after retries: "),
        ("JSON", r#""span":{"request_id":"test-request","name":"request"}"#),
    ];
    for (format, id) in cases {
        let environment = [("AWS_LAMBDA_LOG_FORMAT", format), ("AWS_LAMBDA_LOG_LEVEL", "WARN")];
        let mut function = Function::start(&faulty.endpoint(), &environment);
        let failed = AtomicUsize::new(0);
        faulty.fail(move |operation, _| match operation {
            "Query" if failed.fetch_add(1, Ordering::SeqCst) == 0 => Fault::Error(500, "InternalServerError"),
            _ => Fault::None,
        });
        assert_eq!(function.invoke("job")["statusCode"], 200);
        let log = function.process.wait_for("retried");
        let line = log.lines().find(|line| line.contains("retried")).unwrap();
        assert!(line.contains(id), "{line}");
    }
}

/// Endless pages, each of which is valid.
const WITHOUT_END: [&str; 2] = [
    r#"{"Items":[],"Count":0,"LastEvaluatedKey":{"job":{"S":"node"},"group":{"S":"01"}}}"#,
    r#"{"Items":[],"Count":0,"LastEvaluatedKey":{"job":{"S":"node"},"group":{"S":"02"}}}"#,
];

#[tokio::test]
async fn endless_table_is_a_timeout() {
    let dynamo = rows_of_a_tenth_of_a_page(1).await;
    let faulty = FaultyDynamo::before(&dynamo);
    let service = streaming(faulty.table());
    let turn = AtomicUsize::new(0);
    faulty.fail(move |operation, _| match operation {
        "Query" => Fault::Answer(WITHOUT_END[turn.fetch_add(1, Ordering::SeqCst) % 2]),
        _ => Fault::None,
    });
    let answer = Ask::get("/prom/node").within(Duration::from_secs(2)).of(&service).await;
    assert_eq!(answer.discreet(), (504, "table_timeout".into()));
}

#[tokio::test]
async fn response_above_memory_limit_names_the_setting() {
    let dynamo = rows_of_a_tenth_of_a_page(25).await;
    let with = |memory| {
        let settings = Settings { response_mode: ResponseMode::Stream, memory, ..Settings::default() };
        Service::new(dynamo.table(), Access::Open, settings)
    };
    for path in PATHS {
        let answer = Ask::get(path).of(&with(Some(1024 * 1024))).await;
        assert_eq!(answer.discreet(), (500, "response_too_large".into()), "{path}");
        assert!(answer.error().2.contains("MemorySize"), "{path}");
        for enough in [None, Some(64 << 30)] {
            assert_eq!(Ask::get(path).of(&with(enough)).await.groups().len(), 25, "{path} {enough:?}");
        }
    }
}

#[tokio::test]
async fn missing_table_is_misconfigured_and_not_ready() {
    let dynamo = Dynamo::start();
    let service = service(&dynamo, Settings::default());
    for path in PATHS {
        assert_eq!(Ask::get(path).of(&service).await.discreet(), (500, "table_misconfigured".into()));
    }
    assert_eq!(Ask::get("/-/ready").of(&service).await.discreet(), (503, "table_misconfigured".into()));
    assert!(dynamo.store().create().await.unwrap());
    assert_eq!(Ask::get("/prom").of(&service).await.text(), "[]");
    assert_eq!(Ask::get("/-/ready").of(&service).await.status(), 200);
}

#[tokio::test]
async fn empty_table_with_another_key_is_misconfigured() {
    use ScalarAttributeType::{N, S};
    let cases: [&[(&str, KeyType, ScalarAttributeType)]; 4] = [
        &[("pk", KeyType::Hash, S), ("sk", KeyType::Range, S)],
        &[("job", KeyType::Hash, S)],
        &[("job", KeyType::Hash, S), ("group", KeyType::Range, N)],
        &[("group", KeyType::Hash, S), ("job", KeyType::Range, S)],
    ];
    for key in cases {
        let dynamo = Dynamo::start();
        dynamo.create_other_table(key).await;
        let service = service(&dynamo, Settings::default());
        for path in PATHS {
            let answer = Ask::get(path).of(&service).await;
            assert_eq!(answer.discreet(), (500, "table_misconfigured".into()), "{path} {key:?}");
        }
        assert_eq!(Ask::get("/-/ready").of(&service).await.code(), (503, "table_misconfigured".into()));
    }
}

#[tokio::test]
async fn response_above_size_limit_names_the_setting() {
    let dynamo = rows_of_a_tenth_of_a_page(65).await;
    let service = service(&dynamo, Settings::default());
    for path in PATHS {
        let (status, code, message) = Ask::get(path).of(&service).await.error();
        assert_eq!((status, code.as_str()), (500, "response_too_large"));
        assert!(message.contains("HTTP_SD_RESPONSE_MODE=stream") && message.contains("ResponseMode"), "{message}");
        assert_eq!(Ask::get(path).gzip().of(&service).await.status(), 200, "compressed it fits");
        assert_eq!(Ask::get(path).of(&streaming(dynamo.table())).await.groups().len(), 65);
    }
}

/// Lambda sends the first 6 MB of a stream at once, then 2 MB a second.
#[tokio::test]
async fn stream_too_slow_for_the_deadline_fails_immediately() {
    let dynamo = Dynamo::with_table().await;
    put_all(&dynamo, tenths_of_a_page(130)).await;
    let settings =
        Settings { response_mode: ResponseMode::Stream, cache: Duration::from_mins(10), ..Settings::default() };
    let service = service(&dynamo, settings);
    let ask = |path: &str, seconds| Ask::get(path).within(Duration::from_secs(seconds));
    assert_eq!(ask("/prom", 30).of(&service).await.targets().len(), 130);
    // Now the rows are in memory. The work on them takes no time of a stopped clock, so all of it is for sending.
    tokio::time::pause();
    for path in ["/prom/node", "/prom", "/prom/node?meta=true"] {
        let (status, code, message) = ask(path, 3).of(&service).await.error();
        assert_eq!((status, code.as_str()), (500, "response_too_large"), "{path}");
        for way_out in ["gzip", "shard=0&of=4", "match[]", "Timeout"] {
            assert!(message.contains(way_out), "{path}: no {way_out} in {message}");
        }
    }
    assert_eq!(ask("/prom/node?shard=0&of=4", 3).of(&service).await.status(), 200);
    assert_eq!(ask("/prom/node", 30).gzip().of(&service).await.status(), 200);
}
