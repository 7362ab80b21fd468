//! Real pollers: Prometheus 2, Prometheus 3 and vmagent. Tests read their targets from their API.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    TOKEN, http,
    polled::Poll,
    process::{Process, free_port},
    tools,
};

/// The time that a poller may take to show a change. It polls every second.
const PATIENCE: Duration = Duration::from_mins(1);

/// A kind of poller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Prometheus2,
    Prometheus3,
    Vmagent,
}

/// A program that polls.
struct Program {
    file: PathBuf,
    version: String,
}

/// A poller with its own folder, which scrapes the targets that the function lists.
pub struct Poller {
    pub kind: Kind,
    url: String,
    folder: TempDir,
    process: Process,
}

/// The state of a target, as a poller reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Active {
    pub health: String,
    pub labels: BTreeMap<String, String>,
}

/// Credentials of an `http_sd_configs` entry: the token in the file `token`, as a bearer token and as a password.
pub const BEARER: &str = "authorization: {type: Bearer, credentials_file: token}";
pub const PASSWORD: &str = "basic_auth: {username: prometheus, password_file: token}";

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prometheus2 => "Prometheus 2",
            Self::Prometheus3 => "Prometheus 3",
            Self::Vmagent => "vmagent",
        })
    }
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Prometheus2, Self::Prometheus3, Self::Vmagent];
    pub const PROMETHEUS: [Self; 2] = [Self::Prometheus2, Self::Prometheus3];

    /// Returns whether the poller is a Prometheus.
    pub fn is_prometheus(self) -> bool {
        Self::PROMETHEUS.contains(&self)
    }

    /// Returns the names that the program may have in the folder of `make tools` and on `PATH`.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Prometheus2 => &["prometheus"],
            Self::Prometheus3 => &["prometheus-3", "prometheus"],
            Self::Vmagent => &["vmagent"],
        }
    }

    /// Returns what the tests need, with its versions.
    fn needed(self) -> &'static str {
        match self {
            Self::Prometheus2 => "Prometheus 2",
            Self::Prometheus3 => "Prometheus 3",
            Self::Vmagent => "vmagent 1.130 or newer",
        }
    }

    /// Returns the program, or `None` if it is not installed.
    ///
    /// Without the program the test is skipped and reports that. With `CI=true` the test fails. The first call reports
    /// name and version.
    fn program(self) -> Option<&'static Program> {
        static PROGRAMS: [OnceLock<Option<Program>>; 3] = [const { OnceLock::new() }; 3];
        let program = PROGRAMS[self as usize].get_or_init(|| {
            let mut files = self.names().iter().flat_map(|name| tools::all(name));
            let program = files.find_map(|file| Program::of(self, file))?;
            let name = if self.is_prometheus() { "Prometheus" } else { "vmagent" };
            tools::report(&format!("POLLER: {name} {}", program.version));
            Some(program)
        });
        if program.is_none() {
            tools::skip(self.needed());
        }
        program.as_ref()
    }

    /// Returns the program's file, or `None` if it is not installed.
    pub fn file(self) -> Option<&'static Path> {
        self.program().map(|program| program.file.as_path())
    }

    /// Returns an entry of `http_sd_configs` that polls every second. vmagent has a flag for the interval.
    pub fn entry(self, url: &str, credentials: &str) -> String {
        let interval = if self.is_prometheus() { "refresh_interval: 1s," } else { "" };
        format!("{{url: '{url}', {interval} {credentials}}}")
    }
}

impl Program {
    /// Returns the program in a file if it reports a version of this kind.
    fn of(kind: Kind, file: PathBuf) -> Option<Self> {
        let output = Command::new(&file).arg("--version").output().ok()?;
        // vmagent reports its version on standard error.
        let output = [output.stdout, output.stderr].concat();
        let version = version(kind, &String::from_utf8_lossy(&output))?;
        let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
        let (major, minor) = (numbers.next()?, numbers.next()?);
        let is_right = match kind {
            Kind::Prometheus2 => major == 2,
            Kind::Prometheus3 => major == 3,
            Kind::Vmagent => (major, minor) >= (1, 130),
        };
        is_right.then_some(Self { file, version })
    }

