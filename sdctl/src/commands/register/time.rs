//! The time of leases: DynamoDB's, if the clock of this machine is wrong.

use http_sd_lambda::group::EpochSeconds;

use crate::{
    error::CliError,
    store::ServerClock,
    terminal::{message, text::span},
};

/// The smallest difference, in seconds, that sdctl corrects. A slow response may look like a smaller one.
const WORTH: i64 = 5;
/// The largest difference, in seconds, with which `register` starts.
const MOST: i64 = 3600;

/// The clock of leases.
pub(crate) struct Time {
    server: ServerClock,
    /// The difference of the last warning.
    told: i64,
}

impl Time {
    pub(crate) fn new(server: ServerClock) -> Self {
        Self { server, told: 0 }
    }

    /// Returns the current time of DynamoDB, as far as it is known.
    pub(crate) fn now(&self) -> EpochSeconds {
        let EpochSeconds(now) = EpochSeconds::now();
        EpochSeconds(now.saturating_add(self.behind()))
    }

    /// Warns if the clock of this machine is wrong by another difference than at the last warning.
    pub(crate) fn warn(&mut self) {
        let behind = self.behind();
        if behind != 0 && (behind - self.told).abs() >= WORTH {
            let wrong = say(behind);
            message::warning(format_args!("{wrong}: sdctl corrects the lease. Set the clock, for example by NTP"));
            self.told = behind;
        } else if self.server.behind().abs() <= 1 {
            // A clock near the threshold causes one warning only.
            self.told = 0;
        }
    }

    /// Returns an error if the clock of this machine is wrong by more than an hour.
    pub(crate) fn check(&self) -> Result<(), CliError> {
        let behind = self.behind();
        if behind.abs() <= MOST {
            return Ok(());
        }
        Err(CliError::Refused(format!("nothing was written: {}. Set the clock, for example by NTP", say(behind))))
    }

    fn behind(&self) -> i64 {
        let behind = self.server.behind();
        if behind.abs() < WORTH { 0 } else { behind }
    }
}

fn say(behind: i64) -> String {
    let seconds = std::time::Duration::from_secs(behind.unsigned_abs());
    let side = if behind > 0 { "behind" } else { "ahead of" };
    format!("the clock of this machine is {} {side} DynamoDB's", span(seconds))
}
