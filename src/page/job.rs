//! The page of a job: its groups, and how to poll it.

use maud::{Markup, html};
use percent_encoding::utf8_percent_encode;

use super::{
    Context, OneState, Query, ROWS_AT_ONCE, ScrapeConfigs, Stopped,
    document::Document,
    parts::{Rows, filter_button, pages, title},
    query::job_page,
    row::{COLUMNS, row},
    rows,
    text::{NAME, count, number, shown},
    time,
};
use crate::{
    answer::{Counts, JobLeases, OnInvalid},
    group::{EpochSeconds, Job, META_JOB, URL_SEGMENT},
    table::JobRows,
};

/// Returns the page of a job, whose rows were read at the time `read_at`.
///
/// # Errors
/// [`Stopped`] if the time is over.
pub fn job(
    job: &Job,
    rows: &JobRows,
    read_at: EpochSeconds,
    query: &Query,
    context: &Context<'_>,
) -> Result<String, Stopped> {
    let leases = JobLeases::of(rows, context.now, context.lease_grace);
    let counts = Counts::of(rows, context.now, context.lease_grace);
    let found = find(job, rows, &leases, query, context)?;
    let link = job_page(context.root, job);
    let main = html! {
        h1 { bdi { (shown(job.as_str(), NAME)) } }
        (notices(&counts, &leases, context))
        (tiles(&link, query, &counts))
        @if rows.read() == 0 {
            p.empty { "No row has this job. Check its name, or add a group:" }
            pre { code { "sdctl put JOB GROUP --target HOST:PORT" } }
        } @else {
            (filter(&link, query))
            (table(&link, query, &found))
        }
        (poll(job, context))
    };
    let name = shown(job.as_str(), 60);
    let document = Document {
        title: title(&counts, &name),
        root: context.root,
        path: html! { span aria-hidden="true" { "/" } a aria-current="page" href=(link) { bdi { (name) } } },
        main,
        reload: Some((&link, query)),
        read: Some((read_at, context.now)),
    };
    Ok(document.into_html())
}

/// The rows of a page.
struct Found {
    rows: Rows,
    /// The name of the first group of the next page.
    next: Option<String>,
}

fn find(job: &Job, rows: &JobRows, leases: &JobLeases, query: &Query, context: &Context<'_>) -> Result<Found, Stopped> {
    let text = query.text.to_lowercase();
    let (mut found, mut buffer) = (Rows::default(), Vec::new());
    for (number, next) in rows::from(rows, leases, query.from.as_deref().unwrap_or_default()).enumerate() {
        if number % ROWS_AT_ONCE == 0 && !(context.go_on)() {
            return Err(Stopped);
        }
        let Some(selected) = rows::selected(&next, job.as_str(), query, &text, &mut buffer) else { continue };
        if found.is_full() {
            return Ok(Found { rows: found, next: Some(next.name.to_owned()) });
        }
        found.push(row(&next, &selected, context.now, context.lease_grace));
    }
    Ok(Found { rows: found, next: None })
}

fn notices(counts: &Counts, leases: &JobLeases, context: &Context<'_>) -> Markup {
    html! {
        @if counts.broken > 0 {
            div.notice.bad role="status" {
                p { strong { (count(counts.broken, "broken row")) } ". "
                    @match context.on_invalid {
                        OnInvalid::Fail => "The list of this job fails, and Prometheus keeps its targets. Fix or remove the rows.",
                        OnInvalid::Skip => "The list of this job leaves them out. Fix or remove the rows.",
                    }
                }
            }
        }
        @if let Some(since) = leases.since() {
            div.notice.warn role="status" {
                p { strong { (count(leases.kept(), "lease")) " lapsed together" } ", the first "
                    (time::age(since, context.now)) ". Their groups are kept for the grace time. Check the program \
                     that renews the leases." }
            }
        }
    }
}

