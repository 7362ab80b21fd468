//! Sums of the rows of a table.

use std::collections::BTreeMap;

use http_sd_lambda::group::EpochSeconds;
use serde::Serialize;

use crate::{
    commands::{
        selection::{self, Selection, Standing},
        tally::{Milliseconds, Tally},
    },
    error::CliError,
    store::connection::Connection,
    terminal::text::printable,
};

/// The most broken rows in a report, so that it stays small.
const MOST_BROKEN: usize = 10;

/// The numbers of each job and set. Its size depends on the number of jobs and sets, not of rows.
#[derive(Debug)]
pub(super) struct Report {
    /// The time at which the leases were judged.
    pub(super) at: EpochSeconds,
    /// The table, in words.
    pub(super) location: String,
    /// The words for a report without rows.
    pub(super) nothing: String,
    /// The numbers of each job, sorted by name.
    pub(super) jobs: BTreeMap<String, Tally>,
    /// The numbers of each set; `None` has the rows of no set.
    pub(super) sets: BTreeMap<Option<String>, Tally>,
    pub(super) total: Tally,
    /// The first broken rows.
    pub(super) broken: Vec<BrokenRow>,
    pub(super) milliseconds: Milliseconds,
}

/// A row that violates the data model.
#[derive(Debug, Serialize)]
pub(super) struct BrokenRow {
    pub(super) job: String,
    pub(super) group: String,
    pub(super) fault: String,
}

impl Report {
    /// Reads the selected rows page by page.
    pub(super) async fn read(connection: &Connection, selection: &Selection) -> Result<Self, CliError> {
        let at = EpochSeconds::now();
        let mut report = Self {
            at,
            location: printable(&connection.location.to_string()),
            nothing: String::new(),
            jobs: BTreeMap::new(),
            sets: BTreeMap::new(),
            total: Tally::default(),
            broken: Vec::new(),
            milliseconds: Milliseconds::default(),
        };
        let mut rows = selection.rows(connection, false, at).await?;
        while let Some(page) = rows.next().await? {
            for row in page {
                let record = &row.record;
                report.jobs.entry(record.job.as_str().to_owned()).or_default().add(&row, at);
                report.sets.entry(record.managed_by.clone()).or_default().add(&row, at);
                report.total.add(&row, at);
                report.milliseconds.see(&row);
                if let Standing::Broken(fault) = row.standing(at)
                    && report.broken.len() < MOST_BROKEN
                {
                    report.broken.push(BrokenRow {
                        job: record.job.as_str().to_owned(),
                        group: record.name.as_str().to_owned(),
                        fault: format!("{} {}", fault.field, fault.fault),
                    });
                }
            }
        }
        rows.check_job()?;
        report.nothing =
            if rows.read > 0 { selection::nothing(selection) } else { selection::empty(&connection.location) };
        Ok(report)
    }

    pub(super) fn is_broken(&self) -> bool {
        self.total.broken > 0
    }

    /// Returns the report as one line of JSON.
    pub(super) fn json(&self) -> Result<String, CliError> {
        #[derive(Serialize)]
        struct Job<'a> {
            job: &'a str,
            #[serde(flatten)]
            tally: &'a Tally,
        }
        #[derive(Serialize)]
        struct Set<'a> {
            set: Option<&'a str>,
            #[serde(flatten)]
            tally: &'a Tally,
        }
        #[derive(Serialize)]
        struct Whole<'a> {
            at: i64,
            table: &'a str,
            jobs: Vec<Job<'a>>,
            sets: Vec<Set<'a>>,
            total: &'a Tally,
            broken_rows: &'a [BrokenRow],
        }
        let whole = Whole {
            at: self.at.0,
            table: &self.location,
            jobs: self.jobs.iter().map(|(job, tally)| Job { job, tally }).collect(),
            sets: self.sets.iter().map(|(set, tally)| Set { set: set.as_deref(), tally }).collect(),
            total: &self.total,
            broken_rows: &self.broken,
        };
        Ok(serde_json::to_string(&whole).map_err(std::io::Error::from)?)
    }
}
