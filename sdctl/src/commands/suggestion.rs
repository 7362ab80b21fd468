//! Suggests a command for a word of other tools, such as `list` or `delete`.

use std::env;

use clap::{
    Error,
    error::{ContextKind, ContextValue},
};

/// Words of other tools, and the command that does the same. A word that reads never leads to a command that writes.
const COMMANDS: [(&str, &[&str]); 7] = [
    ("get", &["cat", "describe", "find", "list", "ls", "read", "search", "show", "view"]),
    ("rm", &["del", "delete", "destroy", "drop", "prune", "remove"]),
    ("put", &["add", "create", "insert", "new", "set", "upsert", "write"]),
    ("apply --dry-run", &["diff", "plan", "preview"]),
    ("check", &["lint", "test", "validate", "verify"]),
    ("export", &["backup", "dump", "save"]),
    ("import", &["load", "restore"]),
];

/// Words without a command. Similar names would mislead.
const WITHOUT: [&str; 4] = ["auth", "login", "logout", "init"];

/// Whether the word stands in the place of a command of sdctl, and not after one.
fn is_command(word: &str) -> bool {
    env::args_os()
        .skip(1)
        .find(|argument| !argument.as_encoded_bytes().starts_with(b"-"))
        .is_some_and(|first| first == *word)
}

/// Returns the error of a command line, with the right suggestion for an unknown command.
pub(super) fn corrected(mut error: Error) -> Error {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else { return error };
    if !is_command(word) {
        return error;
    }
    let word = word.to_lowercase();
    let command = COMMANDS.iter().find(|(_, words)| words.contains(&word.as_str())).map(|(command, _)| *command);
    if let Some(command) = command {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(vec![command.to_owned()]));
    } else if WITHOUT.contains(&word.as_str()) {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::None);
    }
    error
}
