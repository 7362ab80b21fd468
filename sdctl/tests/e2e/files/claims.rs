//! What `sdctl` says of pollers, and an input at which each poller does it.
//!
//! A sentence in the sources of `sdctl` that names a poller needs a row here, or a test that asks the poller.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::{Path as UrlPath, State},
    http::{HeaderMap, header},
    response::IntoResponse,
    routing,
};
use regex_lite::Regex;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{
    background::Background,
    poller::{Kind, Poller},
    repository,
    sdctl::{run, sdctl},
};

use self::{
    Input::{Http, Json, Text, Yaml},
    Seen::{Gone, Kept, These},
};

/// The kind of input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Yaml,
    Json,
    /// The body of a response.
    Http,
    /// The body of a response with another content type.
    Text,
}

/// The targets that a poller has after the input replaced a valid list with the target `old:1`.
#[derive(Debug, Clone, Copy)]
enum Seen {
    Kept,
    Gone,
    /// Addresses, each with its labels.
    These(&'static [&'static str]),
}

/// A sentence in the source, the pollers of which `sdctl` says it, the input, and what these pollers do.
type Row = (&'static str, &'static [Kind], Input, &'static str, Seen);

const ALL: &[Kind] = &Kind::ALL;
const PROMETHEUS: &[Kind] = &Kind::PROMETHEUS;
const TWO: &[Kind] = &[Kind::Prometheus2];
const VMAGENT: &[Kind] = &[Kind::Vmagent];

const REJECTS: &str = "{poller} rejects {what} and keeps its old targets";
const REJECTS_FILE: &str = "{poller} rejects the whole file and keeps its old targets";
const SKIPS_FILE: &str = "{poller} skips the whole file and drops its targets";
const EMPTY_LIST: &str = "{poller} reads it as an empty list and drops every target";
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
const INVALID: &str = "INVALID";

#[rustfmt::skip]
const ROWS: &[Row] = &[
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
    ("is an empty list: {poller} drops every target", ALL, Http, "[]", Gone),
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
    (DROPS, ALL, Yaml, "- targets: [a:1]\n  labels: {__scrape_interval__: banana}\n- targets: [b:1]\n", These(&["b:1"])),
    (DROPS, ALL, Yaml, "- targets: [a:1]\n  labels: {__scrape_timeout__: banana}\n- targets: [b:1]\n", These(&["b:1"])),
    (DROPS, PROMETHEUS, Yaml, "- targets: [a:1]\n  labels: {__scrape_interval__: 0s}\n- targets: [b:1]\n", These(&["b:1"])),
    (DROPS, PROMETHEUS, Yaml, "- targets: [a:1]\n  labels: {__scrape_timeout__: 0s}\n- targets: [b:1]\n", These(&["b:1"])),
    (DROPS, PROMETHEUS, Yaml, "- targets: [a:1]\n  labels: {__scrape_interval__: 1.5m}\n- targets: [b:1]\n", These(&["b:1"])),
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
const ELSEWHERE: &[(&str, &str)] = &[
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
        "{poller} keeps its old targets, but has no targets after a restart",
        "pollers_keep_targets_through_every_failure",
    ),
    ("sends Content-Encoding {}, which the poller did not request", "only_vmagent_gets_compressed_lists"),
];

/// The texts that name a poller, but say nothing of what it does.
const NO_CLAIMS: &[&str] = &[
    "Prometheus",
    "Prometheus 2",
    "Prometheus 3",
    "vmagent",
    "POLLER",
    "Prometheus/3.5.0",
    "x-prometheus-refresh-interval-seconds",
    "vmagent -dryRun",
    "a Prometheus configuration",
    "a list of target groups or a Prometheus configuration",
    "is a Prometheus configuration, which names its own jobs: omit --job",
    "is not a field of a Prometheus configuration: write {}",
    "{} is skipped: its targets are not in a file. Keep it in Prometheus's configuration",
    "nothing was changed: the files have {count}. Run sdctl check to see the effect of each on Prometheus",
    "redirects to {}: the OpenTelemetry target allocator follows no redirect",
];

/// The bodies of the responses, and how often each poller has asked for each.
#[derive(Default)]
struct Bodies {
    bodies: Vec<(&'static str, Vec<u8>)>,
    asked: BTreeMap<(usize, String), usize>,
}

type Shared = Arc<Mutex<Bodies>>;

#[test]
fn pollers_do_what_sdctl_says() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let files: Vec<String> = (0..ROWS.len()).map(|i| format!("{i:03}.{}", extension(ROWS[i].2))).collect();
    Kind::ALL.iter().for_each(|kind| fs::create_dir(at(&kind.to_string())).unwrap());
    // A poller must not see half a file.
    let put = |kind: Kind, name: &str, bytes: &[u8]| {
        fs::write(at("new"), bytes).unwrap();
        fs::rename(at("new"), at(&kind.to_string()).join(name)).unwrap();
    };
    let is_file = |i: &usize| matches!(ROWS[*i].2, Yaml | Json);
    let old = json!([{"targets": ["old:1"]}]).to_string().into_bytes();
    for kind in Kind::ALL {
        rows_of(kind).filter(is_file).for_each(|i| put(kind, &files[i], &old));
    }
    let shared: Shared = Arc::default();
    shared.lock().unwrap().bodies = vec![("application/json", old); ROWS.len()];
    let server = Background::router(Router::new().route("/{row}", routing::get(respond)).with_state(shared.clone()));
    let pollers = Poller::start_all_with(|kind| configuration(kind, &at(&kind.to_string()), &server.url()).to_string());
    for poller in &pollers {
        poller.wait("the old targets of each row", || {
            let seen = seen(poller);
            rows_of(poller.kind).all(|i| seen.get(&i).is_some_and(|targets| targets.contains("old:1")))
        });
    }

    for kind in Kind::ALL {
        rows_of(kind).filter(is_file).for_each(|i| put(kind, &files[i], &bytes_of(ROWS[i].3)));
    }
    let body = |(_, _, input, text, _): &Row| {
        let content_type = if *input == Text { "text/plain" } else { "application/json" };
        (content_type, bytes_of(text))
    };
    *shared.lock().unwrap() = Bodies { bodies: ROWS.iter().map(body).collect(), asked: BTreeMap::new() };
    Kind::ALL.iter().for_each(|kind| put(*kind, "last.yml", b"- targets: [last:1]\n"));
    for poller in &pollers {
        let is_as_said = |i: usize, targets: &BTreeMap<usize, BTreeSet<String>>| {
            let targets: Vec<&str> = targets.get(&i).into_iter().flatten().map(String::as_str).collect();
            match ROWS[i].4 {
                Kept => targets == ["old:1"],
                Gone => targets.is_empty(),
                These(expected) => targets == expected,
            }
        };
        poller.wait("the new targets of each row", || {
            let seen = seen(poller);
            let is_read = seen.contains_key(&usize::MAX)
                && shared.lock().unwrap().has_asked_thrice(poller.kind, rows_of(poller.kind));
            is_read && rows_of(poller.kind).all(|i| is_as_said(i, &seen))
        });
        let seen = seen(poller);
        let wrong: Vec<_> =
            rows_of(poller.kind).filter(|i| !is_as_said(*i, &seen)).map(|i| (ROWS[i], seen.get(&i))).collect();
        assert!(wrong.is_empty(), "{}: {wrong:?}", poller.kind);
    }

    for kind in Kind::ALL {
        let findings = check(kind, &[at(&kind.to_string()).to_str().unwrap()]);
        for i in rows_of(kind) {
            let (claim, _, input, text, _) = ROWS[i];
            let found = if matches!(input, Http | Text) {
                check(kind, &["--url", &format!("{}/{i}", server.url())])
            } else {
                let is_its = |finding: &&Value| finding["file"].as_str().is_some_and(|file| file.ends_with(&files[i]));
                findings.iter().filter(is_its).cloned().collect()
            };
            let sentence = sentence(claim, kind, input);
            let says = |finding: &Value| {
                [&finding["problem"], &finding["consequence"]]
                    .iter()
                    .any(|said| said.as_str().unwrap_or_default().contains(&sentence))
            };
            assert!(found.iter().any(says), "{kind}, {text:?}: no {sentence:?} in {found:#?}");
        }
    }
}

#[test]
fn every_sentence_on_a_poller_has_a_row() {
    let known: BTreeSet<&str> = ROWS
        .iter()
        .map(|row| row.0)
        .chain(ELSEWHERE.iter().map(|row| row.0))
        .chain(NO_CLAIMS.iter().copied())
        .collect();
    let sources = ["sdctl/src/files", "sdctl/src/commands/check", "sdctl/src/commands/apply"];
    let mut found = BTreeSet::new();
    let files = sources.iter().flat_map(|folder| fs::read_dir(repository().join(folder)).unwrap());
    for file in files.map(|file| file.unwrap().path()).filter(|file| !file.ends_with("tests.rs")) {
        let source = fs::read_to_string(file).unwrap().replace("b'\"'", "");
        let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
        assert!(!code.contains("profile.name())"), "name the poller {{poller}} in its sentence: {code}");
        found.extend(texts(code).into_iter().filter(|text| names_a_poller(text)));
    }
    let missing: Vec<&String> = found.iter().filter(|text| !known.contains(text.as_str())).collect();
    assert!(missing.is_empty(), "add a row for {missing:#?}");
    let gone: Vec<&&str> = known.iter().filter(|text| names_a_poller(text) && !found.contains(**text)).collect();
    assert!(gone.is_empty(), "remove the rows of {gone:#?}");
    let tests: String = ["tests/e2e", "sdctl/tests/e2e", "sdctl/tests/e2e/files"]
        .iter()
        .flat_map(|folder| fs::read_dir(repository().join(folder)).unwrap())
        .filter_map(|file| fs::read_to_string(file.unwrap().path()).ok())
        .collect();
    for (sentence, test) in ELSEWHERE {
        assert!(tests.contains(&format!("fn {test}(")), "{sentence}: no test {test}");
    }
}

/// Returns the rows that concern a poller.
fn rows_of(kind: Kind) -> impl Iterator<Item = usize> {
    (0..ROWS.len()).filter(move |i| ROWS[*i].1.contains(&kind))
}

fn extension(input: Input) -> &'static str {
    match input {
        Yaml => "yml",
        Json => "json",
        Http | Text => "http",
    }
}

