//! `sdctl get`: prints the rows page by page, so that memory holds one page of a large table.

use std::io::{self, Write};

use anstyle::Style;
use clap::{Args, ValueEnum};
use http_sd_lambda::group::{EpochSeconds, Job, Target, TargetGroup, excerpt};
use serde::Serialize;

use crate::{
    commands::{
        arguments,
        outcome::Outcome,
        summary::{labels, targets},
        times,
    },
    error::CliError,
    store::{
        Record, State,
        connection::{Connection, Location, TableOptions},
    },
    terminal::{
        message,
        style::{FAINT, REMOVED},
        table::{Line, Table},
    },
};

/// Show the groups in the table
///
/// Shows all rows, including expired leases and broken rows. Lists the jobs in the table's order, and the groups of a
/// job by name.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl get                                all groups
  sdctl get node_exporter                  the groups of one job
  sdctl get node_exporter web-1 -o yaml    one group in full
  sdctl get node_exporter -o file_sd       the list that the function serves
  sdctl get -o json | jq '.[] | select(.state == \"lapsed\")'

-o file_sd requires a job and prints the list that the function serves, for \
file_sd_configs or sdctl apply. The list omits expired leases. A broken row is an error.")]
pub(crate) struct Options {
    /// Show only the groups of this job [default: all jobs]
    job: Option<String>,
    /// Show only this group of the job [default: all groups]
    group: Option<String>,
    /// Print in this format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
    #[command(flatten)]
    table: TableOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Format {
    /// One line per group
    #[default]
    Table,
    /// One line per group, with all targets, the owner and the last update
    Wide,
    /// A JSON list
    Json,
    /// A YAML list
    Yaml,
    /// The JSON list that the function serves for the job
    #[value(name = "file_sd")]
    FileSd,
}

/// A row in JSON or YAML.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    job: &'a str,
    group: &'a str,
    /// `served`, `lapsed` or `broken`.
    state: &'static str,
    #[serde(flatten)]
    content: Option<&'a TargetGroup>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delete_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    managed_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registered_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<i64>,
}

/// Prints rows page by page.
struct Printer {
    format: Format,
    out: io::BufWriter<Box<dyn Write>>,
    now: EpochSeconds,
    /// The number of printed rows.
    rows: usize,
    /// The number of rows whose lease is probably in milliseconds, and the first of them.
    in_milliseconds: (usize, Option<String>),
    /// Prints the formats `table` and `wide`.
    table: Table,
}

pub(crate) async fn run(options: Options) -> Result<Outcome, CliError> {
    let job = options.job.as_deref().map(arguments::job).transpose()?;
    if options.output == Format::FileSd && job.is_none() {
        return Err(CliError::Refused("-o file_sd requires a job. Name a job, or use -o json".into()));
    }
    let connection = options.table.open_to_read().await?;
    // An empty table with another key would look like an empty fleet.
    connection.store.table().ensure_key().await.map_err(|error| connection.error(error))?;
    let mut printer = Printer::new(options.output);
    match (&job, &options.group) {
        (Some(job), Some(group)) => {
            let name = arguments::group(group)?;
            let found = connection.store.record(job, &name, connection.names).await;
            match found.map_err(|error| connection.error(error))? {
                Some(record) => printer.page(&[record])?,
                None => return Err(CliError::no_such_group(job, &name)),
            }
        }
        _ => read_all(&connection, job.as_ref(), &mut printer).await?,
    }
    printer.finish(&connection.location)?;
    Ok(Outcome::Done)
}

async fn read_all(connection: &Connection, job: Option<&Job>, printer: &mut Printer) -> Result<(), CliError> {
    let mut pages = connection.store.records(job, connection.names);
    let mut found = false;
    while let Some(records) = pages.next().await.map_err(|error| connection.error(error))? {
        found |= !records.is_empty();
        printer.page(&records)?;
    }
    match job {
        Some(job) if !found => Err(CliError::no_such_job(job)),
        _ => Ok(()),
    }
}

impl Printer {
    fn new(format: Format) -> Self {
        let out: Box<dyn Write> = match format {
            Format::Table | Format::Wide => Box::new(anstream::stdout()),
            // anstream would remove terminal escapes, which are data here.
            Format::Json | Format::Yaml | Format::FileSd => Box::new(io::stdout()),
        };
        let table = Table::new(match format {
            Format::Wide => &["JOB", "GROUP", "LEASE", "OWNER", "UPDATED", "LABELS", "TARGETS"],
            _ => &["JOB", "GROUP", "LEASE", "TARGETS", "LABELS"],
        });
        Self {
            format,
            out: io::BufWriter::new(out),
            now: EpochSeconds::now(),
            rows: 0,
            in_milliseconds: (0, None),
            table,
        }
    }

