//! Prints a plan.

use std::{
    io::{self, Write},
    mem::discriminant,
};

use http_sd_lambda::{
    group::{EpochSeconds, Job, LabelNames, StoredGroup},
    table::Attributes,
};

use super::{
    plan::{Change, Kind, Plan},
    rows::Backup,
};
use crate::{
    commands::{
        change,
        listing::{self, Listed},
    },
    error::CliError,
    store::{Record, differing},
    terminal::{
        message,
        style::{ADDED, CHANGED, REMOVED},
        text::{Count, printable},
    },
};

/// The attributes whose change is shown in words.
const IN_WORDS: [&str; 4] = ["targets", "labels", "expires_at", "delete_at"];

/// Prints plans.
pub(crate) struct Printer<'a> {
    pub(crate) backup: &'a Backup,
    pub(crate) names: LabelNames,
    pub(crate) full: bool,
    pub(crate) words: Words,
}

/// The words that differ between commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Words {
    /// The rows will become those of files.
    Import,
    /// The rows will become those before a command.
    Undo,
    /// The rows have become what they are now.
    History,
}

impl Listed for Change {
    fn job(&self) -> &Job {
        &self.job
    }

    fn is_like(&self, other: &Self) -> bool {
        discriminant(&self.kind) == discriminant(&other.kind)
    }
}

impl Printer<'_> {
    pub(crate) fn plan(&self, out: &mut dyn Write, plan: &Plan) -> Result<(), CliError> {
        let now = EpochSeconds::now();
        let counts = plan.counts();
        let numbers = |job: &Job| {
            let job = plan.jobs.get(job).copied().unwrap_or_default();
            if self.words == Words::History { listing::done(job) } else { listing::of_job(job, counts) }
        };
        listing::changes(out, &plan.changes, self.full, numbers, |out, change| self.change(out, change, now))?;
        let unchanged = counts.unchanged;
        match self.words {
            Words::Import => {
                listing::kept(out, counts.kept, "of these jobs", "--replace", "of other jobs")?;
                listing::end(out, counts, &listing::matching(unchanged, "row"))?;
            }
            Words::Undo => {
                let verb = if unchanged == 1 { "is" } else { "are" };
                listing::end(out, counts, &format!("{} {verb} as before", Count(unchanged, "row")))?;
            }
            Words::History => {}
        }
        Ok(())
    }

    fn change(&self, out: &mut dyn Write, change: &Change, now: EpochSeconds) -> Result<(), CliError> {
        let after = match &change.kind {
            Kind::Remove(_) => None,
            Kind::Add | Kind::Update(_) => self.backup.wanted(&change.job, &change.name),
        };
        let after = after.map(|wanted| wanted.row(self.names)).transpose()?.flatten();
        let before = match &change.kind {
            Kind::Add => None,
            Kind::Update(before) | Kind::Remove(before) => {
                let unread = |error| CliError::Refused(format!("cannot show a row: {error}"));
                Some((before, Record::of(before.clone(), self.names).map_err(unread)?))
            }
        };
        let stored = |record: &Record| {
            let group = record.group.clone().ok()?;
            Some(StoredGroup { job: record.job.clone(), name: record.name.clone(), lease: record.lease, group })
        };
        let group = after.as_ref().and_then(|(_, record)| stored(record));
        let record = before.as_ref().map(|(_, record)| record);
        match &after {
            Some((_, broken)) if group.is_none() => {
                let (style, sign) = if before.is_some() { (CHANGED, '~') } else { (ADDED, '+') };
                writeln!(out, "  {style}{sign} {}{style:#}", printable(change.name.as_str()))?;
                if let Err(fault) = &broken.group {
                    writeln!(out, "      {REMOVED}broken row{REMOVED:#}: {} {}", fault.field, fault.fault)?;
                }
            }
            _ => change::Change { name: &change.name, before: record, after: group.as_ref(), owner: None, now }
                .show(out)?,
        }
        if let (Some((before, record)), Some((after, _))) = (&before, &after) {
            let in_words = record.group.is_ok() && group.is_some();
            let shown = if in_words { &IN_WORDS[..] } else { &[] };
            // A command of sdctl changes it in every row.
            let shown = if self.words == Words::Import { shown } else { &[shown, &["updated_at"]].concat() };
            attributes(out, before, after, shown)?;
        }
        Ok(())
    }
}

impl Plan {
    /// Prints notes about rows that the function will not serve. `source` names the place of the rows.
    pub(crate) fn warn(&self, source: &str) {
        let verb = |count, one: &'static str, many: &'static str| if count == 1 { one } else { many };
        if self.expired > 0 {
            let has = verb(self.expired, "has", "have");
            let rows = Count(self.expired, "row");
            message::note(format_args!(
                "{rows} {source} {has} an expired lease: the function does not serve such rows"
            ));
        }
        if self.broken > 0 {
            let violates = verb(self.broken, "violates", "violate");
            let rows = Count(self.broken, "row");
            message::note(format_args!(
                "{rows} {source} {violates} the data model: polls of such a job fail, unless HTTP_SD_ON_INVALID is skip"
            ));
        }
    }
}

/// Prints the names of the attributes that differ, except for those shown already.
fn attributes(out: &mut dyn Write, before: &Attributes, after: &Attributes, shown: &[&str]) -> io::Result<()> {
    let sign = |name: &str| match (before.contains_key(name), after.contains_key(name)) {
        (false, _) => (ADDED, '+'),
        (true, false) => (REMOVED, '-'),
        (true, true) => (CHANGED, '~'),
    };
    let differing: Vec<String> = differing(before, after)
        .into_iter()
        .filter(|name| !shown.contains(name))
        .map(|name| {
            let (style, sign) = sign(name);
            format!("{style}{sign} {}{style:#}", printable(name))
        })
        .collect();
    if differing.is_empty() { Ok(()) } else { writeln!(out, "      attributes  {}", differing.join(", ")) }
}
