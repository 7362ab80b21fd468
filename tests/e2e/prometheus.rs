//! Prometheus polls the function under `cargo lambda watch`, and `sdctl serve`.

use aws_sdk_dynamodb::types::AttributeValue;
use http_sd_lambda::http::{Service, Settings, TokenHash};
use serde_json::Value;
use test_support::{
    Dynamo, Row, TOKEN,
    access::token_access,
    ask::serve,
    background::Background,
    http,
    prometheus_server::{BEARER, PASSWORD, Prometheus},
    watch::Watched,
};

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_keeps_targets_through_every_failure() {
    let dynamo = Dynamo::with_table().await;
    let server = Background::router(axum::Router::new().fallback(|| async { "a_metric 1\n" }));
    let exporter = server.address.to_string();
    let web = || Row::new("node", "web", &[&exporter]).labels([("env", "prod")]);
    let db = || Row::new("node", "db", &["db-1.invalid:9100", "db-2.invalid:9100"]).labels([("env", "staging")]);
    let fill = async || {
        web().put(&dynamo).await;
        db().put(&dynamo).await;
    };
    fill().await;
    let Some(watched) = Watched::start(&dynamo) else { return };
    let Some(prometheus) = Prometheus::start(&watched.url("/prom/node?meta=true"), BEARER) else { return };
    let both: Vec<&str> = [exporter.as_str(), "db-1.invalid:9100", "db-2.invalid:9100"].into();

    // Targets and labels appear, and a scrape of a real target is up.
    prometheus.wait_for(&both);
    let active = prometheus.active().unwrap();
    let labels = |address: &str, name: &str| active[address].labels.get(name).cloned().unwrap_or_default();
    assert_eq!((labels(&exporter, "env"), labels("db-1.invalid:9100", "env")), ("prod".into(), "staging".into()));
    assert_eq!(labels(&exporter, "__meta_dynamodb_group"), "web");
    assert_eq!(labels(&exporter, "__meta_dynamodb_job"), "node");
    prometheus.wait("a target that is up", || prometheus.active().is_some_and(|all| all[&exporter].health == "up"));
    assert_eq!(prometheus.failures(), 0);

    // An added group appears, a changed one changes, and a removed one disappears.
    Row::new("node", "cache", &["cache-1.invalid:9100"]).put(&dynamo).await;
    prometheus.wait_for(&[exporter.as_str(), "cache-1.invalid:9100", "db-1.invalid:9100", "db-2.invalid:9100"]);
    Row::new("node", "db", &["db-1.invalid:9100"]).put(&dynamo).await;
    prometheus.wait_for(&[exporter.as_str(), "cache-1.invalid:9100", "db-1.invalid:9100"]);
    dynamo.delete("node", "cache").await;
    db().put(&dynamo).await;
    prometheus.wait_for(&both);
    assert_eq!(prometheus.failures(), 0);

    // A broken row.
    let broken = Row::key("node", "broken").with("targets", AttributeValue::N("1".into()));
    broken.put(&dynamo).await;
    prometheus.keeps_while_refreshes_fail(&both, "a row is broken");
    dynamo.delete("node", "broken").await;
    recovers(&prometheus, &dynamo, &both).await;

    // A wrong token.
    prometheus.use_token("wrong");
    prometheus.keeps_while_refreshes_fail(&both, "the token is wrong");
    prometheus.use_token(TOKEN);
    recovers(&prometheus, &dynamo, &both).await;

    // The table is deleted and created again.
    dynamo.delete_table().await;
    prometheus.keeps_while_refreshes_fail(&both, "the table is gone");
    assert!(dynamo.store().create().await.unwrap());
    fill().await;
    recovers(&prometheus, &dynamo, &both).await;

    // The function stops.
    drop(watched);
    prometheus.keeps_while_refreshes_fail(&both, "nothing listens");
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_with_token_password_reads_allowed_jobs() {
    let dynamo = Dynamo::with_table().await;
    dynamo.put_sample().await;
    let access = token_access(&format!("prometheus:{}:node_exporter", TokenHash::of(TOKEN.as_bytes())));
    let server = serve(Service::new(dynamo.table(), access, Settings::default()));
    let url = format!("{}/prom", server.url());
    let (_, body) = http::get(&format!("{url}/node_exporter"), Some(TOKEN)).unwrap();
    let groups: Value = serde_json::from_str(&body).unwrap();
    let targets = groups.as_array().unwrap().iter().flat_map(|group| group["targets"].as_array().unwrap());
    let mut targets: Vec<&str> = targets.map(|target| target.as_str().unwrap()).collect();
    targets.sort_unstable();

    let Some(prometheus) = Prometheus::start(&url, PASSWORD) else { return };
    prometheus.wait_for(&targets);
    assert_eq!(prometheus.failures(), 0);
    prometheus.use_token("wrong");
    prometheus.keeps_while_refreshes_fail(&targets, "the password is wrong");
}

/// Checks that polls succeed again: an added group appears, and disappears when it is removed.
async fn recovers(prometheus: &Prometheus, dynamo: &Dynamo, addresses: &[&str]) {
    Row::new("node", "zz-new", &["zz-new.invalid:9100"]).put(dynamo).await;
    prometheus.wait_for(&[addresses, &["zz-new.invalid:9100"]].concat());
    dynamo.delete("node", "zz-new").await;
    prometheus.wait_for(addresses);
}
