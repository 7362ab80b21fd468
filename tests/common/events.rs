//! The events in `events/`, and how they are answered.

use std::fs;

use serde_json::Value;

use super::repository;

/// What each event is answered with, over the sample fleet and in the environment of `local.env`: status, and what the
/// body starts with.
pub const ANSWERS: [(&str, u16, &str); 20] = [
    ("all-jobs", 200, r#"[{"targets":["https://www.example.com/"#),
    ("health", 200, r#"{"status":"healthy"}"#),
    ("iam-caller", 200, r#"[{"targets":["db-1."#),
    ("job", 200, r#"[{"targets":["db-1."#),
    ("job-collector-id", 200, r#"[{"targets":["db-1."#),
    ("job-empty", 200, "[]"),
    ("job-encoded", 200, r#"[{"targets":["db-1."#),
    ("job-gzip", 200, "H4sI"),
    ("job-head", 200, ""),
    ("job-match", 200, r#"[{"targets":["db-1.eu-central-1.example.internal:9100"],"#),
    (
        "job-meta",
        200,
        r#"[{"targets":["db-1.eu-central-1.example.internal:9100","db-2.eu-central-1.example.internal:9100"],"labels":{"__meta_dynamodb_group""#,
    ),
    ("job-not-modified", 304, ""),
    ("job-not-utf8", 400, r#"{"error":{"code":"bad_request""#),
    ("job-shard", 200, r#"[{"targets":["db-1.eu-central-1.example.internal:9100"],"#),
    ("method-post", 405, r#"{"error":{"code":"method_not_allowed""#),
    ("path-unknown", 404, r#"{"error":{"code":"not_found""#),
    ("ready", 200, r#"{"status":"ready"}"#),
    ("ready-token-missing", 401, r#"{"error":{"code":"unauthorized""#),
    ("token-missing", 401, r#"{"error":{"code":"unauthorized""#),
    ("token-wrong", 401, r#"{"error":{"code":"unauthorized""#),
];

/// The names of the events, in order.
pub fn names() -> Vec<String> {
    let entries = fs::read_dir(repository().join("events")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// An event by its name.
pub fn load(name: &str) -> Value {
    let file = repository().join("events").join(name).with_extension("json");
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}
