//! `sdctl table`: creates a table without the template, and describes a table.

use std::{
    fmt::{self, Display, Formatter},
    io::Write,
};

use clap::{Args, Subcommand, ValueEnum};
use http_sd_lambda::table::TableError;

use crate::{
    commands::outcome::Outcome,
    error::CliError,
    store::{
        Description, Store,
        connection::{Connection, Location, TableOptions},
    },
    terminal::{
        message, output,
        style::{ADDED, CHANGED, REMOVED},
    },
};

/// Create or describe a table
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl table create --table http-sd --region eu-central-1
  sdctl table describe --table http-sd
  sdctl table describe                  the local table")]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Create(Create),
    Describe(Describe),
}

/// Create a table as the template does
///
/// The table is billed on demand. It has the key job and group, TTL on `delete_at` and point-in-time recovery. An
/// existing table of that name stays unchanged. The local table needs no setup: the first write creates it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl table create --table http-sd --region eu-central-1
  sdctl table create --table http-sd --stream        to follow changes
  sdctl table create --table http-sd --no-recovery   for a test")]
struct Create {
    /// Turn on a stream of the keys of changed rows, which `HTTP_SD_FOLLOW_CHANGES=on` needs [default: off]
    #[arg(long)]
    stream: bool,
    /// Leave point-in-time recovery off [default: on]
    #[arg(long)]
    no_recovery: bool,
    /// Turn deletion protection on: DynamoDB then refuses to delete the table [default: off]
    #[arg(long)]
    deletion_protection: bool,
    #[command(flatten)]
    table: TableOptions,
}

/// Describe a table, and check that it can hold target groups
///
/// Exits with 1 if the table's key is not job and group.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl table describe --table http-sd
  sdctl table describe --table http-sd -o json | jq .ttl_attribute")]
struct Describe {
    /// Print in this format
    #[arg(short, long, value_enum, default_value_t = Form::Table, value_name = "FORMAT")]
    output: Form,
    #[command(flatten)]
    table: TableOptions,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    /// One line per property
    Table,
    /// A JSON object
    Json,
}

pub(crate) async fn run(options: &Options) -> Result<Outcome, CliError> {
    match &options.command {
        Command::Create(options) => create(options).await,
        Command::Describe(options) => describe(options).await,
    }
}

async fn create(options: &Create) -> Result<Outcome, CliError> {
    let Connection { store, location, .. } = options.table.open().await?;
    let name = store.name();
    if let Location::Local { .. } = location {
        writeln!(output::stdout(), "{location} needs no setup: the first write creates it")?;
        return Ok(Outcome::Done);
    }
    let region = store.region().unwrap_or("unknown");
    // The account is unknown until the table and its ARN exist.
    let _ = writeln!(anstream::stderr(), "Creating {location} in the account of your credentials, region {region}");
    let failed = |error| CliError::of_table(name, error);
    let is_new = if options.stream { store.create_with_stream().await } else { store.create().await };
    let is_new = is_new.map_err(failed)?;
    let described = store.describe().await.map_err(failed)?;
    fit(&described)?;
    let fix = Fix { description: &described, location: &location };
    if is_new {
        writeln!(output::stdout(), "created {}", described.arn)?;
        finish(options, &store, &fix).await?;
    } else {
        writeln!(output::stdout(), "table {name:?} exists already and stays unchanged")?;
        if options.stream && described.stream.is_none() {
            message::warning(format_args!("table {name:?} has no stream. Turn it on with: {}", fix.stream()));
        }
    }
    print(&store.describe().await.map_err(failed)?, &location)
}

/// Turns on the features that `CreateTable` cannot.
async fn finish(options: &Create, store: &Store, fix: &Fix<'_>) -> Result<(), CliError> {
    let unfinished = |what: &str, error: TableError, command: String| {
        let name = store.name();
        CliError::Refused(format!(
            "created table {name:?}, but cannot turn {what} on: {error}. Turn it on with: {command}"
        ))
    };
    if !options.no_recovery {
        let recoverable = store.enable_recovery().await;
        if !recoverable.map_err(|error| unfinished("point-in-time recovery", error, fix.recovery()))? {
            message::warning("this DynamoDB has no point-in-time recovery");
        }
    }
    // Last, because the table rejects other changes meanwhile.
    if options.deletion_protection {
        let protected = store.protect().await;
        protected.map_err(|error| unfinished("deletion protection", error, fix.protection()))?;
    }
    Ok(())
}

async fn describe(options: &Describe) -> Result<Outcome, CliError> {
    let connection = options.table.open_to_read().await?;
    let described = connection.store.describe().await.map_err(|error| connection.error(error))?;
    match options.output {
        Form::Table => print(&described, &connection.location)?,
        Form::Json => {
            let json = serde_json::to_string_pretty(&described).map_err(std::io::Error::from)?;
            writeln!(output::stdout(), "{json}")?;
            Outcome::Done
        }
    };
    fit(&described)?;
    Ok(Outcome::Done)
}

