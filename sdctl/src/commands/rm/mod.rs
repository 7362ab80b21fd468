//! `sdctl rm`: removes groups, a whole job, or selected rows.

mod show;

use std::{borrow::Cow, io::Write};

use clap::Args;
use http_sd_lambda::group::{EpochSeconds, GroupName, Job, excerpt};
use indicatif::ProgressBar;

use self::show::Shown;
use super::{
    arguments,
    outcome::Outcome,
    renewed::Renewed,
    selection::{self, Found, Selection, SelectionOptions},
};
use crate::{
    error::CliError,
    store::{
        Expect, Record, WriteError,
        batch::{self, ROWS_AT_ONCE, Written},
        connection::{Connection, TableOptions},
    },
    terminal::{output, progress, question, signals::Signals, text::Count},
};

/// The most attempts to remove a row that other writers keep changing.
const ATTEMPTS: usize = 5;

/// Remove groups, a whole job, or the rows that match
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl rm node_exporter web                 remove one group
  sdctl rm node_exporter                     show the job, ask, remove it
  sdctl rm --match '{env=\"test\"}'          show what matches, ask, remove
  sdctl rm 'node*' --state expired --yes     in a script
  sdctl rm node_exporter --dry-run           show what would be removed

sdctl undo puts the rows back.

With a pattern or with options under 'Which rows', sdctl shows the groups that it will remove, and asks. It exits with \
1 if no row matches. It does not remove a row that another writer changed so that it no longer matches.

Exit codes:
  0  removed
  1  error, or no row matches, or a group is missing
  2  with --dry-run: rows would be removed")]
pub(crate) struct Options {
    /// Job of the groups, or a pattern such as 'node*' [default: all jobs, with options under 'Which rows']
    job: Option<String>,
    /// Remove these groups [default: all groups of the job]
    groups: Vec<String>,
    /// Show what would be removed without removing it; exit with 2 if there are such rows
    #[arg(long)]
    dry_run: bool,
    /// Remove without asking
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    selection: SelectionOptions,
    #[command(flatten)]
    table: TableOptions,
}

/// The end of the command: a plan, or writes.
#[derive(Debug, Clone, Copy)]
struct Mode {
    dry_run: bool,
    yes: bool,
}

pub(crate) async fn run(options: Options) -> Result<Outcome, CliError> {
    let names = options.groups.iter().map(|group| arguments::group(group)).collect::<Result<Vec<_>, _>>()?;
    let selection = options.selection.selection(options.job.as_deref(), &options.groups)?;
    let job = match selection.job() {
        _ if selection.is_search() => None,
        Some(job) => Some(job),
        None => {
            let text = "rm requires a job, or an option that selects rows, such as --match or --set";
            return Err(CliError::Refused(text.into()));
        }
    };
    let table = &options.table;
    let connection = if options.dry_run { table.open_to_compare().await? } else { table.open_to_change().await? };
    let connection = Connection { store: connection.store.patient(), ..connection };
    let mode = Mode { dry_run: options.dry_run, yes: options.yes };
    match job {
        None => remove_selected(connection, &selection, mode).await,
        Some(job) if names.is_empty() => remove_job(connection, job, mode).await,
        Some(job) => remove_named(&connection, job, names, mode.dry_run).await,
    }
}

