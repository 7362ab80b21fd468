//! Opens the table that a command reads or writes: a table in AWS, or the local table.

use std::{
    env,
    fmt::{self, Display, Formatter},
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{ArgMatches, Args, builder::NonEmptyStringValueParser};
use etcetera::{BaseStrategy, choose_base_strategy};
use http_sd_lambda::{
    config::{self, variable},
    group::{GroupName, Job, LabelNames},
    table::TableError,
};
use tokio::{net::TcpListener, time::Instant};

use super::{Overrides, Place, Record, Store, WriteError, client, journal::TableId, login};
use crate::{
    error::CliError,
    http_url,
    local::{self, Engine, LocalError},
};

/// The name of the local table.
pub(crate) const LOCAL_TABLE: &str = "http-sd";
/// The longest wait for another sdctl to close the local table.
const WAIT_FOR_FOLDER: Duration = Duration::from_secs(10);

/// Options that select the table.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Which table")]
pub(crate) struct TableOptions {
    /// Use this table in AWS, by name or ARN, with your usual AWS credentials [default: `HTTP_SD_TABLE`; if unset, the
    /// local table, through a running sdctl serve if there is one]
    #[arg(long, value_name = "NAME", value_parser = table_name, conflicts_with = "data")]
    table: Option<String>,
    /// Use the table in this region [default: `AWS_REGION`, else the region of your AWS profile]
    #[arg(long, value_name = "REGION", value_parser = NonEmptyStringValueParser::new())]
    region: Option<String>,
    /// Use this profile of your AWS configuration [default: `AWS_PROFILE`]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    profile: Option<String>,
    /// Send requests to this DynamoDB API instead of AWS's, such as `http://127.0.0.1:8000`
    #[arg(long, value_name = "URL", value_parser = endpoint_url)]
    endpoint_url: Option<String>,
    /// Use the local table in this folder [default: http-sd in your data folder, such as ~/.local/share/http-sd]
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["region", "profile", "endpoint_url"])]
    data: Option<PathBuf>,
}

/// An open table.
pub(crate) struct Connection {
    pub(crate) store: Store,
    pub(crate) location: Location,
    /// The valid label names: the setting `HTTP_SD_LABEL_NAMES`, as for the function.
    pub(crate) names: LabelNames,
}

/// The location of a table, for messages.
#[derive(Debug, Clone)]
pub(crate) enum Location {
    Local { folder: PathBuf },
    Remote { name: String, endpoint_url: Option<String>, place: Option<Place> },
}

impl TableOptions {
    /// Returns the options of a command line that may be incomplete, or of a command without these options.
    pub(crate) fn of(matches: &ArgMatches) -> Self {
        let text = |name| matches.try_get_one::<String>(name).ok().flatten().cloned();
        let data = matches.try_get_one::<PathBuf>("data").ok().flatten().cloned();
        let (table, region, profile) = (text("table"), text("region"), text("profile"));
        Self { table, region, profile, endpoint_url: text("endpoint_url"), data }
    }

    /// Opens the table for a completion, which must not ask the user: a `credential_process` may.
    pub(crate) async fn open_silently(&self) -> Option<Store> {
        let is_silent = self.name().ok()?.is_none() || !login::runs_a_program(self.profile.as_deref()).await.ok()?;
        if is_silent { Some(self.open_to_read().await.ok()?.store) } else { None }
    }

    /// Opens the table. Creates a missing local table.
    pub(crate) async fn open(&self) -> Result<Connection, CliError> {
        let connection = self.connect(false).await?;
        if let Location::Local { .. } = connection.location {
            connection.store.create().await.map_err(|error| connection.error(error))?;
        }
        Ok(connection)
    }

    /// Opens the table for reads. A missing local table is an error and is not created.
    pub(crate) async fn open_to_read(&self) -> Result<Connection, CliError> {
        self.connect(true).await
    }

    async fn connect(&self, to_read: bool) -> Result<Connection, CliError> {
        let names = config::settings(&variable)?.label_names;
        if let Some(name) = self.name()? {
            let location =
                Location::Remote { name: name.clone(), endpoint_url: self.endpoint_url.clone(), place: None };
            let overrides = Overrides {
                region: self.region.clone(),
                profile: self.profile.clone(),
                endpoint_url: self.endpoint_url.clone(),
            };
            let store = Store::new(client::connect(&name, &overrides).await?, name);
            return Ok(Connection { store, location, names });
        }
        if let Some(flag) = self.flag_of_remote() {
            return Err(CliError::NeedsTable(flag));
        }
        let folder = data_folder(self.data.as_deref())?;
        if to_read && !local::is_kept_in(&folder) {
            return Err(CliError::NoLocalTable(folder));
        }
        let client = client::logged(&local::client(&local_endpoint(&folder).await?), LOCAL_TABLE);
        let store = Store::new(client, LOCAL_TABLE);
        Ok(Connection { store, location: Location::Local { folder }, names })
    }

    /// Opens the table for writes, and prints which table it is.
    pub(crate) async fn open_to_change(&self) -> Result<Connection, CliError> {
        let mut connection = self.open().await?;
        connection.announce("Using").await?;
        Ok(connection)
    }

