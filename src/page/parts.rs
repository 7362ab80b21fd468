//! The parts that several pages have.

use maud::{Markup, html};

use super::{
    Query,
    text::{VALUE, number, shown},
    time,
};
use crate::{answer::Counts, group::EpochSeconds};

/// The maximum number of rows of a page.
const MOST_ROWS: usize = 200;
/// The size of the rows of a page after which no row is added, in bytes. A row with hostile texts has up to 60 kB.
const MOST_BYTES: usize = 700_000;

/// The rows of a table, of limited number and size.
#[derive(Default)]
pub(super) struct Rows {
    rows: Vec<Markup>,
    bytes: usize,
}

impl Rows {
    /// Returns whether the next row belongs to the next page.
    pub(super) fn is_full(&self) -> bool {
        self.rows.len() == MOST_ROWS || self.bytes > MOST_BYTES
    }

    pub(super) fn push(&mut self, row: Markup) {
        self.bytes += row.0.len();
        self.rows.push(row);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the body of the table.
    pub(super) fn body(&self) -> Markup {
        html! { tbody role="rowgroup" { @for row in &self.rows { (row) } } }
    }
}

/// Returns the title of the window, which counts broken rows.
pub(super) fn title(counts: &Counts, name: &str) -> String {
    let mark = if counts.broken > 0 { format!("({} broken) ", number(counts.broken)) } else { String::new() };
    format!("{mark}{name} – http-sd")
}

/// Returns the button of a filter, and the link to the page without the filter.
pub(super) fn filter_button(page: &str, query: &Query) -> Markup {
    html! {
        button type="submit" { "Filter" }
        @if query.is_filter() {
            a href=(Query { reload: query.reload, ..Query::default() }.link(page)) { "Clear" }
        }
    }
}

/// Returns the links to the first page and to the next one, which starts with the row `next`.
pub(super) fn pages(page: &str, query: &Query, next: Option<&str>) -> Markup {
    let link = |from: Option<&str>| Query { from: from.map(str::to_owned), ..query.clone() }.link(page);
    html! {
        @if query.from.is_some() || next.is_some() {
            nav.pages aria-label="Pages" {
                @if query.from.is_some() { a href=(link(None)) { "First page" } }
                @if let Some(name) = next {
                    a rel="next" href=(link(next)) { "Next page, from " bdi { (shown(name, VALUE)) } }
                }
            }
        }
    }
}

/// Returns the cell of a last change.
pub(super) fn last_change(at: Option<EpochSeconds>, now: EpochSeconds) -> Markup {
    html! {
        td role="cell" data-name="Last change" {
            @match at {
                None => span.quiet { "unknown" },
                Some(at) => (time::with_age(at, now)),
            }
        }
    }
}
