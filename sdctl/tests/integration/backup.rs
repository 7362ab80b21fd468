//! `sdctl export` and `sdctl import`.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::Write,
};

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use flate2::{Compression, write::GzEncoder};
use http_sd_lambda::group::{EpochSeconds, GroupName, Job};
use proptest::{
    collection::{btree_map, btree_set, vec},
    prelude::*,
    strategy::ValueTree,
    test_runner::TestRunner,
};
use sdctl::store::{Whole, WriteError, read_line, write_line};
use test_support::{
    Dynamo, Row,
    applied::Applied,
    engine::TABLE,
    fault::{Fault, FaultyDynamo},
    row::{list, map, n, put_all, s, tenths_of_a_page},
    sdctl::{run, run_with, sdctl_at},
};
use tokio::task::spawn_blocking;

type Rows = BTreeMap<(String, String), HashMap<String, AttributeValue>>;

/// Rows with every type of DynamoDB, an expired lease, and a broken row.
async fn put_some(dynamo: &Dynamo) {
    let EpochSeconds(now) = EpochSeconds::now();
    let binary = |bytes: &[u8]| AttributeValue::B(Blob::new(bytes));
    let rows = [
        Row::new("node", "web", &["web-1:9100", "web-2:9100"])
            .labels([("env", "prod")])
            .with("managed_by", s("fleet"))
            .with("updated_at", n(1_700_000_000))
            .with("note", s("mine \"é\"\n"))
            .with("price", n("-12.5"))
            .with("big", n("12345678901234567890123456789012345678"))
            .with("key", binary(&[0, 255, 1]))
            .with("on", AttributeValue::Bool(true))
            .with("nothing", AttributeValue::Null(true))
            .with("tags", AttributeValue::Ss(vec!["a".into(), "b".into()]))
            .with("ports", AttributeValue::Ns(vec!["1".into(), "2.5".into()]))
            .with("blobs", AttributeValue::Bs(vec![Blob::new([0]), Blob::new([1, 2])]))
            .with("deep", map([("list", list([n(1), map([("x", AttributeValue::Null(true))]), list([])]))])),
        Row::key("node", "set").with("targets", AttributeValue::Ss(vec!["s:1".into()])),
        Row::new("node", "expired", &["e:1"]).with("expires_at", n(now - 7200)).with("delete_at", n(now + 7200)),
        Row::key("node", "broken").with("targets", s("x")),
        Row::new("db", "main", &["db:1"]),
    ];
    for row in rows {
        row.put(dynamo).await;
    }
}

/// Returns the rows with each set in order, because DynamoDB does not keep the order of a set.
async fn rows(dynamo: &Dynamo) -> Rows {
    fn sort(value: &mut AttributeValue) {
        match value {
            AttributeValue::Ss(set) | AttributeValue::Ns(set) => set.sort(),
            AttributeValue::Bs(set) => set.sort_by_key(|blob| blob.as_ref().to_vec()),
            AttributeValue::L(list) => list.iter_mut().for_each(sort),
            AttributeValue::M(map) => map.values_mut().for_each(sort),
            _ => {}
        }
    }
    let mut rows = dynamo.rows().await;
    rows.values_mut().flat_map(HashMap::values_mut).for_each(sort);
    rows
}

