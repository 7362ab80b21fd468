//! The pages for people in headless Chromium.

use std::{path::PathBuf, process::Command};

use http_sd_lambda::group::EpochSeconds;
use serde_json::json;

use super::{
    Dynamo, Row, TOKEN, repository,
    row::{n, put_all, s},
    tools,
};

/// Texts that break out of the markup of careless pages.
const ATTACKS: [&str; 4] = [
    "<img src=x onerror=alert(1)>",
    "\"><script>alert(1)</script>",
    "</bdi></th></tr></table><b>bold",
    "\u{202e}reversed\u{0}",
];

/// Rows of each state, rows with hostile texts, and a job with more groups than a page.
pub async fn varied_table() -> Dynamo {
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
pub fn browser(server: &str, url: &str) -> Option<Command> {
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
