//! The sentences of `sdctl` that name a poller, each with an input at which the poller does what the sentence says.

use test_support::poller::Kind;

use self::{
    Input::{Http, Json, Text, Yaml},
    Seen::{Gone, Kept, These},
};

/// The kind of input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    Yaml,
    Json,
    /// The body of a response.
    Http,
    /// The body of a response with another content type.
    Text,
}

/// The targets that a poller has after the input replaced a valid list with the target `old:1`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Seen {
    Kept,
    Gone,
    /// Addresses, each with its labels.
    These(&'static [&'static str]),
}

/// A sentence in the source, the pollers of which `sdctl` says it, the input, and what these pollers do.
pub(super) type Row = (&'static str, &'static [Kind], Input, &'static str, Seen);

const ALL: &[Kind] = &Kind::ALL;
const PROMETHEUS: &[Kind] = &Kind::PROMETHEUS;
const TWO: &[Kind] = &[Kind::Prometheus2];
const VMAGENT: &[Kind] = &[Kind::Vmagent];

const REJECTS: &str = "{poller} rejects {what} and keeps its old targets";
const REJECTS_FILE: &str = "{poller} rejects the whole file and keeps its old targets";
const SKIPS_FILE: &str = "{poller} skips the whole file and drops its targets";
const EMPTY_LIST: &str = "{poller} reads it as an empty list and drops every target";
const DROPS_ALL: &str = "{poller} drops every target";
const NO_TARGETS: &str = "{poller} reads it as a group without targets";
const EMPTY_VALUE: &str = "{poller} reads it as an empty value, which means no label";
const NAMELESS: &str = "{poller} reads it as a label without a name";
const IN_ANY_CASE: &str = "{poller} accepts it in any case, but sdctl apply and the function reject it";
const USES_THE_LAST: &str = "{poller} uses the last one and drops the others";
const IGNORES: &str = "{poller} ignores it over HTTP, but sdctl apply and the function reject it";
const DROPS_TARGET: &str = "{poller} drops this target and never scrapes it";
const DROPS: &str = "{poller} drops its targets";
const DROPS_URL: &str = "{poller} drops it unless the job relabels it, as for blackbox probing (label __param_module)";
const LAST_DOCUMENT: &str = "starts a second document, but Prometheus reads only the first: keep one";
const NOTHING: &str = "{poller} scrapes nothing for this group";
const ONCE: &str = "the poller scrapes it once";

/// Stands for a byte that is not UTF-8.
pub(super) const INVALID: &str = "INVALID";

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    (REJECTS, PROMETHEUS, Yaml, "- targets: [b:1]\n  source: x\n", Kept),
    (REJECTS, PROMETHEUS, Yaml, "- targets: b:1\n", Kept),
    (REJECTS, PROMETHEUS, Yaml, "- ~\n", Kept),
    (REJECTS, PROMETHEUS, Yaml, "- targets: [b:1]\n  labels: {x: 1, x: 2}\n", Kept),
    (REJECTS, PROMETHEUS, Yaml, "- targets: [b:1]\n  labels: {'': x}\n", Kept),
    (REJECTS, TWO, Yaml, "- targets: [b:1]\n  labels: {a-b: x}\n", Kept),
    ("is a valid name for {poller}, but sdctl apply and the function reject it unless HTTP_SD_LABEL_NAMES=utf8",
        &[Kind::Prometheus3, Kind::Vmagent], Yaml, "- targets: [b:1]\n  labels: {a-b: x}\n", These(&["b:1 a-b=x"])),
    (REJECTS, PROMETHEUS, Json, r#"[{"targets":[1]}]"#, Kept),
    (REJECTS, PROMETHEUS, Json, "[null]", Kept),
    (REJECTS, PROMETHEUS, Http, r#"[{"targets":["b:1"],"source":"x"}]"#, Kept),
    (REJECTS, ALL, Http, "{}", Kept),
    (REJECTS, ALL, Http, r#"[{"targets":[1]}]"#, Kept),
    (REJECTS, ALL, Http, r#"[{"targets":["b:1"],"labels":{"x":1}}]"#, Kept),
    (REJECTS_FILE, PROMETHEUS, Yaml, "- targets: [b:1\n", Kept),
    (REJECTS_FILE, PROMETHEUS, Json, "", Kept),
    (REJECTS_FILE, PROMETHEUS, Json, r#"[{"targets":["b:1"]},]"#, Kept),
    (REJECTS_FILE, PROMETHEUS, Json, "[] x", Kept),
    (REJECTS_FILE, ALL, Http, "", Kept),
    (SKIPS_FILE, VMAGENT, Yaml, "- targets: [b:1]\n  source: x\n", Gone),
    (SKIPS_FILE, VMAGENT, Yaml, "- targets: b:1\n", Gone),
    (SKIPS_FILE, VMAGENT, Yaml, "- targets: [b:1\n", Gone),
    (SKIPS_FILE, VMAGENT, Json, "{}", Gone),
    (SKIPS_FILE, VMAGENT, Json, r#"[{"targets":["b:1"],"targets":["c:1"]}]"#, Gone),
    (EMPTY_LIST, ALL, Yaml, "# no list\n", Gone),
    (EMPTY_LIST, ALL, Yaml, "~\n", Gone),
    (EMPTY_LIST, ALL, Json, "null", Gone),
    (EMPTY_LIST, ALL, Http, "null", Gone),
    (DROPS_ALL, ALL, Http, "[]", Gone),
    (DROPS_ALL, ALL, Json, "[]", Gone),
    (DROPS_ALL, ALL, Yaml, "[]\n", Gone),
    (NO_TARGETS, ALL, Yaml, "- labels: {x: y}\n- targets: [b:1]\n", These(&["b:1"])),
    (NO_TARGETS, ALL, Yaml, "- targets: ~\n- targets: [b:1]\n", These(&["b:1"])),
    (NO_TARGETS, VMAGENT, Yaml, "- ~\n- targets: [b:1]\n", These(&["b:1"])),
    (NO_TARGETS, ALL, Json, r#"[{},{"targets":["b:1"]}]"#, These(&["b:1"])),
    (NO_TARGETS, ALL, Http, r#"[{},{"targets":["b:1"]}]"#, These(&["b:1"])),
    (NO_TARGETS, VMAGENT, Http, r#"[null,{"targets":["b:1"]}]"#, These(&["b:1"])),
    (EMPTY_VALUE, ALL, Yaml, "- targets: [b:1]\n  labels: {x: ~}\n", These(&["b:1"])),
    (EMPTY_VALUE, ALL, Json, r#"[{"targets":["b:1"],"labels":{"x":null}}]"#, These(&["b:1"])),
    (EMPTY_VALUE, ALL, Http, r#"[{"targets":["b:1"],"labels":{"x":null}}]"#, These(&["b:1"])),
    (NAMELESS, ALL, Yaml, "- targets: [b:1]\n  labels: {~: x}\n", These(&["b:1 =x"])),
    (NAMELESS, VMAGENT, Yaml, "- targets: [b:1]\n  labels: {'': x}\n", These(&["b:1 =x"])),
    (NAMELESS, VMAGENT, Http, r#"[{"targets":["b:1"],"labels":{"":"x"}}]"#, These(&["b:1 =x"])),
    (IN_ANY_CASE, PROMETHEUS, Json, r#"[{"Targets":["b:1"]}]"#, These(&["b:1"])),
    (IN_ANY_CASE, ALL, Http, r#"[{"Targets":["b:1"]}]"#, These(&["b:1"])),
    (USES_THE_LAST, PROMETHEUS, Json, r#"[{"targets":["b:1"],"targets":["c:1"]}]"#, These(&["c:1"])),
    (USES_THE_LAST, ALL, Http, r#"[{"targets":["b:1"],"labels":{"x":"1","x":"2"}}]"#, These(&["b:1 x=2"])),
    ("{poller} replaces each invalid byte with U+FFFD", PROMETHEUS, Json,
        r#"[{"targets":["b:1"],"labels":{"x":"INVALID"}}]"#, These(&["b:1 x=\u{fffd}"])),
    ("{poller} replaces each of them with U+FFFD", ALL, Http,
        r#"[{"targets":["b:1"],"labels":{"x":"INVALID"}}]"#, These(&["b:1 x=\u{fffd}"])),
    ("vmagent accepts it, but {}", VMAGENT, Text, r#"[{"targets":["b:1"]}]"#, These(&["b:1"])),
    (REJECTS, PROMETHEUS, Text, r#"[{"targets":["b:1"]}]"#, Kept),
    (IGNORES, VMAGENT, Http, r#"[{"targets":["b:1"],"source":"x"}]"#, These(&["b:1"])),
    (DROPS_TARGET, ALL, Yaml, "- targets: ['', b:1]\n", These(&["b:1"])),
    (DROPS_TARGET, ALL, Yaml, "- targets: [~, b:1]\n", These(&["b:1"])),
    (DROPS_TARGET, ALL, Http, r#"[{"targets":["","b:1"]}]"#, These(&["b:1"])),
    (DROPS_TARGET, ALL, Http, r#"[{"targets":[null,"b:1"]}]"#, These(&["b:1"])),
    (DROPS_TARGET, VMAGENT, Yaml, "- targets: ['a b:1', b:1]\n", These(&["b:1"])),
    (DROPS_TARGET, VMAGENT, Http, r#"[{"targets":["a b:1","b:1"]}]"#, These(&["b:1"])),
    (DROPS_URL, PROMETHEUS, Yaml, "- targets: ['http://a/x', b:1]\n", These(&["b:1"])),
    (DROPS_URL, PROMETHEUS, Http, r#"[{"targets":["http://a/x","b:1"]}]"#, These(&["b:1"])),
    (DROPS, ALL, Yaml,
        "- targets: [a:1]\n  labels: {__scrape_interval__: banana}\n- targets: [b:1]\n", These(&["b:1"])),
    (DROPS, ALL, Yaml, "- targets: [a:1]\n  labels: {__scrape_timeout__: banana}\n- targets: [b:1]\n", These(&["b:1"])),
    (DROPS, PROMETHEUS, Yaml,
        "- targets: [a:1]\n  labels: {__scrape_interval__: 0s}\n- targets: [b:1]\n", These(&["b:1"])),
    (DROPS, PROMETHEUS, Yaml,
        "- targets: [a:1]\n  labels: {__scrape_timeout__: 0s}\n- targets: [b:1]\n", These(&["b:1"])),
    (DROPS, PROMETHEUS, Yaml,
        "- targets: [a:1]\n  labels: {__scrape_interval__: 1.5m}\n- targets: [b:1]\n", These(&["b:1"])),
    (DROPS, PROMETHEUS, Yaml, "- targets: [a:1]\n  labels: {__scrape_interval__: 20s, __scrape_timeout__: 30s}\n\
        - targets: [b:1]\n", These(&["b:1"])),
    ("{drops} unless the job's scrape_timeout is at most as long", PROMETHEUS, Yaml,
        "- targets: [a:1]\n  labels: {__scrape_interval__: 5s}\n- targets: [b:1]\n", These(&["b:1"])),
    ("{drops} unless the job's scrape_interval is at least as long", PROMETHEUS, Yaml,
        "- targets: [a:1]\n  labels: {__scrape_timeout__: 2m}\n- targets: [b:1]\n", These(&["b:1"])),
    (NOTHING, ALL, Yaml, "- targets: []\n- targets: [b:1]\n", These(&["b:1"])),
    (ONCE, ALL, Yaml, "- targets: [b:1, b:1]\n- targets: [c:1]\n- targets: [c:1]\n", These(&["b:1", "c:1"])),
    ("Prometheus uses the addresses in targets, and so does vmagent over HTTP", PROMETHEUS, Yaml,
        "- targets: [b:1]\n  labels: {__address__: c:1}\n", These(&["b:1"])),
    ("vmagent replaces the targets of a file by it, but not those over HTTP", VMAGENT, Yaml,
        "- targets: [a:1, b:1]\n  labels: {__address__: c:1}\n- targets: []\n  labels: {__address__: d:1}\n",
        These(&["c:1"])),
    ("vmagent replaces the targets of a file by it, but not those over HTTP", VMAGENT, Yaml,
        "- targets: [a:1]\n  labels: {__address__: ''}\n- targets: [b:1]\n", These(&["b:1"])),
    (LAST_DOCUMENT, ALL, Yaml, "- targets: [b:1]\n---\n- targets: [c:1]\n", These(&["b:1"])),
    ("contains text after its end, which Prometheus does not read: remove the text", ALL, Yaml,
        "[{targets: [b:1]}] x\n", These(&["b:1"])),
    ("is not valid YAML: Prometheus reads YAML 1.1 only. Remove the directive %YAML", PROMETHEUS, Yaml,
        "%YAML 1.2\n---\n- targets: [b:1]\n", Kept),
    ("{poller} reads it as it is written. Only vmagent replaces it, from its environment", PROMETHEUS, Yaml,
        "- targets: [b:1]\n  labels: {x: '%{PATH}'}\n", These(&["b:1 x=%{PATH}"])),
    ("{poller} replaces it only if its own environment has the value", VMAGENT, Yaml,
        "- targets: [b:1]\n  labels: {x: '%{SDCTL_GONE}'}\n", These(&["b:1 x=%{SDCTL_GONE}"])),
];

/// The sentences for which another test asks the poller, each with that test.
pub(super) const ELSEWHERE: &[(&str, &str)] = &[
    (
        "{poller} rejects the whole configuration and keeps its current one",
        "refused_configuration_keeps_the_current_one",
    ),
    ("{poller} gets none of its targets until the file exists", "missing_file_has_targets_once_it_exists"),
    ("{poller} finds no target there", "missing_file_has_targets_once_it_exists"),
    ("{poller} stops with a panic", "vmagent_stops_at_an_interval_of_zero"),
    ("Prometheus stops with a panic", "prometheus_stops_at_an_interval_of_zero"),
    ("the poller reads the last part as a port, or does not scrape the target", "odd_addresses_are_never_scraped"),
    ("the poller scrapes port 80 or 443, or nothing", "odd_addresses_are_never_scraped"),
    ("the poller scrapes its own host or nothing", "odd_addresses_are_never_scraped"),
    ("the poller gets no metrics of this group", "odd_addresses_are_never_scraped"),
    (
        "if one URL fails and another succeeds, vmagent drops the targets of the failed one",
        "vmagent_drops_targets_of_one_failed_url",
    ),
    ("is a field of {poller} only: remove it", "fields_are_known_to_their_pollers"),
    (
        "is not a field of vmagent: remove it, and set the flag -promscrape.{kind}SDCheckInterval",
        "vmagent_has_no_refresh_interval",
    ),
    (
        "is a list of scrape configurations, as the Prometheus Operator and vmagent accept it: write scrape_configs above it \
        for Prometheus",
        "vmagent_reads_what_only_it_accepts",
    ),
    ("{} is not read: vmagent fetches it", "vmagent_reads_what_only_it_accepts"),
    ("set it in the environment of sdctl and use --for vmagent", "vmagent_reads_what_only_it_accepts"),
    (
        "which only vmagent replaces. Write its value, use --for vmagent to replace it from the environment, or --for \
        prometheus3 to keep it as it is written",
        "vmagent_reads_what_only_it_accepts",
    ),
    ("{poller} gives up after {seconds}s and keeps its old targets", "pollers_keep_targets_through_every_failure"),
    (
        "{poller} keeps its old targets, but has no targets after a restart{remedy}",
        "pollers_keep_targets_through_every_failure",
    ),
    (
        "polls of the job fail, and {poller} keeps its old targets, unless HTTP_SD_ON_INVALID is skip",
        "pollers_keep_targets_through_every_failure",
    ),
    ("{poller} drops every target of the job", "pollers_do_what_sdctl_says"),
    ("Prometheus uses the labels of both, vmagent only these", "move_to_table_keeps_targets_of_each_poller"),
    (
        "after a move to the function each poller of the job gets the targets of both",
        "move_to_table_keeps_targets_of_each_poller",
    ),
    (
        "shares {name} with {other}{more}, with other labels: the poller scrapes each twice",
        "pollers_and_sdctl_read_lists_alike",
    ),
    ("sends Content-Encoding {}, which the poller did not request", "only_vmagent_gets_compressed_lists"),
];

/// The texts that name a poller, but say nothing of what it does.
pub(super) const NO_CLAIMS: &[&str] = &[
    "Prometheus",
    "Prometheus 2",
    "Prometheus 3",
    "vmagent",
    "POLLER",
    "poller",
    "Prometheus/2.53.0",
    "Prometheus/3.5.0",
    "x-prometheus-refresh-interval-seconds",
    "vmagent -dryRun",
    "a Prometheus configuration",
    "a list of target groups or a Prometheus configuration",
    "is a Prometheus configuration, which names its own jobs: omit --job",
    "is not a field of a Prometheus configuration: write {}",
    "{} is skipped: its targets are not in a file. Keep it in Prometheus's configuration",
    "nothing was changed: the files have {count}. Run sdctl check to see the effect of each on Prometheus",
    "Trust it with --ca-file, and with tls_config.ca_file in the poller",
    "has its own label job{}. The label stays with the URL /prom/{{job}}, and with /prom?meta=true and the rule in \
     docs/pollers.md. A rule that always copies {META_JOB} to job replaces it",
    "redirects to {}: the OpenTelemetry target allocator follows no redirect",
];
