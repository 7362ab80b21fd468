//! The configurations in `docs/pollers.md` are valid.

use std::{fs, path::Path, process::Command};

use tempfile::TempDir;
use test_support::{
    poller::Kind,
    repository,
    sdctl::{Ran, run},
    tools::tool,
};

/// Returns the blocks of YAML in a document, without their indent.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(indent) = line.strip_suffix("```yaml") else { continue };
        let block = lines.by_ref().take_while(|line| line.trim() != "```");
        let block: Vec<&str> = block.map(|line| line.strip_prefix(indent).unwrap_or(line)).collect();
        // A host name contains no `<`.
        blocks.push(block.join("\n").replace("<url-id>", "id").replace("<region>", "region"));
    }
    blocks
}

/// Runs a checker of files on this text. Returns `None` if it is not installed.
fn check(program: Option<&Path>, arguments: &[&str], text: &str) -> Option<Ran> {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("file.yml"), text).unwrap();
    Some(run(Command::new(program?).current_dir(&folder).args(arguments)))
}

#[test]
fn pollers_accept_documented_configurations() {
    let text = fs::read_to_string(repository().join("docs/pollers.md")).unwrap();
    let blocks = blocks(&text);
    let (promtool, vmagent) = (tool("promtool"), Kind::Vmagent.file());
    let rules = |text: &str| check(promtool.as_deref(), &["check", "rules", "file.yml"], text);
    // The files with tokens do not exist, and their syntax alone matters.
    let prometheus = |text: &str| check(promtool.as_deref(), &["check", "config", "--syntax-only", "file.yml"], text);
    let vmagent = |text: &str| check(vmagent, &["-dryRun", "-promscrape.config=file.yml"], text);

    let of = |key: &str| blocks.iter().filter(|block| block.starts_with(key)).collect::<Vec<_>>();
    let (of_rules, of_scrapes) = (of("groups:"), of("scrape_configs:"));
    assert_eq!((of_rules.len(), of_scrapes.len()), (2, 5));
    for block in of_rules {
        rules(block).map(Ran::done);
    }
    for block in of_scrapes {
        prometheus(block).map(Ran::done);
        let Some(ran) = vmagent(block) else { continue };
        // The one setting of Prometheus that vmagent refuses.
        if block.contains("refresh_interval") {
            assert!(ran.code != 0 && ran.stderr.contains("refresh_interval"), "{ran:?}");
        } else {
            ran.done();
        }
    }
    assert!(blocks[0].contains("refresh_interval"));
}
