//! The start page: all jobs.

use std::sync::Arc;

use maud::{Markup, html};

use super::{
    Context, MOST_BYTES, MOST_ROWS, Query, Stopped,
    document::Document,
    query::job_page,
    rows::contains,
    text::{NAME, VALUE, number, shown},
    time,
};
use crate::{
    answer::Counts,
    group::{EpochSeconds, Job},
    table::{JobRows, Snapshot},
};

/// A job with its numbers.
struct Entry<'a> {
    job: &'a Job,
    counts: Counts,
}

impl Entry<'_> {
    /// Returns the place of the job among others: broken rows come first, and then kept groups.
    fn place(&self) -> u8 {
        match self.counts {
            Counts { broken: 1.., .. } => 0,
            Counts { kept: 1.., .. } => 1,
            _ => 2,
        }
    }
}

/// Returns the page of all jobs of the snapshot.
///
/// # Errors
/// [`Stopped`] if the time is over.
pub fn jobs(snapshot: &Snapshot, query: &Query, context: &Context<'_>) -> Result<String, Stopped> {
    let (mut total, mut entries, text) = (Counts::default(), Vec::new(), query.text.to_lowercase());
    for (job, rows) in &snapshot.jobs {
        if !(context.go_on)() {
            return Err(Stopped);
        }
        let counts = counts(rows, context);
        total += counts;
        if contains(job.as_str(), &text) {
            entries.push(Entry { job, counts });
        }
    }
    // The snapshot is sorted by name.
    entries.sort_by_key(Entry::place);
    let main = html! {
        h1 { "Jobs" }
        (tiles(snapshot.jobs.len(), &total))
        @if snapshot.jobs.is_empty() { (first_steps()) } @else {
            (filter(query))
            (table(query, &entries, context.now))
        }
    };
    let mark = if total.broken > 0 { format!("({} broken) ", number(total.broken)) } else { String::new() };
    let document = Document {
        title: format!("{mark}Jobs – http-sd"),
        path: html! {},
        main,
        reload: Some(("/", query)),
        read: Some((snapshot.read_at, context.now)),
    };
    Ok(document.into_html())
}

fn counts(rows: &Arc<JobRows>, context: &Context<'_>) -> Counts {
    Counts::of(rows, context.now, context.lease_grace)
}

fn tiles(jobs: usize, total: &Counts) -> Markup {
    let tiles = [
        ("Jobs", jobs, ""),
        ("Groups", total.served(), ""),
        ("Targets", total.targets, ""),
        ("Active leases", total.leases, ""),
        ("Kept", total.kept, "warn"),
        ("Lapsed", total.lapsed, ""),
        ("Broken", total.broken, "bad"),
    ];
    html! {
        ul.tiles {
            @for (name, value, class) in tiles {
                li class=[(value > 0 && !class.is_empty()).then_some(class)] {
                    div { span.number { (number(value)) } " " span.name { (name) } }
                }
            }
        }
    }
}

fn first_steps() -> Markup {
    html! {
        p.empty { "The table has no rows. Add a group of targets:" }
        pre { code { "sdctl put node_exporter web --target 10.0.0.1:9100 --label env=prod" } }
        p.quiet { "sdctl apply writes the target groups of files, and sdctl register those of the machine on which it runs." }
    }
}

fn filter(query: &Query) -> Markup {
    html! {
        form.filter action="/" method="get" role="search" {
            @if query.reload { input type="hidden" name="reload" value="on"; }
            label for="q" { "Job" }
            input #q type="search" name="q" value=(query.text) maxlength="500" placeholder="part of a name";
            button type="submit" { "Filter" }
            @if query.is_filter() {
                a href=(Query { reload: query.reload, ..Query::default() }.link("/")) { "Clear" }
            }
        }
    }
}

fn table(query: &Query, entries: &[Entry<'_>], now: EpochSeconds) -> Markup {
    let from = query.from.as_deref().unwrap_or_default();
    // A job that is gone counts as one without problems.
    let place = entries.iter().find(|entry| entry.job.as_str() == from).map_or(2, Entry::place);
    let is_before = |entry: &Entry<'_>| !from.is_empty() && (entry.place(), entry.job.as_str()) < (place, from);
    let start = entries.partition_point(is_before);
    let (mut rows, mut bytes, mut next) = (Vec::new(), 0, None);
    for entry in entries.iter().skip(start) {
        if rows.len() == MOST_ROWS || bytes > MOST_BYTES {
            next = Some(entry.job.as_str());
            break;
        }
        let row = row(entry, now);
        bytes += row.0.len();
        rows.push(row);
    }
    html! {
        @if rows.is_empty() {
            p.empty { "No job matches the filter." }
        } @else {
            table.jobs role="table" aria-label="Jobs" {
                thead role="rowgroup" {
                    tr role="row" {
                        th role="columnheader" scope="col" { "Job" }
                        @for column in ["Groups", "Targets", "Leases", "Kept", "Lapsed", "Broken"] {
                            th.number role="columnheader" scope="col" { (column) }
                        }
                        th role="columnheader" scope="col" { "Last change" }
                    }
                }
                tbody role="rowgroup" { @for row in &rows { (row) } }
            }
        }
        @if query.from.is_some() || next.is_some() {
            nav.pages aria-label="Pages" {
                @if query.from.is_some() { a href=(Query { from: None, ..query.clone() }.link("/")) { "First page" } }
                @if let Some(next) = next {
                    a rel="next" href=(Query { from: Some(next.to_owned()), ..query.clone() }.link("/")) {
                        "Next page, from " bdi { (shown(next, VALUE)) }
                    }
                }
            }
        }
    }
}

fn row(entry: &Entry<'_>, now: EpochSeconds) -> Markup {
    let Entry { job, counts } = entry;
    let numbers = [
        ("Groups", counts.served(), ""),
        ("Targets", counts.targets, ""),
        ("Leases", counts.leases, ""),
        ("Kept", counts.kept, "warn"),
        ("Lapsed", counts.lapsed, ""),
        ("Broken", counts.broken, "bad"),
    ];
    let class = match entry.place() {
        0 => Some("broken"),
        1 => Some("kept"),
        _ => None,
    };
    html! {
        tr role="row" class=[class] {
            th role="rowheader" scope="row" { a href=(job_page(job)) { bdi { (shown(job.as_str(), NAME)) } } }
            @for (name, value, class) in numbers {
                td.number role="cell" data-name=(name) {
                    @if value == 0 { span.zero { "0" } }
                    @else if class.is_empty() { (number(value)) }
                    @else { span class=(format!("badge {class}")) { (number(value)) } }
                }
            }
            td role="cell" data-name="Last change" {
                @match counts.last_update {
                    None => span.quiet { "unknown" },
                    Some(at) => (time::with_age(at, now)),
                }
            }
        }
    }
}
