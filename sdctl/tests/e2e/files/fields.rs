//! Prometheus 2, Prometheus 3 and vmagent accept the fields of a configuration that `sdctl` says they accept.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use http_sd_lambda::group::LabelNames;
use regex_lite::Regex;
use sdctl::files::{Poller, Reader};
use tempfile::TempDir;
use test_support::{poller::Kind, sdctl::run, tools::tool};

/// The lists of fields in the source of `sdctl`.
const SOURCE: &str = include_str!("../../../src/files/fields.rs");

/// Each list of fields, with the configuration that contains all of them.
const SECTIONS: [(&str, &str); 4] = [
    ("WHOLE", "scrape_configs: []\n{}"),
    ("GLOBAL", "scrape_configs: []\nglobal:\n{}"),
    ("SCRAPE_CONFIG", "scrape_configs:\n- job_name: x\n{}"),
    ("FILE_SD_CONFIG", "scrape_configs:\n- job_name: x\n  file_sd_configs:\n  - files: [a.json]\n{}"),
];

/// The fields that a poller accepts in another release or build than the one in `.tools`.
const ELSEWHERE: [(Kind, &str, &[&str]); 5] = [
    (Kind::Vmagent, "left out by Debian", &["vultr_sd_configs"]),
    (
        Kind::Prometheus2,
        "of a release after 2.42",
        &[
            "scrape_config_files",
            "runtime",
            "otlp",
            "scrape_protocols",
            "rule_query_offset",
            "scrape_failure_log_file",
            "body_size_limit",
            "sample_limit",
            "target_limit",
            "label_limit",
            "label_name_length_limit",
            "label_value_length_limit",
            "keep_dropped_targets",
            "metric_name_validation_scheme",
            "track_timestamps_staleness",
            "enable_compression",
            "native_histogram_bucket_limit",
            "native_histogram_min_bucket_factor",
            "no_proxy",
            "proxy_from_environment",
            "proxy_connect_header",
            "http_headers",
            "scrape_classic_histograms",
        ],
    ),
    (
        Kind::Prometheus2,
        "left out by Debian",
        &["consul_sd_configs", "kubernetes_sd_configs", "kuma_sd_configs", "linode_sd_configs", "nomad_sd_configs"],
    ),
    (
        Kind::Prometheus3,
        "of a release after 3.5",
        &["scrape_native_histograms", "extra_scrape_metrics", "aws_sd_configs", "outscale_sd_configs"],
    ),
    (
        Kind::Prometheus3,
        "left out by Debian",
        &[
            "azure_sd_configs",
            "consul_sd_configs",
            "kuma_sd_configs",
            "nomad_sd_configs",
            "openstack_sd_configs",
            "stackit_sd_configs",
        ],
    ),
];

