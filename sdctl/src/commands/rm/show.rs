//! Shows rows that are removed.

use std::io::{self, Write};

use http_sd_lambda::group::{EpochSeconds, excerpt};

use crate::{
    commands::change::Change,
    store::Record,
    terminal::{
        style::{FAINT, HEADING},
        text::Count,
    },
};

/// The most groups of a job that are shown.
const MOST_SHOWN: usize = 20;

/// Rows of one job: their number, and the first of them.
#[derive(Default)]
pub(super) struct Shown {
    rows: Vec<Record>,
    pub(super) groups: usize,
    pub(super) targets: usize,
}

impl Shown {
    /// Adds a row.
    pub(super) fn add(&mut self, record: &Record) {
        self.groups += 1;
        self.targets += record.group.as_ref().map_or(0, |group| group.targets.len());
        if self.rows.len() < MOST_SHOWN {
            self.rows.push(record.clone());
        }
    }

    /// Returns the numbers of groups and targets.
    pub(super) fn counts(&self) -> (Count<'static>, Count<'static>) {
        (Count(self.groups, "group"), Count(self.targets, "target"))
    }

    /// Prints the rows as a plan shows them.
    pub(super) fn print(&self, out: &mut dyn Write, what: &str, now: EpochSeconds) -> io::Result<()> {
        let Some(first) = self.rows.first() else { return Ok(()) };
        let (groups, targets) = self.counts();
        let job = excerpt(first.job.as_str());
        writeln!(out, "{HEADING}job {job}:{HEADING:#} {groups} with {targets} {what}")?;
        for record in &self.rows {
            Change { name: &record.name, before: Some(record), after: None, owner: None, now }.show(out)?;
        }
        match self.groups.saturating_sub(self.rows.len()) {
            0 => Ok(()),
            more => writeln!(out, "  {FAINT}… and {more} more (sdctl get with the same options shows all){FAINT:#}"),
        }
    }
}
