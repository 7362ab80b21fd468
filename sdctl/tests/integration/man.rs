//! The manual pages.

use std::{fs, process::Command};

use tempfile::TempDir;
use test_support::sdctl::{commands, run, sdctl};

#[test]
fn every_command_has_a_readable_page() {
    let folder = TempDir::new().unwrap();
    let pages = folder.path().join("man1");
    run(sdctl().args(["man", "-o"]).arg(&pages)).done();
    let mut names = vec!["sdctl.1".to_owned()];
    for command in commands(&run(sdctl().arg("--help")).done()) {
        for inner in commands(&run(sdctl().args([&command, "--help"])).done()) {
            names.push(format!("sdctl-{command}-{inner}.1"));
        }
        names.push(format!("sdctl-{command}.1"));
    }
    let mut found: Vec<_> =
        pages.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    found.sort();
    names.sort();
    assert_eq!(found, names);
    for name in names {
        let page = fs::read_to_string(pages.join(&name)).unwrap();
        assert!(page.contains(".TH sdctl") && page.contains(".SH EXAMPLES"), "{name}: {page}");
        // A line of an example stays a line.
        assert!(page.contains(".nf") && page.contains(".fi"), "{name}: {page}");
    }
    assert!(run(sdctl().arg("man")).done().contains(".TH sdctl"));
}

#[test]
fn page_fits_eighty_columns() {
    let page = run(sdctl().arg("man")).done();
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("sdctl.1"), page).unwrap();
    let mut man = Command::new("groff");
    man.args(["-man", "-Tascii", "-P-cbou", "-rLL=80n", "-ww"]).arg(folder.path().join("sdctl.1"));
    if man.output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "groff is missing");
        eprintln!("SKIPPED: groff is missing");
        return;
    }
    let shown = run(&mut man);
    assert_eq!(shown.stderr, "");
    let shown = shown.done();
    assert!(shown.contains("\n  sdctl serve --sample                      serve a local sample fleet"), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
}
