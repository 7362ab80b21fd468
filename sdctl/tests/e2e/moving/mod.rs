//! A move to the table keeps the targets of each poller, or `sdctl` says what differs.
//!
//! Each poller runs twice: with a configuration as people have it, and with the URL in place of its `static_configs` and
//! `file_sd_configs`, after `sdctl apply`.

mod kinds;
mod whole;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    thread,
};

use http_sd_lambda::{
    group::{Job, META_JOB},
    http::Settings,
};
use test_support::{
    applied::Applied,
    ask::service,
    polled::Polled,
    poller::{Kind, Poller},
    sdctl::run,
};
use yaml_serde::{Mapping, Value};

/// Files as people have them.
struct Fixture {
    /// The name and the text of each file. The first one is the configuration. No job has the name of a job of the
    /// fixture before.
    files: &'static [(&'static str, &'static str)],
    /// The paths that `apply` and `check` receive.
    paths: &'static [&'static str],
    /// The pollers that accept the configuration.
    pollers: &'static [Kind],
    /// The number of targets that each poller has.
    targets: usize,
    /// The warnings of `apply` and `check`.
    warnings: &'static [&'static str],
    /// The warnings of `apply` that do not concern these pollers.
    warnings_of_apply: &'static [&'static str],
    /// The jobs whose targets differ after the move.
    differing: &'static [&'static str],
    /// The notes.
    notes: &'static [&'static str],
}

const NOTHING: Fixture = Fixture {
    files: &[],
    paths: &[],
    pollers: &Kind::ALL,
    targets: 0,
    warnings: &[],
    warnings_of_apply: &[],
    differing: &[],
    notes: &[],
};

/// A fixture, the table that `sdctl apply` filled from it, and the function that serves this table.
struct Moved {
    fixture: Fixture,
    applied: Applied,
    function: Polled,
}

/// The targets of each job: URL, labels and times.
type Targets = BTreeMap<String, BTreeSet<String>>;

#[tokio::test(flavor = "multi_thread")]
async fn move_to_table_keeps_targets_of_each_poller() {
    let mut moved = Vec::new();
    for fixture in [kinds::ONE_OF_EACH, kinds::MERGED_IN_PROMETHEUS, kinds::MERGED_IN_VMAGENT, kinds::OF_VMAGENT]
        .into_iter()
        .chain(whole::ALL)
    {
        moved.push(Moved::new(fixture).await);
    }
    thread::scope(|scope| {
        for kind in Kind::ALL {
            let moved = &moved;
            scope.spawn(move || compare(kind, moved));
        }
    });
}

impl Moved {
    /// Writes the files, applies them, and checks what `sdctl` says.
    async fn new(fixture: Fixture) -> Self {
        let applied = Applied::new().await;
        for (name, text) in fixture.files {
            applied.write(name, text);
            if name.contains("utf16") {
                let bytes: Vec<u8> = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
                fs::write(applied.folder.path().join(name), bytes).unwrap();
            }
        }
        let of_apply: Vec<&str> = fixture.paths.iter().flat_map(|path| ["-f", path]).collect();
        let ran = applied.run(&[&["apply", "--recursive", "--yes"], &of_apply[..]].concat());
        let lines: Vec<&str> = ran.stderr.lines().filter(|line| line.contains(".yml")).collect();
        let all = [fixture.warnings, fixture.warnings_of_apply, fixture.notes].concat();
        let unsaid: Vec<_> = all.iter().filter(|text| !lines.iter().any(|line| line.contains(**text))).collect();
        assert!(unsaid.is_empty(), "not said: {unsaid:?}, but {lines:#?}");
        assert_eq!(lines.len(), all.len(), "{lines:#?}");
        ran.done();
        for kind in fixture.pollers {
            let poller = match kind {
                Kind::Prometheus2 => "prometheus2",
                Kind::Prometheus3 => "prometheus3",
                Kind::Vmagent => "vmagent",
            };
            let checked = run(applied.command(&["check", "-R", "--strict", "--for", poller]).args(fixture.paths));
            assert_eq!(checked.code, if fixture.warnings.is_empty() { 0 } else { 2 }, "{checked:?}");
            for (word, texts) in [("warning ", fixture.warnings), ("note ", fixture.notes)] {
                let has = |text: &str| {
                    checked.stdout.lines().filter(|line| line.starts_with(word) && line.contains(text)).count() == 1
                };
                let unsaid: Vec<_> = texts.iter().filter(|text| !has(text)).collect();
                assert!(unsaid.is_empty(), "{kind}: not said: {unsaid:?} {checked:?}");
            }
            assert!(!checked.stdout.contains("fault  "), "{checked:?}");
        }
        let function = Polled::start(service(&applied.dynamo, Settings::default()));
        Self { fixture, applied, function }
    }

