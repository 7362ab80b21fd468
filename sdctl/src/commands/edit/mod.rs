//! `sdctl edit`: changes the groups of a job in the user's editor.

mod document;
mod editor;
mod plan;

use std::{collections::BTreeMap, io::Write, thread};

use clap::Args;
use http_sd_lambda::group::{EpochSeconds, GroupName, Job};
use tokio::sync::oneshot;

use self::{
    editor::{Draft, Editor},
    plan::Plan,
};
use super::{arguments, outcome::Outcome, settle::Settle};
use crate::{
    error::CliError,
    files::named::{self, LineFault},
    store::{
        Record,
        connection::{Connection, TableOptions},
    },
    terminal::{message, output, question, signals::Signals, text::Count},
};

/// The most times that the editor opens for one text. An editor without a user may never correct a fault.
const MOST_EDITS: usize = 50;

/// Edit the groups of a job in your editor
///
/// Writes the groups as YAML to a temporary file, and opens it in the editor of VISUAL or EDITOR, by default vi. Then
/// shows the changes, asks, and writes them. If the text has a fault, the editor opens again with the fault at the top.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl edit node_exporter               edit all groups of a job
  sdctl edit node_exporter web           edit one group
  EDITOR='code --wait' sdctl edit node_exporter
  EDITOR='sed -i s/:9100/:9101/' sdctl edit node_exporter --yes

A group that you remove from the text is removed from the table, and a group that you add is added. The lease, the set \
and your own attributes of a row stay; the text shows lease and set as comments. To rename a group, use sdctl mv.

To cancel, change nothing, or empty the file. sdctl does not overwrite a row that another writer changed while you \
edited it; a renewed lease is no such change. If sdctl cannot write your changes, it keeps the file and prints its name.

Exit codes:
  0  written, or cancelled
  1  error, or refused")]
pub(crate) struct Options {
    /// Job of the groups
    job: String,
    /// Edit this group only [default: all groups of the job]
    group: Option<String>,
    #[command(flatten)]
    settle: Settle,
    /// Write without asking
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    table: TableOptions,
}

pub(crate) async fn run(options: Options) -> Result<Outcome, CliError> {
    let job = arguments::job(&options.job)?;
    let group = options.group.as_deref().map(arguments::group).transpose()?;
    let editor = Editor::of_environment()?;
    let connection = options.table.open_to_change().await?;
    let connection = Connection { store: connection.store.patient(), ..connection };
    let records = records(&job, group.as_ref(), &connection).await?;
    let original = document::of(&job, &records, EpochSeconds::now())?;
    let mut draft = Draft::create()?;
    let session = Session { job: &job, records: &records, connection: &connection, editor: &editor };
    let edited = match session.edit(&mut draft, &original).await {
        Ok(Some(plan)) => session.write(&plan, options.settle, options.yes).await,
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    if edited.is_err()
        && let Some(file) = draft.keep(&original)
    {
        message::note(format_args!("your text is in {}", file.display()));
    }
    edited.map(|()| Outcome::Done)
}

/// Reads the rows to edit.
async fn records(
    job: &Job,
    group: Option<&GroupName>,
    connection: &Connection,
) -> Result<BTreeMap<GroupName, Record>, CliError> {
    if let Some(name) = group {
        let record = connection.record(job, name).await?.ok_or_else(|| CliError::no_such_group(job, name))?;
        return Ok(BTreeMap::from([(name.clone(), record)]));
    }
    let mut records = BTreeMap::new();
    let mut pages = connection.store.records(Some(job), connection.names);
    while let Some(page) = pages.next().await.map_err(|error| connection.error(error))? {
        records.extend(page.into_iter().map(|record| (record.name.clone(), record)));
    }
    if records.is_empty() { Err(CliError::no_such_job(job)) } else { Ok(records) }
}

/// The rows that the user edits.
struct Session<'s> {
    job: &'s Job,
    records: &'s BTreeMap<GroupName, Record>,
    connection: &'s Connection,
    editor: &'s Editor,
}

impl Session<'_> {
    /// Lets the user edit the text until it has no fault. Returns the changes; `None` if the user cancels.
    async fn edit(&self, draft: &mut Draft, original: &str) -> Result<Option<Plan>, CliError> {
        let cancelled = |why: &str| {
            message::info(format_args!("cancelled: {why}"));
            Ok(None)
        };
        // Ctrl-C is for the editor.
        let _editing = Signals::listen()?;
        let mut shown = original.to_owned();
        let mut faults: Vec<LineFault> = Vec::new();
        for _ in 0..MOST_EDITS {
            let Some(text) = draft.edit(shown, self.editor).await? else {
                if faults.is_empty() {
                    return cancelled("you changed nothing");
                }
                break;
            };
            let text = document::without_faults(&text);
            if document::is_empty(text) {
                return cancelled("the saved file is empty. To remove all groups, use sdctl rm");
            }
            let found = match named::by_name(text, self.job, self.connection.names) {
                Err(faults) => faults,
                Ok(groups) => {
                    let plan = Plan::of(self.job, self.records, groups);
                    if plan.changes.is_empty() {
                        return cancelled("the groups are the same as before");
                    }
                    match plan.faults(self.connection).await? {
                        faults if faults.is_empty() => return Ok(Some(plan)),
                        faults => faults,
                    }
                }
            };
            shown = document::with_faults(text, &found);
            faults = found;
        }
        let first = faults.first().map_or("", |(_, fault)| fault);
        Err(CliError::Refused(format!("nothing was changed: {first} (fault 1 of {} in the text)", faults.len())))
    }

    /// Shows the changes, asks, and writes them.
    async fn write(&self, plan: &Plan, settle: Settle, yes: bool) -> Result<(), CliError> {
        plan.check_unchanged(self.connection).await?;
        plan.show(EpochSeconds::now())?;
        let mut signals = Signals::listen()?;
        ask(plan.question(), yes, &mut signals).await?;
        plan.write(self.connection, settle, &mut signals).await?;
        writeln!(output::stdout(), "{} written", Count(plan.changes.len(), "change"))?;
        Ok(())
    }
}

/// Asks in a thread of its own: while sdctl listens for Ctrl-C, the signal does not end the read of the answer.
async fn ask(question: String, yes: bool, signals: &mut Signals) -> Result<(), CliError> {
    let (answer, answered) = oneshot::channel();
    thread::spawn(move || answer.send(question::ask(&question, yes)));
    tokio::select! {
        answered = answered => answered.unwrap_or_else(|_| Err(CliError::Refused("nothing was changed".into()))),
        () = signals.stop() => {
            // The cursor is still on the line of the question.
            let _ = writeln!(anstream::stderr());
            Err(CliError::Refused("nothing was changed: stopped by a signal".into()))
        }
    }
}
