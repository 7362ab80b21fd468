//! The pages in Chromium, and the metrics and alerts in Prometheus.

use std::{fs, process::Command};

use http_sd_lambda::{
    group::EpochSeconds,
    http::{Service, Settings, TokenHash},
};
use tempfile::TempDir;
use test_support::{
    Dynamo, Row, TOKEN,
    access::token_access,
    ask::serve,
    browser::{browser, varied_table},
    poller::{BEARER, Kind, Poller},
    repository,
    row::n,
    sdctl::run,
    tools,
    watch::Watched,
};

/// cargo-lambda serves the function below a path, which the function does not know.
#[tokio::test(flavor = "multi_thread")]
async fn pages_in_cargo_lambda_are_usable_in_chromium() {
    let dynamo = varied_table().await;
    let Some(watched) = Watched::start(&dynamo) else { return };
    let (status, text) = test_support::http::get(&watched.url("/metrics"), Some(TOKEN)).unwrap();
    assert!(status == 200 && text.contains("http_sd_up 1"), "{status} {text}");
    let Some(mut browser) = browser("cargo-lambda", &watched.url("")) else { return };
    assert_eq!(run(&mut browser).done().trim(), "", "faults");
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_scrapes_metrics_and_alerts() {
    let dynamo = Dynamo::with_table().await;
    let now = EpochSeconds::now().0;
    Row::new("node", "web", &["127.0.0.1:1", "127.0.0.1:2"]).with("updated_at", n(now)).put(&dynamo).await;
    Row::new("node", "lease", &["127.0.0.1:3"]).with("expires_at", n(now + 9000)).put(&dynamo).await;
    Row::new("quotes\"\\é", "g", &["127.0.0.1:4"]).put(&dynamo).await;
    let access = token_access(&TokenHash::of(TOKEN.as_bytes()).to_string());
    let server = serve(Service::new(dynamo.table(), access, Settings::default()));
    let url = server.url();
    let folder = TempDir::new().unwrap();
    let rules = folder.path().join("alerts.yml");
    let alerts = fs::read_to_string(repository().join("monitoring/alerts.yml")).unwrap();
    // Without the waiting times of the rules.
    let quick = alerts.lines().filter(|line| !line.trim_start().starts_with("for:")).collect::<Vec<_>>().join("\n");
    fs::write(&rules, quick).unwrap();
    let address = url.strip_prefix("http://").unwrap();
    let pollers = Kind::PROMETHEUS.into_iter().filter_map(|kind| {
        let entry = kind.entry(&format!("{url}/prom/node"), BEARER);
        Poller::start_with(
            kind,
            &format!(
                "
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: ['{}']
scrape_configs:
  - {{job_name: http-sd, {BEARER}, static_configs: [{{targets: ['{address}']}}]}}
  - {{job_name: node, http_sd_configs: [{entry}]}}
",
                rules.display()
            ),
        )
    });
    let pollers: Vec<Poller> = pollers.collect();
    let is = |poller: &Poller, query: &str, value: &str| poller.query(query).is_some_and(|found| found == [value]);
    for poller in &pollers {
        let updated = now.to_string();
        let ends = (now + 9000).to_string();
        let expected = [
            ("http_sd_up", "1"),
            ("http_sd_jobs", "2"),
            ("http_sd_groups{config='node',state='served'}", "2"),
            ("http_sd_groups{config='node',state='kept'}", "0"),
            ("http_sd_targets{config='node'}", "3"),
            ("http_sd_targets{config='quotes\"\\\\é'}", "1"),
            ("http_sd_invalid_groups{config='node'}", "0"),
            ("http_sd_last_update_timestamp_seconds{config='node'}", &updated),
            ("http_sd_next_lease_expiry_timestamp_seconds{config='node'}", &ends),
            ("count(http_sd_build_info)", "1"),
            ("count(up{job='node'})", "3"),
        ];
        for (query, value) in expected {
            poller.wait(&format!("{query} {value}"), || is(poller, query, value));
        }
    }
    let firing = "count(ALERTS{alertname='HttpSdBrokenRows',alertstate='firing',config='node'})";
    Row::key("node", "broken").with("targets", n(1)).put(&dynamo).await;
    for poller in &pollers {
        poller.wait("the alert", || is(poller, firing, "1"));
        poller.wait("a broken row", || is(poller, "http_sd_invalid_groups{config='node'}", "1"));
    }
    Row::new("node", "broken", &["127.0.0.1:5"]).put(&dynamo).await;
    for poller in &pollers {
        poller.wait("no alert", || poller.query(firing).is_some_and(|found| found.is_empty()));
        poller.wait("the fixed row", || is(poller, "http_sd_targets{config='node'}", "4"));
    }
}

#[test]
fn promtool_accepts_alerts_and_metrics() {
    let Some(promtool) = tools::tool("promtool") else { return };
    let monitoring = repository().join("monitoring");
    let promtool = |arguments: &[&str]| run(Command::new(&promtool).current_dir(&monitoring).args(arguments)).done();
    promtool(&["check", "rules", "alerts.yml"]);
    promtool(&["test", "rules", "alerts_test.yml"]);
    // Each alert is tested, and described in the documents.
    let alerts = fs::read_to_string(monitoring.join("alerts.yml")).unwrap();
    let tests = fs::read_to_string(monitoring.join("alerts_test.yml")).unwrap();
    let document = fs::read_to_string(repository().join("docs/monitoring.md")).unwrap();
    let names: Vec<&str> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(names.len() >= 10, "{names:?}");
    for name in names {
        assert!(tests.matches(&format!("alertname: {name}\n")).count() >= 2, "{name} is not tested");
        assert!(document.contains(&format!("### {name}\n")), "{name} is not in docs/monitoring.md");
        assert!(alerts.contains(&format!("docs/monitoring.md#{}\n", name.to_lowercase())), "{name} has no runbook");
    }
}
