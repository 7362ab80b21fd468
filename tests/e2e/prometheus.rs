//! Prometheus polls the function under `cargo lambda watch`. It is asked, over its own API, what it made of that.

use std::{
    collections::BTreeMap,
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::types::AttributeValue;
use http_sd_lambda::{config, service::TokenHash};
use serde_json::Value;
use tempfile::TempDir;
use test_support::{
    Dynamo, Row, TOKEN,
    background::Background,
    http,
    process::{Process, free_port},
    sdctl::{sdctl, serve},
    tools::tool,
};

use crate::watch::Watched;

/// How long Prometheus may take to show a change. It refreshes every second.
const PATIENCE: Duration = Duration::from_mins(1);

/// A Prometheus with a folder of its own, which scrapes what the function tells it.
pub(crate) struct Prometheus {
    url: String,
    folder: TempDir,
    process: Process,
}

/// What Prometheus knows of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Active {
    health: String,
    labels: BTreeMap<String, String>,
}

/// The token in the file `token`, as a bearer's and as a password.
const BEARER: &str = "authorization: {type: Bearer, credentials_file: token}";
const PASSWORD: &str = "basic_auth: {username: prometheus, password_file: token}";

impl Prometheus {
    /// Starts it, to poll that URL with those credentials.
    fn start(url: &str, credentials: &str) -> Option<Self> {
        Self::start_with(&format!(
            "
global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
  - job_name: node
    http_sd_configs:
      - url: {url}
        refresh_interval: 1s
        {credentials}
"
        ))
    }

    /// Starts it with that configuration, beside the token in the file `token`.
    pub(crate) fn start_with(config: &str) -> Option<Self> {
        let program = tool("prometheus")?;
        let folder = TempDir::new().unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        fs::write(folder.path().join("token"), TOKEN).unwrap();
        fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        let process = Process::start(
            Command::new(program)
                .current_dir(folder.path())
                .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=debug"])
                .arg(format!("--web.listen-address={address}")),
        );
        Some(Self { url: format!("http://{address}"), folder, process })
    }

