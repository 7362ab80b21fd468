//! Runs every command in `docs/sdctl.md` as written.

use std::{fs, process::Command};

use tempfile::TempDir;
use test_support::{
    repository,
    sdctl::{STATE, run, sdctl, serve, shell},
};

/// The first line of a block that needs an AWS account.
const NEEDS_AWS: &str = "# needs an AWS account";

/// Returns the contents of the fenced blocks of a language.
fn blocks(text: &str, kind: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line == format!("```{kind}") {
            blocks.push(lines.by_ref().take_while(|line| *line != "```").collect::<Vec<_>>().join("\n"));
        }
    }
    blocks
}

#[test]
fn every_documented_command_works() {
    let folder = TempDir::new().unwrap();
    let text = fs::read_to_string(repository().join("docs/sdctl.md")).unwrap();
    let (to_run, for_aws): (Vec<String>, Vec<String>) =
        blocks(&text, "sh").into_iter().partition(|block| !block.starts_with(NEEDS_AWS));
    assert!(to_run.len() > 8 && for_aws.len() == 4, "{} and {} blocks", to_run.len(), for_aws.len());

    // Without `--data` the local table would be in the data folder of the developer.
    let home = |command: &mut Command| {
        command.current_dir(folder.path()).env("HOME", folder.path()).env("XDG_DATA_HOME", folder.path().join("data"));
        command.env(STATE, folder.path().join("state"));
    };
    let mut server = sdctl();
    home(&mut server);
    let running = serve(server.args(["serve", "--port", "0", "--dynamodb-port", "0"]));
    let script = to_run.join("\n").replace("http://127.0.0.1:8088", &running.url);
    assert!(script.contains(&running.url));
    let mut shell = shell(&format!("set -x\n{script}"));
    home(&mut shell);
    let stdout = run(&mut shell).done();
    assert!(stdout.contains("Applied: 3 added") && stdout.contains("Nothing to change"), "{stdout}");
}

#[test]
fn policy_is_json_and_unit_runs_register() {
    let text = fs::read_to_string(repository().join("docs/sdctl.md")).unwrap();
    let policy: serde_json::Value = serde_json::from_str(&blocks(&text, "json")[0]).unwrap();
    assert_eq!(
        policy["Statement"][0]["Condition"]["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"][0],
        "node_exporter"
    );
    let unit = &blocks(&text, "ini")[0];
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/sdctl ")).unwrap();
    // The command of the systemd unit, run once.
    let data = TempDir::new().unwrap();
    let arguments = start.replace("%H", "web-1");
    run(sdctl().args(arguments.split(' ')).args(["--once", "--data"]).arg(data.path())).done();
}
