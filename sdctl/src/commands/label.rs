//! `sdctl label`: sets and removes labels of one group or of selected rows.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use clap::Args;
use http_sd_lambda::{
    config::{self, variable},
    group::{EpochSeconds, LabelName, LabelNames, StoredGroup, excerpt},
};

use super::{
    arguments,
    change::Change,
    edited,
    outcome::Outcome,
    selection::{self, Found, Selection, SelectionOptions},
};
use crate::{
    error::CliError,
    store::{
        Expect, Owner, Record, WriteError,
        batch::{self, ROWS_AT_ONCE},
        connection::{Connection, TableOptions},
    },
    terminal::{
        message, output, progress, question,
        signals::Signals,
        style::{FAINT, HEADING},
        text::Count,
    },
};

/// The most rows of a job that are shown.
const MOST_SHOWN: usize = 20;
/// The most attempts to write a row that other writers keep changing.
const ATTEMPTS: usize = 5;

/// Set or remove labels of a group, or of the rows that match
///
/// Shows the difference. Asks before it changes more than one row.
#[derive(Debug, Args)]
#[command(override_usage = "sdctl label [OPTIONS] <JOB> <GROUP> <NAME=VALUE|NAME->...\n       \
                      sdctl label [OPTIONS] <PATTERN> <NAME=VALUE|NAME->...\n       \
                      sdctl label [OPTIONS] <WHICH ROWS> <JOB|PATTERN> <NAME=VALUE|NAME->...")]
#[command(after_help = "\
Examples:
  sdctl label node_exporter web env=prod team=shop     set two labels
  sdctl label node_exporter web team-                  remove one label
  sdctl label node_exporter web env=test team-         both at once
  sdctl label 'node*' --match '{env=\"test\"}' team=shop --dry-run
  sdctl label '*' --set fleet -l env=stage env=test    select by a label, set it

With a pattern or with options under 'Which rows', all arguments after the job are labels. -l then selects rows, and \
does not set a label. sdctl exits with 1 if no row matches. It does not change a row that another writer changed so \
that it no longer matches. sdctl undo puts the labels back.

Exit codes:
  0  written, or nothing to change
  1  error, or no row matches
  2  with --dry-run: rows differ")]
pub(crate) struct Options {
    /// Job of the group, or a pattern such as 'node*', or '*' for all jobs
    job: String,
    /// Name of the group, unless options or a pattern select rows; then labels to set (NAME=VALUE) or to remove (NAME-)
    #[arg(value_name = "GROUP, NAME=VALUE, NAME-", required = true)]
    group_and_labels: Vec<String>,
    /// Show the difference without writing; exit with 2 if rows differ
    #[arg(long)]
    dry_run: bool,
    /// Change more than one row without asking
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    selection: SelectionOptions,
    #[command(flatten)]
    table: TableOptions,
}

/// A change of a label.
#[derive(Debug, Clone)]
enum LabelEdit {
    Set(LabelName, String),
    Remove(LabelName),
}

/// A selected row and the group that it will hold.
struct Edit {
    before: Record,
    after: StoredGroup,
}

pub(crate) async fn run(options: Options) -> Result<Outcome, CliError> {
    let Options { job, group_and_labels, selection, .. } = options;
    let of_all = selection.clone().selection(Some(&job), &[])?;
    let (group, labels) = group_and_labels.split_at(usize::from(!of_all.is_search()));
    let selection = if group.is_empty() { of_all } else { selection.selection(Some(&job), group)? };
    let names = config::settings(&variable)?.label_names;
    let edits = labels.iter().map(|text| label_edit(text, names)).collect::<Result<Vec<_>, _>>()?;
    if edits.is_empty() {
        let text = "label requires a label: NAME=VALUE sets it, NAME- removes it. To label all groups of a job, select \
                    them, for example with --target '*'";
        return Err(CliError::Refused(text.into()));
    }
    let table = &options.table;
    let connection = if options.dry_run { table.open_to_compare().await? } else { table.open_to_change().await? };
    let connection = Connection { store: connection.store.patient(), ..connection };
    let now = EpochSeconds::now();
    let of_group =
        group.first().map(|group| Ok::<_, CliError>((arguments::job(&job)?, arguments::group(group)?))).transpose()?;
    let rows = match of_group {
        // Needs no permission to read other rows.
        Some((job, name)) => {
            let record = connection.record(&job, &name).await?.ok_or_else(|| CliError::no_such_group(&job, &name))?;
            vec![Edit::new(record, &edits)?]
        }
        None => read(&connection, &selection, &edits, now).await?,
    };
    let (changed, same): (Vec<Edit>, Vec<Edit>) = rows.into_iter().partition(Edit::differs);
    let mut out = output::stdout();
    for edit in same.iter().take(MOST_SHOWN) {
        edited::difference(Some(&edit.before), &edit.after, now)?;
    }
    if same.len() > MOST_SHOWN {
        writeln!(out, "unchanged: {}", Count(same.len() - MOST_SHOWN, "more group"))?;
    }
    if let ([Edit { before, after }], false) = (changed.as_slice(), options.dry_run) {
        write(&connection, &selection, &edits, &changed).await?;
        return edited::show(Some(before), after, now);
    }
    for rows in changed.chunk_by(|a, b| a.after.job == b.after.job) {
        show(&mut out, rows, now)?;
    }
    if changed.is_empty() {
        return Ok(Outcome::Done);
    }
    note(&changed, now);
    if options.dry_run {
        return Ok(Outcome::Found);
    }
    let groups = Count(changed.len(), "group");
    question::ask(&format!("Change the labels of {groups}?"), options.yes)?;
    write(&connection, &selection, &edits, &changed).await?;
    writeln!(out, "changed the labels of {groups}")?;
    Ok(Outcome::Done)
}

