//! The start page: all jobs.

use maud::{Markup, html};

use super::{
    Context, Query, Stopped,
    document::Document,
    parts::{Rows, filter_button, last_change, pages, title},
    query::job_page,
    rows::contains,
    text::{NAME, number, shown},
};
use crate::{answer::Counts, group::Job, table::Snapshot};

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
        let counts = Counts::of(rows, context.now, context.lease_grace);
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
            (filter(context.root, query))
            (table(query, &entries, context))
        }
    };
    let document = Document {
        title: title(&total, "Jobs"),
        root: context.root,
        path: html! {},
        main,
        reload: Some((context.root, query)),
        read: Some((snapshot.read_at, context.now)),
    };
    Ok(document.into_html())
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

fn filter(root: &str, query: &Query) -> Markup {
    html! {
        form.filter action=(root) method="get" role="search" {
            @if query.reload { input type="hidden" name="reload" value="on"; }
            label for="q" { "Job" }
            input #q type="search" name="q" value=(query.text) maxlength="500" placeholder="part of a name";
            (filter_button(root, query))
        }
    }
}

fn table(query: &Query, entries: &[Entry<'_>], context: &Context<'_>) -> Markup {
    let from = query.from.as_deref().unwrap_or_default();
    // A job that is gone counts as one without problems.
    let place = entries.iter().find(|entry| entry.job.as_str() == from).map_or(2, Entry::place);
    let is_before = |entry: &Entry<'_>| !from.is_empty() && (entry.place(), entry.job.as_str()) < (place, from);
    let start = entries.partition_point(is_before);
    let (mut rows, mut next) = (Rows::default(), None);
    for entry in entries.iter().skip(start) {
        if rows.is_full() {
            next = Some(entry.job.as_str());
            break;
        }
        rows.push(row(entry, context));
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
                (rows.body())
            }
        }
        (pages(context.root, query, next))
    }
}

fn row(entry: &Entry<'_>, context: &Context<'_>) -> Markup {
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
            th role="rowheader" scope="row" { a href=(job_page(context.root, job)) { bdi { (shown(job.as_str(), NAME)) } } }
            @for (name, value, class) in numbers {
                td.number role="cell" data-name=(name) {
                    @if value == 0 { span.zero { "0" } }
                    @else if class.is_empty() { (number(value)) }
                    @else { span class=(format!("badge {class}")) { (number(value)) } }
                }
            }
            (last_change(counts.last_update, context.now))
        }
    }
}
