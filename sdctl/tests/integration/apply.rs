//! `sdctl apply`: from files to rows, and never a row too few.

use std::{fs, path::Path};

use tempfile::TempDir;
use test_support::{
    Row,
    applied::{Applied, THREE, group, sorted},
    row::{n, s},
    sdctl::{run, run_with, sdctl, serve_local, shell},
};

#[tokio::test(flavor = "multi_thread")]
async fn apply_of_prometheus_yml_serves_exactly_its_groups() {
    let applied = Applied::new().await;
    applied.write(
        "etc/prometheus.yml",
        "global: {scrape_interval: 15s}
scrape_configs:
  - job_name: node
    static_configs:
      - targets: [a:1, 'b:1']
        labels: {<<: &common {version: 1.10, answer: yes}, env: prod}
      - targets: [c:1]
        labels: {<<: *common, env: test}
  - job_name: mixed
    file_sd_configs:
      - files: [sd/*.json, more.yml]
  - job_name: pods
    kubernetes_sd_configs: [{role: pod}]
rule_files: [rules.yml]
",
    );
    applied.write("etc/sd/1.json", r#"[{"targets":["j:1"],"labels":{"é":"1"}}]"#.replace('é', "e").as_str());
    applied.write("etc/sd/2.json", r#"[{"targets":["k:1","j:1"],"labels":{"emoji":"\ud83d\ude00"}}]"#);
    applied.write("etc/more.yml", "- targets:\n  - y:1\n  labels:\n    port: 9100\n");
    let ran = applied.run(&["apply", "-f", "etc/prometheus.yml", "--yes"]);
    assert!(ran.stderr.contains("etc/prometheus.yml:13: job \"pods\": kubernetes_sd_configs is skipped"), "{ran:?}");
    assert!(ran.done().ends_with("Applied: 5 added, 0 changed, 0 removed.\n"));
    assert_eq!(
        applied.served("node").await,
        sorted(vec![
            group(["a:1", "b:1"], [("env", "prod"), ("version", "1.10"), ("answer", "yes")]),
            group(["c:1"], [("env", "test"), ("version", "1.10"), ("answer", "yes")]),
        ])
    );
    assert_eq!(
        applied.served("mixed").await,
        sorted(vec![
            group(["j:1"], [("e", "1")]),
            group(["k:1", "j:1"], [("emoji", "😀")]),
            group(["y:1"], [("port", "9100")]),
        ])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_or_reordered_apply_changes_nothing() {
    let applied = Applied::new().await;
    let plan = applied.apply(THREE, &["--prune"]).done();
    assert!(plan.contains("+ prod-") && plan.contains("targets  a:1, b:1") && plan.contains("env=prod"), "{plan}");
    let before = applied.dynamo.rows().await;
    let reordered = r#"[
        {"labels": {}, "targets": ["d:1"]},
        {"targets": ["c:1"], "labels": {"env": "test"}},
        {"targets": ["b:1", "a:1"], "labels": {"env": "prod"}}
    ]"#;
    for json in [THREE, reordered] {
        assert!(applied.apply(json, &["--prune"]).done().starts_with("Nothing to change: 3 groups"));
        assert_eq!(applied.apply(json, &["--prune", "--dry-run"]).code, 0);
    }
    assert_eq!(applied.dynamo.rows().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn dry_run_prints_plan_and_exits_with_2() {
    let applied = Applied::new().await;
    let ran = applied.apply(THREE, &["--dry-run"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stdout.contains("Plan: 3 to add, 0 to change, 0 to remove, 0 unchanged."), "{ran:?}");
    assert!(applied.dynamo.rows().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_group_keeps_its_row() {
    let applied = Applied::new().await;
    applied.apply(THREE, &[]).done();
    let before = applied.dynamo.rows().await;
    let plan = applied
        .apply(
            r#"[
                {"targets": ["a:1", "b:1", "new:1"], "labels": {"env": "prod"}},
                {"targets": ["c:1"], "labels": {"env": "staging", "team": "x y"}},
                {"targets": ["d:1"], "labels": {}}
            ]"#,
            &["--prune"],
        )
        .done();
    for line in ["targets  + new:1", "~ env: test → staging", "+ team=\"x y\"", "0 to add, 2 to change, 0 to remove"]
    {
        assert!(plan.contains(line), "no {line:?} in:\n{plan}");
    }
    let after = applied.dynamo.rows().await;
    assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    let served = applied.served("node").await;
    assert!(served.contains(&group(["c:1"], [("env", "staging"), ("team", "x y")])), "{served:?}");
}

/// A file cut anywhere is an error, stops at the guard, or removes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn faulty_files_are_all_named_and_change_nothing() {
    let applied = Applied::new().await;
    applied.write("sd/good.json", r#"[{"targets": ["a:1"]}]"#);
    applied.write("sd/bad.json", "[{\"targets\": [1, \"\"],\n \"labels\": {\"a-b\": \"x\"}, \"label\": {}}]");
    applied.write("sd/worse.yml", "- targets: [a b]\n- labels: {}\n- targets: [x\n");
    let ran = applied.run(&["apply", "-f", "sd", "--yes"]);
    for fault in [
        "sd/bad.json:1: job \"bad\", group 1: targets[0] is a number, but must be a string",
        "sd/bad.json:1: job \"bad\", group 1: targets[1] is empty",
        "sd/bad.json:2: job \"bad\", group 1: labels[\"a-b\"] is not a label name that Prometheus 2 accepts",
        "sd/bad.json:2: job \"bad\", group 1: \"label\" is not a field of a target group",
        "sd/worse.yml:1: job \"worse\", group 1: targets[0] contains white space",
        "sd/worse.yml:2: job \"worse\", group 2: targets is missing",
        "sd/worse.yml:4: is not valid YAML",
    ] {
        assert!(ran.stderr.contains(fault), "no {fault:?} in:\n{}", ran.stderr);
    }
    assert!(ran.failed().starts_with("error: nothing was changed: the files have 7 faults"));
    assert!(applied.dynamo.rows().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_rejects_unusable_input() {
    let applied = Applied::new().await;
    applied.write("prometheus.yml", "scrape_configs:\n- job_name: a\n  file_sd_configs: [{files: [no.json]}]\n");
    applied.write("rules.yml", "groups: []\n");
    applied.write("list.yml", "- targets: [a:1]\n");
    applied.write("empty.yml", "");
    fs::create_dir(applied.folder.path().join("empty")).unwrap();
    for (arguments, input, error) in [
        (vec!["-f", "no.json"], "", "no.json: cannot be read"),
        (vec!["-f", "empty"], "", "empty: contains no file that ends in .json, .yml or .yaml"),
        (vec!["-f", "empty.yml"], "", "empty.yml: is empty, but must be a list"),
        (vec!["-f", "rules.yml"], "", "rules.yml:1: is a map, but must be a list"),
        (
            vec!["-f", "prometheus.yml"],
            "",
            "prometheus.yml:3: job \"a\": names the file \"no.json\", which does not exist",
        ),
        (vec!["-f", "prometheus.yml", "--job", "x"], "", "names its own jobs: omit --job"),
        (vec!["-f", "-"], "[]", "-:1: is a list of target groups without a job: name the job with --job"),
        (vec!["-f", "-", "--job", ""], "[]", "job \"\" is empty"),
        (vec!["-f", "list.yml", "--set", ""], "", "set \"\" is empty"),
        (vec!["-f", "list.yml"], "", "nothing was changed: cannot ask for confirmation without a terminal"),
        (vec![], "", "--file <FILE>"),
        (vec!["-f", "list.yml", "--max-removed", "101"], "", "use a whole number from 0 to 100"),
    ] {
        let ran = run_with(applied.command(&["apply"]).args(&arguments), input);
        assert!(ran.code == 1 && ran.stderr.contains(error), "{arguments:?}: {ran:?}");
    }
    assert!(applied.dynamo.rows().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_of_get_output_changes_nothing() {
    let applied = Applied::new().await;
    applied.apply(THREE, &[]).done();
    applied.run(&["put", "node", "mine", "-t", "m:1", "-l", "env=prod"]).done();
    applied.run(&["put", "node", "leased", "-t", "l:1", "--ttl", "1h"]).done();
    Row::new("node", "lapsed", &["x:1"]).with("expires_at", n(1)).put(&applied.dynamo).await;
    let before = applied.dynamo.rows().await;
    let listed = applied.run(&["get", "node", "-o", "file_sd"]).done();
    let again = run_with(&mut applied.command(&["apply", "-f", "-", "--job", "node", "--prune", "--dry-run"]), &listed);
    assert!(again.done().ends_with("Nothing to change: 5 groups match the files.\n"));
    let own = run_with(
        &mut applied.command(&["apply", "-f", "-", "--job", "node", "--prune", "--set", "fleet", "--yes"]),
        &listed,
    );
    // A named set takes over rows without an owner, and does not rely on the leases of other owners.
    let plan = own.done();
    assert!(
        plan.contains("owner    no set → set fleet") && plan.contains("Applied: 1 added, 1 changed, 0 removed"),
        "{plan}"
    );
    let after = applied.dynamo.rows().await;
    assert!(before.keys().all(|key| after.contains_key(key)));
    assert_eq!(after[&("node".into(), "leased".into())], before[&("node".into(), "leased".into())]);
    assert_eq!(applied.served("node").await.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_keeps_unknown_attributes() {
    let applied = Applied::new().await;
    applied.apply(THREE, &[]).done();
    let (job, name) = applied.dynamo.rows().await.into_keys().find(|(_, name)| name.starts_with("prod")).unwrap();
    let mut row = applied.dynamo.row(&job, &name).await.unwrap();
    row.insert("rack".into(), s("42"));
    applied.dynamo.client.put_item().table_name("http-sd").set_item(Some(row)).send().await.unwrap();
    applied.apply(&THREE.replace("b:1", "e:1"), &["--max-removed", "50"]).done();
    let row = applied.dynamo.row(&job, &name).await.unwrap();
    assert_eq!(row["rack"], s("42"));
    assert_eq!(row["targets"].as_l().unwrap()[1], s("e:1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_group_becomes_several_rows() {
    let applied = Applied::new().await;
    let targets: Vec<String> = (0..30_000).map(|i| format!("host-{i:05}.example.internal:9100")).collect();
    let json = serde_json::json!([{"targets": targets, "labels": {"env": "prod"}}]).to_string();
    let plan = applied.apply(&json, &[]).done();
    assert!(plan.contains("Applied: 4 added"), "{plan}");
    let mut served: Vec<String> = applied.served("node").await.into_iter().flat_map(|group| group.targets).collect();
    served.sort();
    assert_eq!(served, targets);
    assert!(applied.apply(&json, &["--prune"]).done().starts_with("Nothing to change: 4 groups"));
    let label = serde_json::json!([{"targets": ["a:1"], "labels": {"env": "x".repeat(400_000)}}]).to_string();
    let refused = applied.apply(&label, &[]).failed();
    assert!(refused.contains("node.json:1: job \"node\", group 1 does not fit a row of 400 KB"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_repairs_expired_and_broken_rows() {
    let applied = Applied::new().await;
    applied.apply(THREE, &[]).done();
    let names: Vec<(String, String)> = applied.dynamo.rows().await.into_keys().collect();
    let mut lapsed = applied.dynamo.row("node", &names[0].1).await.unwrap();
    lapsed.insert("expires_at".into(), n(1));
    let mut broken = applied.dynamo.row("node", &names[1].1).await.unwrap();
    broken.insert("targets".into(), s("a:1"));
    for row in [lapsed, broken] {
        applied.dynamo.client.put_item().table_name("http-sd").set_item(Some(row)).send().await.unwrap();
    }
    let plan = applied.apply(THREE, &["--prune"]).done();
    assert!(
        plan.contains("was broken: targets is a string (S)") && plan.contains("no lease, served until removed"),
        "{plan}"
    );
    assert!(plan.ends_with("Applied: 0 added, 2 changed, 0 removed.\n"), "{plan}");
    assert_eq!(applied.served("node").await.len(), 3);
    assert_eq!(applied.dynamo.rows().await.into_keys().collect::<Vec<_>>(), names);
}

/// Without a table's name `sdctl` uses the local table, directly or through a running `sdctl serve`.
#[test]
fn apply_uses_local_table_with_or_without_serve() {
    let data = TempDir::new().unwrap();
    let here = |arguments: &[&str], data: &Path| run(sdctl().args(arguments).arg("--data").arg(data));
    let put = here(&["put", "node", "a", "-t", "a:1"], data.path());
    assert!(put.stderr.starts_with("Using the local table \"http-sd\" in "), "{put:?}");
    put.done();
    let served = serve_local(data.path(), &[]);
    assert_eq!(served.get("/prom", None), (200, r#"[{"targets":["a:1"],"labels":{}}]"#.into()));
    here(&["put", "node", "b", "-t", "b:1"], data.path()).done();
    assert!(served.get("/prom/node", None).1.contains("b:1"));
    drop(served);
    assert!(here(&["get", "node"], data.path()).done().contains("b:1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_name_their_table_or_report_it_missing() {
    let applied = Applied::new().await;
    let put = applied.run(&["put", "node", "a", "-t", "a:1"]);
    assert!(put.stderr.starts_with("Using table \"http-sd\", account 000000000000, region "), "{put:?}");
    for command in [["put", "node", "a", "-t", "a:1"], ["label", "node", "a", "x=y", "z-"]] {
        let ran = run(applied.command(&command).args(["--table", "no-such-table"]));
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
        let error = ran.failed();
        assert!(
            error.starts_with("error: table \"no-such-table\" not found. Check its name and the region"),
            "{error}"
        );
    }
    let region = run(sdctl().args(["get", "--region", "eu-central-1"])).failed();
    assert_eq!(region, "error: --region requires a table in AWS. Name the table with --table or HTTP_SD_TABLE");
}

/// A function with another rule for label names may serve rows that `sdctl` cannot read. A reader that closes the pipe
/// early does not stop the apply.
#[tokio::test(flavor = "multi_thread")]
async fn closed_pipe_does_not_stop_apply() {
    let applied = Applied::new().await;
    let groups: Vec<String> = (0..500).map(|i| format!(r#"{{"targets":["t{i}:1"]}}"#)).collect();
    applied.write("node.json", &format!("[{}]", groups.join(",")));
    assert_eq!(applied.shell("sdctl apply -f node.json --full --dry-run | head -n 1").code, 2);
    applied.shell("sdctl apply -f node.json --full --yes | head -n 1").done();
    assert_eq!(applied.served("node").await.len(), 500);
}

/// Both commands open the local table, one after the other. The reader must not wait for the writer.
#[test]
fn get_pipes_into_apply_on_local_table() {
    let data = TempDir::new().unwrap();
    run(sdctl().args(["put", "node", "a", "-t", "a:1", "--data"]).arg(data.path())).done();
    let line = "sdctl get node -o file_sd --data $DATA | sdctl apply -f - --job node --data $DATA --yes";
    let printed = run(shell(line).env("DATA", data.path())).done();
    assert!(printed.contains("Nothing to change: 1 group"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_file_applies_once_and_missing_file_fails() {
    let applied = Applied::new().await;
    applied.write("sd/k.yml", "- targets: [k:1]\n");
    let ran = applied.run(&["apply", "-f", "sd/k.yml", "-f", "sd", "-f", "./sd/k.yml", "--yes"]);
    assert!(ran.done().ends_with("Applied: 1 added, 0 changed, 0 removed.\n"));
    std::os::unix::fs::symlink("gone", applied.folder.path().join("sd/l.yml")).unwrap();
    let ran = applied.run(&["apply", "-f", "sd", "--yes"]);
    assert!(ran.stderr.starts_with("sd/l.yml: cannot be read: "), "{ran:?}");
    assert!(ran.failed().starts_with("error: nothing was changed"));
}
