//! Tells `sdctl register` processes apart that write the same row.

use std::{fmt, process, time::UNIX_EPOCH};

use http_sd_lambda::group::{EpochSeconds, excerpt};
use rustix::system::uname;

use crate::{
    commands::times::utc,
    error::CliError,
    store::{Record, Replaced},
    terminal::message,
};

/// This process, as the attribute `registered_by` names it: the host's name, a slash, and a random number.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    host: String,
    /// The value of the attribute.
    pub(crate) attribute: String,
}

impl Identity {
    pub(crate) fn new() -> Self {
        let host = uname().nodename().to_string_lossy().into_owned();
        // Without a random number the start of the process still differs.
        let id = getrandom::u64().unwrap_or_else(|_| {
            let started = UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
            started << 32 | u64::from(process::id())
        });
        Self { attribute: format!("{host}/{id:016x}"), host }
    }

    /// Warns, before the first write, about a row that this process takes over.
    ///
    /// A process of the same host is probably the one before a restart.
    pub(crate) fn warn_before(&self, record: &Record, group: impl fmt::Display, now: EpochSeconds) {
        if let Some(other) = self.other(record, now) {
            message::warning(format_args!(
                "{group} is registered by another sdctl on {other}: this sdctl replaces its registration. {GIVE_NAMES}"
            ));
            return;
        }
        let until = "the function then serves the group only while its lease is renewed";
        match (&record.managed_by, record.lease.end()) {
            (Some(set), _) => {
                let set = excerpt(set);
                message::warning(format_args!("{group} belongs to the set {set}: register takes it over, and {until}"));
            }
            (None, None) => {
                message::warning(format_args!("{group} exists without a lease: register takes it over, and {until}"));
            }
            (None, Some(_)) => {}
        }
    }

    /// Returns an error if a process on another host has an active lease on the row.
    pub(crate) fn check_exclusive(
        &self,
        record: &Record,
        group: impl fmt::Display,
        now: EpochSeconds,
    ) -> Result<(), CliError> {
        self.other(record, now).map_or(Ok(()), |other| {
            Err(CliError::Refused(format!(
                "{group} is registered by another sdctl on {other}. {GIVE_NAMES}, or leave out --exclusive"
            )))
        })
    }

    /// Returns the host, and the end of the lease, of a process on another host that has an active lease on the row.
    fn other(&self, record: &Record, now: EpochSeconds) -> Option<String> {
        let end = record.lease.end().filter(|end| *end > now)?;
        let host = host(record.registered_by.as_deref()?);
        (host != self.host).then(|| format!("{} until {}", excerpt(host), utc(end)))
    }

    /// Returns the other writer that wrote the row since this process did, if any.
    pub(crate) fn rival(&self, Replaced { managed_by, registered_by }: Replaced) -> Option<Rival> {
        match (registered_by, managed_by) {
            (Some(process), _) if process == self.attribute => None,
            (Some(process), _) => Some(Rival::Process(process)),
            (None, Some(set)) => Some(Rival::Set(set)),
            (None, None) => Some(Rival::Unknown),
        }
    }
}

const GIVE_NAMES: &str = "Give each machine its own group name";

/// Returns the host of a process, from the attribute `registered_by`.
pub(crate) fn host(process: &str) -> &str {
    process.rsplit_once('/').map_or(process, |(host, _)| host)
}

/// Another writer of the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rival {
    /// An `sdctl register` process, by its attribute.
    Process(String),
    /// An `sdctl apply` set.
    Set(String),
    /// A writer that did not leave its name, such as `sdctl put`.
    Unknown,
}

impl Rival {
    /// Returns the warning that this process has replaced the other writer's row.
    pub(crate) fn warning(&self, group: impl fmt::Display) -> String {
        match self {
            Self::Process(process) => format!(
                "{group} is also registered by another sdctl on {}: the last write wins. {GIVE_NAMES}",
                excerpt(host(process))
            ),
            Self::Set(set) => format!(
                "the set {} wrote {group}, and this registration replaced it. Remove the group from the files of the set",
                excerpt(set)
            ),
            Self::Unknown => format!("another writer changed {group}, and this registration replaced it"),
        }
    }

    /// Returns the error of `--exclusive`.
    pub(crate) fn refused(&self, group: impl fmt::Display) -> CliError {
        let Self::Process(process) = self else { return CliError::Refused(self.warning(group)) };
        CliError::Refused(format!(
            "stopped because of --exclusive: {group} is also registered by another sdctl on {}. {GIVE_NAMES}",
            excerpt(host(process))
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_of_one_host_differ() {
        let (one, other) = (Identity::new(), Identity::new());
        assert_eq!(one.host, other.host);
        assert_ne!(one.attribute, other.attribute);
        assert_eq!(host(&one.attribute), one.host);
        let registered_by = Some(other.attribute);
        assert!(matches!(one.rival(Replaced { registered_by, managed_by: None }), Some(Rival::Process(_))));
        assert_eq!(one.rival(Replaced { registered_by: Some(one.attribute.clone()), managed_by: None }), None);
    }
}
