//! The function over a table that `sdctl` filled. This needs both programs: `cargo test --workspace`.

use serde_json::Value;
use test_support::{
    Dynamo,
    emulator::Emulated,
    sdctl::{run_with, sdctl_at},
};

#[tokio::test(flavor = "multi_thread")]
async fn function_serves_what_sdctl_applied() {
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
