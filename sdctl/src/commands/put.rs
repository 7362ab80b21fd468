//! `sdctl put`, `sdctl rm` and `sdctl label`: single groups by hand.

use std::{io::Write, time::Duration};

use clap::Args;
use http_sd_lambda::{
    group::{EpochSeconds, GroupName, Job, Labels, Lease, StoredGroup, excerpt},
    table::{Expect, Owner, Record, WriteError},
};

use crate::{
    Outcome,
    arguments::{self, Count, GroupArguments, Pair},
    change::Change,
    connection::{Connection, TableOptions},
    error::CliError,
    output, progress, question,
    signals::Signals,
    style::CHANGED,
    writes::{self, ROWS_AT_ONCE},
};

/// How often a label is tried to be put on a row that others keep changing.
const ATTEMPTS: usize = 5;

/// Put one group, in place of the one that has its name
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl put node web -t web-1:9100 -t web-2:9100 -l env=prod -l team=shop
  sdctl put node batch-42 --target batch-42:9100 --ttl 15m
  sdctl put blackbox home -t https://example.com/ -l __param_module=http_2xx

With --ttl the group is served for that long, and its row may be deleted a day later. Without it the group is served \
until somebody removes it. What else is on the row, such as attributes of your own, stays.")]
pub(crate) struct PutOptions {
    #[command(flatten)]
    group: GroupArguments,
    /// How long the group is served, such as 90s, 15m or 7d
    #[arg(long, value_name = "DURATION", value_parser = arguments::ttl)]
    ttl: Option<Duration>,
    #[command(flatten)]
    table: TableOptions,
}

/// Remove groups, or a whole job
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl rm node_exporter web      one group
  sdctl rm node_exporter          every group of the job, after a question")]
pub(crate) struct RmOptions {
    /// Job
    job: String,
    /// Groups of the job [default: all of them]
    groups: Vec<String>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    table: TableOptions,
}

/// Set or remove labels of a group
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl label node_exporter web env=prod team=shop     set two labels
  sdctl label node_exporter web team-                  remove one")]
pub(crate) struct LabelOptions {
    /// Job
    job: String,
    /// The group's name within the job
    group: String,
    /// NAME=VALUE sets a label, NAME- removes it
    #[arg(value_name = "NAME=VALUE|NAME-", required = true, value_parser = label_edit)]
    labels: Vec<LabelEdit>,
    #[command(flatten)]
    table: TableOptions,
}

#[derive(Debug, Clone)]
enum LabelEdit {
    Set(Pair),
    Remove(String),
}

fn label_edit(text: &str) -> Result<LabelEdit, String> {
    match (arguments::pair(text), text.strip_suffix('-')) {
        (Ok(pair), _) => Ok(LabelEdit::Set(pair)),
        (Err(_), Some(name)) => Ok(LabelEdit::Remove(name.to_owned())),
        (Err(_), None) => Err("write NAME=VALUE to set a label, NAME- to remove it".into()),
    }
}

pub(crate) async fn put(options: PutOptions) -> Result<Outcome, CliError> {
    let mut after = options.group.group()?;
    let connection = options.table.open_to_change().await?;
    let before = connection.record(&after.job, &after.name).await?;
    let now = EpochSeconds::now();
    after.lease = options.ttl.map_or_else(Lease::default, |ttl| Lease::starting(now, ttl));
    let written = connection.table.write(&after, Owner::AsBefore, Expect::Anything, now).await;
    written.map_err(|error| connection.write_error(error))?;
    show(before.as_ref(), &after, now)
}

pub(crate) async fn label(options: LabelOptions) -> Result<Outcome, CliError> {
    let (job, name) = (arguments::job(&options.job)?, arguments::group(&options.group)?);
    let connection = options.table.open_to_change().await?;
    for attempt in 1.. {
        let before = connection.record(&job, &name).await?.ok_or_else(|| CliError::no_such_group(&job, &name))?;
        let mut group = before
            .group
            .clone()
            .map_err(|fault| CliError::Refused(format!("{fault}: mend the row first, for example with sdctl put")))?;
        edit_labels(&mut group.labels, &options.labels, &connection)?;
        let now = EpochSeconds::now();
        let after = StoredGroup { job: job.clone(), name: name.clone(), lease: before.lease, group };
        match connection.table.write(&after, Owner::AsBefore, Expect::Unchanged(&before), now).await {
            // Somebody else was faster, such as the owner of a lease: what it wrote is what gets the labels.
            Err(WriteError::Conflict { .. }) if attempt < ATTEMPTS => {}
            Err(error) => return Err(connection.write_error(error)),
            Ok(_) => return show(Some(&before), &after, now),
        }
    }
    Ok(Outcome::Done)
}

