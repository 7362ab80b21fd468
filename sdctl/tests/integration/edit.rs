//! `sdctl get`, `put`, `rm` and `label`.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, KeyType, ScalarAttributeType};
use http_sd_lambda::group::EpochSeconds;
use serde_json::Value;
use test_support::{
    Row,
    applied::{Applied, group},
    fault::FaultyDynamo,
    row::{n, put_all, s, tenths_of_a_page},
    sdctl::{run, run_with, sdctl, sdctl_at},
};
use tokio::task::spawn_blocking;

#[tokio::test(flavor = "multi_thread")]
async fn put_creates_replaces_and_keeps_unknown_attributes() {
    let applied = Applied::new().await;
    let EpochSeconds(before) = EpochSeconds::now();
    let said = applied.run(&["put", "node", "web", "-t", "a:1", "-t", "b:1", "-l", "env=prod", "-l", "x=a=b"]).done();
    assert!(said.contains("+ web") && said.contains("a:1, b:1") && said.contains(r#"env=prod, x="a=b""#), "{said}");
    assert_eq!(applied.served("node").await, [group(["a:1", "b:1"], [("env", "prod"), ("x", "a=b")])]);
    let row = applied.dynamo.row("node", "web").await.unwrap();
    let updated_at = row["updated_at"].as_n().unwrap().parse::<i64>().unwrap();
    assert!((before..=EpochSeconds::now().0).contains(&updated_at), "{updated_at}");
    assert!(!row.contains_key("expires_at") && !row.contains_key("managed_by"));

    Row::new("node", "web", &["a:1"]).with("mine", s("x")).with("expires_at", n(1)).put(&applied.dynamo).await;
    let said = applied.run(&["put", "node", "web", "--target", "c:1", "--yes"]).done();
    assert!(said.contains("~ web") && said.contains("+ c:1") && said.contains("- a:1"), "{said}");
    assert_eq!(applied.served("node").await, [group(["c:1"], [])]);
    let row = applied.dynamo.row("node", "web").await.unwrap();
    assert_eq!(row["mine"], s("x"));
    assert!(!row.contains_key("expires_at"));
    let again = applied.run(&["put", "node", "web", "--target", "c:1"]).done();
    assert_eq!(again, "unchanged: group \"web\" of job \"node\"\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn put_asks_before_it_removes_targets() {
    let applied = Applied::new().await;
    applied.run(&["put", "node", "web", "-t", "a:1", "-t", "b:1", "-l", "env=prod"]).done();
    let put = ["put", "node", "web", "-t", "b:1", "-t", "c:1"];
    let refused = applied.run(&put);
    assert!(refused.stdout.contains("~ web") && refused.stdout.contains("- a:1"), "{refused:?}");
    assert!(refused.failed().ends_with("cannot ask for confirmation without a terminal. Add --yes"));
    assert_eq!(applied.served("node").await, [group(["a:1", "b:1"], [("env", "prod")])]);
    for yes in ["-y", "--yes"] {
        let said = applied.run(&[&put[..], &[yes]].concat()).done();
        assert_eq!(said.matches("- a:1").count(), usize::from(yes == "-y"), "{said}");
        assert_eq!(applied.served("node").await, [group(["b:1", "c:1"], [])]);
    }
    // No target goes.
    applied.run(&["put", "node", "web", "-t", "c:1", "-t", "b:1", "-t", "d:1", "-l", "env=test", "--ttl", "1h"]).done();
    // The function serves none of the targets before.
    Row::new("node", "expired", &["a:1"]).with("expires_at", n(1)).put(&applied.dynamo).await;
    Row::key("node", "broken").with("targets", s("a:1")).put(&applied.dynamo).await;
    for name in ["expired", "broken"] {
        applied.run(&["put", "node", name, "-t", "x:1"]).done();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn put_dry_run_shows_the_difference_only() {
    let applied = Applied::new().await;
    let put = |more: &[&str]| applied.run(&[&["put", "node", "web", "-t", "a:1"], more].concat());
    let (code, said) = put(&["--dry-run"]).code_and_text();
    assert!(code == 2 && said.contains("+ web") && said.contains("Comparing with table"), "{said}");
    assert!(applied.dynamo.rows().await.is_empty());
    put(&[]).done();
    let before = applied.dynamo.rows().await;
    assert_eq!(put(&["--dry-run"]).done(), "unchanged: group \"web\" of job \"node\"\n");
    for arguments in [&["--ttl", "1h"][..], &["-l", "a=b"], &["-t", "b:1"]] {
        let (code, said) = put(&[arguments, &["--dry-run"]].concat()).code_and_text();
        assert!(code == 2 && said.contains("~ web"), "{said}");
    }
    let (code, said) = applied.run(&["put", "node", "web", "-t", "b:1", "--dry-run"]).code_and_text();
    assert!(code == 2 && said.contains("- a:1"), "{said}");
    assert_eq!(applied.dynamo.rows().await, before);
}

/// Another writer adds a target after `put` has read the row.
#[tokio::test(flavor = "multi_thread")]
async fn put_asks_about_targets_added_meanwhile() {
    let applied = Applied::new().await;
    let faulty = FaultyDynamo::before(&applied.dynamo);
    for (target, code) in [("a:1", 0), ("b:1", 1)] {
        Row::new("node", "web", &["a:1"]).put(&applied.dynamo).await;
        let mut held = faulty.hold(|asked| asked.operation == "UpdateItem");
        let mut put = sdctl_at(&faulty.endpoint());
        put.args(["put", "node", "web", "-t", "a:1", "-l", "env=prod"]);
        let put = spawn_blocking(move || run(&mut put));
        let write = held.next().await;
        Row::new("node", "web", &[target]).labels([("new", "1")]).put(&applied.dynamo).await;
        drop((write, held));
        let ran = put.await.unwrap();
        assert_eq!(ran.code, code, "{ran:?}");
        let kept = if code == 0 { [group(["a:1"], [("env", "prod")])] } else { [group(["b:1"], [("new", "1")])] };
        assert_eq!(applied.served("node").await, kept);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_with_ttl_stays_one_day_after_expiry() {
    let applied = Applied::new().await;
    let said = applied.run(&["put", "node", "web", "-t", "a:1", "--ttl", "15m"]).done();
    assert!(said.contains("lease    expires in 15m"), "{said}");
    let row = applied.dynamo.row("node", "web").await.unwrap();
    let time = |name: &str| row[name].as_n().unwrap().parse::<i64>().unwrap();
    assert_eq!(time("expires_at"), time("updated_at") + 900);
    assert_eq!(time("delete_at"), time("expires_at") + 86_400);
    let listed = applied.run(&["get", "node"]).done();
    assert!(listed.contains("expires in 1"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn group_above_400_kb_is_rejected_with_remedy() {
    let applied = Applied::new().await;
    // Linux limits one argument to 128 KB.
    let label = |i: usize| format!("l{i}={}", "x".repeat(100_000));
    let put = |labels: usize| {
        let mut arguments = vec!["put".to_owned(), "j".into(), "g".into(), "-t".into(), "a:1".into()];
        arguments.extend((0..labels).flat_map(|i| ["-l".to_owned(), label(i)]));
        arguments
    };
    let run = |arguments: &[String]| applied.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let expected =
        "error: group \"g\" of job \"j\" is too large: a row holds at most 400 KB. Split its targets into several";
    let said = run(&put(5)).failed();
    assert!(said.starts_with(expected), "{said:.300}");
    assert!(applied.dynamo.rows().await.is_empty());
    run(&put(4)).done();
    // Only DynamoDB knows the size of the whole row.
    let said = run(&["label".into(), "j".into(), "g".into(), label(4)]).failed();
    assert!(said.starts_with("error: table \"http-sd\" rejects the request: ValidationException"), "{said:.300}");
    assert_eq!(applied.dynamo.row("j", "g").await.unwrap()["labels"].as_m().unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn put_rejects_invalid_groups() {
    let applied = Applied::new().await;
    for (arguments, error) in [
        (vec!["", "g", "-t", "a:1"], "job \"\" is empty"),
        (vec!["j", "", "-t", "a:1"], "group \"\" is empty"),
        (vec!["j", "g", "-t", "a b"], "target \"a b\" contains white space"),
        (vec!["j", "g", "-t", "a:1", "-l", "a-b=c"], "label \"a-b\" is not a label name that Prometheus 2 accepts"),
        (vec!["j", "g", "-t", "a:1", "-l", "=c"], "label \"\" is empty"),
        (vec!["j", "g", "-t", "a:1", "-l", "a"], "use NAME=VALUE"),
        (vec!["j", "g", "-t", "a:1", "--ttl", "soon"], "Use a duration such as 90s, 15m or 1h30m"),
        (vec!["j", "g", "-t", "a:1", "--ttl", "0s"], "at least 1"),
        (vec!["j", "g", "-t", "a:1", "--ttl", "1500ms"], "must be a whole number of seconds"),
        (vec!["j", "g"], "--target <TARGET>"),
    ] {
        let ran = run(applied.command(&["put"]).args(&arguments));
        assert!(ran.code == 1 && ran.stderr.contains(error), "{arguments:?}: {ran:?}");
    }
    assert!(applied.dynamo.rows().await.is_empty());
    let utf8 = run(applied.command(&["put", "j", "g", "-t", "a:1", "-l", "a-b=c"]).env("HTTP_SD_LABEL_NAMES", "utf8"));
    utf8.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn rm_removes_only_named_groups_or_job() {
    let applied = Applied::new().await;
    for (job, name) in [("node", "a"), ("node", "b"), ("node", "c"), ("other", "a")] {
        Row::new(job, name, &["x:1"]).put(&applied.dynamo).await;
    }
    let names =
        || async { applied.dynamo.rows().await.into_keys().map(|(job, name)| job + "/" + &name).collect::<Vec<_>>() };
    let said = applied.run(&["rm", "node", "a"]).done();
    assert_eq!(said, "job \"node\": 1 group with 1 target removed\n  - a\n      targets  x:1\n");
    assert_eq!(names().await, ["node/b", "node/c", "other/a"]);
    let missing = applied.run(&["rm", "node", "no", "b"]).failed();
    assert_eq!(missing, "error: group \"no\" not found in job \"node\". List the groups of the job with sdctl get");
    assert_eq!(names().await, ["node/c", "other/a"]);
    assert!(
        applied
            .run(&["rm", "node"])
            .failed()
            .contains("nothing was changed: cannot ask for confirmation without a terminal. Add --yes")
    );
    assert_eq!(names().await, ["node/c", "other/a"]);
    let missing = applied.run(&["rm", "node", "no", "neither", "no"]).failed();
    assert!(missing.starts_with("error: groups \"neither\", \"no\" not found in job \"node\". "), "{missing}");
    let said = applied.run(&["rm", "node", "-y"]).done();
    assert!(said.contains("  - c\n      targets  x:1\n"), "{said}");
    assert!(said.ends_with("removed job \"node\": 1 group with 1 target\n"), "{said}");
    assert_eq!(names().await, ["other/a"]);
    assert!(applied.run(&["rm", "node", "-y"]).failed().contains("job \"node\" not found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rm_dry_run_shows_rows_and_removes_none() {
    let applied = Applied::new().await;
    Row::new("node", "a", &["a:1", "b:1"]).labels([("env", "prod")]).put(&applied.dynamo).await;
    Row::key("node", "broken").with("targets", s("x")).put(&applied.dynamo).await;
    let before = applied.dynamo.rows().await;
    for arguments in [&["node", "a"][..], &["node"], &["--match", r#"{env="prod"}"#], &["node", "broken", "a"]] {
        let (code, said) = applied.run(&[&["rm", "--dry-run"], arguments].concat()).code_and_text();
        assert_eq!(code, 2, "{said}");
        assert!(said.contains("to remove\n  - a\n      targets  a:1, b:1\n      labels   env=prod\n"), "{said}");
        assert!(said.contains("Comparing with table"), "{said}");
    }
    for arguments in [&["node", "no", "a"][..], &["nod"], &["--set", "absent"]] {
        applied.run(&[&["rm", "--dry-run"], arguments].concat()).failed();
    }
    assert_eq!(applied.dynamo.rows().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn rm_warns_of_rows_that_come_back() {
    let applied = Applied::new().await;
    let put = async || {
        applied.dynamo.delete("node", "put").await;
        applied.run(&["put", "node", "put", "-t", "a:1", "--ttl", "1h"]).done();
        for (name, host, ends) in [("one", "host-1", 600), ("two", "host-2", 600), ("old", "host-3", -600)] {
            let end = EpochSeconds::now().0 + ends;
            let row = Row::new("node", name, &["a:1"]).with("registered_by", s(&format!("{host}/0123456789abcdef")));
            row.with("expires_at", n(end)).put(&applied.dynamo).await;
        }
    };
    let one = "note: group \"one\" of job \"node\" is registered by sdctl on \"host-1\" until 20";
    for (arguments, notes) in [
        (&["node", "put", "old"][..], &[][..]),
        (&["node", "one"], &[one, ": if sdctl register still runs there"]),
        (&["node", "--yes"], &[one, ", and 1 more are registered"]),
        (&["node", "--target", "a*", "--yes"], &[one, ", and 1 more are registered"]),
    ] {
        put().await;
        let ran = applied.run(&[&["rm"], arguments].concat());
        assert!(notes.iter().all(|note| ran.stderr.contains(note)), "{arguments:?}: {ran:?}");
        assert_eq!(ran.stderr.contains("registered by"), !notes.is_empty(), "{arguments:?}: {ran:?}");
        ran.done();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn label_changes_the_selected_rows() {
    let applied = Applied::new().await;
    for (job, name, env) in
        [("node", "a", "test"), ("node", "b", "prod"), ("node_big", "c", "test"), ("db", "d", "test")]
    {
        Row::new(job, name, &["a:1"]).labels([("env", env), ("team", "old")]).put(&applied.dynamo).await;
    }
    Row::new("node", "done", &["a:1"]).labels([("env", "test"), ("team", "shop")]).put(&applied.dynamo).await;
    let before = applied.dynamo.rows().await;
    let label = ["label", "node*", "--match", r#"{env="test"}"#, "team=shop"];
    let (code, said) = applied.run(&[&label[..], &["--dry-run"]].concat()).code_and_text();
    assert_eq!(code, 2, "{said}");
    for part in [
        "unchanged: group \"done\" of job \"node\"\n",
        "job \"node\":\n  ~ a\n      labels   ~ team: old → shop\n",
        "job \"node_big\":\n  ~ c\n",
    ] {
        assert!(said.contains(part), "no {part:?} in:\n{said}");
    }
    assert!(applied.run(&label).failed().contains("nothing was changed: cannot ask for confirmation"));
    assert_eq!(applied.dynamo.rows().await, before);
    let said = applied.run(&[&label[..], &["--yes"]].concat()).done();
    assert!(said.ends_with("changed the labels of 2 groups\n"), "{said}");
    let teams = async || {
        let rows = applied.dynamo.rows().await;
        let team =
            |row: &HashMap<String, AttributeValue>| row["labels"].as_m().unwrap()["team"].as_s().unwrap().clone();
        rows.into_iter().map(|((_, name), row)| name + "=" + &team(&row)).collect::<Vec<_>>()
    };
    assert_eq!(teams().await, ["d=old", "a=shop", "b=old", "done=shop", "c=shop"]);
    assert_eq!(applied.run(&[&label[..], &["--dry-run"]].concat()).code, 0);
    // Here -l selects. One row needs no question.
    applied.run(&["label", "*", "-l", "team=old", "--match", r#"{env="prod"}"#, "team=new"]).done();
    assert_eq!(teams().await, ["d=old", "a=shop", "b=new", "done=shop", "c=shop"]);
    for (arguments, error) in [
        (&["node*", "web", "team=x"][..], "invalid label \"web\": use NAME=VALUE to set a label, NAME- to remove it"),
        (&["node", "team=x"], "label requires a label: NAME=VALUE sets it"),
        (&["node*", "--set", "absent", "team=x"], "nothing was changed: no row matches"),
        (&["nod", "-l", "a=b", "team=x"], "job \"nod\" not found"),
        (&["node", "-l", "a=b", "te-am=x"], "label \"te-am\" is not a label name"),
    ] {
        let failed = applied.run(&[&["label"], arguments].concat()).failed();
        assert!(failed.contains(error), "{arguments:?}: {failed}");
    }
}

/// Other writers change rows after `label` has read them.
#[tokio::test(flavor = "multi_thread")]
async fn label_skips_rows_that_match_no_more() {
    let applied = Applied::new().await;
    let faulty = FaultyDynamo::before(&applied.dynamo);
    for (env, code) in [("test", 0), ("prod", 1)] {
        Row::new("node", "a", &["a:1"]).labels([("env", "test")]).put(&applied.dynamo).await;
        let mut held = faulty.hold(|asked| asked.operation == "UpdateItem");
        let mut label = sdctl_at(&faulty.endpoint());
        label.args(["label", "node", "--match", r#"{env="test"}"#, "team=shop"]);
        let label = spawn_blocking(move || run(&mut label));
        let write = held.next().await;
        Row::new("node", "a", &["b:1"]).labels([("env", env)]).put(&applied.dynamo).await;
        drop((write, held));
        let ran = label.await.unwrap();
        assert_eq!(ran.code, code, "{ran:?}");
        let labels =
            if code == 0 { group(["b:1"], [("env", env), ("team", "shop")]) } else { group(["b:1"], [("env", env)]) };
        assert_eq!(applied.served("node").await, [labels]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn label_changes_labels_and_keeps_the_lease() {
    let applied = Applied::new().await;
    let EpochSeconds(now) = EpochSeconds::now();
    Row::new("node", "a", &["a:1"])
        .labels([("env", "prod"), ("old", "x")])
        .with("expires_at", n(now + 600))
        .with("managed_by", s("fleet"))
        .put(&applied.dynamo)
        .await;
    let ran = applied.run(&["label", "node", "a", "env=test", "new=1", "old-", "never-"]);
    assert!(ran.stderr.contains("note: the row belongs to the set \"fleet\""), "{ran:?}");
    let said = ran.done();
    for line in ["~ env: prod → test", "+ new=1", "- old=x"] {
        assert!(said.contains(line), "no {line:?} in:\n{said}");
    }
    assert_eq!(applied.served("node").await, [group(["a:1"], [("env", "test"), ("new", "1")])]);
    let row = applied.dynamo.row("node", "a").await.unwrap();
    assert_eq!((&row["expires_at"], &row["managed_by"]), (&n(now + 600), &s("fleet")));
    assert!(applied.run(&["label", "node", "no", "a=b"]).failed().contains("group \"no\" not found in job \"node\""));
    assert!(applied.run(&["label", "node", "a", "what"]).stderr.contains("NAME- to remove it"));
    Row::key("node", "broken").put(&applied.dynamo).await;
    let broken = applied.run(&["label", "node", "broken", "a=b"]).failed();
    assert!(broken.contains("targets is missing. Fix the row first, for example with sdctl put"), "{broken}");
}

async fn some_of_each(applied: &Applied) {
    let EpochSeconds(now) = EpochSeconds::now();
    Row::new("node", "good", &["a:1"]).labels([("env", "prod")]).put(&applied.dynamo).await;
    Row::new("node", "lapsed", &["b:1"]).with("expires_at", n(now - 7200)).put(&applied.dynamo).await;
    Row::new("node", "leased", &["c:1"]).with("expires_at", n(now + 7230)).put(&applied.dynamo).await;
    Row::key("odd", "broken\n").with("targets", s("x")).with("managed_by", s("fleet")).put(&applied.dynamo).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn get_marks_expired_and_broken_rows() {
    let applied = Applied::new().await;
    some_of_each(&applied).await;
    let table = applied.run(&["get"]).done();
    let line = |name: &str| {
        table.lines().find(|line| line.contains(name)).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("JOB"), "JOB GROUP LEASE TARGETS LABELS");
    assert_eq!(line("good"), "node good - a:1 env=prod");
    assert_eq!(line("lapsed"), "node lapsed expired 2h ago b:1");
    assert_eq!(line("leased"), "node leased expires in 2h c:1");
    assert_eq!(line("odd"), "odd broken\\n broken targets is a string (S), but must be a list or set of strings");
    assert!(applied.run(&["get", "odd", "-o", "wide"]).done().contains("fleet"));
    assert_eq!(applied.run(&["get", "node", "good"]).done().lines().count(), 2);

    let json: Value = serde_json::from_str(&applied.run(&["get", "-o", "json"]).done()).unwrap();
    let mut states: Vec<(&str, &str)> = json
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["group"].as_str().unwrap(), row["state"].as_str().unwrap()))
        .collect();
    states.sort_unstable();
    assert_eq!(states, [("broken\n", "broken"), ("good", "served"), ("lapsed", "lapsed"), ("leased", "served")]);
    let yaml = applied.run(&["get", "node", "good", "-o", "yaml"]).done();
    assert_eq!(yaml, "- job: node\n  group: good\n  state: served\n  targets:\n  - a:1\n  labels:\n    env: prod\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn get_marks_leases_in_milliseconds() {
    let applied = Applied::new().await;
    let EpochSeconds(now) = EpochSeconds::now();
    Row::new("node", "seconds", &["a:1"]).with("expires_at", n(now + 7230)).put(&applied.dynamo).await;
    assert_eq!(applied.run(&["get"]).stderr, "");
    for name in ["one", "two"] {
        Row::new("node", name, &["a:1"]).with("expires_at", n(now * 1000)).put(&applied.dynamo).await;
    }
    for arguments in [&["get"][..], &["get", "node", "-o", "json"], &["get", "node", "-o", "file_sd"]] {
        let ran = applied.run(arguments);
        let said = "note: expires_at of group \"one\" of job \"node\" (and of 1 more row) looks like milliseconds, so";
        assert!(ran.stderr.starts_with(said), "{ran:?}");
        ran.done();
    }
    let table = applied.run(&["get", "node", "one"]).done();
    assert!(table.contains("milliseconds?"), "{table}");
    let put = applied.run(&["put", "node", "one", "-t", "a:1", "--dry-run"]);
    assert!(put.stdout.contains("lease    milliseconds? → no lease"), "{put:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn file_sd_output_is_the_served_list() {
    let applied = Applied::new().await;
    some_of_each(&applied).await;
    let listed = applied.run(&["get", "node", "-o", "file_sd"]).done();
    let groups = test_support::prometheus::read(listed.as_bytes()).unwrap();
    assert_eq!(groups, applied.served("node").await);
    let broken = applied.run(&["get", "odd", "-o", "file_sd"]);
    assert!(serde_json::from_str::<Value>(&broken.stdout).is_err(), "{broken:?}");
    assert!(broken.failed().contains("Until then the function does not serve this job"));
    assert!(applied.run(&["get", "-o", "file_sd"]).failed().contains("-o file_sd requires a job. Name a job"));
    applied.dynamo.delete("node", "good").await;
    applied.dynamo.delete("node", "leased").await;
    assert_eq!(applied.run(&["get", "node", "-o", "file_sd"]).done(), "[]\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn get_reports_missing_rows() {
    let applied = Applied::new().await;
    let empty = applied.run(&["get"]);
    assert_eq!(empty.stderr, "table \"http-sd\" is empty. Add groups with sdctl put or sdctl apply\n");
    assert_eq!(empty.done(), "");
    assert_eq!(applied.run(&["get", "-o", "json"]).done(), "[]\n");
    assert_eq!(applied.run(&["get", "-o", "yaml"]).done(), "[]\n");
    let no_job = applied.run(&["get", "nod"]).failed();
    assert_eq!(no_job, "error: job \"nod\" not found. List all jobs with sdctl get");
    assert!(applied.run(&["get", "node", "web"]).failed().contains("group \"web\" not found in job \"node\""));
}

/// `get` prints each page as it arrives. A reader that closes the pipe early causes no error.
#[tokio::test(flavor = "multi_thread")]
async fn get_reads_every_page_despite_closed_pipe() {
    let applied = Applied::new().await;
    put_all(&applied.dynamo, tenths_of_a_page(45)).await;
    let json: Value = serde_json::from_str(&applied.run(&["get", "node", "-o", "json"]).done()).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 45);
    let piped = applied.shell("sdctl get -o json | head -n 1");
    assert!(piped.code == 0 && piped.stderr.is_empty(), "{piped:?}");
}

/// Colours are for terminals only.
#[tokio::test(flavor = "multi_thread")]
async fn piped_output_has_no_colours() {
    let applied = Applied::new().await;
    for arguments in [&["put", "node", "a", "-t", "a:1"][..], &["get"], &["get", "nope"], &["--help"]] {
        let ran = applied.run(arguments);
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains('\u{1b}'), "{ran:?}");
    }
}

/// Data for other programs stays as it is stored.
#[tokio::test(flavor = "multi_thread")]
async fn json_output_keeps_unprintable_characters() {
    let applied = Applied::new().await;
    let odd = "del\u{7f} esc\u{1b}[1m csi\u{9b}";
    Row::new("node", "web", &["a:1"]).labels([("odd", odd)]).put(&applied.dynamo).await;
    for format in ["json", "yaml", "file_sd"] {
        let printed = applied.run(&["get", "node", "-o", format]).done();
        let read =
            if format == "yaml" { yaml_serde::from_str(&printed).ok() } else { serde_json::from_str(&printed).ok() };
        let rows: Value = read.unwrap_or_else(|| panic!("{format}: {printed:?}"));
        assert_eq!(rows[0]["labels"]["odd"], odd, "{format}: {printed:?}");
    }
    let listed = applied.run(&["get", "node", "-o", "file_sd"]).done();
    let again = run_with(&mut applied.command(&["apply", "-f", "-", "--job", "node", "--yes"]), &listed).done();
    assert!(again.contains("Nothing to change: 1 group"), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn get_rejects_a_table_with_another_key() {
    let applied = Applied::new().await;
    applied.dynamo.client.delete_table().table_name("http-sd").send().await.unwrap();
    let missing = applied.run(&["get"]).failed();
    assert!(missing.starts_with("error: table \"http-sd\" not found. Check its name and the region"), "{missing}");
    applied.dynamo.create_other_table(&[("id", KeyType::Hash, ScalarAttributeType::S)]).await;
    let another = applied.run(&["get"]).failed();
    assert!(another.starts_with("error: table \"http-sd\" cannot hold target groups"), "{another}");
}

#[test]
fn get_creates_no_local_table() {
    let folder = tempfile::TempDir::new().unwrap();
    for data in [folder.path().to_owned(), folder.path().join("none")] {
        let missing = run(sdctl().args(["get", "--data"]).arg(&data)).failed();
        let said = format!("no local table in {}. Create it with sdctl serve, put or apply", data.display());
        assert!(missing.starts_with(&format!("error: {said}")), "{missing}");
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    run(sdctl().args(["table", "create", "--data"]).arg(folder.path())).done();
    let empty = run(sdctl().args(["get", "--data"]).arg(folder.path()));
    let said = format!("the local table \"http-sd\" in {} is empty. Add groups", folder.path().display());
    assert!(empty.stderr.starts_with(&said), "{empty:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sdctl_prints_help_version_and_details() {
    let applied = Applied::new().await;
    assert_eq!(applied.run(&["--version"]).done(), concat!("sdctl ", env!("CARGO_PKG_VERSION"), "\n"));
    assert!(applied.run(&["help"]).done().contains("Usage: sdctl"));
    assert!(applied.run(&["help", "put"]).done().contains("Usage: sdctl put"));
    let detailed = run(applied.command(&["-v", "get"]).env("RUST_LOG", "off"));
    let is_request = |line: &str| line.contains(" of table \"http-sd\": 200 in ") && line.ends_with(" ms");
    let requests = detailed.stderr.lines().filter(|line| is_request(line)).count();
    assert!(requests >= 1 && detailed.stderr.contains("DEBUG Scan of"), "{detailed:?}");
    // The message that the table is empty is the only other line.
    assert_eq!(detailed.stderr.lines().count(), requests + 1, "{detailed:?}");
    let more = run(applied.command(&["-vv", "get"]).env("RUST_LOG", "off"));
    assert!(more.stderr.lines().count() > requests + 5, "{more:?}");
    let twice = applied.run(&["put", "node", "web", "-t", "a:1", "-l", "a=1", "-l", "a=2"]).failed();
    assert_eq!(twice, "error: label \"a\" occurs twice");
}
