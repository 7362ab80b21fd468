//! Tests of reading files from disk.

use std::{ffi::OsStr, fs, os::unix, path::Path};

use http_sd_lambda::group::{Job, LabelNames};
use tempfile::TempDir;

use super::reader::Reader;

fn read(paths: &[&Path], job: Option<&str>) -> Reader {
    let mut reader = Reader::new(LabelNames::Legacy);
    let job = job.map(|job| Job::new(job).unwrap());
    for path in paths {
        reader.read(path, job.as_ref());
    }
    reader
}

fn faults(reader: &Reader) -> Vec<String> {
    reader.faults.iter().map(ToString::to_string).collect()
}

/// Reads the first of these files, and returns the faults and notes as text.
fn read_first(files: &[(&str, &str)]) -> (Reader, String) {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let mut reader = Reader::new(LabelNames::Legacy);
    reader.read(&folder.path().join(files[0].0), None);
    let lines = reader.faults.iter().map(ToString::to_string).chain(reader.notes.iter().map(ToString::to_string));
    let said = lines.collect::<Vec<_>>().join("\n").replace(&format!("{}/", folder.path().display()), "");
    (reader, said)
}

#[test]
fn unreadable_entry_of_a_folder_is_a_fault() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("good.json"), r#"[{"targets":["a:1"]}]"#).unwrap();
    fs::create_dir(at("folder.yml")).unwrap();
    fs::write(at("README"), "no list").unwrap();
    unix::fs::symlink("gone", at("dangling.yml")).unwrap();
    unix::fs::symlink("looping.yaml", at("looping.yaml")).unwrap();
    unix::fs::symlink("folder.yml", at("linked.JSON")).unwrap();
    let reader = read(&[folder.path()], None);
    let expected =
        ["dangling.yml: cannot be read: ", "linked.JSON: is not a regular file", "looping.yaml: cannot be read: "];
    let faults = faults(&reader);
    assert_eq!((faults.len(), reader.groups.len()), (3, 1), "{faults:?}");
    for (fault, expected) in faults.iter().zip(expected) {
        assert!(fault.contains(expected), "{fault}");
    }
}

#[test]
fn pattern_in_non_utf8_folder_is_read() {
    use std::os::unix::ffi::OsStrExt;
    let folder = TempDir::new().unwrap();
    let odd = folder.path().join(OsStr::from_bytes(b"\xff"));
    fs::create_dir(&odd).unwrap();
    let file = odd.join("prometheus.yml");
    fs::write(&file, "scrape_configs: [{job_name: x, file_sd_configs: [{files: ['*.json']}]}]\n").unwrap();
    fs::write(odd.join("a.json"), r#"[{"targets":["a:1"]}]"#).unwrap();
    let reader = read(&[&file], None);
    assert_eq!((reader.groups.len(), faults(&reader)), (1, vec![]));
}

#[test]
fn file_is_read_once_for_each_job() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("k.yml"), "- targets: [a:1]\n").unwrap();
    unix::fs::symlink("k.yml", at("l.yml")).unwrap();
    let (file, odd, link) = (at("k.yml"), folder.path().join(".").join("k.yml"), at("l.yml"));
    assert_eq!(read(&[&file, &odd, &file], None).groups.len(), 1);
    // A link's name is another job.
    assert_eq!(read(&[folder.path(), &file, &link], None).groups.len(), 2);
    assert_eq!(read(&[folder.path(), &file, &link], Some("x")).groups.len(), 1);
    let configuration = "scrape_configs:\n- job_name: a\n  file_sd_configs: [{files: [k.yml]}]\n\
                         - job_name: b\n  file_sd_configs: [{files: [k.yml]}]\n";
    fs::write(at("k.conf"), configuration).unwrap();
    unix::fs::symlink("k.conf", at("l.conf")).unwrap();
    assert_eq!(read(&[&at("k.conf"), &at("l.conf"), &file], None).groups.len(), 3);
}

