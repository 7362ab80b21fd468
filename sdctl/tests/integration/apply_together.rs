//! `sdctl apply` at the same time as another writer, interrupted, or with a table that fails.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustix::process::Signal;
use test_support::{
    applied::Applied,
    fault::{Asked, Fault, FaultyDynamo},
    process::Process,
    sdctl::{run, sdctl_at},
};
use tokio::task::spawn_blocking;

/// Returns a list of groups with one target each.
fn fleet(groups: usize, prefix: &str) -> String {
    let groups: Vec<String> = (0..groups)
        .map(|i| format!(r#"{{"targets":["{prefix}-{i}:1"],"labels":{{"instance_id":"i-{i}"}}}}"#))
        .collect();
    format!("[{}]", groups.join(","))
}

/// Returns whether a request changes rows.
fn is_write(asked: &Asked) -> bool {
    ["TransactWriteItems", "UpdateItem", "DeleteItem"].contains(&asked.operation.as_str())
}

/// Runs `apply` through an endpoint.
fn apply_through(applied: &Applied, faulty: &FaultyDynamo) -> Command {
    through(applied, faulty, &["apply", "-f", "node.json", "--yes"])
}

fn through(applied: &Applied, faulty: &FaultyDynamo, arguments: &[&str]) -> Command {
    let mut command = sdctl_at(&faulty.endpoint());
    command.current_dir(applied.folder.path()).args(arguments);
    command
}

/// Two pipelines apply different states of the same set: both plan before either writes.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_applies_of_different_files_report_a_conflict() {
    for other in ["b", "old"] {
        let applied = Applied::new().await;
        applied.write("old/node.json", &fleet(40, "old"));
        applied.write("a/node.json", &fleet(60, "a"));
        applied.write("b/node.json", &fleet(50, other));
        applied.run(&["apply", "-f", "old", "--set", "fleet", "--yes"]).done();
        let arguments = |folder| ["apply", "-f", folder, "--set", "fleet", "--prune", "--yes", "--max-removed", "100"];
        let doors = [FaultyDynamo::before(&applied.dynamo), FaultyDynamo::before(&applied.dynamo)];
        let [mut first, mut second] = doors.each_ref().map(|door| door.hold(is_write));
        let [one, two] = [("a", &doors[0]), ("b", &doors[1])].map(|(folder, door)| {
            let mut command = through(&applied, door, &arguments(folder));
            spawn_blocking(move || run(&mut command))
        });
        let both = (first.next().await, second.next().await);
        drop((both, first, second));
        let runs = [one.await.unwrap(), two.await.unwrap()];
        for ran in &runs {
            assert!(ran.code == 0 || ran.stderr.contains("another writer"), "{ran:?}");
        }
        assert!(runs.iter().any(|ran| ran.code != 0), "the sets are mixed, but both runs succeeded");
        // A repeated run writes what its files contain.
        applied.run(&arguments("a")).done();
        assert_eq!(applied.served("node").await.len(), 60);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn next_apply_completes_a_killed_one() {
    const GROUPS: usize = 3000;
    let applied = Applied::new().await;
    applied.write("node.json", &fleet(GROUPS, "host"));
    let faulty = FaultyDynamo::before(&applied.dynamo);
    let mut held = faulty.hold(is_write);
    let arguments = ["apply", "-f", "node.json", "--set", "fleet", "--prune", "--yes"];
    let mut killed = Process::start(&mut through(&applied, &faulty, &arguments));
    for _ in 0..2 {
        held.next().await.pass().await;
    }
    // The last request never reaches the table.
    let _under_way = held.next().await;
    assert!(!killed.stop_with(Signal::KILL).success());
    let rows = applied.dynamo.rows().await.len();
    assert!((1..GROUPS).contains(&rows), "{rows} rows: the test proves nothing");
    let plan = applied.run(&arguments).done();
    assert!(plan.contains(&format!("{} to add, 0 to change, 0 to remove, {rows} unchanged", GROUPS - rows)), "{plan}");
    assert_eq!(applied.served("node").await.len(), GROUPS);
    assert!(applied.run(&arguments).done().starts_with("Nothing to change"));
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_apply_reports_its_progress() {
    const GROUPS: usize = 3000;
    let applied = Applied::new().await;
    applied.write("node.json", &fleet(GROUPS, "host"));
    for signal in [Signal::INT, Signal::TERM] {
        let before = applied.dynamo.rows().await.len();
        let faulty = FaultyDynamo::before(&applied.dynamo);
        let mut held = faulty.hold(is_write);
        let mut interrupted = Process::start(&mut apply_through(&applied, &faulty));
        for _ in 0..2 {
            held.next().await.pass().await;
        }
        let under_way = held.next().await;
        interrupted.signal(signal);
        interrupted.wait_for("stopping: waiting for the writes in progress");
        drop((under_way, held));
        assert_eq!(interrupted.wait().unwrap().code(), Some(1));
        let done = applied.dynamo.rows().await.len() - before;
        assert!((1..GROUPS - before).contains(&done), "{done} rows: the test proves nothing");
        let said = format!(
            "stopped by a signal: {done} of {} changes written. Run the same command again for the rest",
            GROUPS - before
        );
        let output = interrupted.whole_output();
        assert!(output.contains(&said), "no {said:?} in:\n{output}");
    }
    applied.run(&["apply", "-f", "node.json", "--yes"]).done();
    assert_eq!(applied.served("node").await.len(), GROUPS);
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_writes_everything_to_a_throttled_table() {
    let applied = Applied::new().await;
    applied.write("node.json", &fleet(120, "host"));
    let faulty = FaultyDynamo::before(&applied.dynamo);
    let writes = Arc::new(AtomicUsize::new(0));
    let counted = writes.clone();
    faulty.fail(move |operation, _| match operation {
        "TransactWriteItems" => match counted.fetch_add(1, Ordering::Relaxed) % 4 {
            0 => Fault::Cancelled("ThrottlingError"),
            1 => Fault::Error(400, "ProvisionedThroughputExceededException"),
            2 => Fault::Cancelled("TransactionConflict"),
            _ => Fault::None,
        },
        _ => Fault::None,
    });
    run(&mut apply_through(&applied, &faulty)).done();
    assert!(writes.load(Ordering::Relaxed) > 5);
    assert_eq!(applied.served("node").await.len(), 120);

    // Changes are written row by row.
    applied.write("node.json", &fleet(120, "other"));
    let writes = AtomicUsize::new(0);
    faulty.fail(move |operation, _| {
        let throttled = operation == "UpdateItem" && writes.fetch_add(1, Ordering::Relaxed) % 7 == 3;
        if throttled { Fault::Error(400, "ThrottlingException") } else { Fault::None }
    });
    run(apply_through(&applied, &faulty).args(["--prune", "--max-removed", "100"])).done();
    assert_eq!(applied.served("node").await.len(), 120);
    assert!(applied.served("node").await.iter().all(|group| group.targets[0].starts_with("other-")));
}

#[tokio::test(flavor = "multi_thread")]
async fn denied_apply_stops_and_can_be_repeated() {
    let applied = Applied::new().await;
    let faulty = FaultyDynamo::before(&applied.dynamo);
    // The order is: new rows, changed rows, removed rows.
    for (operation, json, groups) in [
        ("TransactWriteItems", fleet(600, "host"), 600),
        ("UpdateItem", fleet(600, "other"), 600),
        ("DeleteItem", fleet(300, "other"), 300),
    ] {
        applied.write("node.json", &json);
        let before = applied.dynamo.rows().await.len();
        let writes = AtomicUsize::new(0);
        faulty.fail(move |asked, _| {
            let denied = asked == operation && writes.fetch_add(1, Ordering::Relaxed) >= 3;
            if denied { Fault::Error(400, "AccessDeniedException") } else { Fault::None }
        });
        let error = run(apply_through(&applied, &faulty).args(["--prune", "--max-removed", "100"])).failed();
        assert!(error.contains("AccessDeniedException") && error.contains("changes written. Run the same"), "{error}");
        if operation == "DeleteItem" {
            assert_eq!(applied.dynamo.rows().await.len(), before - 3);
        }
        faulty.heal();
        run(apply_through(&applied, &faulty).args(["--prune", "--max-removed", "100"])).done();
        assert_eq!(applied.served("node").await.len(), groups);
    }
}

/// A plan from a short read would add existing rows and remove none, so the read must fail.
#[tokio::test(flavor = "multi_thread")]
async fn unreadable_page_stops_apply_before_planning() {
    let applied = Applied::new().await;
    test_support::row::put_all(&applied.dynamo, test_support::row::tenths_of_a_page(25)).await;
    applied.write("node.json", &fleet(3, "host"));
    let faulty = FaultyDynamo::before(&applied.dynamo);
    for prune in [&[][..], &["--prune"][..]] {
        faulty.fail(|_, later_page| if later_page { Fault::Error(400, "AccessDeniedException") } else { Fault::None });
        let error = run(apply_through(&applied, &faulty).args(prune)).failed();
        assert!(error.contains("AccessDeniedException"), "{error}");
    }
    assert_eq!(applied.dynamo.rows().await.len(), 25);
}

/// Another pipeline adds the planned rows while `sdctl` waits for the confirmation.
#[tokio::test(flavor = "multi_thread")]
async fn apply_keeps_rows_added_after_its_plan() {
    let applied = Applied::new().await;
    applied.write("node.json", r#"[{"targets":["ours:1"],"labels":{"env":"prod"}}]"#);
    let theirs = r#"[{"targets":["theirs:1"],"labels":{"env":"prod"}}]"#;
    applied.write("theirs/node.json", theirs);
    let faulty = FaultyDynamo::before(&applied.dynamo);
    // The other pipeline writes between the plan and the confirmation.
    let mut other = applied.command(&["apply", "-f", "theirs", "--yes"]);
    let other = std::sync::Mutex::new(Some(move || run(&mut other).done()));
    faulty.fail(move |operation, _| {
        if operation == "TransactWriteItems"
            && let Some(mut apply) = other.lock().unwrap().take()
        {
            apply();
        }
        Fault::None
    });
    let ran = run(&mut apply_through(&applied, &faulty));
    assert!(ran.failed().contains("another writer changed group"));
    let served = applied.served("node").await;
    assert!(served.len() == 1 && served[0].targets == ["theirs:1"], "{served:?}");
}

/// `sdctl` recognises its own write if the response was lost.
#[tokio::test(flavor = "multi_thread")]
async fn lost_response_to_own_write_is_no_conflict() {
    let applied = Applied::new().await;
    applied.write("node.json", &fleet(3, "host"));
    applied.run(&["apply", "-f", "node.json", "--yes"]).done();
    applied.write("node.json", r#"[{"targets":["host-0:1","new:1"],"labels":{"instance_id":"i-0"}}]"#);
    let faulty = FaultyDynamo::before(&applied.dynamo);
    for operation in ["UpdateItem", "DeleteItem"] {
        let writes = AtomicUsize::new(0);
        faulty.fail(move |asked, _| {
            let first = asked == operation && writes.fetch_add(1, Ordering::Relaxed) == 0;
            if first { Fault::BrokenAnswer } else { Fault::None }
        });
        run(apply_through(&applied, &faulty).args(["--prune", "--max-removed", "100"])).done();
        applied.write("node.json", &fleet(1, "host"));
    }
    assert_eq!(applied.served("node").await.len(), 1);
}

/// A poll before each write finds all targets while targets move between rows.
#[tokio::test(flavor = "multi_thread")]
async fn moving_targets_between_rows_hides_none_from_polls() {
    const GROUPS: usize = 150;
    let shifted = |by: usize| {
        let group = |i: usize| {
            format!(r#"{{"targets":["stays-{i}:1","moves-{}:1"],"labels":{{"i":"{i}"}}}}"#, (i + by) % GROUPS)
        };
        format!("[{}]", (0..GROUPS).map(group).collect::<Vec<_>>().join(","))
    };
    let applied = Applied::new().await;
    applied.write("node.json", &shifted(0));
    let apply = ["apply", "-f", "node.json", "--set", "fleet", "--prune", "--yes", "--settle", "10ms"];
    applied.run(&apply).done();
    applied.write("node.json", &shifted(1));
    let faulty = FaultyDynamo::before(&applied.dynamo);
    let mut held = faulty.hold(is_write);
    let mut command = through(&applied, &faulty, &apply);
    let mut shifting = spawn_blocking(move || run(&mut command));
    let mut polls = 0;
    let ran = loop {
        let write = tokio::select! {
            ran = &mut shifting => break ran.unwrap(),
            write = held.next() => write,
        };
        let mut targets: Vec<String> =
            applied.served("node").await.into_iter().flat_map(|group| group.targets).collect();
        targets.sort();
        targets.dedup();
        assert_eq!(targets.len(), 2 * GROUPS, "a short list");
        polls += 1;
        write.pass().await;
    };
    // Each row is written twice: with the targets that it gives up, then without.
    assert!(polls >= 2 * GROUPS, "{polls} polls");
    assert!(ran.done().contains("Applied"));
    assert!(applied.run(&apply).done().starts_with("Nothing to change"));
}
