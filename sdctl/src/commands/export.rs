//! `sdctl export`: writes rows with all attributes, page by page, as lines that `sdctl import` reads.

use std::{
    io::{self, BufWriter, IsTerminal, Write},
    path::PathBuf,
};

use clap::Args;
use indicatif::ProgressBar;

use super::{
    new_file::NewFile,
    outcome::Outcome,
    selection::{Selection, SelectionOptions},
};
use crate::{
    error::CliError,
    store::{
        self,
        connection::{Connection, TableOptions},
    },
    terminal::{progress, signals::Signals, text::Count},
};
use http_sd_lambda::{group::EpochSeconds, table::Attributes};

/// Write rows in full, as a backup
///
/// Writes one row a line, with all of its attributes, also your own: {"Item":{"job":{"S":"node"},…}}. This is the form
/// of DynamoDB's own exports to S3. sdctl import writes the rows back.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl export -o backup.json                the whole table
  sdctl export -o backup.json.gz             compressed, by its name
  sdctl export node_exporter > node.json     one job
  sdctl export --set fleet -o fleet.json     the rows of a set
  sdctl export --table old | sdctl import -f - --table new --yes

sdctl writes the file beside its place and renames it at the end, so a failed export leaves the old file. The file is \
not a snapshot: a row that changes during the export is in it as it was before or after the change.")]
pub(crate) struct Options {
    /// Write only the rows of this job, or of the jobs that match a pattern such as 'node*' [default: all jobs]
    job: Option<String>,
    /// Write to this file [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    selection: SelectionOptions,
    #[command(flatten)]
    table: TableOptions,
}

enum Output {
    Stdout(BufWriter<io::Stdout>),
    File(NewFile),
}

pub(crate) async fn run(options: Options) -> Result<Outcome, CliError> {
    let selection = options.selection.selection(options.job.as_deref(), &[])?;
    let connection = options.table.open_to_read().await?;
    // Rows of another table would not be an error at the export, but at the import.
    connection.store.table().ensure_key().await.map_err(|error| connection.error(error))?;
    let connection = Connection { store: connection.store.patient(), ..connection };
    let named = options.output.as_deref().filter(|file| file.as_os_str() != "-");
    let mut output = match named {
        Some(file) => Output::File(NewFile::create(file)?),
        None => Output::Stdout(BufWriter::new(io::stdout())),
    };
    let is_shown = named.is_some() || !io::stdout().is_terminal();
    let bar = if is_shown { progress::counter("rows exported") } else { ProgressBar::hidden() };
    let mut signals = Signals::listen()?;
    let exported = tokio::select! {
        exported = export(&connection, &selection, &mut output, &bar) => exported,
        () = signals.stop() => Err(CliError::Refused("stopped by a signal: the export is not complete".into())),
    };
    bar.finish_and_clear();
    let rows = exported?;
    let place = named.map_or_else(String::new, |file| format!(" to {}", file.display()));
    match output {
        Output::Stdout(mut out) => out.flush()?,
        Output::File(file) => file.finish()?,
    }
    let _ = writeln!(anstream::stderr(), "exported {} of {}{place}", Count(rows, "row"), connection.location);
    Ok(Outcome::Done)
}

/// Writes the selected rows and returns their number.
async fn export(
    connection: &Connection,
    selection: &Selection,
    output: &mut Output,
    bar: &ProgressBar,
) -> Result<usize, CliError> {
    let mut count = 0;
    let mut write = |row: &Attributes| {
        count += 1;
        bar.inc(1);
        output.line(row)
    };
    if selection.is_search() {
        let mut rows = selection.rows(connection, true, EpochSeconds::now()).await?;
        while let Some(found) = rows.next().await? {
            found.iter().filter_map(|row| row.item.as_ref()).try_for_each(&mut write)?;
        }
        rows.check_job()?;
        return Ok(count);
    }
    let mut items = connection.store.items(selection.job());
    while let Some(items) = items.next().await.map_err(|error| connection.error(error))? {
        items.iter().try_for_each(&mut write)?;
    }
    match selection.job() {
        Some(job) if count == 0 => Err(CliError::no_such_job(job)),
        _ => Ok(count),
    }
}

impl Output {
    fn line(&mut self, row: &Attributes) -> Result<(), CliError> {
        match self {
            Self::Stdout(out) => Ok(store::write_line(out, row)?),
            Self::File(file) => store::write_line(file, row).map_err(|source| file.error(source)),
        }
    }
}
