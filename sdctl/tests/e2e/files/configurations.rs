//! Configurations, by kind. `JOB` stands for a name of its own for each configuration.

use super::Expect::{self, NotJudged, NotTaken, Same, Since2_43, Stricter, VmagentTakes};

const EMPTY: &str = "an empty configuration drops every target";
const MISSING: &str = "a file that does not exist has no targets";
const SECOND_DOCUMENT: &str = "Prometheus ignores a second document in silence";
const ANY_PATTERN: &str = "vmagent accepts any pattern";
const LITERAL: &str = "vmagent reads a path without \"*\" literally, and accepts one that does not exist";
const OPERATOR: &str = "the list belongs under scrape_configs, and a note says so";

/// The kinds, each with the lines of a scrape configuration that has a target already.
pub(super) const FIELDS: [(&str, &[(&str, Expect)]); 6] = [
    (
        "misplaced targets",
        &[
            ("target_groups: [{targets: [b]}]", Same),
            ("static_configs: [{targets: [b]}]", Same),
            ("static_config: [{targets: [b]}]", Same),
            ("targets: [b]", Same),
            ("labels: {x: y}", Same),
            ("file_sd_config: [{files: [a.json]}]", Same),
            ("files: [a.json]", Same),
        ],
    ),
    (
        "fields of a job",
        &[
            ("foo: bar", Same),
            ("~: bar", Same),
            ("honor_labels: true\nhonor_timestamps: off\nmetrics_path: /x\nscheme: https", Same),
            ("honor_labels: banana", Same),
            ("metrics_path: [a]", Same),
            ("sample_limit: 5\nlabel_limit: 6", Same),
            ("sample_limit: banana", NotJudged),
            ("params: {a: [b], a: [c]}", Same),
            ("params: {a: [b], c: [d]}", Same),
            ("scrape_offset: 5s", Same),
            ("body_size_limit: 5MB", Same),
            ("basic_auth: {username: a, password: b}", Same),
            ("basic_auth: {user: a}", NotJudged),
        ],
    ),
    (
        "relabelling",
        &[
            ("relabel_configs: [{target_label: x, replacement: y}]", Same),
            ("relabel_configs: [{action: keep, action: drop}]", Same),
            ("relabel_configs: [~]", VmagentTakes("vmagent ignores a null")),
            ("relabel_configs: {}", Same),
            ("relabel_configs: []", Same),
            ("relabel_configs: [{action: banana}]", NotJudged),
            ("metric_relabel_configs: [x]", Same),
        ],
    ),
    (
        "intervals of a job",
        &[
            ("scrape_interval: 1m30s\nscrape_timeout: 5s", Same),
            ("scrape_interval: banana", Same),
            ("scrape_interval: 5", VmagentTakes("vmagent reads a number as seconds")),
            ("scrape_interval: 0", Same),
            ("scrape_interval:", Same),
            ("scrape_interval: ''", Same),
            ("scrape_interval: [5s]", Same),
            ("scrape_interval: 1.5m", VmagentTakes("vmagent reads fractions")),
            ("scrape_interval: -1s", VmagentTakes("vmagent reads negative durations")),
            ("scrape_timeout: 2m", VmagentTakes("vmagent shortens the time-out")),
            ("scrape_timeout: 1m", Same),
            ("scrape_interval: 5s\nscrape_timeout: 6s", VmagentTakes("vmagent shortens the time-out")),
            ("scrape_interval: 5s\nscrape_interval: 5s", Same),
        ],
    ),
    (
        "other discovery",
        &[
            ("ec2_sd_configs: []", Same),
            ("foo_sd_configs: []", Same),
            ("ec2_sd_config: []", Same),
            ("http_sd_configs: [{url: 'http://127.0.0.1:1/'}]", Same),
            ("http_sd_configs: []\nhttp_sd_configs: []", Same),
        ],
    ),
    ("documents", &[("---\nfoo: bar", Stricter(SECOND_DOCUMENT)), ("---", Same), ("...", Same)]),
];

