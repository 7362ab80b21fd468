//! The requests of `tests/hostile.json`, which documents its format, and the expected response to each.

use std::{collections::BTreeMap, fs};

use serde::Deserialize;
use test_support::{TOKEN, repository};

/// The only groups that a hostile request may read.
pub(super) const NODE: &str = r#"[{"targets":["a:1"],"labels":{}}]"#;
const ALL: &str = r#"[{"targets":["a:1"],"labels":{}},{"targets":["s:1"],"labels":{}}]"#;

/// The expected response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// 200 with exactly this list.
    List(&'static str),
    /// 304 without a body.
    NotModified,
    /// An error with this status.
    Error(u16),
}

impl Answer {
    fn status(self) -> u16 {
        match self {
            Self::List(_) => 200,
            Self::NotModified => 304,
            Self::Error(status) => status,
        }
    }

    /// Fails if the response differs.
    pub(super) fn check(self, status: u16, body: &str, what: &str) {
        assert_eq!(status, self.status(), "{what}: {body}");
        match self {
            Self::List(list) => assert_eq!(body, list, "{what}"),
            Self::NotModified => assert_eq!(body, "", "{what}"),
            // An error of a page is a page.
            Self::Error(_) => assert!(
                body.starts_with(r#"{"error":{"code":""#)
                    || body.starts_with("<!DOCTYPE html><html lang=\"en\"><head>"),
                "{what}: {body}"
            ),
        }
    }
}

/// A hostile request.
pub(super) struct Request {
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) answer: Answer,
}

#[derive(Deserialize)]
struct File {
    requests: Vec<Entry>,
}

/// A template for one request for each of its methods, paths, queries, selectors and headers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    what: String,
    status: Option<u16>,
    list: Option<String>,
    token: Option<bool>,
    methods: Option<Vec<String>>,
    paths: Vec<Text>,
    #[serde(default)]
    queries: Vec<Text>,
    #[serde(default)]
    selectors: Vec<Text>,
    headers: Option<Vec<BTreeMap<String, Value>>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Plain(String),
    Repeat { repeat: (String, usize) },
    Parts(Vec<Text>),
}

/// The value of a header.
#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    /// A number of empty headers, whose names end in numbers.
    Numbers {
        numbers: usize,
    },
    Text(Text),
}

impl Text {
    fn whole(&self) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Repeat { repeat: (text, times) } => text.repeat(*times),
            Self::Parts(parts) => parts.iter().map(Self::whole).collect(),
        }
    }
}

impl Entry {
    fn answer(&self) -> Answer {
        match (self.status, self.list.as_deref()) {
            (None, Some("none" | "none of node")) => Answer::List("[]"),
            (None, Some("node")) => Answer::List(NODE),
            (None, Some("all")) => Answer::List(ALL),
            (Some(304), None) => Answer::NotModified,
            (Some(status), None) => Answer::Error(status),
            _ => panic!("{}: expected response is missing", self.what),
        }
    }

    fn targets(&self) -> Vec<String> {
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let queries = self.queries.iter().map(|query| format!("?{}", query.whole()));
        let selectors = self.selectors.iter().map(|text| format!("?match[]={}", encode(&text.whole())));
        let mut queries: Vec<String> = queries.chain(selectors).collect();
        if queries.is_empty() {
            queries.push(String::new());
        }
        self.paths.iter().flat_map(|path| queries.iter().map(|query| path.whole() + query)).collect()
    }

    /// Returns the headers of each variant.
    fn headers(&self) -> Vec<Vec<(String, String)>> {
        let token = self.token.unwrap_or(true).then(|| ("authorization".to_owned(), format!("Bearer {TOKEN}")));
        let all = |headers: &BTreeMap<String, Value>| {
            let own = headers.iter().flat_map(|(name, value)| match value {
                Value::Numbers { numbers } => (0..*numbers).map(|i| (format!("{name}{i}"), String::new())).collect(),
                Value::Text(text) => vec![(name.clone(), text.whole())],
            });
            token.iter().cloned().chain(own).collect()
        };
        self.headers.as_ref().map_or_else(|| vec![all(&BTreeMap::new())], |headers| headers.iter().map(all).collect())
    }

    fn requests(&self) -> Vec<Request> {
        let methods = self.methods.clone().unwrap_or_else(|| vec!["GET".into()]);
        let (targets, headers, answer) = (self.targets(), self.headers(), self.answer());
        let mut requests = Vec::new();
        for method in &methods {
            for target in &targets {
                for headers in &headers {
                    let (method, target, headers) = (method.clone(), target.clone(), headers.clone());
                    requests.push(Request { method, target, headers, answer });
                }
            }
        }
        requests
    }
}

/// Returns all hostile requests.
pub(super) fn requests() -> Vec<Request> {
    let text = fs::read_to_string(repository().join("tests/hostile.json")).unwrap();
    let file: File = serde_json::from_str(&text).unwrap();
    file.requests.iter().flat_map(Entry::requests).collect()
}
