//! Folders that `sdctl apply` and `sdctl check` receive: what they read, and what they say of the rest.

use std::os::unix::fs::symlink;

use test_support::{
    applied::{Applied, group, sorted},
    sdctl::Ran,
};

/// Runs a command in the folder, and returns its lines that begin with a name of a file or folder.
fn said(ran: &Ran) -> Vec<String> {
    let words = ["warning: ", "note: ", "warning ", "note    "];
    let lines = ran.stdout.lines().chain(ran.stderr.lines());
    let mut said: Vec<String> =
        lines.filter_map(|line| words.iter().find_map(|word| line.strip_prefix(word))).map(str::to_owned).collect();
    said.sort();
    said
}

fn list(target: &str) -> String {
    format!("- targets: ['{target}']\n")
}

/// A folder as people have it: subfolders, templates, backups, hidden files and links.
async fn targets() -> Applied {
    let applied = Applied::new().await;
    for (name, target) in [
        ("node.yml", "top:1"),
        ("db.YAML", "db:1"),
        ("eu/node.yml", "eu:1"),
        ("eu/west/node.json.yml", "deep:1"),
        ("us/web.yml", "us:1"),
        ("db.yml.j2", "template:1"),
        ("eu/node.yml.bak", "backup:1"),
        ("web.json5", "json5:1"),
        (".node.yml", "hidden:1"),
        (".git/node.yml", "git:1"),
        ("eu/.node.yml.swp", "swap:1"),
        ("README.md", "readme:1"),
    ] {
        applied.write(&format!("targets/{name}"), &list(target));
    }
    applied.write("elsewhere/cache.yml", &list("cache:1"));
    let at = |name: &str| applied.folder.path().join("targets").join(name);
    symlink("../elsewhere", at("linked")).unwrap();
    symlink(".", at("loop")).unwrap();
    symlink("..", at("eu/up")).unwrap();
    symlink("gone", at("dangling")).unwrap();
    applied
}