fn names(rows: &Rows) -> Vec<String> {
    rows.keys().map(|(job, group)| format!("{job}/{group}")).collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(text.as_bytes()).unwrap();
    out.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn import_restores_every_attribute_of_an_export() {
    let applied = Applied::new().await;
    put_some(&applied.dynamo).await;
    let before = rows(&applied.dynamo).await;
    let exported = applied.run(&["export", "-o", "backup.json"]);
    assert!(exported.stderr.starts_with("exported 5 rows of table \"http-sd\""), "{exported:?}");
    assert!(exported.stderr.ends_with(" to backup.json\n"), "{exported:?}");
    assert_eq!(exported.done(), "");

    let other = Dynamo::with_table().await;
    let import = |arguments: &[&str]| {
        let mut command = sdctl_at(&other.endpoint());
        run(command.current_dir(applied.folder.path()).args(["import", "-f", "backup.json"]).args(arguments))
    };
    let planned = import(&["--dry-run"]);
    assert_eq!(planned.code, 2, "{planned:?}");
    assert!(planned.stdout.contains("Plan: 5 to add, 0 to change, 0 to remove, 0 unchanged."), "{planned:?}");
    assert!(planned.stderr.contains("note: 1 row of the files has an expired lease"), "{planned:?}");
    assert!(planned.stderr.contains("note: 1 row of the files violates the data model"), "{planned:?}");
    assert!(import(&[]).failed().contains("nothing was changed: cannot ask for confirmation"));
    assert!(other.rows().await.is_empty());
    let said = import(&["--yes"]).done();
    assert!(said.ends_with("Imported: 5 added, 0 changed, 0 removed.\n"), "{said}");
    assert_eq!(rows(&other).await, before);
    for arguments in [&["--dry-run"][..], &["--yes"], &["--replace", "--yes"]] {
        assert!(import(arguments).done().contains("Nothing to change: 5 rows match the files."), "{arguments:?}");
    }
}

/// Random attributes of every type.
fn value() -> impl Strategy<Value = AttributeValue> {
    let number = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        (any::<i32>(), 0..20u8).prop_map(|(number, exponent)| format!("{number}E-{exponent}")),
    ]
    .boxed();
    let bytes = || vec(any::<u8>(), 0..8);
    let leaf = prop_oneof![
        any::<String>().prop_map(AttributeValue::S),
        number.clone().prop_map(AttributeValue::N),
        bytes().prop_map(|bytes| AttributeValue::B(Blob::new(bytes))),
        any::<bool>().prop_map(AttributeValue::Bool),
        Just(AttributeValue::Null(true)),
        btree_set("[a-zé\"\\\\ ]{1,4}", 1..4).prop_map(|set| AttributeValue::Ss(set.into_iter().collect())),
        btree_set(any::<i16>(), 1..4)
            .prop_map(|set| AttributeValue::Ns(set.into_iter().map(|number| number.to_string()).collect())),
        btree_set(vec(any::<u8>(), 1..4), 1..4)
            .prop_map(|set| AttributeValue::Bs(set.into_iter().map(Blob::new).collect())),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(AttributeValue::L),
            btree_map("\\PC{1,6}", inner, 0..4).prop_map(|map| AttributeValue::M(map.into_iter().collect())),
        ]
    })
}

/// A random row: its targets and labels may violate the data model, its own attributes have any name.
fn row() -> impl Strategy<Value = HashMap<String, AttributeValue>> {
    let own = prop_oneof!["[a-z.#: -]{1,6}", Just("labels".into()), Just("targets".into()), Just("expires_at".into())];
    ("[a-c]", "\\PC{1,8}", btree_map(own, value(), 0..6)).prop_map(|(job, group, attributes)| {
        let key = [("job".to_owned(), s(&job)), ("group".to_owned(), s(&group))];
        attributes.into_iter().chain(key).collect()
    })
}

/// Export and import return each random row exactly, into an empty table and over changed rows.
#[tokio::test(flavor = "multi_thread")]
async fn random_rows_survive_export_and_import() {
    let applied = Applied::new().await;
    let mut runner = TestRunner::deterministic();
    for _ in 0..10 {
        let sample = vec((row(), value()), 1..30).new_tree(&mut runner).unwrap().current();
        let put = |row: HashMap<String, AttributeValue>| {
            applied.dynamo.client.put_item().table_name(TABLE).set_item(Some(row)).send()
        };
        for (row, _) in &sample {
            put(row.clone()).await.unwrap();
        }
        let before = rows(&applied.dynamo).await;
        applied.run(&["export", "-o", "random.json"]).done();
        // Some rows are gone, some have another attribute or one less, and some are new.
        for (i, (row, value)) in sample.iter().enumerate() {
            match i % 4 {
                0 => applied.dynamo.delete(row["job"].as_s().unwrap(), row["group"].as_s().unwrap()).await,
                1 => drop(
                    put(row.clone().into_iter().chain([("other".to_owned(), value.clone())]).collect()).await.unwrap(),
                ),
                2 => Row::key(row["job"].as_s().unwrap(), row["group"].as_s().unwrap()).put(&applied.dynamo).await,
                _ => Row::new("d", &i.to_string(), &[]).put(&applied.dynamo).await,
            }
        }
        applied.run(&["import", "-f", "random.json", "--replace", "--yes", "--max-removed", "100"]).done();
        assert_eq!(rows(&applied.dynamo).await, before);
        for (job, group) in before.keys() {
            applied.dynamo.delete(job, group).await;
        }
    }
}

