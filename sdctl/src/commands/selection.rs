//! Selects rows by job, labels, targets, set and state, for `get`, `rm` and `export`.

use std::{mem, time::Duration};

use clap::{Args, ValueEnum};
use http_sd_lambda::{
    config::{self, variable},
    group::{
        EpochSeconds, GroupName, InvalidGroup, Job, LAPSED, Lease, Leases, META_LEASE, Selectors, TargetGroup, excerpt,
    },
    table::Attributes,
};

use super::arguments::{self, Pair};
use crate::{
    error::CliError,
    files::pattern::Pattern,
    store::{
        Items, Record, Records, State,
        connection::{Connection, Location},
    },
};

/// Options that select rows. A row must match all of them.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Which rows")]
pub(crate) struct SelectionOptions {
    /// Select the groups with a target that the URL's `match[]` selects, such as `{env="prod"}`; repeatable: a target
    /// must match one of the selectors
    #[arg(long = "match", value_name = "SELECTOR")]
    selectors: Vec<String>,
    /// Select the groups with this label; repeatable: a group must have all of the labels
    #[arg(short, long = "label", value_name = "NAME=VALUE", value_parser = arguments::pair)]
    labels: Vec<Pair>,
    /// Select the groups with a target that matches this pattern, such as 'web-*'
    #[arg(long, value_name = "GLOB", value_parser = glob)]
    target: Option<Pattern>,
    /// Select the rows of this set of sdctl apply
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
    /// Select the rows in this state; repeatable: a row must be in one of the states
    #[arg(long, value_enum, value_name = "STATE")]
    state: Vec<StateName>,
}

/// The name of a state on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StateName {
    /// Served, with an active lease or without a lease
    #[value(alias = "served")]
    Active,
    /// Not served, because the lease is expired
    #[value(alias = "lapsed")]
    Expired,
    /// Served although the lease is expired, because many leases lapsed together
    Kept,
    /// Violates the data model
    Broken,
}

/// The rows that a command works on.
#[derive(Debug)]
pub(crate) struct Selection {
    jobs: Jobs,
    /// The selected groups; empty for all groups.
    names: Vec<GroupName>,
    selectors: Option<Selectors>,
    options: SelectionOptions,
}

#[derive(Debug)]
enum Jobs {
    All,
    One(Job),
    Like { pattern: Pattern, text: String },
}

/// The state of a row in a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing<'a> {
    /// The poll serves the group.
    Active(&'a TargetGroup),
    /// The lease lapsed together with others, and the function serves the group until this time.
    Kept(&'a TargetGroup, EpochSeconds),
    /// The lease is expired.
    Expired,
    /// The row violates the data model.
    Broken(&'a InvalidGroup),
}

/// A selected row.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) record: Record,
    /// All attributes, if the command reads them.
    pub(crate) item: Option<Attributes>,
    /// The time until which the function serves the group although its lease is expired.
    kept_until: Option<EpochSeconds>,
}

/// The selected rows, page by page.
pub(crate) struct Rows<'c> {
    connection: &'c Connection,
    selection: &'c Selection,
    source: Source,
    judge: Judge,
    /// Whether the caller or the selection needs the states that depend on other rows.
    judges: bool,
    /// The number of rows read, selected or not.
    pub(crate) read: usize,
}

enum Source {
    One(Option<Box<Record>>),
    Records(Records),
    Items(Items),
    End,
}

/// Decides the states of rows. Rows of a job must follow each other.
///
/// The state of an expired lease depends on the other leases of its job. So the judge holds the rows of a job from the
/// first one with such a lease until the end of the job.
struct Judge {
    now: EpochSeconds,
    grace: Duration,
    job: Option<Job>,
    leases: Leases,
    held: Vec<Found>,
}

impl SelectionOptions {
    /// Returns the selection of these options among the rows of a job, or of all jobs that match a pattern.
    pub(crate) fn selection(self, job: Option<&str>, groups: &[String]) -> Result<Selection, CliError> {
        let names = groups.iter().map(|group| arguments::group(group)).collect::<Result<_, _>>()?;
        let jobs = match job {
            None => Jobs::All,
            Some(text) => match Pattern::new(text) {
                Some(pattern) if text.contains(['*', '?', '[']) => Jobs::Like { pattern, text: text.to_owned() },
                // A job may contain any character.
                _ => Jobs::One(arguments::job(text)?),
            },
        };
        let selectors = Selectors::parse(&self.selectors);
        let selectors = selectors.map_err(|problem| CliError::Refused(format!("--match {problem}")))?;
        if let Some(set) = &self.set {
            arguments::set(set)?;
        }
        Ok(Selection { jobs, names, selectors, options: self })
    }
}