    /// What its API says of the targets that it scrapes. `None` while it starts.
    pub(crate) fn active_targets(&self) -> Option<Vec<Value>> {
        let (status, body) = http::get(&format!("{}/api/v1/targets?state=active", self.url), None).ok()?;
        if status == 503 {
            return None;
        }
        assert_eq!(status, 200, "{body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        Some(answer["data"]["activeTargets"].as_array().unwrap().clone())
    }

    /// The targets of each job, in order: addresses as discovered, and the labels that the target has in the end. `None`
    /// while it starts.
    pub(crate) fn targets_by_job(&self) -> Option<BTreeMap<String, Vec<(String, String)>>> {
        let mut jobs: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for mut target in self.active_targets()? {
            let job = target["labels"].as_object_mut().unwrap().remove("job").unwrap();
            let address = target["discoveredLabels"]["__address__"].as_str().unwrap().to_owned();
            jobs.entry(job.as_str().unwrap().to_owned()).or_default().push((address, target["labels"].to_string()));
        }
        for targets in jobs.values_mut() {
            targets.sort();
        }
        Some(jobs)
    }

    /// The series that its API finds for a selector. `None` if it does not take the selector.
    pub(crate) fn series(&self, selector: &str) -> Option<Vec<Value>> {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("match[]", selector).finish();
        let (status, body) = http::get(&format!("{}/api/v1/series?{query}", self.url), None).unwrap();
        assert!(status == 200 || status == 400, "{status} {body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        (status == 200).then(|| answer["data"].as_array().unwrap().clone())
    }

    /// The targets that it scrapes, by address. `None` while it starts.
    fn active(&self) -> Option<BTreeMap<String, Active>> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let target = |target: &Value| {
            let all = target["discoveredLabels"].as_object().unwrap();
            let labels = target["labels"].as_object().unwrap().iter();
            let meta = all.iter().filter(|(name, _)| name.starts_with("__meta_dynamodb"));
            let labels = labels.chain(meta).map(|(name, value)| (name.clone(), text(value))).collect();
            (text(&all["__address__"]), Active { health: text(&target["health"]), labels })
        };
        Some(self.active_targets()?.iter().map(target).collect())
    }

    fn addresses(&self) -> Vec<String> {
        self.active().map(|active| active.into_keys().collect()).unwrap_or_default()
    }

    /// The value of one of its own counters.
    fn counter(&self, name: &str) -> u64 {
        let (_, metrics) = http::get(&format!("{}/metrics", self.url), None).unwrap();
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap_or("0");
        line.parse().unwrap()
    }

    pub(crate) fn failures(&self) -> u64 {
        self.counter("prometheus_sd_http_failures_total")
    }

    /// What it logs of polls that failed, but for those that took longer than it waits: on a busy machine some do.
    pub(crate) fn failed_polls(&self) -> Vec<String> {
        let log = self.process.output();
        let failed = log.lines().filter(|line| line.contains("Unable to refresh target groups"));
        failed.filter(|line| !line.contains("deadline exceeded")).map(str::to_owned).collect()
    }

    /// Waits until it scrapes exactly those targets.
    fn wait_for(&self, addresses: &[&str]) {
        self.wait(&format!("{addresses:?}"), || self.addresses() == addresses);
    }

    pub(crate) fn wait(&self, what: &str, holds: impl Fn() -> bool) {
        let give_up = Instant::now() + PATIENCE;
        while !holds() {
            assert!(
                Instant::now() < give_up,
                "Prometheus never came to {what}; it has {:?}\n{}",
                self.active(),
                self.process.output()
            );
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits for three failed refreshes, and checks at every look that the targets stay.
    fn keeps_while_refreshes_fail(&self, addresses: &[&str], why: &str) {
        let before = self.failures();
        self.wait(&format!("three failures, {why}"), || {
            assert_eq!(self.addresses(), addresses, "targets were lost: {why}");
            self.failures() >= before + 3
        });
        assert_eq!(self.addresses(), addresses, "targets were lost: {why}");
    }

    fn use_token(&self, token: &str) {
        fs::write(self.folder.path().join("token"), token).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_follows_the_table_and_keeps_its_targets_through_every_failure() {
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

    // An added group appears, a changed one changes and a removed one goes.
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

    // The table is gone, and comes back.
    dynamo.delete_table().await;
    prometheus.keeps_while_refreshes_fail(&both, "the table is gone");
    assert!(dynamo.store().create().await.unwrap());
    fill().await;
    recovers(&prometheus, &dynamo, &both).await;

    // The function is gone altogether.
    drop(watched);
    prometheus.keeps_while_refreshes_fail(&both, "nothing listens");
}

#[test]
fn prometheus_may_send_its_token_as_a_password_and_be_given_some_jobs_alone() {
    let data = TempDir::new().unwrap();
    let credential = format!("prometheus:{}:node_exporter", TokenHash::of(TOKEN.as_bytes()));
    let mut command = sdctl();
    command.env(config::AUTH, "token").env(config::TOKEN_SHA256, credential);
    command.args(["serve", "--sample", "--port", "0", "--dynamodb-port", "0", "--data"]);
    let served = serve(command.arg(data.path()));
    let groups: Value = serde_json::from_str(&served.get("/prom/node_exporter", Some(TOKEN)).1).unwrap();
    let targets = groups.as_array().unwrap().iter().flat_map(|group| group["targets"].as_array().unwrap());
    let mut targets: Vec<&str> = targets.map(|target| target.as_str().unwrap()).collect();
    targets.sort_unstable();

    let Some(prometheus) = Prometheus::start(&format!("{}/prom", served.url), PASSWORD) else { return };
    prometheus.wait_for(&targets);
    assert_eq!(prometheus.failures(), 0);
    prometheus.use_token("wrong");
    prometheus.keeps_while_refreshes_fail(&targets, "the password is wrong");
}

/// Refreshes succeed again: a group that is added shows up, and goes when it is removed.
async fn recovers(prometheus: &Prometheus, dynamo: &Dynamo, addresses: &[&str]) {
    Row::new("node", "zz-new", &["zz-new.invalid:9100"]).put(dynamo).await;
    prometheus.wait_for(&[addresses, &["zz-new.invalid:9100"]].concat());
    dynamo.delete("node", "zz-new").await;
    prometheus.wait_for(addresses);
}
