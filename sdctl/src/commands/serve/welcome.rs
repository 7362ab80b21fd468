//! The text that `sdctl serve` prints when it is ready: URLs, and lines to copy.

use std::{
    fmt::{self, Display, Formatter},
    path::{Path, PathBuf},
};

use crate::commands::scrape_config::{ScrapeConfig, job_url};

/// The text. It displays with values to copy.
#[derive(Debug)]
pub(crate) struct Welcome {
    /// The URL of the service.
    pub(crate) url: String,
    /// The job in the examples.
    pub(crate) job: String,
    /// The table's name.
    pub(crate) table: String,
    /// Whether the service requires a token.
    pub(crate) token: bool,
    /// Whether the service has pages for people.
    pub(crate) page: bool,
    /// The local table; `None` for a table in AWS.
    pub(crate) local: Option<LocalTable>,
}

/// A table of the embedded engine.
#[derive(Debug)]
pub(crate) struct LocalTable {
    /// The URL of the engine's API.
    pub(crate) endpoint: String,
    /// The data folder.
    pub(crate) folder: PathBuf,
}

impl Display for Welcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { url, job, table, token, page, local } = self;
        let job_url = job_url(url, job);
        writeln!(f, "Serving target groups for Prometheus:")?;
        writeln!(f, "  one job    {job_url}")?;
        writeln!(f, "  all jobs   {url}/prom")?;
        if *page {
            let password = if *token { "; the password is the token" } else { "" };
            writeln!(f, "  page       {url}/ in a browser{password}")?;
        }
        match local {
            Some(local) => {
                writeln!(f, "from the local table \"{table}\":")?;
                writeln!(f, "  DynamoDB   {}", local.endpoint)?;
                writeln!(f, "  data       {}", local.folder.display())?;
            }
            None => writeln!(f, "from the table \"{table}\" in AWS.")?,
        }
        writeln!(f, "\nPoll as Prometheus does:")?;
        let header = if *token { "-H \"Authorization: Bearer $TOKEN\" " } else { "" };
        writeln!(f, "  curl {header}{job_url}")?;
        writeln!(f, "\nAdd to prometheus.yml:")?;
        let token_file = token.then_some(Path::new("/etc/prometheus/http-sd.token"));
        write!(f, "{}", ScrapeConfig::with_hint(job, &job_url, token_file))?;
        writeln!(f, "\nAdd a group:")?;
        let key = serde_json::to_string(job).map_err(|_| fmt::Error)?.replace('\'', r"'\''");
        let content = r#""targets":{"L":[{"S":"127.0.0.1:9100"}]},"labels":{"M":{"env":{"S":"dev"}}}"#;
        let item = format!(r#"{{"job":{{"S":{key}}},"group":{{"S":"my-group"}},{content}}}"#);
        if let Some(local) = local {
            writeln!(f, "  AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local \\")?;
            writeln!(
                f,
                "  aws dynamodb put-item --endpoint-url {} --region us-east-1 --table-name {table} \\",
                local.endpoint
            )?;
        } else {
            writeln!(f, "  aws dynamodb put-item --table-name {table} \\")?;
        }
        writeln!(f, "    --item '{item}'")?;
        write!(f, "\nPress Ctrl-C to stop.")
    }
}
