//! `sdctl apply`: applies target groups from files to the table.

mod execute;
mod owners;
mod report;
mod show;

use std::{collections::HashSet, io::Write, path::PathBuf};

use clap::Args;
use http_sd_lambda::{
    config::{self, variable},
    group::{EpochSeconds, LabelNames, excerpt},
    table::TableError,
};
use indicatif::ProgressBar;

use self::{
    owners::DEFAULT_SET,
    report::{Format, Report},
};
use crate::{
    commands::{addresses, arguments, listing, outcome::Outcome, percent::percent, settle::Settle},
    error::CliError,
    files::{Advice, Note, Poller, Reader},
    plan::{Comparison, Desired, Ownership, Plan, Rows},
    store::{
        Records, Store,
        connection::{Connection, TableOptions},
    },
    terminal::{message, output, progress, question, signals::Signals, text::Count},
};

/// The most faults of files that are printed.
const MOST_FAULTS: usize = 20;

/// Apply target groups from files to the table
///
/// Reads lists of target groups in JSON or YAML, as for `file_sd_configs`, and whole Prometheus configurations: the
/// `static_configs` of each job, and the files that its `file_sd_configs` names. Shows the plan and asks before it
/// writes. Applying the same files again changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl apply -f prometheus.yml --dry-run        show the plan only
  sdctl apply -f prometheus.yml                  show the plan, ask, write
  sdctl apply -f targets/ --set fleet --prune --yes         in a pipeline
  sdctl apply -R -f targets/ --dry-run           with the subfolders
  sdctl apply -f node.json --job node --prune --max-removed 50
  sdctl get node -o file_sd | sdctl apply -f - --job node   changes nothing
  sdctl apply -f node.json --set fleet --adopt default      from another set
  sdctl apply -f node.json --set fleet --adopt-unowned      from sdctl put
  sdctl apply -f targets/ --set fleet --dry-run -o json | jq .counts
  sdctl apply -f targets/ --set fleet --yes -o name >written.txt

Sets: a row belongs to the set that wrote it (attribute managed_by). --prune removes only rows of the same set. It \
never removes rows of another set, of sdctl put or sdctl register, or rows written by hand. With --set, the set has \
its own row for each group: sdctl takes over a row without owner and lease that holds exactly the group, or adds a \
row. With --adopt-unowned it also takes over such a row if its targets or labels differ. Without --set, sdctl leaves a \
group unchanged if any row already holds it.

Folders: sdctl reads the files that end in .json, .yml or .yaml, with --recursive also those of subfolders. It names \
what it leaves out: hidden files, links to folders, other suffixes. The name of a file is its job, in a subfolder \
too. Lists of one name are one job, which gets the groups of all. If a configuration names a list of the folder, the \
list belongs to the job there, and is no job of its own.

Names: groups in files have no names. sdctl names a new row after its label values and a hash of its set and labels. \
If several groups of a job have the same labels, it adds a number: prod-eu-3f2a91c4-2. At the next apply, each group \
finds its row by content: the same targets and labels, else shared targets, else the same labels. Reordering a file \
or changing a label therefore does not rewrite other rows.

Moves: a target that moves to another row stays in the old row until the new row has it and polls in progress have \
ended (--settle). A poll therefore never misses it. Without such targets, apply does not wait.

Output: with --dry-run, -o json and -o name print the plan. Without it they print the written rows, or nothing if \
apply is refused or a write fails. All messages are on standard error. The JSON object has table, set, dry_run, counts \
and changes. A change has its kind (add, change or remove), job, group, the targets added and removed, and before and \
after the change: labels, set and expires_at.

Size: sdctl splits a group that exceeds DynamoDB's 400 KB into several rows with the same labels.

Exit codes:
  0  applied, or nothing to change
  1  error, or the plan removes more than --max-removed allows
  2  with --dry-run: the plan has changes")]
