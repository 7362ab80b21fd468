//! The list of target groups, computed from the rows, the selection, the rules and the time.
//!
//! This module knows neither the table, nor the clock, nor HTTP.

mod body;
mod counts;
mod list;
mod report;
mod selection;
mod skipped;
mod state;

pub use body::Body;
pub use counts::Counts;
pub use report::{LapsedTogether, Report};
pub use selection::Selection;
pub use skipped::Skipped;
pub use state::{JobLeases, State};

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use self::list::List;
use crate::{
    group::{EpochSeconds, InvalidGroup, Lease},
    table::{JobRows, Snapshot, half},
};

/// The number of rows between two checks of the time.
const ROWS_AT_ONCE: usize = 64;

/// The reaction to a broken row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnInvalid {
    /// Fail the request. Prometheus then keeps its current targets.
    #[default]
    Fail,
    /// Leave the row out, with a warning in the log and a header in the response.
    Skip,
}

/// The settings that change the list.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules {
    /// The reaction to a broken row.
    pub on_invalid: OnInvalid,
    /// The time for which groups are kept after their leases lapsed together. Zero turns that off.
    pub lease_grace: Duration,
}

/// A complete list of groups.
#[derive(Debug)]
pub struct Answer {
    /// The JSON list, sorted by job and group.
    pub body: Body,
    /// The `ETag`: a hash of the groups of each job. Names of jobs change it only if the labels contain them.
    pub etag: String,
    /// The first time at which the same rows may give another list.
    pub until: Option<EpochSeconds>,
    /// The numbers and names for the log.
    pub report: Report,
}

/// The reason why there is no complete list.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoAnswer {
    /// A row of the list is broken.
    #[error(transparent)]
    Invalid(#[from] InvalidGroup),
    /// The written JSON would exceed [`Limits::memory`], in bytes.
    #[error("the list needs too much memory: more than {0} bytes")]
    OutOfMemory(usize),
    /// [`Limits::go_on`] returned `false`.
    #[error("stopped before the list was complete")]
    Stopped,
    /// The JSON of a group could not be read or written.
    #[error("cannot write a group as JSON: {0}")]
    Encoding(String),
}

/// The limits of memory and time.
pub struct Limits<'a> {
    /// The number of bytes of JSON that may be written in addition to the snapshot.
    pub memory: usize,
    /// Returns whether to continue. Long work calls it repeatedly.
    pub go_on: &'a dyn Fn() -> bool,
}

impl Limits<'_> {
    fn check_memory(&self, written: usize) -> Result<(), NoAnswer> {
        if written > self.memory { Err(NoAnswer::OutOfMemory(self.memory)) } else { Ok(()) }
    }

    fn check_time(&self) -> Result<(), NoAnswer> {
        if (self.go_on)() { Ok(()) } else { Err(NoAnswer::Stopped) }
    }
}

/// Returns the list at the time `now`.
///
/// # Errors
/// [`NoAnswer`]. An incomplete list is never returned.
pub fn answer(
    snapshot: &Snapshot,
    selection: &Selection,
    rules: Rules,
    now: EpochSeconds,
    limits: &Limits<'_>,
) -> Result<Answer, NoAnswer> {
    let mut answer = Unfinished {
        selection,
        rules,
        now,
        limits,
        list: List::default(),
        hash: Sha256::new(),
        until: None,
        report: Report { pages: snapshot.pages, followed: snapshot.followed, ..Report::default() },
    };
    for (job, rows) in &snapshot.jobs {
        limits.check_time()?;
        if rows.read() == 0 {
            answer.report.empty_jobs.push(job.clone());
        }
        answer.add_job(job.as_str(), rows)?;
    }
    let Unfinished { list, hash, until, report, .. } = answer;
    Ok(Answer { body: list.finish(), etag: hex::encode(&hash.finalize()[..16]), until, report })
}

/// An answer to which jobs are added.
struct Unfinished<'a> {
    selection: &'a Selection,
    rules: Rules,
    now: EpochSeconds,
    limits: &'a Limits<'a>,
    list: List,
    hash: Sha256,
    until: Option<EpochSeconds>,
    report: Report,
}

