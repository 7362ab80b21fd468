//! Prometheus 2, Prometheus 3 and vmagent poll the function.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use aws_sdk_dynamodb::types::AttributeValue;
use http_sd_lambda::{
    group::LabelNames,
    http::{Access, Clock, Service, Settings, TokenHash},
};
use serde_json::Value;
use test_support::{
    Dynamo, Row, TOKEN,
    access::token_access,
    ask::{serve, service},
    background::Background,
    clock::{NOW, with_grace},
    fault::{Fault, FaultyDynamo},
    http,
    polled::{Poll, Polled},
    poller::{BEARER, Kind, PASSWORD, Poller, keep_while_polls_fail, use_token, wait_for},
    row::n,
    watch::Watched,
};

/// The target of a group that the tests add while polls fail. The next successful poll shows it.
const NEW: &str = "zz-new.invalid:9100";

fn new_group() -> Row {
    Row::new("node", "zz-new", &[NEW])
}

#[tokio::test(flavor = "multi_thread")]
async fn pollers_keep_targets_through_every_failure() {
    let dynamo = Dynamo::with_table().await;
    let server = Background::router(axum::Router::new().fallback(|| async { "a_metric 1\n" }));
    let exporter = server.address.to_string();
    let web = || Row::new("node", "web", &[&exporter]).labels([("env", "prod")]);
    let db = || Row::new("node", "db", &["db-1.invalid:9100", "db-2.invalid:9100"]).labels([("env", "staging")]);
    web().put(&dynamo).await;
    db().put(&dynamo).await;
    let Some(watched) = Watched::start(&dynamo) else { return };
    let pollers = Poller::start_all(&watched.url("/prom/node?meta=true"), BEARER);
    let both: Vec<&str> = [exporter.as_str(), "db-1.invalid:9100", "db-2.invalid:9100"].into();
    let with_new = [&both[..], &[NEW]].concat();

    // Targets and labels appear, and a scrape of a real target is up.
    wait_for(&pollers, &both);
    for poller in &pollers {
        let active = poller.active().unwrap();
        let labels = |address: &str, name: &str| active[address].labels.get(name).cloned().unwrap_or_default();
        assert_eq!((labels(&exporter, "env"), labels("db-1.invalid:9100", "env")), ("prod".into(), "staging".into()));
        assert_eq!(labels(&exporter, "__meta_dynamodb_group"), "web");
        assert_eq!(labels(&exporter, "__meta_dynamodb_job"), "node");
        poller.wait("a target that is up", || poller.active().is_some_and(|all| all[&exporter].health == "up"));
    }

    // An added group appears, a changed one changes, and a removed one disappears.
    Row::new("node", "cache", &["cache-1.invalid:9100"]).put(&dynamo).await;
    Row::new("node", "db", &["db-1.invalid:9100"]).put(&dynamo).await;
    wait_for(&pollers, &[&exporter, "cache-1.invalid:9100", "db-1.invalid:9100"]);
    dynamo.delete("node", "cache").await;
    db().put(&dynamo).await;
    wait_for(&pollers, &both);
    for poller in &pollers {
        assert_eq!(poller.failed_polls(), [""; 0], "{}", poller.kind);
    }

    // A broken row.
    Row::key("node", "broken").with("targets", AttributeValue::N("1".into())).put(&dynamo).await;
    new_group().put(&dynamo).await;
    keep_while_polls_fail(&pollers, &both, "a row is broken");
    dynamo.delete("node", "broken").await;
    wait_for(&pollers, &with_new);

    // A wrong token.
    use_token(&pollers, "wrong");
    keep_while_polls_fail(&pollers, &with_new, "the token is wrong");
    dynamo.delete("node", "zz-new").await;
    use_token(&pollers, TOKEN);
    wait_for(&pollers, &both);

    // The table is deleted and created again.
    dynamo.delete_table().await;
    keep_while_polls_fail(&pollers, &both, "the table is gone");
    assert!(dynamo.store().create().await.unwrap());
    new_group().put(&dynamo).await;
    db().put(&dynamo).await;
    web().put(&dynamo).await;
    wait_for(&pollers, &with_new);

    // The function stops.
    drop(watched);
    keep_while_polls_fail(&pollers, &with_new, "nothing listens");
}

#[tokio::test(flavor = "multi_thread")]
async fn pollers_keep_targets_through_failed_responses() {
    let dynamo = Dynamo::with_table().await;
    let faulty = FaultyDynamo::before(&dynamo);
    let function = |settings| Service::new(faulty.table(), Access::Open, settings);
    let polled = Polled::start(function(Settings::default()));
    Row::new("node", "web", &["web.invalid:9100"]).put(&dynamo).await;
    let pollers = Poller::start_all(&polled.url("/prom/node"), "");
    let (without_new, with_new) = (&["web.invalid:9100"][..], &["web.invalid:9100", NEW][..]);
    wait_for(&pollers, without_new);

    // A deadline. It ends before Prometheus's own time-out, which is the interval.
    faulty.fail(|_, _| Fault::Silence);
    polled.set_deadline(Some(Duration::from_millis(500)));
    polled.take_polls();
    keep_while_polls_fail(&pollers, without_new, "the table does not respond");
    all_got(&pollers, &polled.take_polls(), 504);
    new_group().put(&dynamo).await;
    polled.set_deadline(None);
    faulty.heal();
    wait_for(&pollers, with_new);

    // A list that is too large: the function has no memory for rows.
    polled.serve(function(Settings { memory: Some(1), ..Settings::default() }));
    polled.take_polls();
    keep_while_polls_fail(&pollers, with_new, "the list is too large");
    all_got(&pollers, &polled.take_polls(), 500);
    dynamo.delete("node", "zz-new").await;
    polled.serve(function(Settings::default()));
    wait_for(&pollers, without_new);

    // Connections that are reset.
    polled.reset_connections(true);
    keep_while_polls_fail(&pollers, without_new, "connections are reset");
    new_group().put(&dynamo).await;
    polled.reset_connections(false);
    wait_for(&pollers, with_new);
}