#[test]
fn random_rows_survive_a_line() {
    proptest!(|(row in row())| {
        let mut line = Vec::new();
        write_line(&mut line, &row).unwrap();
        prop_assert_eq!(line.iter().position(|b| *b == b'\n'), Some(line.len() - 1));
        prop_assert_eq!(read_line(&line).unwrap(), row);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn export_has_the_form_of_dynamodb() {
    let applied = Applied::new().await;
    Row::new("node", "web", &["a:1"]).labels([("env", "prod")]).with("a", n(1)).put(&applied.dynamo).await;
    Row::new("node", "db", &["d:1"]).put(&applied.dynamo).await;
    assert_eq!(
        applied.run(&["export"]).done(),
        concat!(
            r#"{"Item":{"job":{"S":"node"},"group":{"S":"db"},"targets":{"L":[{"S":"d:1"}]}}}"#,
            "\n",
            r#"{"Item":{"job":{"S":"node"},"group":{"S":"web"},"a":{"N":"1"},"#,
            r#""labels":{"M":{"env":{"S":"prod"}}},"targets":{"L":[{"S":"a:1"}]}}}"#,
            "\n",
        )
    );
    let piped = applied.shell("sdctl export 2>/dev/null | head -n 1 | cut -c1-8");
    assert_eq!((piped.code, piped.stdout.as_str()), (0, "{\"Item\":\n"), "{piped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn export_writes_the_selected_rows_only() {
    let applied = Applied::new().await;
    put_some(&applied.dynamo).await;
    for (arguments, groups) in [
        (&["node"][..], &["broken", "expired", "set", "web"][..]),
        (&["n*", "--set", "fleet"], &["web"]),
        (&["--match", r#"{env="prod"}"#], &["web"]),
        (&["--target", "*:1", "--state", "active"], &["main", "set"]),
        (&["--state", "broken"], &["broken"]),
        (&["--set", "absent"], &[]),
    ] {
        let said = applied.run(&[&["export"], arguments].concat()).done();
        let mut found: Vec<String> =
            said.lines().map(|line| read_line(line.as_bytes()).unwrap()["group"].as_s().unwrap().clone()).collect();
        found.sort();
        assert_eq!(found, groups, "{arguments:?}");
    }
    assert!(applied.run(&["export", "nod"]).failed().contains("job \"nod\" not found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_export_leaves_the_old_file() {
    let applied = Applied::new().await;
    put_all(&applied.dynamo, tenths_of_a_page(25)).await;
    applied.write("backup.json", "old");
    let faulty = FaultyDynamo::before(&applied.dynamo);
    faulty.fail(|_, is_later| if is_later { Fault::Error(400, "AccessDeniedException") } else { Fault::None });
    let mut command = sdctl_at(&faulty.endpoint());
    let failed = run(command.current_dir(applied.folder.path()).args(["export", "-o", "backup.json"])).failed();
    assert!(failed.contains("denied"), "{failed}");
    applied.run(&["export", "nod", "-o", "backup.json"]).failed();
    assert!(applied.run(&["export", "-o", "none/backup.json"]).failed().contains("cannot write none/backup.json"));
    let files: Vec<_> = fs::read_dir(applied.folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, ["backup.json"]);
    assert_eq!(fs::read_to_string(applied.folder.path().join("backup.json")).unwrap(), "old");
    applied.run(&["export", "-o", "backup.json"]).done();
    assert_eq!(fs::read_to_string(applied.folder.path().join("backup.json")).unwrap().lines().count(), 25);
}

#[tokio::test(flavor = "multi_thread")]
async fn import_shows_and_writes_only_what_differs() {
    let applied = Applied::new().await;
    for (name, target) in [("same", "s:1"), ("changed", "c:1"), ("own", "o:1"), ("gone", "g:1")] {
        let row = Row::new("node", name, &[target]).labels([("env", "prod")]);
        row.with("note", s("mine")).with("old", n(1)).put(&applied.dynamo).await;
    }
    applied.run(&["export", "-o", "backup.json"]).done();
    let before = rows(&applied.dynamo).await;
    applied.dynamo.delete("node", "gone").await;
    Row::new("node", "changed", &["c:2"])
        .labels([("env", "test")])
        .with("note", s("mine"))
        .with("old", n(1))
        .put(&applied.dynamo)
        .await;
    Row::new("node", "own", &["o:1"])
        .labels([("env", "prod")])
        .with("note", s("other"))
        .with("new", n(1))
        .put(&applied.dynamo)
        .await;
    Row::new("node", "extra", &["x:1"]).put(&applied.dynamo).await;

    let plan = applied.run(&["import", "-f", "backup.json", "--dry-run", "--max-removed", "100"]);
    assert_eq!(plan.code, 2, "{plan:?}");
    for line in [
        "job \"node\":\n  + gone\n",
        "  + gone\n      targets  g:1\n      labels   env=prod\n",
        "  ~ changed\n      targets  + c:1  (1 target before)\n      targets  - c:2  (1 target before)\n",
        "      labels   ~ env: test → prod\n",
        "  ~ own\n      attributes  - new, ~ note, + old\n",
        "1 row of these jobs is in no file: --replace removes it, and rows of other jobs\n",
        "Plan: 1 to add, 2 to change, 0 to remove, 1 unchanged.\n",
    ] {
        assert!(plan.stdout.contains(line), "no {line:?} in:\n{}", plan.stdout);
    }
    let refused = applied.run(&["import", "-f", "backup.json", "--yes"]).failed();
    assert!(
        refused.contains(
            "more than 20 % would be removed: job \"node\" would lose 0 of 4 groups and 1 of 4 targets of this table"
        ) && refused.contains("--max-removed 25"),
        "{refused}"
    );
    applied.run(&["import", "-f", "backup.json", "--yes", "--max-removed", "25"]).done();
    let mut expected = before.clone();
    expected.insert(("node".into(), "extra".into()), applied.dynamo.row("node", "extra").await.unwrap());
    assert_eq!(rows(&applied.dynamo).await, expected);

    let said = applied.run(&["import", "-f", "backup.json", "--replace", "--yes"]).done();
    assert!(said.contains("  - extra\n") && said.ends_with("Imported: 0 added, 0 changed, 1 removed.\n"), "{said}");
    assert_eq!(rows(&applied.dynamo).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn replace_by_a_truncated_file_is_refused() {
    let applied = Applied::new().await;
    put_some(&applied.dynamo).await;
    let before = names(&rows(&applied.dynamo).await);
    applied.run(&["export", "db", "-o", "part.json"]).done();
    applied.write("empty.json", "");
    for file in ["part.json", "empty.json"] {
        let refused = applied.run(&["import", "-f", file, "--replace", "--yes"]).failed();
        assert!(refused.contains("nothing was changed: more than 20 % would be removed: "), "{refused}");
        assert!(refused.contains("job \"node\" would lose 2 of 2 groups and 3 of 3 targets"), "{refused}");
        assert_eq!(applied.run(&["import", "-f", file, "--replace", "--dry-run"]).code, 1);
    }
    assert_eq!(names(&rows(&applied.dynamo).await), before);
    assert!(applied.run(&["import", "-f", "empty.json"]).done().contains("Nothing to change: 0 rows match the files."));
    applied.run(&["import", "-f", "part.json", "--replace", "--yes", "--max-removed", "100"]).done();
    assert_eq!(names(&rows(&applied.dynamo).await), ["db/main"]);
}

/// A row of the file whose lease is expired takes the group out of the list.
#[tokio::test(flavor = "multi_thread")]
async fn guard_counts_groups_that_expired_leases_remove() {
    let applied = Applied::new().await;
    let EpochSeconds(now) = EpochSeconds::now();
    Row::new("node", "web", &["a:1"]).with("expires_at", n(now - 60)).put(&applied.dynamo).await;
    applied.run(&["export", "-o", "backup.json"]).done();
    Row::new("node", "web", &["a:1"]).with("expires_at", n(now + 600)).put(&applied.dynamo).await;
    let refused = applied.run(&["import", "-f", "backup.json", "--yes"]).failed();
    assert!(refused.contains("job \"node\" would lose 1 of 1 groups and 1 of 1 targets"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn import_reads_gzip_pipes_and_several_files() {
    let applied = Applied::new().await;
    put_some(&applied.dynamo).await;
    let before = rows(&applied.dynamo).await;
    applied.run(&["export", "-o", "all.json.gz"]).done();
    let packed = fs::read(applied.folder.path().join("all.json.gz")).unwrap();
    assert_eq!(packed[..2], [0x1f, 0x8b]);
    let text = applied.run(&["export"]).done();
    let lines: Vec<&str> = text.lines().collect();
    // Two files as DynamoDB exports them. The first consists of two gzip members, the last line has no end.
    let first = [gzip(&format!("{}\n", lines[0])), gzip(&format!("{}\r\n\n", lines[1]))].concat();
    fs::write(applied.folder.path().join("1.json.gz"), first).unwrap();
    fs::write(applied.folder.path().join("2.json"), lines[2..].join("\n")).unwrap();
    for (shell, input) in [
        ("sdctl import -f all.json.gz --yes", ""),
        ("sdctl import -f 1.json.gz 2.json --yes", ""),
        ("sdctl import -f 1.json.gz -f 2.json --yes", ""),
        ("cat all.json.gz | sdctl import -f - --yes", ""),
        ("sdctl import -f - --yes", &text),
    ] {
        for (job, group) in before.keys() {
            applied.dynamo.delete(job, group).await;
        }
        let mut command = test_support::sdctl::shell_at(&applied.dynamo.endpoint(), shell);
        run_with(command.current_dir(applied.folder.path()), input).done();
        assert_eq!(rows(&applied.dynamo).await, before, "{shell}");
    }
    fs::write(applied.folder.path().join("cut.gz"), &packed[..packed.len() / 2]).unwrap();
    let cut = applied.run(&["import", "-f", "cut.gz", "--yes"]).failed();
    assert!(cut.starts_with("error: cannot read cut.gz: "), "{cut}");
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_line_is_named_and_nothing_is_written() {
    let applied = Applied::new().await;
    let good = r#"{"Item":{"job":{"S":"node"},"group":{"S":"web"},"targets":{"L":[]}}}"#;
    for (line, fault) in [
        ("{\"Item\":{", "EOF while parsing"),
        (r#"{"Item":{"job":{"S":"node"}}}"#, "a row's key attribute \"group\" is missing"),
        (r#"{"Item":{"job":{"N":"1"},"group":{"S":"a"}}}"#, "\"job\" is a number (N), but must be a string"),
        (r#"{"Item":{"job":{"S":""},"group":{"S":"a"}}}"#, "\"job\" is empty"),
        (r#"{"Item":{"job":{"S":"j"},"group":{"S":"a"},"n":{"N":"x"}}}"#, "\"x\" is not a number that DynamoDB stores"),
        (r#"{"Metadata":{},"Keys":{},"NewImage":{}}"#, "unknown field `Metadata`, expected `Item`"),
        (good, "group \"web\" of job \"node\" is already at a.json:1"),
    ] {
        applied.write("a.json", &format!("{good}\n\n"));
        applied.write("b.json", &format!("\n{line}\n"));
        let ran = applied.run(&["import", "-f", "a.json", "b.json", "--yes"]);
        assert!(ran.stderr.starts_with("b.json:2: ") && ran.stderr.contains(fault), "{line}: {ran:?}");
        assert!(ran.failed().contains("nothing was changed: the files have 1 fault. Fix the lines"));
    }
    applied.write("many.json", &"x\n".repeat(30));
    let many = applied.run(&["import", "-f", "many.json", "--yes"]);
    assert_eq!(many.stderr.lines().count(), 21);
    assert!(many.failed().contains("the files have 30 faults"));
    let missing = applied.run(&["import", "-f", "none.json"]).failed();
    assert!(missing.starts_with("error: cannot read none.json: No such file"), "{missing}");
    assert!(applied.dynamo.rows().await.is_empty());
}

/// A row that another writer changed since it was read is not overwritten.
#[tokio::test(flavor = "multi_thread")]
async fn restore_of_a_changed_row_is_a_conflict() {
    let dynamo = Dynamo::with_table().await;
    let store = dynamo.store();
    let (job, name) = (Job::new("node").unwrap(), GroupName::new("a").unwrap());
    let item = |row: Row| async {
        row.put(&dynamo).await;
        dynamo.row("node", "a").await.unwrap()
    };
    let wanted = item(Row::new("node", "a", &["w:1"]).with("note", s("w"))).await;
    let row = Whole { job: &job, name: &name, attributes: &wanted };
    let conflict = Err(WriteError::Conflict { job: job.clone(), group: name.clone() });
    let before = item(Row::new("node", "a", &["b:1"]).with("own", n(1))).await;
    for other in [
        Row::new("node", "a", &["x:1"]).with("own", n(1)),
        Row::new("node", "a", &["b:1"]).with("own", n(2)),
        Row::new("node", "a", &["b:1"]),
        Row::new("node", "a", &["b:1"]).with("own", n(1)).with("managed_by", s("x")),
        Row::new("node", "a", &["b:1"]).with("own", n(1)).with("note", s("x")),
    ] {
        let there = item(other).await;
        assert_eq!(store.restore(row, &before).await, conflict);
        assert_eq!(store.restore_new(&[row]).await, conflict);
        assert_eq!(
            store.delete_whole(Whole { attributes: &before, ..row }).await.is_err(),
            !there.contains_key("note")
        );
        if !there.contains_key("note") {
            assert_eq!(dynamo.row("node", "a").await, Some(there));
        }
    }
    // Written by an earlier attempt whose response was lost.
    item(Row::new("node", "a", &["w:1"]).with("note", s("w"))).await;
    assert_eq!(store.restore(row, &before).await, Ok(()));
    // An attribute that another writer added meanwhile stays.
    let before = item(Row::new("node", "a", &["b:1"]).with("own", n(1))).await;
    item(Row::new("node", "a", &["b:1"]).with("own", n(1)).with("added", n(2))).await;
    assert_eq!(store.restore(row, &before).await, Ok(()));
    let mut expected = wanted.clone();
    expected.insert("added".into(), n(2));
    assert_eq!(dynamo.row("node", "a").await, Some(expected));
    dynamo.delete("node", "a").await;
    assert_eq!(store.restore(row, &before).await, conflict);
    assert_eq!(store.delete_whole(row).await, Ok(()));
    assert_eq!(store.restore_new(&[row]).await, Ok(()));
    assert_eq!(dynamo.row("node", "a").await, Some(wanted.clone()));
}

/// Rows that appear or change after the plan.
#[tokio::test(flavor = "multi_thread")]
async fn import_reports_rows_that_changed_meanwhile() {
    let applied = Applied::new().await;
    for (operation, at_backup, at_plan) in [
        ("TransactWriteItems", Some("a:1"), None),
        ("UpdateItem", Some("a:1"), Some("b:1")),
        ("DeleteItem", None, Some("b:1")),
    ] {
        let put = async |target: Option<&str>| match target {
            Some(target) => Row::new("node", "web", &[target]).put(&applied.dynamo).await,
            None => applied.dynamo.delete("node", "web").await,
        };
        put(at_backup).await;
        applied.run(&["export", "-o", "backup.json"]).done();
        put(at_plan).await;
        let faulty = FaultyDynamo::before(&applied.dynamo);
        let mut held = faulty.hold(move |asked| asked.operation == operation);
        let mut command = sdctl_at(&faulty.endpoint());
        let arguments = ["import", "-f", "backup.json", "--replace", "--yes", "--max-removed", "100"];
        command.current_dir(applied.folder.path()).args(arguments);
        let importing = spawn_blocking(move || run(&mut command));
        let write = held.next().await;
        put(Some("other:1")).await;
        drop((write, held));
        let failed = importing.await.unwrap().failed();
        let said = "another writer changed group \"web\" of job \"node\". 0 of 1 change written. Run the same command";
        assert!(failed.contains(said), "{operation}: {failed}");
        let row = applied.dynamo.row("node", "web").await.unwrap();
        assert_eq!(row["targets"], list([s("other:1")]), "{operation}");
    }
}
