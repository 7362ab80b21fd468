//! Services whose clock stands still, and settings with a grace time for leases.

use std::{sync::Arc, time::Duration};

use http_sd_lambda::http::{Clock, Service, Settings};

/// The time of services [`at_now`]. It is in the future, because DynamoDB Local deletes rows whose `delete_at` has
/// passed.
pub const NOW: i64 = 3_999_999_600;

/// Stops the clock of a service at [`NOW`].
pub fn at_now(service: Service) -> Service {
    service.with_clock(Clock::Set(Arc::new(NOW.into())))
}

/// Returns settings with the grace time of the template.
pub fn with_grace() -> Settings {
    Settings { lease_grace: Duration::from_hours(1), ..Settings::default() }
}
