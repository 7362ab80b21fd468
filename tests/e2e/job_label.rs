//! The relabelling of `docs/pollers.md` for all jobs behind one URL keeps the label `job` of a group.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use http_sd_lambda::http::Settings;
use test_support::{
    Dynamo, Row,
    ask::service,
    polled::Polled,
    poller::{Kind, Poller},
    repository,
};

/// Returns the relabelling in the section of `docs/pollers.md`.
fn documented() -> String {
    let text = fs::read_to_string(repository().join("docs/pollers.md")).unwrap();
    let (_, section) = text.split_once("\n## Several jobs behind one URL\n").unwrap();
    let (_, config) = section.split_once("  - job_name: everything\n").unwrap();
    let (_, rules) = config.split_once("    relabel_configs:\n").unwrap();
    let (rules, _) = rules.split_once("```").unwrap();
    rules.to_owned()
}

/// A scrape config with the targets as they were in files, and as one URL lists them.
fn config(kind: Kind, url: &str) -> String {
    let entry = kind.entry(url, "");
    let rules = documented();
    format!(
        "
global: {{scrape_interval: 1h}}
scrape_configs:
  - job_name: fleet
    static_configs:
      - {{targets: ['db-1.invalid:9104'], labels: {{job: mysqld, env: prod}}}}
      - {{targets: ['db-2.invalid:9104'], labels: {{job: '', env: prod}}}}
      - {{targets: ['web-1.invalid:9100'], labels: {{env: prod}}}}
  - job_name: node
    static_configs:
      - {{targets: ['web-1.invalid:9100'], labels: {{env: prod}}}}
      - {{targets: ['web-2.invalid:9100'], labels: {{job: fleet}}}}
  - job_name: everything
    http_sd_configs: [{entry}]
    relabel_configs:
{rules}"
    )
}

/// Returns the final labels of the targets of a URL and of files.
fn labels(poller: &Poller) -> [BTreeSet<BTreeMap<String, String>>; 2] {
    let targets = poller.active_targets().unwrap_or_default();
    let of = |is_from_url: bool| {
        let targets = targets.iter().filter(|target| (target["scrapePool"] == "everything") == is_from_url);
        targets.map(|target| serde_json::from_value::<BTreeMap<_, _>>(target["labels"].clone()).unwrap()).collect()
    };
    [of(true), of(false)]
}

#[tokio::test(flavor = "multi_thread")]
async fn documented_relabelling_keeps_own_job_label() {
    let dynamo = Dynamo::with_table().await;
    let row = |job, group, target| Row::new(job, group, &[target]);
    row("fleet", "db-1", "db-1.invalid:9104").labels([("job", "mysqld"), ("env", "prod")]).put(&dynamo).await;
    row("fleet", "db-2", "db-2.invalid:9104").labels([("job", ""), ("env", "prod")]).put(&dynamo).await;
    row("fleet", "web", "web-1.invalid:9100").labels([("env", "prod")]).put(&dynamo).await;
    row("node", "web-1", "web-1.invalid:9100").labels([("env", "prod")]).put(&dynamo).await;
    row("node", "web-2", "web-2.invalid:9100").labels([("job", "fleet")]).put(&dynamo).await;
    let polled = Polled::start(service(&dynamo, Settings::default()));
    let url = polled.url("/prom?meta=true");
    let pollers = Poller::start_all_with(|kind| config(kind, &url));
    for poller in &pollers {
        poller.wait("all targets", || labels(poller).iter().all(|labels| labels.len() == 5));
        let [new, old] = labels(poller);
        assert_eq!(new, old, "{}", poller.kind);
        let mut jobs: Vec<&str> = new.iter().map(|labels| labels.get("job").map_or("", String::as_str)).collect();
        jobs.sort_unstable();
        // Prometheus ignores an empty label `job`. vmagent uses it instead of the name of the scrape job.
        let of_empty = if poller.kind.is_prometheus() { "fleet" } else { "" };
        assert_eq!(jobs, [of_empty, "fleet", "fleet", "mysqld", "node"], "{}", poller.kind);
    }
}