impl Selection {
    /// Returns the job, if the selection names one.
    pub(crate) fn job(&self) -> Option<&Job> {
        match &self.jobs {
            Jobs::One(job) => Some(job),
            Jobs::All | Jobs::Like { .. } => None,
        }
    }

    /// Whether an option or a pattern selects rows, not only the names of a job and its groups.
    pub(crate) fn is_search(&self) -> bool {
        let SelectionOptions { selectors, labels, target, set, state } = &self.options;
        matches!(self.jobs, Jobs::Like { .. })
            || !(selectors.is_empty() && labels.is_empty() && state.is_empty())
            || target.is_some()
            || set.is_some()
    }

    /// Returns whether the row is selected.
    pub(crate) fn has(&self, found: &Found, now: EpochSeconds) -> bool {
        let Found { record, .. } = found;
        let standing = found.standing(now);
        let SelectionOptions { labels, target, set, state, .. } = &self.options;
        let is_job = match &self.jobs {
            Jobs::All => true,
            Jobs::One(job) => record.job == *job,
            Jobs::Like { pattern, text } => pattern.matches(record.job.as_str()) || record.job.as_str() == text,
        };
        let group = record.group.as_ref().ok();
        is_job
            && (self.names.is_empty() || self.names.contains(&record.name))
            && set.as_ref().is_none_or(|set| record.managed_by.as_ref() == Some(set))
            && (state.is_empty() || state.contains(&standing.name()))
            && (labels.is_empty() || group.is_some_and(|group| labels.iter().all(|pair| has_label(group, pair))))
            && target.as_ref().is_none_or(|glob| group.is_some_and(|group| has_target(group, glob)))
            && self
                .selectors
                .as_ref()
                .is_none_or(|selectors| group.is_some_and(|_| selects(selectors, record, standing)))
    }

    /// Starts to read the selected rows; with `whole`, all of their attributes.
    pub(crate) async fn rows<'c>(
        &'c self,
        connection: &'c Connection,
        whole: bool,
        now: EpochSeconds,
    ) -> Result<Rows<'c>, CliError> {
        let judge = Judge::new(now, config::settings(&variable)?.lease_grace);
        let records = || Source::Records(connection.store.records(self.job(), connection.names));
        let source = match (&self.jobs, self.names.as_slice()) {
            _ if whole => Source::Items(connection.store.items(self.job())),
            (Jobs::One(job), [name]) => {
                let record = connection.record(job, name).await?.ok_or_else(|| CliError::no_such_group(job, name))?;
                if judge.depends(record.lease) { records() } else { Source::One(Some(Box::new(record))) }
            }
            _ => records(),
        };
        let judges = !whole || self.selectors.is_some() || !self.options.state.is_empty();
        Ok(Rows { connection, selection: self, source, judge, judges, read: 0 })
    }
}

fn has_label(group: &TargetGroup, Pair { name, value }: &Pair) -> bool {
    // As in Prometheus, a missing label counts as an empty one.
    let found = group.labels.iter().find(|(label, _)| label.as_str() == name).map(|(_, value)| value.as_str());
    found.unwrap_or_default() == value
}

fn has_target(group: &TargetGroup, glob: &Pattern) -> bool {
    group.targets.iter().any(|target| glob.matches(target.as_str()))
}

fn selects(selectors: &Selectors, record: &Record, standing: Standing<'_>) -> bool {
    let Ok(group) = &record.group else { return false };
    let label = |name: &str| match name {
        META_LEASE => matches!(standing, Standing::Kept(..)).then_some(LAPSED),
        _ => group.labels.iter().find(|(label, _)| label.as_str() == name).map(|(_, value)| value.as_str()),
    };
    let of_targets = selectors.of_group(record.job.as_str(), record.name.as_str(), label);
    group.targets.iter().any(|target| of_targets.has(target.as_str()))
}

fn glob(text: &str) -> Result<Pattern, String> {
    let problem = "invalid pattern. Use * for any text, ? for one character, [a-c] for a class";
    Pattern::new(text).ok_or_else(|| problem.into())
}

impl Standing<'_> {
    fn name(self) -> StateName {
        match self {
            Self::Active(_) => StateName::Active,
            Self::Kept(..) => StateName::Kept,
            Self::Expired => StateName::Expired,
            Self::Broken(_) => StateName::Broken,
        }
    }
}

