//! The data model as pollers see it: what they send, accept and reject.

use std::time::Duration;

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use http::{HeaderName, Method, header};
use http_sd_lambda::{
    group::LabelNames,
    http::{OnInvalid, Service, Settings},
};
use test_support::{
    Ask, Dynamo, Row,
    ask::service,
    log,
    row::{list, map, n, put_all, s},
};

#[tokio::test]
async fn response_to_prometheus_has_accepted_form() {
    let dynamo = Dynamo::with_table().await;
    Row::new("node", "a", &["a:1"]).put(&dynamo).await;
    let answer = Ask::get("/prom/node").of(&service(&dynamo, Settings::default())).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.header(header::CONTENT_TYPE), Some("application/json"));
    assert_eq!(answer.header(header::CONTENT_ENCODING), None);
    assert_eq!(answer.text(), r#"[{"targets":["a:1"],"labels":{}}]"#);
}

#[tokio::test]
async fn empty_table_is_an_empty_list_not_null() {
    let dynamo = Dynamo::with_table().await;
    let service = service(&dynamo, Settings::default());
    for path in ["/prom/node", "/prom"] {
        let answer = Ask::get(path).of(&service).await;
        assert_eq!((answer.status(), answer.text()), (200, "[]"), "{path}");
        assert_eq!(answer.header(header::CONTENT_TYPE), Some("application/json"));
    }
}

#[tokio::test]
async fn large_body_is_compressed_only_on_request() {
    let dynamo = Dynamo::with_table().await;
    for i in 0..50 {
        Row::new("node", &format!("group-{i:02}"), &["a.example.internal:9100"]).put(&dynamo).await;
    }
    let service = service(&dynamo, Settings::default());
    let plain = Ask::get("/prom/node").of(&service).await;
    let zipped = Ask::get("/prom/node").gzip().of(&service).await;
    assert_eq!(plain.header(header::CONTENT_ENCODING), None);
    assert_eq!(zipped.header(header::CONTENT_ENCODING), Some("gzip"));
    assert_eq!(zipped.unzipped(), plain.text());
    assert!(zipped.0.body().len() < plain.0.body().len());
    assert_ne!(zipped.header(header::ETAG), plain.header(header::ETAG));
    for answer in [&plain, &zipped] {
        assert_eq!(answer.header(header::VARY), Some("Accept-Encoding"));
    }
}

#[tokio::test]
async fn status_304_requires_a_matching_if_none_match() {
    let dynamo = Dynamo::with_table().await;
    Row::new("node", "a", &["a:1"]).put(&dynamo).await;
    let service = service(&dynamo, Settings::default());
    let first = Ask::get("/prom/node").of(&service).await;
    let etag = first.header(header::ETAG).unwrap().to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag} is not a strong tag");

    assert_eq!(Ask::get("/prom/node").of(&service).await.status(), 200);
    let again = Ask::get("/prom/node").header(header::IF_NONE_MATCH, &etag).of(&service).await;
    assert_eq!((again.status(), again.text()), (304, ""));
    assert_eq!(again.header(header::ETAG), Some(etag.as_str()));

    Row::new("node", "a", &["a:2"]).put(&dynamo).await;
    let changed = Ask::get("/prom/node").header(header::IF_NONE_MATCH, &etag).of(&service).await;
    assert_eq!(changed.targets(), ["a:2"]);
}

#[tokio::test]
async fn unknown_query_parameters_are_ignored() {
    let dynamo = Dynamo::with_table().await;
    Row::new("node", "a", &["a:1"]).put(&dynamo).await;
    let service = service(&dynamo, Settings::default());
    let plain = Ask::get("/prom/node").of(&service).await;
    for query in ["collector_id=otel-0", "collector_id=a b&x", "%zz=%FF"] {
        let answer = Ask::get(&format!("/prom/node?{query}")).of(&service).await;
        assert_eq!(answer.text(), plain.text(), "{query}");
    }
}