fn bytes_of(text: &str) -> Vec<u8> {
    text.split(INVALID).map(str::as_bytes).collect::<Vec<_>>().join(&0xff)
}

/// Returns the sentence that `sdctl` says of a poller.
fn sentence(claim: &str, kind: Kind, input: Input) -> String {
    let claim = claim.split("{}").next().unwrap();
    let claim = claim.replace("{drops}", "{poller} drops its targets").replace("{poller}", &kind.to_string());
    claim.replace("{what}", if input == Text { "the response" } else { "the whole list" })
}

/// Returns a configuration with all rows of a poller. A rule keeps targets of different files apart.
fn configuration(kind: Kind, lists: &Path, url: &str) -> Value {
    let of = |input: Input| format!("{}/*.{}", lists.display(), extension(input));
    let rules = json!([{"source_labels": ["__meta_filepath"], "target_label": "file"}]);
    let files =
        json!({"job_name": "files", "file_sd_configs": [{"files": [of(Yaml), of(Json)]}], "relabel_configs": rules});
    let polled = rows_of(kind).filter(|i| matches!(ROWS[*i].2, Http | Text)).map(|i| {
        let mut entry = json!({"url": format!("{url}/{i}")});
        if kind.is_prometheus() {
            entry["refresh_interval"] = "1s".into();
        }
        json!({"job_name": i.to_string(), "http_sd_configs": [entry]})
    });
    json!({"global": {"scrape_interval": "1m"}, "scrape_configs": polled.chain([files]).collect::<Vec<_>>()})
}