    fn command(&self, kind: Kind, folder: &Path, address: &str) -> Command {
        let mut command = Command::new(&self.file);
        command.current_dir(folder);
        if kind.is_prometheus() {
            command
                .args(["--config.file=poller.yml", "--storage.tsdb.path=data", "--log.level=debug"])
                // Prometheus collects changes of targets for 5 s twice. This option shortens the second time.
                .args(["--scrape.discovery-reload-interval=1s", "--web.enable-lifecycle"])
                .arg(format!("--web.listen-address={address}"));
        } else {
            command
                .args(["-promscrape.config=poller.yml", "-promscrape.httpSDCheckInterval=1s"])
                .arg("-promscrape.fileSDCheckInterval=1s")
                .arg("-promscrape.suppressScrapeErrors")
                // vmagent needs a place for samples. No server listens at this address.
                .args(["-remoteWrite.url=http://127.0.0.1:1/", "-remoteWrite.tmpDataPath=data"])
                .arg(format!("-httpListenAddr={address}"));
        }
        command
    }
}

/// Returns the version in the output of `--version`.
fn version(kind: Kind, output: &str) -> Option<String> {
    let mut words = output.split_whitespace();
    let version = if kind.is_prometheus() {
        words.skip_while(|word| *word != "version").nth(1)?
    } else {
        // `vmagent-20251114-…-tags-v1.130.0-0-g…`, or the version of a package.
        let text = words.next()?.strip_prefix("vmagent-")?;
        text.split_once("-v").map_or(text, |(_, version)| version)
    };
    Some(version.to_owned())
}

impl Poller {
    /// Starts a poller that polls a URL with these credentials. Returns `None` if it is not installed.
    pub fn start(kind: Kind, url: &str, credentials: &str) -> Option<Self> {
        let entry = kind.entry(url, credentials);
        Self::start_with(
            kind,
            &format!(
                "
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs: [{{job_name: node, http_sd_configs: [{entry}]}}]
"
            ),
        )
    }

    /// Starts every installed poller, each of which polls a URL with these credentials.
    pub fn start_all(url: &str, credentials: &str) -> Vec<Self> {
        Kind::ALL.into_iter().filter_map(|kind| Self::start(kind, url, credentials)).collect()
    }

    /// Starts every installed poller, each with its own configuration.
    pub fn start_all_with(config: impl Fn(Kind) -> String) -> Vec<Self> {
        Kind::ALL.into_iter().filter_map(|kind| Self::start_with(kind, &config(kind))).collect()
    }

    /// Starts a poller with a configuration. The file `token` contains the token.
    pub fn start_with(kind: Kind, config: &str) -> Option<Self> {
        let program = kind.program()?;
        let folder = TempDir::new().unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        fs::write(folder.path().join("token"), TOKEN).unwrap();
        fs::write(folder.path().join("poller.yml"), config).unwrap();
        let process = Process::start(&mut program.command(kind, folder.path(), &address));
        Some(Self { kind, url: format!("http://{address}"), folder, process })
    }

    /// Returns the folder with the configuration, from which the poller reads other files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Replaces the configuration, once the poller has started.
    pub fn reload(&self, config: &str) {
        self.wait("its start", || self.active_targets().is_some());
        fs::write(self.folder().join("poller.yml"), config).unwrap();
        let response = http::agent().post(format!("{}/-/reload", self.url)).send_empty().unwrap();
        assert_eq!(response.status(), 200, "{config}\n{}", self.process.output());
    }

