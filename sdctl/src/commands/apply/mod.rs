//! `sdctl apply`: bring the table to what files say.

mod execute;
mod show;

use std::{collections::HashSet, io::Write, path::PathBuf};

use clap::Args;
use http_sd_lambda::{
    config::{self, variable},
    group::{EpochSeconds, LabelNames},
    table::TableError,
};
use indicatif::ProgressBar;

use crate::{
    commands::{arguments, outcome::Outcome},
    error::CliError,
    files::{Note, Reader},
    plan::{Comparison, Desired, Plan, Rows},
    store::{Records, Store, connection::TableOptions},
    terminal::{message, output, progress, question, signals::Signals, text::Count},
};

/// The set of files for which nobody named another.
const DEFAULT_SET: &str = "default";
/// How many faults of files are named.
const MOST_FAULTS: usize = 20;

/// Bring the table to what files say
///
/// Reads lists of target groups as `file_sd_configs` takes them, in JSON or YAML, and whole Prometheus configurations:
/// each job's `static_configs`, and the files that its `file_sd_configs` names. Shows what would change and asks before it writes.
/// Applying twice changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl apply -f prometheus.yml --dry-run        only show what would change
  sdctl apply -f prometheus.yml                  show it, ask, and change it
  sdctl apply -f targets/ --set fleet --prune --yes         from a pipeline
  sdctl apply -f node.json --job node --prune --max-removed 50
  sdctl get node -o file_sd | sdctl apply -f - --job node   changes nothing

Sets: a row belongs to the set that wrote it (its attribute managed_by). --prune removes rows of the same set only, \
never those of another set, of sdctl put or register, or written by hand. With a --set, the set has a row of its \
own for each group: one without owner or lease that holds just that becomes the set's, else it is added. Without, a \
group that is there in anybody's row is left as it is.

Names: files name no groups. A new row is named by the values of its labels and a hash of its set and labels, with a \
number where several groups of a job have the same labels: prod-eu-3f2a91c4-2. A group finds its row again by what \
the row holds: the same targets and labels, else shared targets, else the same labels. So neither another order in \
the file nor a changed label rewrites other rows.

A group that is larger than DynamoDB's 400 KB becomes several with the same labels.

Exit codes: 0 done, or nothing to do; 1 failed, or refused, also with --dry-run; 2 with --dry-run, there are \
differences.")]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct Options {
    /// File or folder with target groups, or - for standard input; may be repeated
    #[arg(short, long = "file", value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Job of lists of groups [default: the file's name without its extension]
    #[arg(long, value_name = "JOB")]
    job: Option<String>,
    #[arg(long, value_name = "NAME", help = format!("The set that owns what these files say [default: {DEFAULT_SET}]"))]
    set: Option<String>,
    /// Take over the rows of another set, such as the one that was applied before it had a name: default
    #[arg(long, value_name = "NAME", requires = "set")]
    adopt: Option<String>,
    /// Remove rows of the same set that are in no file any more
    #[arg(long)]
    prune: bool,
    /// Show what would change and exit with 2 if anything would
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// How much of a job's, or of the set's, groups and targets may go, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 20, value_parser = clap::value_parser!(u8).range(0..=100))]
    max_removed: u8,
    /// Name every group of a long plan
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    table: TableOptions,
}

/// What the files want, and as whose owner.
struct Intent {
    desired: Desired,
    names: LabelNames,
    set: String,
    rows: Rows,
    /// Another set, whose rows become this one's.
    adopted_set: Option<String>,
    prune: bool,
}