/// The kinds, each with whole configurations.
pub(super) const WHOLE: [(&str, &[(&str, Expect)]); 9] = [
    (
        "global",
        &[
            ("global:\nscrape_configs: []\n", Same),
            ("global: {}\nscrape_configs: []\n", Same),
            ("global: []\nscrape_configs: []\n", Same),
            ("global: ''\nscrape_configs: []\n", Same),
            ("global: {foo: bar}\nscrape_configs: []\n", Same),
            ("global: {static_configs: []}\nscrape_configs: []\n", Same),
            ("global: {scrape_interval: banana}\nscrape_configs: []\n", Same),
            ("global: {evaluation_interval: banana}\nscrape_configs: []\n", Same),
            ("global: {evaluation_interval: 5s}\nscrape_configs: []\n", Same),
            ("global: {scrape_interval: 1m, scrape_interval: 1m}\nscrape_configs: []\n", Same),
            ("global: {scrape_timeout: 2m}\nscrape_configs: []\n", VmagentTakes("vmagent shortens the time-out")),
            ("global: {scrape_timeout: 2m, scrape_interval: 3m}\nscrape_configs: []\n", Same),
            ("global: {scrape_interval: 5m}\nscrape_configs: [{job_name: JOB, scrape_timeout: 2m}]\n", Same),
            (
                "global: {scrape_interval: 5s}\nscrape_configs: [{job_name: JOB, scrape_timeout: 6s}]\n",
                VmagentTakes("vmagent shortens the time-out"),
            ),
            ("scrape_configs: [{job_name: JOB, scrape_timeout: 2m}]\nglobal: {scrape_interval: 5m}\n", Same),
            ("global: {external_labels: {a: b, a: c}}\nscrape_configs: []\n", Same),
        ],
    ),
    (
        "levels",
        &[
            ("static_configs: [{targets: [a]}]\n", Same),
            ("job_name: JOB\nstatic_configs: [{targets: [a]}]\n", Same),
            ("static_configs: []\nscrape_configs: []\n", Same),
            ("foo: bar\nscrape_configs: []\n", Same),
            ("scrape_config: []\n", Same),
            ("scrape_configs: []\nscrape_configs: []\n", Same),
            ("rule_files: []\nrule_files: []\nscrape_configs: []\n", Same),
            ("rule_files: []\nscrape_configs: []\n", Same),
            ("alerting: {a: 1, a: 2}\nscrape_configs: []\n", Same),
            ("~: x\nscrape_configs: []\n", Same),
            ("? [a]\n: b\nscrape_configs: []\n", Same),
            ("x-base: {a: b}\nscrape_configs: []\n", Same),
            ("- job_name: JOB\n  static_configs: [{targets: [a]}]\n", NotTaken(OPERATOR)),
        ],
    ),
    (
        "scrape_configs",
        &[
            ("scrape_configs: {}\n", Same),
            ("scrape_configs: ~\n", Same),
            ("scrape_configs: a\n", Same),
            ("scrape_configs: [~]\n", Same),
            ("scrape_configs: [a]\n", Same),
            ("scrape_configs: [[]]\n", Same),
            ("scrape_configs: [{}]\n", VmagentTakes("vmagent accepts a job without a name")),
            ("scrape_configs: [{job_name: }]\n", VmagentTakes("vmagent accepts a job without a name")),
            ("scrape_configs: [{job_name: 404}]\n", Same),
            ("scrape_configs: [{job_name: [a]}]\n", Same),
            ("scrape_configs: [{job_name: yes, static_configs: [{targets: [a]}]}]\n", Same),
            ("scrape_configs: [{job_name: JOB}, {job_name: JOB}]\n", Same),
            ("scrape_configs: [{job_name: JOB, job_name: b}]\n", Same),
        ],
    ),
    (
        "merged jobs",
        &[
            (
                "scrape_configs:\n- &b {job_name: JOB, static_configs: [{targets: [a]}]}\n\
                 - {<<: *b, job_name: JOB-2}\n",
                Same,
            ),
            ("scrape_configs:\n- &b {job_name: JOB}\n- {job_name: JOB-2, <<: *b}\n", Same),
            (
                "scrape_configs:\n- &b {job_name: JOB, static_configs: [{targets: [a]}]}\n\
                 - {<<: *b, job_name: JOB-2, static_configs: [{targets: [b]}]}\n",
                Same,
            ),
            (
                "scrape_configs:\n\
                 - {job_name: JOB, <<: {static_configs: [{targets: [b]}]}, <<: {static_configs: [{targets: [c]}]}}\n",
                Same,
            ),
            ("scrape_configs:\n- job_name: JOB\n  !!merge <<: {static_configs: [{targets: [a]}]}\n", Same),
            ("scrape_configs:\n- job_name: JOB\n  <<: {static_configs: [{targets: [a]}], foo: bar}\n", Same),
            (
                "scrape_configs:\n- job_name: JOB\n  \
                 static_configs:\n  - {targets: [a], labels: &l {x: y}}\n  - {targets: [b], labels: {<<: *l, x: z}}\n",
                Same,
            ),
        ],
    ),
    (
        "static_configs",
        &[
            ("scrape_configs: [{job_name: JOB, static_configs: {}}]\n", Same),
            ("scrape_configs: [{job_name: JOB, static_configs: ~}]\n", Same),
            ("scrape_configs: [{job_name: JOB, static_configs: [~]}]\n", VmagentTakes("vmagent ignores a null")),
            ("scrape_configs: [{job_name: JOB, static_configs: [[]]}]\n", Same),
            ("scrape_configs: [{job_name: JOB, static_configs: [{targets: b}]}]\n", Same),
            ("scrape_configs: [{job_name: JOB, static_configs: [{targets: [b], foo: c}]}]\n", Same),
            ("scrape_configs: [{job_name: JOB, static_configs: [{targets: [b], labels: {a: b, a: c}}]}]\n", Same),
            ("scrape_configs: [{job_name: JOB, static_configs: [{targets: [b], labels: {a-b: c}}]}]\n", Same),
            ("scrape_configs: [{job_name: JOB, static_configs: [{targets: [b], labels: {a: 1, b: yes}}]}]\n", Same),
            (
                "scrape_configs: [{job_name: JOB, static_configs: [{targets: ['http://b/c']}]}]\n",
                VmagentTakes("vmagent accepts a URL"),
            ),
            (
                "scrape_configs: [{job_name: JOB, relabel_configs: [], static_configs: [{targets: ['http://b/c']}]}]\n",
                VmagentTakes("vmagent accepts a URL"),
            ),
            ("scrape_configs:\n- job_name: JOB\n  static_configs:\n  - targets: [\n    'a',\n  'b'\n  ]\n", Same),
        ],
    ),
    (
        "file_sd_configs",
        &[
            ("scrape_configs: [{job_name: JOB, file_sd_configs: []}]\n", Same),
            ("scrape_configs: [{job_name: JOB, file_sd_configs: {}}]\n", Same),
            ("scrape_configs: [{job_name: JOB, file_sd_configs: ~}]\n", Same),
            ("scrape_configs: [{job_name: JOB, file_sd_configs: [~]}]\n", VmagentTakes("vmagent ignores a null")),
            ("scrape_configs: [{job_name: JOB, file_sd_configs: [{}]}]\n", VmagentTakes("vmagent reads no file")),
            (
                "scrape_configs: [{job_name: JOB, file_sd_configs: [{files: }]}]\n",
                VmagentTakes("vmagent reads no file"),
            ),
            (
                "scrape_configs: [{job_name: JOB, file_sd_configs: [{files: []}]}]\n",
                VmagentTakes("vmagent reads no file"),
            ),
            ("scrape_configs: [{job_name: JOB, file_sd_configs: [{files: a.json}]}]\n", Same),
            ("scrape_configs: [{job_name: JOB, file_sd_configs: [{files: [a.json, 'a.*on']}]}]\n", Same),
            ("scrape_configs: [{job_name: JOB, file_sd_configs: [{files: [[a]]}]}]\n", Same),
            ("scrape_configs: [{job_name: JOB, file_sd_configs: [{file: [a.json]}]}]\n", Same),
            ("scrape_configs: [{job_name: JOB, file_sd_configs: [{files: [a.json], foo: b}]}]\n", Same),
            ("scrape_configs: [{job_name: JOB, file_sd_configs: [{files: [a.json], refresh_interval: 5s}]}]\n", Same),
            ("scrape_configs: [{job_name: JOB, file_sd_configs: [{files: [a.json], refresh_interval: b}]}]\n", Same),
            ("scrape_configs: [{job_name: JOB, file_sd_configs: [{files: [a.json], files: [a.json]}]}]\n", Same),
            ("scrape_configs: [{job_name: JOB, file_sd_configs: [{files: [gone.json]}]}]\n", Stricter(MISSING)),
            ("scrape_configs: [{job_name: JOB, file_sd_configs: [{files: ['gone*.json']}]}]\n", Same),
        ],
    ),
    (
        "file patterns",
        &[
            ("scrape_configs: [{job_name: JOB, file_sd_configs: [{files: ['*']}]}]\n", VmagentTakes(ANY_PATTERN)),
            ("scrape_configs: [{job_name: JOB, file_sd_configs: [{files: ['*.json']}]}]\n", Same),
            (
                "scrape_configs: [{job_name: JOB, file_sd_configs: [{files: ['*/a.json']}]}]\n",
                VmagentTakes(ANY_PATTERN),
            ),
            (
                "scrape_configs: [{job_name: JOB, file_sd_configs: [{files: ['sd/*/a.json']}]}]\n",
                VmagentTakes(ANY_PATTERN),
            ),
            ("scrape_configs: [{job_name: JOB, file_sd_configs: [{files: ['s?/a.json']}]}]\n", VmagentTakes(LITERAL)),
            (
                "scrape_configs: [{job_name: JOB, file_sd_configs: [{files: ['[^t]d/a.json']}]}]\n",
                VmagentTakes(LITERAL),
            ),
            ("scrape_configs: [{job_name: JOB, file_sd_configs: [{files: [a.conf]}]}]\n", VmagentTakes(ANY_PATTERN)),
            ("scrape_configs: [{job_name: JOB, file_sd_configs: [{files: [a.Json]}]}]\n", VmagentTakes(ANY_PATTERN)),
            ("scrape_configs: [{job_name: JOB, file_sd_configs: [{files: ['']}]}]\n", VmagentTakes(ANY_PATTERN)),
        ],
    ),
    (
        "included files",
        &[
            ("scrape_config_files: ['empty*.yml']\nscrape_configs: []\n", Since2_43),
            ("scrape_config_files: ['sd/*/a.yml']\nscrape_configs: []\n", VmagentTakes(ANY_PATTERN)),
            ("scrape_config_files: a.yml\nscrape_configs: []\n", Same),
            ("scrape_config_files: ['[']\nscrape_configs: []\n", VmagentTakes(ANY_PATTERN)),
        ],
    ),
    (
        "syntax",
        &[
            (
                "{\"scrape_configs\": [{\"job_name\": \"JOB\", \
                 \"static_configs\": [{\"targets\": [\"a:1\", 9100], \"labels\": {\"n\": 1, \"v\": 1.10}}]}]}\n",
                Same,
            ),
            ("%YAML 1.2\n---\nscrape_configs: []\n", Same),
            ("", Stricter(EMPTY)),
            ("{}\n", Stricter(EMPTY)),
            ("~\n", Stricter(EMPTY)),
            ("a\n", Same),
            ("scrape_configs: [\n", Same),
        ],
    ),
];
