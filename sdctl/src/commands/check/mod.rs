//! `sdctl check`: checks files or an endpoint by the rules of a poller.

mod files;
mod finding;
mod poll;
mod profile;
mod rows;
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
    store::connection::TableOptions,
};

/// Check files, a URL or the table by Prometheus's rules
///
/// Prometheus rejects a whole list for one fault. sdctl reports each fault with its place and its effect on the poller.
/// A warning reports an entry that the poller accepts, but does not scrape as intended.
///
/// With --rows, sdctl checks the rows of the table: broken rows, jobs without targets, targets that a job has twice,
/// kept and expired leases, times in milliseconds, and rows near 400 KB. An option under 'Which table' implies --rows.
#[derive(Debug, Args)]
#[command(
    override_usage = "sdctl check [OPTIONS] FILE...
       sdctl check [OPTIONS] --url URL
       sdctl check [OPTIONS] --rows",
    after_help = "\
Examples:
  sdctl check targets.json more/        lists of target groups, and a folder
  sdctl check prometheus.yml            a configuration and the files it names
  sdctl check -R /etc/prometheus        a folder with its subfolders
  terraform output -json targets | sdctl check - --job node
  sdctl check --url http://127.0.0.1:8088/prom/node_exporter
  sdctl check --url https://…/prom --token-file http-sd.token
  sdctl check --table http-sd           the rows of a table in AWS
  sdctl check --rows                    those of HTTP_SD_TABLE, or local ones
  sdctl check --strict -o json targets/  for scripts

Exit codes:
  0  no faults; warnings are possible
  1  the check failed, for example because a file is missing
  2  faults, or with --strict warnings; an endpoint that does not respond is
     a fault"
)]
pub(crate) struct Options {
    /// Check lists of target groups in JSON or YAML, Prometheus configurations, folders of these, or standard input (-)
    #[arg(value_name = "FILE", conflicts_with = "TableOptions",
        required_unless_present_any = ["url", "rows", "TableOptions"])]
    files: Vec<PathBuf>,
    /// Check the subfolders of folders too; links to folders are not followed
    #[arg(short = 'R', long, conflicts_with = "url")]
    recursive: bool,
    /// Check the rows of the table [default: only with an option under 'Which table']
    #[arg(long, conflicts_with_all = ["files", "url"])]
    rows: bool,
    /// Use this job for lists of target groups [default: the file name without its extension]
    #[arg(long, value_name = "JOB", conflicts_with_all = ["url", "rows", "TableOptions"])]
    job: Option<String>,
    /// Poll this URL as the poller does, and check the response
    #[arg(long, value_name = "URL", value_parser = polled_url, conflicts_with_all = ["files", "TableOptions"])]
    url: Option<Url>,
    /// Send the bearer token in this file [default: no token]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["files", "rows", "TableOptions"])]
    token_file: Option<PathBuf>,
    /// Trust only the authorities in this PEM file, as `tls_config.ca_file` of Prometheus does [default: the authorities
    /// of the system]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["files", "rows", "TableOptions"])]
    ca_file: Option<PathBuf>,
    /// Use this refresh interval of the poller, which is also the time-out of the poll
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = refresh_interval,
        conflicts_with_all = ["files", "rows", "TableOptions"])]
    refresh_interval: Duration,
    /// Apply the rules of this poller
    #[arg(long = "for", id = "poller", value_name = "POLLER", value_enum, default_value_t = Profile::Prometheus2)]
    profile: Profile,
    /// Count warnings as faults
    #[arg(long)]
    strict: bool,
    /// Print in this format
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Output::Human)]
    output: Output,
    #[command(flatten)]
    table: TableOptions,
}

pub(crate) async fn run(options: Options) -> Result<Outcome, CliError> {
    let Options { output, strict, profile, refresh_interval, .. } = options;
    if let Some(url) = &options.url {
        let files = poll::Files { token: options.token_file.as_deref(), authorities: options.ca_file.as_deref() };
        let poller = Poller::new(url, files, refresh_interval, profile)?;
        return url::check(&poller, url, refresh_interval, profile).await?.print(output, strict);
    }
    if options.files.is_empty() {
        return rows::check(&options.table, profile).await?.print(output, strict);
    }
    let job = options.job.as_deref().map(arguments::job).transpose()?;
    files::check(&options.files, options.recursive, job.as_ref(), profile)?.print(output, strict)
}

/// Parses a URL that Prometheus can poll.
fn polled_url(text: &str) -> Result<Url, String> {
    http_url::parse(text, "http://127.0.0.1:8088/prom")
}

fn refresh_interval(text: &str) -> Result<Duration, String> {
    match arguments::duration(text)? {
        Duration::ZERO => Err("a refresh interval must be longer than 0s".into()),
        interval => Ok(interval),
    }
}