impl Found {
    /// Returns a row whose state does not depend on other rows.
    pub(crate) fn alone(record: Record) -> Self {
        Self { record, item: None, kept_until: None }
    }

    /// Returns the state of the row in a poll.
    pub(crate) fn standing(&self, now: EpochSeconds) -> Standing<'_> {
        match (self.kept_until, &self.record.group, self.record.state(now)) {
            (None, _, State::Lapsed) => Standing::Expired,
            (Some(until), Ok(group), _) => Standing::Kept(group, until),
            (Some(_), Err(fault), _) | (None, _, State::Invalid(fault)) => Standing::Broken(fault),
            (None, _, State::Served(group)) => Standing::Active(group),
        }
    }
}

impl Rows<'_> {
    /// Also decides the states that depend on other rows.
    pub(crate) fn judged(self) -> Self {
        Self { judges: true, ..self }
    }

    /// Returns the next selected rows, or `None` after the last ones. A page may be empty although others follow.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Found>>, CliError> {
        let error = |error| self.connection.error(error);
        let page = match &mut self.source {
            Source::One(record) => record.take().map(|record| vec![Found::alone(*record)]),
            Source::Records(records) => {
                let records = records.next().await.map_err(error)?;
                records.map(|records| records.into_iter().map(Found::alone).collect())
            }
            Source::Items(items) => match items.next().await.map_err(error)? {
                None => None,
                Some(items) => {
                    let found = items.into_iter().map(|item| {
                        let record = Record::of(item.clone(), self.connection.names).map_err(error)?;
                        Ok(Found { item: Some(item), ..Found::alone(record) })
                    });
                    Some(found.collect::<Result<_, CliError>>()?)
                }
            },
            Source::End => return Ok(None),
        };
        let mut found = Vec::new();
        match page {
            None => {
                self.source = Source::End;
                self.judge.end_job(&mut found);
            }
            Some(rows) => {
                self.read += rows.len();
                if self.judges {
                    for row in rows {
                        self.judge.see(row, &mut found);
                    }
                } else {
                    found = rows;
                }
            }
        }
        found.retain(|row| self.selection.has(row, self.judge.now));
        Ok(Some(found))
    }

    /// Returns the error for a job that is not in the table. To be called after the last page.
    pub(crate) fn check_job(&self) -> Result<(), CliError> {
        match self.selection.job() {
            Some(job) if self.read == 0 => Err(CliError::no_such_job(job)),
            _ => Ok(()),
        }
    }
}

impl Judge {
    fn new(now: EpochSeconds, grace: Duration) -> Self {
        Self { now, grace, job: None, leases: Leases::at(now, grace), held: Vec::new() }
    }

    /// Returns whether the state of a row with this lease depends on the other rows of its job.
    fn depends(&self, lease: Lease) -> bool {
        lease.lapsed(self.now) && self.leases.may_keep(lease)
    }

    /// Judges a row. Adds the rows to `found` whose state is known.
    fn see(&mut self, row: Found, found: &mut Vec<Found>) {
        if self.job.as_ref() != Some(&row.record.job) {
            self.end_job(found);
            self.job = Some(row.record.job.clone());
        }
        self.leases.add(row.record.lease);
        if self.held.is_empty() && !self.depends(row.record.lease) {
            found.push(row);
        } else {
            self.held.push(row);
        }
    }

    fn end_job(&mut self, found: &mut Vec<Found>) {
        let kept = mem::replace(&mut self.leases, Leases::at(self.now, self.grace)).kept();
        for mut row in mem::take(&mut self.held) {
            let lease = row.record.lease;
            if let Some(end) = lease.expires_at.filter(|end| self.depends(lease) && kept.has(*end)) {
                let grace = i64::try_from(self.grace.as_secs()).unwrap_or(i64::MAX);
                let over = EpochSeconds(end.0.saturating_add(grace));
                row.kept_until = EpochSeconds::earlier(Some(over), lease.delete_at);
            }
            found.push(row);
        }
    }
}

/// Returns the words for a selection without rows.
pub(crate) fn nothing(selection: &Selection) -> String {
    match selection.job() {
        Some(job) => format!("no row of job {} matches", excerpt(job.as_str())),
        None => "no row matches".to_owned(),
    }
}

/// Returns the words for a table without rows.
pub(crate) fn empty(location: &Location) -> String {
    format!("{location} is empty. Add groups with sdctl put or sdctl apply")
}
