//! What is answered: a pure function of the rows, of what is asked for, of the rules and of the time.
//!
//! It knows no table, no clock and no HTTP.

mod body;
mod list;
mod report;
mod selection;
mod skipped;

pub use body::Body;
pub use report::{LapsedTogether, Report};
pub use selection::Selection;
pub use skipped::Skipped;

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use self::list::List;
use crate::{
    group::{EpochSeconds, InvalidGroup, Kept, Lease, Leases},
    table::{JobRows, Snapshot},
};

/// After so many rows it is asked whether to go on.
const ROWS_AT_ONCE: usize = 64;

/// What to do about a row that breaks the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnInvalid {
    /// Fail the request: Prometheus keeps what it has.
    #[default]
    Fail,
    /// Leave the row out, and say so in the log and in a header of the response.
    Skip,
}

/// The settings on which an answer depends.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules {
    /// What to do about a row that breaks the contract.
    pub on_invalid: OnInvalid,
    /// For how long groups are served whose leases have lapsed together; zero is not at all.
    pub lease_grace: Duration,
}

/// A complete list of groups.
#[derive(Debug)]
pub struct Answer {
    /// The list as JSON, ordered by job and group.
    pub body: Body,
    /// The ETag: a hash of the groups served, job by job. The names of jobs count only where labels carry them.
    pub etag: String,
    /// The first moment at which the same rows may make another answer.
    pub until: Option<EpochSeconds>,
    /// What the answer was made of.
    pub report: Report,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoAnswer {
    /// A row that belongs to it breaks the contract.
    #[error(transparent)]
    Invalid(#[from] InvalidGroup),
    /// The JSON that had to be written for it takes more memory than there is.
    #[error("the list needs too much memory: more than {0} bytes")]
    OutOfMemory(usize),
    /// It was told to stop.
    #[error("stopped before the list was complete")]
    Stopped,
    /// A group could not be read from its JSON, or written.
    #[error("cannot write a group as JSON: {0}")]
    Encoding(String),
}

/// What the work on an answer may take.
pub struct Limits<'a> {
    /// How many bytes of JSON may be written beside the rows that are there.
    pub memory: usize,
    /// Whether to go on, asked again and again during long work.
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

/// The answer at a time.
///
/// # Errors
/// [`NoAnswer`]; a list that is not complete is none.
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
        report: Report { pages: snapshot.pages, ..Report::default() },
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

/// An answer with the jobs that were added so far.
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

/// What a row's lease makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It runs, or there is none.
    Runs,
    /// It lapsed together with others, and the group is served for a while.
    IsKept,
    /// It lapsed.
    Lapsed,
}

/// The leases of a job at the time of an answer.
struct JobLeases {
    now: EpochSeconds,
    leases: Leases,
    kept: Kept,
}

impl JobLeases {
    fn of(rows: &JobRows, now: EpochSeconds, grace: Duration) -> Self {
        let leases = Leases::at(now, grace);
        let kept = if grace.is_zero() { Kept::default() } else { rows.kept(leases.clone()) };
        Self { now, leases, kept }
    }

    fn state(&self, lease: Lease) -> State {
        let is_kept = |end| self.kept.has(end) && self.leases.may_keep(lease);
        match lease.expires_at {
            _ if !lease.lapsed(self.now) => State::Runs,
            Some(end) if is_kept(end) => State::IsKept,
            _ => State::Lapsed,
        }
    }
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

    /// Adds the rows of a job that are served, as they are.
    fn add_whole_rows(&mut self, rows: &JobRows, leases: &JobLeases) -> Result<[u8; 16], NoAnswer> {
        let (mut start, mut left_out, mut ranges) = (0, 0, Vec::new());
        let mut targets = rows.targets();
        for row in rows.leases() {
            match leases.state(row.lease) {
                State::Runs => {}
                State::IsKept => self.report.kept += 1,
                State::Lapsed => {
                    ranges.push(start..row.row);
                    start = row.row + 1;
                    targets -= row.targets;
                    left_out += 1;
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
            if left_out > 0 {
                hash.update(&piece);
            }
            self.list.push(piece);
        }
        Ok(if left_out > 0 { half(hash) } else { rows.digest() })
    }

    /// Adds what is asked for of the rows of a job that are served.
    fn add_selected(&mut self, job: &str, rows: &JobRows, leases: &JobLeases) -> Result<[u8; 16], NoAnswer> {
        let (mut with_lease, mut hash) = (rows.leases().iter().peekable(), Sha256::new());
        let mut written = Vec::new();
        for row in 0..rows.len() {
            // To look at the time for each row would take longer than many a row.
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
                let is_kept = state == State::IsKept;
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

    /// Notes that the answer is another one once a lease has ended.
    fn note_end(&mut self, lease: Lease) {
        self.until = EpochSeconds::earlier(self.until, lease.end().filter(|end| *end > self.now));
    }
}

fn half(hash: Sha256) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&hash.finalize()[..16]);
    half
}

#[cfg(test)]
mod tests;
