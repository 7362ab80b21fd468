//! The function over a table that `sdctl` filled.

use serde_json::Value;
use test_support::{
    Dynamo, TOKEN, http,
    sdctl::{run_with, sdctl_at},
    watch::Watched,
};

#[tokio::test(flavor = "multi_thread")]
async fn function_serves_what_sdctl_applied() {
    let dynamo = Dynamo::with_table().await;
    let Some(watched) = Watched::start(&dynamo) else { return };
    let groups = r#"[{"targets":["a:1","b:1"],"labels":{"env":"prod"}},{"targets":["c:1"],"labels":{}}]"#;
    let mut apply = sdctl_at(&dynamo.endpoint());
    run_with(apply.args(["apply", "-f", "-", "--job", "node_exporter", "--yes"]), groups).done();
    let (status, served) = http::get(&watched.url("/prom/node_exporter"), Some(TOKEN)).unwrap();
    assert_eq!(status, 200, "{served}");
    let served: Vec<Value> = serde_json::from_str(&served).unwrap();
    let applied: Vec<Value> = serde_json::from_str(groups).unwrap();
    assert!(served.len() == applied.len() && applied.iter().all(|group| served.contains(group)), "{served:?}");
}
