//! The options of commands that bring rows back.

use clap::Args;

use crate::commands::{percent::percent, settle::Settle};

/// Options that show, limit and write a plan.
#[derive(Debug, Args)]
pub(crate) struct Caution {
    /// Show the plan without writing; exit with 2 if the plan has changes
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Write without asking
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Refuse the plan if it removes more than this percentage of a job's or the table's groups or targets
    #[arg(long, value_name = "PERCENT", default_value_t = 20, value_parser = percent)]
    pub(crate) max_removed: u8,
    #[command(flatten)]
    pub(crate) settle: Settle,
    /// Show every change; by default a plan shows 20 of each kind per job
    #[arg(long)]
    pub(crate) full: bool,
}
