//! `sdctl check`: what a poller would make of files or of an endpoint, before it does.

mod address;
mod files;
mod finding;
mod poll;
mod profile;
mod scrape;
mod size;
mod twice;
mod url;

use std::{path::PathBuf, time::Duration};

use clap::Args;
use reqwest::Url;

use self::{finding::Output, poll::Poller, profile::Profile};
use crate::{
    commands::{arguments, outcome::Outcome},
    error::CliError,
    http_url,
};

/// Check files, or an endpoint, against what Prometheus accepts
///
/// Prometheus rejects a whole list over one fault in it. Each fault is named with its place and with what the poller
/// would do about it; what it would take, but not scrape as it was meant, is a warning.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl check targets.json more/        lists of target groups, and folders
  sdctl check prometheus.yml            a Prometheus configuration, its files
  terraform output -json targets | sdctl check - --job node
  sdctl check --url http://127.0.0.1:8088/prom/node_exporter
  sdctl check --url https://…/prom --token-file http-sd.token
  sdctl check --strict -o json targets/ for scripts

Exit codes: 0 no fault, though maybe warnings; 1 could not check; 2 faults (--strict: or warnings). An endpoint that does not answer is a fault; a file that is not there could not be checked.")]
pub(crate) struct Options {
    /// Lists of target groups in JSON or YAML, Prometheus configurations, folders of them, or - for standard input
    #[arg(value_name = "FILE", required_unless_present = "url", conflicts_with = "url")]
    files: Vec<PathBuf>,
    /// Job of the lists [default: the file's name without its extension]
    #[arg(long, value_name = "JOB", conflicts_with = "url")]
    job: Option<String>,
    /// Poll this URL as Prometheus does, and check the answer
    #[arg(long, value_name = "URL", value_parser = polled_url)]
    url: Option<Url>,
    /// Send the bearer token in this file
    #[arg(long, value_name = "FILE", conflicts_with = "files")]
    token_file: Option<PathBuf>,
    /// Refresh interval of the poller, for which it waits for an answer
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = refresh_interval, conflicts_with = "files")]
    refresh_interval: Duration,
    /// By whose rules
    #[arg(long = "for", value_name = "POLLER", value_enum, default_value_t = Profile::Prometheus2)]
    profile: Profile,
    /// Let warnings count as faults
    #[arg(long)]
    strict: bool,
    /// How to print it
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Output::Human)]
    output: Output,
}

pub(crate) async fn run(options: Options) -> Result<Outcome, CliError> {
    let Options { output, strict, profile, refresh_interval, .. } = options;
    if let Some(url) = &options.url {
        let poller = Poller::new(url, options.token_file.as_deref(), refresh_interval)?;
        return url::check(&poller, url, refresh_interval, profile).await?.print(output, strict);
    }
    let job = options.job.as_deref().map(arguments::job).transpose()?;
    files::check(&options.files, job.as_ref(), profile)?.print(output, strict)
}

/// Parses a URL that Prometheus can poll.
fn polled_url(text: &str) -> Result<Url, String> {
    http_url::parse(text, "http://127.0.0.1:8088/prom")
}

fn refresh_interval(text: &str) -> Result<Duration, String> {
    match arguments::duration(text)? {
        Duration::ZERO => Err("a refresh interval is not zero".into()),
        interval => Ok(interval),
    }
}
