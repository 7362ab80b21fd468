//! Whole configurations, of the kinds that people have.

use test_support::poller::Kind;

use super::{Fixture, NOTHING};

pub(super) const ALL: [Fixture; 9] =
    [MONITORING, BLACKBOX, SNMP, FEDERATION, CONSUL, ANCHORS, INCLUDED_BY_PROMETHEUS, INCLUDED_BY_VMAGENT, JSON];

/// Alerting, rules and storage, in a folder with the lists.
const MONITORING: Fixture = Fixture {
    files: &[
        (
            "prometheus.yml",
            "# monitoring
global:
  scrape_interval: 15s
  evaluation_interval: 15s
  external_labels: {cluster: eu, replica: a}
rule_files: ['rule*.yml', rules/*.yml]
alerting:
  alertmanagers:
    - static_configs: [{targets: ['127.0.0.1:1']}]
scrape_configs:
  - job_name: prometheus
    static_configs: [{targets: ['localhost:9090']}]
  - job_name: node
    file_sd_configs:
      - files: [node-*.json, node.yml]
        refresh_interval: 1m
  - job_name: mysqld
    scrape_interval: 1m
    scrape_timeout: 30s
    static_configs:
      - targets:
          - db-1.invalid:9104
          - db-2.invalid:9104
        labels:
          env: prod
    metric_relabel_configs:
      - {source_labels: [__name__], regex: 'go_.*', action: drop}
  - job_name: dns
    dns_sd_configs: [{names: [gone.invalid], type: A, port: 9100}]
    static_configs: [{targets: [known.invalid:9100]}]
    file_sd_configs: [{files: [node.yml]}]
    relabel_configs:
      - {source_labels: [__meta_dns_name], regex: (.+), target_label: name}
",
        ),
        ("rules.yml", "groups: [{name: a, rules: [{record: a, expr: up}]}]\n"),
        ("rules/b.yml", "groups: []\n"),
        ("node-eu.json", r#"[{"targets": ["web-1.invalid:9100", "web-2.invalid:9100"], "labels": {"region": "eu"}}]"#),
        ("node-us.json", r#"[{"targets": ["web-3.invalid:9100"], "labels": {"region": "us"}}]"#),
        ("node.yml", "- targets: [web-4.invalid:9100]\n"),
    ],
    paths: &["."],
    pollers: &Kind::PROMETHEUS,
    targets: 9,
    notes: &[
        r#"prometheus.yml:29: job "dns": dns_sd_configs is skipped"#,
        r#"prometheus.yml:15: job "node": names 3 files of the folder (./node-eu.json, ./node-us.json, ./node.yml): sdctl"#,
    ],
    ..NOTHING
};

/// Several modules of the blackbox exporter, with lists that are edited by hand.
const BLACKBOX: Fixture = Fixture {
    files: &[
        (
            "prometheus.yml",
            "# blackbox
global: {scrape_interval: 30s}
scrape_configs:
  - job_name: blackbox-http
    metrics_path: /probe
    params: {module: [http_2xx]}
    file_sd_configs: [{files: [targets/http*.yml]}]
    relabel_configs: &probe
      - source_labels: [__address__]
        target_label: __param_target
      - source_labels: [__param_target]
        target_label: instance
      - target_label: __address__
        replacement: 127.0.0.1:9115
  - job_name: blackbox-icmp
    metrics_path: /probe
    params: {module: [icmp]}
    scrape_interval: 5s
    scrape_timeout: 4s
    static_configs:
      - targets: [192.0.2.1, 2001:db8::1, router.invalid]
        labels: {kind: router}
    relabel_configs: *probe
  - job_name: blackbox-by-label
    metrics_path: /probe
    static_configs:
      - targets: [smtp.invalid:25]
        labels: {__param_module: smtp_starttls, module: smtp}
      - targets: [ssh.invalid:22]
        labels: {__param_module: ssh_banner, module: ssh}
    relabel_configs: *probe
  - job_name: blackbox-names
    metrics_path: /probe
    static_configs:
      - targets: ['shop;https://shop.invalid/', 'api;https://api.invalid/v1?x=1']
    relabel_configs:
      - {source_labels: [__address__], regex: '(.*);(.*)', target_label: service, replacement: $1}
      - {source_labels: [__address__], regex: '(.*);(.*)', target_label: __param_target, replacement: '${2}'}
      - {source_labels: [__param_target], target_label: instance}
      - {target_label: __address__, replacement: '127.0.0.1:9115'}
",
        ),
        ("targets/http.yml", "- targets: [https://a.invalid/, https://b.invalid/x]\n  labels: {team: shop}\n"),
        ("targets/http-2.yml", "- targets:\n  - http://c.invalid:8080/\n  labels: {team: bank}\n"),
    ],
    paths: &["prometheus.yml"],
    targets: 10,
    ..NOTHING
};

const SNMP: Fixture = Fixture {
    files: &[
        (
            "prometheus.yml",
            "# snmp
global:
  scrape_interval: 1m
  scrape_timeout: 50s
scrape_configs:
  - job_name: snmp
    metrics_path: /snmp
    params:
      auth: [public_v2]
      module: [if_mib]
    file_sd_configs:
      - files:
          - switches.json
    relabel_configs:
      - source_labels: [__address__]
        target_label: __param_target
      - source_labels: [__param_target]
        target_label: instance
      - source_labels: [module]
        regex: (.+)
        target_label: __param_module
      - target_label: __address__
        replacement: snmp-exporter.invalid:9116
      - source_labels: [vendor]
        regex: retired
        action: drop
  - job_name: snmp_exporter
    static_configs:
      - targets: [snmp-exporter.invalid:9116]
",
        ),
        (
            "switches.json",
            r#"[
  {"targets": ["192.0.2.11", "192.0.2.12"], "labels": {"vendor": "a", "rack": "1"}},
  {"targets": ["192.0.2.13"], "labels": {"vendor": "b", "module": "b_mib"}},
  {"targets": ["192.0.2.14"], "labels": {"vendor": "retired"}}
]"#,
        ),
    ],
    paths: &["prometheus.yml"],
    targets: 4,
    ..NOTHING
};

/// Federation, and jobs with and without the defaults of `global`.
const FEDERATION: Fixture = Fixture {
    files: &[(
        "prometheus.yml",
        "# federation
scrape_configs:
  - job_name: federate
    scrape_interval: 45s
    honor_labels: true
    honor_timestamps: false
    metrics_path: /federate
    scheme: https
    params:
      'match[]':
        - '{job=\"prometheus\"}'
        - '{__name__=~\"job:.*\"}'
    tls_config: {insecure_skip_verify: true}
    static_configs:
      - targets: [eu.invalid:9090]
        labels: {cluster: eu}
      - targets: [us.invalid:9090]
        labels: {cluster: us, __scheme__: http}
      - targets: [ap.invalid]
        labels: {cluster: ap, __param_x: y}
  - job_name: default
    static_configs: [{targets: [d.invalid:1, d.invalid:2]}]
  - job_name: slow
    scrape_interval: 5m
    scrape_timeout: 1m
    static_configs: [{targets: [s.invalid:1], labels: {__scrape_interval__: 10m}}]
  - job_name: limited
    sample_limit: 100
    label_limit: 50
    basic_auth: {username: a, password: b}
    static_configs: [{targets: [l.invalid:1]}]
global:
  scrape_interval: 20s
  scrape_timeout: 15s
",
    )],
    paths: &["prometheus.yml"],
    targets: 7,
    ..NOTHING
};

/// Consul beside files and static targets. No Consul runs.
const CONSUL: Fixture = Fixture {
    files: &[
        (
            "prometheus.yml",
            "# consul
global: {scrape_interval: 1m}
scrape_configs:
  - job_name: services
    consul_sd_configs:
      - {server: '127.0.0.1:1', services: [web]}
    file_sd_configs:
      - files: [services.yml]
    static_configs:
      - targets: [legacy.invalid:9100]
        labels: {service: legacy}
    relabel_configs:
      - source_labels: [__meta_consul_service]
        regex: (.+)
        target_label: service
      - source_labels: [__meta_consul_tags]
        regex: .*,hidden,.*
        action: drop
      - action: labelmap
        regex: __meta_consul_service_metadata_(.+)
  - job_name: only-consul
    consul_sd_configs:
      - server: 127.0.0.1:1
",
        ),
        ("services.yml", "- targets: [a.invalid:1, b.invalid:1]\n  labels: {service: web, __meta_consul_dc: eu}\n"),
    ],
    paths: &["prometheus.yml"],
    // Debian's Prometheus is built without Consul.
    pollers: &[Kind::Vmagent],
    targets: 3,
    notes: &[
        r#"prometheus.yml:5: job "services": consul_sd_configs is skipped: its targets are not in a file. Keep it"#,
        r#"prometheus.yml:22: job "only-consul": consul_sd_configs is skipped"#,
    ],
    ..NOTHING
};

/// Anchors and merges throughout.
const ANCHORS: Fixture = Fixture {
    files: &[
        (
            "prometheus.yml",
            "# anchors
global:
  scrape_interval: &interval 30s
  scrape_timeout: 10s
scrape_configs:
  - job_name: &web web
    scrape_interval: *interval
    static_configs: &web-targets
      - targets: &hosts
          - web-1.invalid:9100
          - web-2.invalid:9100
        labels: &prod {env: prod, team: &team shop}
      - targets: [web-3.invalid:9100]
        labels: {<<: *prod, canary: 'true'}
    relabel_configs: &rules
      - &instance {source_labels: [__address__], regex: '([^:]+).*', target_label: instance}
      - {target_label: job_of, replacement: *web}
  - job_name: web-again
    metrics_path: /other
    static_configs: *web-targets
    relabel_configs: *rules
  - job_name: db
    static_configs:
      - targets: *hosts
        labels:
          <<: [*prod, {role: db}]
          owner: *team
    relabel_configs:
      - *instance
  - <<: &defaults {scheme: https, honor_labels: true}
    job_name: merged
    file_sd_configs:
      - &files {files: [anchors.yml]}
  - <<: *defaults
    job_name: merged-again
    file_sd_configs: [*files]
",
        ),
        (
            "anchors.yml",
            "- &a\n  targets: [a.invalid:1]\n  labels: &l {x: '1', y: '2'}\n- <<: *a\n  targets: [b.invalid:1]\n\
             - targets: [c.invalid:1]\n  labels: {<<: *l, z: '3'}\n",
        ),
    ],
    paths: &["prometheus.yml"],
    targets: 14,
    ..NOTHING
};

/// Jobs in files of their own, as Prometheus includes them.
const INCLUDED_BY_PROMETHEUS: Fixture = Fixture {
    files: &[
        (
            "prometheus.yml",
            "# included by Prometheus
global: {scrape_interval: 1m}
scrape_config_files: [jobs/*.yml]
scrape_configs:
  - job_name: main
    static_configs: [{targets: [main.invalid:1]}]
",
        ),
        ("jobs/a.yml", "scrape_configs:\n- job_name: a\n  static_configs: [{targets: [a.invalid:1]}]\n"),
        (
            "jobs/b.yml",
            "scrape_configs:\n- job_name: b\n  scrape_interval: 2m\n  file_sd_configs: [{files: [lists/b.json]}]\n\
             - job_name: c\n  static_configs: [{targets: [c.invalid:1, c.invalid:2]}]\n",
        ),
        ("jobs/lists/b.json", r#"[{"targets": ["b.invalid:1"], "labels": {"env": "prod"}}]"#),
    ],
    paths: &["."],
    pollers: &[Kind::Prometheus3],
    targets: 5,
    notes: &[
        "prometheus.yml:3: names 2 files of the folder (./jobs/a.yml, ./jobs/b.yml): sdctl reads them only here",
        r#"jobs/b.yml:4: job "b": names 1 file of the folder (./jobs/lists/b.json): sdctl reads it only here"#,
    ],
    ..NOTHING
};

/// Lists of jobs, as vmagent includes them.
const INCLUDED_BY_VMAGENT: Fixture = Fixture {
    files: &[
        ("vmagent.yml", "# included by vmagent\nglobal: {scrape_interval: 30s}\nscrape_config_files:\n- jobs/*.yml\n"),
        (
            "jobs/node.yml",
            "- job_name: included-node\n  static_configs:\n  - targets: [n1.invalid:9100, n2.invalid:9100]\n    labels: {env: prod}\n",
        ),
        ("jobs/db.yml", "- job_name: included-db\n  stream_parse: true\n  file_sd_configs: [{files: [db.json]}]\n"),
        // vmagent reads this path from the folder of vmagent.yml.
        ("db.json", r#"[{"targets": ["db.invalid:9104"]}]"#),
        ("jobs/db.json", r#"[{"targets": ["other.invalid:9104"]}]"#),
    ],
    paths: &["vmagent.yml"],
    pollers: &[Kind::Vmagent],
    targets: 3,
    ..NOTHING
};

/// A configuration in JSON, as programs write it.
const JSON: Fixture = Fixture {
    files: &[(
        "prometheus.json",
        r#"{"global": {"scrape_interval": "15s"},
 "scrape_configs": [
  {"job_name": "restreamer",
   "static_configs": [{"targets": ["edge-1.invalid:8000"], "labels": {"shard": 1, "canary": false, "version": 1.10}}]},
  {"job_name": 404, "static_configs": [{"targets": ["edge-2.invalid:8000"]}]}
 ]}"#,
    )],
    paths: &["prometheus.json"],
    targets: 2,
    ..NOTHING
};