/// Returns the targets of each row, with their labels.
fn seen(poller: &Poller) -> BTreeMap<usize, BTreeSet<String>> {
    let mut rows: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for target in poller.active_targets().unwrap_or_default() {
        let discovered = target["discoveredLabels"].as_object().unwrap();
        let text = |name: &str| discovered.get(name).and_then(Value::as_str).unwrap_or_default();
        let file = Path::new(text("__meta_filepath")).file_stem().map(|stem| stem.to_str().unwrap());
        let row = file.unwrap_or(text("job")).parse().unwrap_or(usize::MAX);
        let own = discovered.iter().filter(|(name, value)| !name.starts_with("__") && *name != "job" && *value != "");
        let labels = own.map(|(name, value)| format!(" {name}={}", value.as_str().unwrap()));
        rows.entry(row).or_default().insert(text("__address__").to_owned() + &labels.collect::<String>());
    }
    rows
}

/// Returns the findings of `sdctl check`.
fn check(kind: Kind, arguments: &[&str]) -> Vec<Value> {
    let poller = kind.to_string().to_lowercase().replace(' ', "");
    let ran = run(sdctl().args(["check", "-o", "json", "--for", &poller]).args(arguments));
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    report["findings"].as_array().unwrap().clone()
}

async fn respond(UrlPath(row): UrlPath<usize>, State(shared): State<Shared>, headers: HeaderMap) -> impl IntoResponse {
    let mut shared = shared.lock().unwrap();
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let name = agent.split('.').next().unwrap_or_default().to_owned();
    *shared.asked.entry((row, name)).or_default() += 1;
    let (content_type, body) = shared.bodies[row].clone();
    ([(header::CONTENT_TYPE, content_type)], body)
}

impl Bodies {
    fn has_asked_thrice(&self, kind: Kind, mut rows: impl Iterator<Item = usize>) -> bool {
        let agent = match kind {
            Kind::Prometheus2 => "Prometheus/2",
            Kind::Prometheus3 => "Prometheus/3",
            // vmagent sends the name of Go's client.
            Kind::Vmagent => "Go-http-client/1",
        };
        let is_http = |i: &usize| matches!(ROWS[*i].2, Http | Text);
        rows.by_ref().filter(is_http).all(|i| self.asked.get(&(i, agent.to_owned())).is_some_and(|count| *count >= 3))
    }
}

/// Returns whether a text names a poller.
fn names_a_poller(text: &str) -> bool {
    let is_help = text.starts_with("Examples:") || text.contains("prometheus.yml");
    let names = ["prometheus", "vmagent", "poller", "allocator", "{drops}"];
    !is_help && names.iter().any(|name| text.to_lowercase().contains(name))
}

/// Returns the texts in quotes in the code of a Rust file.
fn texts(code: &str) -> Vec<String> {
    let code = Regex::new(r"(?m)^\s*//.*$").unwrap().replace_all(code, "");
    let text = Regex::new(r#""((?:[^"\\]|\\.|\\\n)*)""#).unwrap();
    let continued = Regex::new(r"\\\n\s*").unwrap();
    text.captures_iter(&code).map(|found| continued.replace_all(&found[1], "").into_owned()).collect()
}
