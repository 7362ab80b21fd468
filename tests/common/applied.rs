//! A table, and a folder of files from which `sdctl` fills the table.

use std::{collections::BTreeMap, fs, process::Command};

use http_sd_lambda::http::Settings;
use tempfile::TempDir;

use super::{
    Ask, Dynamo,
    ask::service,
    prometheus::Group,
    sdctl::{Ran, STATE, run, sdctl_at, shell_at},
};

/// Three groups in the format of a `file_sd` file.
pub const THREE: &str = r#"[
    {"targets": ["a:1", "b:1"], "labels": {"env": "prod"}},
    {"targets": ["c:1"], "labels": {"env": "test"}},
    {"targets": ["d:1"], "labels": {}}
]"#;

/// A table, a folder for files, and a journal.
pub struct Applied {
    pub dynamo: Dynamo,
    pub folder: TempDir,
    pub state: TempDir,
}

impl Applied {
    pub async fn new() -> Self {
        Self { dynamo: Dynamo::with_table().await, folder: TempDir::new().unwrap(), state: TempDir::new().unwrap() }
    }

    pub fn write(&self, name: &str, text: &str) {
        let file = self.folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = sdctl_at(&self.dynamo.endpoint());
        command.current_dir(self.folder.path()).env(STATE, self.state.path()).args(arguments);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        run(&mut self.command(arguments))
    }

    /// Runs a shell line in the folder, where `sdctl` uses this table.
    pub fn shell(&self, line: &str) -> Ran {
        run(&mut self.shell_command(line))
    }

    /// Returns the shell that [`Applied::shell`] runs.
    pub fn shell_command(&self, line: &str) -> Command {
        let mut command = shell_at(&self.dynamo.endpoint(), line);
        command.current_dir(self.folder.path()).env(STATE, self.state.path());
        command
    }

    /// Writes `node.json` and applies it as the set `fleet` with `--yes`. Does not wait for polls.
    pub fn apply(&self, json: &str, arguments: &[&str]) -> Ran {
        self.write("node.json", json);
        self.run(&[&["apply", "-f", "node.json", "--set", "fleet", "--yes", "--settle", "0"], arguments].concat())
    }

    /// Returns the groups that the function serves, sorted.
    pub async fn served(&self, job: &str) -> Vec<Group> {
        let answer = Ask::get(&format!("/prom/{job}")).of(&service(&self.dynamo, Settings::default())).await;
        sorted(answer.groups())
    }
}

/// Sorts groups by their content.
pub fn sorted(mut groups: Vec<Group>) -> Vec<Group> {
    groups.sort_by_key(|group| format!("{group:?}"));
    groups
}

pub fn group<const T: usize, const L: usize>(targets: [&str; T], labels: [(&str, &str); L]) -> Group {
    Group {
        targets: targets.map(str::to_owned).into(),
        labels: BTreeMap::from(labels.map(|(name, value)| (name.to_owned(), value.to_owned()))),
    }
}