#[tokio::test]
async fn same_table_gives_the_same_bytes() {
    let rows = || {
        ["zeta", "alpha", "mid", "é", "Z", "a"].map(|group| {
            Row::new("node", group, &["b:1", "a:1"]).labels([("z", "1"), ("a", "2"), ("m", "3")]).with(
                "targets",
                if group == "mid" {
                    AttributeValue::Ss(vec!["z:1".into(), "a:1".into(), "m:1".into()])
                } else {
                    list([s("b:1"), s("a:1")])
                },
            )
        })
    };
    let mut bodies = Vec::new();
    for reverse in [false, true] {
        let dynamo = Dynamo::with_table().await;
        let mut rows = rows().to_vec();
        if reverse {
            rows.reverse();
        }
        for row in rows {
            row.put(&dynamo).await;
        }
        let service = service(&dynamo, Settings::default());
        for path in ["/prom/node", "/prom", "/prom/node?meta=true"] {
            let answer = Ask::get(path).of(&service).await;
            assert_eq!(answer.text(), Ask::get(path).of(&service).await.text());
            bodies.push((path, answer.header(header::ETAG).unwrap().to_owned(), answer.text().to_owned()));
        }
    }
    assert_eq!(bodies[..3], bodies[3..]);
    assert_eq!(bodies[0].2, bodies[1].2);
    assert!(bodies[0].2.contains(r#"{"targets":["a:1","m:1","z:1"],"labels":{"a":"2","m":"3","z":"1"}}"#));
}

#[tokio::test]
async fn rows_that_prometheus_accepts_are_served_unchanged() {
    let long = "x".repeat(380_000);
    let cases = [
        (Row::new("j", "g", &[]), r#"[{"targets":[],"labels":{}}]"#.to_owned()),
        (
            Row::new("j", "g", &["a:1", "a:1"]).labels([("env", "")]),
            r#"[{"targets":["a:1","a:1"],"labels":{"env":""}}]"#.to_owned(),
        ),
        (
            Row::new("j", "g", &["https://example.org/x?y=1#z"]).labels([("__param_module", "http_2xx")]),
            r#"[{"targets":["https://example.org/x?y=1#z"],"labels":{"__param_module":"http_2xx"}}]"#.to_owned(),
        ),
        (
            Row::new("j", "g", &["a:1"]).labels([("quote", "\"\\\n\u{0}\u{2028}é🦀")]),
            r#"[{"targets":["a:1"],"labels":{"quote":"\"\\\n\u0000"#.to_owned() + "\u{2028}é🦀\"}}]",
        ),
        (
            Row::key("j", "g").with("targets", AttributeValue::Ss(vec!["b:1".into(), "a:1".into()])),
            r#"[{"targets":["a:1","b:1"],"labels":{}}]"#.to_owned(),
        ),
        (
            Row::new("j", "g", &["a:1"])
                .with("owner", n(7))
                .with("target", s("x"))
                .with("source", map([]))
                .with("managed_by", s("ci"))
                .with("updated_at", n(1)),
            r#"[{"targets":["a:1"],"labels":{}}]"#.to_owned(),
        ),
        (
            Row::new("j", "g", &["a:1"]).labels([("note", &long)]),
            format!(r#"[{{"targets":["a:1"],"labels":{{"note":"{long}"}}}}]"#),
        ),
    ];
    let dynamo = Dynamo::with_table().await;
    let service = service(&dynamo, Settings::default());
    for (row, body) in cases {
        row.put(&dynamo).await;
        for path in ["/prom/j", "/prom"] {
            let answer = Ask::get(path).of(&service).await;
            assert_eq!(answer.text(), body);
            answer.groups();
        }
    }
}

/// Broken rows, each with the field and words of its error.
fn wrong_rows() -> Vec<(Row, &'static str, &'static str)> {
    let row = || Row::key("node", "web");
    let labelled = |labels| Row::new("node", "web", &["a:1"]).with("labels", labels);
    let binary = || AttributeValue::B(Blob::new([0xff, 0xfe]));
    vec![
        (row(), "targets", "is missing"),
        (row().with("targets", s("a:1")), "targets", "is a string (S), but must be a list or set of strings"),
        (row().with("targets", n(1)), "targets", "is a number (N)"),
        (row().with("targets", AttributeValue::Null(true)), "targets", "is null (NULL)"),
        (row().with("targets", AttributeValue::Bool(true)), "targets", "is a boolean (BOOL)"),
        (row().with("targets", map([])), "targets", "is a map (M)"),
        (row().with("targets", binary()), "targets", "is binary (B)"),
        (row().with("targets", AttributeValue::Ns(vec!["1".into()])), "targets", "is a number set (NS)"),
        (row().with("targets", AttributeValue::Bs(vec![Blob::new([1])])), "targets", "is a binary set (BS)"),
        (row().with("targets", list([s("a:1"), n(9100)])), "targets[1]", "is a number (N), but must be a string"),
        (row().with("targets", list([list([s("a:1")])])), "targets[0]", "is a list (L)"),
        (row().with("targets", list([AttributeValue::Null(true)])), "targets[0]", "is null (NULL)"),
        (row().with("targets", list([binary()])), "targets[0]", "is binary (B)"),
        (row().with("targets", list([s("")])), "targets[0]", "is empty"),
        (row().with("targets", list([s("a:1 ")])), "targets[0]", "contains white space"),
        (row().with("targets", list([s("a\u{0}")])), "targets[0]", "contains white space or a control character"),
        (row().with("targets", AttributeValue::Ss(vec!["a b".into()])), "targets[\"a b\"]", "contains white space"),
        (labelled(list([])), "labels", "is a list (L), but must be a map of strings"),
        (labelled(AttributeValue::Null(true)), "labels", "is null (NULL)"),
        (labelled(s("env=prod")), "labels", "is a string (S)"),
        (labelled(AttributeValue::Ss(vec!["a".into()])), "labels", "is a string set (SS)"),
        (labelled(map([("port", n(9100))])), "labels[\"port\"]", "is a number (N), but must be a string"),
        (labelled(map([("up", AttributeValue::Bool(true))])), "labels[\"up\"]", "is a boolean (BOOL)"),
        (labelled(map([("x", AttributeValue::Null(true))])), "labels[\"x\"]", "is null (NULL)"),
        (labelled(map([("x", map([]))])), "labels[\"x\"]", "is a map (M)"),
        (labelled(map([("x", binary())])), "labels[\"x\"]", "is binary (B)"),
        (labelled(map([("a-b", s("1"))])), "labels[\"a-b\"]", "is not a label name that Prometheus 2 accepts"),
        (labelled(map([("é.x", s("1"))])), "labels[\"é.x\"]", "is not a label name that Prometheus 2 accepts"),
        (labelled(map([("1a", s("1"))])), "labels[\"1a\"]", "is not a label name that Prometheus 2 accepts"),
        (
            Row::new("node", "web", &["a:1"]).with("expires_at", s("soon")),
            "expires_at",
            "is a string (S), but must be a number",
        ),
        (
            Row::new("node", "web", &["a:1"]).with("expires_at", n("1.5")),
            "expires_at",
            "is not a whole number of seconds",
        ),
        (Row::new("node", "web", &["a:1"]).with("delete_at", s("1764000000")), "delete_at", "is a string (S)"),
    ]
}

#[tokio::test]
async fn broken_row_error_names_job_group_and_field() {
    let dynamo = Dynamo::with_table().await;
    let service = service(&dynamo, Settings::default());
    Row::new("node", "db", &["b:1"]).put(&dynamo).await;
    for (row, field, problem) in wrong_rows() {
        row.put(&dynamo).await;
        for path in ["/prom/node", "/prom"] {
            let (status, code, message) = Ask::get(path).of(&service).await.error();
            assert_eq!((status, code.as_str()), (500, "invalid_group"), "{message}");
            let expected = format!("group \"web\" of job \"node\": {field} {problem}");
            assert!(message.starts_with(&expected), "{message:?} does not start with {expected:?}");
        }
    }
}

#[tokio::test]
async fn setting_skip_leaves_out_only_broken_rows() {
    let dynamo = Dynamo::with_table().await;
    let service = service(&dynamo, skipping());
    Row::new("node", "a", &["a:1"]).put(&dynamo).await;
    Row::new("node", "z", &["z:1"]).put(&dynamo).await;
    for (row, field, _) in wrong_rows() {
        row.put(&dynamo).await;
        for path in ["/prom/node", "/prom"] {
            assert_eq!(Ask::get(path).of(&service).await.targets(), ["a:1", "z:1"], "{field}");
        }
    }
}

fn skipping() -> Settings {
    Settings { on_invalid: OnInvalid::Skip, ..Settings::default() }
}

/// Returns the warnings about broken groups that a poll logs.
async fn warnings(path: &str, service: &Service) -> Vec<String> {
    let (_, log) = log::of(Ask::get(path).of(service)).await;
    log.lines().filter(|line| line.contains("invalid_group")).map(str::to_owned).collect()
}

#[tokio::test]
async fn poll_logs_one_warning_about_skipped_rows() {
    let dynamo = Dynamo::with_table().await;
    let service = service(&dynamo, skipping());
    let mended = || Row::new("node", "web", &["a:1"]);
    mended().put(&dynamo).await;
    assert!(warnings("/prom", &service).await.is_empty());
    let steps = [
        (mended().with("targets", s("a:1")), Some("targets is a string")),
        (mended().with("targets", n(1)), Some("targets is a number")),
        (mended().with("labels", s("")), Some("labels is a string")),
        (mended(), None),
        (mended().with("labels", s("")).with("expires_at", n(1)), None),
    ];
    for (step, (row, fault)) in steps.into_iter().enumerate() {
        row.put(&dynamo).await;
        for path in ["/prom/node", "/prom", "/prom/node?shard=0&of=2"] {
            let lines = warnings(path, &service).await;
            let Some(fault) = fault else {
                assert_eq!(lines, [""; 0], "{path} in step {step}");
                continue;
            };
            let [line] = &lines[..] else { panic!("{path} in step {step}: {lines:?}") };
            let said = format!("left out: group \"web\" of job \"node\": {fault}");
            for part in ["WARN", &said, "count=1", "groups=\"node/web\""] {
                assert!(line.contains(part), "no {part} for {path} in step {step}: {line}");
            }
        }
        assert_eq!(warnings("/prom/another", &service).await, [""; 0], "step {step}");
    }
    for group in ["a", "b"] {
        Row::key("node", group).put(&dynamo).await;
    }
    let lines = warnings("/prom", &service).await;
    assert!(
        lines.len() == 1 && lines[0].contains("count=2") && lines[0].contains("groups=\"node/a, node/b\""),
        "{lines:?}"
    );
}

#[tokio::test]
async fn poll_counts_skipped_rows() {
    let dynamo = Dynamo::with_table().await;
    let service = service(&dynamo, Settings { cache: Duration::from_mins(1), ..skipping() });
    for group in ["a", "b", "c"] {
        Row::key("broken", group).put(&dynamo).await;
    }
    Row::new("node", "a", &["a:1"]).put(&dynamo).await;
    for (path, skipped) in [("/prom/broken", 3), ("/prom", 3), ("/prom/node", 0), ("/prom", 3), ("/prom/broken", 3)] {
        let (_, log) = log::of(Ask::get(path).of(&service)).await;
        assert!(log.contains(&format!("skipped={skipped} ")), "{path}: {log}");
    }
}

/// The header that names broken groups left out of the list.
const SKIPPED: HeaderName = HeaderName::from_static("x-http-sd-skipped");

#[tokio::test]
async fn response_header_names_skipped_groups() {
    let dynamo = Dynamo::with_table().await;
    for i in 0..50 {
        Row::new("node", &format!("group-{i:02}"), &["a.example.internal:9100"]).put(&dynamo).await;
    }
    Row::key("node", "web eu").put(&dynamo).await;
    Row::key("a/b", "é").put(&dynamo).await;
    let cached = service(&dynamo, Settings { cache: Duration::from_mins(1), ..skipping() });
    for service in [service(&dynamo, skipping()), cached] {
        for (path, names) in [
            ("/prom/node", "node/web%20eu"),
            ("/prom/node?shard=1&of=2", "node/web%20eu"),
            ("/prom", "a%2Fb/%C3%A9, node/web%20eu"),
        ] {
            for _ in 0..2 {
                let answer = Ask::get(path).of(&service).await;
                assert_eq!((answer.status(), answer.header(SKIPPED)), (200, Some(names)), "{path}");
                let etag = answer.header(header::ETAG).unwrap();
                let again = Ask::get(path).header(header::IF_NONE_MATCH, etag).of(&service).await;
                assert_eq!((again.status(), again.header(SKIPPED)), (304, Some(names)), "{path}");
                let head = Ask::get(path).method(Method::HEAD).of(&service).await;
                assert_eq!((head.text(), head.header(SKIPPED)), ("", Some(names)), "{path}");
                assert_eq!(Ask::get(path).gzip().of(&service).await.header(SKIPPED), Some(names), "{path}");
            }
        }
    }
    let failing = service(&dynamo, Settings::default());
    assert_eq!(Ask::get("/prom").of(&failing).await.header(SKIPPED), None);
    for group in ["web eu", "é"] {
        dynamo.delete(if group == "é" { "a/b" } else { "node" }, group).await;
    }
    assert_eq!(Ask::get("/prom").of(&service(&dynamo, skipping())).await.header(SKIPPED), None);
}

#[tokio::test]
async fn header_with_many_skipped_groups_is_cut() {
    let dynamo = Dynamo::with_table().await;
    put_all(&dynamo, (0..100).map(|i| Row::key(&format!("job-{}", i % 7), &format!("{i:02}")))).await;
    let service = service(&dynamo, skipping());
    let answer = Ask::get("/prom").of(&service).await;
    let names = answer.header(SKIPPED).unwrap();
    assert!(names.starts_with("job-0/00, job-0/07, job-0/14, ") && names.ends_with(", 84 more"), "{names}");
    assert_eq!(Ask::get("/prom").of(&service).await.header(SKIPPED), Some(names));
}

#[tokio::test]
async fn broken_row_does_not_affect_other_jobs() {
    let dynamo = Dynamo::with_table().await;
    let service = service(&dynamo, Settings::default());
    Row::key("broken", "g").put(&dynamo).await;
    Row::new("node", "g", &["a:1"]).put(&dynamo).await;
    assert_eq!(Ask::get("/prom/broken").of(&service).await.code(), (500, "invalid_group".into()));
    assert_eq!(Ask::get("/prom/node").of(&service).await.targets(), ["a:1"]);
}

#[tokio::test]
async fn setting_allows_label_names_of_prometheus_3() {
    let dynamo = Dynamo::with_table().await;
    let service = service(&dynamo, Settings { label_names: LabelNames::Utf8, ..Settings::default() });
    Row::new("node", "a", &["a:1"]).labels([("a-b", "1"), ("é.x", "2")]).put(&dynamo).await;
    let answer = Ask::get("/prom/node").of(&service).await;
    assert_eq!(answer.text(), r#"[{"targets":["a:1"],"labels":{"a-b":"1","é.x":"2"}}]"#);
}