#[allow(clippy::struct_excessive_bools, reason = "each bool is a flag")]
pub(crate) struct Options {
    /// Read target groups from this file or folder, or from standard input (-); repeatable
    #[arg(short, long = "file", value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Read the subfolders of folders too; links to folders are not followed
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Use this job for lists of target groups [default: the file name without its extension]
    #[arg(long, value_name = "JOB")]
    job: Option<String>,
    /// Read the files by the rules of this poller; vmagent: replace %{VARIABLE} from the environment [default: accept
    /// the files of any poller, and refuse variables]
    #[arg(long = "for", value_name = "POLLER", value_enum)]
    poller: Option<Poller>,
    #[arg(long, value_name = "NAME", help = format!("Make this set the owner of the rows [default: {DEFAULT_SET}]"))]
    set: Option<String>,
    /// Take over the rows of another set (requires --set); rows applied without --set belong to the set named default
    #[arg(long, value_name = "NAME", requires = "set")]
    adopt: Option<String>,
    /// Take over rows without owner and lease, such as those of sdctl put, that share targets with a group of the
    /// files; with --prune also a row that alone has the labels of a group
    #[arg(long)]
    adopt_unowned: bool,
    /// Remove rows of the set that match no group in the files
    #[arg(long)]
    prune: bool,
    /// Show the plan without writing; exit with 2 if the plan has changes
    #[arg(long)]
    dry_run: bool,
    /// Write without asking
    #[arg(short, long)]
    yes: bool,
    /// Refuse the plan if it removes more than this percentage of a job's or the set's groups or targets
    #[arg(long, value_name = "PERCENT", default_value_t = 20, value_parser = percent)]
    max_removed: u8,
    #[command(flatten)]
    settle: Settle,
    /// Show every change; by default a plan shows 20 of each kind per job
    #[arg(long)]
    full: bool,
    /// Print in this format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
    #[command(flatten)]
    table: TableOptions,
}

/// The groups that the files describe, and the set that will own them.
struct Intent {
    desired: Desired,
    names: LabelNames,
    ownership: Ownership,
    prune: bool,
}