#[tokio::test(flavor = "multi_thread")]
async fn folder_names_what_it_leaves_out() {
    let applied = targets().await;
    let expected = [
        "targets: leaves out 2 files (db.yml.j2, web.json5): end each name in .json, .yml or .yaml, or move it away; sdctl \
         reads no targets there",
        "targets: leaves out 2 linked folders (linked, loop): name each on the command line; sdctl reads no targets there",
        "targets: leaves out 2 subfolders (eu/, us/), 2 hidden files (.git/, .node.yml) and 2 other files (README.md, \
         dangling). --recursive reads subfolders too",
    ];
    let ran = applied.run(&["apply", "-f", "targets", "--yes"]);
    assert_eq!(said(&ran), expected);
    ran.done();
    assert_eq!(applied.dynamo.rows().await.len(), 2);
    let ran = applied.run(&["check", "targets"]);
    assert_eq!((ran.code, said(&ran)), (0, expected.iter().map(|text| (*text).to_owned()).collect()));
    assert_eq!(applied.run(&["check", "--strict", "targets"]).code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn recursive_folder_merges_files_of_one_name() {
    let applied = targets().await;
    let expected = [
        r#"targets/eu/node.yml: job "node": also gets the groups of 1 other file (targets/node.yml)"#,
        "targets: leaves out 3 files (db.yml.j2, eu/node.yml.bak, web.json5): end each name in .json, .yml or .yaml, or \
         move it away; sdctl reads no targets there",
        "targets: leaves out 3 hidden files (.git/, .node.yml, eu/.node.yml.swp) and 2 other files (README.md, dangling)",
        "targets: leaves out 3 linked folders (eu/up, linked, loop): name each on the command line; sdctl reads no targets there",
    ];
    for recursive in ["-R", "--recursive"] {
        assert_eq!(said(&applied.run(&["check", recursive, "targets"])), expected);
        let ran = applied.run(&["apply", recursive, "-f", "targets", "--yes"]);
        assert_eq!(said(&ran), expected);
        ran.done();
    }
    for (job, targets) in [("node", &["eu:1", "top:1"][..]), ("node.json", &["deep:1"]), ("web", &["us:1"])] {
        let wanted = targets.iter().map(|target| group([target], [])).collect();
        assert_eq!(applied.served(job).await, sorted(wanted));
    }
    assert_eq!(applied.dynamo.rows().await.len(), 5);
    // A link on the command line is followed.
    let ran = applied.run(&["apply", "-R", "-f", "targets/linked", "-f", "targets/loop/us", "--yes"]);
    assert!(ran.done().contains("Applied: 1 added"));
}

#[tokio::test(flavor = "multi_thread")]
async fn folder_without_lists_is_a_fault() {
    let applied = Applied::new().await;
    applied.write("targets/eu/node.yml", &list("eu:1"));
    let ran = applied.run(&["apply", "-f", "targets", "--yes"]);
    assert!(
        ran.stderr.contains("note: targets: leaves out 1 subfolder (eu/). --recursive reads subfolders too\n"),
        "{ran:?}"
    );
    assert!(ran.errors().contains("targets: contains no file that ends in .json, .yml or .yaml"));
    applied.run(&["apply", "-R", "-f", "targets", "--yes"]).done();
    assert_eq!(applied.served("node").await, [group(["eu:1"], [])]);
}

/// A configuration, the lists that it names, and a list that it does not name.
async fn etc() -> Applied {
    let applied = Applied::new().await;
    applied.write(
        "etc/prometheus.yml",
        "scrape_configs:\n- job_name: fleet\n  file_sd_configs: [{files: [targets.json, sd/*.json]}]\n",
    );
    for name in ["targets.json", "sd/a.json", "sd/b.json", "own.json"] {
        let target = name.replace('/', "-");
        applied.write(&format!("etc/{name}"), &format!(r#"[{{"targets":["{target}:1"]}}]"#));
    }
    applied
}

const ONE: &str = r#"etc/prometheus.yml:3: job "fleet": names 1 file of the folder (etc/targets.json): sdctl reads it only here, not as a job of its own"#;
const TWO: &str = r#"etc/prometheus.yml:3: job "fleet": names 2 files of the folder (etc/sd/a.json, etc/sd/b.json): sdctl reads them only here, not as jobs of their own"#;
const ALL: &str = r#"etc/prometheus.yml:3: job "fleet": names 3 files of the folder (etc/sd/a.json, etc/sd/b.json, etc/targets.json): sdctl reads them only here, not as jobs of their own"#;
const SUBFOLDER: &str = "etc: leaves out 1 subfolder (sd/). --recursive reads subfolders too";

#[tokio::test(flavor = "multi_thread")]
async fn list_of_a_configuration_is_no_job() {
    let applied = etc().await;
    let jobs = |ran: &Ran| -> Vec<String> {
        let lines = ran.stdout.lines().filter_map(|line| line.strip_prefix("job ")?.split(':').next());
        lines.map(str::to_owned).collect()
    };
    let (fleet, own) = ("\"fleet\"", "\"own\"");
    for (arguments, lines, wanted) in [
        (&["-f", "etc"][..], vec![ONE, SUBFOLDER], &[fleet, own][..]),
        (&["-R", "-f", "etc"], vec![ALL], &[fleet, own]),
        (&["-f", "etc/sd", "-f", "etc/prometheus.yml"], vec![TWO], &[fleet]),
        (&["-f", "etc/prometheus.yml"], vec![], &[fleet]),
        // A file that the command line names is a job.
        (&["-f", "etc/prometheus.yml", "-f", "etc/sd/a.json"], vec![], &["\"a\"", fleet]),
        (&["-f", "etc/sd"], vec![], &["\"a\"", "\"b\""]),
    ] {
        let ran = applied.run(&[&["apply", "--dry-run"], arguments].concat());
        assert_eq!((ran.code, jobs(&ran)), (2, wanted.iter().map(|job| (*job).to_owned()).collect()), "{arguments:?}");
        assert_eq!(said(&ran), lines, "{arguments:?}");
    }
    let checked = applied.run(&["check", "-R", "--strict", "etc"]);
    assert_eq!((checked.code, said(&checked)), (0, vec![ALL.to_owned()]));
    assert!(checked.stdout.ends_with("no faults in 5 files, 4 groups, 4 targets\n"), "{checked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn job_of_two_files_is_told_once() {
    let applied = Applied::new().await;
    let config =
        |target: &str| format!("scrape_configs:\n- job_name: node\n  static_configs: [{{targets: ['{target}']}}]\n");
    applied.write("a.yml", &config("a:1"));
    applied.write("b.yml", &config("b:1"));
    applied.write("node.yml", &list("c:1"));
    let told = |first: &str, second: &str| {
        format!(
            "{second}: job \"node\": is also a job of {first}: rename one of the two; after a move to the function each \
             poller of the job gets the targets of both"
        )
    };
    for (files, expected) in [
        (&["a.yml", "b.yml"][..], told("a.yml:2", "b.yml:2")),
        (&["a.yml", "b.yml", "node.yml"], told("a.yml:2", "b.yml:2")),
        (&["node.yml", "b.yml"], told("b.yml:2", "node.yml")),
    ] {
        let ran = applied.run(&[&["check", "--strict"], files].concat());
        assert_eq!((ran.code, said(&ran)), (2, vec![expected.clone()]));
        let of_apply: Vec<&str> = files.iter().flat_map(|file| ["-f", file]).collect();
        let ran = applied.run(&[&["apply", "--dry-run"], &of_apply[..]].concat());
        assert_eq!((ran.code, said(&ran)), (2, vec![expected]));
    }
    applied.write("twice.yml", &format!("{0}{1}", config("a:1"), &config("b:1")["scrape_configs:\n".len()..]));
    for arguments in [&["check", "twice.yml"][..], &["apply", "-f", "twice.yml", "--yes"]] {
        let (code, output) = applied.run(arguments).code_and_text();
        let fault = "twice.yml:4: job \"node\": job_name is already used by the scrape configuration at twice.yml:2";
        assert!(code > 0 && output.contains(fault), "{output}");
    }
    // The command line says it.
    let ran = applied.run(&["check", "--strict", "--job", "node", "node.yml", "/dev/fd/0"]);
    assert!(ran.code == 2 && said(&ran).is_empty(), "{ran:?}");
}
