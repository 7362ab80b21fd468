//! The events in `events/`, and the expected response to each.

use std::{collections::BTreeSet, fs};

use aws_lambda_events::lambda_function_urls::{LambdaFunctionUrlRequest, LambdaFunctionUrlResponse};
use http_sd_lambda::{http::Service, lambda};
use lambda_http::{Context, LambdaEvent, lambda_runtime::FunctionResponse};
use serde::Deserialize;
use serde_json::Value;

use super::repository;

/// The expected response to an event, over the sample fleet and in the environment of `local.env`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    pub status: u16,
    /// The start of the body.
    pub body: String,
    /// Whether the body is in base64.
    #[serde(default)]
    pub base64: bool,
}

/// Returns the name of every event in `events/`, with the expected response from `events/answers/`.
pub fn all() -> Vec<(String, Expected)> {
    let (events, answers) = (names("events"), names("events/answers"));
    let alone: Vec<_> = answers.difference(&events).collect();
    assert!(alone.is_empty(), "events/answers/ contains {alone:?}, which events/ does not");
    let expected = |name: &String| {
        assert!(
            answers.contains(name),
            "events/answers/{name}.json is missing: it says how events/{name}.json is answered"
        );
        serde_json::from_str(&read(&format!("events/answers/{name}.json"))).unwrap_or_else(|e| panic!("{name}: {e}"))
    };
    events.iter().map(|name| (name.clone(), expected(name))).collect()
}

/// Returns an event by its name.
pub fn load(name: &str) -> Value {
    serde_json::from_str(&read(&format!("events/{name}.json"))).unwrap()
}

/// Returns the names of a folder's files.
fn names(folder: &str) -> BTreeSet<String> {
    let files = fs::read_dir(repository().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|file| file.is_file());
    files.map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

fn read(file: &str) -> String {
    fs::read_to_string(repository().join(file)).unwrap_or_else(|e| panic!("cannot read {file}: {e}"))
}

/// Wraps an event as the Lambda runtime does.
pub fn event(json: Value) -> LambdaEvent<LambdaFunctionUrlRequest> {
    let mut context = Context::default();
    context.request_id = "test-request".into();
    LambdaEvent::new(serde_json::from_value(json).unwrap(), context)
}

/// Returns status and body of the response to an event, and whether the body is in base64.
pub async fn answer(service: &Service, json: Value) -> (u16, String, bool) {
    let Ok(FunctionResponse::BufferedResponse(response)) = lambda::handle(service.clone(), event(json)).await else {
        panic!("response is streamed in buffered mode");
    };
    let json = serde_json::to_value(response).unwrap();
    let response: LambdaFunctionUrlResponse = serde_json::from_value(json).unwrap();
    (response.status_code.try_into().unwrap(), response.body.unwrap(), response.is_base64_encoded)
}
