//! `sdctl scrape-config`: prints the configuration with which a poller polls a URL of the function.

use std::{
    fmt::{self, Display, Formatter},
    io::Write,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use http_sd_lambda::{group::URL_SEGMENT, page::ScrapeConfigs};
use percent_encoding::{percent_decode_str, utf8_percent_encode};

use super::outcome::Outcome;
use crate::{error::CliError, http_url, terminal::output};

/// The longest name of a Kubernetes resource that every kind accepts, in bytes (RFC 1123).
const RESOURCE_NAME: usize = 63;

/// Print the configuration with which a poller polls a URL
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl scrape-config \"${URL}prom/node_exporter\" --token-file http-sd.token
  sdctl scrape-config http://127.0.0.1:8088/prom/node_exporter --for vmagent
  sdctl scrape-config \"$URL\" --for operator      a Kubernetes resource")]
pub(crate) struct Options {
    /// Poll this URL of a job; to the URL of the function, sdctl adds `/prom/node_exporter`
    #[arg(value_name = "URL", value_parser = poll_url)]
    url: String,
    /// Print the configuration of this poller
    #[arg(long = "for", value_name = "POLLER", value_enum, default_value_t = Poller::Prometheus)]
    poller: Poller,
    /// Use the token in this file of the poller's machine [default: no token]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// A poller, by the form of its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Poller {
    /// Prometheus: prometheus.yml
    Prometheus,
    /// vmagent: the file of -promscrape.config
    Vmagent,
    /// Grafana Alloy: config.alloy
    Alloy,
    /// prometheus-operator: a resource of the kind `ScrapeConfig`
    Operator,
    /// OpenTelemetry Collector and its target allocator: the receiver prometheus
    Opentelemetry,
}

pub(crate) fn run(options: &Options) -> Result<Outcome, CliError> {
    let Options { url, poller, token_file } = options;
    let config = ScrapeConfig { poller: *poller, job: &job_of(url), url, token_file: token_file.as_deref() };
    write!(output::stdout(), "{config}")?;
    Ok(Outcome::Done)
}

/// Returns the URL of a job, given the URL of the function.
pub(crate) fn job_url(function: &str, job: &str) -> String {
    format!("{function}/prom/{}", utf8_percent_encode(job, URL_SEGMENT))
}

/// Parses the URL of a job. The function's own URL becomes the URL of the job `node_exporter`.
pub(crate) fn poll_url(text: &str) -> Result<String, String> {
    const EXAMPLE: &str = "https://id.lambda-url.eu-central-1.on.aws/prom";
    let url = http_url::parse(text, EXAMPLE)?;
    let parts = text.split_once("://").filter(|(scheme, _)| scheme.eq_ignore_ascii_case(url.scheme()));
    // The scrape configuration contains the URL without quotes.
    let is_plain = text.bytes().all(|b| b.is_ascii_graphic() && !b"\"'#\\".contains(&b));
    let Some((scheme, rest)) = parts.filter(|_| is_plain) else {
        return Err(format!(
            "it must start with http:// or https:// and contain no blanks or quotes. Use a URL such as {EXAMPLE}"
        ));
    };
    Ok(match rest.trim_end_matches('/') {
        host if !host.contains('/') => format!("{scheme}://{host}/prom/node_exporter"),
        _ => text.to_owned(),
    })
}

/// Returns the job in the URL, or `everything` for a URL of all jobs.
pub(crate) fn job_of(url: &str) -> String {
    let job = url.split_once("/prom/").and_then(|(_, rest)| rest.split(['?', '/']).next());
    let job = job.filter(|job| !job.is_empty()).unwrap_or("everything");
    percent_decode_str(job).decode_utf8_lossy().into_owned()
}

/// The configuration of a poller. It displays as the text for the poller's file.
pub(crate) struct ScrapeConfig<'a> {
    pub(crate) poller: Poller,
    pub(crate) job: &'a str,
    pub(crate) url: &'a str,
    /// The file of the bearer token, if the function requires one.
    pub(crate) token_file: Option<&'a Path>,
}

