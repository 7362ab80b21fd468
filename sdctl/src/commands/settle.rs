//! The wait between the two writes of a move: the targets are in their old rows and in their new rows.

use std::time::Duration;

use clap::Args;
use indicatif::ProgressBar;

use super::arguments;
use crate::{
    store::batch::Ended,
    terminal::{progress::Countdown, signals::Signals, text::Count},
};

/// The longest `--settle`.
const LONGEST: Duration = Duration::from_mins(5);

/// The option for the time of the wait.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Settle {
    /// Keep targets that move to another row in their old row for this time, so that no poll misses them; at least the
    /// time-out of the function, at most 5m; 0 turns the wait off
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = settle)]
    settle: Duration,
}

/// Parses the time between the writes of a move.
fn settle(text: &str) -> Result<Duration, String> {
    match if text == "0" { Ok(Duration::ZERO) } else { arguments::duration(text) }? {
        settle if settle > LONGEST => Err("use at most 5m: no poll takes longer".into()),
        settle => Ok(settle),
    }
}

impl Settle {
    /// Waits until every poll has ended that began before the last write, if targets move. Such a poll may have read
    /// the page of a new row before the row contained a moved target, and may not have read the old row yet.
    pub(crate) async fn wait(self, moved: usize, bar: &ProgressBar, signals: &mut Signals) -> Option<Ended> {
        if moved == 0 || self.settle.is_zero() {
            return None;
        }
        let of = if moved == 1 { "its old row" } else { "their old rows" };
        let reason = format!(
            "before removing {} from {of}: polls that began before the move may not find the new row (--settle)",
            Count(moved, "moved target")
        );
        let countdown = Countdown { time: self.settle, reason };
        tokio::select! {
            biased;
            () = signals.stop() => Some(Ended::Interrupted),
            () = countdown.wait(bar) => None,
        }
    }
}
