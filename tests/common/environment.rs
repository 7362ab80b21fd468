//! The environment of the programs that tests start.

use std::{env, process::Command};

/// Prefixes of the variables that the function, `sdctl` and the AWS SDK read.
const SETTINGS: [&str; 5] = ["HTTP_SD_", "AWS_", "RUST_LOG", "VISUAL", "EDITOR"];

/// Removes the developer's or CI's settings from the environment of a program.
pub fn remove_settings(command: &mut Command) -> &mut Command {
    for (name, _) in env::vars_os() {
        if SETTINGS.iter().any(|beginning| name.to_string_lossy().starts_with(beginning)) {
            command.env_remove(name);
        }
    }
    command
}
