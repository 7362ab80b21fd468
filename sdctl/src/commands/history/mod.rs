//! `sdctl history`: lists the commands in the journal, and shows what one of them changed.

mod json;

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use anstyle::Style;
use clap::{Args, ValueEnum};
use http_sd_lambda::{
    config::{self, variable},
    group::{EpochSeconds, excerpt},
    table::Attributes,
};
use serde::Serialize;

use super::{
    backup::{Backup, Change, Expected, Kind, Plan, Printer, Words},
    outcome::Outcome,
    times::{ago, shortly_ago, utc},
};
use crate::{
    error::CliError,
    store::{
        self,
        journal::{self, End, Entry, Header, Images, Numbers},
    },
    terminal::{
        message,
        style::{FAINT, HEADING},
        table::{Line, Table},
        text::printable,
        width::cut,
    },
};

/// The longest command line in the list, in columns.
const LONGEST_COMMAND: usize = 80;

/// List the commands that changed rows, or show what one changed
///
/// The journal holds the last 100 commands of this user on this machine that wrote to a table, the oldest first. It
/// needs no table: it shows the rows as the commands found and left them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl history                    list the commands of all tables
  sdctl history 12                 show what command 12 changed
  sdctl history 12 -o json         its rows before and after, in DynamoDB JSON
  sdctl undo 12                    put back what command 12 replaced

The journal is in ~/.local/state/http-sd/journal, or in http-sd/journal of XDG_STATE_HOME. Only you can read it. It \
holds no writes of sdctl register, and for a command that changed more than 128 MB of rows, no rows.")]
pub(crate) struct Options {
    /// Show the command with this number [default: list all]
    #[arg(value_name = "ID")]
    number: Option<u64>,
    /// Print in this format [default: a table for people]
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
    /// Show every change; by default 20 of each kind per job
    #[arg(long)]
    full: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// JSON for scripts
    Json,
}

/// The outcome of a command.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Done,
    Failed,
    Running,
    Interrupted,
}

pub(crate) fn run(options: &Options) -> Result<Outcome, CliError> {
    let entries = Entry::all().map_err(|error| unreadable(&error))?;
    let undone = Entry::undone(&entries);
    let mut out = anstream::stdout();
    if let Some(number) = options.number {
        let Some(entry) = entries.iter().find(|entry| entry.number == number) else {
            let text = format!("the journal has no command {number}. List the commands with sdctl history");
            return Err(CliError::Refused(text));
        };
        match options.output {
            None => show(&mut out, entry, &undone, options.full)?,
            Some(Format::Json) => json::show(&mut out, entry, &undone)?,
        }
        return Ok(Outcome::Done);
    }
    if options.output.is_some() {
        json::list(&mut out, &entries, &undone)?;
        return Ok(Outcome::Done);
    }
    if entries.is_empty() {
        let _ = writeln!(anstream::stderr(), "no command has written to a table");
    }
    list(&mut out, &entries, &undone)?;
    Ok(Outcome::Done)
}

fn list(out: &mut dyn Write, entries: &[Entry], undone: &BTreeMap<u64, u64>) -> Result<(), CliError> {
    let now = EpochSeconds::now();
    let mut lines = Vec::new();
    for entry in entries {
        let Entry { number, header, .. } = entry;
        let style = if undone.contains_key(number) { FAINT } else { Style::new() };
        let cells = vec![
            number.to_string(),
            shortly_ago(EpochSeconds(header.at), now),
            signs(entry.numbers().map_err(|error| unreadable(&error))?),
            words(entry, undone),
            header.table.to_string(),
            cut(&command(header), LONGEST_COMMAND),
        ];
        lines.push(Line { style, cells });
    }
    Table::new(&["ID", "WHEN", "ROWS", "STATE", "TABLE", "COMMAND"]).print(out, lines)?;
    Ok(())
}

