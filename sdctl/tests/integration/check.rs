//! `sdctl check` of files.

use std::{fs, path::Path, process::Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{
    contract::{BODIES, NEVER_SCRAPED, REJECTED},
    sdctl::{run, sdctl},
};

/// Runs a check in a folder, and returns the exit code and the output.
fn check(folder: &Path, arguments: &[&str]) -> (i32, String) {
    run(sdctl().current_dir(folder).arg("check").args(arguments)).code_and_text()
}

/// Creates a folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Checks one file.
fn check_file(name: &str, text: &str, arguments: &[&str]) -> (i32, String) {
    check(folder(&[(name, text)]).path(), &[&[name], arguments].concat())
}

#[test]
fn invalid_file_fault_states_effect_on_prometheus() {
    for (body, consequence) in BODIES {
        let (code, output) = check_file("node.json", body, &[]);
        assert_eq!(code, if consequence.is_empty() { 0 } else { 2 }, "{body}: {output}");
        assert!(output.contains(consequence) && output.contains("in 1 file, "), "{body}: {output}");
    }
}

#[test]
fn fault_names_file_line_job_group_and_field() {
    let yaml = "- targets: [a:1]\n- targets: [b:1]\n  labels:\n    a-b: x\n";
    let (_, output) = check_file("node.yml", yaml, &[]);
    assert!(output.starts_with(r#"fault   node.yml:4: job "node", group 2: labels["a-b"] is not a label"#), "{output}");
    assert!(output.ends_with("1 fault in 1 file, 2 groups, 1 target\n"), "{output}");
    let (_, output) = check_file("node.yml", yaml, &["--job", "web", "-o", "json"]);
    let report: Value = serde_json::from_str(&output).unwrap();
    let finding = report["findings"][0].as_object().unwrap();
    assert!(finding["problem"].as_str().unwrap().starts_with("is not a label name"));
    assert_eq!(finding["consequence"], format!("Prometheus 2 {REJECTED}"));
    for (key, value) in [
        ("severity", json!("fault")),
        ("file", json!("node.yml")),
        ("line", json!(4)),
        ("job", json!("web")),
        ("group", json!(2)),
        ("field", json!(r#"labels["a-b"]"#)),
    ] {
        assert_eq!(finding[key], value);
    }
    assert_eq!(report["summary"], json!({"faults": 1, "warnings": 0, "files": 1, "groups": 2, "targets": 1}));
}

#[test]
fn faults_depend_on_poller_and_format() {
    let (utf8, unknown) = (r#"[{"targets":["a:1"],"labels":{"a-b":"x"}}]"#, r#"[{"targets":["a:1"],"source":"x"}]"#);
    let twice = "- targets: [a:1]\n  labels: {a: 1, a: 2}\n";
    let other_case = r#"[{"targets":["a:1"],"Labels":{}}]"#;
    for (name, text, poller, code, expected) in [
        ("a.json", utf8, "prometheus2", 2, "Prometheus 2 rejects the whole list"),
        ("a.json", utf8, "prometheus3", 0, "no faults"),
        ("a.json", utf8, "vmagent", 0, "no faults"),
        ("a.json", unknown, "prometheus3", 2, "Prometheus 3 rejects the whole list"),
        ("a.json", unknown, "vmagent", 2, "vmagent skips the whole file and drops its targets"),
        ("a.json", r#"[{"targets":[9100]},]"#, "vmagent", 0, "no faults"),
        ("a.json", "[null]", "vmagent", 2, "vmagent reads it as a group without targets"),
        ("a.yml", twice, "prometheus2", 2, REJECTED),
        ("a.yml", "- targets: [9100]\n", "prometheus2", 0, "no faults"),
        ("a.yml", "- targets: [~]\n", "prometheus2", 2, NEVER_SCRAPED),
        ("a.yml", "", "prometheus2", 2, "reads it as an empty list"),
        ("a.json", other_case, "prometheus2", 2, "accepts it in any case"),
        ("a.yml", "- targets: [a:1]\n  Labels: {}\n", "prometheus2", 2, REJECTED),
        (
            "a.yml",
            "scrape_configs:\n- job_name: x\n  static_configs: [{targets: a}]\n",
            "prometheus2",
            2,
            "rejects the whole configuration",
        ),
    ] {
        let (found, output) = check_file(name, text, &["--for", poller]);
        assert!(found == code && output.contains(expected), "{text} for {poller}: {output}");
    }
}

#[test]
fn accepted_but_misleading_content_is_a_warning() {
    let label = |name: &str, value: &str| format!(r#"[{{"targets":["a:1"],"labels":{{"{name}":"{value}"}}}}]"#);
    let times = |interval: &str, timeout: &str| {
        label("__scrape_interval__", &format!(r#"{interval}","__scrape_timeout__":"{timeout}"#))
    };
    let cases = [
        (r#"[{"targets":["a:1"]},{"targets":["a:1"]}]"#.into(), "group 2: is the same as group 1 at x.json:1"),
        (r#"[{"targets":["a:1"]},{"targets":["b:1","a:1"]}]"#.into(), r#"targets[1] "a:1" is in group 1 at x.json:1"#),
        (r#"[{"targets":["a:1","a:1"]}]"#.into(), r#"targets[1] "a:1" is the same as targets[0]"#),
        (r#"[{"targets":["a:1"]},{"targets":["a:1"],"labels":{"a":"b"}}]"#.into(), ""),
        (r#"[{"targets":[]}]"#.into(), "has no targets"),
        (r#"[{"targets":["http://a/x"]}]"#.into(), "drops it unless the job relabels it, as for blackbox probing"),
        (r#"[{"targets":["http://a/x"],"labels":{"__param_module":"http_2xx"}}]"#.into(), ""),
        (r#"[{"targets":["a","[::1]:1","[::1]"]}]"#.into(), ""),
        (r#"[{"targets":["h:1,h:2"]}]"#.into(), r#"targets[0] "h:1,h:2" contains a comma"#),
        (r#"[{"targets":["h:1","a:99999"]}]"#.into(), "1 to 65535; every scrape of this target fails"),
        (r#"[{"targets":["::1"]}]"#.into(), r#"write "[::1]""#),
        (r#"[{"targets":["a,b"],"labels":{"__param_target":"x"}}]"#.into(), ""),
        (label("__scheme__", "https"), ""),
        (label("__scheme__", "ftp"), "must be http or https"),
        (label("__scrape_interval__", "1.5s"), "must be a duration"),
        (label("__scrape_interval__", "0s"), "is zero"),
        (label("__scrape_interval__", "5s"), "shorter than the default time-out"),
        (label("__scrape_interval__", ""), ""),
        (label("__scrape_timeout__", "10s"), ""),
        (label("__scrape_timeout__", "2m"), "longer than the default interval"),
        (times("5s", "5s"), ""),
        (times("5s", "6s"), r#"labels["__scrape_timeout__"] is longer than labels["__scrape_interval__"]"#),
        (label("__meta_dynamodb_group", "x"), "?meta=true replaces its value"),
    ];
    for (json, warning) in cases {
        let (code, output) = check_file("x.json", &json, &[]);
        assert_eq!((code, output.starts_with("warning ")), (0, !warning.is_empty()), "{json}: {output}");
        assert!(output.contains(warning), "{json}: {output}");
        let (code, _) = check_file("x.json", &json, &["--strict"]);
        assert_eq!(code, if warning.is_empty() { 0 } else { 2 }, "{json} with --strict");
    }
}

#[test]
fn list_above_buffered_limit_is_a_warning() {
    let job = |bytes: usize| format!(r#"[{{"targets":["a:1"],"labels":{{"a":"{}"}}}}]"#, "x".repeat(bytes));
    let files = folder(&[("a.json", &job(4_000_000)), ("b.json", &job(3_000_000)), ("c.json", &job(6_290_000))]);
    for (arguments, expected) in [
        (&["a.json"][..], "no faults in"),
        (&["a.json", "b.json"], "the list of all jobs, GET /prom, needs 7000"),
        (&["c.json"], r#"c.json:1: job "c": the list of this job needs 62900"#),
    ] {
        let (code, output) = check(files.path(), arguments);
        assert!(code == 0 && output.contains(expected), "{arguments:?}: {output}");
    }
}

#[test]
fn check_follows_configuration_files_without_endless_loops() {
    let main = "scrape_config_files: [main.yml, list.yml]\nscrape_configs:\n- job_name: node\n  ec2_sd_configs: []\n  \
                file_sd_configs: [{files: [main.yml, gone.yml, good.json]}]\n";
    let files = folder(&[("main.yml", main), ("list.yml", "- targets: [a:1]\n"), ("good.json", "[]")]);
    let (code, output) = check(files.path(), &["main.yml"]);
    assert_eq!(code, 2, "{output}");
    for expected in [
        r#"note    main.yml:4: job "node": ec2_sd_configs is skipped"#,
        r#"main.yml:5: job "node": names the file "gone.yml", which does not exist: create it or correct the path; Prometheus 2"#,
        "main.yml:1: contains scrape_config_files, which is valid only in the main configuration",
        r#"main.yml:1: job "node": is a map, but must be a list of target groups"#,
        "list.yml:1: is a list, but must be a map of scrape_configs",
        " in 3 files, ",
    ] {
        assert!(output.contains(expected), "no {expected:?} in {output}");
    }
}

#[test]
fn unchecked_input_exits_with_1() {
    let files = folder(&[
        ("a.json", "[]"),
        ("empty.token", " \n"),
        ("two.token", "a\nb"),
        ("prometheus.yml", "scrape_configs: []"),
    ]);
    let url = ["--url", "http://127.0.0.1:1/"];
    let cases: [(&[&str], &str); 9] = [
        (&["a.json", "gone.json"], "error: cannot read gone.json: No such file"),
        (&["prometheus.yml", "--job", "x"], "which names its own jobs: omit --job"),
        (&["--url", "ftp://a"], "it must start with http:// or https://"),
        (&["--url", "nonsense"], "Use a URL such as http://127.0.0.1:8088/prom"),
        (&["a.json", "--url", "http://a"], "cannot be used with"),
        (&[], "<FILE>"),
        (
            &[url[0], url[1], "--token-file", "empty.token"],
            "no token in empty.token: the file is empty. Create a token with sdctl token",
        ),
        (
            &[url[0], url[1], "--token-file", "no.token"],
            "cannot read the token file no.token: no such file. Create it with sdctl token --file no.token",
        ),
        (&[url[0], url[1], "--token-file", "two.token"], "no token in two.token: the content has white space"),
    ];
    for (arguments, expected) in cases {
        let (code, output) = check(files.path(), arguments);
        assert!(code == 1 && output.contains(expected), "{arguments:?}: {output}");
    }
}

#[test]
fn closed_pipe_does_not_change_the_verdict() {
    let groups = vec![r#"{"targets":[""]}"#; 10_000].join(",\n");
    let files = folder(&[("many.json", &format!("[{groups}]"))]);
    let mut command = sdctl();
    command.current_dir(files.path()).args(["check", "many.json"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.code() == Some(2) && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn partly_supported_label_name_is_noted_once() {
    let text = r#"[{"targets":["a:1"],"labels":{"a-b":"x"}},{"targets":["b:1"],"labels":{"a-b":"x","c.d":"x"}}]"#;
    for poller in ["prometheus3", "vmagent"] {
        let (code, output) = check_file("node.json", text, &["--strict", "--for", poller]);
        let expected = r#"note    node.json:1: job "node", group 1: labels["a-b"] is a valid name for "#;
        assert!(code == 0 && output.starts_with(expected) && output.lines().count() == 2, "{output}");
        assert!(
            output.contains("but sdctl apply and the function reject it unless HTTP_SD_LABEL_NAMES=utf8"),
            "{output}"
        );
    }
}

#[test]
fn pattern_without_a_file_is_a_warning() {
    let config = "scrape_configs:\n- job_name: x\n  file_sd_configs:\n  - files: ['[^a]*.json', 'a*.json']\n";
    let files = folder(&[("prometheus.yml", config), ("a.json", r#"[{"targets":["a:1"]}]"#)]);
    let warning = "warning prometheus.yml:4: job \"x\": the pattern \"[^a]*.json\" matches no file: check its path; \
                   Prometheus 2 finds no target there\nno faults, 1 warning in 2 files, 1 group, 1 target\n";
    for (arguments, code) in [(&["prometheus.yml"][..], 0), (&["prometheus.yml", "--strict"], 2)] {
        assert_eq!(check(files.path(), arguments), (code, warning.into()));
    }
}

#[test]
fn operator_list_and_json_configuration_are_read() {
    let list = "- job_name: a\n  scrape_interval: 15s\n  static_configs: [{targets: [x:1]}]\n- job_name: b\n  \
                static_configs: [{targets: [y:1]}]\n";
    let (code, output) = check_file("prometheus-additional.yaml", list, &["--strict"]);
    let note = "note    prometheus-additional.yaml: is a list of scrape configurations, as the Prometheus Operator";
    assert!(code == 0 && output.starts_with(note) && output.contains("1 file, 2 groups, 2 targets"), "{output}");
    let json =
        r#"{"scrape_configs": [{"job_name": 404, "static_configs": [{"targets": ["a:1"], "labels": {"n": 1}}]}]}"#;
    for name in ["prometheus.json", "prometheus.conf"] {
        let (code, output) = check_file(name, json, &["--strict"]);
        assert_eq!((code, output.as_str()), (0, "no faults in 1 file, 1 group, 1 target\n"), "{name}");
    }
    let (code, output) = check_file("prometheus.yml", "job_name: a\nstatic_configs: []\n", &[]);
    assert!(code == 2 && output.contains("put it into a list under scrape_configs"), "{output}");
}

#[test]
fn unjudged_fields_are_named_in_one_line() {
    let config = "alerting: {}\nscrape_configs:\n- job_name: x\n  honor_labels: true\n  tls_config: {}\n  \
                  static_configs: [{targets: ['https://a/']}]\n  relabel_configs: [{target_label: __address__}]\n";
    let (code, output) = check_file("prometheus.yml", config, &["--strict"]);
    let note = "note    prometheus.yml: the values of alerting, relabel_configs, tls_config are not checked: run promtool \
                check config\nno faults in 1 file, 1 group, 1 target\n";
    assert_eq!((code, output.as_str()), (0, note));
}

#[test]
fn field_of_another_poller_is_a_fault() {
    let config = "scrape_configs:\n- job_name: x\n  static_configs: [{targets: [a:1]}]\n  stream_parse: true\n";
    let fault =
        r#"prometheus.yml:4: job "x": "stream_parse" is a field of vmagent only: remove it; Prometheus 2 rejects"#;
    let (code, output) = check_file("prometheus.yml", config, &[]);
    assert!(code == 2 && output.contains(fault), "{output}");
    assert_eq!(check_file("prometheus.yml", config, &["--for", "vmagent"]).0, 0);
}

#[test]
fn check_names_what_vmagent_does_with_urls() {
    let urls = "scrape_configs:\n- job_name: x\n  http_sd_configs:\n  - url: http://a/\n  - url: http://b/\n";
    let warning = r#"warning prometheus.yml:3: job "x": polls 2 URLs: give each URL its own job; if one URL fails"#;
    let (code, output) = check_file("prometheus.yml", urls, &["--for", "vmagent"]);
    assert!(code == 0 && output.contains(warning), "{output}");
    assert_eq!(check_file("prometheus.yml", urls, &["--for", "vmagent", "--strict"]).0, 2);
    let (_, output) = check_file("prometheus.yml", urls, &["--for", "prometheus3"]);
    assert!(!output.contains("warning"), "{output}");

    let interval = "scrape_configs:\n- job_name: x\n  http_sd_configs: [{url: 'http://a/', refresh_interval: 1m}]\n";
    let fault = r#"prometheus.yml:3: job "x": "refresh_interval" is not a field of vmagent: remove it"#;
    let (code, output) = check_file("prometheus.yml", interval, &["--for", "vmagent"]);
    assert!(code == 2 && output.contains(fault), "{output}");
    assert_eq!(check_file("prometheus.yml", interval, &[]).0, 0);
}

#[test]
fn rule_on_file_paths_is_a_warning() {
    let config = "scrape_configs:\n- job_name: x\n  file_sd_configs: [{files: [x.json]}]\n  relabel_configs:\n  \
                  - source_labels: [__meta_filepath]\n    target_label: file\n";
    let files = folder(&[("prometheus.yml", config), ("x.json", r#"[{"targets":["a:1"]}]"#)]);
    let warning = r#"prometheus.yml:5: job "x": relabel_configs uses __meta_filepath, which only files have"#;
    let (code, output) = check(files.path(), &["prometheus.yml"]);
    assert!(code == 0 && output.contains(&format!("warning {warning}")), "{output}");
    assert_eq!(check(files.path(), &["prometheus.yml", "--strict"]).0, 2);
    let data = files.path().join("data");
    let applied =
        run(sdctl().current_dir(files.path()).args(["apply", "-f", "prometheus.yml", "-y", "--data"]).arg(data));
    assert!(applied.code == 0 && applied.stderr.contains(warning), "{applied:?}");
}

#[test]
fn variable_is_applied_only_for_a_poller() {
    let list = r#"[{"targets":["a:1"]},{"targets":["b:1"],"labels":{"host":"x-%{SD_HOST}"}}]"#;
    let files = folder(&[("x.json", list)]);
    let at = r#"x.json:1: job "x", group 2: contains the variable "%{SD_HOST}""#;
    for (poller, rest) in [("prometheus2", ": write its value"), ("vmagent", ", which has no value: set it")] {
        let (code, output) = check(files.path(), &["x.json", "--for", poller]);
        assert!(code == 0 && output.contains(&format!("warning {at}{rest}")), "{output}");
    }
    let data = files.path().join("data");
    let sdctl = |arguments: &[&str], host: Option<&str>| {
        let mut command = sdctl();
        command.current_dir(files.path()).args(arguments).arg("--data").arg(&data);
        run(command.envs(host.map(|host| ("SD_HOST", host))))
    };
    let apply = ["apply", "-f", "x.json", "-y"];
    for (options, host, remedy) in [
        (&[][..], Some("h"), "which only vmagent replaces. Write its value, use --for vmagent to replace it"),
        (&["--for", "vmagent"], None, "which has no value in the environment. Set it or write its value"),
    ] {
        let refused = sdctl(&[&apply[..], options].concat(), host);
        let error = format!("nothing was changed: {at}, {remedy}");
        assert!(refused.code == 1 && refused.stderr.contains(&error), "{refused:?}");
    }
    for (poller, written) in [("prometheus3", "x-%{SD_HOST}"), ("vmagent", "x-h")] {
        let applied = sdctl(&[&apply[..], &["--for", poller]].concat(), Some("h"));
        assert_eq!(applied.code, 0, "{applied:?}");
        let rows = sdctl(&["get", "x", "-o", "file_sd"], None);
        assert!(rows.stdout.contains(&format!("\"{written}\"")), "{rows:?}");
    }
}

#[test]
fn variable_in_a_path_is_not_applied() {
    let list = r#"[{"targets":["a:1"]}]"#;
    let config = "scrape_configs: [{job_name: x, file_sd_configs: [{files: ['%{SD_DIR}*.json']}]}]\n";
    let files = folder(&[("prometheus.yml", config), ("a.json", list)]);
    let data = files.path().join("data");
    let apply = |options: &[&str], variable: &str| {
        let mut command = sdctl();
        command.current_dir(files.path()).args(["apply", "-f", "prometheus.yml", "-y", "--data"]).arg(&data);
        run(command.args(options).env(variable, "a"))
    };
    let error = r#"files contains the variable "%{SD_DIR}": set it in the environment of sdctl"#;
    for options in [&[][..], &["--for", "vmagent"]] {
        let refused = apply(options, "SD_OTHER");
        assert!(refused.code == 1 && refused.stderr.contains(error), "{refused:?}");
    }
    assert_eq!(apply(&["--for", "vmagent"], "SD_DIR").code, 0);
}

#[test]
fn url_is_named_and_left_out() {
    let config = "scrape_configs:\n- job_name: x\n  static_configs: [{targets: [a:1]}]\n  \
                  file_sd_configs: [{files: ['https://inventory.invalid/a.yml']}]\n";
    let files = folder(&[("vmagent.yml", config)]);
    let url = r#"vmagent.yml:4: job "x": "https://inventory.invalid/a.yml" is not read: vmagent fetches it"#;
    let (code, output) = check(files.path(), &["vmagent.yml", "--for", "vmagent", "--strict"]);
    assert!(code == 0 && output.contains(&format!("note    {url}")), "{output}");
    let (code, output) = check(files.path(), &["vmagent.yml", "--for", "prometheus3"]);
    assert!(code == 2 && output.contains("which does not exist"), "{output}");
    let data = files.path().join("data");
    let applied = run(sdctl().current_dir(files.path()).args(["apply", "-f", "vmagent.yml", "-y", "--data"]).arg(data));
    assert!(applied.code == 0 && applied.stderr.contains(&format!("{url}. Its targets are left out")), "{applied:?}");
}

#[test]
fn job_of_a_url_is_not_pruned() {
    let list = |files: &str| format!("scrape_configs: [{{job_name: x, file_sd_configs: [{{files: [{files}]}}]}}]\n");
    let files = folder(&[("a.json", r#"[{"targets":["a:1"]}]"#), ("vmagent.yml", &list("a.json"))]);
    let data = files.path().join("data");
    let apply = || {
        let mut command = sdctl();
        command.current_dir(files.path()).args(["apply", "-f", "vmagent.yml", "-y", "--prune", "--data"]).arg(&data);
        run(&mut command)
    };
    assert_eq!(apply().code, 0);
    fs::write(files.path().join("vmagent.yml"), list("'http://inventory.invalid/a.yml'")).unwrap();
    let refused = apply();
    assert!(refused.code == 1 && refused.stderr.contains("--prune would remove every row"), "{refused:?}");
}

#[test]
fn address_as_a_label_is_warned_about() {
    let list = r#"[{"targets":["a:1"],"labels":{"__address__":"b:1"}}]"#;
    let files = folder(&[("x.json", list)]);
    for (poller, warning) in [
        ("prometheus2", "has no effect: remove it, or write the address into targets; Prometheus uses the addresses"),
        ("vmagent", "is the address of every target: write it into targets; vmagent replaces the targets of a file"),
    ] {
        let (code, output) = check(files.path(), &["x.json", "--for", poller]);
        assert!(code == 0 && output.contains(&format!("labels[\"__address__\"] {warning}")), "{output}");
    }
}

#[test]
fn job_with_a_slash_is_warned_about_once() {
    let config = "scrape_configs:\n- job_name: a/b\n  static_configs:\n  - targets: [x:1]\n  - targets: [y:1]\n\
                  - job_name: a b\n  static_configs:\n  - targets: [z:1]\n";
    let (code, output) = check_file("prometheus.yml", config, &[]);
    assert!(code == 0 && output.contains("no faults, 1 warning in 1 file"), "{output}");
    let warning = "warning prometheus.yml:4: job \"a/b\", group 1: belongs to a job whose name does not fit a URL: it contains a slash";
    assert!(
        output.starts_with(warning) && output.contains(r#"poll /prom with match[]={__meta_dynamodb_job="a/b"}"#),
        "{output}"
    );
    let files = folder(&[("prometheus.yml", config)]);
    let data = files.path().join("data");
    let applied =
        run(sdctl().current_dir(files.path()).args(["apply", "-f", "prometheus.yml", "-y", "--data"]).arg(data));
    let warning = warning.strip_prefix("warning ").unwrap();
    assert!(applied.code == 0 && applied.stderr.matches(warning).count() == 1, "{applied:?}");
}

#[test]
fn script_output_omits_quotes_and_missing_line_numbers() {
    let files = folder(&[("bad.json", r#"[{"targets":["a:1"],"lables":{}}]"#), ("empty.yml", " \n")]);
    let (_, output) = check(files.path(), &["bad.json", "empty.yml"]);
    assert!(output.contains(r#"group 1: "lables" is not a field of a target group"#), "{output}");
    assert!(output.contains("fault   empty.yml: is empty, but must be a list"), "{output}");
    let (_, output) = check(files.path(), &["bad.json", "empty.yml", "-o", "json"]);
    let report: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(report["findings"][0]["field"], "lables", "{output}");
    assert_eq!(report["findings"][1]["line"], Value::Null, "{output}");
}

#[test]
fn configuration_that_prometheus_rejects_is_a_fault() {
    let job = "scrape_configs:\n- job_name: x\n";
    for (text, expected) in [
        (
            format!("{job}  static_config: []\n"),
            r#""static_config" is not a field of a Prometheus configuration: write static_configs"#,
        ),
        (format!("{job}  file_sd_configs: [{{}}]\n"), "files is missing"),
        (format!("{job}  target_groups: [{{targets: [a:1]}}]\n"), r#""target_groups" is not a field of"#),
        (format!("{job}  static_configs: []\n  static_configs: []\n"), "prometheus.yml:4: static_configs occurs twice"),
        (format!("{job}  scrape_interval: banana\n"), r#"scrape_interval is "banana", which is not a duration"#),
        (format!("{job}  scrape_timeout: 2m\n"), "scrape_timeout is longer than scrape_interval: shorten it"),
        (format!("{job}  file_sd_configs: [{{files: ['sd/*/*.json']}}]\n"), r#"the invalid pattern "sd/*/*.json""#),
        (format!("{job}  file_sd_configs: [{{files: [targets.conf]}}]\n"), "end it in .json, .yml or .yaml"),
        (format!("{job}  static_configs: [{{targets: ['http://a/b']}}]\n"), "but the job has no relabel_configs"),
        (format!("{job}static_configs: []\n"), "move it into an element of scrape_configs"),
        (format!("{job}- job_name: x\n"), "is already used by the scrape configuration at prometheus.yml:2"),
    ] {
        let (code, output) = check_file("prometheus.yml", &text, &[]);
        assert!(code == 2 && output.contains(expected), "{output}");
        assert!(output.contains("Prometheus 2 rejects the whole configuration"), "{output}");
    }
    let (code, output) = check_file("prometheus.yml", "global: {}\n", &[]);
    assert!(code == 0 && output.starts_with("note    prometheus.yml: contains no scrape configuration"), "{output}");
}

#[test]
fn strict_check_fails_for_an_empty_list() {
    for (name, text) in [("empty.json", "[]"), ("empty.yml", "[]\n")] {
        for (arguments, expected) in [(&[][..], 0), (&["--strict"], 2)] {
            let (code, output) = check_file(name, text, arguments);
            let warning = format!("warning {name}: is an empty list; Prometheus 2 drops every target");
            assert!(code == expected && output.contains(&warning), "{output}");
        }
    }
    // A configuration without static targets is no list.
    let (code, output) = check_file("prometheus.yml", "scrape_configs: []\n", &["--strict"]);
    assert!(code == 0 && !output.contains("is an empty list"), "{output}");
}
