//! The data model of `http_sd` and `file_sd`: bodies, and how Prometheus 2 handles each.

pub const REJECTED: &str = "rejects the whole list and keeps its old targets";
pub const NOT_READ: &str = "rejects the whole file and keeps its old targets";
pub const NO_TARGETS: &str = "reads it as a group without targets";
pub const NEVER_SCRAPED: &str = "drops this target and never scrapes it";

/// Each body, and how Prometheus 2 handles its fault. The second text is empty for a valid body.
pub const BODIES: [(&str, &str); 31] = [
    ("[]", ""),
    (r#"[{"targets":["a:1"],"labels":{"env":"prod"}}]"#, ""),
    ("null", "reads it as an empty list and drops every target"),
    ("", NOT_READ),
    ("{}", REJECTED),
    (r#"{"targets":["a:1"]}"#, REJECTED),
    ("\u{feff}[]", NOT_READ),
    (r#"[{"targets":["a:1"]},]"#, NOT_READ),
    ("[] x", NOT_READ),
    ("<html>", NOT_READ),
    ("[null]", REJECTED),
    ("[[]]", REJECTED),
    (r#"["x"]"#, REJECTED),
    ("[{}]", NO_TARGETS),
    (r#"[{"targets":null}]"#, NO_TARGETS),
    (r#"[{"targets":["a:1"],"labels":null}]"#, ""),
    (r#"[{"targets":["a:1"],"source":"x"}]"#, REJECTED),
    (r#"[{"target":["a:1"]}]"#, REJECTED),
    (r#"[{"targets":["a:1"],"label":{}}]"#, REJECTED),
    (r#"[{"targets":"a:1"}]"#, REJECTED),
    (r#"[{"targets":[9100]}]"#, REJECTED),
    (r#"[{"targets":[["a:1"]]}]"#, REJECTED),
    (r#"[{"targets":[""]}]"#, NEVER_SCRAPED),
    (r#"[{"targets":[null]}]"#, NEVER_SCRAPED),
    (r#"[{"targets":["a b:1"]}]"#, "every scrape of it fails"),
    (r#"[{"targets":["a:1"],"labels":{"n":1}}]"#, REJECTED),
    (r#"[{"targets":["a:1"],"labels":[]}]"#, REJECTED),
    (r#"[{"targets":["a:1"],"labels":{"n":null}}]"#, "reads it as an empty value"),
    (r#"[{"targets":["a:1"],"labels":{"":"x"}}]"#, REJECTED),
    (r#"[{"targets":["a:1"],"labels":{"a-b":"x"}}]"#, REJECTED),
    (r#"[{"targets":["a:1"],"labels":{"a":"1","a":"2"}}]"#, "uses the last one"),
];
