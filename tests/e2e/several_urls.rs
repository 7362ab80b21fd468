//! Several URLs in one job of a poller, of which one fails.

use http_sd_lambda::http::Settings;
use test_support::{
    Dynamo, Row,
    ask::service,
    polled::Polled,
    poller::{Kind, Poller},
};

/// A scrape config in which the URL that fails is in a job with another URL, and in a job alone.
fn config(kind: Kind, good: &str, failing: &str) -> String {
    let [good, failing] = [good, failing].map(|url| kind.entry(url, ""));
    format!(
        "
global: {{scrape_interval: 1h}}
scrape_configs:
  - {{job_name: alone, http_sd_configs: [{failing}]}}
  - {{job_name: together, http_sd_configs: [{good}, {failing}]}}
"
    )
}

/// Returns the addresses of the targets of both jobs.
fn jobs(poller: &Poller) -> [Vec<String>; 2] {
    let jobs = poller.targets_by_job().unwrap_or_default();
    ["alone", "together"].map(|job| {
        let targets = jobs.get(job).into_iter().flatten();
        targets.map(|(address, _)| address.clone()).collect()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn vmagent_drops_targets_of_one_failed_url() {
    let dynamo = Dynamo::with_table().await;
    Row::new("node", "web", &["web.invalid:9100"]).put(&dynamo).await;
    Row::new("db", "db", &["db.invalid:9100"]).put(&dynamo).await;
    let good = Polled::start(service(&dynamo, Settings::default()));
    let failing = Polled::start(service(&dynamo, Settings::default()));
    let pollers = Poller::start_all_with(|kind| config(kind, &good.url("/prom/node"), &failing.url("/prom/db")));
    let all = [vec!["db.invalid:9100"], vec!["db.invalid:9100", "web.invalid:9100"]];
    let short = [vec!["db.invalid:9100"], vec!["web.invalid:9100"]];
    for poller in &pollers {
        poller.wait("the targets of both URLs", || jobs(poller) == all);
    }

    failing.reset_connections(true);
    let before: Vec<u64> = pollers.iter().map(Poller::failures).collect();
    for (poller, before) in pollers.iter().zip(before) {
        poller.wait("three failures of each job", || {
            if poller.kind.is_prometheus() {
                assert_eq!(jobs(poller), all, "{}", poller.kind);
            }
            poller.failures() >= before + 6
        });
        if poller.kind == Kind::Vmagent {
            assert_eq!(jobs(poller), short, "vmagent keeps targets now: change docs/pollers.md and `sdctl check`");
        }
    }
    failing.reset_connections(false);
    for poller in &pollers {
        poller.wait("the targets of both URLs", || jobs(poller) == all);
    }
}