fn edit_labels(labels: &mut Labels, edits: &[LabelEdit], connection: &Connection) -> Result<(), CliError> {
    for edit in edits {
        match edit {
            LabelEdit::Set(pair) => {
                labels.insert(arguments::label_name(&pair.name, connection.names)?, pair.value.clone());
            }
            LabelEdit::Remove(name) => {
                labels.remove(&arguments::label_name(name, connection.names)?);
            }
        }
    }
    Ok(())
}

/// Says what was written.
fn show(before: Option<&Record>, after: &StoredGroup, now: EpochSeconds) -> Result<Outcome, CliError> {
    let mut out = output::stdout();
    if before.is_some_and(|before| before.group.as_ref() == Ok(&after.group) && before.lease == after.lease) {
        writeln!(out, "unchanged: group {} of job {}", excerpt(after.name.as_str()), excerpt(after.job.as_str()))?;
    } else {
        writeln!(out, "job {}:", excerpt(after.job.as_str()))?;
        Change { name: &after.name, before, after: Some(after), owner: None, now }.show(&mut out)?;
    }
    let note = |text: String| writeln!(anstream::stderr(), "{CHANGED}note:{CHANGED:#} {text}");
    if let Some(set) = before.and_then(|before| before.managed_by.as_deref()) {
        let set = excerpt(set);
        let _ = note(format!(
            "the row belongs to the set {set}, and the next sdctl apply of it puts back what its files say"
        ));
    } else if before.is_some_and(|before| before.lease.end().is_some_and(|end| end > now)) {
        let _ = note("the row had a lease: whoever renews it, such as sdctl register, writes over this".to_owned());
    }
    Ok(Outcome::Done)
}

pub(crate) async fn rm(options: RmOptions) -> Result<Outcome, CliError> {
    let job = arguments::job(&options.job)?;
    let names = options.groups.iter().map(|group| arguments::group(group)).collect::<Result<Vec<_>, _>>()?;
    let connection = options.table.open_to_change().await?;
    if names.is_empty() {
        return remove_job(connection, &job, options.yes).await;
    }
    let mut missing = None;
    for name in names {
        let deleted = connection.table.delete(&job, &name, Expect::Anything).await;
        if deleted.map_err(|error| connection.write_error(error))? {
            writeln!(output::stdout(), "removed group {} of job {}", excerpt(name.as_str()), excerpt(job.as_str()))?;
        } else {
            missing.get_or_insert(name);
        }
    }
    missing.map_or(Ok(Outcome::Done), |name| Err(CliError::no_such_group(&job, &name)))
}

async fn remove_job(connection: Connection, job: &Job, yes: bool) -> Result<Outcome, CliError> {
    let connection = &Connection { table: connection.table.patient(), ..connection };
    let mut names: Vec<GroupName> = Vec::new();
    let mut targets = 0;
    let mut pages = connection.table.records(Some(job), connection.names);
    while let Some(records) = pages.next().await.map_err(|error| connection.error(error))? {
        for record in records {
            targets += record.group.map_or(0, |group| group.targets.len());
            names.push(record.name);
        }
    }
    if names.is_empty() {
        return Err(CliError::no_such_job(job));
    }
    let shown = excerpt(job.as_str());
    let (groups, targets) = (Count(names.len(), "group"), Count(targets, "target"));
    question::ask(&format!("Remove the whole job {shown}, {groups} with {targets}?"), yes)?;
    let bar = progress::bar("removing", names.len());
    let deletes =
        names.iter().map(|name| async { writes::one(connection.table.delete(job, name, Expect::Anything).await) });
    let mut signals = Signals::for_command()?;
    let written = writes::all(deletes, ROWS_AT_ONCE, &bar, &mut signals).await;
    let done = written.done;
    match written.ended {
        None => {
            bar.finish_and_clear();
            writeln!(output::stdout(), "removed job {shown}: {groups} with {targets}")?;
            Ok(Outcome::Done)
        }
        Some(ended) => {
            bar.abandon();
            let how_far = format!("{done} of {groups} removed: run the same command again for the rest");
            Err(CliError::stopped(connection.table.name(), ended, how_far))
        }
    }
}