/// Removes groups by name. Missing groups do not keep the others.
async fn remove_named(
    connection: &Connection,
    job: &Job,
    mut names: Vec<GroupName>,
    dry_run: bool,
) -> Result<Outcome, CliError> {
    names.sort();
    names.dedup();
    let now = EpochSeconds::now();
    let (mut shown, mut renewed) = (Shown::default(), Renewed::default());
    let mut missing: Vec<GroupName> = Vec::new();
    let mut failed = None;
    for name in names {
        let found = if dry_run { connection.record(job, &name).await } else { take(connection, job, &name).await };
        match found {
            Ok(Some(record)) => {
                shown.add(&record);
                renewed.see(&record, now);
            }
            Ok(None) => missing.push(name),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    // Also after a failure: the groups are removed.
    shown.print(&mut output::stdout(), if dry_run { "to remove" } else { "removed" }, now)?;
    renewed.note();
    if let Some(error) = failed {
        return Err(error);
    }
    match missing.as_slice() {
        [] if dry_run => Ok(Outcome::Found),
        [] => Ok(Outcome::Done),
        [name] => Err(CliError::no_such_group(job, name)),
        missing => {
            let names = missing.iter().map(|name| excerpt(name.as_str())).collect::<Vec<_>>().join(", ");
            let job = excerpt(job.as_str());
            let text = format!("groups {names} not found in job {job}. List the groups of the job with sdctl get");
            Err(CliError::Refused(text))
        }
    }
}

/// Removes a group, and returns its row if it existed.
async fn take(connection: &Connection, job: &Job, name: &GroupName) -> Result<Option<Record>, CliError> {
    let taken = connection.store.take(job, name, Expect::Anything).await;
    let taken = taken.map_err(|error| connection.write_error(error))?;
    taken.map(|row| Record::of(row, connection.names)).transpose().map_err(|error| connection.error(error))
}

async fn remove_job(connection: Connection, job: &Job, mode: Mode) -> Result<Outcome, CliError> {
    let now = EpochSeconds::now();
    let mut names: Vec<GroupName> = Vec::new();
    let (mut shown, mut renewed) = (Shown::default(), Renewed::default());
    let mut pages = connection.store.records(Some(job), connection.names);
    while let Some(records) = pages.next().await.map_err(|error| connection.error(error))? {
        for record in records {
            shown.add(&record);
            renewed.see(&record, now);
            names.push(record.name);
        }
    }
    if names.is_empty() {
        return Err(CliError::no_such_job(job));
    }
    shown.print(&mut output::stdout(), "to remove", now)?;
    renewed.note();
    if mode.dry_run {
        return Ok(Outcome::Found);
    }
    let job_shown = excerpt(job.as_str());
    let (groups, targets) = shown.counts();
    question::ask(&format!("Remove the whole job {job_shown} ({groups} with {targets})?"), mode.yes)?;
    let bar = progress::bar("removing", names.len());
    let deletes =
        names.iter().map(|name| async { batch::one(connection.store.delete(job, name, Expect::Anything).await) });
    let mut signals = Signals::listen()?;
    let written = batch::all(deletes, ROWS_AT_ONCE, &bar, &mut signals).await;
    finish(&connection, written, &bar, &format!("job {job_shown}: {groups} with {targets}"), groups)
}

/// Removes the selected rows, each only if it still matches.
async fn remove_selected(connection: Connection, selection: &Selection, mode: Mode) -> Result<Outcome, CliError> {
    let now = EpochSeconds::now();
    let reading = progress::counter("rows read");
    let mut selected: Vec<Found> = Vec::new();
    let mut rows = selection.rows(&connection, false, now).await?;
    while let Some(found) = rows.next().await? {
        reading.inc(u64::try_from(found.len()).unwrap_or_default());
        selected.extend(found);
    }
    reading.finish_and_clear();
    rows.check_job()?;
    if selected.is_empty() {
        return Err(CliError::Refused(format!("nothing was removed: {}", selection::nothing(selection))));
    }
    let mut out = output::stdout();
    let mut renewed = Renewed::default();
    let (mut groups, mut targets) = (0, 0);
    for rows in selected.chunk_by(|a, b| a.record.job == b.record.job) {
        let mut shown = Shown::default();
        for found in rows {
            shown.add(&found.record);
            renewed.see(&found.record, now);
        }
        shown.print(&mut out, "to remove", now)?;
        groups += shown.groups;
        targets += shown.targets;
    }
    renewed.note();
    if mode.dry_run {
        return Ok(Outcome::Found);
    }
    let (groups, targets) = (Count(groups, "group"), Count(targets, "target"));
    question::ask(&format!("Remove {groups} with {targets}?"), mode.yes)?;
    let bar = progress::bar("removing", selected.len());
    let deletes = selected.iter().map(|found| remove_matching(&connection, selection, &found.record, now));
    let mut signals = Signals::listen()?;
    let written = batch::all(deletes, ROWS_AT_ONCE, &bar, &mut signals).await;
    finish(&connection, written, &bar, &format!("{groups} with {targets}"), groups)
}

/// Removes a row. If another writer changes it meanwhile, the row must still match.
async fn remove_matching(
    connection: &Connection,
    selection: &Selection,
    record: &Record,
    now: EpochSeconds,
) -> batch::Write {
    let (store, job, name) = (&connection.store, &record.job, &record.name);
    let mut current = Cow::Borrowed(record);
    let mut attempt = 1;
    loop {
        let conflict = match store.delete(job, name, Expect::Unchanged(&current)).await {
            Err(conflict @ WriteError::Conflict { .. }) => conflict,
            other => return batch::one(other),
        };
        match store.record(job, name, connection.names).await {
            Ok(None) => return (1, Ok(())),
            Ok(Some(found)) => {
                let found = Found::alone(found);
                if attempt == ATTEMPTS || !selection.has(&found, now) {
                    return (0, Err(conflict));
                }
                current = Cow::Owned(found.record);
                attempt += 1;
            }
            Err(error) => return (0, Err(error.into())),
        }
    }
}

/// Prints what was removed, or returns the error.
fn finish(
    connection: &Connection,
    written: Written,
    bar: &ProgressBar,
    removed: &str,
    groups: Count<'_>,
) -> Result<Outcome, CliError> {
    bar.finish_and_clear();
    let Some(ended) = written.ended else {
        writeln!(output::stdout(), "removed {removed}")?;
        return Ok(Outcome::Done);
    };
    let how_far = format!("{} of {groups} removed. Run the same command again to remove the rest", written.done);
    Err(ended.of_table(connection.store.name(), how_far))
}
