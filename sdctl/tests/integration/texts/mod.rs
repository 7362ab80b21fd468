//! Snapshots of what `sdctl` prints: all help pages, plans and messages, in `snapshots`.
//!
//! After a wanted change, `INSTA_UPDATE=always cargo test --package sdctl --test integration texts` writes them again.

mod backup;
mod by_hand;
mod check;
mod plans;
mod rows;
mod serve;
mod status;
mod tables;

use std::{fmt::Write, process::Command};

use insta::Settings;
use regex_lite::Regex;
use tempfile::TempDir;
use test_support::{
    Dynamo,
    sdctl::{Ran, STATE, commands, run, sdctl, shell, shell_at},
};

/// Parts of the output that differ between runs, and what the snapshots show in their place.
const VARYING: [(&str, &str); 13] = [
    (r"127\.0\.0\.1:\d{5}", "127.0.0.1:<port>"),
    (r"/\S*sdctl-edit-\w+", "/tmp/sdctl-edit-<random>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<time>"),
    (r"[0-9a-f]{64}", "<sha256>"),
    (r"in \d+ ms", "in <n> ms"),
    (r"\(os error \d+\)", "(os error <n>)"),
    (r"\d+s ago", "0s ago"),
    ("14m 5[0-9]s", "15m"),
    (r", region [a-z0-9-]+", ", region <region>"),
    (r"region:( +)\S+", "region:$1<region>"),
    (r#""region":"[^"]+""#, r#""region":"<region>""#),
    (r"\(000000000000, [a-z0-9-]+, ", "(000000000000, <region>, "),
    (r"arn:aws:dynamodb:[a-z0-9-]+:", "arn:aws:dynamodb:<region>:"),
];

/// Compares the text with the snapshot of that name.
fn assert_snapshot(name: &str, text: &str) {
    let mut settings = Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// Commands with their output, as a terminal shows them.
struct Transcript {
    folder: TempDir,
    text: String,
}

impl Transcript {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), text: String::new() }
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Adds a heading.
    fn part(&mut self, heading: &str) {
        let rule = "=".repeat(heading.len());
        write!(self.text, "\n{heading}\n{rule}\n").unwrap();
    }

    /// Runs a line in a shell without a table in AWS. The local table is in the folder `data`.
    fn local(&mut self, line: &str) {
        let data = self.folder.path().join("data");
        self.run(line, shell(line).env("XDG_DATA_HOME", data));
    }

    /// Runs lines in a shell whose table is that of `dynamo`.
    fn at(&mut self, dynamo: &Dynamo, lines: &[&str]) {
        for line in lines {
            self.run(line, &mut shell_at(&dynamo.endpoint(), line));
        }
    }

    fn run(&mut self, line: &str, command: &mut Command) {
        let command = command.current_dir(self.folder.path()).env(STATE, self.folder.path().join("state"));
        let Ran { code, stdout, stderr } = run(command.env("COLUMNS", "80"));
        write!(self.text, "\n$ {line}\n{stdout}").unwrap();
        if !stderr.is_empty() {
            write!(self.text, "--- stderr\n{stderr}").unwrap();
        }
        writeln!(self.text, "--- exit code {code}").unwrap();
    }

    /// Compares the text with a snapshot. Temporary folders and varying parts are replaced.
    fn assert(self, name: &str) {
        let folder = self.folder.path().canonicalize().unwrap();
        let mut text = self.text.replace(folder.to_str().unwrap(), "/home/me");
        for (pattern, shown) in VARYING {
            text = Regex::new(pattern).unwrap().replace_all(&text, shown).into_owned();
        }
        assert_snapshot(name, text.trim());
    }
}

#[test]
fn help_pages() {
    let mut text = String::new();
    let mut left: Vec<Vec<String>> = vec![vec![]];
    while let Some(command) = left.pop() {
        let help = run(sdctl().args(&command).arg("--help").env("COLUMNS", "80")).done();
        let line = [&["sdctl".to_owned()], &command[..], &["--help".to_owned()]].concat().join(" ");
        write!(text, "$ {line}\n{help}\n").unwrap();
        left.extend(commands(&help).into_iter().rev().map(|name| [&command[..], &[name]].concat()));
    }
    assert_snapshot("help", text.trim());
}
