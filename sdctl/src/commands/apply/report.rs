//! Prints a plan for programs.

use std::io::{self, BufWriter, Write};

use clap::ValueEnum;
use http_sd_lambda::group::{EpochSeconds, Labels};
use serde::{Serialize, Serializer};

use crate::{
    commands::change::difference,
    plan::{Change, ChangeKind, Counts, Plan},
    store::{
        Place,
        connection::{LOCAL_TABLE, Location},
    },
    terminal::{output, text::printable},
};

/// The format of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Format {
    /// The plan and its summary
    #[default]
    Human,
    /// A JSON object with every change
    Json,
    /// JOB/GROUP of every row that is added, changed or removed, one a line
    Name,
}

/// A plan in JSON.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    table: Table<'a>,
    set: &'a str,
    dry_run: bool,
    counts: JsonCounts,
    changes: Changes<'a>,
}

/// The changes of a plan, and the set that owns the rows after them.
struct Changes<'a>(&'a [Change<'a>], &'a str);

#[derive(Serialize)]
struct Table<'a> {
    name: &'a str,
    /// The folder of the local table.
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint_url: Option<&'a str>,
}

#[derive(Serialize)]
struct JsonCounts {
    add: usize,
    change: usize,
    remove: usize,
    unchanged: usize,
    /// Rows of the set that no file contains, and that stay without `--prune`.
    not_in_files: usize,
}

#[derive(Serialize)]
struct JsonChange<'a> {
    kind: &'static str,
    job: &'a str,
    group: &'a str,
    targets: Targets<'a>,
    labels: Values<&'a Labels>,
    set: Values<&'a str>,
    /// The end of the lease.
    expires_at: Values<i64>,
    /// The fault of the row before, if it was broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
}

#[derive(Serialize)]
struct Targets<'a> {
    added: Vec<&'a str>,
    removed: Vec<&'a str>,
}

/// A value before and after the change; `None` if there is none.
#[derive(Serialize)]
struct Values<T> {
    before: Option<T>,
    after: Option<T>,
}

impl<'a> Report<'a> {
    pub(super) fn new(plan: &'a Plan<'a>, set: &'a str, location: &'a Location, dry_run: bool) -> Self {
        let Counts { added: add, changed: change, removed: remove, unchanged, kept: not_in_files } = plan.counts();
        let counts = JsonCounts { add, change, remove, unchanged, not_in_files };
        Self { table: Table::of(location), set, dry_run, counts, changes: Changes(&plan.changes, set) }
    }

    /// Prints the plan, in the format `human` nothing.
    pub(super) fn print(&self, format: Format) -> io::Result<()> {
        let mut out = BufWriter::new(output::data());
        match format {
            Format::Human => {}
            Format::Json => {
                serde_json::to_writer(&mut out, self)?;
                writeln!(out)?;
            }
            Format::Name => {
                for Change { job, name, .. } in self.changes.0 {
                    writeln!(out, "{}/{}", printable(job.as_str()), printable(name.as_str()))?;
                }
            }
        }
        out.flush()
    }
}

impl<'a> Table<'a> {
    fn of(location: &'a Location) -> Self {
        match location {
            Location::Local { folder } => {
                let folder = Some(folder.display().to_string());
                Self { name: LOCAL_TABLE, folder, account: None, region: None, endpoint_url: None }
            }
            Location::Remote { name, endpoint_url, place } => {
                let (account, region) =
                    place.as_ref().map(|Place { account, region }| (account.as_str(), region.as_str())).unzip();
                Self { name, folder: None, account, region, endpoint_url: endpoint_url.as_deref() }
            }
        }
    }
}

impl Serialize for Changes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|change| JsonChange::of(change, self.1)))
    }
}

impl<'a> JsonChange<'a> {
    fn of(change: &'a Change<'_>, set: &'a str) -> Self {
        let (before, after) = (change.before(), change.after());
        let old = before.and_then(|record| record.group.as_ref().ok());
        let [of_old, of_new] =
            [old, after].map(|group| group.map(|group| group.targets.as_slice()).unwrap_or_default());
        let (added, removed) = difference(of_old, of_new);
        Self {
            kind: match change.kind {
                ChangeKind::Add(_) => "add",
                ChangeKind::Update(..) => "change",
                ChangeKind::Remove(_) => "remove",
            },
            job: change.job.as_str(),
            group: change.name.as_str(),
            targets: Targets { added, removed },
            labels: Values { before: old.map(|group| &group.labels), after: after.map(|group| &group.labels) },
            set: Values { before: before.and_then(|record| record.managed_by.as_deref()), after: after.map(|_| set) },
            expires_at: Values {
                before: before.and_then(|record| record.lease.end()).map(|EpochSeconds(end)| end),
                after: None,
            },
            fault: before
                .and_then(|record| record.group.as_ref().err())
                .map(|fault| format!("{} {}", fault.field, fault.fault)),
        }
    }
}
