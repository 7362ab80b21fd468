//! Prints the changes of a plan by job and kind, and their numbers.

use std::io::{self, Write};

use http_sd_lambda::group::{Job, excerpt};

use crate::{
    plan::Counts,
    terminal::{
        style::{FAINT, HEADING},
        text::Count,
    },
};

/// The most changes of a kind that are printed for each job without `--full`.
const MOST: usize = 20;

/// A change of one row, in a list that is sorted by job and kind.
pub(crate) trait Listed {
    fn job(&self) -> &Job;

    /// Returns whether both changes add, both change or both remove a row.
    fn is_like(&self, other: &Self) -> bool;
}

/// Prints the changes, each by `show`. `numbers` returns the numbers of a job; they may be empty.
pub(crate) fn changes<C: Listed, E: From<io::Error>>(
    out: &mut dyn Write,
    changes: &[C],
    full: bool,
    numbers: impl Fn(&Job) -> String,
    show: impl Fn(&mut dyn Write, &C) -> Result<(), E>,
) -> Result<(), E> {
    let most = if full { usize::MAX } else { MOST };
    for of_job in changes.chunk_by(|a, b| a.job() == b.job()) {
        let Some(job) = of_job.first().map(Listed::job) else { continue };
        let numbers = numbers(job);
        let space = if numbers.is_empty() { "" } else { " " };
        writeln!(out, "{HEADING}job {}:{HEADING:#}{space}{numbers}", excerpt(job.as_str()))?;
        for of_kind in of_job.chunk_by(Listed::is_like) {
            for change in of_kind.iter().take(most) {
                show(out, change)?;
            }
            if of_kind.len() > most {
                writeln!(out, "  {FAINT}… and {} more (--full shows all){FAINT:#}", of_kind.len() - most)?;
            }
        }
    }
    Ok(())
}

/// Returns the numbers of a job in a plan; nothing if they are those of the whole plan, which the last line tells.
pub(crate) fn of_job(job: Counts, whole: Counts) -> String {
    Some(planned(job)).filter(|numbers| *numbers != planned(whole)).unwrap_or_default()
}

/// Prints the last line of a plan. `nothing` says why a plan without changes has none.
pub(crate) fn end(out: &mut dyn Write, counts: Counts, nothing: &str) -> io::Result<()> {
    match counts {
        Counts { added: 0, changed: 0, removed: 0, .. } => writeln!(out, "Nothing to change: {nothing}."),
        counts => writeln!(out, "{HEADING}Plan:{HEADING:#} {}.", planned(counts)),
    }
}

/// Returns a sentence such as `3 groups match the files`.
pub(crate) fn matching(count: usize, noun: &str) -> String {
    format!("{} {} the files", Count(count, noun), if count == 1 { "matches" } else { "match" })
}

/// Returns the numbers of what a command will do.
fn planned(Counts { added, changed, removed, unchanged, .. }: Counts) -> String {
    format!("{added} to add, {changed} to change, {removed} to remove, {unchanged} unchanged")
}

/// Returns the numbers of what a command has done.
pub(crate) fn done(Counts { added, changed, removed, .. }: Counts) -> String {
    format!("{added} added, {changed} changed, {removed} removed")
}

/// Prints the number of rows that are in no file, and the option that removes them.
pub(crate) fn kept(out: &mut dyn Write, count: usize, rows_of: &str, option: &str, others: &str) -> io::Result<()> {
    if count == 0 {
        return Ok(());
    }
    let (verb, them) = if count == 1 { ("is", "it") } else { ("are", "them") };
    let rows = Count(count, "row");
    writeln!(out, "{FAINT}{rows} {rows_of} {verb} in no file: {option} removes {them}, and rows {others}{FAINT:#}")
}
