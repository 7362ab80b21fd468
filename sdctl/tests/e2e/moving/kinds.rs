//! Kinds of input, one job for each.

use test_support::poller::Kind;

use super::{Fixture, NOTHING};

/// The pollers read the labels of merged maps differently.
const MERGED_LABELS: [(&str, &str); 2] = [
    (
        "prometheus.yml",
        "# merged labels
scrape_configs:
- job_name: merged
  static_configs:
  - &a
    targets: [a.invalid:1]
    labels: {env: prod, zone: a}
  - <<: *a
    targets: [b.invalid:1]
    labels: {team: shop}
  - {<<: *a, targets: [c.invalid:1]}
- job_name: merged list
  file_sd_configs: [{files: [list.yml]}]
",
    ),
    ("list.yml", "- &a\n  targets: [a.invalid:1]\n  labels: {env: prod}\n- {<<: *a, labels: {team: shop}}\n"),
];

const BY_VMAGENT: [&str; 2] = [
    r#"prometheus.yml:10: job "merged", group 2: labels is in the merged map too: write each label here; Prometheus uses"#,
    r#"list.yml:4: job "merged list", group 2: labels is in the merged map too: write each label here; Prometheus uses"#,
];

pub(super) const MERGED_IN_PROMETHEUS: Fixture = Fixture {
    files: &MERGED_LABELS,
    paths: &["prometheus.yml"],
    pollers: &Kind::PROMETHEUS,
    targets: 5,
    warnings_of_apply: &BY_VMAGENT,
    ..NOTHING
};

pub(super) const MERGED_IN_VMAGENT: Fixture = Fixture {
    files: &MERGED_LABELS,
    paths: &["prometheus.yml"],
    pollers: &[Kind::Vmagent],
    targets: 5,
    warnings: &BY_VMAGENT,
    differing: &["merged", "merged list"],
    ..NOTHING
};

