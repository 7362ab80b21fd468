//! `sdctl apply -o json` and `-o name`: standard output is for programs, everything else is on standard error.

use http_sd_lambda::group::EpochSeconds;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{
    Row,
    applied::{Applied, THREE},
    fault::{Fault, FaultyDynamo},
    row::{n, s},
    sdctl::{Ran, run, sdctl, sdctl_at},
};

const APPLY: [&str; 9] = ["apply", "-f", "node.json", "--set", "fleet", "--prune", "--settle", "0", "-o"];

/// Parses standard output, which must be one line.
fn object(ran: &Ran) -> Value {
    assert_eq!(ran.stdout.lines().count(), 1, "{ran:?}");
    serde_json::from_str(&ran.stdout).unwrap()
}

/// A plan that adds, changes, takes over and removes rows, also a broken one and one with a lease.
async fn mixed() -> (Applied, Value) {
    let applied = Applied::new().await;
    let EpochSeconds(now) = EpochSeconds::now();
    let end = now + 3600;
    for row in [
        Row::new("node", "changed", &["a:1", "b:1"]).with("managed_by", s("fleet")),
        Row::new("node", "leased", &["c:1"]).with("managed_by", s("fleet")).with("expires_at", n(end)),
        Row::new("node", "odd\u{1b}[1m\n", &["d:1"]),
        Row::key("node", "removed").with("targets", s("x:1")).with("managed_by", s("fleet")),
    ] {
        row.put(&applied.dynamo).await;
    }
    applied.write(
        "node.json",
        r#"[{"targets": ["b:1", "e:1"], "labels": {"env": "prod"}}, {"targets": ["c:1"]}, {"targets": ["d:1"]},
            {"targets": ["f:1"], "labels": {"env": "f"}}]"#,
    );
    let none = json!({"before": null, "after": null});
    let kept = json!({"before": {}, "after": {}});
    let unmoved = json!({"added": [], "removed": []});
    let changes = json!([
        {"kind": "add", "job": "node", "group": "f-29716d92", "targets": {"added": ["f:1"], "removed": []},
         "labels": {"before": null, "after": {"env": "f"}}, "set": {"before": null, "after": "fleet"},
         "expires_at": none},
        {"kind": "change", "job": "node", "group": "changed", "targets": {"added": ["e:1"], "removed": ["a:1"]},
         "labels": {"before": {}, "after": {"env": "prod"}}, "set": {"before": "fleet", "after": "fleet"},
         "expires_at": none},
        {"kind": "change", "job": "node", "group": "leased", "targets": unmoved, "labels": kept,
         "set": {"before": "fleet", "after": "fleet"}, "expires_at": {"before": end, "after": null}},
        {"kind": "change", "job": "node", "group": "odd\u{1b}[1m\n", "targets": unmoved, "labels": kept,
         "set": {"before": null, "after": "fleet"}, "expires_at": none},
        {"kind": "remove", "job": "node", "group": "removed", "targets": unmoved, "labels": none,
         "set": {"before": "fleet", "after": null}, "expires_at": none,
         "fault": "targets is a string (S), but must be a list or set of strings"},
    ]);
    (applied, changes)
}

#[tokio::test(flavor = "multi_thread")]
async fn json_has_plan_and_then_result() {
    let (applied, changes) = mixed().await;
    for (arguments, code, dry_run) in [
        (&["--dry-run"][..], 1, true),
        (&["--dry-run", "--max-removed", "50"], 2, true),
        (&["--yes", "--max-removed", "50"], 0, false),
    ] {
        let ran = applied.run(&[&APPLY[..], &["json"], arguments].concat());
        assert_eq!(ran.code, code, "{ran:?}");
        let mut found = object(&ran);
        let table = found["table"].as_object_mut().unwrap();
        assert!(table.remove("region").is_some_and(|region| region.is_string()));
        assert_eq!(
            found,
            json!({
                "table": {"name": "http-sd", "account": "000000000000"},
                "set": "fleet",
                "dry_run": dry_run,
                "counts": {"add": 1, "change": 3, "remove": 1, "unchanged": 0, "not_in_files": 0},
                "changes": changes,
            })
        );
    }
    let ran = applied.run(&[&APPLY[..], &["json", "--yes"]].concat());
    let found = object(&ran);
    assert_eq!((ran.code, &found["changes"], &found["counts"]["unchanged"]), (0, &json!([]), &json!(4)));
}