/// Fails if the table cannot hold target groups.
fn fit(description: &Description) -> Result<(), CliError> {
    let Description { name, fault: Some(fault), .. } = description else { return Ok(()) };
    Err(CliError::Refused(format!(
        "table {name:?} cannot hold target groups: {fault}. Name another table with --table"
    )))
}

fn print(description: &Description, location: &Location) -> Result<Outcome, CliError> {
    write!(output::stdout(), "{}", Lines { description, location })?;
    Ok(Outcome::Done)
}

/// A description that displays as one line per property.
struct Lines<'a> {
    description: &'a Description,
    location: &'a Location,
}

impl Display for Lines<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { description: table, location } = *self;
        let fix = Fix { description: table, location };
        let line = |f: &mut Formatter<'_>, name: &str, value: &dyn Display| writeln!(f, "{name:<24}{value}");
        line(f, "name:", &table.name)?;
        match location {
            Location::Local { folder } => line(f, "folder:", &folder.display())?,
            Location::Remote { .. } => {
                line(f, "arn:", &table.arn)?;
                line(f, "account:", &table.place.account)?;
                line(f, "region:", &table.place.region)?;
            }
        }
        line(f, "status:", &table.status)?;
        match &table.fault {
            None => line(f, "target groups:", &format_args!("{ADDED}yes{ADDED:#}, the key is job and group"))?,
            Some(fault) => line(f, "target groups:", &format_args!("{REMOVED}no{REMOVED:#}, {fault}"))?,
        }
        line(f, "rows:", &format_args!("{} (DynamoDB updates this number every six hours)", table.items))?;
        line(f, "size:", &format_args!("{} bytes (DynamoDB updates this number every six hours)", table.bytes))?;
        line(f, "billing:", &table.billing)?;
        line(f, "deletion protection:", &if table.deletion_protection { "on" } else { "off" })?;
        match &table.stream {
            Some(stream) => line(f, "stream:", &format_args!("on, {}, {}", stream.view_type, stream.arn))?,
            None => line(f, "stream:", &"off; only HTTP_SD_FOLLOW_CHANGES=on needs it")?,
        }
        let is_local = matches!(location, Location::Local { .. });
        match table.ttl_attribute.as_deref() {
            Some("delete_at") => line(f, "time to live:", &format_args!("{ADDED}on{ADDED:#}, attribute delete_at"))?,
            Some(other) => {
                let off = fix.time_to_live(false, other);
                let on = fix.time_to_live(true, "delete_at");
                let wrong = format_args!(
                    "{CHANGED}on, attribute {other:?}{CHANGED:#} instead of delete_at. Run: {off}; an hour later \
                     run: {on}"
                );
                line(f, "time to live:", &wrong)?;
            }
            None => {
                let on = fix.time_to_live(true, "delete_at");
                line(
                    f,
                    "time to live:",
                    &format_args!("{CHANGED}off{CHANGED:#}, or your credentials cannot read it. Turn it on with: {on}"),
                )?;
            }
        }
        match table.point_in_time_recovery {
            Some(true) => line(f, "point-in-time recovery:", &format_args!("{ADDED}on{ADDED:#}")),
            Some(false) => {
                let on = fix.recovery();
                line(f, "point-in-time recovery:", &format_args!("{CHANGED}off{CHANGED:#}. Turn it on with: {on}"))
            }
            None if is_local => line(f, "point-in-time recovery:", &"not available for a local table"),
            None => line(f, "point-in-time recovery:", &"not available, or your credentials cannot read it"),
        }
    }
}

/// The AWS CLI commands that fix a table.
struct Fix<'a> {
    description: &'a Description,
    location: &'a Location,
}

impl Fix<'_> {
    fn time_to_live(&self, enabled: bool, attribute: &str) -> String {
        let specification = format!("Enabled={enabled},AttributeName={attribute}");
        self.command("update-time-to-live", &format!("--time-to-live-specification {specification}"))
    }

    fn protection(&self) -> String {
        self.command("update-table", "--deletion-protection-enabled")
    }

    fn stream(&self) -> String {
        self.command("update-table", "--stream-specification StreamEnabled=true,StreamViewType=KEYS_ONLY")
    }

    fn recovery(&self) -> String {
        let on = "--point-in-time-recovery-specification PointInTimeRecoveryEnabled=true";
        self.command("update-continuous-backups", on)
    }

    fn command(&self, name: &str, what: &str) -> String {
        let Description { name: table, place, .. } = self.description;
        let endpoint = match self.location {
            Location::Remote { endpoint_url: Some(url), .. } => format!(" --endpoint-url {url}"),
            _ => String::new(),
        };
        format!("aws dynamodb {name}{endpoint} --region {} --table-name {table} {what}", place.region)
    }
}
