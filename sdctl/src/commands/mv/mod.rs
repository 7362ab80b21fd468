//! `sdctl mv`: renames a job or a group.

mod plan;

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use clap::Args;
use http_sd_lambda::group::{GroupName, Job, excerpt};

use self::plan::{Move, Plan};
use super::{arguments, outcome::Outcome, settle::Settle};
use crate::{
    error::CliError,
    store::{
        Store, Whole, WriteError,
        batch::{self, ROWS_AT_ONCE, TRANSACTIONS_AT_ONCE, Write as Written},
        connection::{Connection, TableOptions},
        row_size, transactions,
    },
    terminal::{
        message, output, progress, question,
        signals::Signals,
        style::{FAINT, HEADING},
        text::{Count, printable},
    },
};

/// The most groups that are shown before they move.
const MOST_SHOWN: usize = 20;

/// Rename a job, or rename a group or move it to another job
///
/// Writes the new rows with all attributes, waits until polls in progress have ended (--settle), and then removes the
/// old rows. A poll therefore always finds the targets.
#[derive(Debug, Args)]
#[command(override_usage = "\
sdctl mv [OPTIONS] <JOB> <NEW_JOB>
       sdctl mv [OPTIONS] <JOB> <GROUP> <NEW_GROUP>
       sdctl mv [OPTIONS] <JOB> <GROUP> <NEW_JOB> <NEW_GROUP>")]
#[command(after_help = "\
Examples:
  sdctl mv node node_exporter                  ask, then rename a whole job
  sdctl mv node web web-eu                     rename a group within its job
  sdctl mv node web node_exporter web          move a group to another job
  sdctl mv node node_exporter --dry-run        show the plan only

The names are separate arguments, because a job or a group may contain a slash.

Another job has another URL, /prom/NEW_JOB. Prometheus polls it under another job_name, so the label job of the targets \
changes, and they start new time series. Let Prometheus poll the new URL before sdctl removes the old rows, for example \
with --settle 5m.

The destination must not exist. After an interruption, run the same command again: sdctl continues if the rows that \
exist already are equal. sdctl does not remove a row that another writer changed meanwhile.

Exit codes:
  0  moved
  1  error, or refused
  2  with --dry-run: rows would move")]
pub(crate) struct Options {
    /// Job to rename, or job of the group
    job: String,
    /// New name of the job; or the group and its new name; or the group, its new job and its new name
    #[arg(value_name = "NAME", num_args = 1..=3, required = true)]
    names: Vec<String>,
    #[command(flatten)]
    settle: Settle,
    /// Show the plan without writing; exit with 2
    #[arg(long)]
    dry_run: bool,
    /// Rename a whole job without asking
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    table: TableOptions,
}

/// A job, or one of its groups.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    job: Job,
    group: Option<GroupName>,
}

impl Options {
    /// Returns the old and the new place.
    fn places(&self) -> Result<(Place, Place), CliError> {
        let job = arguments::job(&self.job)?;
        let group = |name: &String| arguments::group(name).map(Some);
        let (from, to) = match self.names.as_slice() {
            [new_job] => (None, Place { job: arguments::job(new_job)?, group: None }),
            [old, new] => (group(old)?, Place { job: job.clone(), group: group(new)? }),
            [old, new_job, new] => (group(old)?, Place { job: arguments::job(new_job)?, group: group(new)? }),
            _ => return Err(CliError::Refused("mv requires a new name".into())),
        };
        let from = Place { job, group: from };
        if from == to {
            return Err(CliError::Refused("nothing was changed: the old and the new name are equal".into()));
        }
        Ok((from, to))
    }
}

impl Place {
    /// Returns the place in words.
    fn shown(&self) -> String {
        let job = excerpt(self.job.as_str());
        match &self.group {
            None => format!("job {job}"),
            Some(group) => format!("group {} of job {job}", excerpt(group.as_str())),
        }
    }
}

