//! `sdctl check --rows`: faults, warnings and notes about the rows of the table.

use http_sd_lambda::group::EpochSeconds;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{
    Row,
    applied::Applied,
    row::{n, put_all, s},
    sdctl::{run, sdctl},
};

/// Checks a table with these rows.
async fn check(rows: Vec<Row>, arguments: &[&str]) -> (i32, String) {
    let applied = Applied::new().await;
    put_all(&applied.dynamo, rows).await;
    applied.run(&[&["check", "--rows"], arguments].concat()).code_and_text()
}

#[tokio::test(flavor = "multi_thread")]
async fn check_judges_each_kind_of_row() {
    let EpochSeconds(now) = EpochSeconds::now();
    let row = |name: &str, targets: &[&str]| Row::new("node", name, targets);
    let lease = |name: &str, end: i64| row(name, &[&format!("{name}:1")]).with("expires_at", n(end));
    // Without a word the check finds nothing. A fault gives the code 2, a warning only with --strict.
    for (rows, code, strict, expected) in [
        (vec![row("a", &["a:1"])], 0, 0, "no faults in table \"http-sd\": 1 job, 1 group, 1 target served\n"),
        (vec![row("a", &["a:1"]), lease("b", now + 600)], 0, 0, "1 job, 2 groups, 2 targets served\n"),
        (
            vec![Row::key("node", "a").with("targets", s("x"))],
            2,
            2,
            "fault   job \"node\", group \"a\": targets is a string",
        ),
        (vec![Row::key("node", "a")], 2, 2, "Prometheus 2 keeps its old targets, unless HTTP_SD_ON_INVALID is skip"),
        (
            vec![row("a", &["a:1"]), Row::key("node", "b").with("expires_at", n(now - 9000))],
            0,
            0,
            "note    job \"node\": has 1 row with an expired lease: the function omits them",
        ),
        (vec![lease("a", now - 9000)], 0, 2, "warning job \"node\": has no targets to serve; Prometheus 2 drops every"),
        (vec![row("a", &[])], 0, 2, "warning job \"node\", group \"a\": has no targets; Prometheus 2 scrapes nothing"),
        (
            vec![lease("a", now - 60), lease("b", now - 60), lease("c", now - 60)],
            0,
            2,
            "warning job \"node\": has 3 groups with leases that lapsed together; the function serves them at most until",
        ),
        (
            vec![lease("a", now * 1000)],
            0,
            2,
            "warning job \"node\", group \"a\": expires_at looks like milliseconds: write seconds; the lease never expires",
        ),
        (
            vec![lease("a", now + 600).with("delete_at", n(now * 1000))],
            0,
            2,
            "group \"a\": delete_at looks like milliseconds: write seconds; DynamoDB never deletes the row",
        ),
        (vec![row("a", &["x:1", "x:1"])], 0, 2, "targets[1] \"x:1\" is the same as targets[0]"),
        (
            vec![row("a", &["x:1"]), row("b", &["x:1", "y:1"])],
            0,
            2,
            "group \"b\": targets[0] \"x:1\" is in group \"a\" with the same labels; the poller scrapes it once",
        ),
        (vec![row("a", &["x:1"]), row("b", &["x:1"])], 0, 2, "group \"b\": is the same as group \"a\""),
        (
            vec![row("a", &["x:1", "y:1"]), row("b", &["x:1", "y:1"]).labels([("env", "prod")])],
            0,
            0,
            "note    job \"node\", group \"b\": shares \"x:1\" with group \"a\", and 1 more target with other groups",
        ),
        (vec![row("a", &["x:1"]), Row::new("other", "a", &["x:1"])], 0, 0, "no faults in "),
        (vec![row("a", &["a:99999"])], 0, 2, "targets[0] \"a:99999\" has an invalid port"),
        (vec![Row::new("a/b", "a", &["a:1"])], 0, 2, "whose name does not fit a URL"),
        (vec![row("a", &["%{HOST}:1"])], 0, 2, "contains the variable \"%{HOST}\""),
        (vec![row("a", &["a:1"]).with("own", s(&"x".repeat(394_000)))], 0, 2, "group \"a\": has 3940"),
        (vec![row("a", &["a:1"]).with("own", s(&"x".repeat(380_000)))], 0, 0, "no faults in "),
        (vec![], 0, 2, "warning the table has no rows; Prometheus 2 drops every target"),
    ] {
        let (found, text) = check(rows.clone(), &[]).await;
        assert!(found == code && text.contains(expected), "{expected}: {text}");
        let (found, text) = check(rows, &["--strict"]).await;
        assert_eq!(found, strict, "--strict: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_of_rows_prints_json() {
    let rows =
        vec![Row::key("node", "b").with("targets", s("x")), Row::new("node", "a", &["a:1"]), Row::new("db", "c", &[])];
    let (code, text) = check(rows, &["-o", "json", "--for", "vmagent"]).await;
    let report: Value = serde_json::from_str(&text).unwrap();
    let places: Vec<[&Value; 4]> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| ["severity", "job", "group", "field"].map(|name| &finding[name]))
        .collect();
    let none = &json!(null);
    assert_eq!(
        places,
        [
            [&json!("warning"), &json!("db"), &json!("c"), none],
            [&json!("warning"), &json!("db"), none, none],
            [&json!("fault"), &json!("node"), &json!("b"), &json!("targets")],
        ]
    );
    let summary = &report["summary"];
    let numbers =
        ["faults", "warnings", "jobs", "groups", "targets", "broken"].map(|name| summary[name].as_i64().unwrap());
    assert_eq!((code, numbers), (2, [1, 2, 2, 2, 1, 1]), "{text}");
    assert!(report["findings"][2]["consequence"].as_str().unwrap().contains("vmagent keeps its old targets"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn option_of_the_table_implies_rows() {
    let applied = Applied::new().await;
    Row::new("node", "a", &["a:1"]).put(&applied.dynamo).await;
    for arguments in
        [&["check", "--rows"][..], &["check", "--table", "http-sd"], &["check", "--rows", "--table", "http-sd"]]
    {
        let text = applied.run(arguments).done();
        assert!(text.starts_with("no faults in table \"http-sd\""), "{arguments:?}: {text}");
    }
    let folder = TempDir::new().unwrap();
    let local = |arguments: &[&str]| run(sdctl().args(arguments).arg("--data").arg(folder.path()));
    assert!(local(&["check"]).failed().contains("no local table in "));
    local(&["put", "node", "a", "-t", "a:1"]).done();
    assert!(local(&["check"]).done().starts_with("no faults in the local table"));
    for arguments in [
        &["check", "x.json", "--rows"][..],
        &["check", "x.json", "--table", "http-sd"],
        &["check", "x.json", "--data", "x"],
        &["check", "--url", "http://127.0.0.1:1/prom", "--rows"],
        &["check", "--url", "http://127.0.0.1:1/prom", "--table", "http-sd"],
        &["check", "--rows", "--job", "node"],
        &["check", "--rows", "--token-file", "x"],
        &["check", "--table", "http-sd", "--refresh-interval", "30s"],
    ] {
        let said = applied.run(arguments).errors();
        assert!(said.contains("cannot be used with"), "{arguments:?}: {said}");
    }
    // An empty list of files is no request to check the table.
    let said = applied.run(&["check"]).errors();
    assert!(said.contains("required arguments were not provided") && said.contains("--rows"), "{said}");
}

/// Parts that `apply` splits are smaller than what `check` warns of.
#[tokio::test(flavor = "multi_thread")]
async fn parts_of_a_large_group_are_no_warning() {
    let applied = Applied::new().await;
    let targets: Vec<String> = (0..40_000).map(|i| format!("host-{i:05}.example:9100")).collect();
    applied.apply(&json!([{"targets": targets}]).to_string(), &[]).done();
    let text = applied.run(&["check", "--rows", "--strict"]).done();
    assert!(text.contains("40000 targets served"), "{text}");
}
