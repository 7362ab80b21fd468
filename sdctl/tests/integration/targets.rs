//! `sdctl targets add` and `rm`.

use std::{
    process::Stdio,
    sync::atomic::{AtomicBool, Ordering},
};

use http_sd_lambda::group::EpochSeconds;
use test_support::{
    Row,
    applied::{Applied, group},
    fault::{Fault, FaultyDynamo},
    row::{n, s},
    sdctl::{run, sdctl_at},
};
use tokio::task::spawn_blocking;

#[tokio::test(flavor = "multi_thread")]
async fn targets_change_and_other_attributes_stay() {
    let applied = Applied::new().await;
    let EpochSeconds(now) = EpochSeconds::now();
    Row::new("node", "web", &["a:1", "b:1", "a:1"])
        .labels([("env", "prod")])
        .with("expires_at", n(now + 600))
        .with("registered_by", s("host 1"))
        .with("mine", s("x"))
        .put(&applied.dynamo)
        .await;
    let ran = applied.run(&["targets", "add", "node", "web", "-t", "c:1", "-t", "d:1", "-t", "c:1", "-t", "b:1"]);
    assert!(ran.stderr.contains("note: already in the group: b:1\n"), "{ran:?}");
    assert!(ran.stderr.contains("note: the row had a lease"), "{ran:?}");
    let said = ran.done();
    assert!(said.contains("~ web") && said.contains("+ c:1, + d:1"), "{said}");
    let said = applied.run(&["targets", "rm", "node", "web", "-t", "a:1", "-t", "d:1"]).done();
    assert!(said.contains("- a:1, - d:1"), "{said}");
    assert_eq!(applied.served("node").await, [group(["b:1", "c:1"], [("env", "prod")])]);
    let row = applied.dynamo.row("node", "web").await.unwrap();
    for (name, value) in [("expires_at", n(now + 600)), ("registered_by", s("host 1")), ("mine", s("x"))] {
        assert_eq!(row[name], value, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn adding_known_targets_changes_nothing() {
    let applied = Applied::new().await;
    Row::new("node", "web", &["a:1"]).put(&applied.dynamo).await;
    let before = applied.dynamo.rows().await;
    let ran = applied.run(&["targets", "add", "node", "web", "-t", "a:1"]);
    assert!(ran.stderr.contains("already in the group: a:1"), "{ran:?}");
    assert_eq!(ran.done(), "unchanged: group \"web\" of job \"node\"\n");
    assert_eq!(applied.dynamo.rows().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn removing_a_missing_target_removes_none() {
    let applied = Applied::new().await;
    Row::new("node", "web", &["a:1", "b:1"]).put(&applied.dynamo).await;
    let before = applied.dynamo.rows().await;
    for dry_run in [&[][..], &["--dry-run"]] {
        let missing = applied.run(&[&["targets", "rm", "node", "web", "-t", "a:1", "-t", "c:1"], dry_run].concat());
        let expected = "error: nothing was changed: target \"c:1\" not found in group \"web\" of job \"node\"";
        assert!(missing.failed().starts_with(expected));
    }
    assert_eq!(applied.dynamo.rows().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn group_without_its_last_target_stays() {
    let applied = Applied::new().await;
    Row::new("node", "web", &["a:1"]).put(&applied.dynamo).await;
    let ran = applied.run(&["targets", "rm", "node", "web", "-t", "a:1"]);
    assert!(ran.stderr.contains("the group has no targets now, and stays in the table. Remove it with sdctl rm"));
    ran.done();
    assert_eq!(applied.served("node").await, [group([], [])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_dry_run_writes_nothing() {
    let applied = Applied::new().await;
    Row::new("node", "web", &["a:1"]).put(&applied.dynamo).await;
    let before = applied.dynamo.rows().await;
    for (action, target, code, text) in
        [("add", "b:1", 2, "+ b:1"), ("add", "a:1", 0, "unchanged"), ("rm", "a:1", 2, "- a:1")]
    {
        let ran = applied.run(&["targets", action, "node", "web", "-t", target, "--dry-run"]);
        assert!(ran.code == code && ran.stdout.contains(text), "{ran:?}");
        assert!(ran.stderr.contains("Comparing with table"), "{ran:?}");
    }
    assert_eq!(applied.dynamo.rows().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_of_missing_or_broken_group_fail() {
    let applied = Applied::new().await;
    Row::key("node", "broken").with("targets", s("a:1")).put(&applied.dynamo).await;
    let huge = "x".repeat(100_000);
    let labels = [("a", &*huge), ("b", &huge), ("c", &huge), ("d", &huge)];
    Row::new("node", "full", &["a:1"]).labels(labels).put(&applied.dynamo).await;
    let before = applied.dynamo.rows().await;
    for (name, target, error) in [
        ("missing", "a:1", "group \"missing\" not found in job \"node\""),
        ("broken", "a:1", "Fix the row first, for example with sdctl put"),
        ("broken", "a b", "target \"a b\" contains white space"),
        ("full", &format!("{}:1", "y".repeat(20_000)), "group \"full\" of job \"node\" is too large"),
    ] {
        for action in ["add", "rm"] {
            if (name, action) != ("full", "rm") {
                let failed = applied.run(&["targets", action, "node", name, "-t", target]).failed();
                assert!(failed.contains(error), "{failed:.300}");
            }
        }
    }
    assert_eq!(applied.dynamo.rows().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_changes_lose_no_target() {
    let applied = Applied::new().await;
    let targets: Vec<String> = (0..12).map(|i| format!("a{i:02}:1")).collect();
    let old: Vec<String> = (0..4).map(|i| format!("old{i}:1")).collect();
    let old: Vec<&str> = old.iter().map(String::as_str).collect();
    Row::new("node", "web", &old).put(&applied.dynamo).await;
    let start = |action: &str, target: &str| {
        let mut command = applied.command(&["targets", action, "node", "web", "-t", target]);
        (command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap(), target.to_owned())
    };
    let added = targets.iter().map(|target| start("add", target));
    let children: Vec<_> = added.chain(old.iter().map(|target| start("rm", target))).collect();
    for (child, target) in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{target}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let mut served = applied.served("node").await.remove(0).targets;
    served.sort();
    assert_eq!(served, targets);
}

/// Another writer changes the row after `targets add` has read it.
#[tokio::test(flavor = "multi_thread")]
async fn target_added_meanwhile_stays() {
    let applied = Applied::new().await;
    let faulty = FaultyDynamo::before(&applied.dynamo);
    Row::new("node", "web", &["a:1"]).put(&applied.dynamo).await;
    let mut held = faulty.hold(|asked| asked.operation == "UpdateItem");
    let mut add = sdctl_at(&faulty.endpoint());
    add.args(["targets", "add", "node", "web", "-t", "c:1"]);
    let add = spawn_blocking(move || run(&mut add));
    let write = held.next().await;
    Row::new("node", "web", &["a:1", "b:1"]).put(&applied.dynamo).await;
    drop((write, held));
    add.await.unwrap().done();
    assert_eq!(applied.served("node").await, [group(["a:1", "b:1", "c:1"], [])]);
}

/// The first write succeeds, but its response is lost, so the SDK writes again.
#[tokio::test(flavor = "multi_thread")]
async fn lost_response_is_no_missing_target() {
    let applied = Applied::new().await;
    let faulty = FaultyDynamo::before(&applied.dynamo);
    Row::new("node", "web", &["a:1", "b:1"]).put(&applied.dynamo).await;
    let first = AtomicBool::new(true);
    faulty.fail(move |operation, _| match operation {
        "UpdateItem" if first.swap(false, Ordering::Relaxed) => Fault::LostAnswer,
        _ => Fault::None,
    });
    let said = run(sdctl_at(&faulty.endpoint()).args(["targets", "rm", "node", "web", "-t", "b:1"])).done();
    assert!(said.contains("- b:1"), "{said}");
    assert_eq!(applied.served("node").await, [group(["a:1"], [])]);
}
