//! `sdctl token`: the secret between Prometheus and the function.

use std::{
    fmt::{self, Display, Formatter},
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{self, Path, PathBuf},
};

use clap::Args;
use http_sd_lambda::{
    config,
    group::{Job, excerpt},
    http::{Credential, TokenHash},
};
use percent_encoding::percent_decode_str;

use crate::{
    commands::{
        arguments,
        outcome::Outcome,
        scrape_config::{ScrapeConfig, job_url},
        token_file,
    },
    error::CliError,
    http_url,
    terminal::{output, style::HEADING},
};

/// Length of a token in bytes, before it is written in hex.
const LENGTH: usize = 32;

/// Make a token for Prometheus
///
/// Writes a random token to a file that only you can read, and prints its SHA-256, which is all that the function is
/// given, and where both go. The token itself is not printed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl token                                    a token in http-sd.token
  sdctl token --file next.token --url \"$URL\"     the next one
  sdctl token --file next.token --hash           its SHA-256, for scripts
  sdctl token --name eu --job node --job mysqld  one that reads two jobs only")]
pub(crate) struct Options {
    /// File for the token
    #[arg(long, value_name = "FILE", default_value = "http-sd.token")]
    file: PathBuf,
    /// URL of the function, or of one of its jobs, for the lines to paste into prometheus.yml
    #[arg(long, value_name = "URL", value_parser = url)]
    url: Option<String>,
    /// Name by which the function's log tells whose token it is
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// A job that the token may read, if not every job; may be repeated
    #[arg(long = "job", value_name = "JOB", requires = "name")]
    jobs: Vec<String>,
    /// Replace the file if it is there; what it held is lost
    #[arg(long)]
    force: bool,
    /// Make no token: print the SHA-256 of the one in the file, as the function takes it
    #[arg(long, conflicts_with_all = ["url", "force"])]
    hash: bool,
}

/// Parses the URL of a job: the function's own URL becomes the URL of the job `node_exporter`.
fn url(text: &str) -> Result<String, String> {
    const EXAMPLE: &str = "https://id.lambda-url.eu-central-1.on.aws/prom";
    let url = http_url::parse(text, EXAMPLE)?;
    let parts = text.split_once("://").filter(|(scheme, _)| scheme.eq_ignore_ascii_case(url.scheme()));
    // The URL goes into YAML without quotes.
    let is_plain = text.bytes().all(|b| b.is_ascii_graphic() && !b"\"'#\\".contains(&b));
    let Some((scheme, rest)) = parts.filter(|_| is_plain) else {
        return Err(format!(
            "it must start with http:// or https:// and have no blanks or quotes; write it as {EXAMPLE}"
        ));
    };
    Ok(match rest.trim_end_matches('/') {
        host if !host.contains('/') => format!("{scheme}://{host}/prom/node_exporter"),
        _ => text.to_owned(),
    })
}

pub(crate) fn run(options: &Options) -> Result<Outcome, CliError> {
    let named = |hash| options.credential(hash);
    // Before anything is written, for the name may be wrong.
    named(TokenHash::of(b""))?;
    if options.hash {
        writeln!(output::stdout(), "{}", named(hash_in(&options.file)?)?)?;
        return Ok(Outcome::Done);
    }
    // What it was is good to know for as long as Prometheus still sends it.
    let before = if options.force { hash_in(&options.file).ok().map(named).transpose()? } else { None };
    let token = token()?;
    write(&options.file, &token, options.force)?;
    let credential = named(TokenHash::of(token.as_bytes()))?;
    let file = path::absolute(&options.file).unwrap_or_else(|_| options.file.clone());
    write!(output::stdout(), "{}", Instructions { file: &file, url: options.url(), credential, before })?;
    Ok(Outcome::Done)
}

impl Options {
    /// Where Prometheus polls, or what that looks like: a job that the token may read.
    fn url(&self) -> String {
        self.url.clone().unwrap_or_else(|| {
            let job = self.jobs.first().map_or("node_exporter", String::as_str);
            job_url("https://<url-id>.lambda-url.<region>.on.aws", job)
        })
    }

