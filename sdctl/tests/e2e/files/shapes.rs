//! Configurations of the shapes in Prometheus's own tests (`config/testdata`), in other words. `JOB` stands for a name
//! of its own for each configuration.

use std::{fs, path::Path, process::Command};

use http_sd_lambda::group::LabelNames;
use sdctl::files::{Poller, Reader};
use tempfile::TempDir;
use test_support::{poller::Kind, sdctl::run, tools::tool};

use super::Expect::{self, NotJudged, Same, VmagentTakes};

const JOBLESS: &str = "vmagent accepts a job without a name";
const SHORTER: &str = "vmagent shortens the time-out";
const ANY_NAME: &str = "vmagent accepts any label name";

/// The kinds, each with whole configurations.
pub(super) const SHAPES: [(&str, &[(&str, Expect)]); 8] = [
    (
        "jobs",
        &[
            ("scrape_configs:\n- job_name:\n", VmagentTakes(JOBLESS)),
            ("scrape_configs:\n- job_name: ''\n  static_configs: [{targets: [a:1]}]\n", VmagentTakes(JOBLESS)),
            ("scrape_configs:\n- job_name: JOB\n- job_name: JOB-2\n- job_name: JOB\n", Same),
            ("scrape_configs:\n-\n", Same),
            ("scrape_configs:\n", Same),
            ("scrape_configs:\n- job_name: JOB\n  foo: bar\n", Same),
            ("global: {scrap_interval: 5s}\nscrape_configs: []\n", Same),
            ("scrape_config_files: [a.json]\nscrape_config_files: [a.json]\nscrape_configs: []\n", Same),
        ],
    ),
    (
        "intervals",
        &[
            ("global: {scrape_interval: 10s, scrape_timeout: 20s}\nscrape_configs: []\n", VmagentTakes(SHORTER)),
            ("scrape_configs:\n- {job_name: JOB, scrape_interval: 3s, scrape_timeout: 4s}\n", VmagentTakes(SHORTER)),
            ("global: {scrape_timeout: 90m, scrape_interval: 2h}\nscrape_configs: [{job_name: JOB}]\n", Same),
            ("global: {scrape_interval: 5s}\nscrape_configs: [{job_name: JOB}]\n", Same),
            ("global: {scrape_interval: 5s}\nscrape_configs: [{job_name: JOB, scrape_interval: 2m}]\n", Same),
            ("global: {scrape_interval: 4x}\nscrape_configs: []\n", Same),
        ],
    ),
    (
        "static targets",
        &[
            (
                "scrape_configs:\n- job_name: JOB\n  static_configs:\n  - targets: [a:1, 'http://b/x']\n",
                VmagentTakes("vmagent accepts a URL"),
            ),
            (
                "scrape_configs:\n- job_name: JOB\n  static_configs: [{targets: ['http://b/x'], labels: {__address__: c}}]\n",
                VmagentTakes("vmagent accepts a URL"),
            ),
            ("scrape_configs:\n- job_name: JOB\n  static_configs:\n  - targets: {a: 1}\n", Same),
            ("scrape_configs:\n- job_name: JOB\n  static_configs: [a:1]\n", Same),
            ("scrape_configs:\n- job_name: JOB\n  static_configs:\n  -\n", VmagentTakes("vmagent ignores a null")),
            ("scrape_configs:\n- job_name: JOB\n  static_configs: [{targets: [a:1], label: {x: y}}]\n", Same),
            ("scrape_configs:\n- job_name: JOB\n  static_configs: [{targets: [a:1], labels: {x: {y: z}}}]\n", Same),
            ("scrape_configs:\n- job_name: JOB\n  static_configs: [{targets: [a:1], labels: {x-y: z}}]\n", Same),
            (
                "scrape_configs:\n- job_name: JOB\n  static_configs: [{targets: [a:1], labels: {'': z}}]\n",
                VmagentTakes(ANY_NAME),
            ),
            ("scrape_configs:\n- job_name: JOB\n  static_configs: [{targets: [a:1], labels: {x: \"\\xff\"}}]\n", Same),
            ("{\"scrape_configs\": [{\"job_name\": \"JOB\", \"static_configs\": {\"targets\": [\"a:1\"]}}]}\n", Same),
            ("{\"scrape_configs\": [{\"job_name\": \"JOB\", \"static_configs\": [[]]}]}\n", Same),
        ],
    ),
    (
        "lists of targets",
        &[
            ("scrape_configs:\n- job_name: JOB\n  file_sd_configs: [{files: ['*']}]\n", VmagentTakes("any pattern")),
            ("scrape_configs:\n- job_name: JOB\n  file_sd_configs: [{names: [a.json]}]\n", Same),
            ("scrape_configs:\n- job_name: JOB\n  file_sd_configs: [{files: [a.json], files: []}]\n", Same),
            ("scrape_configs:\n- job_name: JOB\n  file_sd_configs: a.json\n", Same),
        ],
    ),
    (
        "rules",
        &[
            ("rule_files: {a: b}\nscrape_configs: []\n", NotJudged),
            ("rule_files: ['no/*/rules.yml']\nscrape_configs: []\n", NotJudged),
            ("rule_files: ['[']\nscrape_configs: []\n", NotJudged),
            ("scrape_configs:\n- job_name: JOB\n  relabel_configs: [{regex: '[', target_label: x}]\n", NotJudged),
            ("scrape_configs:\n- job_name: JOB\n  relabel_configs: [{action: replace, regex: a}]\n", NotJudged),
            (
                "scrape_configs:\n- job_name: JOB\n  relabel_configs: [{action: uppercase, source_labels: [a]}]\n",
                NotJudged,
            ),
            ("scrape_configs:\n- job_name: JOB\n  relabel_configs: [{action: hashmod, target_label: x}]\n", NotJudged),
            (
                "scrape_configs:\n- job_name: JOB\n  relabel_configs: [{action: labelkeep, regex: a, separator: b}]\n",
                NotJudged,
            ),
            (
                "scrape_configs:\n- job_name: JOB\n  relabel_configs: [{action: labelmap, replacement: a-b}]\n",
                NotJudged,
            ),
            ("scrape_configs:\n- job_name: JOB\n  relabel_configs: {target_label: x}\n", Same),
            ("scrape_configs:\n- job_name: JOB\n  metric_relabel_configs: [a]\n", Same),
        ],
    ),
    (
        "credentials and limits",
        &[
            ("scrape_configs:\n- {job_name: JOB, bearer_token: a, bearer_token_file: b}\n", NotJudged),
            ("scrape_configs:\n- {job_name: JOB, bearer_token: a, basic_auth: {username: b}}\n", NotJudged),
            (
                "scrape_configs:\n- {job_name: JOB, basic_auth: {username: a, password: b, password_file: c}}\n",
                NotJudged,
            ),
            ("scrape_configs:\n- {job_name: JOB, authorization: {type: Basic, credentials: a}}\n", NotJudged),
            ("scrape_configs:\n- {job_name: JOB, tls_config: {cert_file: a}}\n", NotJudged),
            ("scrape_configs:\n- {job_name: JOB, oauth2: {client_id: a}}\n", NotJudged),
            ("scrape_configs:\n- {job_name: JOB, body_size_limit: 1XB}\n", NotJudged),
            ("scrape_configs:\n- {job_name: JOB, sample_limit: -1}\n", NotJudged),
            ("scrape_configs:\n- {job_name: JOB, params: [a]}\n", NotJudged),
            ("scrape_configs:\n- {job_name: JOB, enable_http2: 5}\n", Same),
            ("scrape_configs:\n- {job_name: JOB, scheme: {a: b}}\n", Same),
        ],
    ),
    (
        "other discovery",
        &[
            ("scrape_configs:\n- job_name: JOB\n  http_sd_configs: [{url: 'example.internal/x'}]\n", NotJudged),
            ("scrape_configs:\n- job_name: JOB\n  http_sd_configs: [{url: 'ftp://example.internal/x'}]\n", NotJudged),
            ("scrape_configs:\n- job_name: JOB\n  http_sd_configs: [{url: 'http://'}]\n", NotJudged),
            ("scrape_configs:\n- job_name: JOB\n  http_sd_configs: [{}]\n", NotJudged),
            ("scrape_configs:\n- job_name: JOB\n  dns_sd_configs: [{names: []}]\n", NotJudged),
            ("scrape_configs:\n- job_name: JOB\n  dns_sd_configs: [{names: [a], type: B}]\n", NotJudged),
            (
                "scrape_configs:\n- job_name: JOB\n  ec2_sd_configs: [{region: a, filters: [{name: b, values: []}]}]\n",
                NotJudged,
            ),
            ("scrape_configs:\n- job_name: JOB\n  ec2_sd_configs: [{foo: bar}]\n", NotJudged),
            ("scrape_configs:\n- job_name: JOB\n  eureka_sd_configs: [{server: a}]\n", NotJudged),
            ("scrape_configs:\n- job_name: JOB\n  hetzner_sd_configs: [{role: a}]\n", NotJudged),
            ("scrape_configs:\n- job_name: JOB\n  marathon_sd_configs: [{servers: []}]\n", NotJudged),
            ("scrape_configs:\n- job_name: JOB\n  puppetdb_sd_configs: [{url: 'http://a/'}]\n", NotJudged),
            ("scrape_configs:\n- job_name: JOB\n  uyuni_sd_configs: [{username: a, password: b}]\n", NotJudged),
            ("scrape_configs:\n- job_name: JOB\n  static_configs: []\n  dns_sd_configs: {names: [a]}\n", NotJudged),
        ],
    ),
    (
        "other sections",
        &[
            ("remote_write: [{}]\nscrape_configs: []\n", NotJudged),
            ("remote_write: [~]\nscrape_configs: []\n", NotJudged),
            (
                "remote_write: [{url: 'http://a/'}, {url: 'http://a/', name: x, foo: y}]\nscrape_configs: []\n",
                NotJudged,
            ),
            ("remote_read: [{}]\nscrape_configs: []\n", NotJudged),
            ("alerting: {alertmanagers: [{scheme: ftp, foo: x}]}\nscrape_configs: []\n", NotJudged),
            (
                "alerting: {alertmanagers: [{static_configs: [{targets: ['http://a:1']}]}]}\nscrape_configs: []\n",
                NotJudged,
            ),
            ("global: {external_labels: {a-b: c}}\nscrape_configs: []\n", NotJudged),
            ("global: {external_labels: {a: \"\\xff\"}}\nscrape_configs: []\n", Same),
            ("global: {external_labels: {'': a}}\nscrape_configs: []\n", NotJudged),
            ("tracing: {client_type: a}\nscrape_configs: []\n", NotJudged),
            ("storage: {tsdb: {out_of_order_time_window: a}}\nscrape_configs: []\n", NotJudged),
        ],
    ),
];

