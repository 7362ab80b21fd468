//! `sdctl token`: creates the secret that Prometheus sends to the function.

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

use crate::{
    commands::{
        arguments,
        outcome::Outcome,
        scrape_config::{ScrapeConfig, job_of, job_url, poll_url},
        token_file,
    },
    error::CliError,
    terminal::{output, style::HEADING},
};

/// The length of a token in bytes, before hex encoding.
const LENGTH: usize = 32;

/// Create a token for Prometheus
///
/// Writes a random token to a file that only you can read. Prints the token's SHA-256 for the function, and a scrape
/// configuration for Prometheus. Never prints the token itself: the function needs only the SHA-256.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl token                                    create http-sd.token
  sdctl token --file next.token --url \"$URL\"     create the next token
  sdctl token --file next.token --hash           print its SHA-256 only
  pass show http-sd | sdctl token --file - --hash
  sdctl token --name eu --job node --job mysqld  limit a token to two jobs")]
pub(crate) struct Options {
    /// Write the token to this file; with --hash, read it from this file, or from standard input (-)
    #[arg(long, value_name = "FILE", default_value = "http-sd.token")]
    file: PathBuf,
    /// Print the scrape configuration for this URL of the function or of a job [default: a placeholder]
    #[arg(long, value_name = "URL", value_parser = poll_url)]
    url: Option<String>,
    /// Name the token in the function's log: 1 to 64 letters, digits, '.', '_' or '-' [default: no name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Limit the token to this job (requires --name); repeatable [default: all jobs]
    #[arg(long = "job", value_name = "JOB", requires = "name")]
    jobs: Vec<String>,
    /// Replace an existing file; its token is lost
    #[arg(long)]
    force: bool,
    /// Create no token: print the SHA-256 of the token in the file, as `HTTP_SD_TOKEN_SHA256` expects it
    #[arg(long, conflicts_with_all = ["url", "force"])]
    hash: bool,
}

pub(crate) fn run(options: &Options) -> Result<Outcome, CliError> {
    let named = |hash| options.credential(hash);
    // An invalid name fails before the file is written.
    named(TokenHash::of(b""))?;
    if options.hash {
        writeln!(output::stdout(), "{}", named(hash_in(&options.file)?)?)?;
        return Ok(Outcome::Done);
    }
    if options.file == Path::new("-") {
        let why = "cannot write the token to standard output: a terminal or a log would show it";
        return Err(CliError::Refused(format!("{why}. Name a file with --file")));
    }
    // Prometheus may still send the replaced token: the function must accept both.
    let before = if options.force { hash_in(&options.file).ok().map(named).transpose()? } else { None };
    let token = token()?;
    write(&options.file, &token, options.force)?;
    let credential = named(TokenHash::of(token.as_bytes()))?;
    let file = path::absolute(&options.file).unwrap_or_else(|_| options.file.clone());
    write!(output::stdout(), "{}", Instructions { file: &file, url: options.url(), credential, before })?;
    Ok(Outcome::Done)
}

impl Options {
    /// Returns the URL to poll: the given one, or a placeholder with a job that the token may read.
    fn url(&self) -> String {
        self.url.clone().unwrap_or_else(|| {
            let job = self.jobs.first().map_or("node_exporter", String::as_str);
            job_url("https://<url-id>.lambda-url.<region>.on.aws", job)
        })
    }

    /// Returns the credential of the function for a token with this hash.
    fn credential(&self, hash: TokenHash) -> Result<Credential, CliError> {
        let credential = Credential::new(hash);
        let Some(name) = &self.name else { return Ok(credential) };
        let jobs = self.jobs.iter().map(|job| arguments::job(job)).collect::<Result<Vec<Job>, _>>()?;
        let named = credential.named(name).map_err(|_| {
            CliError::Refused(format!("invalid name {}: use 1 to 64 letters, digits, '.', '_' or '-'", excerpt(name)))
        })?;
        if jobs.is_empty() {
            return Ok(named);
        }
        named.limited_to(jobs).map_err(|error| CliError::Refused(format!("invalid credential: it {error}")))
    }
}

fn token() -> Result<String, CliError> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes)
        .map_err(|e| CliError::Refused(format!("cannot create a token: the system provides no random numbers: {e}")))?;
    Ok(hex::encode(bytes))
}

/// Returns the hash of the token in a file.
fn hash_in(file: &Path) -> Result<TokenHash, CliError> {
    Ok(TokenHash::of(token_file::read(file)?.as_bytes()))
}

/// Writes the token to a file that only its owner can read.
fn write(file: &Path, token: &str, replace: bool) -> Result<(), CliError> {
    let failed = |source| CliError::Write { file: file.to_owned(), source };
    if !replace {
        return create(file, token).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => CliError::Refused(format!(
                "cannot write {}: the file exists. Choose another file with --file, or replace this one with --force",
                file.display()
            )),
            _ => failed(source),
        });
    }
    // A rename is atomic: Prometheus never reads half a token. A new file also drops the old file's permissions.
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
    // A file with half a token would look valid.
    created.write_all(token.as_bytes()).and_then(|()| created.sync_all()).inspect_err(|_| {
        let _ = fs::remove_file(file);
    })
}

/// The printed instructions: where to put the token and its hash.
struct Instructions<'a> {
    file: &'a Path,
    url: String,
    credential: Credential,
    before: Option<Credential>,
}

impl Display for Instructions<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { file, url, credential, before } = self;
        writeln!(f, "{HEADING}The token{HEADING:#} is in {}. Only you can read this file.", file.display())?;
        writeln!(f, "Its SHA-256 is {}", credential.hash())?;
        let deploy = "sam deploy --parameter-overrides";
        writeln!(f, "\n{HEADING}Give the SHA-256 to the function:{HEADING:#}")?;
        match before {
            None => {
                writeln!(f, "  {deploy} \"TokenSha256={credential}\"")?;
                writeln!(f, "If another token is in use, keep it until Prometheus sends the new one:")?;
                writeln!(f, "  {deploy} \"TokenSha256=<SHA-256 of the token in use>,{credential}\"")?;
            }
            Some(before) => {
                writeln!(f, "  {deploy} \"TokenSha256={before},{credential}\"")?;
                writeln!(f, "This keeps the replaced token valid. Once Prometheus sends the new one, remove it:")?;
                writeln!(f, "  {deploy} \"TokenSha256={credential}\"")?;
            }
        }
        writeln!(f, "\n{HEADING}Without the template, set the variable:{HEADING:#}")?;
        let before = before.as_ref().map_or_else(String::new, |before| format!("{before},"));
        writeln!(f, "  {}={before}{credential}", config::TOKEN_SHA256)?;
        writeln!(f, "\n{HEADING}Add to prometheus.yml, and let Prometheus read the file:{HEADING:#}")?;
        write!(f, "{}", ScrapeConfig::with_hint(&job_of(url), url, Some(file)))?;
        writeln!(f, "\n{HEADING}To replace the token later without a failed poll:{HEADING:#}")?;
        writeln!(f, "  1. Create the next token with --file.")?;
        writeln!(f, "  2. Deploy both: \"TokenSha256={credential},<SHA-256 of the next token>\".")?;
        writeln!(f, "  3. Move the next file over this file. Prometheus reads it for each poll.")?;
        writeln!(f, "  4. Deploy the next SHA-256 alone.")
    }
}
