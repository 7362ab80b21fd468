//! `sdctl serve`: the function's service on this machine.

use std::{
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use clap::Args;
use http_sd_lambda::{
    config::{self, ConfigError, variable},
    group::{EpochSeconds, Fault, Job},
    local::{self, Engine, LocalError},
    service::{Access, Service},
    table::{Expect, Overrides, Owner, Table, TableError, WriteError, connect_with},
};
use thiserror::Error;
use tokio::net::TcpListener;

use crate::{
    connection::{LOCAL_TABLE, NoHome, data_folder, table_name},
    error::Unusable,
    servers::{Servers, Stopped},
    welcome::{LocalTable, Welcome},
};

/// A job of the sample.
const EXAMPLE_JOB: &str = "node_exporter";

/// Serve a table on this machine, exactly as the function serves it
///
/// Without --table the table is a local one: a DynamoDB engine inside this process, kept in a folder, with its API on
/// --dynamodb-port for any DynamoDB client.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl serve --sample                     a local table with a small fleet
  sdctl serve --port 9088 --data ./fleet   another port, another folder
  sdctl serve --table http-sd              a table in AWS

Environment:
  HTTP_SD_AUTH, HTTP_SD_TOKEN_SHA256, HTTP_SD_ON_INVALID, HTTP_SD_LABEL_NAMES, HTTP_SD_RESPONSE_MODE, \
HTTP_SD_CACHE_SECONDS and HTTP_SD_LEASE_GRACE_SECONDS mean what they mean to the function. Without HTTP_SD_AUTH \
everybody on this machine may ask. RUST_LOG sets what is logged, for example RUST_LOG=debug.")]
pub(crate) struct Options {
    /// Serve this table, by name or ARN, through the usual AWS credentials, instead of a local one
    #[arg(long, value_name = "NAME", value_parser = table_name, conflicts_with_all = ["data", "dynamodb_port", "sample"])]
    table: Option<String>,
    /// Fill the local table with a small fleet, if it is empty
    #[arg(long)]
    sample: bool,
    /// Port for Prometheus
    #[arg(long, default_value_t = 8088, value_name = "PORT")]
    port: u16,
    /// Address to listen on for Prometheus; any but this machine's own needs the variable `HTTP_SD_AUTH`
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "ADDRESS")]
    host: IpAddr,
    /// Port on 127.0.0.1 for the API of the local table
    #[arg(long, default_value_t = 8000, value_name = "PORT")]
    dynamodb_port: u16,
    /// Folder of the local table [default: http-sd in your data folder, such as ~/.local/share/http-sd]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

/// Why nothing is served.
#[derive(Debug, Error)]
pub(crate) enum ServeError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("HTTP_SD_AUTH=iam needs a Function URL, which checks the signature: locally it takes token or none")]
    IamIsRemote,
    #[error("{0} is reachable from other machines: set HTTP_SD_AUTH to token, or to none if everybody may ask")]
    OpenToOthers(IpAddr),
    #[error("port {port} on {host} is taken by another program: stop it, or choose another port with {flag}")]
    PortTaken { host: IpAddr, port: u16, flag: &'static str },
    #[error(transparent)]
    NoHome(#[from] NoHome),
    #[error("the sample breaks the contract: {0}")]
    Sample(#[from] Fault),
    #[error(transparent)]
    Local(#[from] LocalError),
    #[error(transparent)]
    Table(#[from] Unusable),
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Serves until Ctrl-C or SIGTERM.
pub(crate) async fn run(options: Options) -> Result<(), ServeError> {
    let settings = config::settings(&variable)?;
    let access = access(options.host)?;
    let listener = listen(options.host, options.port, "--port").await?;
    let url = url_of(&listener)?;
    let mut servers = Servers::new();
    let (table, local) = if let Some(name) = &options.table {
        (Table::new(connect_with(&Overrides::default()).await, name), None)
    } else {
        let (table, local) = start_engine(&options, &mut servers).await?;
        (table, Some(local))
    };
    let unusable = |error| unusable(table.name(), error);
    table.ensure_key().await.map_err(unusable)?;
    let job = example_job(&table).await.map_err(unusable)?;

    let welcome =
        Welcome { url, job, table: table.name().to_owned(), token: matches!(access, Access::Token(_)), local };
    // Whoever reads our output may have stopped reading.
    let _ = writeln!(io::stdout(), "{welcome}");
    let service = Service::new(table, access, settings);
    servers.start(|stopping| async {
        local::serve(listener, service, local::PATIENCE, stopping).await;
        Ok(())
    });
    Ok(servers.run().await?)
}

/// The job in the examples: the sample's, if it is there or the table is empty, else some job that is there.
async fn example_job(table: &Table) -> Result<String, TableError> {
    if let Ok(job) = Job::new(EXAMPLE_JOB)
        && !table.job(&job).first().await?.content()?.rows.is_empty()
    {
        return Ok(EXAMPLE_JOB.to_owned());
    }
    Ok(table.any_job().await?.unwrap_or_else(|| EXAMPLE_JOB.to_owned()))
}

/// Starts the embedded engine and makes sure that it has a table.
async fn start_engine(options: &Options, servers: &mut Servers) -> Result<(Table, LocalTable), ServeError> {
    let listener = listen(IpAddr::V4(Ipv4Addr::LOCALHOST), options.dynamodb_port, "--dynamodb-port").await?;
    let endpoint = url_of(&listener)?;
    let folder = data_folder(options.data.as_deref())?;
    let engine = Engine::open(&folder)?;
    engine.announce(&endpoint)?;
    servers.start(|stopping| engine.serve(listener, stopping));

    let table = Table::new(local::client(&endpoint), LOCAL_TABLE);
    let unusable = |error| unusable(LOCAL_TABLE, error);
    table.create().await.map_err(unusable)?;
    if options.sample {
        if table.any_job().await.map_err(unusable)?.is_none() {
            for group in local::sample()? {
                let written = table.write(&group, Owner::AsBefore, Expect::Absent, EpochSeconds::now()).await;
                written.map(|_| ()).or_else(WriteError::unless_conflict).map_err(unusable)?;
            }
        } else {
            let folder = folder.display();
            let _ = writeln!(io::stderr(), "sdctl: the table in {folder} has rows already: the sample is left out");
        }
    }
    Ok((table, LocalTable { endpoint, folder }))
}

/// Everybody on this machine may ask, unless the environment says otherwise.
fn access(host: IpAddr) -> Result<Access, ServeError> {
    match variable(config::AUTH) {
        None if host.is_loopback() => Ok(Access::Open),
        None => Err(ServeError::OpenToOthers(host)),
        Some(_) => match config::access(&variable)? {
            Access::Iam => Err(ServeError::IamIsRemote),
            access => {
                access.warn_if_open();
                Ok(access)
            }
        },
    }
}

fn unusable(table: &str, error: TableError) -> ServeError {
    Unusable { name: table.to_owned(), source: Box::new(error) }.into()
}

fn url_of(listener: &TcpListener) -> Result<String, LocalError> {
    let address = listener.local_addr().map_err(|e| LocalError::Serve(e.to_string()))?;
    Ok(format!("http://{address}"))
}

async fn listen(host: IpAddr, port: u16, flag: &'static str) -> Result<TcpListener, ServeError> {
    let address = SocketAddr::new(host, port);
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ServeError::PortTaken { host, port, flag },
        _ => LocalError::Listen { address, source }.into(),
    })
}