#[test]
fn fields_are_known_to_their_pollers() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.json"), "[]").unwrap();
    let mut differences = Vec::new();
    for (list, template) in SECTIONS {
        let fields = fields_of(list);
        assert!(!fields.is_empty(), "{list}");
        let indent = " ".repeat(template.rsplit('\n').nth(1).unwrap().find(|c| c != ' ' && c != '-').unwrap_or(0));
        let indent = if list == "GLOBAL" { "  ".to_owned() } else { indent };
        let lines = fields.iter().map(|field| format!("{indent}{field}:\n")).collect::<Vec<_>>().concat();
        let file = folder.path().join("all.yml");
        fs::write(&file, template.replace("{}", &lines)).unwrap();
        for kind in Kind::ALL {
            let Some(theirs) = unknown_to(kind, folder.path()) else { continue };
            let ours = unknown_to_sdctl(kind, &file);
            let excused = ELSEWHERE.iter().filter(|(of, ..)| *of == kind).flat_map(|(_, _, fields)| *fields);
            let excused: BTreeSet<String> = excused.map(|field| (*field).to_owned()).collect();
            let refused: Vec<_> = theirs.difference(&ours).filter(|field| !excused.contains(*field)).collect();
            let accepted: Vec<_> = ours.difference(&theirs).collect();
            if !refused.is_empty() || !accepted.is_empty() {
                differences.push(format!("{list}: {kind} refuses {refused:?} and accepts {accepted:?}, unlike sdctl"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn vmagent_has_no_refresh_interval() {
    let Some(vmagent) = tool("vmagent") else { return };
    let help = run(Command::new(&vmagent).arg("-help"));
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("all.yml");
    let discoveries: Vec<_> = fields_of("SCRAPE_CONFIG")
        .into_iter()
        .filter(|field| field.ends_with("_sd_configs") && field != "file_sd_configs")
        .collect();
    let mut asked = 0;
    for field in discoveries {
        let text = format!("scrape_configs:\n- job_name: x\n  {field}: [{{refresh_interval: 5s}}]\n");
        fs::write(&file, text).unwrap();
        let theirs = unknown_to(Kind::Vmagent, folder.path()).unwrap();
        if theirs.contains(&field) {
            continue;
        }
        asked += 1;
        assert!(theirs.contains("refresh_interval"), "{field}: {theirs:?}");
        let mut reader = Reader::new(LabelNames::Utf8).for_poller(Poller::Vmagent);
        reader.read(&file, None);
        let [fault] = &reader.faults[..] else { panic!("{field}: {:?}", reader.faults) };
        let fault = fault.to_string();
        let (_, flag) = fault.split_once("set the flag ").unwrap();
        assert!((help.stdout.clone() + &help.stderr).contains(flag), "{fault}");
    }
    assert!(asked > 15, "only {asked} discoveries of vmagent");
}

/// Returns the fields in a list of the source. Each list of the same name belongs to one section.
fn fields_of(list: &str) -> BTreeSet<String> {
    let (_, rest) = SOURCE.split_once(&format!("const {list}: [(Pollers")).unwrap();
    let (fields, _) = rest.split_once(";\n\n").unwrap();
    let field = Regex::new(r#""([a-z0-9_]+)""#).unwrap();
    let all = field.captures_iter(fields).map(|found| found[1].to_owned());
    all.filter(|field| !["job_name", "files", "scrape_configs", "global"].contains(&field.as_str())).collect()
}

/// Returns the fields in `all.yml` that a poller refuses, or `None` if it is not installed.
fn unknown_to(kind: Kind, folder: &Path) -> Option<BTreeSet<String>> {
    let mut command = match kind {
        Kind::Prometheus2 => Command::new(tool("promtool")?),
        _ => Command::new(kind.file()?),
    };
    // No poller starts: Prometheus 3 reads its configuration first, and then finds that a file is no folder.
    let arguments: &[&str] = match kind {
        Kind::Prometheus2 => &["check", "config", "all.yml"],
        Kind::Prometheus3 => &["--config.file=all.yml", "--storage.tsdb.path=a.json/data"],
        Kind::Vmagent => &["-dryRun", "-promscrape.config=all.yml", "-loggerMaxArgLen=100000"],
    };
    let ran = run(command.current_dir(folder).args(arguments));
    let unknown = Regex::new("field ([a-z0-9_]+) not found").unwrap();
    let said = ran.stdout + &ran.stderr;
    Some(unknown.captures_iter(&said).map(|found| found[1].to_owned()).collect())
}

fn unknown_to_sdctl(kind: Kind, file: &Path) -> BTreeSet<String> {
    let poller = match kind {
        Kind::Prometheus2 => Poller::Prometheus2,
        Kind::Prometheus3 => Poller::Prometheus3,
        Kind::Vmagent => Poller::Vmagent,
    };
    let mut reader = Reader::new(LabelNames::Utf8).for_poller(poller);
    reader.read(file, None);
    let unknown = reader.faults.iter().filter(|fault| fault.problem.is_about_a_name());
    unknown.map(|fault| fault.field.clone()).collect()
}
