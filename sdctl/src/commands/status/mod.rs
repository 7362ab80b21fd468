//! `sdctl status`: counts the groups of each job and set, and shows what is wrong first.

mod report;
mod show;

use std::{
    io::{self, Write},
    time::Duration,
};

use clap::{Args, ValueEnum};

use self::report::Report;
use crate::{
    commands::{
        arguments,
        outcome::Outcome,
        selection::{Selection, SelectionOptions},
        times,
    },
    error::CliError,
    store::connection::{Connection, TableOptions},
    terminal::{
        message,
        screen::Screen,
        signals::Signals,
        style::{CHANGED, FAINT},
        text::printable,
        width::{self, Size, cut},
    },
};

/// Show at once what is wrong in the table
///
/// Counts the rows of each job and of each set of sdctl apply. Jobs with broken rows come first, then jobs that the
/// function serves without targets or with kept groups, then the others by name.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl status                       all jobs and sets
  sdctl status 'node*'               some jobs
  sdctl status --watch               again every 2 seconds, until Ctrl-C
  sdctl status node --watch 30s      one job, every 30 seconds
  sdctl status -o json | jq '.jobs[] | select(.targets == 0)'

Columns:
  GROUPS   groups that the function serves, unless a broken row fails the poll
  TARGETS  targets of these groups
  LEASED   groups among them with an active lease
  KEPT     groups among them whose leases lapsed together: the function serves
           them for the grace time (HTTP_SD_LEASE_GRACE_SECONDS)
  EXPIRED  rows with an expired lease, which the function does not serve
  BROKEN   rows that violate the data model: polls of the job fail unless
           HTTP_SD_ON_INVALID is skip
  CHANGED  time since the last write by sdctl; - for rows of other programs

The set - has the rows of no set, for example those of sdctl put and register.

Exit codes:
  0  no row is broken; or Ctrl-C ended --watch
  1  error, for example a job that does not exist
  2  at least one row is broken")]
pub(crate) struct Options {
    /// Show only this job, or the jobs that match a pattern such as 'node*' [default: all jobs]
    job: Option<String>,
    /// Print in this format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
    /// Read the table again after this time, until Ctrl-C [default: once; without a DURATION: 2s]
    #[arg(long, value_name = "DURATION", num_args = 0..=1, default_missing_value = "2s", value_parser = interval)]
    watch: Option<Duration>,
    #[command(flatten)]
    table: TableOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Format {
    /// One line per job and per set, and the first broken rows
    #[default]
    Table,
    /// A JSON object; with --watch one object per line
    Json,
}

pub(crate) async fn run(options: Options) -> Result<Outcome, CliError> {
    let selection = SelectionOptions::default().selection(options.job.as_deref(), &[])?;
    let connection = options.table.open_to_read().await?;
    // An empty table with another key would look like an empty fleet.
    connection.store.table().ensure_key().await.map_err(|error| connection.error(error))?;
    if let Some(interval) = options.watch {
        return watch(&connection, &selection, options.output, interval).await;
    }
    let report = Report::read(&connection, &selection).await?;
    print(&report, options.output)?;
    Ok(if report.is_broken() { Outcome::Found } else { Outcome::Done })
}

/// Reads and prints again and again until a signal. An outage of the table does not end it.
async fn watch(
    connection: &Connection,
    selection: &Selection,
    output: Format,
    interval: Duration,
) -> Result<Outcome, CliError> {
    let mut signals = Signals::listen()?;
    let mut screen = Screen::of_stdout().filter(|_| output == Format::Table);
    let mut last: Option<Report> = None;
    loop {
        let read = tokio::select! {
            read = Report::read(connection, selection) => read,
            () = signals.stop() => return Ok(Outcome::Done),
        };
        let error = match read {
            Ok(report) => {
                last = Some(report);
                None
            }
            Err(error) if last.is_none() => return Err(error),
            Err(error) => Some(error),
        };
        if let Some(report) = &last {
            draw(screen.as_mut(), output, report, error, interval)?;
        }
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = signals.stop() => return Ok(Outcome::Done),
        }
    }
}

/// Shows the last report on the screen, or prints the next block if standard output is not a terminal.
fn draw(
    screen: Option<&mut Screen>,
    output: Format,
    report: &Report,
    error: Option<CliError>,
    interval: Duration,
) -> Result<(), CliError> {
    let Some(screen) = screen else {
        if let Some(error) = error {
            message::error(error);
            return Ok(());
        }
        if output == Format::Table {
            writeln!(anstream::stdout(), "\n{}", times::utc(report.at))?;
        }
        return print(report, output);
    };
    let size = screen.size();
    let mut text = Vec::new();
    let heading = format!(
        "{}, every {}, until Ctrl-C: {}",
        times::utc(report.at),
        humantime::format_duration(interval),
        report.location
    );
    writeln!(text, "{FAINT}{}{FAINT:#}", cut(&heading, size.columns))?;
    if let Some(error) = &error {
        writeln!(text, "{CHANGED}{}{CHANGED:#}", cut(&printable(&format!("error: {error}")), size.columns))?;
    }
    // The cursor needs a line below the text.
    let used = 2 + usize::from(error.is_some());
    text.extend(report.show(Some(Size { lines: size.lines.saturating_sub(used), ..size }))?);
    Ok(screen.draw(&text)?)
}

fn print(report: &Report, output: Format) -> Result<(), CliError> {
    match output {
        // anstream would remove terminal escapes, which are data here.
        Format::Json => writeln!(io::stdout(), "{}", report.json()?)?,
        Format::Table => {
            let any_height = width::of_stdout().map(|size| Size { lines: usize::MAX, ..size });
            anstream::stdout().write_all(&report.show(any_height)?)?;
        }
    }
    Ok(io::stdout().flush()?)
}

/// Parses the time between two reads.
fn interval(text: &str) -> Result<Duration, String> {
    const LEAST: Duration = Duration::from_millis(100);
    match arguments::duration(text) {
        Ok(interval) if interval >= LEAST => Ok(interval),
        Ok(_) => Err(format!("use at least {}", humantime::format_duration(LEAST))),
        Err(problem) => Err(format!("{problem}. Write the job before --watch")),
    }
}
