//! `sdctl rm`: removes groups, a whole job, or selected rows.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use clap::Args;
use http_sd_lambda::group::{EpochSeconds, GroupName, Job, excerpt};
use indicatif::ProgressBar;

use super::{
    arguments,
    outcome::Outcome,
    selection::{self, Found, Selection, SelectionOptions},
};
use crate::{
    error::CliError,
    store::{
        Expect, Record, WriteError,
        batch::{self, ROWS_AT_ONCE, Written},
        connection::{Connection, TableOptions},
    },
    terminal::{
        output, progress, question,
        signals::Signals,
        style::{FAINT, HEADING, REMOVED},
        text::{Count, printable},
    },
};

/// The most groups of a job that are shown before they are removed.
const MOST_SHOWN: usize = 20;
/// The most attempts to remove a row that other writers keep changing.
const ATTEMPTS: usize = 5;

/// Remove groups, a whole job, or the rows that match
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl rm node_exporter web                 remove one group
  sdctl rm node_exporter                     ask, then remove the whole job
  sdctl rm --match '{env=\"test\"}'          show what matches, ask, remove
  sdctl rm 'node*' --state expired --yes     in a script

With a pattern or with options under 'Which rows', sdctl shows the groups that it will remove, and asks. It exits with \
1 if no row matches. It does not remove a row that another writer changed so that it no longer matches.")]
pub(crate) struct Options {
    /// Job of the groups, or a pattern such as 'node*' [default: all jobs, with options under 'Which rows']
    job: Option<String>,
    /// Remove these groups [default: all groups of the job]
    groups: Vec<String>,
    /// Remove without asking
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    selection: SelectionOptions,
    #[command(flatten)]
    table: TableOptions,
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
    let connection = options.table.open_to_change().await?;
    let Some(job) = job else { return remove_selected(connection, &selection, options.yes).await };
    if names.is_empty() {
        return remove_job(connection, job, options.yes).await;
    }
    let mut missing = None;
    for name in names {
        let deleted = connection.store.delete(job, &name, Expect::Anything).await;
        if deleted.map_err(|error| connection.write_error(error))? {
            writeln!(output::stdout(), "removed group {} of job {}", excerpt(name.as_str()), excerpt(job.as_str()))?;
        } else {
            missing.get_or_insert(name);
        }
    }
    missing.map_or(Ok(Outcome::Done), |name| Err(CliError::no_such_group(job, &name)))
}

async fn remove_job(connection: Connection, job: &Job, yes: bool) -> Result<Outcome, CliError> {
    let connection = Connection { store: connection.store.patient(), ..connection };
    let mut names: Vec<GroupName> = Vec::new();
    let mut targets = 0;
    let mut pages = connection.store.records(Some(job), connection.names);
    while let Some(records) = pages.next().await.map_err(|error| connection.error(error))? {
        for record in records {
            targets += record.group.map_or(0, |group| group.targets.len());
            names.push(record.name);
        }
    }
    if names.is_empty() {
        return Err(CliError::no_such_job(job));
    }
    let shown = excerpt(job.as_str());
    let (groups, targets) = (Count(names.len(), "group"), Count(targets, "target"));
    question::ask(&format!("Remove the whole job {shown} ({groups} with {targets})?"), yes)?;
    let bar = progress::bar("removing", names.len());
    let deletes =
        names.iter().map(|name| async { batch::one(connection.store.delete(job, name, Expect::Anything).await) });
    let mut signals = Signals::listen()?;
    let written = batch::all(deletes, ROWS_AT_ONCE, &bar, &mut signals).await;
    finish(&connection, written, &bar, &format!("job {shown}: {groups} with {targets}"), groups)
}

/// Removes the selected rows, each only if it still matches.
async fn remove_selected(connection: Connection, selection: &Selection, yes: bool) -> Result<Outcome, CliError> {
    let connection = Connection { store: connection.store.patient(), ..connection };
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
    for rows in selected.chunk_by(|a, b| a.record.job == b.record.job) {
        show(&mut out, rows)?;
    }
    let (groups, targets) = counts(&selected);
    question::ask(&format!("Remove {groups} with {targets}?"), yes)?;
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

fn counts(rows: &[Found]) -> (Count<'static>, Count<'static>) {
    (Count(rows.len(), "group"), Count(rows.iter().map(Found::targets).sum(), "target"))
}

/// Prints the rows of a job that the command will remove.
fn show(out: &mut dyn Write, rows: &[Found]) -> io::Result<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    let (groups, targets) = counts(rows);
    let job = excerpt(first.record.job.as_str());
    writeln!(out, "{HEADING}job {job}:{HEADING:#} {groups} with {targets} to remove")?;
    for found in rows.iter().take(MOST_SHOWN) {
        writeln!(out, "  {REMOVED}- {}{REMOVED:#}", printable(found.record.name.as_str()))?;
    }
    match rows.len().saturating_sub(MOST_SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "  {FAINT}… and {more} more (sdctl get with the same options shows all){FAINT:#}"),
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
    match written.ended {
        None => {
            bar.finish_and_clear();
            writeln!(output::stdout(), "removed {removed}")?;
            Ok(Outcome::Done)
        }
        Some(ended) => {
            bar.finish_and_clear();
            let done = written.done;
            let how_far = format!("{done} of {groups} removed. Run the same command again to remove the rest");
            Err(ended.of_table(connection.store.name(), how_far))
        }
    }
}
