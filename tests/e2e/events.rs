//! `cargo lambda invoke` with every event in `events/`.

use std::process::Command;

use serde_json::Value;
use test_support::{Dynamo, events, repository, tools::tool, watch::Watched};

#[tokio::test(flavor = "multi_thread")]
async fn cargo_lambda_invokes_function_with_every_event() {
    let dynamo = Dynamo::with_table().await;
    dynamo.put_sample().await;
    let (Some(watched), Some(cargo_lambda)) = (Watched::start(&dynamo), tool("cargo-lambda")) else { return };
    for (name, expected) in events::all() {
        let output = Command::new(&cargo_lambda)
            .current_dir(repository())
            .args(["lambda", "invoke", "http-sd", "--invoke-address", "127.0.0.1", "--invoke-port"])
            .arg(watched.port.to_string())
            .args(["--data-file", &format!("events/{name}.json")])
            .output()
            .unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{name}: {e} in {output:?}\n{}", watched.process.output()));
        assert_eq!(answer["statusCode"], expected.status, "{name}: {answer}");
    }
}
