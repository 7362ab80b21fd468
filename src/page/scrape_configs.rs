//! The configuration with which Prometheus or vmagent polls a URL of the function.

use std::fmt::{self, Display, Formatter};

/// A list `scrape_configs` with one job. It displays as YAML.
#[derive(Debug, Clone, Copy)]
pub struct ScrapeConfigs<'a> {
    /// The name of the job.
    pub job: &'a str,
    /// The URL to poll, without blanks and quotes.
    pub url: &'a str,
    /// The file of the bearer token, if the function requires one.
    pub token_file: Option<&'a str>,
    /// Whether to write `refresh_interval`. vmagent refuses the field: its flag -promscrape.httpSDCheckInterval sets
    /// the interval.
    pub refresh_interval: bool,
}

impl Display for ScrapeConfigs<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { job, url, token_file, refresh_interval } = self;
        writeln!(f, "scrape_configs:")?;
        writeln!(f, "  - job_name: {}", quoted(job)?)?;
        writeln!(f, "    http_sd_configs:")?;
        writeln!(f, "      - url: {url}")?;
        if *refresh_interval {
            writeln!(f, "        refresh_interval: 1m")?;
        }
        let Some(file) = token_file else { return Ok(()) };
        let is_plain = file.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b));
        // Without an explicit type, Prometheus 2.42 sends the token without the scheme.
        writeln!(f, "        authorization:")?;
        writeln!(f, "          type: Bearer")?;
        writeln!(f, "          credentials_file: {}", if is_plain { (*file).to_owned() } else { quoted(file)? })
    }
}

/// Returns the text as JSON, which is also YAML. The quotes keep YAML from reading another type.
fn quoted(text: &str) -> Result<String, fmt::Error> {
    serde_json::to_string(text).map_err(|_| fmt::Error)
}
