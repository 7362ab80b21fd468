//! The selection of rows by `sdctl get` and `rm`, and the states of rows.

use std::time::Duration;

use http_sd_lambda::{
    group::EpochSeconds,
    http::{OnInvalid, Settings},
};
use serde_json::Value;
use test_support::{
    Ask, Row,
    applied::Applied,
    ask::service,
    row::{n, s},
};

/// Rows of three jobs: with and without labels, of two sets, in each state.
async fn fleet() -> Applied {
    let applied = Applied::new().await;
    let EpochSeconds(now) = EpochSeconds::now();
    let rows = [
        Row::new("node", "db", &["db-1:9100"]).labels([("env", "prod"), ("role", "db")]).with("managed_by", s("fleet")),
        Row::new("node", "web", &["web-1:9100", "web-2:9100"]).labels([("env", "prod"), ("role", "web")]),
        Row::new("node", "test", &["web-9:9100"]).labels([("env", "test")]).with("managed_by", s("other")),
        Row::new("node", "none", &[]).labels([("env", "prod")]),
        Row::new("node_big", "old", &["old:9100"]).with("expires_at", n(now - 7200)),
        Row::new("node_big", "new", &["new:9100"]).with("expires_at", n(now + 7200)),
        Row::key("mysql", "broken").with("targets", s("x")).with("managed_by", s("fleet")),
        Row::new("[odd]*", "a", &["odd:1"]),
    ];
    for row in rows {
        row.put(&applied.dynamo).await;
    }
    applied
}

