//! The Prometheus scrape configuration for a URL of the function.

use std::{
    fmt::{self, Display, Formatter},
    path::Path,
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The characters to escape in a path segment: all except the unreserved ones (RFC 3986, section 2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Returns the URL of a job, given the URL of the function.
pub(crate) fn job_url(function: &str, job: &str) -> String {
    format!("{function}/prom/{}", utf8_percent_encode(job, SEGMENT))
}

/// A scrape configuration. It displays as YAML for `prometheus.yml`, indented by two spaces.
pub(crate) struct ScrapeConfig<'a> {
    pub(crate) job: &'a str,
    pub(crate) url: &'a str,
    /// The file of the bearer token, if the function requires one.
    pub(crate) token_file: Option<&'a Path>,
}

impl Display for ScrapeConfig<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { job, url, token_file } = self;
        writeln!(f, "  scrape_configs:")?;
        writeln!(f, "    - job_name: {}", quoted(job)?)?;
        writeln!(f, "      http_sd_configs:")?;
        writeln!(f, "        - url: {url}")?;
        let Some(file) = token_file else { return Ok(()) };
        let file = file.display().to_string();
        let is_plain = file.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b));
        // Without an explicit type, Prometheus 2.42 sends the token without the scheme.
        writeln!(f, "          authorization:")?;
        writeln!(f, "            type: Bearer")?;
        writeln!(f, "            credentials_file: {}", if is_plain { file } else { quoted(&file)? })
    }
}

/// Returns the text as JSON, which is also YAML. The quotes keep YAML from reading another type.
fn quoted(text: &str) -> Result<String, fmt::Error> {
    serde_json::to_string(text).map_err(|_| fmt::Error)
}
