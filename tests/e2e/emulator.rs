//! The function under AWS's own Lambda Runtime Interface Emulator.

use std::{fs, process::Command, sync::PoisonError, time::Duration};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    common::{
        Dynamo, Row, TOKEN,
        engine::function_environment,
        events,
        fault::{Fault, FaultyDynamo},
        http,
        process::{Process, free_port},
        sdctl::{run_with, sdctl_at},
        tools::tool,
    },
    watch::BUILD,
};

/// The emulator with the function in it.
struct Emulated {
    url: String,
    process: Process,
    /// Where its copy of the function is.
    _folder: TempDir,
}

impl Emulated {
    /// Starts it against a DynamoDB at `endpoint`. `None` where there is no emulator.
    fn start(endpoint: &str, environment: &[(&str, &str)]) -> Option<Self> {
        let mut command = Command::new(tool("aws-lambda-rie")?);
        let address = format!("127.0.0.1:{}", free_port());
        let folder = TempDir::new().unwrap();
        let bootstrap = folder.path().join("bootstrap");
        {
            let _not_building = BUILD.lock().unwrap_or_else(PoisonError::into_inner);
            fs::copy(env!("CARGO_BIN_EXE_http-sd"), &bootstrap).unwrap();
        }
        command
            .args(["--runtime-interface-emulator-address", &address])
            .args(["--runtime-api-address", &format!("127.0.0.1:{}", free_port())])
            .arg(bootstrap)
            .envs(function_environment(endpoint))
            .env("AWS_LAMBDA_FUNCTION_TIMEOUT", "3")
            .envs(environment.iter().copied());
        let process = Process::start(&mut command);
        Some(Self {
            url: format!("http://{address}/2015-03-31/functions/function/invocations"),
            process,
            _folder: folder,
        })
    }

    /// The function's response to an event of `events/`.
    fn invoke(&self, event: &str) -> Value {
        let event = events::load(event).to_string();
        for _ in 0..100 {
            if let Ok(mut answer) = http::agent().post(&self.url).send(event.as_bytes()) {
                let text = answer.body_mut().read_to_string().unwrap();
                return serde_json::from_str(&text)
                    .unwrap_or_else(|e| panic!("{e} in {text:?}\n{}", self.process.output()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the emulator does not answer:\n{}", self.process.output());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_function_answers_function_url_events() {
    let dynamo = Dynamo::with_table().await;
    Row::new("node_exporter", "web", &["a:1"]).put(&dynamo).await;
    // The most that anybody can ask to be logged: no token may be in it.
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
    assert!(!log.contains(TOKEN) && !log.contains("not-the-token"), "a token is in the log:\n{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_function_serves_what_sdctl_applied() {
    let dynamo = Dynamo::with_table().await;
    let Some(emulated) = Emulated::start(&dynamo.endpoint(), &[]) else { return };
    let groups = r#"[{"targets":["a:1","b:1"],"labels":{"env":"prod"}},{"targets":["c:1"],"labels":{}}]"#;
    let mut apply = sdctl_at(&dynamo.endpoint());
    run_with(apply.args(["apply", "-f", "-", "--job", "node_exporter", "--yes"]), groups).done();
    let job = emulated.invoke("job");
    assert_eq!(job["statusCode"], 200);
    let served: Vec<Value> = serde_json::from_str(job["body"].as_str().unwrap()).unwrap();
    let applied: Vec<Value> = serde_json::from_str(groups).unwrap();
    assert!(served.len() == applied.len() && applied.iter().all(|group| served.contains(group)), "{served:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_table_is_answered_before_lambda_ends_the_invocation() {
    let dynamo = Dynamo::with_table().await;
    Row::new("node_exporter", "web", &["a:1"]).put(&dynamo).await;
    let faulty = FaultyDynamo::before(&dynamo);
    faulty.fail(|_, _| Fault::Silence);
    // The emulator, unlike Lambda, takes the start out of the first invocation's time.
    let Some(emulated) = Emulated::start(&faulty.endpoint(), &[("HTTP_SD_WARM_UP", "off")]) else { return };
    let slow = emulated.invoke("job");
    assert_eq!(slow["statusCode"], 504, "{slow}");
    assert!(slow["body"].as_str().unwrap().contains("table_timeout"));
    faulty.heal();
    assert_eq!(emulated.invoke("job")["statusCode"], 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_json_with_the_fields_that_metric_filters_read() {
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
        // Without one Lambda would take every line for INFO.
        let time = line["timestamp"].as_str().unwrap();
        assert!(humantime::parse_rfc3339(time).is_ok(), "{time}");
    }
}
