//! Progress of long work, shown on standard error if it is a terminal.

use std::{pin::pin, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{Instant, sleep, timeout};

use super::{message, text::span};

/// The pause between two steps of a spinner.
const TICK: Duration = Duration::from_millis(120);

/// Returns a counter for work of unknown size.
pub(crate) fn counter(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(what);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}: {human_pos}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}

/// The time after which a wait is shown.
const WAIT_SHOWN_AFTER: Duration = Duration::from_secs(1);

/// Waits for `work`. After a second, shows what it waits for, and for how long.
pub(crate) async fn waiting<T>(what: String, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    if let Ok(done) = timeout(WAIT_SHOWN_AFTER, &mut work).await {
        return done;
    }
    let bar = ProgressBar::new_spinner().with_message(what).with_elapsed(WAIT_SHOWN_AFTER);
    if let Ok(style) = ProgressStyle::with_template("{spinner} waiting for {msg}, {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    let done = work.await;
    bar.finish_and_clear();
    done
}

/// The form of a progress bar.
const BAR: &str = "{msg} {bar:30} {human_pos}/{human_len}, {eta} left";

/// Returns a progress bar for `total` steps.
pub(crate) fn bar(what: &'static str, total: usize) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(total).unwrap_or(u64::MAX)).with_message(what);
    if let Ok(style) = ProgressStyle::with_template(BAR) {
        bar.set_style(style);
    }
    bar
}

/// A wait that shows its reason.
pub(crate) struct Countdown {
    pub(crate) time: Duration,
    /// The text after the time.
    pub(crate) reason: String,
}

impl Countdown {
    /// Waits. Shows the seconds that are left in place of the progress bar, or one line if standard error is not a
    /// terminal.
    pub(crate) async fn wait(self, bar: &ProgressBar) {
        let Self { time, reason } = self;
        if bar.is_hidden() {
            message::info(format_args!("waiting {} {reason}", span(time)));
            return sleep(time).await;
        }
        let end = Instant::now() + time;
        let before = bar.message();
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            bar.set_message(format!("waiting {}s {reason}", left.as_secs_f64().ceil()));
            bar.tick();
            sleep(left.min(Duration::from_secs(1))).await;
        }
        bar.set_message(before);
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            bar.set_style(style);
        }
    }
}
