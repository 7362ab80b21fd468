//! `sdctl check` and Prometheus's `promtool` judge the same files.

use std::{fs, process::Command};

use tempfile::TempDir;
use test_support::{
    sdctl::{run, sdctl},
    tools::tool,
};

/// The verdict of both on a file, or the differing verdict of `sdctl check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    Fault,
    /// Only `sdctl check` finds a fault: Prometheus accepts the file with another meaning than its author's.
    OursOnly,
    /// Only `sdctl check` accepts the file, with a warning. `promtool` rejects it, because it does not consider
    /// relabelling.
    Warning,
    /// Both accept the list, which is empty. `sdctl check` warns of it.
    Empty,
}

#[test]
fn promtool_and_check_agree_on_files() {
    use Verdict::{Empty, Fault, Good, OursOnly, Warning};
    let Some(promtool) = tool("promtool") else { return };
    let cases = [
        ("json", "[]", Empty),
        ("json", r#"[{"targets":["a:1"],"labels":{"env":"prod"}}]"#, Good),
        ("json", r#"[{"targets":["a:1"],"labels":null}]"#, Good),
        ("json", "", Fault),
        ("json", "{}", Fault),
        ("json", "[null]", Fault),
        ("json", "[[]]", Fault),
        ("json", r#"[{"targets":["a:1"]},]"#, Fault),
        ("json", "\u{feff}[]", Fault),
        ("json", r#"[{"target":["a:1"]}]"#, Fault),
        ("json", r#"[{"targets":[1]}]"#, Fault),
        ("json", r#"[{"targets":"a:1"}]"#, Fault),
        ("json", r#"[{"targets":[""]}]"#, Fault),
        ("json", r#"[{"targets":[null]}]"#, Fault),
        ("json", r#"[{"targets":["a:1"],"labels":{"n":1}}]"#, Fault),
        ("json", r#"[{"targets":["a:1"],"labels":{"":"x"}}]"#, Fault),
        ("json", r#"[{"targets":["a:1"],"labels":{"a-b":"x"}}]"#, Fault),
        ("json", "null", OursOnly),
        ("json", "[{}]", OursOnly),
        ("json", r#"[{"Targets":["a:1"]}]"#, OursOnly),
        ("json", r#"[{"targets":["a:1"],"targets":[]}]"#, OursOnly),
        ("json", r#"[{"targets":["a:1"],"labels":{"a":null}}]"#, OursOnly),
        ("json", r#"[{"targets":["a b:1"]}]"#, OursOnly),
        ("json", r#"[{"targets":["http://a/x"]}]"#, Warning),
        ("json", r#"[{"targets":["a:1"],"labels":{"__scrape_interval__":"5s"}}]"#, Warning),
        ("json", r#"[{"targets":["a:1"],"labels":{"__scrape_interval__":"1.5m"}}]"#, Warning),
        ("yml", "- targets: [a:1, 9100]\n", Good),
        ("yml", "- targets: [a:1]\n  labels: {a: 1, b: yes}\n", Good),
        ("yml", "- targets: a\n", Fault),
        ("yml", "- \n", Fault),
        ("yml", "- targets: [~]\n", Fault),
        ("yml", "- targets: [a]\n  Labels: {}\n", Fault),
        ("yml", "- targets: [a]\n  labels: {a: 1, a: 2}\n", Fault),
        ("yml", "", OursOnly),
        ("yml", "- targets: [a]\n---\n- targets: [b]\n", OursOnly),
    ];
    let folder = TempDir::new().unwrap();
    for (extension, text, verdict) in cases {
        let list = format!("list.{extension}");
        let config = format!("scrape_configs:\n- job_name: x\n  file_sd_configs:\n  - files: [{list}]\n");
        fs::write(folder.path().join(&list), text).unwrap();
        fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        let judged = |command: &mut Command| {
            let ran = run(command.current_dir(folder.path()));
            (ran.code, format!("{text}: {ran:?}"))
        };
        let (code, said) = judged(Command::new(&promtool).args(["check", "config", "prometheus.yml"]));
        assert_eq!(code != 0, matches!(verdict, Fault | Warning), "promtool on {said}");
        for file in ["prometheus.yml", &list] {
            let (code, said) = judged(sdctl().args(["check", file]));
            assert_eq!(code, if matches!(verdict, Fault | OursOnly) { 2 } else { 0 }, "check {file} on {said}");
        }
        let (code, said) = judged(sdctl().args(["check", "--strict", &list]));
        assert_eq!(code, if verdict == Good { 0 } else { 2 }, "check --strict on {said}");
    }
}

#[test]
fn vmagent_and_check_agree_on_included_files() {
    let Some(vmagent) = tool("vmagent") else { return };
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("vmagent.yml"), "scrape_config_files: [jobs.yml]\n").unwrap();
    let job = "- job_name: x\n  static_configs: [{targets: [a:1]}]\n";
    for (text, is_accepted) in [
        (job.to_owned(), true),
        ("[]\n".into(), true),
        (format!("scrape_configs:\n{job}"), false),
        ("- targets: [a:1]\n".into(), false),
        ("a\n".into(), false),
    ] {
        fs::write(folder.path().join("jobs.yml"), &text).unwrap();
        let vmagent = run(Command::new(&vmagent).current_dir(folder.path()).args([
            "-dryRun",
            "-remoteWrite.url=http://127.0.0.1:1/",
            "-promscrape.config=vmagent.yml",
        ]));
        let checked = run(sdctl().current_dir(folder.path()).args(["check", "--for", "vmagent", "vmagent.yml"]));
        assert_eq!([vmagent.code == 0, checked.code == 0], [is_accepted; 2], "{text}: {vmagent:?} {checked:?}");
    }
}
