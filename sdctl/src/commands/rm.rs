//! `sdctl rm`: removes groups or a whole job.

use std::io::Write;

use clap::Args;
use http_sd_lambda::group::{GroupName, Job, excerpt};

use super::{arguments, outcome::Outcome};
use crate::{
    error::CliError,
    store::{
        Expect,
        batch::{self, ROWS_AT_ONCE},
        connection::{Connection, TableOptions},
    },
    terminal::{output, progress, question, signals::Signals, text::Count},
};

/// Remove groups or a whole job
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl rm node_exporter web      remove one group
  sdctl rm node_exporter          ask, then remove all groups of the job")]
pub(crate) struct Options {
    /// Job of the groups
    job: String,
    /// Remove these groups [default: all groups of the job]
    groups: Vec<String>,
    /// Remove a whole job without asking
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    table: TableOptions,
}

pub(crate) async fn run(options: Options) -> Result<Outcome, CliError> {
    let job = arguments::job(&options.job)?;
    let names = options.groups.iter().map(|group| arguments::group(group)).collect::<Result<Vec<_>, _>>()?;
    let connection = options.table.open_to_change().await?;
    if names.is_empty() {
        return remove_job(connection, &job, options.yes).await;
    }
    let mut missing = None;
    for name in names {
        let deleted = connection.store.delete(&job, &name, Expect::Anything).await;
        if deleted.map_err(|error| connection.write_error(error))? {
            writeln!(output::stdout(), "removed group {} of job {}", excerpt(name.as_str()), excerpt(job.as_str()))?;
        } else {
            missing.get_or_insert(name);
        }
    }
    missing.map_or(Ok(Outcome::Done), |name| Err(CliError::no_such_group(&job, &name)))
}

async fn remove_job(connection: Connection, job: &Job, yes: bool) -> Result<Outcome, CliError> {
    let connection = &Connection { store: connection.store.patient(), ..connection };
    let mut names: Vec<GroupName> = Vec::new();
    let mut targets = 0;
    let mut pages = connection.store.records(Some(job), connection.names);
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
    question::ask(&format!("Remove the whole job {shown} ({groups} with {targets})?"), yes)?;
    let bar = progress::bar("removing", names.len());
    let deletes =
        names.iter().map(|name| async { batch::one(connection.store.delete(job, name, Expect::Anything).await) });
    let mut signals = Signals::listen()?;
    let written = batch::all(deletes, ROWS_AT_ONCE, &bar, &mut signals).await;
    let done = written.done;
    match written.ended {
        None => {
            bar.finish_and_clear();
            writeln!(output::stdout(), "removed job {shown}: {groups} with {targets}")?;
            Ok(Outcome::Done)
        }
        Some(ended) => {
            bar.abandon();
            let how_far = format!("{done} of {groups} removed. Run the same command again to remove the rest");
            Err(ended.of_table(connection.store.name(), how_far))
        }
    }
}
