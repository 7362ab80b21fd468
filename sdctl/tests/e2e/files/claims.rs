//! Each poller does what `sdctl` says of it.
//!
//! A sentence in the sources of `sdctl` that names a poller needs a row in `sentences.rs`, or a test that asks the
//! poller.

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

use super::sentences::{
    ELSEWHERE, INVALID,
    Input::{self, Http, Json, Text, Yaml},
    NO_CLAIMS, ROWS, Row,
    Seen::{Gone, Kept, These},
};

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
    // A poller must not see half a file.
    let put = |kind: Kind, name: &str, bytes: &[u8]| {
        fs::write(at("new"), bytes).unwrap();
        fs::rename(at("new"), at(&kind.to_string()).join(name)).unwrap();
    };
    let is_file = |i: &usize| matches!(ROWS[*i].2, Yaml | Json);
    let old = json!([{"targets": ["old:1"]}]).to_string().into_bytes();
    for kind in Kind::ALL {
        fs::create_dir(at(&kind.to_string())).unwrap();
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
    for kind in Kind::ALL {
        put(kind, "last.yml", b"- targets: [last:1]\n");
    }
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
    let tests: String = ["tests/e2e", "sdctl/tests/e2e", "sdctl/tests/e2e/files", "sdctl/tests/e2e/moving"]
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