pub(crate) async fn run(options: Options) -> Result<Outcome, CliError> {
    let (from, to) = options.places()?;
    let mut connection = options.table.open().await?;
    connection.announce(if options.dry_run { "Comparing with" } else { "Using" }).await?;
    let connection = Connection { store: connection.store.patient(), ..connection };
    let plan = Plan::of(&from, &to, &connection).await?;
    let mut out = output::stdout();
    show(&mut out, &plan, &from, &to)?;
    notes(&plan, from.job != to.job);
    if options.dry_run {
        return Ok(Outcome::Found);
    }
    let (shown_from, shown_to, rows) = (from.shown(), to.shown(), plan.shown(&from));
    if from.group.is_none() {
        question::ask(&format!("Rename {shown_from} to {shown_to} ({rows})?"), options.yes)?;
    }
    let mut signals = Signals::listen()?;
    write(&connection, &plan, (&from, &to), options.settle, &mut signals).await?;
    writeln!(out, "moved {shown_from} to {shown_to}: {rows}")?;
    Ok(Outcome::Done)
}

fn show(out: &mut dyn Write, plan: &Plan, from: &Place, to: &Place) -> io::Result<()> {
    writeln!(out, "{HEADING}{} → {}:{HEADING:#} {}", from.shown(), to.shown(), plan.shown(from))?;
    if from.group.is_none() {
        for row in plan.moves.iter().take(MOST_SHOWN) {
            writeln!(out, "  {}", printable(row.record.name.as_str()))?;
        }
        if let more @ 1.. = plan.moves.len().saturating_sub(MOST_SHOWN) {
            writeln!(out, "  {FAINT}… and {more} more{FAINT:#}")?;
        }
    }
    match plan.moves.iter().filter(|row| row.is_written).count() {
        0 => Ok(()),
        written => writeln!(out, "{FAINT}{} of an earlier run: the new row is equal{FAINT:#}", Count(written, "group")),
    }
}

/// Prints a note for each kind of other writer that will write the old rows again.
fn notes(plan: &Plan, to_another_job: bool) {
    let sets: BTreeSet<&String> = plan.moves.iter().filter_map(|row| row.record.managed_by.as_ref()).collect();
    // Within a job, apply finds its rows by their content.
    for set in sets.into_iter().filter(|_| to_another_job) {
        let set = excerpt(set);
        message::note(format_args!(
            "the set {set} owns rows of this plan: change its files too, or the next sdctl apply adds the groups to \
             the old job again"
        ));
    }
    if plan.moves.iter().any(|row| row.record.registered_by.is_some()) {
        message::note(
            "sdctl register writes rows of this plan: start it with the new name, or its next renewal adds the old \
             row again",
        );
    }
}

/// Writes the new rows, waits, and removes the old rows.
async fn write(
    connection: &Connection,
    plan: &Plan,
    (from, to): (&Place, &Place),
    settle: Settle,
    signals: &mut Signals,
) -> Result<(), CliError> {
    let store = &connection.store;
    let bar = progress::bar("moving", plan.moves.len());
    let new: Vec<&Move> = plan.moves.iter().filter(|row| !row.is_written).collect();
    let adds = transactions(&new, |row| row_size(&row.after)).into_iter().map(|rows| add(store, rows));
    let mut written = batch::all(adds, TRANSACTIONS_AT_ONCE, &bar, signals).await;
    if written.ended.is_none() {
        written.ended = settle.wait(plan.targets, &bar, signals).await;
    }
    let mut removed = 0;
    if written.ended.is_none() {
        // Another writer, such as apply --prune, may have removed a new row during the wait.
        plan.check_written(to, connection).await?;
        bar.set_position(0);
        let old = plan.moves.iter().map(|row| remove(store, row));
        written = batch::all(old, ROWS_AT_ONCE, &bar, signals).await;
        removed = written.done;
    }
    bar.finish_and_clear();
    let Some(ended) = written.ended else { return Ok(()) };
    let groups = Count(plan.moves.len(), "old row");
    let how_far = format!("{removed} of {groups} of {} removed. Run the same command again to continue", from.shown());
    Err(ended.of_table(store.name(), how_far))
}

async fn add(store: &Store, new: &[&Move]) -> Written {
    let rows: Vec<Whole<'_>> =
        new.iter().map(|row| Whole { job: &row.job, name: &row.name, attributes: &row.after }).collect();
    match store.restore_new(&rows).await {
        Ok(()) => (new.len(), Ok(())),
        Err(error) => (0, Err(error)),
    }
}

async fn remove(store: &Store, row: &Move) -> Written {
    let old = Whole { job: &row.record.job, name: &row.record.name, attributes: &row.before };
    let removed: Result<(), WriteError> = store.delete_whole(old).await;
    batch::one(removed)
}
