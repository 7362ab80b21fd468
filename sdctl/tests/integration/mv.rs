//! `sdctl mv`.

use http_sd_lambda::group::EpochSeconds;
use rustix::process::Signal;
use test_support::{
    Row,
    applied::{Applied, group},
    fault::FaultyDynamo,
    half_poll::HalfPoll,
    process::Process,
    row::{list, n, s},
    sdctl::{run, sdctl_at},
};
use tokio::task::spawn_blocking;

/// Returns the keys of all rows.
async fn keys(applied: &Applied) -> Vec<String> {
    applied.dynamo.rows().await.into_keys().map(|(job, name)| format!("{job} {name}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn mv_keeps_every_attribute() {
    let applied = Applied::new().await;
    let EpochSeconds(now) = EpochSeconds::now();
    let row = |job: &str, name: &str| {
        Row::new(job, name, &["a:1", "b:1"])
            .labels([("env", "prod")])
            .with("expires_at", n(now + 600))
            .with("managed_by", s("fleet"))
            .with("updated_at", n(1000))
            .with("mine", list([s("x"), n("1.50")]))
    };
    let expected = Applied::new().await;
    for (arguments, old, new) in [
        (&["node", "web", "a/b"][..], ("node", "web"), ("node", "a/b")),
        (&["node", "web", "other", "web"], ("node", "web"), ("other", "web")),
        (&["node", "other"], ("node", "web"), ("other", "web")),
    ] {
        row(old.0, old.1).put(&applied.dynamo).await;
        let said = applied.run(&[&["mv"], arguments, &["--settle", "0", "--yes"]].concat()).done();
        assert!(said.contains("moved ") && said.ends_with("2 targets\n"), "{said}");
        row(new.0, new.1).put(&expected.dynamo).await;
        assert_eq!(applied.dynamo.rows().await, expected.dynamo.rows().await, "{arguments:?}");
        applied.dynamo.delete(new.0, new.1).await;
        expected.dynamo.delete(new.0, new.1).await;
    }
}

/// The poll in progress has passed the place of the new row. Without the wait it misses the target, so the test proves
/// that the wait is needed.
#[tokio::test(flavor = "multi_thread")]
async fn poll_between_two_pages_finds_moved_group() {
    for (settle, found) in [("0", &["stays:1"][..]), ("5m", &["moves:1", "stays:1"])] {
        let applied = Applied::new().await;
        Row::new("node", "b", &["stays:1"]).put(&applied.dynamo).await;
        Row::new("node", "c", &["moves:1"]).put(&applied.dynamo).await;
        let poll = HalfPoll::start(&applied.dynamo).await;
        let mut command = applied.command(&["mv", "node", "c", "a", "--settle", settle]);
        // It ends with the test.
        let _moving = if settle == "0" {
            run(&mut command).done();
            None
        } else {
            let mut moving = Process::start(&mut command);
            moving.wait_for("waiting 5m before removing 1 moved target from its old row");
            Some(moving)
        };
        assert_eq!(poll.finish().await, found);
        assert_eq!(HalfPoll::start(&applied.dynamo).await.finish().await, ["moves:1", "stays:1"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn renaming_a_job_shows_a_plan_and_asks() {
    let applied = Applied::new().await;
    for name in ["a", "b"] {
        Row::new("node", name, &["x:1"]).put(&applied.dynamo).await;
    }
    Row::key("node", "broken")
        .with("managed_by", s("fleet"))
        .with("registered_by", s("h 1"))
        .put(&applied.dynamo)
        .await;
    let before = applied.dynamo.rows().await;
    let ran = applied.run(&["mv", "node", "api", "--dry-run"]);
    assert_eq!(ran.stdout, "job \"node\" → job \"api\": 3 groups with 2 targets\n  a\n  b\n  broken\n");
    assert!(ran.code == 2 && ran.stderr.contains("note: the set \"fleet\" owns rows of this plan"), "{ran:?}");
    assert!(ran.stderr.contains("note: sdctl register writes rows of this plan"), "{ran:?}");
    let refused = applied.run(&["mv", "node", "api"]).failed();
    assert!(refused.contains("cannot ask for confirmation without a terminal. Add --yes"), "{refused}");
    assert_eq!(applied.dynamo.rows().await, before);
    let said = applied.run(&["mv", "node", "api", "--yes", "--settle", "0"]).done();
    assert!(said.ends_with("moved job \"node\" to job \"api\": 3 groups with 2 targets\n"), "{said}");
    assert_eq!(keys(&applied).await, ["api a", "api b", "api broken"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mv_refuses_missing_and_equal_names() {
    let applied = Applied::new().await;
    Row::new("node", "web", &["a:1"]).put(&applied.dynamo).await;
    for (arguments, error) in [
        (&["no", "api"][..], "job \"no\" not found"),
        (&["node", "no", "web"], "group \"no\" not found in job \"node\""),
        (&["node", "node"], "the old and the new name are equal"),
        (&["node", "web", "web"], "the old and the new name are equal"),
        (&["node", "web", "node", "web"], "the old and the new name are equal"),
        (&["node", ""], "job \"\" is empty"),
        (&["node", "web", ""], "group \"\" is empty"),
    ] {
        let failed = applied.run(&[&["mv", "--yes"], arguments].concat()).failed();
        assert!(failed.contains(error), "{failed}");
    }
    for arguments in [&["mv", "node"][..], &["mv", "node", "a", "b", "c", "d"]] {
        assert_eq!(applied.run(arguments).code, 1);
    }
    assert_eq!(keys(&applied).await, ["node web"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mv_refuses_an_existing_destination() {
    let applied = Applied::new().await;
    for (job, name, target) in
        [("node", "web", "a:1"), ("node", "db", "b:1"), ("api", "x", "c:1"), ("one", "web", "d:1")]
    {
        Row::new(job, name, &[target]).put(&applied.dynamo).await;
    }
    let before = applied.dynamo.rows().await;
    for (arguments, error) in [
        (&["node", "web", "db"][..], "group \"db\" of job \"node\" exists with other content"),
        (&["node", "one"], "group \"web\" of job \"one\" exists with other content"),
        (&["node", "api"], "job \"api\" exists, with the group \"x\". Choose another name, or move single groups"),
    ] {
        let failed = applied.run(&[&["mv", "--yes", "--settle", "0"], arguments].concat()).failed();
        assert!(failed.contains("nothing was changed: ") && failed.contains(error), "{failed}");
    }
    assert_eq!(applied.dynamo.rows().await, before);
    applied.run(&["mv", "node", "web", "api", "web", "--settle", "0"]).done();
    assert_eq!(keys(&applied).await, ["api web", "api x", "node db", "one web"]);
}

/// During the wait both rows exist. A second run continues, also after some of the old rows are gone.
#[tokio::test(flavor = "multi_thread")]
async fn interrupted_mv_continues_when_run_again() {
    let applied = Applied::new().await;
    for name in ["a", "b"] {
        Row::new("node", name, &[&format!("{name}:1")]).put(&applied.dynamo).await;
    }
    let arguments = ["mv", "node", "api", "--yes", "--settle", "5m"];
    let mut moving = Process::start(&mut applied.command(&arguments));
    moving.wait_for("waiting 5m before removing 2 moved targets from their old rows");
    assert_eq!(applied.served("node").await, applied.served("api").await);
    assert_eq!(moving.stop_with(Signal::INT).code(), Some(1));
    let output = moving.whole_output();
    let stopped =
        "stopped by a signal: 0 of 2 old rows of job \"node\" removed. Run the same command again to continue";
    assert!(output.contains(stopped), "{output}");
    assert_eq!(keys(&applied).await, ["api a", "api b", "node a", "node b"]);

    // One new row of the earlier run is missing.
    applied.dynamo.delete("api", "b").await;
    let mut moving = Process::start(&mut applied.command(&arguments));
    let output = moving.wait_for("waiting 5m before removing 2 moved targets");
    assert!(output.contains("1 group of an earlier run: the new row is equal"), "{output}");
    moving.stop_with(Signal::TERM);
    // One old row of the earlier run is removed.
    applied.dynamo.delete("node", "a").await;
    applied.run(&["mv", "node", "api", "--yes", "--settle", "0"]).done();
    assert_eq!(keys(&applied).await, ["api a", "api b"]);
    assert_eq!(applied.served("api").await, [group(["a:1"], []), group(["b:1"], [])]);
}

/// Another writer changes the old row, or removes the new one, before the old row is removed.
#[tokio::test(flavor = "multi_thread")]
async fn old_row_stays_after_another_write() {
    for (operation, nth, error) in [
        ("DeleteItem", 1, "another writer changed group \"web\" of job \"node\". 0 of 1 old row"),
        ("GetItem", 3, "another writer changed group \"new\" of job \"node\" during the wait. The old rows stay"),
    ] {
        let applied = Applied::new().await;
        let faulty = FaultyDynamo::before(&applied.dynamo);
        Row::new("node", "web", &["a:1"]).put(&applied.dynamo).await;
        let mut held = faulty.hold(move |asked| asked.operation == operation);
        let mut mv = sdctl_at(&faulty.endpoint());
        mv.args(["mv", "node", "web", "new", "--settle", "0"]);
        let mv = spawn_blocking(move || run(&mut mv));
        for _ in 1..nth {
            held.next().await.pass().await;
        }
        let request = held.next().await;
        if operation == "DeleteItem" {
            Row::new("node", "web", &["a:1", "b:1"]).put(&applied.dynamo).await;
        } else {
            applied.dynamo.delete("node", "new").await;
        }
        drop((request, held));
        let failed = mv.await.unwrap().failed();
        assert!(failed.contains(error), "{failed}");
        assert!(applied.dynamo.row("node", "web").await.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_too_large_for_its_new_name_stays() {
    let applied = Applied::new().await;
    // 400 KB less the names, and less the key and 100 bytes.
    let padding = "x".repeat(400 * 1024 - 200);
    Row::new("node", "web", &["a:1"]).labels([("l", &padding)]).put(&applied.dynamo).await;
    Row::new("node", "small", &["b:1"]).put(&applied.dynamo).await;
    let before = applied.dynamo.rows().await;
    let long = "j".repeat(1000);
    let failed = applied.run(&["mv", "node", &long, "--yes", "--settle", "0"]).failed();
    let error = "error: nothing was changed: group \"web\" does not fit a row of 400 KB under its new name";
    assert!(failed.starts_with(error), "{failed:.300}");
    assert_eq!(applied.dynamo.rows().await, before);
    applied.run(&["mv", "node", "api", "--yes", "--settle", "0"]).done();
    assert_eq!(keys(&applied).await, ["api small", "api web"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mv_renames_a_large_job() {
    let applied = Applied::new().await;
    let padding = "x".repeat(3000);
    let rows = (0..250).map(|i| Row::new("node", &format!("{i:03}"), &["a:1"]).labels([("p", &padding)]));
    test_support::row::put_all(&applied.dynamo, rows).await;
    let said = applied.run(&["mv", "node", "api", "--yes", "--settle", "0"]).done();
    assert!(said.contains("… and 230 more"), "{said}");
    assert!(keys(&applied).await.iter().all(|key| key.starts_with("api ")));
    assert_eq!(applied.served("api").await.len(), 250);
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_finds_a_renamed_row() {
    let applied = Applied::new().await;
    let json = r#"[{"targets":["a:1"],"labels":{"env":"prod"}}]"#;
    applied.apply(json, &["--prune"]).done();
    let (_, old) = applied.dynamo.rows().await.into_keys().next().unwrap();
    applied.run(&["mv", "node", &old, "web", "--settle", "0"]).done();
    let said = applied.apply(json, &["--prune"]).done();
    assert!(said.contains("Nothing to change"), "{said}");
    assert_eq!(keys(&applied).await, ["node web"]);
}