impl Display for ScrapeConfig<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.poller {
            Poller::Prometheus | Poller::Vmagent => self.scrape_configs(f, ""),
            Poller::Opentelemetry => {
                writeln!(f, "receivers:\n  prometheus:\n    config:")?;
                // The Collector expands $NAME, and reads $$ as $.
                let mut text = String::new();
                self.scrape_configs(&mut text, "      ")?;
                f.write_str(&text.replace('$', "$$"))
            }
            Poller::Alloy => self.alloy(f),
            Poller::Operator => self.operator(f),
        }
    }
}

impl ScrapeConfig<'_> {
    /// Returns the configuration for Prometheus, indented as part of a longer text, and how to get it for other pollers.
    pub(crate) fn with_hint(job: &str, url: &str, token_file: Option<&Path>) -> String {
        let config = ScrapeConfig { poller: Poller::Prometheus, job, url, token_file }.to_string();
        let indented = config.lines().fold(String::new(), |text, line| text + "  " + line + "\n");
        format!(
            "{indented}For another poller: sdctl scrape-config '{url}' --for vmagent (or alloy, operator, opentelemetry)\n"
        )
    }

    fn scrape_configs(&self, f: &mut impl fmt::Write, indent: &str) -> fmt::Result {
        let token_file = self.token_file.map(|file| file.display().to_string());
        let (token_file, refresh_interval) = (token_file.as_deref(), self.poller != Poller::Vmagent);
        let text = ScrapeConfigs { job: self.job, url: self.url, token_file, refresh_interval }.to_string();
        text.lines().try_for_each(|line| writeln!(f, "{indent}{line}"))
    }

    /// <https://grafana.com/docs/alloy/latest/reference/components/discovery/discovery.http/>
    fn alloy(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { job, url, token_file, .. } = self;
        let mut label: String = job.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        if label.starts_with(|c: char| c.is_ascii_digit()) {
            label.insert(0, '_');
        }
        writeln!(f, "discovery.http \"{label}\" {{")?;
        writeln!(f, "  url              = {}", quoted(url)?)?;
        writeln!(f, "  refresh_interval = \"1m\"")?;
        if let Some(file) = token_file {
            writeln!(f, "  authorization {{")?;
            writeln!(f, "    type             = \"Bearer\"")?;
            writeln!(f, "    credentials_file = {}", quoted(&file.display().to_string())?)?;
            writeln!(f, "  }}")?;
        }
        writeln!(f, "}}\nprometheus.scrape \"{label}\" {{")?;
        writeln!(f, "  job_name   = {}", quoted(job)?)?;
        writeln!(f, "  targets    = discovery.http.{label}.targets")?;
        writeln!(f, "  forward_to = [prometheus.remote_write.default.receiver]\n}}")
    }

    /// <https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1alpha1.ScrapeConfig>
    fn operator(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { job, url, token_file, .. } = self;
        let name: String =
            job.to_ascii_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let name = name[..name.len().min(RESOURCE_NAME)].trim_matches('-');
        if let Some(file) = token_file {
            writeln!(f, "# kubectl create secret generic http-sd --from-file=token={}", file.display())?;
        }
        writeln!(f, "apiVersion: monitoring.coreos.com/v1alpha1\nkind: ScrapeConfig\nmetadata:")?;
        writeln!(f, "  name: {}", if name.is_empty() { "http-sd" } else { name })?;
        writeln!(f, "spec:\n  jobName: {}", quoted(job)?)?;
        writeln!(f, "  httpSDConfigs:\n    - url: {url}\n      refreshInterval: 1m")?;
        if token_file.is_none() {
            return Ok(());
        }
        writeln!(f, "      authorization:\n        type: Bearer")?;
        writeln!(f, "        credentials:\n          name: http-sd\n          key: token")
    }
}

/// Returns the text as JSON, which is also YAML and Alloy's syntax. The quotes keep YAML from reading another type.
fn quoted(text: &str) -> Result<String, fmt::Error> {
    serde_json::to_string(text).map_err(|_| fmt::Error)
}
