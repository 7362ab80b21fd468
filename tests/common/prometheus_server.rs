//! A real Prometheus that polls a server. Tests read its targets from its API.

use std::{
    collections::BTreeMap,
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    TOKEN, http,
    process::{Process, free_port},
    tools::tool,
};

/// How long Prometheus may take to show a change. It polls every second.
const PATIENCE: Duration = Duration::from_mins(1);

/// A Prometheus with its own folder, which scrapes the targets that the function lists.
pub struct Prometheus {
    url: String,
    folder: TempDir,
    process: Process,
}

/// What Prometheus reports about a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Active {
    pub health: String,
    pub labels: BTreeMap<String, String>,
}

/// Credentials of a scrape config: the token in the file `token`, as a bearer token and as a password.
pub const BEARER: &str = "authorization: {type: Bearer, credentials_file: token}";
pub const PASSWORD: &str = "basic_auth: {username: prometheus, password_file: token}";

impl Prometheus {
    /// Starts Prometheus, which polls a URL with these credentials.
    pub fn start(url: &str, credentials: &str) -> Option<Self> {
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

    /// Starts Prometheus with a configuration. The file `token` contains the token.
    pub fn start_with(config: &str) -> Option<Self> {
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

    /// Returns the active targets from the API, or `None` while Prometheus starts.
    pub fn active_targets(&self) -> Option<Vec<Value>> {
        let (status, body) = http::get(&format!("{}/api/v1/targets?state=active", self.url), None).ok()?;
        if status == 503 {
            return None;
        }
        assert_eq!(status, 200, "{body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        Some(answer["data"]["activeTargets"].as_array().unwrap().clone())
    }

    /// Returns the targets of each job, sorted, as discovered address and final labels. Returns `None` while Prometheus
    /// starts.
    pub fn targets_by_job(&self) -> Option<BTreeMap<String, Vec<(String, String)>>> {
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

    /// Returns the series that a selector selects, or `None` if Prometheus rejects the selector.
    pub fn series(&self, selector: &str) -> Option<Vec<Value>> {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("match[]", selector).finish();
        let (status, body) = http::get(&format!("{}/api/v1/series?{query}", self.url), None).unwrap();
        assert!(status == 200 || status == 400, "{status} {body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        (status == 200).then(|| answer["data"].as_array().unwrap().clone())
    }

    /// Returns the active targets by address, or `None` while Prometheus starts.
    pub fn active(&self) -> Option<BTreeMap<String, Active>> {
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

    /// Returns the value of one of Prometheus's own counters.
    fn counter(&self, name: &str) -> u64 {
        let (_, metrics) = http::get(&format!("{}/metrics", self.url), None).unwrap();
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap_or("0");
        line.parse().unwrap()
    }

    pub fn failures(&self) -> u64 {
        self.counter("prometheus_sd_http_failures_total")
    }

    /// Returns the log lines of failed polls, without time-outs, which a busy machine causes.
    pub fn failed_polls(&self) -> Vec<String> {
        let log = self.process.output();
        let failed = log.lines().filter(|line| line.contains("Unable to refresh target groups"));
        failed.filter(|line| !line.contains("deadline exceeded")).map(str::to_owned).collect()
    }

    /// Waits until Prometheus scrapes exactly these targets.
    pub fn wait_for(&self, addresses: &[&str]) {
        self.wait(&format!("{addresses:?}"), || self.addresses() == addresses);
    }

    pub fn wait(&self, what: &str, holds: impl Fn() -> bool) {
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

    /// Waits for three failed polls, and checks all the time that the targets stay.
    pub fn keeps_while_refreshes_fail(&self, addresses: &[&str], why: &str) {
        let before = self.failures();
        self.wait(&format!("three failures, {why}"), || {
            assert_eq!(self.addresses(), addresses, "targets were lost: {why}");
            self.failures() >= before + 3
        });
        assert_eq!(self.addresses(), addresses, "targets were lost: {why}");
    }

    pub fn use_token(&self, token: &str) {
        fs::write(self.folder.path().join("token"), token).unwrap();
    }
}