    /// Copies the files to the folder of a poller, with the URL in place of the targets if `moved`. Returns the
    /// configuration.
    fn copy_to(&self, folder: &Path, moved: Option<Kind>) -> String {
        let mut texts = Vec::new();
        for (name, text) in self.fixture.files {
            let (from, to) = (self.applied.folder.path().join(name), folder.join(name));
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(from, &to).unwrap();
            texts.push((*text).to_owned());
            if let Some(text) = moved.and_then(|kind| self.moved(kind, text)) {
                fs::write(to, &text).unwrap();
                texts.pop();
                texts.push(text);
            }
        }
        texts.swap_remove(0)
    }

    /// Returns a configuration with the URL in place of the targets, or `None` for another file.
    fn moved(&self, kind: Kind, text: &str) -> Option<String> {
        // The crate does not read a merge key with a tag.
        let mut config: Value = yaml_serde::from_str(&text.replace("!!merge <<", "<<")).ok()?;
        config.apply_merge().ok()?;
        let list = match &mut config {
            Value::Mapping(fields) if fields.contains_key("scrape_config_files") => {
                fields.entry("scrape_configs".into()).or_insert_with(|| Value::Sequence(Vec::new()))
            }
            Value::Mapping(fields) => fields.get_mut("scrape_configs")?,
            list => list,
        };
        for job in list.as_sequence_mut()?.iter_mut() {
            let job = job.as_mapping_mut()?;
            // Prometheus and sdctl read any scalar as the text of a name.
            let name = match job.get("job_name")? {
                Value::String(name) => name.clone(),
                other => yaml_serde::to_string(other).unwrap().trim().to_owned(),
            };
            let moved = [job.remove("static_configs"), job.remove("file_sd_configs")];
            if moved.iter().all(Option::is_none) {
                continue;
            }
            let mut entry = Mapping::new();
            entry.insert("url".into(), self.url(&name).into());
            if kind.is_prometheus() {
                entry.insert("refresh_interval".into(), "1s".into());
            }
            let urls = job.entry("http_sd_configs".into()).or_insert_with(|| Value::Sequence(Vec::new()));
            urls.as_sequence_mut()?.push(Value::Mapping(entry));
        }
        Some(yaml_serde::to_string(&config).unwrap())
    }

    /// Returns the URL of a job, as the documents and the warnings name it.
    fn url(&self, job: &str) -> String {
        let mut url = reqwest::Url::parse(&self.function.url("/prom")).unwrap();
        if Job::new(job).unwrap().fits_a_url() {
            url.path_segments_mut().unwrap().push(job);
        } else {
            url.query_pairs_mut().append_pair("match[]", &format!("{{{META_JOB}={job:?}}}"));
        }
        url.into()
    }
}

/// Compares the targets of a poller before and after each move.
fn compare(kind: Kind, moved: &[Moved]) {
    let start = || Poller::start_with(kind, "scrape_configs: []\n");
    let (Some(before), Some(after)) = (start(), start()) else { return };
    // A poller shows the jobs of the last configuration for a while.
    let mut last: BTreeSet<String> = BTreeSet::new();
    for moved in moved.iter().filter(|moved| moved.fixture.pollers.contains(&kind)) {
        let fixture = &moved.fixture;
        let name = fixture.files[0].1.lines().next().unwrap();
        before.reload(&moved.copy_to(before.folder(), None));
        after.reload(&moved.copy_to(after.folder(), Some(kind)));
        let current = |poller: &Poller| targets(poller).filter(|targets| !targets.keys().any(|job| last.contains(job)));
        let original = || current(&before).filter(|targets| count(targets) == fixture.targets);
        before.wait(&format!("{} targets of {name}", fixture.targets), || original().is_some());
        let original = original().unwrap();
        let differs = |job: &str| fixture.differing.contains(&job);
        after.wait(&format!("the targets of {name} before the move: {original:#?}"), || {
            let Some(targets) = current(&after) else { return false };
            // Each job of a list that arrived has as many targets as before.
            let is_as_before = |(job, before): (&String, &BTreeSet<String>)| {
                targets.get(job).is_some_and(|now| if differs(job) { now.len() == before.len() } else { now == before })
            };
            targets.len() == original.len() && original.iter().all(is_as_before)
        });
        let now = targets(&after).unwrap();
        for job in fixture.differing {
            assert_ne!(now[*job], original[*job], "{kind}: {job}");
        }
        println!("{kind}, {name}: {} jobs, {} targets", original.len(), fixture.targets);
        last = original.into_keys().collect();
    }
}

/// Returns the targets of each job, or `None` while the poller starts.
fn targets(poller: &Poller) -> Option<Targets> {
    let mut jobs = Targets::new();
    for target in poller.active_targets()? {
        let text = |field: &str| target[field].as_str().unwrap_or_default().to_owned();
        let labels: BTreeMap<String, String> = serde_json::from_value(target["labels"].clone()).unwrap();
        let shown = format!("{} {labels:?} {} {}", text("scrapeUrl"), text("scrapeInterval"), text("scrapeTimeout"));
        let is_new = jobs.entry(text("scrapePool")).or_default().insert(shown);
        assert!(is_new, "twice: {target}");
    }
    Some(jobs)
}

fn count(targets: &Targets) -> usize {
    targets.values().map(BTreeSet::len).sum()
}
