//! The environment of the programs that tests start.

use std::{env, process::Command};

/// What the names of the variables begin with that the function, `sdctl` and the AWS SDK read.
const SETTINGS: [&str; 3] = ["HTTP_SD_", "AWS_", "RUST_LOG"];

/// Removes the settings of the person or the pipeline that runs the tests from a program's environment.
pub fn remove_settings(command: &mut Command) -> &mut Command {
    for (name, _) in env::vars_os() {
        if SETTINGS.iter().any(|beginning| name.to_string_lossy().starts_with(beginning)) {
            command.env_remove(name);
        }
    }
    command
}