/// Returns the numbers of the job. Each state is a link that selects its rows.
fn tiles(link: &str, query: &Query, counts: &Counts) -> Markup {
    let states = [
        (None, "Rows", counts.served() + counts.lapsed + counts.broken, ""),
        (Some(OneState::Active), "Active", counts.active, ""),
        (Some(OneState::Kept), "Kept", counts.kept, "warn"),
        (Some(OneState::Lapsed), "Lapsed", counts.lapsed, ""),
        (Some(OneState::Broken), "Broken", counts.broken, "bad"),
    ];
    html! {
        ul.tiles {
            @for (state, name, rows, class) in states {
                @let target = Query { state, from: None, ..query.clone() };
                @let is_current = state == query.state;
                li class=[(rows > 0 && !class.is_empty()).then_some(class)] {
                    a href=(target.link(link)) aria-current=[is_current.then_some("true")] {
                        span.number { (number(rows)) } " " span.name { (name) }
                    }
                }
            }
            li { div { span.number { (number(counts.targets)) } " " span.name { "Targets" } } }
            li { div { span.number { (number(counts.leases)) } " " span.name { "Active leases" } } }
        }
    }
}

fn filter(link: &str, query: &Query) -> Markup {
    let (path, job) = link.split_once('?').unwrap_or((link, ""));
    html! {
        form.filter action=(path) method="get" role="search" {
            @for (name, value) in form_urlencoded::parse(job.as_bytes()) { input type="hidden" name=(name) value=(value); }
            @if let Some(state) = query.state { input type="hidden" name="state" value=(state.name()); }
            @if query.reload { input type="hidden" name="reload" value="on"; }
            label for="q" { "Text" }
            input #q type="search" name="q" value=(query.text) maxlength="500" placeholder="target, label, owner …";
            @for (number, text) in query.matches.iter().map(String::as_str).chain(query.matches.is_empty().then_some("")).enumerate() {
                @let id = format!("match-{number}");
                label for=(id) { "Selector" }
                input.selector #(id) type="text" name="match[]" value=(text) maxlength="2000" spellcheck="false"
                    autocapitalize="off" autocomplete="off" placeholder="{env=\"prod\"}";
            }
            (filter_button(link, query))
        }
    }
}

fn table(link: &str, query: &Query, found: &Found) -> Markup {
    html! {
        h2 #groups { "Groups" }
        @if found.rows.is_empty() {
            p.empty { "No row matches the filter." }
        } @else {
            table.groups role="table" aria-labelledby="groups" {
                thead role="rowgroup" {
                    tr role="row" {
                        @for column in COLUMNS { th role="columnheader" scope="col" { (column) } }
                    }
                }
                (found.rows.body())
            }
        }
        (pages(link, query, found.next.as_deref()))
    }
}

/// Returns the URL of the job's list, and the lines for a poller.
fn poll(job: &Job, context: &Context<'_>) -> Markup {
    let origin = context.origin.as_deref().unwrap_or("https://FUNCTION-URL");
    let encoded = |text: &str| utf8_percent_encode(text, URL_SEGMENT).to_string();
    let url = if job.fits_a_url() {
        format!("{origin}/prom/{}", encoded(job.as_str()))
    } else {
        // The quotes of JSON are those of a selector.
        let job = serde_json::to_string(job.as_str()).unwrap_or_default();
        format!("{origin}/prom?match%5B%5D={}", encoded(&format!("{{{META_JOB}={job}}}")))
    };
    let token_file = context.needs_token.then_some("http-sd.token");
    let config = ScrapeConfigs { job: job.as_str(), url: &url, token_file, refresh_interval: true };
    html! {
        h2 #poll { "Poll this job" }
        p { "URL: " code.url { bdi { (shown(&url, 4000)) } } }
        pre tabindex="0" role="region" aria-label="Configuration for Prometheus" { code { (shown_lines(&config.to_string())) } }
        p.quiet { "These lines are for Prometheus. For another poller: "
            code { "sdctl scrape-config URL --for vmagent" } " (or alloy, operator, opentelemetry)." }
    }
}

/// Returns a text of several lines, each shown as one line of a page.
fn shown_lines(text: &str) -> String {
    text.lines().map(|line| shown(line, 8000) + "\n").collect()
}