#[test]
fn configuration_that_names_itself_ends() {
    let text = "scrape_config_files: [a.yml]\nscrape_configs: [{job_name: x, file_sd_configs: [{files: [a.yml]}]}]\n";
    let nested = "a.yml:1: contains scrape_config_files, which is valid only in the main configuration: move it there";
    let no_list = "a.yml:1: job \"x\": is a map, but must be a list of target groups";
    let twice =
        "a.yml:2: job \"x\": job_name is already used by the scrape configuration at a.yml:2: rename one of the two";
    let (_, said) = read_first(&[("a.yml", text)]);
    assert_eq!(said, [nested, no_list, twice, no_list].join("\n"));
}

#[test]
fn configuration_without_targets_is_a_fault_or_noted() {
    let job = |rest: &str| format!("scrape_configs:\n- job_name: x\n{rest}");
    let no_scrape = "a.yml: contains no scrape configuration: add scrape_configs";
    for (text, expected) in [
        (
            job("  static_config: [{targets: [a:1]}]"),
            "a.yml:3: job \"x\": \"static_config\" is not a field of a Prometheus configuration: write static_configs",
        ),
        (job("  ec2_sd_config: []"), "write ec2_sd_configs"),
        (job("  \"x\\e[31m_sd_config\": []"), "write x\\u{1b}[31m_sd_configs"),
        (job("  file_sd_config: [{files: [b.yml]}]"), "write file_sd_configs"),
        (job("  file_sd_configs: [{file: [b.yml]}]"), "a.yml:3: job \"x\": files is missing"),
        (job("  file_sd_configs: [{files: }]"), "a.yml:3: job \"x\": files is missing"),
        (job("  file_sd_configs: [{files: []}]"), "a.yml:3: job \"x\": files is empty"),
        (job("  scheme: https"), "a.yml:2: job \"x\": names no targets: add static_configs or file_sd_configs"),
        (job("  static_configs: []"), ""),
        (job("- job_name: x"), "a.yml:3: job \"x\": job_name is already used by the scrape configuration at a.yml:2"),
        (
            "scrape_config: []".into(),
            "a.yml:1: \"scrape_config\" is not a field of a Prometheus configuration: write scrape_configs",
        ),
        (
            "global: {}\nscrape_config_file: []".into(),
            "a.yml:2: \"scrape_config_file\" is not a field of a Prometheus configuration: write scrape_config_files",
        ),
        ("global: {}".into(), no_scrape),
        ("rule_files: []".into(), no_scrape),
        ("scrape_configs: []".into(), no_scrape),
        ("groups: []".into(), "a.yml:1: is a map, but must be a list of target groups or a Prometheus configuration"),
    ] {
        let (_, said) = read_first(&[("a.yml", &text)]);
        assert!(said.starts_with(expected) || said.ends_with(expected), "{text:?}: {said}");
        assert_eq!(said.is_empty(), expected.is_empty(), "{text:?}: {said}");
        assert!(said.lines().count() < 2 || text.ends_with("job_name: x"), "{text:?}: {said}");
    }
}

#[test]
fn repeated_job_is_a_fault_within_one_configuration() {
    let job = "scrape_configs: [{job_name: x, static_configs: [{targets: [a:1]}]}]\n";
    let main = "scrape_config_files: [b.yml, c.yml, d.yml]\n";
    let (_, said) = read_first(&[("a.yml", main), ("b.yml", job), ("c.yml", job), ("d.yml", "global: {}")]);
    let twice =
        "c.yml:1: job \"x\": job_name is already used by the scrape configuration at b.yml:1: rename one of the two";
    assert_eq!(
        said,
        format!("{twice}\nd.yml:1: contains global, which is valid only in the main configuration: move it there")
    );
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.yml"), job).unwrap();
    fs::write(folder.path().join("b.yml"), job).unwrap();
    let mut reader = Reader::new(LabelNames::Legacy);
    reader.read(folder.path(), None);
    assert_eq!((reader.groups.len(), reader.faults.len()), (2, 0));
}