pub(crate) async fn run(options: Options) -> Result<Outcome, CliError> {
    let set = arguments::set(options.set.as_deref().unwrap_or(DEFAULT_SET))?;
    let adopted_set = options.adopt.as_deref().map(arguments::set).transpose()?;
    // Before opening the table: the writer of standard input may still be reading the same table.
    let names = config::settings(&variable)?.label_names;
    let mut reader = Reader::new(names).recursive(options.recursive);
    if let Some(poller) = options.poller {
        reader = reader.for_poller(poller);
    }
    let desired = read_files(&options, reader)?;
    let rows = if options.set.is_some() { Rows::Own } else { Rows::Any };
    let ownership = Ownership { set, rows, adopted_set, adopts_unowned: options.adopt_unowned };
    let intent = Intent { desired, names, ownership, prune: options.prune };
    let mut connection = options.table.open().await?;
    connection.announce(if options.dry_run { "Comparing with" } else { "Using" }).await?;
    let Connection { store, location, .. } = connection;
    let store = store.patient();

    let now = EpochSeconds::now();
    let plan = intent.plan(&store, now).await?;
    owners::check_adopted(&store, names, &plan, &intent.ownership).await?;
    let set = intent.ownership.set.as_str();
    let asks = !options.yes && !options.dry_run && !plan.changes.is_empty();
    let show = |out: &mut dyn Write| show::plan(out, &plan, set, options.full, now);
    let mut out = output::stdout();
    match options.output {
        Format::Human => show(&mut out)?,
        // The question needs the plan.
        Format::Json | Format::Name if asks => show(&mut anstream::stderr())?,
        Format::Json | Format::Name => {}
    }
    owners::note(&plan, set, options.set.is_some());
    if plan.changes.is_empty() || options.dry_run {
        Report::new(&plan, set, &location, options.dry_run).print(options.output)?;
    }
    if plan.changes.is_empty() {
        return Ok(Outcome::Done);
    }
    plan.check_removals(options.max_removed).map_err(|error| {
        let hint =
            if options.set.is_none() { ". If other files hold these groups, give each its own --set" } else { "" };
        CliError::Refused(format!("nothing was changed: {error}{hint}"))
    })?;
    if options.dry_run {
        return Ok(Outcome::Found);
    }
    question::ask(&format!("Apply {}?", Count(plan.changes.len(), "change")), options.yes)?;
    let mut signals = Signals::listen()?;
    execute::plan(&store, set, names, &plan, options.settle, &mut signals).await?;
    Report::new(&plan, set, &location, false).print(options.output)?;
    let counts = plan.counts();
    // A large plan must not be in memory together with the next one.
    drop(plan);
    tokio::select! {
        verified = intent.verify(&store) => verified?,
        () = signals.stop() => {
            let late = "stopped after all changes were written, before checking for other writers. \
                        Run the same command again to check";
            return Err(CliError::Refused(late.into()));
        }
    }
    if options.output == Format::Human {
        writeln!(out, "Applied: {}.", listing::done(counts))?;
    }
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

/// Reads the files. A single fault in any of them is an error.
fn read_files(options: &Options, mut reader: Reader) -> Result<Desired, CliError> {
    let job = options.job.as_deref().map(arguments::job).transpose()?;
    reader.read_all(&options.files, job.as_ref());
    for note in reader.notes.iter().chain(&reader.unmatched) {
        message::note(note);
    }
    // Without --for, any poller may have used the files.
    let concerns = |advice: &&Advice| advice.poller.is_none_or(|of| options.poller.is_none_or(|poller| poller == of));
    for Advice { place, text, consequence, .. } in reader.advice.iter().filter(concerns) {
        message::warning(format_args!("{place}: {text}; {consequence}"));
    }
    for note in &reader.remote {
        message::warning(format_args!("{note}. Its targets are left out: download it, and name the file"));
    }
    if !reader.faults.is_empty() {
        let mut stderr = anstream::stderr();
        for fault in reader.faults.iter().take(MOST_FAULTS) {
            writeln!(stderr, "{fault}")?;
        }
        let count = Count(reader.faults.len(), "fault");
        return Err(CliError::Refused(format!(
            "nothing was changed: the files have {count}. Run sdctl check to see the effect of each on Prometheus"
        )));
    }
    let is_prometheus = matches!(options.poller, Some(Poller::Prometheus2 | Poller::Prometheus3));
    if let Some((place, variable)) = reader.groups.iter().find_map(|group| Some((&group.place, group.variable()?)))
        && !is_prometheus
    {
        let remedy = if options.poller.is_some() {
            "which has no value in the environment. Set it or write its value"
        } else {
            "which only vmagent replaces. Write its value, use --for vmagent to replace it from the environment, or \
             --for prometheus3 to keep it as it is written"
        };
        let variable = excerpt(variable);
        return Err(CliError::Refused(format!(
            "nothing was changed: {place}: contains the variable {variable}, {remedy}"
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
    addresses::check(
        reader.groups.iter().filter(|group| !group.readdressed).map(|group| (Some(&group.place), &group.group)),
    )
    .map_err(|error| CliError::Refused(format!("nothing was changed: {error}")))?;
    Desired::new(reader.groups).map_err(|error| CliError::Refused(format!("nothing was changed: {error}")))
}

/// Returns the first pattern that matches no file, or URL, that leaves its job without groups.
fn emptied(reader: &Reader) -> Option<&Note> {
    let jobs: HashSet<&str> = reader.groups.iter().map(|group| group.job.as_str()).collect();
    reader
        .unmatched
        .iter()
        .chain(&reader.remote)
        .find(|note| note.place.job.as_deref().is_some_and(|job| !jobs.contains(job)))
}

impl Intent {
    /// Compares the files with the current table.
    async fn plan(&self, store: &Store, now: EpochSeconds) -> Result<Plan<'_>, CliError> {
        let mut comparison = Comparison::new(&self.desired, self.ownership.clone(), now);
        let reading = progress::counter("rows read");
        let read = async {
            if self.prune {
                // Rows of the set may belong to a job that is no longer in the files.
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
        comparison.finish(self.prune).map_err(|fault| CliError::Refused(format!("invalid group name: it {fault}")))
    }

    /// Compares the files with the table again: another writer may have planned and written at the same time.
    async fn verify(&self, store: &Store) -> Result<(), CliError> {
        let missing = self.plan(store, EpochSeconds::now()).await?.changes.len();
        if missing == 0 {
            return Ok(());
        }
        let differ = if missing == 1 { "differs" } else { "differ" };
        Err(CliError::Refused(format!(
            "another writer is changing the same groups: {} {differ} from the files again. Apply a set from only one \
             place at a time, then run the same command again",
            Count(missing, "group")
        )))
    }
}
