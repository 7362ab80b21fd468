//! `sdctl label`: sets and removes labels of a group.

use clap::Args;
use http_sd_lambda::group::{EpochSeconds, Labels, StoredGroup};

use super::{
    arguments::{self, Pair},
    edited,
    outcome::Outcome,
};
use crate::{
    error::CliError,
    store::{
        Expect, Owner, WriteError,
        connection::{Connection, TableOptions},
    },
};

/// The most attempts to write a row that other writers keep changing.
const ATTEMPTS: usize = 5;

/// Set or remove labels of a group
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl label node_exporter web env=prod team=shop     set two labels
  sdctl label node_exporter web team-                  remove one label
  sdctl label node_exporter web env=test team-         both at once")]
pub(crate) struct Options {
    /// Job of the group
    job: String,
    /// Name of the group within the job
    group: String,
    /// Set a label (NAME=VALUE) or remove it (NAME-); repeatable
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
        (Err(_), None) => Err("use NAME=VALUE to set a label, NAME- to remove it".into()),
    }
}

pub(crate) async fn run(options: Options) -> Result<Outcome, CliError> {
    let (job, name) = (arguments::job(&options.job)?, arguments::group(&options.group)?);
    let connection = options.table.open_to_change().await?;
    let mut attempt = 1;
    loop {
        let before = connection.record(&job, &name).await?.ok_or_else(|| CliError::no_such_group(&job, &name))?;
        let mut group = before
            .group
            .clone()
            .map_err(|fault| CliError::Refused(format!("{fault}. Fix the row first, for example with sdctl put")))?;
        edit_labels(&mut group.labels, &options.labels, &connection)?;
        let now = EpochSeconds::now();
        let after = StoredGroup { job: job.clone(), name: name.clone(), lease: before.lease, group };
        match connection.store.write(&after, Owner::AsBefore, Expect::Unchanged(&before), now).await {
            Ok(_) => return edited::show(Some(&before), &after, now),
            // Another writer, such as sdctl register, was faster: apply the labels to its row.
            Err(WriteError::Conflict { .. }) if attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(connection.write_error(error)),
        }
    }
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