/// Returns the selected rows as `job/group`, sorted.
fn selected(applied: &Applied, options: &[&str]) -> Vec<String> {
    let json: Value = serde_json::from_str(&applied.run(&[&["get", "-o", "json"], options].concat()).done()).unwrap();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let mut rows: Vec<String> =
        json.as_array().unwrap().iter().map(|row| text(row, "job") + "/" + &text(row, "group")).collect();
    rows.sort();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn get_shows_rows_that_match_every_option() {
    let applied = fleet().await;
    let all_node = ["node/db", "node/none", "node/test", "node/web"];
    for (options, expected) in [
        (&["--match", r#"{env="prod"}"#][..], &["node/db", "node/web"][..]),
        (&["--match", r#"{__address__=~"web-.*"}"#], &["node/test", "node/web"]),
        (&["--match", r#"{role="db"}"#, "--match", r#"{env="test"}"#], &["node/db", "node/test"]),
        (&["--match", r#"{__meta_dynamodb_job="node",role!="db"}"#], &["node/test", "node/web"]),
        (&["-l", "env=prod"], &["node/db", "node/none", "node/web"]),
        (&["-l", "env=prod", "-l", "role=web"], &["node/web"]),
        (&["node", "-l", "role="], &["node/none", "node/test"]),
        (&["--target", "web-[12]:*"], &["node/web"]),
        (&["--target", "*9:9100"], &["node/test"]),
        (&["--set", "fleet"], &["mysql/broken", "node/db"]),
        (&["--state", "broken"], &["mysql/broken"]),
        (&["--state", "expired", "--state", "broken"], &["mysql/broken", "node_big/old"]),
        (&["node_big", "--state", "active"], &["node_big/new"]),
        (&["node*"], &["node/db", "node/none", "node/test", "node/web", "node_big/new", "node_big/old"]),
        (&["n?de"], &all_node),
        (&["node"], &all_node),
        (&["[mn]*", "--set", "fleet", "--state", "active"], &["node/db"]),
        (&["*", "web"], &["node/web"]),
        // A name that is also a pattern.
        (&["[odd]*"], &["[odd]*/a"]),
        (&["node", "web", "-l", "env=test"], &[]),
        (&["--set", "absent"], &[]),
    ] {
        assert_eq!(selected(&applied, options), expected, "{options:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn search_agrees_with_the_url() {
    let applied = fleet().await;
    for selector in
        [r#"{env="prod"}"#, r#"{env!="prod",__address__!=""}"#, r#"{role=~"web|db",__address__!="web-1:9100"}"#]
    {
        let url = format!("/prom/node?meta=true&match%5B%5D={}", percent(selector));
        let answer = Ask::get(&url).of(&service(&applied.dynamo, Settings::default())).await;
        let mut served: Vec<String> =
            answer.groups().iter().map(|group| "node/".to_owned() + &group.labels["__meta_dynamodb_group"]).collect();
        served.sort();
        assert_eq!(selected(&applied, &["node", "--match", selector]), served, "{selector}");
    }
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |encoded, b| encoded + &format!("%{b:02X}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_search_is_an_error() {
    let applied = fleet().await;
    for (options, said) in [
        (&["--match", "env=prod"][..], "error: --match names a metric, which targets do not have"),
        (&["--match", r#"{env=""}"#], "error: --match must contain at least one non-empty matcher"),
        (&["-l", "env"], "use NAME=VALUE"),
        (&["--target", "[a"], "Use * for any text"),
        (&["--set", ""], "error: set \"\" is empty"),
        (&["--state", "dead"], "[possible values: active, expired, kept, broken]"),
        (&["nod", "-l", "env=prod"], "error: job \"nod\" not found"),
        (&["node", "gone", "-l", "env=prod"], "error: group \"gone\" not found in job \"node\""),
        (&["node*", "-o", "file_sd"], "error: -o file_sd requires a job"),
    ] {
        let ran = applied.run(&[&["get"], options].concat());
        assert!(ran.code == 1 && ran.stderr.contains(said), "{options:?}: {ran:?}");
    }
    let nothing = applied.run(&["get", "--set", "absent"]);
    assert_eq!((nothing.code, nothing.stderr.as_str(), nothing.stdout.as_str()), (0, "no row matches\n", ""));
    let nothing = applied.run(&["get", "node", "-l", "env=x", "-o", "json"]);
    assert_eq!((nothing.code, nothing.stderr.as_str()), (0, "no row of job \"node\" matches\n"));
    assert_eq!(nothing.stdout, "[]\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn rm_shows_and_removes_what_matches() {
    let applied = fleet().await;
    let before = applied.dynamo.rows().await.len();
    let asked = applied.run(&["rm", "--match", r#"{env="prod"}"#]);
    assert!(
        asked.stdout.contains("job \"node\": 2 groups with 3 targets to remove\n  - db\n      targets  db-1:9100\n"),
        "{asked:?}"
    );
    assert!(asked.failed().contains("nothing was changed: cannot ask for confirmation"));
    assert_eq!(applied.dynamo.rows().await.len(), before);
    let none = applied.run(&["rm", "node*", "--set", "absent", "--yes"]).failed();
    assert_eq!(none, "error: nothing was removed: no row matches");
    assert!(applied.run(&["rm", "--yes"]).failed().contains("rm requires a job, or an option that selects rows"));

    let said = applied.run(&["rm", "-l", "env=prod", "--target", "web-*", "--yes"]).done();
    assert!(said.ends_with("removed 1 group with 2 targets\n"), "{said}");
    let said = applied.run(&["rm", "*", "--state", "broken", "--state", "expired", "--yes"]).done();
    assert!(said.ends_with("removed 2 groups with 1 target\n"), "{said}");
    let left: Vec<String> = applied.dynamo.rows().await.into_keys().map(|(job, name)| job + "/" + &name).collect();
    assert_eq!(left, ["[odd]*/a", "node/db", "node/none", "node/test", "node_big/new"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rm_shows_at_most_twenty_names() {
    let applied = Applied::new().await;
    for i in 0..22 {
        Row::new("node", &format!("g{i:02}"), &["a:1"]).put(&applied.dynamo).await;
    }
    let said = applied.run(&["rm", "node*", "--yes"]).done();
    assert!(
        said.contains("  - g19\n      targets  a:1\n  … and 2 more (sdctl get with the same options shows all)\n"),
        "{said}"
    );
    assert!(applied.dynamo.rows().await.is_empty());
}

/// Leases that lapsed together: the groups are served, and `sdctl get` says so.
#[tokio::test(flavor = "multi_thread")]
async fn kept_groups_are_shown_as_served() {
    let applied = Applied::new().await;
    let EpochSeconds(now) = EpochSeconds::now();
    for (job, name, age) in [
        ("node", "a", 60),
        ("node", "b", 120),
        ("node", "c", 180),
        ("node", "old", 9000),
        ("node", "runs", -600),
        ("other", "alone", 60),
    ] {
        Row::new(job, name, &[&format!("{name}:1")]).with("expires_at", n(now - age)).put(&applied.dynamo).await;
    }
    Row::new("node", "z", &["z:1"]).put(&applied.dynamo).await;
    let settings =
        Settings { lease_grace: Duration::from_hours(1), on_invalid: OnInvalid::Fail, ..Settings::default() };
    let served = Ask::get("/prom/node").of(&service(&applied.dynamo, settings)).await.groups();
    let listed = applied.run(&["get", "node", "-o", "file_sd"]).done();
    assert_eq!(test_support::prometheus::read(listed.as_bytes()).unwrap(), served);
    assert_eq!(served.len(), 5);

    let json: Value = serde_json::from_str(&applied.run(&["get", "-o", "json"]).done()).unwrap();
    let mut states: Vec<(&str, &str, Option<i64>)> = json
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["group"].as_str().unwrap(), row["state"].as_str().unwrap(), row["kept_until"].as_i64()))
        .collect();
    states.sort_unstable();
    assert_eq!(
        states,
        [
            ("a", "kept", Some(now - 60 + 3600)),
            ("alone", "lapsed", None),
            ("b", "kept", Some(now - 120 + 3600)),
            ("c", "kept", Some(now - 180 + 3600)),
            ("old", "lapsed", None),
            ("runs", "served", None),
            ("z", "served", None),
        ]
    );
    assert!(applied.run(&["get", "node"]).done().contains("kept for 5"));
    let one = applied.run(&["get", "node", "b"]).done();
    assert!(one.contains("kept for 5") && one.lines().count() == 2, "{one}");
    assert_eq!(selected(&applied, &["--state", "kept"]), ["node/a", "node/b", "node/c"]);
    assert_eq!(selected(&applied, &["--match", r#"{__meta_dynamodb_lease="lapsed"}"#]), ["node/a", "node/b", "node/c"]);
    let listed = |grace| {
        let mut command = applied.command(&["get", "node", "-o", "file_sd"]);
        let ran = test_support::sdctl::run(command.env("HTTP_SD_LEASE_GRACE_SECONDS", grace)).done();
        test_support::prometheus::read(ran.as_bytes()).unwrap().len()
    };
    assert_eq!((listed("0"), listed("100"), listed("3600")), (2, 3, 5));

    // A kept row that is broken fails the poll, and so the list.
    Row::key("node", "d").with("targets", s("x")).with("expires_at", n(now - 60)).put(&applied.dynamo).await;
    assert_eq!(selected(&applied, &["--state", "broken"]), ["node/d"]);
    assert!(applied.run(&["get", "node", "-o", "file_sd"]).failed().contains("targets is a string"));
}
