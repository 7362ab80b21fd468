//! `sdctl status`: the numbers of jobs and sets.

use http_sd_lambda::group::EpochSeconds;
use serde_json::{Value, json};
use test_support::{
    Row,
    applied::Applied,
    fault::FaultyDynamo,
    row::{n, put_all, s},
    sdctl::{run, sdctl, sdctl_at},
};

/// Rows in each state.
async fn fleet() -> (Applied, i64) {
    let applied = Applied::new().await;
    let EpochSeconds(now) = EpochSeconds::now();
    let rows = [
        Row::new("node", "db", &["db-1:1", "db-2:1"]).with("managed_by", s("fleet")).with("updated_at", n(now - 7200)),
        Row::new("node", "web", &["web-1:1"]).with("updated_at", n(now - 90_000)).with("managed_by", s("fleet")),
        Row::new("node", "free", &["free:1"]),
        Row::new("leased", "a", &["a:1"]).with("expires_at", n(now - 60)).with("updated_at", n(now - 120)),
        Row::new("leased", "b", &["b:1", "b:2"]).with("expires_at", n(now - 61)),
        Row::new("leased", "c", &["c:1"]).with("expires_at", n(now - 62)),
        Row::new("leased", "active", &["d:1"]).with("expires_at", n(now + 600)),
        Row::new("leased", "old", &["e:1"]).with("expires_at", n(now - 9000)),
        Row::new("gone", "old", &["f:1"]).with("expires_at", n(now - 9000)),
        Row::key("zz", "broken").with("targets", s("x")).with("managed_by", s("other")),
        Row::new("zz", "good", &["g:1"]),
    ];
    put_all(&applied.dynamo, rows).await;
    (applied, now)
}

fn json(applied: &Applied, arguments: &[&str]) -> (i32, Value) {
    let ran = applied.run(&[&["status", "-o", "json"], arguments].concat());
    (ran.code, serde_json::from_str(&ran.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn status_counts_rows_of_jobs_and_sets() {
    let (applied, now) = fleet().await;
    let (code, status) = json(&applied, &[]);
    let tally = |[groups, targets, leased, kept, expired, broken]: [usize; 6], updated_at: Option<i64>| {
        json!({"groups": groups, "targets": targets, "leased": leased, "kept": kept, "expired": expired,
               "broken": broken, "updated_at": updated_at})
    };
    let named = |what: &str, name: Value, mut tally: Value| {
        tally[what] = name;
        tally
    };
    let jobs = json!([
        named("job", json!("gone"), tally([0, 0, 0, 0, 1, 0], None)),
        named("job", json!("leased"), tally([4, 5, 1, 3, 1, 0], Some(now - 120))),
        named("job", json!("node"), tally([3, 4, 0, 0, 0, 0], Some(now - 7200))),
        named("job", json!("zz"), tally([1, 1, 0, 0, 0, 1], None)),
    ]);
    let sets = json!([
        named("set", json!(null), tally([6, 7, 1, 3, 2, 0], Some(now - 120))),
        named("set", json!("fleet"), tally([2, 3, 0, 0, 0, 0], Some(now - 7200))),
        named("set", json!("other"), tally([0, 0, 0, 0, 0, 1], None)),
    ]);
    assert_eq!((code, &status["jobs"], &status["sets"]), (2, &jobs, &sets));
    assert_eq!(status["total"], tally([8, 10, 1, 3, 2, 1], Some(now - 120)));
    let fault = "targets is a string (S), but must be a list or set of strings";
    assert_eq!(status["broken_rows"], json!([{"job": "zz", "group": "broken", "fault": fault}]));

    // The same numbers if each page has one row.
    let pages = FaultyDynamo::with_pages_of(1, &applied.dynamo);
    let ran = run(sdctl_at(&pages.endpoint()).args(["status", "-o", "json"]));
    let again: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&again["jobs"], &again["sets"]), (&jobs, &sets));
}

#[tokio::test(flavor = "multi_thread")]
async fn status_shows_what_is_wrong_first() {
    let (applied, _) = fleet().await;
    let ran = applied.run(&["status"]);
    let firsts: Vec<&str> = ran.stdout.lines().map(|line| line.split("  ").next().unwrap()).collect();
    let expected = ["JOB", "zz", "gone", "leased", "node", "4 jobs", "", "SET", "other", "-", "fleet", ""];
    assert_eq!((ran.code, &firsts[..12]), (2, &expected[..]), "{ran:?}");
    assert_eq!(firsts.len(), 14, "{ran:?}");
    assert!(firsts[12].starts_with("broken: group \"broken\" of job \"zz\": targets is a string"), "{ran:?}");
    assert!(firsts[13].starts_with("kept: 3 groups, because leases lapsed together"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_of_some_jobs_ignores_others() {
    let (applied, now) = fleet().await;
    for (arguments, code, expected) in [
        (&["node"][..], 0, &["node"][..]),
        (&["n*"], 0, &["node"]),
        (&["*e*"], 0, &["gone", "leased", "node"]),
        (&["zz"], 2, &["zz"]),
        (&["absent*"], 0, &[]),
    ] {
        let (found, status) = json(&applied, arguments);
        let jobs: Vec<&str> =
            status["jobs"].as_array().unwrap().iter().map(|job| job["job"].as_str().unwrap()).collect();
        assert_eq!((found, jobs.as_slice()), (code, expected), "{arguments:?}");
    }
    assert_eq!(applied.run(&["status", "absent*"]).done(), "no row matches\n");
    assert!(applied.run(&["status", "nod"]).failed().contains("job \"nod\" not found"));
    let without_sets = applied.run(&["status", "leased"]).done();
    assert!(!without_sets.contains("SET"), "{without_sets}");
    let milliseconds = n(now * 1000);
    Row::new("node", "ms", &["a:1"]).with("expires_at", milliseconds).put(&applied.dynamo).await;
    let text = applied.run(&["status", "node"]).done();
    assert!(text.contains("expires_at of group \"ms\" of job \"node\" looks like milliseconds"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_of_empty_or_missing_table() {
    let applied = Applied::new().await;
    let text = applied.run(&["status"]).done();
    assert!(text.starts_with("table \"http-sd\" is empty. Add groups") && text.lines().count() == 1, "{text}");
    let (code, status) = json(&applied, &[]);
    assert_eq!((code, &status["jobs"], &status["total"]["groups"]), (0, &json!([]), &json!(0)));
    let none = run(sdctl().args(["status", "--data"]).arg(applied.folder.path().join("none"))).failed();
    assert!(none.contains("no local table in "), "{none}");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_names_at_most_ten_broken_rows() {
    let applied = Applied::new().await;
    put_all(&applied.dynamo, (0..12).map(|i| Row::key("node", &format!("{i:02}")))).await;
    let ran = applied.run(&["status"]);
    assert_eq!(ran.stdout.matches("broken: group").count(), 10, "{ran:?}");
    assert!(ran.code == 2 && ran.stdout.ends_with("and 2 more broken rows: sdctl get --state broken\n"), "{ran:?}");
}
