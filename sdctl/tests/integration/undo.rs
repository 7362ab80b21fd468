//! `sdctl history` and `sdctl undo`.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
};

use aws_sdk_dynamodb::types::AttributeValue;
use http_sd_lambda::group::EpochSeconds;
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use test_support::{
    Row,
    applied::{Applied, THREE},
    fault::{Fault, FaultyDynamo},
    process::Process,
    row::{n, s},
    sdctl::{Ran, STATE, run, sdctl, sdctl_at},
};

type Rows = BTreeMap<(String, String), HashMap<String, AttributeValue>>;

/// Lets each undo remove all rows, and does not wait for polls.
const UNDO: [&str; 6] = ["undo", "--yes", "--max-removed", "100", "--settle", "0"];

/// Rows with attributes that only their user knows.
async fn fleet() -> Applied {
    let applied = Applied::new().await;
    let EpochSeconds(now) = EpochSeconds::now();
    let own = |name: &str, target: &str| Row::new("node", name, &[target]).with("note", s("mine"));
    for row in [
        own("web", "web-1:9100").labels([("env", "prod")]).with("managed_by", s("fleet")).with("price", n("-12.5")),
        own("db", "db-1:9100").labels([("env", "prod")]).with("expires_at", n(now + 7200)),
        own("test", "test-1:9100").labels([("env", "test")]),
        Row::key("node", "broken").with("targets", s("x")),
        Row::new("other", "a", &["a:1"]),
    ] {
        row.put(&applied.dynamo).await;
    }
    applied
}

fn undo(applied: &Applied, arguments: &[&str]) -> Ran {
    applied.run(&[&UNDO[..], arguments].concat())
}

/// Returns the entries of the journal, the oldest first.
fn history(applied: &Applied) -> Vec<Value> {
    serde_json::from_str(&applied.run(&["history", "-o", "json"]).done()).unwrap()
}

