//! `sdctl apply` beside rows of other owners: rows without an owner, and rows of another set.

use http_sd_lambda::group::EpochSeconds;
use test_support::{
    Row,
    applied::{Applied, THREE, group, sorted},
    row::{n, s},
};

const EDITED: &str = r#"[
    {"targets": ["a:1", "b:1", "new:1"], "labels": {"env": "prod"}},
    {"targets": ["c:1"], "labels": {"env": "test"}},
    {"targets": ["l:1"], "labels": {"env": "test"}}
]"#;

/// Three rows without an owner, of which two have targets of [`EDITED`], and a row with a lease.
async fn unowned() -> Applied {
    let applied = Applied::new().await;
    applied.run(&["put", "node", "web", "-t", "a:1", "-t", "b:1", "-l", "env=prod"]).done();
    Row::new("node", "db", &["c:1"]).with("rack", s("42")).put(&applied.dynamo).await;
    Row::new("node", "other", &["x:1"]).put(&applied.dynamo).await;
    let EpochSeconds(now) = EpochSeconds::now();
    Row::new("node", "leased", &["l:1"]).with("expires_at", n(now + 3600)).put(&applied.dynamo).await;
    applied
}

#[tokio::test(flavor = "multi_thread")]
async fn adopt_unowned_takes_over_edited_rows() {
    let applied = unowned().await;
    let before = applied.dynamo.rows().await;
    let plan = applied.apply(EDITED, &["--prune", "--adopt-unowned"]);
    assert!(!plan.stderr.contains("note:"), "{plan:?}");
    let plan = plan.done();
    assert!(plan.ends_with("Applied: 1 added, 2 changed, 0 removed.\n"), "{plan}");
    assert_eq!(plan.matches("owner    no set → set fleet").count(), 2, "{plan}");
    let after = applied.dynamo.rows().await;
    assert_eq!(after[&("node".into(), "db".into())]["rack"], s("42"));
    for untouched in ["leased", "other"] {
        let key = ("node".to_owned(), untouched.to_owned());
        assert_eq!(after[&key], before[&key]);
    }
    let served = [
        group(["a:1", "b:1", "new:1"], [("env", "prod")]),
        group(["c:1"], [("env", "test")]),
        group(["l:1"], [("env", "test")]),
        group(["l:1"], []),
        group(["x:1"], []),
    ];
    assert_eq!(applied.served("node").await, sorted(served.into()));
    for arguments in [&["--prune", "--adopt-unowned"][..], &["--prune"]] {
        assert!(applied.apply(EDITED, arguments).done().starts_with("Nothing to change: 3 groups"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn adopt_unowned_works_without_a_set() {
    let applied = unowned().await;
    applied.write("node.json", EDITED);
    let apply = ["apply", "-f", "node.json", "--adopt-unowned", "--yes"];
    let plan = applied.run(&apply).done();
    assert!(plan.contains("owner    no set → set default"), "{plan}");
    assert!(plan.ends_with("Applied: 1 added, 2 changed, 0 removed.\n"), "{plan}");
    assert!(applied.run(&apply).done().starts_with("Nothing to change: 3 groups"));
}

#[tokio::test(flavor = "multi_thread")]
async fn plan_names_unowned_rows_with_added_targets() {
    let applied = unowned().await;
    applied.write("node.json", EDITED);
    let note = "note: job \"node\": 2 groups (no set) share targets with added groups: \"web\", \"db\"; \
                --adopt-unowned takes them over\n";
    for set in [&[][..], &["--set", "fleet"], &["--set", "fleet", "--prune"]] {
        let ran = applied.run(&[&["apply", "-f", "node.json", "--dry-run"], set].concat());
        assert!(ran.code == 2 && ran.stderr.ends_with(note), "{ran:?}");
        assert!(ran.stdout.contains("3 to add, 0 to change, 0 to remove"), "{ran:?}");
    }
    // Groups with the same labels, but other targets, are other groups.
    let ran = applied.apply(r#"[{"targets": ["y:1"]}]"#, &["--prune"]);
    assert!(!ran.stderr.contains("note:"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_on_unowned_rows_are_cut() {
    let applied = Applied::new().await;
    for job in 10..22 {
        for i in 0..7 {
            Row::new(&format!("job-{job}"), &format!("row-{i}"), &[&format!("t{i}:1")]).put(&applied.dynamo).await;
        }
        let groups: Vec<String> =
            (0..7).map(|i| format!(r#"{{"targets": ["t{i}:1"], "labels": {{"i": "{i}"}}}}"#)).collect();
        applied.write(&format!("sd/job-{job}.json"), &format!("[{}]", groups.join(",")));
    }
    let ran = applied.run(&["apply", "-f", "sd", "--set", "fleet", "--dry-run"]);
    let notes: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("note: ")).collect();
    assert_eq!(notes.len(), 11, "{notes:?}");
    assert_eq!(
        notes[0],
        "note: job \"job-10\": 7 groups (no set) share targets with added groups: \"row-0\", \"row-1\", \"row-2\", \
         \"row-3\", \"row-4\" and 2 more; --adopt-unowned takes them over"
    );
    assert_eq!(notes[10], "note: such groups exist in 2 more jobs");
}

/// Such a row stays with its targets if the set does not take it over.
#[tokio::test(flavor = "multi_thread")]
async fn labels_of_several_unowned_rows_pair_none() {
    let applied = Applied::new().await;
    for (name, target, env) in [("a", "a:1", ""), ("b", "b:1", "prod"), ("c", "c:1", "prod"), ("d", "d:1", "test")] {
        let label = format!("env={env}");
        let labels: &[&str] = if env.is_empty() { &[] } else { &["-l", &label] };
        applied.run(&[&["put", "node", name, "-t", target], labels].concat()).done();
    }
    let new = r#"[{"targets": ["new-a:1"]}, {"targets": ["new-b:1"], "labels": {"env": "prod"}},
        {"targets": ["new-d:1"], "labels": {"env": "test"}}]"#;
    let arguments = ["--adopt-unowned", "--max-removed", "100", "--dry-run"];
    let plan = applied.apply(new, &arguments).stdout;
    assert!(plan.contains("3 to add, 0 to change"), "{plan}");
    let plan = applied.apply(new, &[&arguments[..], &["--prune"]].concat()).stdout;
    assert!(plan.contains("2 to add, 1 to change, 0 to remove") && plan.contains("~ d\n"), "{plan}");
}

#[tokio::test(flavor = "multi_thread")]
async fn guard_counts_targets_of_adopted_rows() {
    let applied = Applied::new().await;
    Row::new("node", "web", &["a:1", "b:1", "c:1", "d:1"]).put(&applied.dynamo).await;
    let before = applied.dynamo.rows().await;
    let refused = applied.apply(r#"[{"targets": ["a:1"]}]"#, &["--adopt-unowned"]).failed();
    assert!(refused.contains("job \"node\" would lose 0 of 1 groups and 3 of 4 targets of this set"), "{refused}");
    assert_eq!(applied.dynamo.rows().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn adopt_unowned_repairs_a_broken_row() {
    let applied = Applied::new().await;
    applied.apply(THREE, &[]).done();
    let (job, name) = applied.dynamo.rows().await.into_keys().find(|(_, name)| name.starts_with("prod")).unwrap();
    Row::key(&job, &name).with("targets", s("a:1")).put(&applied.dynamo).await;
    let plan = applied.apply(THREE, &["--adopt-unowned"]).done();
    assert!(plan.contains("was broken: ") && plan.contains("0 to add, 1 to change"), "{plan}");
    assert_eq!(applied.served("node").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn misspelt_set_names_the_likely_one() {
    let applied = Applied::new().await;
    applied.write("node.json", THREE);
    applied.run(&["apply", "-f", "node.json", "--set", "shop", "--yes"]).done();
    applied.run(&["put", "node", "mine", "-t", "m:1"]).done();
    applied.write("edited.json", &THREE.replace("c:1", "c:1\", \"e:1"));
    let dry_run = |arguments: &[&str]| {
        let ran = applied.run(&[&["apply", "--job", "node", "--dry-run", "-f"], arguments].concat());
        assert_eq!(ran.code, 2, "{ran:?}");
        ran.stderr.lines().filter(|line| line.starts_with("note: ")).collect::<String>()
    };
    let note = |set, adopt| {
        format!(
            "note: no row of these jobs belongs to the set \"{set}\", but 3 rows of the set \"shop\" share targets \
             with the files: did you mean --set shop?{adopt}"
        )
    };
    for prune in [&[][..], &["--prune"]] {
        for file in ["node.json", "edited.json"] {
            let misspelt = dry_run(&[&[file, "--set", "shpo"], prune].concat());
            assert_eq!(misspelt, note("shpo", " (or --adopt shop)"));
        }
        assert_eq!(dry_run(&[&["edited.json"], prune].concat()), note("default", ""));
        // The set has rows, adopts the others, or shares no target.
        assert_eq!(dry_run(&[&["edited.json", "--set", "shop"], prune].concat()), "");
        assert_eq!(dry_run(&[&["edited.json", "--set", "shpo", "--adopt", "shop"], prune].concat()), "");
        applied.write("other.json", r#"[{"targets": ["z:1"], "labels": {"env": "prod"}}]"#);
        assert_eq!(dry_run(&[&["other.json", "--set", "shpo"], prune].concat()), "");
    }
    // The rows of a first apply without a set.
    applied.write("api.json", r#"[{"targets": ["api:1"]}]"#);
    applied.run(&["apply", "-f", "api.json", "--yes"]).done();
    let ran = applied.run(&["apply", "-f", "api.json", "--set", "api", "--dry-run"]);
    assert!(ran.stderr.contains("1 row of the set \"default\" shares targets"), "{ran:?}");
    assert!(ran.stderr.ends_with("with the files: did you mean --adopt default?\n"), "{ran:?}");
    // Without additions, the summary already names the other set.
    let ran = applied.run(&["apply", "-f", "node.json", "--dry-run"]);
    assert!(ran.code == 0 && !ran.stderr.contains("note:"), "{ran:?}");
    // The name of a set is a word of the shell.
    applied.run(&["apply", "-f", "node.json", "--set", "it's", "--adopt", "shop", "--yes"]).done();
    assert!(dry_run(&["node.json", "--set", "its"]).ends_with("did you mean --set \"it's\"? (or --adopt \"it's\")"));
}

#[tokio::test(flavor = "multi_thread")]
async fn adopt_of_missing_set_names_existing_ones() {
    let applied = Applied::new().await;
    applied.write("node.json", THREE);
    let adopt = |set: &str, more: &[&str]| {
        applied.run(&[&["apply", "-f", "node.json", "--yes", "--set", "fleet", "--adopt", set], more].concat())
    };
    let refused = |ran: test_support::sdctl::Ran| {
        assert_eq!(ran.stdout, "", "{ran:?}");
        ran.failed()
    };
    let start = "error: nothing was changed: no row belongs to the set \"defaults\" of --adopt, ";
    let end = ". Correct the name, or omit --adopt";
    assert_eq!(refused(adopt("defaults", &[])), format!("{start}no row of the table belongs to a set{end}"));
    applied.run(&["apply", "-f", "node.json", "--yes"]).done();
    for more in [&[][..], &["--prune"], &["--dry-run"], &["--dry-run", "-o", "json"]] {
        let said = refused(adopt("defaults", more));
        assert_eq!(said, format!("{start}the only set of the table is \"default\"{end}"));
    }
    for i in 1..8 {
        Row::new("other", &i.to_string(), &["o:1"])
            .with("managed_by", s(&format!("set-{i}")))
            .put(&applied.dynamo)
            .await;
    }
    let sets = "the sets of the table are \"default\", \"set-1\", \"set-2\", \"set-3\", \"set-4\" and 3 more";
    assert_eq!(refused(adopt("defaults", &[])), format!("{start}{sets}{end}"));
    // The set has rows in other jobs.
    let plan = adopt("set-7", &["--dry-run"]);
    assert!(plan.code == 2 && plan.stdout.contains("3 to add"), "{plan:?}");
    assert!(adopt("default", &[]).done().ends_with("Applied: 0 added, 3 changed, 0 removed.\n"));
    // The set has given all of its rows: the same command changes nothing.
    assert!(adopt("default", &[]).done().starts_with("Nothing to change: 3 groups"));
}