    /// What the function is to know of a token with that hash.
    fn credential(&self, hash: TokenHash) -> Result<Credential, CliError> {
        let credential = Credential::new(hash);
        let Some(name) = &self.name else { return Ok(credential) };
        let jobs = self.jobs.iter().map(|job| arguments::job(job)).collect::<Result<Vec<Job>, _>>()?;
        let named = credential.named(name).map_err(|_| {
            CliError::Refused(format!(
                "the name {} is none: it takes 1 to 64 letters, digits, '.', '_' or '-'",
                excerpt(name)
            ))
        })?;
        if jobs.is_empty() {
            return Ok(named);
        }
        named.limited_to(jobs).map_err(|error| CliError::Refused(format!("the credential {error}")))
    }
}

fn token() -> Result<String, CliError> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).map_err(|e| CliError::Refused(format!("the system gives no random numbers: {e}")))?;
    Ok(hex::encode(bytes))
}

/// The hash of the token in a file.
fn hash_in(file: &Path) -> Result<TokenHash, CliError> {
    Ok(TokenHash::of(token_file::read(file)?.as_bytes()))
}

/// Writes a file for our eyes only.
fn write(file: &Path, token: &str, replace: bool) -> Result<(), CliError> {
    let failed = |source| CliError::Write { file: file.to_owned(), source };
    if !replace {
        return create(file, token).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => CliError::Refused(format!(
                "{} is there already: choose another file with --file, or replace it with --force",
                file.display()
            )),
            _ => failed(source),
        });
    }
    // Written aside and renamed, so that Prometheus never reads half of it, and whoever can read the old file only
    // because it was so before cannot read the new one.
    let mut aside = file.as_os_str().to_owned();
    aside.push(format!(".{}.new", std::process::id()));
    create(Path::new(&aside), token).map_err(failed)?;
    fs::rename(&aside, file).map_err(|source| {
        let _ = fs::remove_file(&aside);
        failed(source)
    })
}

fn create(file: &Path, token: &str) -> io::Result<()> {
    let mut created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    // A file that holds half a token would be taken for one.
    created.write_all(token.as_bytes()).and_then(|()| created.sync_all()).inspect_err(|_| {
        let _ = fs::remove_file(file);
    })
}

/// The job that a URL is of.
fn job_of(url: &str) -> String {
    let job = url.split_once("/prom/").and_then(|(_, rest)| rest.split(['?', '/']).next());
    let job = job.filter(|job| !job.is_empty()).unwrap_or("everything");
    percent_decode_str(job).decode_utf8_lossy().into_owned()
}

/// What is printed: where the token and its hash go.
struct Instructions<'a> {
    file: &'a Path,
    url: String,
    credential: Credential,
    before: Option<Credential>,
}

impl Display for Instructions<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { file, url, credential, before } = self;
        writeln!(f, "{HEADING}The token{HEADING:#} is in {}, which only you can read.", file.display())?;
        writeln!(f, "Its SHA-256 is {}", credential.hash())?;
        let deploy = "sam deploy --parameter-overrides";
        writeln!(f, "\n{HEADING}Give the SHA-256 to the function:{HEADING:#}")?;
        match before {
            None => {
                writeln!(f, "  {deploy} \"TokenSha256={credential}\"")?;
                writeln!(f, "if it is the only one; beside one in use, until Prometheus sends the new token:")?;
                writeln!(f, "  {deploy} \"TokenSha256=<SHA-256 of the one in use>,{credential}\"")?;
            }
            Some(before) => {
                writeln!(f, "  {deploy} \"TokenSha256={before},{credential}\"")?;
                writeln!(f, "while Prometheus may still send the token that was there before, and then:")?;
                writeln!(f, "  {deploy} \"TokenSha256={credential}\"")?;
            }
        }
        writeln!(f, "\n{HEADING}Or, without the template, the same as a variable:{HEADING:#}")?;
        let before = before.as_ref().map_or_else(String::new, |before| format!("{before},"));
        writeln!(f, "  {}={before}{credential}", config::TOKEN_SHA256)?;
        writeln!(f, "\n{HEADING}Paste into prometheus.yml, and let Prometheus read the file:{HEADING:#}")?;
        write!(f, "{}", ScrapeConfig { job: &job_of(url), url, token_file: Some(file) })?;
        writeln!(f, "\n{HEADING}To change it later without a failed poll:{HEADING:#}")?;
        writeln!(f, "  1. make the next one with --file")?;
        writeln!(f, "  2. deploy both: \"TokenSha256={credential},<SHA-256 of the next>\"")?;
        writeln!(f, "  3. move its file over this one, which Prometheus reads for each poll")?;
        writeln!(f, "  4. deploy the next one alone")
    }
}