fn group(rows: &Rows, job: &str, name: &str) -> HashMap<String, AttributeValue> {
    rows[&(job.to_owned(), name.to_owned())].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn undo_restores_rows_of_every_command() {
    let applied = fleet().await;
    applied.write("node.json", THREE);
    applied.run(&["export", "test*", "-o", "none.json"]).done();
    applied.run(&["export", "-o", "backup.json"]).done();
    Row::new("node", "later", &["l:1"]).put(&applied.dynamo).await;
    for command in [
        &["put", "node", "new", "-t", "n:1"][..],
        &["put", "node", "db", "-t", "db-2:9100", "--yes"],
        &["put", "node", "broken", "-t", "b:1"],
        &["label", "node", "web", "env=stage", "team=shop"],
        &["label", "node", "--match", "{env=~\"prod|test\"}", "env-", "--yes"],
        &["rm", "node", "web", "db"],
        &["rm", "node", "--yes"],
        &["rm", "--match", "{env=\"prod\"}", "--yes"],
        &["apply", "-f", "node.json", "--set", "fleet", "--prune", "--yes", "--max-removed=100", "--settle=0"],
        &["import", "-f", "backup.json", "--replace", "--yes", "--max-removed=100"],
        &["import", "-f", "none.json", "--replace", "--yes", "--max-removed=100"],
    ] {
        let before = applied.dynamo.rows().await;
        applied.run(command).done();
        let after = applied.dynamo.rows().await;
        assert_ne!(before, after, "{command:?}");
        let said = undo(&applied, &[]).done();
        assert!(said.contains("Undone: "), "{said}");
        assert_eq!(applied.dynamo.rows().await, before, "{command:?}");
        // An undo is a command, which can be undone.
        let own = said.lines().last().unwrap().strip_prefix("To take this back: sdctl undo ").unwrap().to_owned();
        undo(&applied, &[&own]).done();
        assert_eq!(applied.dynamo.rows().await, after, "{command:?}");
        undo(&applied, &[]).done();
        assert_eq!(applied.dynamo.rows().await, before, "{command:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn undo_after_undo_goes_further_back() {
    let applied = fleet().await;
    let mut states = vec![applied.dynamo.rows().await];
    for target in ["1:1", "2:1", "3:1"] {
        applied.run(&["put", "node", "new", "-t", target, "--yes"]).done();
        states.push(applied.dynamo.rows().await);
    }
    for state in states[..3].iter().rev() {
        undo(&applied, &[]).done();
        assert_eq!(&applied.dynamo.rows().await, state);
    }
    let none = undo(&applied, &[]).failed();
    assert!(none.contains("the journal has no command on this table that is not undone yet"), "{none}");
    let states: Vec<Option<u64>> = history(&applied).iter().map(|entry| entry["undone_by"].as_u64()).collect();
    assert_eq!(states, [Some(6), Some(5), Some(4), None, None, None]);
    let again = undo(&applied, &["2"]).failed();
    assert!(again.ends_with("2 is already undone by 5. To take that back, run sdctl undo 5"), "{again}");
    // After an undo of the undo, the command counts again.
    undo(&applied, &["6"]).done();
    assert_eq!(history(&applied)[0]["undone_by"], Value::Null);
    undo(&applied, &[]).done();
    assert_eq!(history(&applied)[0]["undone_by"], 8);
    assert!(undo(&applied, &["99"]).failed().contains("the journal has no command 99"));
}

#[tokio::test(flavor = "multi_thread")]
async fn undo_leaves_rows_that_changed_since() {
    let applied = fleet().await;
    let before = applied.dynamo.rows().await;
    applied.run(&["rm", "node", "--yes"]).done();
    applied.run(&["put", "node", "web", "-t", "new:1"]).done();
    let now = group(&applied.dynamo.rows().await, "node", "web");
    let dry = applied.run(&["undo", "1", "--dry-run"]);
    assert_eq!(dry.code, 2, "{dry:?}");
    assert!(dry.stdout.contains("group \"web\" of job \"node\" has changed since, and stays\n"), "{dry:?}");
    assert_eq!(applied.dynamo.rows().await.len(), 2);
    let left = undo(&applied, &["1"]);
    assert!(left.stdout.contains("Undone: 3 added, 0 changed, 0 removed.\n"), "{left:?}");
    assert!(left.failed().contains("1 row stays as it is. Look at the rows with sdctl get"));
    let rows = applied.dynamo.rows().await;
    assert_eq!(group(&rows, "node", "web"), now);
    for name in ["db", "test", "broken"] {
        assert_eq!(group(&rows, "node", name), group(&before, "node", name));
    }
    // The undo wrote its whole plan, so the command counts as undone.
    assert_eq!(history(&applied)[0]["undone_by"], 3);

    // All rows have changed.
    applied.run(&["label", "node", "web", "a=1"]).done();
    Row::new("node", "web", &["other:1"]).put(&applied.dynamo).await;
    let refused = undo(&applied, &[]).failed();
    assert!(refused.contains("nothing was changed: 1 row stays as it is"), "{refused}");
    // A row that is as before needs no change.
    applied.run(&["put", "node", "once", "-t", "o:1"]).done();
    applied.dynamo.delete("node", "once").await;
    let nothing = undo(&applied, &[]).done();
    assert!(nothing.contains("Nothing to change: 1 row is as before."), "{nothing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn undo_asks_and_guards_like_apply() {
    let applied = fleet().await;
    applied.run(&["put", "node", "new", "-t", "n:1", "-t", "m:1"]).done();
    let after = applied.dynamo.rows().await;
    let refused = applied.run(&["undo", "--yes"]).failed();
    assert!(
        refused.contains("more than 20 % would be removed: job \"node\" would lose 1 of 4 groups and 2 of 5 targets")
            && refused.ends_with("Check the plan, or allow it with --max-removed 40"),
        "{refused}"
    );
    let asked = applied.run(&["undo", "--max-removed", "40"]);
    assert!(asked.stdout.contains("  - new\n      targets  n:1, m:1\n"), "{asked:?}");
    assert!(asked.failed().contains("nothing was changed: cannot ask for confirmation"));
    assert_eq!(applied.run(&["undo", "--dry-run", "--max-removed", "40"]).code, 2);
    assert_eq!(applied.dynamo.rows().await, after);
    assert_eq!(history(&applied).len(), 1);
}

/// At a terminal the user sees the plan, and decides.
#[tokio::test(flavor = "multi_thread")]
async fn undo_at_a_terminal_warns_instead_of_refusing() {
    let applied = Applied::new().await;
    applied.run(&["put", "node", "new", "-t", "n:1"]).done();
    let after = applied.dynamo.rows().await;
    let undo = |arguments: &[&str], answer: &str| {
        let mut process = Process::start_on_terminal(&mut applied.command(arguments), 80, 24);
        process.wait_for("more than 20 % would be removed: job \"node\" would lose 1 of 1 groups");
        process.answer(answer);
        process.wait().unwrap().code()
    };
    assert_eq!(undo(&["undo", "--dry-run"], ""), Some(2));
    assert_eq!(undo(&["undo"], "n"), Some(1));
    assert_eq!(applied.dynamo.rows().await, after);
    assert_eq!(undo(&["undo"], "y"), Some(0));
    assert!(applied.dynamo.rows().await.is_empty());
}

/// A target that an undo moves back is in one of its rows at any time.
#[tokio::test(flavor = "multi_thread")]
async fn undo_keeps_moved_targets_until_polls_end() {
    let applied = Applied::new().await;
    let two = |a: &str, b: &str| {
        format!(r#"[{{"targets":[{a}],"labels":{{"z":"a"}}}},{{"targets":[{b}],"labels":{{"z":"b"}}}}]"#)
    };
    applied.apply(&two(r#""a:1""#, r#""b:1","moves:1""#), &[]).done();
    let before = applied.dynamo.rows().await;
    applied.apply(&two(r#""a:1","moves:1""#, r#""b:1""#), &[]).done();
    let faulty = FaultyDynamo::before(&applied.dynamo);
    let undo = |arguments: &[&str]| {
        let mut command = at(&faulty, applied.state.path());
        command.args(["undo", "2", "--yes", "--max-removed", "100"]).args(arguments);
        command
    };
    // The journal names the endpoint, so the undo through the other one is refused.
    let other = run(&mut undo(&["--settle", "1s"])).failed();
    assert!(other.contains("2 changed another table: http-sd (000000000000, "), "{other}");

    let line = |command: &mut Command| Process::start(command);
    let mut arguments = applied.command(&["undo", "--yes", "--max-removed", "100", "--settle", "2s"]);
    let mut process = line(&mut arguments);
    process.wait_for("waiting 2s before removing 1 moved target from its old row");
    let rows = applied.dynamo.rows().await;
    let holding = rows.values().filter(|row| format!("{row:?}").contains("moves:1")).count();
    assert_eq!(holding, 2);
    assert!(process.wait().unwrap().success());
    assert_eq!(applied.dynamo.rows().await, before);
}

fn at(faulty: &FaultyDynamo, state: &Path) -> Command {
    let mut command = sdctl_at(&faulty.endpoint());
    command.env(STATE, state);
    command
}

/// `kill -9` in the middle of an apply that adds, changes and removes rows.
#[tokio::test(flavor = "multi_thread")]
async fn killed_apply_is_undone_as_far_as_written() {
    let applied = Applied::new().await;
    let faulty = FaultyDynamo::before(&applied.dynamo);
    let row = |i: usize, env: &str| format!(r#"{{"targets":["{i}:1"],"labels":{{"i":"{i}","env":"{env}"}}}}"#);
    let fleet = |rows: std::ops::Range<usize>, env: &str| {
        format!("[{}]", rows.map(|i| row(i, env)).collect::<Vec<_>>().join(","))
    };
    let apply = || {
        let mut command = at(&faulty, applied.state.path());
        command.current_dir(applied.folder.path());
        command.args(["apply", "-f", "node.json", "--set", "fleet", "--yes", "--settle", "0"]);
        command
    };
    applied.write("node.json", &fleet(0..60, "prod"));
    run(&mut apply()).done();
    let before = applied.dynamo.rows().await;
    applied.write("node.json", &fleet(0..90, "test"));
    let mut held = faulty.hold(|asked| asked.operation == "UpdateItem");
    let mut process = Process::start(&mut apply());
    // Five of the first 16 changes reach the table and are answered.
    for _ in 0..5 {
        held.next().await.pass().await;
    }
    let mut waiting = Vec::new();
    for _ in 0..16 {
        waiting.push(held.next().await);
    }
    process.stop_with(Signal::KILL);
    drop((waiting, held));
    let undo = |arguments: &[&str]| {
        let mut command = at(&faulty, applied.state.path());
        run(command.args(["undo", "--yes", "--max-removed", "100", "--settle", "0"]).args(arguments))
    };
    let mut command = at(&faulty, applied.state.path());
    let listed = run(command.args(["history", "-o", "json"])).done();
    let entry = &serde_json::from_str::<Vec<Value>>(&listed).unwrap()[1];
    assert_eq!((&entry["state"], &entry["added"], &entry["changed"]), (&"interrupted".into(), &30.into(), &5.into()));
    assert_eq!(entry["unknown"], 16, "{entry}");
    let ran = undo(&[]);
    assert!(ran.stdout.contains("Undone: 0 added, 5 changed, 30 removed."), "{ran:?}");
    assert!(ran.stdout.contains("stays: sdctl did not learn whether its write succeeded"), "{ran:?}");
    assert!(ran.failed().contains("16 rows stay as they are"));
    let after = applied.dynamo.rows().await;
    assert_eq!(after.len(), 60);
    let different = before.iter().filter(|(key, row)| after[*key] != **row).count();
    assert!(different <= 16, "{different}");
}

#[tokio::test(flavor = "multi_thread")]
async fn history_shows_commands_and_their_rows() {
    let applied = fleet().await;
    let empty = applied.run(&["history"]);
    assert_eq!((empty.stderr.as_str(), empty.code), ("no command has written to a table\n", 0));
    applied.run(&["label", "node", "web", "env=a b", "team=shop"]).done();
    applied.run(&["rm", "node", "test", "missing"]).failed();
    undo(&applied, &["2"]).done();
    let table = applied.run(&["history"]).done();
    let lines: Vec<&str> = table.lines().collect();
    for (line, parts) in lines.iter().zip([
        &["ID", "WHEN", "ROWS", "STATE", "TABLE", "COMMAND"][..],
        &["1 ", "~1", "http-sd (000000000000, ", "sdctl label node web 'env=a b' 'team=shop'"],
        &["2 ", "-1", "failed, undone by 3", "sdctl rm node test missing"],
        &["3 ", "+1", "undoes 2", "sdctl undo --yes --max-removed 100 --settle 0 2"],
    ]) {
        assert!(parts.iter().all(|part| line.contains(part)), "no {parts:?} in {line:?}");
    }
    let one = applied.run(&["history", "1"]).done();
    for part in
        ["job \"node\": 0 added, 1 changed, 0 removed\n", "      labels   ~ env: prod → \"a b\"\n", "table: http-sd"]
    {
        assert!(one.contains(part), "no {part:?} in:\n{one}");
    }
    let json: Value = serde_json::from_str(&applied.run(&["history", "1", "-o", "json"]).done()).unwrap();
    let change = &json["changes"][0];
    assert_eq!((&change["job"], &change["group"]), (&"node".into(), &"web".into()));
    assert_eq!(change["before"]["note"]["S"], "mine");
    assert_eq!(change["after"]["labels"]["M"]["team"]["S"], "shop");
    assert!(applied.run(&["history", "9"]).failed().contains("the journal has no command 9"));
}

#[tokio::test(flavor = "multi_thread")]
async fn journal_is_private_and_without_registrations() {
    let applied = fleet().await;
    applied.run(&["register", "node", "web-1", "-t", "a:1", "--once"]).done();
    assert!(history(&applied).is_empty());
    // Writes that fail, and commands that write nothing, have no entry.
    applied.run(&["rm", "node", "missing"]).failed();
    applied.run(&["put", "node", "new", "-t", "a:1", "--dry-run"]);
    assert!(history(&applied).is_empty());
    applied.run(&["put", "node", "new", "-t", "a:1"]).done();
    let journal = applied.state.path().join("http-sd/journal");
    let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&journal), mode(&journal.join("1"))), (0o700, 0o700));
    for file in fs::read_dir(journal.join("1")).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unwritable_journal_is_one_warning() {
    let applied = fleet().await;
    fs::write(applied.state.path().join("http-sd"), "a file").unwrap();
    for command in [&["put", "node", "new", "-t", "a:1"][..], &["rm", "node", "--yes"]] {
        let ran = applied.run(command);
        assert_eq!(ran.stderr.matches("cannot write the journal in ").count(), 1, "{ran:?}");
        ran.done();
    }
    assert_eq!(applied.dynamo.rows().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_at_once_have_own_entries() {
    let applied = fleet().await;
    let mut processes: Vec<Process> = (0..6)
        .map(|i| Process::start(&mut applied.command(&["put", "node", &format!("new-{i}"), "-t", "a:1"])))
        .collect();
    for process in &mut processes {
        assert!(process.wait().unwrap().success(), "{}", process.output());
    }
    let entries = history(&applied);
    assert_eq!(entries.len(), 6);
    assert!(entries.iter().all(|entry| entry["added"] == 1 && entry["state"] == "done"), "{entries:?}");
}

#[test]
fn local_tables_have_their_own_commands() {
    let folder = TempDir::new().unwrap();
    let run_in = |data: &str, arguments: &[&str]| {
        let mut command = sdctl();
        command.env(STATE, folder.path().join("state")).args(arguments).arg("--data").arg(folder.path().join(data));
        run(&mut command)
    };
    for data in ["one", "two"] {
        run_in(data, &["put", "node", "web", "-t", "a:1"]).done();
    }
    let other = run_in("one", &["undo", "2"]).failed();
    assert!(other.contains("2 changed another table: ") && other.ends_with("Select that table with --table or --data"));
    run_in("one", &UNDO).done();
    assert_eq!(run_in("one", &["get"]).stdout, "");
    assert!(run_in("two", &["get"]).done().contains("web"));
}

/// The response to the write of a row is lost: the row before is unknown only to the retry.
#[tokio::test(flavor = "multi_thread")]
async fn undo_names_rows_with_unknown_result() {
    let applied = fleet().await;
    let faulty = FaultyDynamo::before(&applied.dynamo);
    faulty.fail(|operation, _| if operation == "UpdateItem" { Fault::LostAnswer } else { Fault::None });
    let mut put = at(&faulty, applied.state.path());
    run(put.args(["put", "node", "web", "-t", "web-1:9100", "-l", "env=test"])).failed();
    faulty.fail(|_, _| Fault::None);
    let mut undo = at(&faulty, applied.state.path());
    let ran = run(undo.args(UNDO));
    let said = "group \"web\" of job \"node\" stays: sdctl did not learn whether its write succeeded";
    assert!(ran.stdout.contains(said), "{ran:?}");
    assert!(ran.failed().contains("nothing was changed: 1 row stays as it is"));
}