#[tokio::test(flavor = "multi_thread")]
async fn name_prints_each_written_row() {
    let (applied, _) = mixed().await;
    let names = "node/f-29716d92\nnode/changed\nnode/leased\nnode/odd\\u{1b}[1m\\n\nnode/removed\n";
    for (arguments, code) in [(["--dry-run", "--max-removed=50"], 2), (["--yes", "--max-removed=50"], 0)] {
        let ran = applied.run(&[&APPLY[..], &["name"], &arguments].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (code, names), "{ran:?}");
    }
    assert_eq!(applied.run(&[&APPLY[..], &["name", "--yes"]].concat()).done(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_apply_prints_nothing_for_programs() {
    for format in ["json", "name"] {
        let (applied, _) = mixed().await;
        for (arguments, said) in [
            (&["--yes"][..], "more than 20 % would be removed"),
            (&["--max-removed", "50"], "cannot ask for confirmation without a terminal"),
        ] {
            let ran = applied.run(&[&APPLY[..], &[format], arguments].concat());
            assert!(ran.code == 1 && ran.stdout.is_empty() && ran.stderr.contains(said), "{ran:?}");
            // The question needs the plan.
            assert_eq!(ran.stderr.contains("Plan: 1 to add, 3 to change, 1 to remove"), arguments[0] != "--yes");
        }
        let faulty = FaultyDynamo::before(&applied.dynamo);
        faulty.fail(
            |operation, _| {
                if operation == "UpdateItem" { Fault::Error(400, "AccessDeniedException") } else { Fault::None }
            },
        );
        let mut through = sdctl_at(&faulty.endpoint());
        through.current_dir(applied.folder.path()).args(APPLY).args([format, "--yes", "--max-removed", "50"]);
        let ran = run(&mut through);
        assert!(ran.code == 1 && ran.stdout.is_empty() && ran.stderr.contains("changes written"), "{ran:?}");
    }
}

/// Notes on files, on other owners and on the wait for polls are on standard error.
#[tokio::test(flavor = "multi_thread")]
async fn notes_stay_out_of_json() {
    let applied = Applied::new().await;
    applied.run(&["put", "node", "mine", "-t", "a:1", "-l", "by=hand"]).done();
    applied.write(
        "prometheus.yml",
        "scrape_configs:\n- job_name: node\n  static_configs: [{targets: ['a:1', 'b:1']}]\n- job_name: pods\n  \
         kubernetes_sd_configs: [{role: pod}]\n",
    );
    let apply = ["apply", "-f", "prometheus.yml", "--set", "fleet", "--prune", "--yes", "-o", "json", "--settle", "1s"];
    let ran = applied.run(&apply);
    assert!(ran.stderr.contains("kubernetes_sd_configs is skipped"), "{ran:?}");
    assert!(ran.stderr.contains("--adopt-unowned takes it over"), "{ran:?}");
    assert_eq!(object(&ran)["counts"]["add"], 1);
    applied.write(
        "prometheus.yml",
        "scrape_configs:\n- job_name: node\n  static_configs:\n  - targets: ['a:1']\n  - targets: ['b:1']\n    \
         labels: {x: y}\n",
    );
    let ran = applied.run(&apply);
    assert!(ran.stderr.contains("waiting 1s before removing 1 moved target"), "{ran:?}");
    assert_eq!(object(&ran)["counts"]["change"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_pipe_does_not_stop_json_apply() {
    let applied = Applied::new().await;
    let groups: Vec<String> = (0..500).map(|i| format!(r#"{{"targets":["t{i}:1"]}}"#)).collect();
    applied.write("node.json", &format!("[{}]", groups.join(",")));
    for format in ["json", "name"] {
        assert_eq!(applied.shell(&format!("sdctl apply -f node.json -o {format} --dry-run | head -c 1")).code, 2);
    }
    applied.shell("sdctl apply -f node.json -o json --yes | head -c 1").done();
    assert_eq!(applied.served("node").await.len(), 500);
}

#[test]
fn json_names_the_local_table() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    std::fs::write(folder.path().join("node.json"), THREE).unwrap();
    let apply = ["apply", "-f", "node.json", "--yes", "-o", "json", "--data"];
    let ran = run(sdctl().current_dir(folder.path()).args(apply).arg(&data));
    let found = object(&ran);
    assert_eq!(found["table"], json!({"name": "http-sd", "folder": data}));
    assert_eq!((ran.code, &found["set"], &found["counts"]["add"]), (0, &json!("default"), &json!(3)));
}