impl Unfinished<'_> {
    fn add_job(&mut self, job: &str, rows: &JobRows) -> Result<(), NoAnswer> {
        let leases = JobLeases::of(rows, self.now, self.rules.lease_grace);
        self.report.add_leases(job, &leases.kept);
        self.until = EpochSeconds::earlier(self.until, leases.kept.until);
        self.report.rows += rows.read();
        self.report.lapsed += rows.left_out();
        for row in rows.broken() {
            match (leases.state(row.lease), self.rules.on_invalid) {
                (State::Lapsed, _) => self.report.lapsed += 1,
                (_, OnInvalid::Fail) => return Err(row.fault.clone().into()),
                (_, OnInvalid::Skip) => self.report.skipped.add(&row.fault),
            }
            self.note_end(row.lease);
        }
        let groups = self.report.groups;
        let digest = if self.selection.is_everything() {
            self.add_whole_rows(rows, &leases)?
        } else {
            self.add_selected(job, rows, &leases)?
        };
        if self.report.groups > groups {
            self.hash.update(digest);
        }
        Ok(())
    }

    /// Adds the served rows of a job, unchanged. Returns a hash of their JSON.
    fn add_whole_rows(&mut self, rows: &JobRows, leases: &JobLeases) -> Result<[u8; 16], NoAnswer> {
        let (mut start, mut left_out, mut ranges) = (0, 0, Vec::new());
        let mut is_whole = true;
        let mut targets = rows.targets();
        for row in rows.leases() {
            match leases.state(row.lease) {
                State::Active => {}
                State::Kept => self.report.kept += 1,
                State::Lapsed => {
                    targets -= row.targets;
                    left_out += 1;
                    if rows.json_len(row.row) > 0 {
                        ranges.push(start..row.row);
                        start = row.row + 1;
                        is_whole = false;
                    }
                }
            }
            self.note_end(row.lease);
        }
        ranges.push(start..rows.len());
        self.report.groups += rows.len() - left_out;
        self.report.lapsed += left_out;
        self.report.targets += targets;
        let mut hash = Sha256::new();
        for piece in ranges.into_iter().filter(|rows| !rows.is_empty()).flat_map(|range| rows.json(range)) {
            self.limits.check_time()?;
            self.limits.check_memory(self.list.copied())?;
            if !is_whole {
                hash.update(&piece);
            }
            self.list.push(piece);
        }
        Ok(if is_whole { rows.digest() } else { half(hash) })
    }

    /// Adds the selected parts of the served rows of a job. Returns a hash of their JSON.
    fn add_selected(&mut self, job: &str, rows: &JobRows, leases: &JobLeases) -> Result<[u8; 16], NoAnswer> {
        let (mut with_lease, mut hash) = (rows.leases().iter().peekable(), Sha256::new());
        let mut written = Vec::new();
        for row in 0..rows.len() {
            // A check of the time can take longer than a row.
            if row % ROWS_AT_ONCE == 0 {
                self.limits.check_time()?;
            }
            let lease = with_lease.next_if(|lease| lease.row == row).map(|lease| lease.lease).unwrap_or_default();
            let state = leases.state(lease);
            self.note_end(lease);
            if state == State::Lapsed {
                self.report.lapsed += 1;
                continue;
            }
            self.limits.check_memory(self.list.copied() + written.len())?;
            for json in rows.json(row..row + 1) {
                let before = written.len();
                let go_on = || self.limits.check_time();
                let is_kept = state == State::Kept;
                let targets = self.selection.write(&json, (job, rows.name(row)), is_kept, &mut written, &go_on)?;
                if let Some(targets) = targets {
                    self.report.groups += 1;
                    self.report.targets += targets;
                    self.report.kept += usize::from(is_kept);
                    hash.update(&written[before..]);
                }
            }
            self.list.move_from(&mut written);
        }
        self.list.push(written.into());
        Ok(half(hash))
    }

    /// Limits `until` to the end of a lease that has not ended.
    fn note_end(&mut self, lease: Lease) {
        self.until = EpochSeconds::earlier(self.until, lease.end().filter(|end| *end > self.now));
    }
}

#[cfg(test)]
mod tests;
