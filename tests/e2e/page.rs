//! The pages in Chromium, and the metrics and alerts in Prometheus.

use std::{fs, path::PathBuf, process::Command};

use http_sd_lambda::{
    group::EpochSeconds,
    http::{Service, Settings, TokenHash},
};
use serde_json::json;
use tempfile::TempDir;
use test_support::{
    Dynamo, Row, TOKEN,
    access::token_access,
    ask::serve,
    engine::TABLE,
    poller::{BEARER, Kind, Poller},
    repository,
    row::{n, put_all, s},
    sdctl::{self, run, sdctl_at},
    tools,
    watch::Watched,
};

/// Texts that break out of the markup of careless pages.
const ATTACKS: [&str; 4] = [
    "<img src=x onerror=alert(1)>",
    "\"><script>alert(1)</script>",
    "</bdi></th></tr></table><b>bold",
    "\u{202e}reversed\u{0}",
];

/// Rows of each state, rows with hostile texts, and a job with more groups than a page.
async fn varied_table() -> Dynamo {
    let dynamo = Dynamo::with_table().await;
    let now = EpochSeconds::now().0;
    let plain = |(job, group, targets, env): (&str, &str, &[&str], &str)| {
        let row = Row::new(job, group, targets).labels([("env", env), ("team", "shop")]);
        row.with("managed_by", s("fleet.yml")).with("updated_at", n(now - 180))
    };
    let groups: [(&str, &str, &[&str], &str); 6] = [
        ("node_exporter", "web-eu-central-1", &["web-1.example.internal:9100", "web-2.example.internal:9100"], "prod"),
        ("node_exporter", "web-us-east-1", &["web-3.example.internal:9100", "web-4.example.internal:9100"], "prod"),
        ("node_exporter", "staging", &["staging-1.example.internal:9100"], "staging"),
        ("mysqld_exporter", "orders", &["db-1.example.internal:9104", "db-2.example.internal:9104"], "prod"),
        ("blackbox", "shop", &["https://shop.example/", "https://shop.example/login"], "prod"),
        ("cadvisor", "web", &["web-1.example.internal:8080", "web-2.example.internal:8080"], "prod"),
    ];
    put_all(&dynamo, groups.map(plain)).await;
    let kept = |i: i64| {
        let row =
            Row::new("api", &format!("api-{i}"), &[&format!("10.1.0.{i}:8080")]).with("expires_at", n(now - 300 - i));
        row.labels([("env", "prod"), ("zone", "eu-1")])
            .with("registered_by", s(&format!("api-{i}.example/4711")))
            .with("updated_at", n(now - 360))
    };
    put_all(&dynamo, (1..5).map(kept)).await;
    put_all(&dynamo, (0..205).map(|i| Row::new("fleet", &format!("host-{i:03}"), &[&format!("host-{i:03}:9100")])))
        .await;
    let hostile = ATTACKS.iter().enumerate().map(|(i, attack)| {
        let group = format!("{attack}{i}");
        Row::new("hostile", &group, &["a:1"]).labels([("label", attack)]).with("managed_by", s(attack))
    });
    put_all(&dynamo, hostile).await;
    let six: Vec<String> = (1..7).map(|i| format!("10.2.0.{i}:9091")).collect();
    let six: Vec<&str> = six.iter().map(String::as_str).collect();
    put_all(
        &dynamo,
        [
            Row::key("node_exporter", "broken-port").with("targets", n(9100)).with("updated_at", n(now - 7200)),
            Row::new("node_exporter", "canary", &["10.0.9.1:9100"]).labels([("env-name", "prod")]),
            Row::new("batch", "hourly", &six)
                .with("expires_at", n(now + 1200))
                .with("managed_by", s("batch.yml"))
                .with("updated_at", n(now - 60)),
            Row::new("batch", "nightly", &["10.2.0.9:9091"]).with("expires_at", n(now - 9000)),
            Row::new("odd/job\u{202e}", "group", &["a:1"]),
        ],
    )
    .await;
    dynamo
}

/// Returns the command that looks at the pages of a server, or `None` if Chromium, Node or the packages are missing.
fn browser(server: &str, url: &str) -> Option<Command> {
    let chromium = ["chromium", "chromium-headless-shell"].into_iter().find_map(|name| tools::all(name).next());
    let node = tools::tool("node")?;
    let tools = tools::programs().parent()?.to_owned();
    let (Some(chromium), true) = (chromium, tools.join("browser/node_modules/axe-core").is_dir()) else {
        tools::skip("chromium with axe");
        return None;
    };
    let screenshots: PathBuf = repository().join("target/page").join(server);
    let test = json!({ "tools": tools, "chromium": chromium, "url": url, "token": TOKEN, "screenshots": screenshots });
    let mut command = Command::new(node);
    command.arg(repository().join("tests/e2e/browser.mjs")).env("PAGE_TEST", test.to_string());
    Some(command)
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_sdctl_are_usable_in_chromium() {
    let dynamo = varied_table().await;
    let mut command = sdctl_at(&dynamo.endpoint());
    command.env("HTTP_SD_AUTH", "token").env("HTTP_SD_TOKEN_SHA256", TokenHash::of(TOKEN.as_bytes()).to_string());
    let server = sdctl::serve(command.args(["serve", "--port", "0", "--table", TABLE]));
    let Some(mut browser) = browser("sdctl", &server.url) else { return };
    assert_eq!(run(&mut browser).done().trim(), "", "faults");
}

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