/// Kinds that only vmagent accepts.
pub(super) const OF_VMAGENT: Fixture = Fixture {
    files: &[
        (
            "vmagent.yml",
            "# only for vmagent
global:
  scrape_interval: 30
  relabel_configs:
  - {source_labels: [__meta_filepath], regex: '(.+)[.]yml', target_label: file}
scrape_configs:
- job_name: URLs
  scrape_align_interval: 10s
  static_configs: [{targets: ['https://a.invalid/path?x=y', 'b.invalid/metrics', c.invalid]}]
- job_name: list
  stream_parse: true
  file_sd_configs: [{files: [list.yml]}]
- job_name: two URLs
  http_sd_configs: [{url: 'http://127.0.0.1:1/'}]
  static_configs: [{targets: [t.invalid:1]}]
  relabel_configs:
  - {if: '{__address__=~\"t.*\"}', target_label: team, replacement: t}
",
        ),
        ("list.yml", "- targets: [l.invalid:1]\n"),
    ],
    paths: &["vmagent.yml"],
    pollers: &[Kind::Vmagent],
    targets: 5,
    warnings: &[
        "vmagent.yml:5: relabel_configs uses __meta_filepath",
        r#"vmagent.yml:14: job "two URLs": polls 1 URL, and another one after a move to the function: give each URL its"#,
    ],
    warnings_of_apply: &[
        r#"target "https://a.invalid/path?x=y" contains "/"; Prometheus drops it unless the job relabels it"#,
        r#"target "b.invalid/metrics" contains "/"; Prometheus drops it unless the job relabels it"#,
    ],
    differing: &["list"],
    notes: &[r#"vmagent.yml:14: job "two URLs": http_sd_configs is skipped"#],
};

pub(super) const ONE_OF_EACH: Fixture = Fixture {
    files: &[
        (
            "prometheus.yml",
            r#"# kinds
global: {scrape_interval: 1m, scrape_timeout: 10s}
scrape_configs:
- job_name: pattern with a negated class
  file_sd_configs: [{files: ['glob/[^.]*.yml']}]
- job_name: "flow collections"
  static_configs:
    - targets: [
      'flow-1.invalid:9100',
    "flow-2.invalid:9100"   ,
      ]
      labels: { 'env' : prod, "team":
    shop }
- job_name: tagged merge
  static_configs:
  - &group
    targets: [merge-1.invalid:9100]
    labels: {env: prod}
  - !!merge <<: *group
    targets: [merge-2.invalid:9100, merge-3.invalid:9100]
- job_name: encodings
  file_sd_configs: [{files: [lists/utf16.yml, lists/crlf.yml, lists/*.json]}]
- job_name: blackbox
  metrics_path: /probe
  params: {module: [http_2xx]}
  static_configs:
  - targets: ['https://shop.invalid/health?a=b&c', 'http://api.invalid:8080/', '2001:db8::17']
    labels: {team: shop}
  relabel_configs:
  - {source_labels: [__address__], target_label: __param_target}
  - {source_labels: [__param_target], target_label: instance}
  - {target_label: __address__, replacement: '127.0.0.1:9115'}
- job_name: own job
  static_configs:
  - {targets: [own-1.invalid:9100], labels: {job: mysqld, env: prod}}
  - {targets: [own-2.invalid:9100], labels: {job: own job}}
  - {targets: [own-3.invalid:9100], labels: {instance: own instance}}
- job_name: monitoring/node "x"/0
  static_configs: [{targets: [slash.invalid:9100], labels: {env: prod}}]
- job_name: "50% \u00e9?#&+;"
  static_configs: [{targets: [name.invalid:9100]}]
- job_name: 404
  static_configs: [{targets: [9100, number.invalid], labels: {shard: 1, canary: yes, version: 1.10, octal: 010,
    date: 2024-01-01, hex: 0x1F, large: 1e3, time: 12:30:45, infinite: .inf}}]
- job_name: file path
  file_sd_configs: [{files: [lists/path.json]}]
  relabel_configs:
  - {source_labels: [__meta_filepath], regex: '.*/(.+)\.json', target_label: file}
- job_name: all meta labels
  file_sd_configs: [{files: [lists/path.json]}]
  relabel_configs:
  - {action: labelmap, regex: '__meta_(.+)'}
- job_name: some meta labels
  static_configs: [{targets: [map.invalid:9100], labels: {__meta_rack: r1, __meta_row: r2}}]
  relabel_configs:
  - {action: labelmap, regex: '__meta_(ra.*)'}
- job_name: own URL label
  static_configs: [{targets: [url.invalid:9100], labels: {__meta_url: mine}}]
  relabel_configs:
  - {source_labels: [__meta_url], regex: mine, target_label: source, replacement: static}
- job_name: subfolders
  file_sd_configs: [{files: [nested/node.yml, nested/eu/*.yml]}]
- job_name: list of two jobs
  file_sd_configs: [{files: [nested/node.yml]}]
  relabel_configs: [{target_label: other, replacement: rules}]
- job_name: files and static
  static_configs: [{targets: [mixed.invalid:9100], labels: {from: static}}]
  file_sd_configs: [{files: [lists/path.json]}, {files: [nested/node.yml]}]
- job_name: shard
  static_configs: [{targets: [s1.invalid:1, s2.invalid:1, s3.invalid:1, s4.invalid:1, s5.invalid:1, s6.invalid:1]}]
  relabel_configs:
  - {source_labels: [__address__], modulus: 2, target_label: __tmp_shard, action: hashmod}
  - {source_labels: [__tmp_shard], target_label: shard}
- job_name: labels of scrapes
  static_configs:
  - targets: [scrape.invalid:9100]
    labels: {__scheme__: https, __metrics_path__: /m, __scrape_interval__: 30s, __scrape_timeout__: 5s, __param_x: 'a b&c'}
- job_name: empty labels
  static_configs: [{targets: [empty.invalid:9100], labels: {env: '', instance: '', team: a}}]
- job_name: repeated targets
  static_configs:
  - {targets: [twice.invalid:9100]}
  - {targets: [twice.invalid:9100], labels: {env: test}}
- job_name: odd values
  static_configs:
  - targets: ['[2001:db8::1]:9100', UPPER.invalid:9100, 192.0.2.1:9100]
    labels: {quote: "a\"b'c\\d", space: "  x\ty ", lines: "a\nb", dollar: "$1 ${x} {{y}}", emoji: "\U0001F600", wide: é}
- job_name: block scalars
  static_configs:
  - targets:
    - >-
      block.invalid:9100
    labels:
      text: |
        two
        lines
      folded: >
        one
        line
- job_name: federate
  honor_labels: true
  metrics_path: /federate
  params: {'match[]': ['{job="node"}', '{__name__=~"job:.*"}']}
  static_configs: [{targets: [federate.invalid:9090]}]
- job_name: replaced address
  static_configs: [{targets: [gateway.invalid], labels: {port: "9999"}}]
  relabel_configs:
  - {source_labels: [__address__, port], separator: ':', target_label: __address__}
  - {regex: port, action: labeldrop}
"#,
        ),
        ("glob/.hidden.yml", "- targets: [hidden.invalid:1]\n"),
        ("glob/a.yml", "- targets: [a.invalid:1]\n"),
        ("glob/b.yml", "- targets: [b.invalid:1]\n"),
        ("lists/utf16.yml", "- targets: ['win.invalid:9182']\r\n  labels: {site: 'Z\u{fc}rich \u{1f600}'}\r\n"),
        ("lists/crlf.yml", "# list\r\n- targets:\r\n  - crlf.invalid:9182\r\n  labels:\r\n    os: windows\r\n"),
        ("lists/path.json", r#"[{"targets":["path.invalid:9100"],"labels":{"env":"\u00e9\"😀\n"}}]"#),
        ("nested/node.yml", "- targets: [top.invalid:9100]\n"),
        ("nested/eu/node.yml", "- targets: [eu.invalid:9100]\n"),
    ],
    paths: &["prometheus.yml"],
    targets: 46,
    warnings: &[
        r#"prometheus.yml:39: job "monitoring/node \"x\"/0", group 1: belongs to a job whose name does not fit a URL"#,
        r#"job "file path": relabel_configs uses __meta_filepath"#,
        r#"job "all meta labels": relabel_configs uses __meta_filepath"#,
        r#"job "all meta labels": relabel_configs uses __meta_url"#,
        r#"job "own URL label": relabel_configs uses __meta_url"#,
        r#"job "own URL label", group 1: has the label __meta_url: rename it"#,
    ],
    differing: &["file path", "all meta labels", "own URL label"],
    notes: &[r#"prometheus.yml:35: job "own job", group 1: has its own label job. The label stays"#],
    ..NOTHING
};