/// Checks that each poller got this status.
fn all_got(pollers: &[Poller], polls: &[Poll], status: u16) {
    for poller in pollers {
        assert!(poller.its(polls).any(|poll| poll.status == status), "{} got no {status}: {polls:?}", poller.kind);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pollers_with_token_password_read_allowed_jobs() {
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

    let pollers = Poller::start_all(&url, PASSWORD);
    wait_for(&pollers, &targets);
    use_token(&pollers, "wrong");
    keep_while_polls_fail(&pollers, &targets, "the password is wrong");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_vmagent_gets_compressed_lists() {
    let dynamo = Dynamo::with_table().await;
    let targets: Vec<String> = (100..200).map(|i| format!("web-{i}.invalid:9100")).collect();
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    Row::new("node", "web", &targets).put(&dynamo).await;
    let polled = Polled::start(service(&dynamo, Settings::default()));
    let pollers = Poller::start_all(&polled.url("/prom/node"), "");
    wait_for(&pollers, &targets);
    let polls = polled.take_polls();
    for poller in &pollers {
        let encoding = if poller.kind == Kind::Vmagent { "gzip" } else { "" };
        let mut lists = poller.its(&polls).filter(|poll| poll.status == 200);
        assert!(lists.clone().next().is_some(), "{} got no list: {polls:?}", poller.kind);
        assert!(
            lists.all(|poll| poll.accept_encoding == encoding && poll.content_encoding == encoding),
            "{}: {polls:?}",
            poller.kind
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_2_alone_refuses_utf8_label_names() {
    let dynamo = Dynamo::with_table().await;
    Row::new("node", "web", &["web.invalid:9100"]).put(&dynamo).await;
    let polled = Polled::start(service(&dynamo, Settings { label_names: LabelNames::Utf8, ..Settings::default() }));
    let pollers = Poller::start_all(&polled.url("/prom/node"), "");
    wait_for(&pollers, &["web.invalid:9100"]);
    let labels = [("a-b", "1"), ("größe.m", "2")];
    Row::new("node", "db", &["db.invalid:9100"]).labels(labels).put(&dynamo).await;
    let (old, new): (Vec<Poller>, Vec<Poller>) =
        pollers.into_iter().partition(|poller| poller.kind == Kind::Prometheus2);
    wait_for(&new, &["db.invalid:9100", "web.invalid:9100"]);
    for poller in &new {
        let active = poller.active().unwrap();
        let found = labels.map(|(name, _)| (name, active["db.invalid:9100"].labels[name].as_str()));
        assert_eq!(found, labels, "{}", poller.kind);
    }
    keep_while_polls_fail(&old, &["web.invalid:9100"], "a label has a name of Prometheus 3");
    Row::new("node", "db", &["db.invalid:9100"]).put(&dynamo).await;
    wait_for(&old, &["db.invalid:9100", "web.invalid:9100"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pollers_drop_expired_leases_and_keep_lapsed() {
    let dynamo = Dynamo::with_table().await;
    Row::new("node", "static", &["static.invalid:9100"]).put(&dynamo).await;
    let leased = |name: &str, end: i64| Row::new("node", name, &[&format!("{name}:9100")]).with("expires_at", n(end));
    leased("first", NOW + 10).put(&dynamo).await;
    let together = ["a", "b", "c"];
    for name in together {
        leased(name, NOW + 1000).put(&dynamo).await;
    }
    let clock = Arc::new(AtomicI64::new(NOW));
    let polled = Polled::start(service(&dynamo, with_grace()).with_clock(Clock::Set(clock.clone())));
    // vmagent shows the first values of the labels that relabelling drops.
    let config = |kind: Kind| {
        format!(
            "
global: {{scrape_interval: 1h}}
scrape_configs:
  - job_name: node
    http_sd_configs: [{}]
    relabel_configs: [{{regex: __meta_dynamodb_(lease), replacement: $1, action: labelmap}}]
",
            kind.entry(&polled.url("/prom/node?meta=true"), "")
        )
    };
    let pollers = Poller::start_all_with(config);
    wait_for(&pollers, &["a:9100", "b:9100", "c:9100", "first:9100", "static.invalid:9100"]);

    // One lease of four expires.
    clock.store(NOW + 10, Ordering::SeqCst);
    let kept = ["a:9100", "b:9100", "c:9100", "static.invalid:9100"];
    wait_for(&pollers, &kept);
    // The other three lapse together, and are kept for the grace time.
    clock.store(NOW + 1000, Ordering::SeqCst);
    let is_kept = |poller: &Poller| {
        let Some(active) = poller.active() else { return false };
        assert_eq!(active.keys().collect::<Vec<_>>(), kept, "{}", poller.kind);
        let lease = |name| active[&format!("{name}:9100")].labels.get("lease").cloned();
        together.iter().all(|name| lease(name).as_deref() == Some("lapsed"))
    };
    for poller in &pollers {
        poller.wait("groups that are kept", || is_kept(poller));
    }
    clock.fetch_add(3600, Ordering::SeqCst);
    wait_for(&pollers, &["static.invalid:9100"]);
    for poller in &pollers {
        assert_eq!(poller.failed_polls(), [""; 0], "{}", poller.kind);
    }
}
