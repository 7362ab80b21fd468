//! Pages for people, computed from a snapshot, the query, the rules and the time. No page contains a script.
//!
//! Nothing of the table is trusted: every text is escaped, cut, and isolated from the direction of the text around it.

mod document;
mod error;
mod job;
mod jobs;
mod parts;
mod query;
mod row;
mod rows;
mod scrape_configs;
mod text;
mod time;

pub use document::content_security_policy;
pub use error::error;
pub use job::job;
pub use jobs::jobs;
pub use query::{OneState, Query};
pub use scrape_configs::ScrapeConfigs;

use std::time::Duration;

use crate::{answer::OnInvalid, group::EpochSeconds};

/// The number of rows between two checks of the time.
const ROWS_AT_ONCE: usize = 64;

/// The facts that a page needs besides the rows and the query.
pub struct Context<'a> {
    /// The time of the page.
    pub now: EpochSeconds,
    /// The reaction of lists to a broken row.
    pub on_invalid: OnInvalid,
    /// The time for which groups are kept after their leases lapsed together.
    pub lease_grace: Duration,
    /// The scheme and the host of the function's URL, as the browser sent them.
    pub origin: Option<String>,
    /// The relative link from the page to `/`, with a slash at its end.
    pub root: &'a str,
    /// Whether a poller needs a token.
    pub needs_token: bool,
    /// Returns whether to continue. Long work calls it repeatedly.
    pub go_on: &'a dyn Fn() -> bool,
}

/// The time for a page is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

#[cfg(test)]
mod tests;
