//! `sdctl table`: making a table without the template, and describing one.

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

/// Make a table without the template, or describe one
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

/// Make a table, as the template does
///
/// On demand, with the key job and group, TTL on `delete_at` and point-in-time recovery. A table of that name that is
/// there already is left as it is. The local table needs no making.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl table create --table http-sd --region eu-central-1
  sdctl table create --table http-sd --no-recovery   to try things")]
struct Create {
    /// Do not turn point-in-time recovery on
    #[arg(long)]
    no_recovery: bool,
    /// Keep the table from being deleted, until you turn that off
    #[arg(long)]
    deletion_protection: bool,
    #[command(flatten)]
    table: TableOptions,
}

/// Say what a table is like, and whether it can be served
///
/// Exits with 1 if the table's key is not that of target groups.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl table describe --table http-sd
  sdctl table describe --table http-sd -o json | jq .ttl_attribute")]
struct Describe {
    /// Form of the description
    #[arg(short, long, value_enum, default_value_t = Form::Table, value_name = "FORMAT")]
    output: Form,
    #[command(flatten)]
    table: TableOptions,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    /// For people
    Table,
    /// For programs
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
        writeln!(output::stdout(), "{location} is there: whatever writes to it first makes it")?;
        return Ok(Outcome::Done);
    }
    let region = store.region().unwrap_or("unknown");
    // Which account that is shows only in the ARN of a table that is there.
    let _ = writeln!(anstream::stderr(), "Making {location}, in the account of your credentials, region {region}");
    let failed = |error| CliError::of_table(name, error);
    let is_new = store.create().await.map_err(failed)?;
    let described = store.describe().await.map_err(failed)?;
    fit(&described)?;
    if is_new {
        writeln!(output::stdout(), "made {}", described.arn)?;
        finish(options, &store, &Mend { description: &described, location: &location }).await?;
    } else {
        writeln!(output::stdout(), "table {name:?} is there already, and is left as it is")?;
    }
    print(&store.describe().await.map_err(failed)?, &location)
}

/// What a new table is given once it is there.
async fn finish(options: &Create, store: &Store, mend: &Mend<'_>) -> Result<(), CliError> {
    let unfinished = |what: &str, error: TableError, command: String| {
        let name = store.name();
        CliError::Refused(format!("table {name:?} is made, but {what} could not be turned on: {error}; try {command}"))
    };
    if !options.no_recovery {
        let recoverable = store.enable_recovery().await;
        if !recoverable.map_err(|error| unfinished("point-in-time recovery", error, mend.recovery()))? {
            message::warning("there is no point-in-time recovery here");
        }
    }
    // It changes the table, which takes nothing else meanwhile.
    if options.deletion_protection {
        let protected = store.protect().await;
        protected.map_err(|error| unfinished("deletion protection", error, mend.protection()))?;
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

/// An error if the table is not one of target groups.
fn fit(description: &Description) -> Result<(), CliError> {
    let Description { name, fault: Some(fault), .. } = description else { return Ok(()) };
    Err(CliError::Refused(format!("table {name:?} is not one of target groups; name another with --table: {fault}")))
}

fn print(description: &Description, location: &Location) -> Result<Outcome, CliError> {
    write!(output::stdout(), "{}", Lines { description, location })?;
    Ok(Outcome::Done)
}

/// A description for people: a line for each property.
struct Lines<'a> {
    description: &'a Description,
    location: &'a Location,
}

impl Display for Lines<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { description: table, location } = *self;
        let mend = Mend { description: table, location };
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
            None => line(f, "target groups:", &format_args!("{ADDED}yes{ADDED:#}, its key is job and group"))?,
            Some(fault) => line(f, "target groups:", &format_args!("{REMOVED}no{REMOVED:#}, {fault}"))?,
        }
        line(f, "rows:", &format_args!("{}, as counted in the last six hours", table.items))?;
        line(f, "size:", &format_args!("{} bytes, as counted in the last six hours", table.bytes))?;
        line(f, "billing:", &table.billing)?;
        line(f, "deletion protection:", &if table.deletion_protection { "on" } else { "off" })?;
        let is_local = matches!(location, Location::Local { .. });
        match table.ttl_attribute.as_deref() {
            Some("delete_at") => line(f, "time to live:", &format_args!("{ADDED}on{ADDED:#}, by delete_at"))?,
            Some(other) => {
                let off = mend.time_to_live(false, other);
                let on = mend.time_to_live(true, "delete_at");
                let wrong =
                    format_args!("{CHANGED}by {other:?}{CHANGED:#}, not by delete_at: {off}; an hour later {on}");
                line(f, "time to live:", &wrong)?;
            }
            None => {
                let on = mend.time_to_live(true, "delete_at");
                line(f, "time to live:", &format_args!("{CHANGED}off{CHANGED:#}, or not ours to see: {on}"))?;
            }
        }
        match table.point_in_time_recovery {
            Some(true) => line(f, "point-in-time recovery:", &format_args!("{ADDED}on{ADDED:#}")),
            Some(false) => {
                let on = mend.recovery();
                line(f, "point-in-time recovery:", &format_args!("{CHANGED}off{CHANGED:#}: {on}"))
            }
            None if is_local => line(f, "point-in-time recovery:", &"not for a local table"),
            None => line(f, "point-in-time recovery:", &"none here, or not ours to see"),
        }
    }
}

/// The commands of the AWS CLI that put a table right.
struct Mend<'a> {
    description: &'a Description,
    location: &'a Location,
}

impl Mend<'_> {
    fn time_to_live(&self, enabled: bool, attribute: &str) -> String {
        let specification = format!("Enabled={enabled},AttributeName={attribute}");
        self.command("update-time-to-live", &format!("--time-to-live-specification {specification}"))
    }

    fn protection(&self) -> String {
        self.command("update-table", "--deletion-protection-enabled")
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