#[test]
fn configurations_with_every_field_are_accepted() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("sd")).unwrap();
    fs::write(folder.path().join("a.json"), r#"[{"targets":["f:1"]}]"#).unwrap();
    let accepts = |poller, text: &str| {
        let file = folder.path().join("all.yml");
        fs::write(&file, text).unwrap();
        let mut reader = Reader::new(LabelNames::Utf8).for_poller(poller);
        reader.read(&file, None);
        reader.faults.is_empty() && reader.groups.len() > 1 && is_accepted(poller, folder.path()).unwrap_or(true)
    };
    for poller in [Poller::Prometheus2, Poller::Prometheus3] {
        assert!(accepts(poller, include_str!("shapes/everything.yml")), "{poller:?}");
    }
    assert!(accepts(Poller::Vmagent, include_str!("shapes/everything-vmagent.yml")));
}

/// Returns whether a poller accepts `all.yml`, or `None` if it is not installed. No poller starts.
fn is_accepted(poller: Poller, folder: &Path) -> Option<bool> {
    let (program, arguments) = match poller {
        Poller::Prometheus2 => (tool("promtool")?, ["check", "config", "all.yml"]),
        // Prometheus reads its configuration first, and then finds that a file is no folder.
        Poller::Prometheus3 => {
            let file = Kind::Prometheus3.file()?.to_owned();
            (file, ["--config.file=all.yml", "--storage.tsdb.path=a.json/data", "--web.listen-address=127.0.0.1:0"])
        }
        Poller::Vmagent => (tool("vmagent")?, ["-dryRun", "-promscrape.config", "all.yml"]),
    };
    let ran = run(Command::new(program).current_dir(folder).args(arguments));
    Some(if poller == Poller::Prometheus3 { !ran.stderr.contains("Error loading config") } else { ran.code == 0 })
}
