//! `sdctl undo`: puts back what a command replaced.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use clap::Args;
use http_sd_lambda::group::{EpochSeconds, GroupName, Job, excerpt};

use super::{
    backup::{self, Backup, Caution, Expected, Plan, Printer, Words},
    history, listing,
    outcome::Outcome,
    times::utc,
};
use crate::{
    error::CliError,
    plan::TooMuchRemoved,
    store::{
        connection::{Connection, TableOptions},
        journal::{self, Entry, MOST_BYTES, TableId},
    },
    terminal::{message, output, progress, question, style::HEADING, text::Count},
};

/// The most rows that are named because they stay.
const MOST_NAMED: usize = 20;

/// Undo a command that changed rows
///
/// Shows the plan and asks before it writes. Every row gets exactly the attributes that it had before the command. A
/// row that has changed since the command stays as it is.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl undo --dry-run         show what the last command of this table replaced
  sdctl undo                   show the plan, ask, put it back
  sdctl undo 12 --yes          undo the command with number 12 of sdctl history

Without a number, sdctl undoes the newest command on this table that is not undone yet and is not an undo. So undo \
after undo goes further back. To take an undo back, name its number.

An interrupted command is undone as far as it went. The journal is on this machine and belongs to you: other users' \
commands are in their own journals. It holds no writes of sdctl register.

Guard: if the plan removes more than --max-removed allows, sdctl warns before it asks. With --yes or without a \
terminal it refuses.

Moves: as in sdctl apply, a target that moves back stays in both rows for a time (--settle), so no poll misses it.

Exit codes:
  0  undone, or nothing to change
  1  error or refused, or rows stay because they have changed since
  2  with --dry-run: the plan has changes")]
pub(crate) struct Options {
    /// Undo the command with this number in sdctl history [default: the newest one of this table]
    #[arg(value_name = "ID")]
    number: Option<u64>,
    #[command(flatten)]
    caution: Caution,
    #[command(flatten)]
    table: TableOptions,
}

pub(crate) async fn run(options: Options) -> Result<Outcome, CliError> {
    let table = &options.table;
    let connection =
        if options.caution.dry_run { table.open_to_compare().await? } else { table.open_to_change().await? };
    let connection = Connection { store: connection.store.patient(), ..connection };
    let entries = Entry::all().map_err(|error| history::unreadable(&error))?;
    let entry = entry(&entries, options.number, &connection.location.id())?;
    let mut out = output::stdout();
    let Entry { number, header, .. } = entry;
    let at = utc(EpochSeconds(header.at));
    writeln!(out, "{HEADING}{number}{HEADING:#} of {at}: {}", history::command(header))?;

    let (backup, unknown) = wanted(entry)?;
    let reading = progress::counter("rows read");
    let plan = Plan::of(&backup, false, &connection, &reading).await;
    reading.finish_and_clear();
    let plan = plan?;
    Printer { backup: &backup, names: connection.names, full: options.caution.full, words: Words::Undo }
        .plan(&mut out, &plan)?;
    name(&mut out, &plan.left, "has changed since, and stays")?;
    name(&mut out, &unknown, "stays: sdctl did not learn whether its write succeeded, nor the row before")?;
    let left = plan.left.len() + unknown.len();
    if plan.changes.is_empty() {
        return match left {
            0 => Ok(Outcome::Done),
            left => Err(CliError::Refused(format!("nothing was changed: {}", stay(left)))),
        };
    }
    plan.warn("to put back");
    guard(&plan, &options.caution)?;
    if options.caution.dry_run {
        return Ok(Outcome::Found);
    }
    question::ask(&format!("Undo {number} by {}?", Count(plan.changes.len(), "change")), options.caution.yes)?;
    let journal = connection.store.journal();
    if let Some(journal) = journal {
        journal.undoes(*number);
    }
    backup::write(&connection, &backup, &plan, options.caution.settle).await?;
    writeln!(out, "Undone: {}.", listing::done(plan.counts()))?;
    if let Some(own) = journal.and_then(journal::Recorder::number) {
        writeln!(out, "To take this back: sdctl undo {own}")?;
    }
    if left > 0 {
        // All of the plan was written, so the entry counts as undone.
        journal::finish(true);
        return Err(CliError::Refused(stay(left)));
    }
    Ok(Outcome::Done)
}

/// Refuses a plan that removes more than `--max-removed` allows. At a terminal it warns instead: the user sees the plan,
/// and confirms it.
fn guard(plan: &Plan, caution: &Caution) -> Result<(), CliError> {
    let Err(error) = TooMuchRemoved::among(&plan.removals, caution.max_removed, "table") else { return Ok(()) };
    if question::can_ask(caution.yes) {
        message::warning(error.removed());
        return Ok(());
    }
    Err(CliError::Refused(format!("nothing was changed: {}", error.check("plan"))))
}

/// Returns the entry to undo.
fn entry<'e>(entries: &'e [Entry], number: Option<u64>, table: &TableId) -> Result<&'e Entry, CliError> {
    let refused = |text: String| Err(CliError::Refused(text));
    let undone = Entry::undone(entries);
    let entry = match number {
        Some(number) => entries.iter().find(|entry| entry.number == number),
        None => entries.iter().rev().find(|Entry { number, header, .. }| {
            header.table == *table && header.undoes.is_none() && !undone.contains_key(number)
        }),
    };
    let Some(entry) = entry else {
        return refused(match number {
            Some(number) => format!("the journal has no command {number}. List the commands with sdctl history"),
            None => "the journal has no command on this table that is not undone yet. List all commands with sdctl \
                     history, and name the one to undo"
                .into(),
        });
    };
    let Entry { number, header, .. } = entry;
    if header.table != *table {
        return refused(format!(
            "{number} changed another table: {}. Select that table with --table or --data",
            header.table
        ));
    }
    if let Some(by) = undone.get(number) {
        return refused(format!("{number} is already undone by {by}. To take that back, run sdctl undo {by}"));
    }
    if entry.is_running() {
        return refused(format!("{number} is still running. Stop it, or wait until it has ended"));
    }
    if header.too_large {
        return refused(format!(
            "the journal does not hold the rows of {number}: they exceed {} MB. Import a backup with sdctl import, or \
             use point-in-time recovery",
            MOST_BYTES >> 20
        ));
    }
    Ok(entry)
}

/// Returns the rows before the command, and the keys of rows that cannot be put back.
fn wanted(entry: &Entry) -> Result<(Backup, BTreeSet<(Job, GroupName)>), CliError> {
    let rows = entry.rows().map_err(|error| history::unreadable(&error))?;
    let mut backup = Backup::default();
    for (key, images) in rows.changed {
        if !rows.unknown.contains(&key) {
            backup.add(key, images.old, images.new.map_or(Expected::Absent, Expected::Row));
        }
    }
    Ok((backup, rows.unknown))
}

/// Names the rows that stay.
fn name(out: &mut dyn Write, rows: &BTreeSet<(Job, GroupName)>, why: &str) -> io::Result<()> {
    for (job, name) in rows.iter().take(MOST_NAMED) {
        writeln!(out, "group {} of job {} {why}", excerpt(name.as_str()), excerpt(job.as_str()))?;
    }
    match rows.len().saturating_sub(MOST_NAMED) {
        0 => Ok(()),
        more => writeln!(out, "… and {more} more"),
    }
}

fn stay(left: usize) -> String {
    let stays = if left == 1 { "stays as it is" } else { "stay as they are" };
    format!("{} {stays}. Look at the rows with sdctl get, and change them by hand", Count(left, "row"))
}
