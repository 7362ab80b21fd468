//! Prometheus 3, promtool 2 and vmagent read the same files as `sdctl`: same verdict, same targets, same labels.

mod claims;
mod configurations;
mod effects;
mod fields;
mod lists;
mod patterns;
mod sentences;
mod shapes;
mod styles;
mod vmagent;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix,
    path::Path,
    process::Command,
    slice::from_ref,
    time::Duration,
};

use http_sd_lambda::group::LabelNames;
use sdctl::files::{FileGroup, Poller, Reader};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{
    http,
    process::{Process, free_port},
    sdctl::run,
    tools::tool,
};

/// The longest time until a poller shows the targets.
const PATIENCE: Duration = Duration::from_mins(2);

/// A target that a poller shows when it has read all lists.
const LAST: &str = "last.example.internal:1";

/// The relation between the judgements of `sdctl` and of the pollers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// All agree.
    Same,
    /// Only `sdctl` refuses it, for this reason.
    Stricter(&'static str),
    /// Only vmagent accepts it, for this reason.
    VmagentTakes(&'static str),
    /// A Prometheus refuses a value that `sdctl` says that it does not check.
    NotJudged,
    /// Only `sdctl` accepts it, for this reason.
    NotTaken(&'static str),
    /// All agree, but promtool 2.42 does not know the field yet.
    Since2_43,
}

/// A poller's or `sdctl`'s verdict on a file, with the targets of an accepted one.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Refused,
    Accepted(Targets),
}

/// Targets, each with its address and labels. The same target counts once.
type Targets = BTreeSet<BTreeMap<String, String>>;

/// A running Prometheus or vmagent.
struct Server {
    url: String,
    process: Process,
}

#[test]
fn pollers_and_sdctl_read_lists_alike() {
    let (Some(prometheus), Some(vmagent), Some(promtool)) = (tool("prometheus-3"), tool("vmagent"), tool("promtool"))
    else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut cases: Vec<(&str, String, Vec<u8>, Expect)> = Vec::new();
    for (kind, lists) in lists::YAML {
        for (text, expect) in lists {
            cases.push((kind, format!("lists/{:03}.yml", cases.len()), text.as_bytes().to_vec(), *expect));
        }
    }
    for (text, expect) in lists::JSON {
        cases.push(("JSON", format!("lists/{:03}.json", cases.len()), text.as_bytes().to_vec(), expect));
    }
    for (encoding, bytes, expect) in lists::encoded() {
        cases.push((encoding, format!("lists/{:03}.yml", cases.len()), bytes, expect));
    }
    fs::create_dir(at("lists")).unwrap();
    fs::write(at("last.yml"), format!("- targets: ['{LAST}']\n")).unwrap();
    for (_, name, bytes, _) in &cases {
        fs::write(at(name), bytes).unwrap();
        fs::write(at(&format!("{}.conf", &name[6..9])), job("x", from_ref(name)).to_string()).unwrap();
    }
    let config = job("x", &["lists/*.yml".into(), "lists/*.json".into(), "last.yml".into()]);
    fs::write(at("prometheus.yml"), config.to_string()).unwrap();
    let (mut prometheus, mut vmagent) =
        (Server::prometheus(&prometheus, folder.path()), Server::vmagent(&vmagent, folder.path()));
    let configs: Vec<String> = cases.iter().map(|(_, name, ..)| format!("{}.conf", &name[6..9])).collect();
    let accepted = accepted_by_promtool(&promtool, folder.path(), &configs);
    let mut by_prometheus = prometheus.targets_by_file();
    let mut by_vmagent = vmagent.targets_by_file();
    let (errors, skipped) = (prometheus.process.output(), vmagent.process.output());

    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut differences = Vec::new();
    for ((kind, name, bytes, expect), by_promtool) in cases.iter().zip(accepted) {
        let refused = |log: &str, event: &str| log.lines().any(|line| line.contains(event) && line.contains(&**name));
        let verdict = |is_refused, targets: Option<Targets>| {
            if is_refused { Verdict::Refused } else { Verdict::Accepted(targets.unwrap_or_default()) }
        };
        let prometheus = verdict(refused(&errors, "Error reading file"), by_prometheus.remove(name));
        let vmagent = verdict(refused(&skipped, "skipping file"), by_vmagent.remove(name));
        let read = |poller| read_list(&at(name), poller);
        let (two, three, vm) = (read(Poller::Prometheus2), read(Poller::Prometheus3), read(Poller::Vmagent));
        let is_expected = match expect {
            Expect::Stricter(_) => {
                [&two, &three, &vm].into_iter().all(|ours| *ours == Verdict::Refused) && prometheus != Verdict::Refused
            }
            Expect::VmagentTakes(_) => {
                three == prometheus
                    && vm == Verdict::Refused
                    && vmagent != Verdict::Refused
                    && by_promtool == (two != Verdict::Refused)
            }
            _ => three == prometheus && vm == vmagent && by_promtool == (two != Verdict::Refused),
        };
        if !is_expected {
            differences.push(format!(
                "{kind} {expect:?}: {:?}\n  promtool accepts: {by_promtool}, sdctl for Prometheus 2: {two:?}\n  \
                 Prometheus 3: {prometheus:?}\n  sdctl for it: {three:?}\n  vmagent: {vmagent:?}\n  sdctl for it: {vm:?}",
                String::from_utf8_lossy(bytes)
            ));
        }
        *counts.entry(expect.name()).or_default() += 1;
    }
    println!("{} lists: {counts:?}", cases.len());
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn pollers_and_sdctl_match_files_alike() {
    let (Some(prometheus), Some(vmagent)) = (tool("prometheus-3"), tool("vmagent")) else { return };
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    for file in patterns::FILES {
        let file = at("files").join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, r#"[{"targets":["a:1"]}]"#).unwrap();
    }
    fs::create_dir(at("tried")).unwrap();
    fs::write(at("last.yml"), format!("- targets: ['{LAST}']\n")).unwrap();
    // A path names the pattern that matches it.
    let folder_of = |i: usize| format!("tried/{i:03}/");
    let mut all = Vec::new();
    for (i, pattern) in patterns::PATTERNS.iter().enumerate() {
        unix::fs::symlink("../files", at(folder_of(i).trim_end_matches('/'))).unwrap();
        all.push(format!("{}{pattern}", folder_of(i)));
    }
    all.push("last.yml".into());
    fs::write(at("prometheus.yml"), job("x", &all).to_string()).unwrap();
    let mut servers = [Server::prometheus(&prometheus, folder.path()), Server::vmagent(&vmagent, folder.path())];
    let [by_prometheus, by_vmagent] = servers
        .each_mut()
        .map(|server| server.targets_by_file().into_keys().filter(|file| file != "last.yml").collect::<BTreeSet<_>>());
    let name = |group: &FileGroup| {
        Path::new(&*group.place.file).strip_prefix(folder.path()).unwrap().to_str().unwrap().to_owned()
    };
    let read = |poller| -> BTreeSet<String> {
        let mut reader = Reader::new(LabelNames::Utf8).for_poller(poller);
        reader.read(&at("prometheus.yml"), None);
        reader.groups.iter().map(name).filter(|file| file != "last.yml").collect()
    };
    let mut differences = Vec::new();
    for (poller, theirs) in [(Poller::Prometheus3, by_prometheus), (Poller::Vmagent, by_vmagent)] {
        let ours = read(poller);
        for (i, pattern) in patterns::PATTERNS.iter().enumerate() {
            let of = |files: &BTreeSet<String>| -> Vec<String> {
                files.iter().filter_map(|file| file.strip_prefix(&folder_of(i))).map(str::to_owned).collect()
            };
            if of(&theirs) != of(&ours) {
                differences.push(format!("{pattern:?}: {poller:?} {:?}, sdctl {:?}", of(&theirs), of(&ours)));
            }
        }
        println!("{poller:?}: {} patterns match {} files", patterns::PATTERNS.len(), ours.len());
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn pollers_and_sdctl_judge_configurations_alike() {
    let (Some(prometheus), Some(vmagent), Some(promtool)) = (tool("prometheus-3"), tool("vmagent"), tool("promtool"))
    else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut cases: Vec<(&str, String, Expect)> = Vec::new();
    for (kind, fields) in configurations::FIELDS {
        for (fields, expect) in fields {
            let fields = fields.replace('\n', "\n  ").replace("  ---", "---").replace("  ...", "...");
            let indent = if fields.starts_with("---") || fields.starts_with("...") { "" } else { "  " };
            let text =
                format!("scrape_configs:\n- job_name: JOB\n  static_configs: [{{targets: [a]}}]\n{indent}{fields}\n");
            cases.push((kind, text, *expect));
        }
    }
    for (kind, texts) in configurations::WHOLE.into_iter().chain(shapes::SHAPES) {
        cases.extend(texts.iter().map(|(text, expect)| (kind, (*text).to_owned(), *expect)));
    }
    fs::create_dir(at("sd")).unwrap();
    for list in ["a.json", "sd/a.json"] {
        fs::write(at(list), r#"[{"targets":["f:1"],"labels":{"x":"y"}}]"#).unwrap();
    }
    let names: Vec<String> = (0..cases.len()).map(|i| format!("{i:03}.conf")).collect();
    for (i, (_, text, _)) in cases.iter_mut().enumerate() {
        *text = text.replace("JOB", &format!("job-{i:03}"));
        fs::write(at(&names[i]), &*text).unwrap();
    }
    fs::write(at("prometheus.yml"), "scrape_configs: []\n").unwrap();
    let mut server = Server::prometheus(&prometheus, folder.path());
    let by_promtool = accepted_by_promtool(&promtool, folder.path(), &names);

    let (mut counts, mut differences, mut accepted): (BTreeMap<&str, usize>, _, _) =
        (BTreeMap::new(), Vec::new(), Vec::new());
    for (i, (kind, text, expect)) in cases.iter().enumerate() {
        let by_prometheus = server.reload(&at("prometheus.yml"), text);
        let dry_run = run(Command::new(&vmagent)
            .current_dir(folder.path())
            .args(["-dryRun", "-promscrape.config"])
            .arg(&names[i]));
        let by_vmagent = dry_run.code == 0;
        let read = |poller, names_| {
            let mut reader = Reader::new(names_).for_poller(poller);
            reader.read(&at(&names[i]), None);
            reader
        };
        let (two, three, vm) = (
            read(Poller::Prometheus2, LabelNames::Legacy),
            read(Poller::Prometheus3, LabelNames::Utf8),
            read(Poller::Vmagent, LabelNames::Utf8),
        );
        let good = |reader: &Reader| reader.faults.is_empty();
        let all = [good(&two), good(&three), good(&vm)];
        let is_expected = match expect {
            Expect::Stricter(_) => all == [false; 3] && by_prometheus,
            Expect::NotJudged => {
                all[..2] == [true; 2]
                    && (all[2] || !by_vmagent)
                    && !(by_promtool[i] && by_prometheus)
                    && three.unjudged.len() + three.notes.len() > 0
            }
            Expect::NotTaken(_) => all == [true; 3] && !by_prometheus && three.notes.len() == 1,
            Expect::VmagentTakes(_) => all[..2] == [by_promtool[i], by_prometheus] && by_vmagent,
            Expect::Since2_43 => all[1..] == [by_prometheus, by_vmagent],
            Expect::Same => all == [by_promtool[i], by_prometheus, by_vmagent],
        };
        if !is_expected {
            differences.push(format!(
                "{kind} {expect:?}: {text:?}\n  promtool, Prometheus 3, vmagent accept: {:?}\n  sdctl for each: {all:?} {:?}",
                [by_promtool[i], by_prometheus, by_vmagent],
                two.faults.iter().chain(&three.faults).chain(&vm.faults).map(ToString::to_string).collect::<Vec<_>>()
            ));
        }
        *counts.entry(expect.name()).or_default() += 1;
        if good(&three) && by_prometheus && text.starts_with("scrape_configs") && !text.contains("global") {
            accepted.push((names[i].clone(), three));
        }
    }
    println!("{} configurations: {counts:?}", cases.len());
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));

    // All accepted ones together, for their targets.
    let files: Vec<&String> = accepted.iter().map(|(name, _)| name).collect();
    let last = json!({"job_name": "last", "static_configs": [{"targets": [LAST]}]});
    let config = json!({"global": {"scrape_interval": "1h"}, "scrape_config_files": files, "scrape_configs": [last]});
    assert!(server.reload(&at("prometheus.yml"), &config.to_string()), "{}", server.process.output());
    let ours = accepted.iter().flat_map(|(_, reader)| &reader.groups).flat_map(|group| {
        let job = [("job".to_owned(), group.job.as_str().to_owned())];
        targets_of(group).into_iter().map(move |target| target.into_iter().chain(job.clone()).collect())
    });
    let ours: Targets = ours.collect();
    let theirs: Targets =
        server.targets().into_iter().map(|(_, target)| target).filter(|target| target["__address__"] != LAST).collect();
    assert_eq!(theirs, ours);
}

impl Expect {
    fn name(self) -> &'static str {
        match self {
            Self::Same | Self::Since2_43 => "same",
            Self::Stricter(_) => "sdctl stricter",
            Self::VmagentTakes(_) => "vmagent differs",
            Self::NotJudged => "not judged",
            Self::NotTaken(_) => "only sdctl accepts",
        }
    }
}

/// Returns a configuration with one job that reads these files. A rule keeps targets of different files apart.
fn job(name: &str, files: &[String]) -> Value {
    json!({
        "global": {"scrape_interval": "1h"},
        "scrape_configs": [{
            "job_name": name,
            "file_sd_configs": [{"files": files}],
            "relabel_configs": [{"source_labels": ["__meta_filepath"], "target_label": "file"}],
        }],
    })
}

/// Returns for each configuration whether promtool accepts it.
fn accepted_by_promtool(promtool: &Path, folder: &Path, names: &[String]) -> Vec<bool> {
    let ran = run(Command::new(promtool).current_dir(folder).args(["check", "config"]).args(names));
    let said: Vec<&str> = ran.stdout.split("Checking ").filter(|part| part.contains(".conf")).collect();
    assert_eq!(said.len(), names.len(), "{ran:?}");
    said.iter().map(|part| part.contains("SUCCESS")).collect()
}

fn read_list(file: &Path, poller: Poller) -> Verdict {
    let names = if poller == Poller::Prometheus2 { LabelNames::Legacy } else { LabelNames::Utf8 };
    let mut reader = Reader::new(names).for_poller(poller);
    reader.read(file, None);
    if reader.faults.is_empty() {
        Verdict::Accepted(reader.groups.iter().flat_map(targets_of).collect())
    } else {
        Verdict::Refused
    }
}

/// Returns the targets of a group. An empty label is none.
fn targets_of(FileGroup { group, .. }: &FileGroup) -> Targets {
    let labels = group.labels.iter().filter(|(_, value)| !value.is_empty());
    let labels: BTreeMap<_, _> = labels.map(|(name, value)| (name.as_str().to_owned(), value.clone())).collect();
    let address = |address: &str| [("__address__".to_owned(), address.to_owned())];
    group.targets.iter().map(|target| labels.clone().into_iter().chain(address(target.as_str())).collect()).collect()
}

impl Server {
    fn prometheus(program: &Path, folder: &Path) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let process = Process::start(
            Command::new(program)
                .current_dir(folder)
                .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.enable-lifecycle"])
                .arg(format!("--web.listen-address={address}")),
        );
        Self { url: format!("http://{address}"), process }
    }

    fn vmagent(program: &Path, folder: &Path) -> Self {
        Self::vmagent_with(program, folder, &[])
    }

    /// Starts vmagent with these environment variables.
    fn vmagent_with(program: &Path, folder: &Path, variables: &[(&str, &str)]) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let process = Process::start(
            Command::new(program)
                .current_dir(folder)
                .envs(variables.iter().copied())
                .args(["-promscrape.config=prometheus.yml", "-remoteWrite.url=http://127.0.0.1:1/"])
                .args(["-remoteWrite.tmpDataPath=vmagent", "-loggerMaxArgLen=10000"])
                .arg(format!("-httpListenAddr={address}")),
        );
        Self { url: format!("http://{address}"), process }
    }

    /// Replaces the configuration. Returns whether Prometheus accepts it.
    fn reload(&mut self, file: &Path, config: &str) -> bool {
        let ready = format!("{}/-/ready", self.url);
        self.process.wait_until("ready", PATIENCE, || http::get(&ready, None).is_ok_and(|(status, _)| status == 200));
        fs::write(file, config).unwrap();
        http::agent().post(format!("{}/-/reload", self.url)).send_empty().unwrap().status() == 200
    }

    /// Returns the targets of each file, when the last file is read.
    fn targets_by_file(&mut self) -> BTreeMap<String, Targets> {
        let mut files: BTreeMap<String, Targets> = BTreeMap::new();
        for (file, target) in self.targets() {
            files.entry(file).or_default().insert(without_job(target));
        }
        files
    }

    /// Returns each target with its file, when the last one is there.
    fn targets(&mut self) -> Vec<(String, BTreeMap<String, String>)> {
        let url = format!("{}/api/v1/targets?state=active", self.url);
        let mut found = Vec::new();
        self.process.wait_until("the last target", PATIENCE, || {
            let Ok((200, body)) = http::get(&url, None) else { return false };
            let answer: Value = serde_json::from_str(&body).unwrap();
            let targets = answer["data"]["activeTargets"].as_array().unwrap();
            found = targets.iter().map(|target| labels(&target["discoveredLabels"])).collect();
            found.iter().any(|(_, target)| target["__address__"] == LAST)
        });
        found
    }
}

fn without_job(mut target: BTreeMap<String, String>) -> BTreeMap<String, String> {
    target.remove("job");
    target
}

/// Returns the file of a target, and its address and labels without those that the poller adds.
fn labels(discovered: &Value) -> (String, BTreeMap<String, String>) {
    let all = discovered.as_object().unwrap().iter();
    let all = all.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
    let mut labels: BTreeMap<_, _> = all.filter(|(_, value)| !value.is_empty()).collect();
    let file = labels.remove("__meta_filepath").unwrap_or_default();
    labels.retain(|name, _| !name.starts_with("__param_"));
    for added in ["__metrics_path__", "__scheme__", "__scrape_interval__", "__scrape_timeout__"] {
        labels.remove(added);
    }
    (file, labels)
}
