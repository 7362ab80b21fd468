//! `sdctl register` as a process.

use std::process::Command;

use http_sd_lambda::group::EpochSeconds;
use rustix::process::Signal;
use sdctl::store::State;
use tempfile::TempDir;
use test_support::{
    Dynamo, Row,
    engine::TABLE,
    fault::{Fault, FaultyDynamo},
    process::Process,
    register::{SHORTEST, expires_at, register, renewed_after, row},
    row::{n, s},
    sdctl::{run, sdctl, serve_local},
};

const DAY: i64 = 24 * 60 * 60;

/// Returns standard error of a command that must fail.
fn refused(command: &mut Command) -> String {
    run(command).errors()
}

#[tokio::test(flavor = "multi_thread")]
async fn register_renews_and_finally_removes_its_group() {
    let dynamo = Dynamo::with_table().await;
    for signal in [Signal::TERM, Signal::INT] {
        let labels = ["--label", "env=prod", "--label", "region=eu=1", "--target", "b:1"];
        let before = EpochSeconds::now();
        let mut process = Process::start(register(&dynamo.endpoint(), &labels).args(SHORTEST));
        let output = process.wait_for("registered group");
        assert!(output.contains("Using table \"http-sd\", account 000000000000, region "), "{output}");
        assert!(output.contains("registered group \"web\" of job \"node\" until 20"), "{output}");
        assert!(output.contains("Z, renewing every 1s\n"), "{output}");

        let record = row(&dynamo).await.unwrap();
        let State::Served(group) = record.state(before) else { panic!("{record:?}") };
        assert_eq!(
            serde_json::to_string(group).unwrap(),
            r#"{"targets":["a:1","b:1"],"labels":{"env":"prod","region":"eu=1"}}"#
        );
        let until = record.lease.expires_at.unwrap().0;
        let now = EpochSeconds::now();
        assert!((before.0 + 3..=now.0 + 3).contains(&until), "{until} between {before:?} and {now:?}");
        assert_eq!(record.lease.delete_at.unwrap().0, until + DAY);

        let renewed = renewed_after(until, &process, &dynamo).await;
        renewed_after(renewed, &process, &dynamo).await;
        assert!(process.stop_with(signal).success());
        let output = process.whole_output();
        assert!(row(&dynamo).await.is_none(), "{output}");
        // Successful renewals print nothing.
        assert_eq!(output.lines().count(), 3, "{output}");
        assert!(output.contains("removed group \"web\" of job \"node\"\n"), "{output}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn register_restores_a_deleted_row() {
    let dynamo = Dynamo::with_table().await;
    let mut process = Process::start(register(&dynamo.endpoint(), &[]).args(SHORTEST));
    process.wait_for("registered group");
    dynamo.delete("node", "web").await;
    process.wait_for("warning: group \"web\" of job \"node\" was missing: registered again until 20");
    assert!(expires_at(&dynamo).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn register_keeps_the_row_of_a_successor() {
    let dynamo = Dynamo::with_table().await;
    let mut process = Process::start(&mut register(&dynamo.endpoint(), &[]));
    assert!(process.wait_for("registered group").contains(", renewing every 30s\n"));
    let until = EpochSeconds::now().0 + 1000;
    Row::new("node", "web", &["successor:1"]).with("expires_at", n(until)).put(&dynamo).await;
    assert!(process.stop_with(Signal::TERM).success());
    assert_eq!(expires_at(&dynamo).await, Some(until));
    let said = "warning: group \"web\" of job \"node\" stays in the table: another writer has changed it\n";
    let output = process.whole_output();
    assert!(output.contains(said), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_missing_at_stop_is_no_failure() {
    let dynamo = Dynamo::with_table().await;
    let mut process = Process::start(&mut register(&dynamo.endpoint(), &[]));
    process.wait_for("registered group");
    dynamo.delete("node", "web").await;
    assert!(process.stop_with(Signal::TERM).success());
    assert!(process.whole_output().contains("group \"web\" of job \"node\" was already removed\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn register_keeps_unknown_attributes() {
    let dynamo = Dynamo::with_table().await;
    Row::new("node", "web", &["old:1"]).with("note", s("mine")).put(&dynamo).await;
    let mut process = Process::start(&mut register(&dynamo.endpoint(), &[]));
    let output = process.wait_for("registered group");
    assert!(output.contains("Z, replacing an existing row, renewing every 30s\n"), "{output}");
    let rows = dynamo.client.scan().table_name(TABLE).send().await.unwrap().items.unwrap();
    assert_eq!(rows[0]["note"], s("mine"));
    assert_eq!(rows[0]["targets"].as_l().unwrap(), &[s("a:1")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn once_writes_the_lease_and_exits() {
    let dynamo = Dynamo::with_table().await;
    let before = EpochSeconds::now().0;
    let stdout = run(&mut register(&dynamo.endpoint(), &["--once", "--ttl", "1h"])).done();
    assert!(stdout.starts_with("registered group \"web\" of job \"node\" until 20"), "{stdout}");
    let until = expires_at(&dynamo).await.unwrap();
    let now = EpochSeconds::now().0;
    assert!((before + 3600..=now + 3600).contains(&until), "{until} between {before} and {now}");
}

#[tokio::test(flavor = "multi_thread")]
async fn register_start_error_is_immediate_and_one_line() {
    let dynamo = Dynamo::with_table().await;
    let faulty = FaultyDynamo::before(&dynamo);
    let missing = refused(register(&dynamo.endpoint(), &[]).args(["--table", "no-such-table"]));
    assert!(missing.starts_with("error: table \"no-such-table\" not found"), "{missing}");
    assert_eq!(missing.lines().count(), 1, "{missing}");
    faulty.fail(
        |operation, _| {
            if operation == "UpdateItem" { Fault::Error(400, "AccessDeniedException") } else { Fault::None }
        },
    );
    for arguments in [&[][..], &["--once"]] {
        let denied = refused(&mut register(&faulty.endpoint(), arguments));
        let (announced, error) = denied.split_once('\n').unwrap();
        assert!(announced.starts_with("Using table \"http-sd\", account "), "{announced}");
        assert!(error.starts_with("error: access to table \"http-sd\" denied: "), "{error}");
        assert!(error.contains("AccessDeniedException") && error.lines().count() == 1, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_argument_error_names_the_remedy() {
    let dynamo = Dynamo::with_table().await;
    let cases: [(&[&str], &str); 7] = [
        (&["--ttl", "2s"], "'2s' for '--ttl <DURATION>': use at least 3s"),
        (&["--ttl", "1500ms"], "a time to live must be a whole number of seconds"),
        (&["--ttl", "soon"], "Use a duration such as 90s, 15m or 1h30m"),
        (&["--ttl", "100y"], "use at most 366d"),
        (&["--label", "env"], "use NAME=VALUE"),
        (&["--label", "a-b=c"], "error: label \"a-b\" is not a label name that Prometheus 2 accepts"),
        (&["--target", "a b"], "error: target \"a b\" contains white space or a control character"),
    ];
    for (arguments, said) in cases {
        let error = refused(&mut register(&dynamo.endpoint(), arguments));
        assert!(error.contains(said), "{error}");
    }
    assert!(row(&dynamo).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn register_uses_local_table_through_running_serve() {
    let data = TempDir::new().unwrap();
    let command = |arguments: &[&str]| {
        let mut command = sdctl();
        command.args(["register", "node", "web", "--target", "a:1", "--data"]).arg(data.path()).args(arguments);
        command
    };
    // A lone `sdctl register` would lock the local table for as long as it runs.
    let alone = refused(&mut command(&[]));
    assert!(alone.contains("Start sdctl serve first, or write the lease once with --once"), "{alone}");
    run(&mut command(&["--once", "--ttl", "1h"])).done();

    let served = serve_local(data.path(), &[]);
    let expected = (200, r#"[{"targets":["a:1"],"labels":{}}]"#.to_owned());
    assert_eq!(served.get("/prom/node", None), expected);
    let mut process = Process::start(&mut command(&[]));
    let output = process.wait_for("registered group");
    assert!(output.contains("Using the local table \"http-sd\" in "), "{output}");
    assert_eq!(served.get("/prom/node", None), expected);
    assert!(process.stop_with(Signal::TERM).success());
    assert_eq!(served.get("/prom/node", None), (200, "[]".into()));
}
