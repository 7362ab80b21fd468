//! `sdctl` as a process.

use std::{
    env,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use aws_sdk_dynamodb::Client;
use http_sd_lambda::config;
use sdctl::local;

use super::{
    Endpoint,
    engine::{TABLE, environment},
    environment::remove_settings,
    http, log,
    process::Process,
    program::built,
    tools,
};

/// A running `sdctl serve`.
pub struct Served {
    pub process: Process,
    pub url: String,
    /// The URL of its DynamoDB engine, if the table is a local one.
    pub dynamodb: Option<String>,
}

/// An `sdctl` without the settings and the journal of the developer or CI.
pub fn sdctl() -> Command {
    let mut command = Command::new(built("sdctl"));
    remove_settings(&mut command).env(STATE, shared_state());
    command
}

/// The variable of the folder in which `sdctl` keeps its journal.
pub const STATE: &str = "XDG_STATE_HOME";

/// Returns the folder of the journal that tests share, and in which none of them looks.
fn shared_state() -> PathBuf {
    built("sdctl").with_file_name("test-state")
}

/// An `sdctl` that uses the table at this endpoint.
pub fn sdctl_at(endpoint: &Endpoint) -> Command {
    at(endpoint, sdctl())
}

/// A shell that runs a line with `sdctl` and the tools on its path. The shell stops at the first command that fails.
pub fn shell(line: &str) -> Command {
    let first = [built("sdctl").parent().unwrap().to_owned(), tools::programs()];
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(first.into_iter().chain(env::split_paths(&path))).unwrap();
    let mut command = Command::new("bash");
    remove_settings(&mut command).env(STATE, shared_state()).env("PATH", path).args(["-euo", "pipefail", "-c", line]);
    command
}

/// A [`shell`] in which `sdctl` uses the table at this endpoint.
pub fn shell_at(endpoint: &Endpoint, line: &str) -> Command {
    at(endpoint, shell(line))
}

fn at(endpoint: &Endpoint, mut command: Command) -> Command {
    command.envs(environment(endpoint)).env(config::TABLE, TABLE);
    command
}

/// Returns the names of the commands that a help text lists.
pub fn commands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    names.map(str::to_owned).collect()
}

/// The exit code and the output of a command.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command with this standard input.
pub fn run_with(command: &mut Command, input: &str) -> Ran {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that does not read its input closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    log::search(&String::from_utf8_lossy(&output.stderr));
    Ran { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs a command without input.
pub fn run(command: &mut Command) -> Ran {
    run_with(command, "")
}

impl Ran {
    /// Returns standard output, and checks that the command succeeded.
    pub fn done(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.stdout
    }

    /// Returns standard error, and checks that the command failed.
    pub fn errors(self) -> String {
        assert_eq!(self.code, 1, "{self:?}");
        self.stderr
    }

    /// Returns the exit code, and standard output followed by standard error.
    pub fn code_and_text(self) -> (i32, String) {
        (self.code, self.stdout + &self.stderr)
    }

    /// Returns the last line of standard error, and checks that the command failed.
    pub fn failed(self) -> String {
        assert_eq!(self.code, 1, "{self:?}");
        self.stderr.lines().last().unwrap_or_else(|| panic!("no error: {self:?}")).to_owned()
    }
}

/// Starts `sdctl serve` and waits until it is ready.
pub fn serve(command: &mut Command) -> Served {
    let mut process = Process::start(command);
    let output = process.wait_for("Press Ctrl-C to stop.");
    let after = |label: &str| {
        let line = output.lines().find(|line| line.trim_start().starts_with(label))?;
        line.trim_start().strip_prefix(label).map(|rest| rest.trim().to_owned())
    };
    let url = after("all jobs").unwrap().strip_suffix("/prom").unwrap().to_owned();
    Served { process, url, dynamodb: after("DynamoDB") }
}

/// Starts `sdctl serve` of a local table, on free ports.
pub fn serve_local(data: &Path, arguments: &[&str]) -> Served {
    let mut command = sdctl();
    serve(command.args(["serve", "--port", "0", "--dynamodb-port", "0", "--data"]).arg(data).args(arguments))
}

impl Served {
    /// Returns status and body of a request.
    pub fn get(&self, path: &str, token: Option<&str>) -> (u16, String) {
        http::get(&format!("{}{path}", self.url), token).unwrap()
    }

    pub fn client(&self) -> Client {
        local::client(self.dynamodb.as_deref().unwrap())
    }
}
