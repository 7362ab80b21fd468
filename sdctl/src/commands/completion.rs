//! Completes a command line for the shell, with the names of the table and of the AWS profiles.
//!
//! A completion is quick and silent: an error or a slow table gives fewer names, and nothing is written or asked.

use std::{
    collections::BTreeSet,
    env,
    ffi::{OsStr, OsString},
    time::Duration,
};

use clap::{Arg, ArgMatches, Command};
use clap_complete::{ArgValueCompleter, CompleteEnv, CompletionCandidate};
use tokio::{runtime::Builder, time::timeout};

use crate::store::{Names, connection::TableOptions, login};

/// The variable with which the script of a shell asks for a completion.
pub(super) const VARIABLE: &str = "COMPLETE";
/// The variable with the index of the word to complete.
const INDEX: &str = "_CLAP_COMPLETE_INDEX";
/// The longest time for names from the table. The shell waits meanwhile.
const WITHIN: Duration = Duration::from_millis(1500);

/// Prints the completion if the shell asks for one. Returns whether it did. Call it before any thread starts, because
/// it changes the environment.
pub(super) fn answer(command: fn() -> Command) -> bool {
    let complete = CompleteEnv::with_factory(|| completing(command(), command)).var(VARIABLE).bin("sdctl");
    // The terminal shows the user's command line: an error would disturb it.
    complete.try_complete(env::args_os(), env::current_dir().ok().as_deref()).unwrap_or(true)
}

/// Adds the completion of names to a command and its subcommands.
fn completing(cmd: Command, root: fn() -> Command) -> Command {
    let begins_option = word().is_some_and(|word| word.as_encoded_bytes().starts_with(b"-"));
    let cmd = cmd.mut_args(|arg| {
        let arg = match wanted(&arg) {
            Some(wanted) => arg.add(ArgValueCompleter::new(move |word: &OsStr| candidates(wanted, word, root))),
            None => arg,
        };
        // A hidden option is a candidate only if nothing else is.
        if begins_option || arg.is_positional() { arg } else { arg.hide(true) }
    });
    let cmd = if begins_option { cmd } else { cmd.disable_help_flag(true).disable_version_flag(true) };
    cmd.mut_subcommands(|subcommand| completing(subcommand, root))
}

/// The names for a value.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Jobs,
    Groups,
    Sets,
    Profiles,
}

fn wanted(arg: &Arg) -> Option<Wanted> {
    match (arg.get_long(), arg.get_id().as_str()) {
        (Some("profile"), _) => Some(Wanted::Profiles),
        (Some("set" | "adopt"), _) => Some(Wanted::Sets),
        (_, "job" | "jobs") => Some(Wanted::Jobs),
        // `label` and `mv` begin these lists with a group.
        (None, "group" | "groups" | "group_and_labels" | "names") => Some(Wanted::Groups),
        _ => None,
    }
}

/// Returns the words of the command line that the shell completes.
fn words() -> Vec<OsString> {
    env::args_os().skip_while(|word| word != "--").skip(1).collect()
}

/// Returns the word to complete.
fn word() -> Option<OsString> {
    let words = words();
    let index = env::var(INDEX).ok().and_then(|index| index.parse().ok()).unwrap_or(words.len().saturating_sub(1));
    words.into_iter().nth(index)
}

fn candidates(wanted: Wanted, word: &OsStr, root: fn() -> Command) -> Vec<CompletionCandidate> {
    let (Some(prefix), Ok(runtime)) = (word.to_str(), Builder::new_current_thread().enable_all().build()) else {
        return Vec::new();
    };
    let mut found = BTreeSet::new();
    runtime.block_on(async {
        let _ = timeout(WITHIN, collect(wanted, prefix, root, &mut found)).await;
    });
    // A look-up of a host can take longer.
    runtime.shutdown_background();
    found.into_iter().filter(|name| name.starts_with(prefix) && is_plain(name)).map(CompletionCandidate::new).collect()
}

/// Adds names to `found`, as far as they can be read.
async fn collect(wanted: Wanted, prefix: &str, root: fn() -> Command, found: &mut BTreeSet<String>) -> Option<()> {
    if let Wanted::Profiles = wanted {
        found.extend(login::profile_names().await.ok()?);
        return Some(());
    }
    let matches = root().ignore_errors(true).try_get_matches_from(words()).ok()?;
    let matches = innermost(&matches);
    let job = matches.try_get_one::<String>("job").ok().flatten();
    let names = match wanted {
        Wanted::Groups => Names::Groups(job?),
        Wanted::Sets => Names::Sets,
        _ => Names::Jobs,
    };
    let store = TableOptions::of(matches).open_silently().await?;
    store.collect_names(names, prefix, found).await.ok()
}

fn innermost(matches: &ArgMatches) -> &ArgMatches {
    std::iter::successors(Some(matches), |matches| matches.subcommand().map(|(_, inner)| inner))
        .last()
        .unwrap_or(matches)
}

/// Returns whether a shell takes the name as it is. A shell inserts candidates without quotes.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_-.:/@%+=,".contains(c))
}
