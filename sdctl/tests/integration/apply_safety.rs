//! `sdctl apply`: what it must never remove.

use test_support::{
    Row,
    applied::{Applied, THREE, group},
    row::s,
    sdctl::run,
};

#[tokio::test(flavor = "multi_thread")]
async fn pattern_without_a_file_empties_no_job() {
    let applied = Applied::new().await;
    let config =
        |files: &str| format!("scrape_configs: [{{job_name: node, file_sd_configs: [{{files: [{files}]}}]}}]\n");
    applied.write("sd/a.json", r#"[{"targets":["a:1"]}]"#);
    let apply = ["apply", "-f", "prometheus.yml", "--set", "fleet", "--yes", "--prune", "--max-removed", "100"];
    applied.write("prometheus.yml", &config("'sd/*.json', 'sd/*.yml'"));
    applied.run(&apply).done();
    applied.write("prometheus.yml", &config("'gone/*.json'"));
    let ran = applied.run(&apply);
    let refusal = "nothing was changed: prometheus.yml:1: job \"node\": the pattern \"gone/*.json\" matches no file";
    assert!(ran.code == 1 && ran.stderr.contains(refusal), "{ran:?}");
    assert_eq!(applied.served("node").await.len(), 1);
    applied.write("gone/empty.json", "[]");
    applied.run(&apply).done();
    assert!(applied.served("node").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn prune_removes_only_rows_of_its_set() {
    let applied = Applied::new().await;
    applied.apply(THREE, &[]).done();
    applied.write("node.yml", "- targets: [other:1]\n  labels: {env: prod}\n");
    applied.run(&["apply", "-f", "node.yml", "--set", "other", "--yes"]).done();
    Row::new("node", "by-hand", &["hand:1"]).with("mine", s("x")).put(&applied.dynamo).await;
    applied.run(&["put", "node", "put", "--target", "put:1"]).done();
    applied.write("gone.json", r#"[{"targets": ["gone:1"]}]"#);
    applied.run(&["apply", "-f", "gone.json", "-f", "node.json", "--set", "fleet", "--yes"]).done();

    let shorter = r#"[{"targets": ["a:1", "b:1"], "labels": {"env": "prod"}}]"#;
    let kept = applied.apply(shorter, &[]).done();
    assert!(kept.contains("2 rows of the set \"fleet\" in these jobs are in no file: --prune removes them"), "{kept}");
    let plan = applied.apply(shorter, &["--prune", "--max-removed", "100"]).done();
    assert!(plan.ends_with("Applied: 0 added, 0 changed, 3 removed.\n"), "{plan}");
    let targets: Vec<String> = applied.served("node").await.into_iter().flat_map(|group| group.targets).collect();
    for kept in ["a:1", "b:1", "other:1", "hand:1", "put:1"] {
        assert!(targets.contains(&kept.to_owned()), "{kept} is gone: {targets:?}");
    }
    assert_eq!(targets.len(), 5);
    assert!(applied.served("gone").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn removing_more_than_a_fifth_needs_max_removed() {
    let applied = Applied::new().await;
    let group = |i: usize, targets: &[usize]| {
        let targets: Vec<String> = targets.iter().map(|target| format!("\"t{i}-{target}:1\"")).collect();
        format!(r#"{{"targets": [{}], "labels": {{"i": "{i}"}}}}"#, targets.join(","))
    };
    let file = |groups: &[String]| format!("[{}]", groups.join(","));
    let ten: Vec<String> = (0..10).map(|i| group(i, &[0, 1])).collect();
    applied.apply(&file(&ten), &[]).done();
    let without_one_target_each: Vec<String> = (0..10).map(|i| group(i, &[0])).collect();
    let other_targets: Vec<String> = (0..10).map(|i| group(i, &[7, 8])).collect();
    for (what, groups, arguments, error) in [
        ("no group", &ten[..0], vec![], "10 of 10 groups and 20 of 20 targets"),
        ("three groups less", &ten[3..], vec![], "3 of 10 groups and 6 of 20 targets"),
        ("three groups less, and 29 %", &ten[3..], vec!["--max-removed", "29"], "allow it with --max-removed 30"),
        ("one group less, and none may go", &ten[1..], vec!["--max-removed", "0"], "1 of 10 groups"),
        ("half of the targets", &without_one_target_each, vec![], "0 of 10 groups and 10 of 20 targets"),
        ("other targets", &other_targets, vec![], "20 of 20 targets"),
    ] {
        let before = applied.dynamo.rows().await;
        let refused = applied.apply(&file(groups), &[&["--prune"], &arguments[..]].concat()).failed();
        assert!(refused.contains("nothing was changed") && refused.contains(error), "{what}: {refused}");
        assert_eq!(applied.dynamo.rows().await, before, "{what}");
    }
    // A group that moves to another row is not lost.
    let regrouped = [&[group(0, &[0]), r#"{"targets": ["t0-1:1"]}"#.into()], &ten[1..]].concat();
    applied.apply(&file(&regrouped), &["--prune"]).done();
    applied.apply(&file(&ten[2..]), &["--prune", "--max-removed", "30"]).done();
    assert_eq!(applied.served("node").await.len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn truncated_file_removes_nothing() {
    let samples = [
        ("node.json", r#"[{"targets":["a:1","b:1"],"labels":{"x":"1"}},{"targets":["c:1"]},{"targets":["d:1"]}]"#),
        ("node.yml", "- targets: [a:1, 'b:1']\n  labels: {x: 1}\n- targets:\n  - c:1\n- {targets: [\"d:1\"]}\n"),
        (
            "prometheus.yml",
            "scrape_configs:\n- job_name: node\n  static_configs:\n  - targets: [a:1, b:1]\n    labels:\n      x: 1\n\
             \x20 - targets:\n    - c:1\n    - d:1\n",
        ),
    ];
    for (name, text) in samples {
        let applied = Applied::new().await;
        applied.write(name, text);
        let apply = ["apply", "-f", name, "--set", "fleet", "--prune", "--yes", "--settle", "0"];
        applied.run(&apply).done();
        let (mut refused, mut harmless) = (0, 0);
        for cut in 0..text.len() {
            let before = applied.dynamo.rows().await;
            applied.write(name, &text[..cut]);
            let ran = applied.run(&apply);
            let after = applied.dynamo.rows().await;
            if ran.code == 0 {
                harmless += 1;
                let targets: Vec<String> =
                    applied.served("node").await.into_iter().flat_map(|group| group.targets).collect();
                for target in ["a:1", "b:1", "c:1", "d:1"] {
                    assert!(targets.contains(&target.to_owned()), "{target} is gone after {:?}", &text[..cut]);
                }
                assert!(before.keys().all(|key| after.contains_key(key)), "a row is missing after {:?}", &text[..cut]);
                applied.write(name, text);
                applied.run(&apply).done();
            } else {
                refused += 1;
                assert_eq!(after, before, "changed after {:?}: {ran:?}", &text[..cut]);
            }
        }
        assert!(refused > text.len() / 2, "{name}: only {refused} refused, {harmless} harmless");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_without_prune_keeps_targets_of_other_files() {
    let applied = Applied::new().await;
    applied.write("one.json", r#"[{"targets":["web:1"]}]"#);
    applied.write("two.json", r#"[{"targets":["db:1"]}]"#);
    for file in ["one.json", "two.json"] {
        applied.run(&["apply", "-f", file, "--job", "node", "--yes"]).done();
    }
    assert_eq!(applied.served("node").await, [group(["db:1"], []), group(["web:1"], [])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_reverts_a_put_on_its_row() {
    let applied = Applied::new().await;
    applied.apply(THREE, &["--prune"]).done();
    let before = applied.served("node").await;
    let names: Vec<(String, String)> = applied.dynamo.rows().await.into_keys().collect();
    for arguments in [&["--target", "x:1"][..], &["--target", "a:1", "--ttl", "1h"]] {
        let ran = run(applied.command(&["put", "node", &names[0].1, "--yes"]).args(arguments));
        assert!(ran.stderr.contains("note: the row belongs to the set \"fleet\""), "{ran:?}");
        applied.apply(THREE, &["--prune", "--max-removed", "50"]).done();
        assert_eq!(applied.served("node").await, before);
        assert_eq!(applied.dynamo.rows().await.into_keys().collect::<Vec<_>>(), names);
        assert!(!applied.dynamo.row("node", &names[0].1).await.unwrap().contains_key("expires_at"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn adopt_takes_over_rows_of_another_set() {
    let applied = Applied::new().await;
    applied.write("node.json", THREE);
    applied.run(&["apply", "-f", "node.json", "--yes"]).done();
    let names: Vec<(String, String)> = applied.dynamo.rows().await.into_keys().collect();
    let changed = THREE.replace("\"c:1\"", "\"c:1\", \"e:1\"");
    let plan = applied.apply(&changed, &["--prune", "--adopt", "default"]).done();
    assert!(plan.contains("owner    set default → set fleet"), "{plan}");
    assert!(plan.ends_with("Applied: 0 added, 3 changed, 0 removed.\n"), "{plan}");
    assert_eq!(applied.dynamo.rows().await.into_keys().collect::<Vec<_>>(), names);
    assert!(applied.apply(&changed, &["--prune"]).done().starts_with("Nothing to change"));
}

#[tokio::test(flavor = "multi_thread")]
async fn guard_counts_broken_rows() {
    let applied = Applied::new().await;
    let groups: Vec<String> =
        (0..10).map(|i| format!(r#"{{"targets":["t{i}:1"],"labels":{{"a-b":"{i}"}}}}"#)).collect();
    applied.write("node.json", &format!("[{}]", groups.join(",")));
    let apply = ["apply", "-f", "node.json", "--set", "fleet", "--prune", "--yes"];
    run(applied.command(&apply).env("HTTP_SD_LABEL_NAMES", "utf8")).done();
    let before = applied.dynamo.rows().await;
    let refused = applied.apply(r#"[{"targets":["t0:1"]}]"#, &["--prune"]).failed();
    assert!(refused.contains("10 of 10 groups"), "{refused}");
    assert_eq!(applied.dynamo.rows().await, before);
}

/// Groups of a prober share one target, and differ only by a label.
#[tokio::test(flavor = "multi_thread")]
async fn new_label_keeps_rows_of_groups_sharing_targets() {
    let applied = Applied::new().await;
    let probes = |more: &str| {
        let probe = |i: usize| {
            format!(r#"{{"targets":["blackbox:9115"],"labels":{{"__param_target":"s{i}","zone":"z"{more}}}}}"#)
        };
        format!("[{}]", (0..200).map(probe).collect::<Vec<_>>().join(","))
    };
    applied.apply(&probes(""), &[]).done();
    let plan = applied.apply(&probes(r#","env":"prod""#), &["--prune", "--full"]).done();
    assert!(plan.contains("0 to add, 200 to change, 0 to remove, 0 unchanged"), "{plan}");
    assert!(!plan.contains("~ __param_target"), "{plan}");
    assert_eq!(plan.matches("+ env=prod").count(), 200);
}

/// A moved target does not fit its former row any more, because that row is full again.
#[tokio::test(flavor = "multi_thread")]
async fn large_groups_can_swap_targets() {
    let applied = Applied::new().await;
    let group = |label: &str, targets: std::ops::Range<usize>, more: std::ops::Range<usize>| {
        let targets: Vec<String> = targets.chain(more).map(|i| format!("host-{i:05}.example.internal:9100")).collect();
        serde_json::json!({"targets": targets, "labels": {"group": label}})
    };
    let file = |groups: [serde_json::Value; 2]| serde_json::json!(groups).to_string();
    applied.apply(&file([group("a", 0..9000, 0..0), group("b", 10_000..19_000, 0..0)]), &[]).done();
    let swapped = file([group("a", 0..4000, 14_000..19_000), group("b", 10_000..14_000, 4000..9000)]);
    applied.apply(&swapped, &["--prune"]).done();
    let served: usize = applied.served("node").await.iter().map(|group| group.targets.len()).sum();
    assert_eq!(served, 18_000);
    let long = "x".repeat(60_000);
    let labelled = swapped.replace("\"group\":\"a\"", &format!("\"group\":\"a\",\"long\":\"{long}\""));
    applied.apply(&labelled, &["--prune"]).done();
    assert!(applied.apply(&labelled, &["--prune"]).done().starts_with("Nothing to change"));
}
