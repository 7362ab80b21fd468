//! Reads the rows to move, and what is at their destination.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use http_sd_lambda::{
    group::{GroupName, Job, excerpt},
    table::{Attributes, GROUP, JOB},
};

use super::Place;
use crate::{
    error::CliError,
    store::{Record, connection::Connection, row_fits, same_row},
    terminal::{progress, text::Count},
};

/// The rows to move.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) moves: Vec<Move>,
    /// The number of targets of the rows.
    pub(super) targets: usize,
}

/// A row to move.
#[derive(Debug)]
pub(super) struct Move {
    /// The old row.
    pub(super) record: Record,
    /// All attributes of the old row.
    pub(super) before: Attributes,
    /// The job of the new row.
    pub(super) job: Job,
    /// The name of the new row.
    pub(super) name: GroupName,
    /// All attributes of the new row.
    pub(super) after: Attributes,
    /// Whether the new row exists already.
    pub(super) is_written: bool,
}

impl Plan {
    /// Reads the rows of both places.
    ///
    /// # Errors
    /// The old place has no rows, the new place has other rows, or a new row does not fit.
    pub(super) async fn of(from: &Place, to: &Place, connection: &Connection) -> Result<Self, CliError> {
        let mut moves = Vec::new();
        let mut targets = 0;
        for before in rows(from, connection).await? {
            let record = Record::of(before.clone(), connection.names).map_err(|error| connection.error(error))?;
            targets += record.group.as_ref().map_or(0, |group| group.targets.len());
            let (job, name) = (to.job.clone(), to.group.clone().unwrap_or_else(|| record.name.clone()));
            let mut after = before.clone();
            for (attribute, value) in [(JOB, job.as_str()), (GROUP, name.as_str())] {
                after.insert(attribute.to_owned(), AttributeValue::S(value.to_owned()));
            }
            if !row_fits(&after) {
                let name = excerpt(record.name.as_str());
                return Err(CliError::Refused(format!(
                    "nothing was changed: group {name} does not fit a row of 400 KB under its new name. Shorten the \
                     name, or split the targets of the group"
                )));
            }
            moves.push(Move { record, before, job, name, after, is_written: false });
        }
        if moves.is_empty() {
            return Err(match &from.group {
                None => CliError::no_such_job(&from.job),
                Some(group) => CliError::no_such_group(&from.job, group),
            });
        }
        let mut plan = Self { moves, targets };
        plan.compare(to, rows(to, connection).await?)?;
        Ok(plan)
    }

    /// Returns the number of rows and targets in words.
    pub(super) fn shown(&self, from: &Place) -> String {
        let targets = Count(self.targets, "target");
        match from.group {
            None => format!("{} with {targets}", Count(self.moves.len(), "group")),
            Some(_) => targets.to_string(),
        }
    }

    /// Marks the moves whose new row exists. Other rows at the new place are an error, unless every new row exists: then
    /// an earlier run has removed some of the old rows.
    fn compare(&mut self, to: &Place, found: Vec<Attributes>) -> Result<(), CliError> {
        let mut moves: HashMap<String, &mut Move> =
            self.moves.iter_mut().map(|row| (row.name.as_str().to_owned(), row)).collect();
        let mut foreign = None;
        for row in found {
            let name = row.get(GROUP).and_then(|name| name.as_s().ok()).cloned().unwrap_or_default();
            match moves.get_mut(&name) {
                Some(known) if same_row(&row, &known.after) => known.is_written = true,
                Some(_) => {
                    let (name, job) = (excerpt(&name), excerpt(to.job.as_str()));
                    return Err(CliError::Refused(format!(
                        "nothing was changed: group {name} of job {job} exists with other content. Choose \
                         another name, or remove one of the two groups with sdctl rm"
                    )));
                }
                None => foreign = foreign.or(Some(name)),
            }
        }
        if let Some(name) = foreign.filter(|_| self.moves.iter().any(|row| !row.is_written)) {
            let (name, job) = (excerpt(&name), excerpt(to.job.as_str()));
            return Err(CliError::Refused(format!(
                "nothing was changed: job {job} exists, with the group {name}. Choose another name, or move single \
                 groups: sdctl mv JOB GROUP NEW_JOB NEW_GROUP"
            )));
        }
        Ok(())
    }

    /// Checks that every new row is in the table, as it was written.
    pub(super) async fn check_written(&self, to: &Place, connection: &Connection) -> Result<(), CliError> {
        let found: HashMap<String, Attributes> = rows(to, connection)
            .await?
            .into_iter()
            .filter_map(|row| Some((row.get(GROUP)?.as_s().ok()?.clone(), row)))
            .collect();
        let is_missing = |row: &&Move| found.get(row.name.as_str()).is_none_or(|found| !same_row(found, &row.after));
        match self.moves.iter().find(is_missing) {
            None => Ok(()),
            Some(row) => {
                let (name, job) = (excerpt(row.name.as_str()), excerpt(row.job.as_str()));
                Err(CliError::Refused(format!(
                    "another writer changed group {name} of job {job} during the wait. The old rows stay. Run the \
                     same command again"
                )))
            }
        }
    }
}

/// Reads the rows of a job, or the row of a group, with all attributes.
async fn rows(place: &Place, connection: &Connection) -> Result<Vec<Attributes>, CliError> {
    let store = &connection.store;
    if let Some(group) = &place.group {
        let row = store.item(&place.job, group).await.map_err(|error| connection.error(error))?;
        return Ok(row.into_iter().collect());
    }
    let reading = progress::counter("rows read");
    let mut rows = Vec::new();
    let mut pages = store.items(Some(&place.job));
    let read = loop {
        match pages.next().await {
            Ok(Some(page)) => {
                reading.inc(u64::try_from(page.len()).unwrap_or_default());
                rows.extend(page);
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(connection.error(error)),
        }
    };
    reading.finish_and_clear();
    read.map(|()| rows)
}