/// Prints what a command changed, as a plan shows it.
fn show(out: &mut dyn Write, entry: &Entry, undone: &BTreeMap<u64, u64>, full: bool) -> Result<(), CliError> {
    let Entry { number, header, .. } = entry;
    let at = EpochSeconds(header.at);
    writeln!(
        out,
        "{HEADING}{number}{HEADING:#} of {}, {}: {}",
        utc(at),
        ago(at, EpochSeconds::now()),
        command(header)
    )?;
    writeln!(out, "{FAINT}table:{FAINT:#} {}", printable(&header.table.to_string()))?;
    let state = words(entry, undone);
    if !state.is_empty() {
        writeln!(out, "{FAINT}state:{FAINT:#} {state}")?;
    }
    let numbers = entry.numbers().map_err(|error| unreadable(&error))?;
    if header.too_large {
        message::note(format_args!(
            "the journal does not hold the rows: they exceed {} MB ({})",
            journal::MOST_BYTES >> 20,
            signs(numbers)
        ));
        return Ok(());
    }
    let names = config::settings(&variable)?.label_names;
    let rows = entry.rows().map_err(|error| unreadable(&error))?;
    let mut backup = Backup::default();
    let mut plan = Plan::default();
    for (key, Images { old, new }) in rows.changed {
        let counts = plan.jobs.entry(key.0.clone()).or_default();
        let old = old.as_deref().map(attributes).transpose()?;
        let kind = match (old, new.is_some()) {
            (None, true) => Kind::Add,
            (Some(old), true) => Kind::Update(old),
            (Some(old), false) => Kind::Remove(old),
            (None, false) => continue,
        };
        match kind {
            Kind::Add => counts.added += 1,
            Kind::Update(_) => counts.changed += 1,
            Kind::Remove(_) => counts.removed += 1,
        }
        plan.changes.push(Change::new(key.clone(), kind));
        backup.add(key, new, Expected::Any);
    }
    plan.sort();
    Printer { backup: &backup, names, full, words: Words::History }.plan(out, &plan)?;
    for (job, name) in rows.unknown {
        let (job, name) = (excerpt(job.as_str()), excerpt(name.as_str()));
        writeln!(out, "group {name} of job {job}: sdctl did not learn whether its write succeeded")?;
    }
    Ok(())
}

fn attributes(line: &[u8]) -> Result<Attributes, CliError> {
    store::read_line(line).map_err(|fault| CliError::Refused(format!("cannot read a row of the journal: {fault}")))
}

fn state(entry: &Entry) -> State {
    match entry.header.end {
        Some(End::Done) => State::Done,
        Some(End::Failed) => State::Failed,
        None if entry.is_running() => State::Running,
        None => State::Interrupted,
    }
}

/// Returns the state of an entry for people; empty for a command that succeeded.
fn words(entry: &Entry, undone: &BTreeMap<u64, u64>) -> String {
    let state = match state(entry) {
        State::Done => None,
        State::Failed => Some("failed".to_owned()),
        State::Running => Some("running".to_owned()),
        State::Interrupted => Some("interrupted".to_owned()),
    };
    let undone = undone.get(&entry.number).map(|by| format!("undone by {by}"));
    let undoes = entry.header.undoes.map(|of| format!("undoes {of}"));
    [undoes, state, undone].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Returns the numbers as `+3 ~1 -2`.
fn signs(Numbers { added, changed, removed, unknown }: Numbers) -> String {
    let signed = [('+', added), ('~', changed), ('-', removed), ('?', unknown)];
    let signed = signed.into_iter().filter(|(_, count)| *count > 0).map(|(sign, count)| format!("{sign}{count}"));
    signed.collect::<Vec<_>>().join(" ")
}

/// Returns the command line of an entry on one line, as a shell accepts it.
pub(crate) fn command(header: &Header) -> String {
    let line = shlex::try_join(header.command.iter().map(String::as_str));
    printable(&line.unwrap_or_else(|_| header.command.join(" ")))
}

/// Returns the error of a journal that cannot be read.
pub(crate) fn unreadable(error: &io::Error) -> CliError {
    let folder = journal::folder().map_or_else(String::new, |folder| format!(" in {}", folder.display()));
    CliError::Refused(format!("cannot read the journal{folder}: {error}"))
}
