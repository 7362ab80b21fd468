//! `sdctl import`: writes the rows of backups back to the table.

mod plan;
mod read;
mod show;

use std::{io::Write, path::PathBuf};

use clap::Args;
use http_sd_lambda::{
    config::{self, variable},
    group::LabelNames,
    table::{Attributes, TableError},
};

use self::{
    plan::{Change, Kind, Plan},
    read::Backup,
    show::Printer,
};
use super::{outcome::Outcome, percent::percent};
use crate::{
    error::CliError,
    plan::{Counts, TooMuchRemoved},
    store::{
        Store, Whole, WriteError,
        batch::{self, ROWS_AT_ONCE, TRANSACTIONS_AT_ONCE, Write as Written},
        connection::{Connection, TableOptions},
        transactions,
    },
    terminal::{message, output, progress, question, signals::Signals, text::Count},
};

/// Write the rows of a backup back to the table
///
/// Reads files of sdctl export, and DynamoDB's own exports to S3 in DynamoDB JSON. Shows the plan and asks before it
/// writes. The rows get exactly the attributes of the file. Importing the same files again changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl import -f backup.json --dry-run      show the plan only
  sdctl import -f backup.json                add and change rows, remove none
  sdctl import -f backup.json --replace      go back to the backup
  sdctl import -f data/*.json.gz             an export of DynamoDB to S3

Files: one row a line, {\"Item\":{…}} in DynamoDB JSON. sdctl recognises gzip by its content. If a line has a fault, \
sdctl names its file and number, and changes nothing.

Leases: a row gets the lease of the file. Rows of sdctl register whose lease is expired by now are not served until \
their machine renews the lease.

Exit codes:
  0  imported, or nothing to change
  1  error, or the plan removes more than --max-removed allows
  2  with --dry-run: the plan has changes")]
#[allow(clippy::struct_excessive_bools, reason = "each bool is a flag")]
pub(crate) struct Options {
    /// Read rows from these files, or from standard input (-); repeatable
    #[arg(short, long = "file", value_name = "FILE", required = true, num_args = 1..)]
    files: Vec<PathBuf>,
    /// Remove the rows of the table that are in no file
    #[arg(long)]
    replace: bool,
    /// Show the plan without writing; exit with 2 if the plan has changes
    #[arg(long)]
    dry_run: bool,
    /// Write without asking
    #[arg(short, long)]
    yes: bool,
    /// Refuse the plan if it removes more than this percentage of a job's or the table's groups or targets
    #[arg(long, value_name = "PERCENT", default_value_t = 20, value_parser = percent)]
    max_removed: u8,
    /// Show every change; by default a plan shows 20 of each kind per job
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    table: TableOptions,
}

pub(crate) async fn run(options: Options) -> Result<Outcome, CliError> {
    // Before opening the table: the writer of standard input may still be reading the same table.
    let names = config::settings(&variable)?.label_names;
    let backup = read_files(&options.files, names)?;
    let mut connection = options.table.open().await?;
    connection.announce(if options.dry_run { "Comparing with" } else { "Using" }).await?;
    // An import of other rows into a table with another key would fail at the first write only.
    match connection.store.table().ensure_key().await {
        Ok(()) | Err(TableError::Denied(_)) => {}
        Err(error) => return Err(connection.error(error)),
    }
    let connection = Connection { store: connection.store.patient(), ..connection };

    let reading = progress::counter("rows read");
    let plan = Plan::of(&backup, options.replace, &connection, &reading).await;
    reading.finish_and_clear();
    let plan = plan?;
    let mut out = output::stdout();
    Printer { backup: &backup, names, full: options.full }.plan(&mut out, &plan)?;
    if plan.changes.is_empty() {
        return Ok(Outcome::Done);
    }
    warn(&plan);
    TooMuchRemoved::among(&plan.removals, options.max_removed, "table")
        .map_err(|error| CliError::Refused(format!("nothing was changed: {error}")))?;
    if options.dry_run {
        return Ok(Outcome::Found);
    }
    question::ask(&format!("Import {}?", Count(plan.changes.len(), "change")), options.yes)?;
    write(&connection.store, &backup, &plan).await?;
    let Counts { added, changed, removed, .. } = plan.counts();
    writeln!(out, "Imported: {added} added, {changed} changed, {removed} removed.")?;
    Ok(Outcome::Done)
}

/// Reads the files. A single fault in any of them is an error.
fn read_files(files: &[PathBuf], names: LabelNames) -> Result<Backup, CliError> {
    let reading = progress::counter("reading files");
    let backup = Backup::read(files, names);
    reading.finish_and_clear();
    let backup = backup?;
    if backup.fault_count == 0 {
        return Ok(backup);
    }
    let mut stderr = anstream::stderr();
    for fault in &backup.faults {
        writeln!(stderr, "{fault}")?;
    }
    let count = Count(backup.fault_count, "fault");
    Err(CliError::Refused(format!("nothing was changed: the files have {count}. Fix the lines, or export again")))
}

fn warn(plan: &Plan) {
    let verb = |count, one: &'static str, many: &'static str| if count == 1 { one } else { many };
    if plan.expired > 0 {
        let has = verb(plan.expired, "has", "have");
        let rows = Count(plan.expired, "row");
        message::note(format_args!(
            "{rows} of the files {has} an expired lease: the function does not serve such rows"
        ));
    }
    if plan.broken > 0 {
        let violates = verb(plan.broken, "violates", "violate");
        let rows = Count(plan.broken, "row");
        message::note(format_args!(
            "{rows} of the files {violates} the data model: polls of such a job fail, unless HTTP_SD_ON_INVALID is skip"
        ));
    }
}

/// Writes added rows first, then changed rows, and removes rows last.
async fn write(store: &Store, backup: &Backup, plan: &Plan) -> Result<(), CliError> {
    let total = plan.changes.len();
    let bar = progress::bar("writing", total);
    let mut signals = Signals::listen()?;
    let of = |is: fn(&Kind) -> bool| plan.changes.iter().filter(move |change| is(&change.kind));
    let new: Vec<&Change> = of(|kind| matches!(kind, Kind::Add)).collect();
    let size = |change: &&Change| backup.line(&change.job, &change.name).map_or(0, read::Line::size);
    let adds = transactions(&new, size).into_iter().map(|new| add(store, backup, new));
    let mut written = batch::all(adds, TRANSACTIONS_AT_ONCE, &bar, &mut signals).await;
    if written.ended.is_none() {
        let changed = of(|kind| matches!(kind, Kind::Update(_))).map(|change| self::change(store, backup, change));
        written += batch::all(changed, ROWS_AT_ONCE, &bar, &mut signals).await;
    }
    if written.ended.is_none() {
        let gone = of(|kind| matches!(kind, Kind::Remove(_))).map(|change| remove(store, change));
        written += batch::all(gone, ROWS_AT_ONCE, &bar, &mut signals).await;
    }
    let Some(ended) = written.ended else {
        bar.finish_and_clear();
        return Ok(());
    };
    bar.finish_and_clear();
    let how_far =
        format!("{} of {} written. Run the same command again for the rest", written.done, Count(total, "change"));
    Err(ended.of_table(store.name(), how_far))
}

/// Reads the line of a row again.
fn attributes(backup: &Backup, change: &Change) -> Result<Attributes, WriteError> {
    let line = backup.line(&change.job, &change.name);
    let read = line.ok_or_else(|| "no such line".to_owned()).and_then(read::Line::attributes);
    read.map_err(|fault| WriteError::Table(TableError::Refused(fault)))
}

async fn add(store: &Store, backup: &Backup, new: &[&Change]) -> Written {
    let added = async {
        let rows = new.iter().map(|change| attributes(backup, change)).collect::<Result<Vec<_>, _>>()?;
        let whole = new.iter().zip(&rows);
        let whole = whole.map(|(change, row)| Whole { job: &change.job, name: &change.name, attributes: row });
        store.restore_new(&whole.collect::<Vec<_>>()).await
    };
    match added.await {
        Ok(()) => (new.len(), Ok(())),
        Err(error) => (0, Err(error)),
    }
}

async fn change(store: &Store, backup: &Backup, change: &Change) -> Written {
    let Kind::Update(before) = &change.kind else { return (0, Ok(())) };
    let changed = async {
        let row = Whole { job: &change.job, name: &change.name, attributes: &attributes(backup, change)? };
        store.restore(row, before).await
    };
    batch::one(changed.await)
}

async fn remove(store: &Store, change: &Change) -> Written {
    let Kind::Remove(attributes) = &change.kind else { return (0, Ok(())) };
    let removed: Result<(), WriteError> =
        store.delete_whole(Whole { job: &change.job, name: &change.name, attributes }).await;
    batch::one(removed)
}