    fn page(&mut self, records: &[Record]) -> Result<(), CliError> {
        for record in records.iter().filter(|record| record.lease.end().is_some_and(times::in_milliseconds)) {
            let (count, first) = &mut self.in_milliseconds;
            *count += 1;
            first.get_or_insert_with(|| {
                format!("group {} of job {}", excerpt(record.name.as_str()), excerpt(record.job.as_str()))
            });
        }
        match self.format {
            Format::Table | Format::Wide => {
                let lines = records.iter().map(|record| self.line(record)).collect();
                self.table.print(&mut self.out, lines)?;
                self.rows += records.len();
            }
            Format::Json | Format::FileSd => {
                for record in records {
                    self.json(record)?;
                }
            }
            Format::Yaml => {
                for record in records {
                    self.rows += 1;
                    let yaml = yaml_serde::to_string(&[Entry::of(record, self.now)]).map_err(io::Error::other)?;
                    self.out.write_all(yaml.as_bytes())?;
                }
            }
        }
        Ok(self.out.flush()?)
    }

    fn finish(mut self, location: &Location) -> Result<(), CliError> {
        match (self.format, self.rows) {
            (Format::Table | Format::Wide, 0) => {
                let _ = writeln!(anstream::stderr(), "{location} is empty. Add groups with sdctl put or sdctl apply");
            }
            (_, 0) => writeln!(self.out, "[]")?,
            (Format::Json | Format::FileSd, _) => writeln!(self.out, "\n]")?,
            (Format::Table | Format::Wide | Format::Yaml, _) => {}
        }
        self.out.flush()?;
        if let (count, Some(first)) = self.in_milliseconds {
            let more = if count > 1 { format!(" and of {} more", count - 1) } else { String::new() };
            message::note(format_args!(
                "the lease of {first}{more} looks like milliseconds and will not expire. expires_at is in seconds"
            ));
        }
        Ok(())
    }

    fn json(&mut self, record: &Record) -> Result<(), CliError> {
        let text = if self.format == Format::FileSd {
            match record.state(self.now) {
                State::Served(group) => serde_json::to_string(group),
                State::Lapsed => return Ok(()),
                State::Invalid(fault) => {
                    return Err(CliError::Refused(format!(
                        "{fault}. Fix the row, for example with sdctl put. Until then the function does not serve this \
                         job, unless HTTP_SD_ON_INVALID is skip"
                    )));
                }
            }
        } else {
            serde_json::to_string(&Entry::of(record, self.now))
        };
        let text = text.map_err(io::Error::from)?;
        write!(self.out, "{}{text}", if self.rows == 0 { "[\n  " } else { ",\n  " })?;
        self.rows += 1;
        Ok(())
    }

    fn line(&self, record: &Record) -> Line {
        let lease = || match record.lease.end() {
            None => "-".into(),
            Some(end) if times::in_milliseconds(end) => "milliseconds?".into(),
            Some(end) => times::until(end, self.now),
        };
        let (style, lease) = match record.state(self.now) {
            State::Served(_) => (Style::new(), lease()),
            State::Lapsed => (FAINT, lease()),
            State::Invalid(_) => (REMOVED, "broken".into()),
        };
        let wide = self.format == Format::Wide;
        let (shown_targets, shown_labels) = match &record.group {
            Ok(group) if wide => {
                let all: Vec<&str> = group.targets.iter().map(Target::as_str).collect();
                (all.join(", "), labels(&group.labels))
            }
            Ok(group) => (targets(&group.targets), labels(&group.labels)),
            Err(fault) => (format!("{} {}", fault.field, fault.fault), String::new()),
        };
        let mut cells = vec![record.job.as_str().to_owned(), record.name.as_str().to_owned(), lease];
        if wide {
            cells.push(record.managed_by.clone().unwrap_or_else(|| "-".into()));
            cells.push(record.updated_at.map_or_else(|| "-".into(), |at| times::ago(at, self.now)));
            // A long last column shifts no other column.
            cells.extend([shown_labels, shown_targets]);
        } else {
            cells.extend([shown_targets, shown_labels]);
        }
        Line { style, cells }
    }
}

impl<'a> Entry<'a> {
    fn of(record: &'a Record, now: EpochSeconds) -> Self {
        let state = match record.state(now) {
            State::Served(_) => "served",
            State::Lapsed => "lapsed",
            State::Invalid(_) => "broken",
        };
        Self {
            job: record.job.as_str(),
            group: record.name.as_str(),
            state,
            content: record.group.as_ref().ok(),
            fault: record.group.as_ref().err().map(|fault| format!("{} {}", fault.field, fault.fault)),
            expires_at: record.lease.expires_at.map(|at| at.0),
            delete_at: record.lease.delete_at.map(|at| at.0),
            managed_by: record.managed_by.as_deref(),
            registered_by: record.registered_by.as_deref(),
            updated_at: record.updated_at.map(|at| at.0),
        }
    }
}