    /// Opens the table for a dry run, and prints which table it is. A missing local table is an error.
    pub(crate) async fn open_to_compare(&self) -> Result<Connection, CliError> {
        let mut connection = self.open_to_read().await?;
        connection.announce("Comparing with").await?;
        Ok(connection)
    }

    /// Returns the name of the table in AWS; `None` for the local table.
    fn name(&self) -> Result<Option<String>, CliError> {
        if self.table.is_some() || self.data.is_some() {
            return Ok(self.table.clone());
        }
        match env::var_os(config::TABLE) {
            None => Ok(None),
            // Probably an unset variable of a pipeline. The local table is not what its author wants.
            Some(value) if value.to_string_lossy().trim().is_empty() => Err(CliError::EmptyTable),
            Some(_) => Ok(Some(config::table(&variable)?)),
        }
    }

    fn flag_of_remote(&self) -> Option<&'static str> {
        let given = [(&self.region, "--region"), (&self.profile, "--profile"), (&self.endpoint_url, "--endpoint-url")];
        given.into_iter().find(|(value, _)| value.is_some()).map(|(_, flag)| flag)
    }
}

impl Connection {
    /// Returns the row of a group.
    pub(crate) async fn record(&self, job: &Job, name: &GroupName) -> Result<Option<Record>, CliError> {
        self.store.record(job, name, self.names).await.map_err(|error| self.error(error))
    }

    pub(crate) fn error(&self, error: TableError) -> CliError {
        match (&self.location, error) {
            (Location::Local { folder }, TableError::Missing(_)) => CliError::NoLocalTable(folder.clone()),
            (_, error) => CliError::of_table(self.store.name(), error),
        }
    }

    pub(crate) fn write_error(&self, error: WriteError) -> CliError {
        error.of_table(self.store.name())
    }

    /// Prints on standard error which table it is, with account and region. Without the permission to describe the table,
    /// the account is unknown. The journal records the writes from then on.
    pub(crate) async fn announce(&mut self, doing: &str) -> Result<(), CliError> {
        if let Location::Remote { place, .. } = &mut self.location {
            *place = Some(match self.store.place().await {
                // A policy can permit writes without DescribeTable.
                Err(TableError::Denied(_)) => self.store.supposed_place(),
                place => place.map_err(|error| CliError::of_table(self.store.name(), error))?,
            });
        }
        let _ = writeln!(anstream::stderr(), "{doing} {}", self.location);
        self.store.record_in_journal(self.location.id());
        Ok(())
    }
}

impl Location {
    /// Returns what the journal calls the table.
    pub(crate) fn id(&self) -> TableId {
        match self {
            Self::Local { folder } => {
                let folder = folder.canonicalize().unwrap_or_else(|_| folder.clone());
                TableId::Local { folder: folder.to_string_lossy().into_owned() }
            }
            Self::Remote { name, endpoint_url, place } => {
                let Place { account, region } = place.clone().unwrap_or_default();
                let variable = |name| env::var(name).ok().filter(|url| !url.is_empty());
                let endpoint_url = endpoint_url
                    .clone()
                    .or_else(|| ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"].into_iter().find_map(variable));
                // An ARN ends with the name.
                let name = name.rsplit('/').next().unwrap_or(name).to_owned();
                TableId::Remote { name, account, region, endpoint_url }
            }
        }
    }
}

impl Display for Location {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local { folder } => write!(f, "the local table \"{LOCAL_TABLE}\" in {}", folder.display()),
            Self::Remote { name, endpoint_url, place } => {
                write!(f, "table \"{name}\"")?;
                if let Some(Place { account, region }) = place {
                    write!(f, ", account {account}, region {region}")?;
                }
                if let Some(url) = endpoint_url {
                    write!(f, ", at {url}")?;
                }
                Ok(())
            }
        }
    }
}

/// Parses the name or ARN of a table.
pub(crate) fn table_name(text: &str) -> Result<String, String> {
    config::table(&|_| Some(text.to_owned())).map_err(|error| format!("expected {}", error.expected()))
}

fn endpoint_url(text: &str) -> Result<String, String> {
    http_url::parse(text, "http://127.0.0.1:8000").map(|_| text.to_owned())
}

/// Returns the folder of the local table.
pub(crate) fn data_folder(given: Option<&Path>) -> Result<PathBuf, CliError> {
    match given {
        Some(folder) => Ok(folder.to_owned()),
        None => Ok(choose_base_strategy().map_err(|_| CliError::NoHome)?.data_dir().join("http-sd")),
    }
}

/// Returns the URL of the API for the table in `folder`: that of a running `sdctl serve`, else that of an engine which
/// this function starts.
async fn local_endpoint(folder: &Path) -> Result<String, CliError> {
    let give_up = Instant::now() + WAIT_FOR_FOLDER;
    let engine = loop {
        match Engine::open(folder) {
            Err(LocalError::InUse { folder }) => {
                if let Some(endpoint) = local::endpoint(&folder) {
                    return Ok(endpoint);
                }
                if Instant::now() > give_up {
                    return Err(LocalError::InUse { folder }.into());
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            other => break other?,
        }
    };
    let failed = |e: std::io::Error| LocalError::Serve(e.to_string());
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
    let endpoint = format!("http://{}", listener.local_addr().map_err(failed)?);
    // The engine stops with the process.
    tokio::spawn(engine.serve(listener, std::future::pending()));
    Ok(endpoint)
}