    /// Returns the active targets from the API, or `None` while the poller starts.
    pub fn active_targets(&self) -> Option<Vec<Value>> {
        let (status, body) = http::get(&format!("{}/api/v1/targets?state=active", self.url), None).ok()?;
        if status == 503 {
            return None;
        }
        assert_eq!(status, 200, "{body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        Some(answer["data"]["activeTargets"].as_array().unwrap().clone())
    }

    /// Returns the targets of each job, sorted, as discovered address and final labels. Returns `None` while the poller
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

    /// Returns the values of an instant query, sorted, or `None` while Prometheus starts.
    pub fn query(&self, query: &str) -> Option<Vec<String>> {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("query", query).finish();
        let (status, body) = http::get(&format!("{}/api/v1/query?{query}", self.url), None).ok()?;
        if status == 503 {
            return None;
        }
        assert_eq!(status, 200, "{body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        let found = answer["data"]["result"].as_array().unwrap();
        let mut values: Vec<_> = found.iter().map(|one| one["value"][1].as_str().unwrap().to_owned()).collect();
        values.sort();
        Some(values)
    }

    /// Returns the active targets by address, or `None` while the poller starts.
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

    /// Returns the number of failed polls, by the poller's own counters.
    pub fn failures(&self) -> u64 {
        let (_, metrics) = http::get(&format!("{}/metrics", self.url), None).unwrap();
        let counter = match self.kind {
            Kind::Prometheus2 | Kind::Prometheus3 => "prometheus_sd_http_failures_total",
            // One counter for each URL, and for failed requests and failed parsing.
            Kind::Vmagent => "promscrape_discovery_http_errors_total",
        };
        let values =
            metrics.lines().filter(|line| line.starts_with(counter)).filter_map(|line| line.rsplit(' ').next());
        values.map(|value| value.parse::<u64>().unwrap()).sum()
    }

    /// Returns the log lines of failed polls, without time-outs, which a busy machine causes.
    pub fn failed_polls(&self) -> Vec<String> {
        let failure = match self.kind {
            Kind::Prometheus2 | Kind::Prometheus3 => "Unable to refresh target groups",
            Kind::Vmagent => "cannot read http_sd api response",
        };
        let log = self.process.output();
        let failed = log.lines().filter(|line| line.contains(failure));
        failed.filter(|line| !line.contains("deadline exceeded")).map(str::to_owned).collect()
    }

    /// Returns the polls that this kind of poller sent.
    pub fn its<'a>(&self, polls: &'a [Poll]) -> impl Iterator<Item = &'a Poll> + Clone + use<'a> {
        let agent = match self.kind {
            Kind::Prometheus2 => "Prometheus/2.",
            Kind::Prometheus3 => "Prometheus/3.",
            // vmagent does not set the header, so it is that of Go.
            Kind::Vmagent => "Go-http-client/",
        };
        polls.iter().filter(move |poll| poll.user_agent.starts_with(agent))
    }

    /// Waits until the poller scrapes exactly these targets.
    pub fn wait_for(&self, addresses: &[&str]) {
        self.wait(&format!("{addresses:?}"), || self.addresses() == addresses);
    }

    pub fn wait(&self, what: &str, holds: impl Fn() -> bool) {
        let give_up = Instant::now() + PATIENCE;
        while !holds() {
            assert!(
                Instant::now() < give_up,
                "{} never came to {what}; it has {:?}\n{}",
                self.kind,
                self.active(),
                self.process.output()
            );
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Changes the token that each poller sends.
pub fn use_token(pollers: &[Poller], token: &str) {
    for poller in pollers {
        fs::write(poller.folder.path().join("token"), token).unwrap();
    }
}

/// Waits until each poller scrapes exactly these targets.
pub fn wait_for(pollers: &[Poller], addresses: &[&str]) {
    for poller in pollers {
        poller.wait_for(addresses);
    }
}

/// Waits for three failed polls of each poller, and checks all the time that the targets stay.
pub fn keep_while_polls_fail(pollers: &[Poller], addresses: &[&str], why: &str) {
    let before: Vec<u64> = pollers.iter().map(Poller::failures).collect();
    let keep = || {
        for poller in pollers {
            assert_eq!(poller.addresses(), addresses, "{} lost targets: {why}", poller.kind);
        }
    };
    for (poller, before) in pollers.iter().zip(before) {
        poller.wait(&format!("three failures, {why}"), || {
            keep();
            poller.failures() >= before + 3
        });
    }
    keep();
}
