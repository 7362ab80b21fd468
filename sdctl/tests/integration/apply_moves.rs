//! `sdctl apply` moves targets between rows while polls read the table.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use test_support::{Row, applied::Applied, half_poll::HalfPoll, process::Process, row::n};

/// Two rows: the first page of a poll has `a`, the second page has `b`.
const BEFORE: &str =
    r#"[{"targets":["stays-a:1"],"labels":{"z":"a"}},{"targets":["stays-b:1","moves:1"],"labels":{"z":"b"}}]"#;
/// `moves:1` is in `a`, and `b` has another target.
const CHANGED: &str =
    r#"[{"targets":["stays-a:1","moves:1"],"labels":{"z":"a"}},{"targets":["stays-b:1"],"labels":{"z":"b"}}]"#;
/// `moves:1` is in `a`, and `b` is removed.
const REMOVED: &str = r#"[{"targets":["stays-a:1","moves:1"],"labels":{"z":"a"}}]"#;
/// `moves:1` is in a new row, on a page before both.
const ADDED: &str = r#"[{"targets":["stays-a:1"],"labels":{"z":"a"}},{"targets":["stays-b:1"],"labels":{"z":"b"}},
    {"targets":["moves:1"],"labels":{"z":"A"}}]"#;

const APPLY: [&str; 8] = ["apply", "-f", "node.json", "--set", "fleet", "--prune", "--max-removed=100", "--yes"];

fn with_settle(settle: &str) -> Vec<&str> {
    [&APPLY[..], &["--settle", settle]].concat()
}

/// Applies [`BEFORE`], long ago.
async fn before() -> Applied {
    let applied = Applied::new().await;
    applied.write("node.json", BEFORE);
    applied.run(&APPLY).done();
    age(&applied).await;
    applied
}

/// Changes the times of all last writes to long ago.
async fn age(applied: &Applied) {
    for ((job, group), row) in applied.dynamo.rows().await {
        let row = row.into_iter().fold(Row::key(&job, &group), |row, (name, value)| row.with(&name, value));
        row.with("updated_at", n(1000)).put(&applied.dynamo).await;
    }
}

/// The same poll without the wait misses the target, so the test proves that the wait is needed.
#[tokio::test(flavor = "multi_thread")]
async fn poll_between_two_pages_finds_moving_targets() {
    for after in [CHANGED, REMOVED, ADDED] {
        let applied = before().await;
        applied.write("node.json", after);
        let poll = HalfPoll::start(&applied.dynamo).await;
        assert!(!applied.run(&with_settle("0")).done().contains("waiting"));
        let targets = poll.finish().await;
        assert!(!targets.contains(&"moves:1".to_owned()), "{targets:?}: the test proves nothing");

        let applied = before().await;
        applied.write("node.json", after);
        let poll = HalfPoll::start(&applied.dynamo).await;
        let mut moving = Process::start(&mut applied.command(&with_settle("5m")));
        let output = moving.wait_for("waiting 5m before removing 1 moved target from its old row");
        assert!(output.contains("polls that began before the move may not find the new row (--settle)"), "{output}");
        let all = ["moves:1", "stays-a:1", "stays-b:1"];
        assert_eq!(poll.finish().await, all);
        // Later polls find every target too.
        assert_eq!(HalfPoll::start(&applied.dynamo).await.finish().await, all);

        let poll = HalfPoll::start(&applied.dynamo).await;
        assert_eq!(moving.stop_with(Signal::INT).code(), Some(1));
        let output = moving.whole_output();
        assert!(output.contains("stopped by a signal: ") && output.contains("Run the same command again"), "{output}");
        // The new row is recent, so the next run waits as well.
        let mut moving = Process::start(&mut applied.command(&with_settle("5m")));
        moving.wait_for("waiting 5m before removing 1 moved target");
        assert_eq!(poll.finish().await, all);
        drop(moving);
        applied.run(&with_settle("0")).done();
        assert!(applied.run(&APPLY).done().starts_with("Nothing to change"));
        let targets = HalfPoll::start(&applied.dynamo).await.finish().await;
        assert!(targets.contains(&"moves:1".to_owned()), "{targets:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_waits_for_the_settle_time() {
    let applied = before().await;
    applied.write("node.json", CHANGED);
    let started = Instant::now();
    let ran = applied.run(&with_settle("1500ms"));
    assert!(started.elapsed() >= Duration::from_millis(1500), "{ran:?}");
    assert!(ran.stderr.contains("waiting 1s 500ms before removing 1 moved target"), "{ran:?}");
    assert!(ran.done().ends_with("Applied: 0 added, 2 changed, 0 removed.\n"));
}

/// With `--settle 5m` a run that waits does not end in time.
#[tokio::test(flavor = "multi_thread")]
async fn apply_without_moves_does_not_wait() {
    let applied = before().await;
    for json in [
        // Another label, a new target and a new group.
        r#"[{"targets":["stays-a:1","new:1"],"labels":{"z":"a","y":"1"}},
            {"targets":["stays-b:1","moves:1"],"labels":{"z":"b"}},{"targets":["new:2"]}]"#,
        // A target and a group are gone.
        r#"[{"targets":["stays-a:1"],"labels":{"z":"a","y":"1"}},{"targets":["stays-b:1"],"labels":{"z":"b"}}]"#,
    ] {
        applied.write("node.json", json);
        let mut process = Process::start(&mut applied.command(&with_settle("5m")));
        process.wait_for("Applied: ");
        assert!(!process.output().contains("waiting"), "{}", process.output());
    }
    // A prober is the target of many groups. The other rows have held it for long.
    let probe = |i: usize| format!(r#"{{"targets":["prober:1"],"labels":{{"__param_target":"s{i}"}}}}"#);
    let probes = |of: std::ops::Range<usize>| format!("[{}]", of.map(probe).collect::<Vec<_>>().join(","));
    applied.write("node.json", &probes(0..10));
    applied.run(&APPLY).done();
    age(&applied).await;
    applied.write("node.json", &probes(0..8));
    let mut process = Process::start(&mut applied.command(&with_settle("5m")));
    process.wait_for("Applied: 0 added, 0 changed, 2 removed.");
}

#[tokio::test(flavor = "multi_thread")]
async fn settle_accepts_at_most_five_minutes() {
    let applied = Applied::new().await;
    for (settle, said) in [("6m", "use at most 5m"), ("soon", "Use a duration such as 90s")] {
        let ran = applied.run(&with_settle(settle));
        assert!(ran.code == 1 && ran.stderr.contains(said), "{ran:?}");
    }
}
