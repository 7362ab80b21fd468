//! Input that only vmagent accepts: variables, URLs as files, lists of scrape configurations, an address as a label.

use std::{collections::BTreeMap, fs, process::Command};

use axum::{Router, routing};
use tempfile::TempDir;
use test_support::{
    background::Background,
    sdctl::{run, sdctl},
    tools::tool,
};

use super::{LAST, Server, Targets};

const VARIABLES: [(&str, &str); 4] =
    [("SD_PORT", "9100"), ("SD_HOSTS", "m:1, n:1"), ("SD_ZONE", "z-%{SD_PORT}"), ("SD_EMPTY", "")];

#[test]
fn vmagent_reads_what_only_it_accepts() {
    let Some(vmagent) = tool("vmagent") else { return };
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let write = |name: &str, text: &str| fs::write(at(name), text).unwrap();
    let list = || async { "- targets: ['fetched:1']\n" };
    let jobs = || async { "- {job_name: fetched, static_configs: [{targets: ['fetched:2']}]}\n" };
    let server =
        Background::router(Router::new().route("/list.yml", routing::get(list)).route("/jobs.yml", routing::get(jobs)));
    let url = server.url();
    write("list-9100.yml", "- targets: ['b:%{SD_PORT}']\n  labels: {zone: '%{SD_ZONE}', empty: 'a%{SD_EMPTY}b'}\n");
    write("last.yml", &format!("- targets: ['{LAST}']\n"));
    write("list.json", "[{\"targets\": [\"c:1\", 9100]},]\n");
    write("jobs.yml", "- job_name: listed\n  static_configs: [{targets: ['d:%{SD_PORT}', %{SD_HOSTS}]}]\n");
    write(
        "prometheus.yml",
        &format!(
            "scrape_config_files: [jobs.yml, '{url}/jobs.yml']\n\
             scrape_configs:\n\
             - job_name: main-%{{SD_PORT}}\n  \
               static_configs:\n  \
               - targets: ['i:%{{SD_PORT}}']\n  \
               - {{targets: [e:1, f:1], labels: {{__address__: 'g:1', x: y}}}}\n  \
               - {{targets: [], labels: {{__address__: 'h:1'}}}}\n  \
               file_sd_configs: [{{files: ['list-%{{SD_PORT}}.yml', list.json, '{url}/list.yml', '{LAST_URL}']}}]\n\
             - job_name: last\n  file_sd_configs: [{{files: [last.yml]}}]\n",
            LAST_URL = url.replace("http", "HTTP") + "/list.yml?again",
        ),
    );
    let mut vmagent = Server::vmagent_with(&vmagent, folder.path(), &VARIABLES);
    let mut theirs: BTreeMap<String, Targets> = BTreeMap::new();
    for (_, mut target) in vmagent.targets() {
        theirs.entry(target.remove("job").unwrap()).or_default().insert(target);
    }
    let fetched = theirs.remove("fetched");
    assert!(fetched.is_some(), "vmagent fetches no jobs");
    theirs.get_mut("main-9100").unwrap().retain(|target| target["__address__"] != "fetched:1");

    let data = at("data");
    let sdctl = |arguments: &[&str]| {
        run(sdctl().current_dir(folder.path()).envs(VARIABLES).args(arguments).arg("--data").arg(&data))
    };
    let apply = ["apply", "-f", "prometheus.yml", "--yes"];
    for (options, remedy) in [
        (&[][..], "set it in the environment of sdctl and use --for vmagent"),
        (&["--for", "prometheus3"], "is a field of vmagent only"),
    ] {
        let refused = sdctl(&[&apply[..], options].concat());
        assert!(refused.code == 1 && (options.len() > 1 || refused.stderr.contains(remedy)), "{refused:?}");
    }
    let applied = sdctl(&[&apply[..], &["--for", "vmagent"]].concat());
    assert_eq!(applied.code, 0, "{applied:?}");
    for left_out in ["/list.yml\" is not read: vmagent fetches it", "/jobs.yml\" is not read", "/list.yml?again\" is"] {
        assert!(applied.stderr.contains(left_out), "{left_out}: {applied:?}");
    }
    let mut ours: BTreeMap<String, Targets> = BTreeMap::new();
    for job in theirs.keys() {
        let written = sdctl(&["get", job, "-o", "file_sd"]);
        let groups: Vec<serde_json::Value> = serde_json::from_str(&written.stdout).unwrap();
        for group in groups {
            for target in group["targets"].as_array().unwrap() {
                let labels = group["labels"].as_object().into_iter().flatten();
                let labels = labels.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
                let address = ("__address__".to_owned(), target.as_str().unwrap().to_owned());
                ours.entry(job.clone()).or_default().insert(labels.chain([address]).collect());
            }
        }
    }
    assert_eq!(ours, theirs);

    let checked = run(sdctl_check(&folder).envs(VARIABLES));
    assert!(checked.code == 0 && checked.stdout.contains("is not read: vmagent fetches it"), "{checked:?}");
    let without = run(&mut sdctl_check(&folder));
    assert!(without.stdout.contains("contains the variable \"%{SD_PORT}\": set it in the environment"), "{without:?}");
}

fn sdctl_check(folder: &TempDir) -> Command {
    let mut command = sdctl();
    command.current_dir(folder.path()).args(["check", "--for", "vmagent", "prometheus.yml"]);
    command
}
