//! The function under AWS's Lambda Runtime Interface Emulator.

use std::sync::atomic::{AtomicUsize, Ordering};

use http_sd_lambda::group::EpochSeconds;
use serde_json::Value;
use test_support::{
    Dynamo, Row, TOKEN,
    emulator::{Emulated, PATIENCE},
    fault::{Fault, FaultyDynamo},
    row::n,
};

#[tokio::test(flavor = "multi_thread")]
async fn function_responds_to_function_url_events() {
    let dynamo = Dynamo::with_table().await;
    Row::new("node_exporter", "web", &["a:1"]).put(&dynamo).await;
    // Even the most detailed log must contain no token.
    let trace = [("RUST_LOG", "trace")];
    let Some(mut emulated) = Emulated::start(&dynamo.endpoint(), &trace) else { return };
    let job = emulated.invoke("job");
    assert_eq!(job["statusCode"], 200);
    assert_eq!(job["isBase64Encoded"], false);
    assert_eq!(job["headers"]["content-type"], "application/json");
    assert_eq!(job["body"], r#"[{"targets":["a:1"],"labels":{}}]"#);
    assert_eq!(emulated.invoke("token-wrong")["statusCode"], 401);
    assert_eq!(emulated.invoke("health")["statusCode"], 200);
    let log = emulated.process.wait_for("route=\"healthy\"");
    assert!(!log.contains(TOKEN) && !log.contains("not-the-token"), "the log contains a token:\n{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_table_is_an_error_before_lambdas_timeout() {
    let dynamo = Dynamo::with_table().await;
    Row::new("node_exporter", "web", &["a:1"]).put(&dynamo).await;
    let faulty = FaultyDynamo::before(&dynamo);
    faulty.fail(|_, _| Fault::Silence);
    // The emulator, unlike Lambda, counts the start as part of the first invocation.
    let Some(emulated) = Emulated::start(&faulty.endpoint(), &[("HTTP_SD_WARM_UP", "off")]) else { return };
    let slow = emulated.invoke("job");
    assert_eq!(slow["statusCode"], 504, "{slow}");
    assert!(slow["body"].as_str().unwrap().contains("table_timeout"));
    faulty.heal();
    assert_eq!(emulated.invoke("job")["statusCode"], 200);
}

/// Endless pages of one megabyte. The two alternate, so that no page names itself as the next one.
fn pages_without_end() -> [&'static str; 2] {
    ["1", "2"].map(|next| {
        let padding = "x".repeat(1000);
        let row = format!(
            r#"{{"job":{{"S":"node_exporter"}},"group":{{"S":"{next}"}},"targets":{{"L":[{{"S":"{padding}"}}]}}}}"#
        );
        let rows = vec![row; 1000].join(",");
        let key = format!(r#"{{"job":{{"S":"node_exporter"}},"group":{{"S":"{next}"}}}}"#);
        &*format!(r#"{{"Items":[{rows}],"Count":1000,"LastEvaluatedKey":{key}}}"#).leak()
    })
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn fleet_larger_than_memory_is_an_error() {
    const MEMORY: u64 = 128;
    let dynamo = Dynamo::with_table().await;
    Row::new("node_exporter", "web", &["a:1"]).put(&dynamo).await;
    let faulty = FaultyDynamo::before(&dynamo);
    let (pages, turn) = (pages_without_end(), AtomicUsize::new(0));
    faulty.fail(move |operation, _| match operation {
        "Query" => Fault::Answer(pages[turn.fetch_add(1, Ordering::SeqCst) % 2]),
        _ => Fault::None,
    });
    let environment = [
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", MEMORY.to_string()),
        ("AWS_LAMBDA_FUNCTION_TIMEOUT", PATIENCE.as_secs().to_string()),
        ("HTTP_SD_RESPONSE_MODE", "stream".to_owned()),
    ];
    let environment = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
    let Some(emulated) = Emulated::start(&faulty.endpoint(), &environment) else { return };
    for _ in 0..2 {
        let answer = emulated.streamed("job");
        assert!(answer.contains("response_too_large") && answer.contains("MemorySize"), "{answer}");
    }
    let peak = emulated.peak_megabytes();
    assert!((MEMORY / 2..MEMORY).contains(&peak), "{peak} MB");
    faulty.heal();
    assert!(emulated.streamed("job").contains(r#"[{"targets":["a:1"],"labels":{}}]"#));
    let log = emulated.process.output();
    assert!(log.contains("the response needs too much memory"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn log_is_json_with_fields_of_metric_filters() {
    let dynamo = Dynamo::with_table().await;
    let json = [("AWS_LAMBDA_LOG_FORMAT", "JSON"), ("AWS_LAMBDA_LOG_LEVEL", "INFO")];
    let Some(mut emulated) = Emulated::start(&dynamo.endpoint(), &json) else { return };
    assert_eq!(emulated.invoke("job")["body"], "[]");
    Row::key("node_exporter", "broken").put(&dynamo).await;
    assert_eq!(emulated.invoke("job")["statusCode"], 500);
    let log = emulated.process.wait_for("\"status\":500");
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for (event, level) in [("empty_job", "WARN"), ("invalid_group", "ERROR"), ("request", "INFO")] {
        let line = lines.iter().find(|line| line["fields"]["event"] == event);
        let line = line.unwrap_or_else(|| panic!("no {event} in:\n{log}"));
        assert_eq!(line["level"], level, "{line}");
        // Lambda treats a line without a timestamp as INFO.
        let time = line["timestamp"].as_str().unwrap();
        assert!(humantime::parse_rfc3339(time).is_ok(), "{time}");
    }
    drop(emulated);

    let EpochSeconds(now) = EpochSeconds::now();
    for group in ["a", "b", "c"] {
        Row::new("node_exporter", group, &["a:1"]).with("expires_at", n(now - 10)).put(&dynamo).await;
    }
    let skip = json.into_iter().chain([("HTTP_SD_ON_INVALID", "skip")]).collect::<Vec<_>>();
    let Some(mut emulated) = Emulated::start(&dynamo.endpoint(), &skip) else { return };
    for _ in 0..3 {
        assert_eq!(emulated.invoke("job")["headers"]["x-http-sd-skipped"], "node_exporter/broken");
    }
    assert_eq!(emulated.invoke("token-wrong")["statusCode"], 401);
    let log = emulated.process.wait_for("\"status\":401");
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let of = |event: &str| -> Vec<&Value> {
        lines.iter().map(|line| &line["fields"]).filter(|fields| fields["event"] == event).collect()
    };
    let named: Vec<_> = of("invalid_group").into_iter().map(|f| (f["count"].as_u64(), f["groups"].as_str())).collect();
    assert_eq!(named, [(Some(1), Some("node_exporter/broken")); 3], "{log}");
    let together: Vec<_> =
        of("lapsed_together").into_iter().map(|f| (f["count"].as_u64(), f["since"].as_i64())).collect();
    assert_eq!(together, [(Some(3), Some(now - 10)); 3]);
    let skipped: Vec<_> = of("request").into_iter().map(|fields| fields["skipped"].as_u64()).collect();
    assert_eq!(skipped, [Some(1), Some(1), Some(1), None]);
}