fn label_edit(text: &str, names: LabelNames) -> Result<LabelEdit, CliError> {
    let name = |name: &str| arguments::label_name(name, names);
    match (arguments::pair(text), text.strip_suffix('-')) {
        (Ok(pair), _) => Ok(LabelEdit::Set(name(&pair.name)?, pair.value)),
        (Err(_), Some(removed)) => Ok(LabelEdit::Remove(name(removed)?)),
        (Err(_), None) => Err(CliError::Refused(format!(
            "invalid label {}: use NAME=VALUE to set a label, NAME- to remove it",
            excerpt(text)
        ))),
    }
}

/// Reads the selected rows. A broken row is an error.
async fn read(
    connection: &Connection,
    selection: &Selection,
    edits: &[LabelEdit],
    now: EpochSeconds,
) -> Result<Vec<Edit>, CliError> {
    let reading = progress::counter("rows read");
    let mut selected = Vec::new();
    let mut rows = selection.rows(connection, false, now).await?;
    while let Some(found) = rows.next().await? {
        reading.inc(u64::try_from(found.len()).unwrap_or_default());
        for found in found {
            selected.push(Edit::new(found.record, edits)?);
        }
    }
    reading.finish_and_clear();
    rows.check_job()?;
    if selected.is_empty() {
        return Err(CliError::Refused(format!("nothing was changed: {}", selection::nothing(selection))));
    }
    Ok(selected)
}

impl Edit {
    fn new(before: Record, edits: &[LabelEdit]) -> Result<Self, CliError> {
        let group = before.group.clone();
        let mut group = group.map_err(|fault| {
            CliError::Refused(format!("nothing was changed: {fault}. Fix the row first, for example with sdctl put"))
        })?;
        for edit in edits {
            match edit {
                LabelEdit::Set(name, value) => _ = group.labels.insert(name.clone(), value.clone()),
                LabelEdit::Remove(name) => _ = group.labels.remove(name),
            }
        }
        let after = StoredGroup { job: before.job.clone(), name: before.name.clone(), lease: before.lease, group };
        Ok(Self { before, after })
    }

    fn differs(&self) -> bool {
        !edited::is_unchanged(Some(&self.before), &self.after)
    }
}

/// Prints the differences of the rows of a job.
fn show(out: &mut dyn Write, rows: &[Edit], now: EpochSeconds) -> io::Result<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    writeln!(out, "{HEADING}job {}:{HEADING:#}", excerpt(first.after.job.as_str()))?;
    for Edit { before, after } in rows.iter().take(MOST_SHOWN) {
        Change { name: &after.name, before: Some(before), after: Some(after), owner: None, now }.show(out)?;
    }
    match rows.len().saturating_sub(MOST_SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "  {FAINT}… and {more} more{FAINT:#}"),
    }
}

/// Prints a note for each kind of writer that will overwrite the labels.
fn note(rows: &[Edit], now: EpochSeconds) {
    let sets: BTreeSet<&str> = rows.iter().filter_map(|row| row.before.managed_by.as_deref()).collect();
    for set in sets {
        let set = excerpt(set);
        message::note(format_args!(
            "some of the rows belong to the set {set}: the next sdctl apply of this set overwrites your change"
        ));
    }
    let leased = |row: &&Edit| row.before.managed_by.is_none() && row.before.lease.end().is_some_and(|end| end > now);
    let leased = rows.iter().filter(leased).count();
    if leased > 0 {
        let (rows, has) = (Count(leased, "row"), if leased == 1 { "has" } else { "have" });
        message::note(format_args!(
            "{rows} {has} a lease: the next renewal, for example by sdctl register, overwrites your change"
        ));
    }
}

async fn write(
    connection: &Connection,
    selection: &Selection,
    edits: &[LabelEdit],
    rows: &[Edit],
) -> Result<(), CliError> {
    let bar = progress::bar("writing", rows.len());
    let mut signals = Signals::listen()?;
    let writes = rows.iter().map(|row| write_one(connection, selection, edits, row));
    let written = batch::all(writes, ROWS_AT_ONCE, &bar, &mut signals).await;
    bar.finish_and_clear();
    let Some(ended) = written.ended else { return Ok(()) };
    let done = written.done;
    let how_far = format!("{done} of {} changed. Run the same command again for the rest", Count(rows.len(), "group"));
    Err(ended.of_table(connection.store.name(), how_far))
}

/// Writes a row. If another writer, such as `sdctl register`, was faster, applies the labels to its row, which must
/// still match.
async fn write_one(connection: &Connection, selection: &Selection, edits: &[LabelEdit], row: &Edit) -> batch::Write {
    let store = &connection.store;
    let mut again = None;
    for _ in 1..ATTEMPTS {
        let Edit { before, after } = again.as_ref().unwrap_or(row);
        let now = EpochSeconds::now();
        match store.write(after, Owner::AsBefore, Expect::Unchanged(before), now).await {
            Err(WriteError::Conflict { .. }) => {}
            other => return batch::one(other),
        }
        let found = match store.record(&after.job, &after.name, connection.names).await {
            Ok(found) => found.map(Found::alone).filter(|found| selection.has(found, now)),
            Err(error) => return (0, Err(error.into())),
        };
        match found.and_then(|found| Edit::new(found.record, edits).ok()) {
            // An earlier attempt, whose response was lost, or another writer has set the labels.
            Some(edit) if !edit.differs() => return (1, Ok(())),
            Some(edit) => again = Some(edit),
            None => break,
        }
    }
    let StoredGroup { job, name, .. } = &row.after;
    (0, Err(WriteError::Conflict { job: job.clone(), group: name.clone() }))
}
