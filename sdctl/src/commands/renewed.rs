//! Tells the user of rows that a running `sdctl register` writes again.

use http_sd_lambda::group::{EpochSeconds, excerpt};

use super::{register::identity::host, times::utc};
use crate::{store::Record, terminal::message};

/// Rows with an active lease of `sdctl register`: the first one, and their number.
#[derive(Debug, Default)]
pub(crate) struct Renewed {
    first: Option<String>,
    more: usize,
}

impl Renewed {
    /// Looks at a row that the command removes.
    pub(crate) fn see(&mut self, record: &Record, now: EpochSeconds) {
        let Some(process) = record.registered_by.as_deref() else { return };
        let Some(end) = record.lease.end().filter(|end| *end > now) else { return };
        if self.first.is_some() {
            self.more += 1;
            return;
        }
        let (job, name) = (excerpt(record.job.as_str()), excerpt(record.name.as_str()));
        let host = excerpt(host(process));
        self.first = Some(format!("group {name} of job {job} is registered by sdctl on {host} until {}", utc(end)));
    }

    /// Prints a note if there are such rows.
    pub(crate) fn note(&self) {
        let Some(first) = &self.first else { return };
        match self.more {
            0 => message::note(format_args!(
                "{first}: if sdctl register still runs there, its next renewal writes the group again. Stop it first"
            )),
            more => message::note(format_args!(
                "{first}, and {more} more are registered: if sdctl register still runs on these hosts, the next \
                 renewal of each writes its group again. Stop it first"
            )),
        }
    }
}
