//! `sdctl import`: writes the rows of backups back to the table.

use std::{io::Write, path::PathBuf};

use clap::Args;
use http_sd_lambda::{
    config::{self, variable},
    group::LabelNames,
    table::TableError,
};

use super::{
    backup::{self, Backup, Caution, Plan, Printer, Words},
    listing,
    outcome::Outcome,
};
use crate::{
    error::CliError,
    plan::TooMuchRemoved,
    store::connection::{Connection, TableOptions},
    terminal::{output, progress, question, text::Count},
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
    #[command(flatten)]
    caution: Caution,
    #[command(flatten)]
    table: TableOptions,
}

pub(crate) async fn run(options: Options) -> Result<Outcome, CliError> {
    // Before opening the table: the writer of standard input may still be reading the same table.
    let names = config::settings(&variable)?.label_names;
    let backup = read_files(&options.files, names)?;
    let mut connection = options.table.open().await?;
    connection.announce(if options.caution.dry_run { "Comparing with" } else { "Using" }).await?;
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
    Printer { backup: &backup, names, full: options.caution.full, words: Words::Import }.plan(&mut out, &plan)?;
    if plan.changes.is_empty() {
        return Ok(Outcome::Done);
    }
    plan.warn("of the files");
    TooMuchRemoved::among(&plan.removals, options.caution.max_removed, "table")
        .map_err(|error| CliError::Refused(format!("nothing was changed: {error}")))?;
    if options.caution.dry_run {
        return Ok(Outcome::Found);
    }
    question::ask(&format!("Import {}?", Count(plan.changes.len(), "change")), options.caution.yes)?;
    backup::write(&connection, &backup, &plan, options.caution.settle).await?;
    writeln!(out, "Imported: {}.", listing::done(plan.counts()))?;
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