pub(crate) async fn run(options: Options) -> Result<Outcome, CliError> {
    let set = arguments::set(options.set.as_deref().unwrap_or(DEFAULT_SET))?;
    let adopted_set = options.adopt.as_deref().map(arguments::set).transpose()?;
    // Before the table is opened: who writes to our standard input may be reading the same table.
    let names = config::settings(&variable)?.label_names;
    let desired = read_files(&options, Reader::new(names))?;
    let rows = if options.set.is_some() { Rows::Own } else { Rows::Any };
    let intent = Intent { desired, names, set, rows, adopted_set, prune: options.prune };
    let mut connection = options.table.open().await?;
    connection.announce(if options.dry_run { "Comparing with" } else { "Changing" }).await?;
    let store = connection.store.patient();

    let now = EpochSeconds::now();
    let plan = intent.plan(&store, now).await?;
    let mut out = output::stdout();
    show::plan(&mut out, &plan, &intent.set, options.full, now)?;
    if plan.changes.is_empty() {
        return Ok(Outcome::Done);
    }
    plan.check_removals(options.max_removed).map_err(|error| {
        let hint =
            if options.set.is_none() { "; if other files have these groups, give each a --set of its own" } else { "" };
        CliError::Refused(format!("nothing was changed: {error}{hint}"))
    })?;
    if options.dry_run {
        return Ok(Outcome::Found);
    }
    question::ask(&format!("Apply {}?", Count(plan.changes.len(), "change")), options.yes)?;
    let mut signals = Signals::listen()?;
    execute::plan(&store, &intent.set, names, &plan, &mut signals).await?;
    let applied = show::applied(plan);
    tokio::select! {
        verified = intent.verify(&store) => verified?,
        () = signals.stop() => {
            let late = "stopped when all changes were made, before it was seen whether somebody else has made others";
            return Err(CliError::Refused(late.into()));
        }
    }
    writeln!(out, "{applied}")?;
    Ok(Outcome::Done)
}

async fn see_all(comparison: &mut Comparison<'_>, mut pages: Records, reading: &ProgressBar) -> Result<(), TableError> {
    while let Some(records) = pages.next().await? {
        for record in records {
            comparison.see(record);
            reading.inc(1);
        }
    }
    Ok(())
}

/// Reads the files. One fault in any of them, and nothing is wanted.
fn read_files(options: &Options, mut reader: Reader) -> Result<Desired, CliError> {
    let job = options.job.as_deref().map(arguments::job).transpose()?;
    for file in &options.files {
        reader.read(file, job.as_ref());
    }
    for note in reader.notes.iter().chain(&reader.unmatched) {
        message::note(note);
    }
    if !reader.faults.is_empty() {
        let mut stderr = anstream::stderr();
        for fault in reader.faults.iter().take(MOST_FAULTS) {
            writeln!(stderr, "{fault}")?;
        }
        let count = Count(reader.faults.len(), "fault");
        return Err(CliError::Refused(format!(
            "nothing was changed: the files have {count}; sdctl check says what each would do to Prometheus"
        )));
    }
    if options.prune
        && let Some(note) = emptied(&reader)
    {
        return Err(CliError::Refused(format!(
            "nothing was changed: {note}. --prune would remove every row of the job. For a job without targets, add a \
             file with an empty list"
        )));
    }
    Desired::new(reader.groups).map_err(|error| CliError::Refused(format!("nothing was changed: {error}")))
}

/// Returns the first pattern that matches no file and leaves its job without groups.
fn emptied(reader: &Reader) -> Option<&Note> {
    let jobs: HashSet<&str> = reader.groups.iter().map(|group| group.job.as_str()).collect();
    reader.unmatched.iter().find(|note| note.place.job.as_deref().is_some_and(|job| !jobs.contains(job)))
}

impl Intent {
    /// Compares the files with the table as it is now.
    async fn plan(&self, store: &Store, now: EpochSeconds) -> Result<Plan<'_>, CliError> {
        let comparison = Comparison::new(&self.desired, &self.set, self.rows, now);
        let mut comparison = comparison.adopting(self.adopted_set.as_deref());
        let reading = progress::counter("reading the table, rows");
        let read = async {
            if self.prune {
                // A row of the set may have a job that is in no file any more.
                see_all(&mut comparison, store.records(None, self.names), &reading).await?;
            } else {
                for job in self.desired.jobs() {
                    see_all(&mut comparison, store.records(Some(job), self.names), &reading).await?;
                }
            }
            Ok(())
        };
        let read: Result<(), TableError> = read.await;
        reading.finish_and_clear();
        read.map_err(|error| CliError::of_table(store.name(), error))?;
        comparison.finish(self.prune).map_err(|fault| CliError::Refused(format!("a group's name {fault}")))
    }

    /// Reads the table again: somebody else may have planned and written at the same time, each of us without seeing
    /// the other.
    async fn verify(&self, store: &Store) -> Result<(), CliError> {
        let missing = self.plan(store, EpochSeconds::now()).await?.changes.len();
        if missing == 0 {
            return Ok(());
        }
        let differ = if missing == 1 { "differs" } else { "differ" };
        Err(CliError::Refused(format!(
            "somebody else is changing the same groups: {} {differ} from the files again; make sure that only one \
             applies this set at a time, and run the command again",
            Count(missing, "group")
        )))
    }
}
