//! `sdctl get`: prints the rows page by page, so that memory holds one page of a large table.

use std::io::{self, Write};

use anstyle::Style;
use clap::{Args, ValueEnum};
use http_sd_lambda::group::{EpochSeconds, Target, TargetGroup};
use serde::Serialize;

use crate::{
    commands::{
        outcome::Outcome,
        selection::{self, Found, SelectionOptions, Standing},
        summary::{labels, targets},
        tally::{Milliseconds, Tally},
        times,
    },
    error::CliError,
    store::connection::{Location, TableOptions},
    terminal::{
        message,
        style::{CHANGED, FAINT, REMOVED},
        table::{Line, Table},
        width,
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
  sdctl get 'node*' -l env=prod            some jobs, only groups with a label
  sdctl get --target 'web-1*'              the groups with a target
  sdctl get --state broken                 the broken rows
  sdctl get -o json | jq '.[] | select(.state == \"lapsed\")'

-o file_sd requires a job and prints the list that the function serves, for \
file_sd_configs or sdctl apply. The list omits expired leases, and contains the groups that the function keeps \
because their leases lapsed together (HTTP_SD_LEASE_GRACE_SECONDS, 3600 by default). A broken row is an error.

With options under 'Which rows', sdctl shows the rows that match all of them, each with all of its targets.")]
pub(crate) struct Options {
    /// Show only the groups of this job, or of the jobs that match a pattern such as 'node*' [default: all jobs]
    job: Option<String>,
    /// Show only this group of the job [default: all groups]
    group: Option<String>,
    /// Print in this format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
    #[command(flatten)]
    selection: SelectionOptions,
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
    /// `served`, `kept`, `lapsed` or `broken`.
    state: &'static str,
    #[serde(flatten)]
    content: Option<&'a TargetGroup>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
    /// The time until which the function serves a kept group.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_until: Option<i64>,
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
    /// Whether the table has rows, but none that was searched for.
    is_search: bool,
    milliseconds: Milliseconds,
    /// The rows of the formats `table` and `wide`.
    tally: Tally,
    /// Prints the formats `table` and `wide`.
    table: Table,
}

pub(crate) async fn run(options: Options) -> Result<Outcome, CliError> {
    let groups: Vec<String> = options.group.into_iter().collect();
    let selection = options.selection.selection(options.job.as_deref(), &groups)?;
    if options.output == Format::FileSd && selection.job().is_none() {
        return Err(CliError::Refused("-o file_sd requires a job. Name a job, or use -o json".into()));
    }
    let connection = options.table.open_to_read().await?;
    // An empty table with another key would look like an empty fleet.
    connection.store.table().ensure_key().await.map_err(|error| connection.error(error))?;
    let mut printer = Printer::new(options.output);
    let mut rows = selection.rows(&connection, false, printer.now).await?;
    while let Some(found) = rows.next().await? {
        printer.page(&found)?;
    }
    rows.check_job()?;
    if printer.rows == 0 && rows.read > 0 && selection.is_search() {
        let _ = writeln!(anstream::stderr(), "{}", selection::nothing(&selection));
        printer.is_search = true;
    }
    printer.finish(&connection.location)?;
    Ok(Outcome::Done)
}

impl Printer {
    fn new(format: Format) -> Self {
        let out: Box<dyn Write> = match format {
            Format::Table | Format::Wide => Box::new(anstream::stdout()),
            // anstream would remove terminal escapes, which are data here.
            Format::Json | Format::Yaml | Format::FileSd => Box::new(io::stdout()),
        };
        let table = match format {
            Format::Wide => {
                Table::new(&["JOB", "GROUP", "LEASE", "OWNER", "UPDATED", "LABELS", "TARGETS"]).fitting(None)
            }
            _ => Table::new(&["JOB", "GROUP", "LEASE", "TARGETS", "LABELS"]),
        };
        Self {
            format,
            out: io::BufWriter::new(out),
            now: EpochSeconds::now(),
            rows: 0,
            is_search: false,
            milliseconds: Milliseconds::default(),
            tally: Tally::default(),
            table,
        }
    }

    fn page(&mut self, found: &[Found]) -> Result<(), CliError> {
        for row in found {
            self.milliseconds.see(row);
        }
        match self.format {
            Format::Table | Format::Wide => {
                let lines = found.iter().map(|row| self.line(row)).collect();
                self.table.page(&mut self.out, lines)?;
                self.rows += found.len();
                for row in found {
                    self.tally.add(row, self.now);
                }
            }
            Format::Json | Format::FileSd => {
                for row in found {
                    self.json(row)?;
                }
            }
            Format::Yaml => {
                for row in found {
                    self.rows += 1;
                    let yaml = yaml_serde::to_string(&[Entry::of(row, self.now)]).map_err(io::Error::other)?;
                    self.out.write_all(yaml.as_bytes())?;
                }
            }
        }
        Ok(self.out.flush()?)
    }

    fn finish(mut self, location: &Location) -> Result<(), CliError> {
        match (self.format, self.rows) {
            (Format::Table | Format::Wide, 0) if self.is_search => {}
            (Format::Table | Format::Wide, 0) => {
                let _ = writeln!(anstream::stderr(), "{}", selection::empty(location));
            }
            (_, 0) => writeln!(self.out, "[]")?,
            (Format::Json | Format::FileSd, _) => writeln!(self.out, "\n]")?,
            (Format::Table | Format::Wide, _) => {
                self.table.end(&mut self.out)?;
                // Not in a pipe, where each line is a group.
                if let Some(size) = width::of_stdout() {
                    let totals = width::cut(&self.tally.to_string(), size.columns);
                    writeln!(self.out, "{FAINT}{totals}{FAINT:#}")?;
                }
            }
            (Format::Yaml, _) => {}
        }
        self.out.flush()?;
        if let Some(note) = self.milliseconds.note() {
            message::note(note);
        }
        Ok(())
    }

    fn json(&mut self, row: &Found) -> Result<(), CliError> {
        let text = if self.format == Format::FileSd {
            match row.standing(self.now) {
                Standing::Active(group) | Standing::Kept(group, _) => serde_json::to_string(group),
                Standing::Expired => return Ok(()),
                Standing::Broken(fault) => {
                    return Err(CliError::Refused(format!(
                        "{fault}. Fix the row, for example with sdctl put. Until then the function does not serve this \
                         job, unless HTTP_SD_ON_INVALID is skip"
                    )));
                }
            }
        } else {
            serde_json::to_string(&Entry::of(row, self.now))
        };
        let text = text.map_err(io::Error::from)?;
        write!(self.out, "{}{text}", if self.rows == 0 { "[\n  " } else { ",\n  " })?;
        self.rows += 1;
        Ok(())
    }

    fn line(&self, row: &Found) -> Line {
        let record = &row.record;
        let lease = || match record.lease.end() {
            None => "-".into(),
            Some(end) => times::until(end, self.now),
        };
        let (style, lease) = match row.standing(self.now) {
            Standing::Active(_) => (Style::new(), lease()),
            Standing::Kept(_, until) => (CHANGED, times::kept(until, self.now)),
            Standing::Expired => (FAINT, lease()),
            Standing::Broken(_) => (REMOVED, "broken".into()),
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
    fn of(row: &'a Found, now: EpochSeconds) -> Self {
        let record = &row.record;
        let (state, kept_until) = match row.standing(now) {
            Standing::Active(_) => ("served", None),
            Standing::Kept(_, until) => ("kept", Some(until.0)),
            Standing::Expired => ("lapsed", None),
            Standing::Broken(_) => ("broken", None),
        };
        Self {
            job: record.job.as_str(),
            group: record.name.as_str(),
            state,
            content: record.group.as_ref().ok(),
            fault: record.group.as_ref().err().map(|fault| format!("{} {}", fault.field, fault.fault)),
            expires_at: record.lease.expires_at.map(|at| at.0),
            kept_until,
            delete_at: record.lease.delete_at.map(|at| at.0),
            managed_by: record.managed_by.as_deref(),
            registered_by: record.registered_by.as_deref(),
            updated_at: record.updated_at.map(|at| at.0),
        }
    }
}
