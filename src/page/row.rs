//! A row of the table of groups.

use std::time::Duration;

use maud::{Markup, html};

use super::{
    parts::last_change,
    rows::{Content, Group, Row},
    text::{self, NAME, VALUE, shown},
    time,
};
use crate::{
    answer::State,
    group::{EpochSeconds, Fault, InvalidGroup},
    table::{Owner, RowDetails},
};

/// The number of targets and labels of a group to show.
const MOST_TARGETS: usize = 5;
const MOST_LABELS: usize = 12;

/// The names of the columns.
pub(super) const COLUMNS: [&str; 6] = ["Group", "Targets", "Labels", "Lease", "Owner", "Last change"];

/// Returns a row, with the content that the query selects.
pub(super) fn row(row: &Row<'_>, content: &Content<'_>, now: EpochSeconds, grace: Duration) -> Markup {
    let is_broken = matches!(content, Content::Broken(_)) && row.state != State::Lapsed;
    let class = match row.state {
        _ if is_broken => Some("broken"),
        State::Kept => Some("kept"),
        State::Lapsed => Some("lapsed"),
        State::Active => None,
    };
    html! {
        tr role="row" class=[class] {
            th role="rowheader" scope="row" {
                bdi { (shown(row.name, NAME)) }
                @if is_broken { " " span.badge.bad { "broken" } }
                @else if row.state == State::Kept { " " span.badge.warn { "kept" } }
                @else if row.state == State::Lapsed { " " span.badge { "lapsed" } }
            }
            @match content {
                Content::Group(group) => {
                    td role="cell" data-name="Targets" { (targets(group)) }
                    td role="cell" data-name="Labels" { (labels(group)) }
                }
                Content::Broken(fault) => td.fault role="cell" colspan="2" data-name="Fault" { (broken(fault)) }
            }
            td.lease role="cell" data-name="Lease" { (lease(row, now, grace)) }
            (details(row.details, now))
        }
    }
}

fn targets(group: &Group<'_>) -> Markup {
    let more = group.targets.len().saturating_sub(MOST_TARGETS);
    html! {
        @if group.targets.is_empty() {
            span.quiet { "no targets" }
        } @else {
            ul.targets {
                @for target in group.targets.iter().take(MOST_TARGETS) {
                    li { bdi { (shown(target.as_str(), VALUE)) } }
                }
            }
            @if more > 0 { span.quiet { "and " (text::number(more)) " more" } }
        }
    }
}

fn labels(group: &Group<'_>) -> Markup {
    let labels = &group.labels.0;
    let more = labels.len().saturating_sub(MOST_LABELS);
    html! {
        @if labels.is_empty() {
            span.quiet { "no labels" }
        } @else {
            ul.labels {
                @for (name, value) in labels.iter().take(MOST_LABELS) {
                    li { bdi { (shown(name.as_str(), VALUE)) } "=" bdi.value { (shown(value.as_str(), VALUE)) } }
                }
            }
            @if more > 0 { span.quiet { "and " (text::number(more)) " more" } }
        }
    }
}

fn broken(InvalidGroup { field, fault, .. }: &InvalidGroup) -> Markup {
    html! {
        p { code { bdi { (shown(field, NAME)) } } " " (shown(&fault.to_string(), 300)) }
        p.quiet { (remedy(fault)) }
    }
}

/// Returns what a person does about a fault.
fn remedy(fault: &Fault) -> &'static str {
    match fault {
        Fault::Missing => "Add the attribute to the row, or remove the row with sdctl rm.",
        Fault::WrongType { .. } => "Write the attribute with the expected type: sdctl put does that.",
        Fault::Empty | Fault::Blank | Fault::TooLong { .. } => "Change the text: sdctl put replaces the row.",
        Fault::NotLegacyLabelName => "Rename the label: sdctl put replaces the row.",
        Fault::UnknownField | Fault::Repeated => "Remove the field: sdctl put replaces the row.",
        Fault::NotEpochSeconds => "Write the time as a number of whole seconds: sdctl put --ttl does that.",
    }
}

fn lease(row: &Row<'_>, now: EpochSeconds, grace: Duration) -> Markup {
    let Some(end) = row.lease.end() else { return html! { span.quiet { "no lease" } } };
    let grace = i64::try_from(grace.as_secs()).unwrap_or(i64::MAX);
    let kept_until = EpochSeconds(end.0.saturating_add(grace));
    html! {
        @match row.state {
            State::Active => { "ends " (time::with_age(end, now)) }
            State::Kept => {
                "lapsed " (time::with_age(end, now))
                span.when { "kept until " (time::utc(kept_until)) }
            }
            State::Lapsed => { "lapsed " (time::with_age(end, now)) }
        }
    }
}

fn details(details: Option<&RowDetails>, now: EpochSeconds) -> Markup {
    let RowDetails { owner, updated_at } = details.cloned().unwrap_or_default();
    html! {
        td role="cell" data-name="Owner" {
            @match &owner {
                None => span.quiet { "none" },
                Some(Owner::Set(name)) => { span.quiet { "set " } bdi { (shown(name, VALUE)) } }
                Some(Owner::Process(name)) => { span.quiet { "process " } bdi { (shown(name, VALUE)) } }
            }
        }
        (last_change(updated_at, now))
    }
}
