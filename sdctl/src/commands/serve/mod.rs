//! `sdctl serve`: the function's service on this machine.

mod servers;
mod welcome;

use std::{
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use clap::Args;
use http_sd_lambda::{
    config::{self, variable},
    group::{EpochSeconds, Job},
    http::{Access, Service},
    table::TableError,
};
use tokio::net::TcpListener;

use self::{
    servers::Servers,
    welcome::{LocalTable, Welcome},
};
use super::outcome::Outcome;
use crate::{
    error::CliError,
    local::{self, Engine, LocalError},
    store::{
        self, Expect, Overrides, Owner, Store, WriteError,
        connection::{LOCAL_TABLE, data_folder, table_name},
    },
    terminal::message,
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

/// Serves until Ctrl-C or SIGTERM.
pub(crate) async fn run(options: Options) -> Result<Outcome, CliError> {
    let settings = config::settings(&variable)?;
    let access = access(options.host)?;
    let listener = listen(options.host, options.port, "--port").await?;
    let url = url_of(&listener)?;
    let mut servers = Servers::new();
    let (store, local) = if let Some(name) = &options.table {
        (Store::new(store::connect(&Overrides::default()).await, name), None)
    } else {
        let (store, local) = start_engine(&options, &mut servers).await?;
        (store, Some(local))
    };
    let table = store.table();
    let unusable = |error| CliError::of_table(table.name(), error);
    table.ensure_key().await.map_err(unusable)?;
    let job = example_job(&store).await.map_err(unusable)?;

    let welcome =
        Welcome { url, job, table: table.name().to_owned(), token: matches!(access, Access::Token(_)), local };
    // Whoever reads our output may have stopped reading.
    let _ = writeln!(io::stdout(), "{welcome}");
    let service = Service::new(table.clone(), access, settings);
    servers.start(|stopping| async {
        local::serve(listener, service, local::PATIENCE, stopping).await;
        Ok(())
    });
    servers.run().await?;
    Ok(Outcome::Done)
}

/// The job in the examples: the sample's, if it is there or the table is empty, else some job that is there.
async fn example_job(store: &Store) -> Result<String, TableError> {
    if let Ok(job) = Job::new(EXAMPLE_JOB)
        && !store.table().job(&job).first().await?.content()?.rows.is_empty()
    {
        return Ok(EXAMPLE_JOB.to_owned());
    }
    Ok(store.any_job().await?.unwrap_or_else(|| EXAMPLE_JOB.to_owned()))
}

/// Starts the embedded engine and makes sure that it has a table.
async fn start_engine(options: &Options, servers: &mut Servers) -> Result<(Store, LocalTable), CliError> {
    let listener = listen(IpAddr::V4(Ipv4Addr::LOCALHOST), options.dynamodb_port, "--dynamodb-port").await?;
    let endpoint = url_of(&listener)?;
    let folder = data_folder(options.data.as_deref())?;
    let engine = Engine::open(&folder)?;
    engine.announce(&endpoint)?;
    servers.start(|stopping| engine.serve(listener, stopping));

    let store = Store::new(local::client(&endpoint), LOCAL_TABLE);
    let unusable = |error| CliError::of_table(LOCAL_TABLE, error);
    store.create().await.map_err(unusable)?;
    if options.sample {
        if store.any_job().await.map_err(unusable)?.is_none() {
            let sample = local::sample()
                .map_err(|fault| CliError::Refused(format!("the sample breaks the contract: {fault}")))?;
            for group in sample {
                let written = store.write(&group, Owner::AsBefore, Expect::Absent, EpochSeconds::now()).await;
                written.map(|_| ()).or_else(WriteError::unless_conflict).map_err(unusable)?;
            }
        } else {
            let folder = folder.display();
            message::info(format_args!("the table in {folder} has rows already: the sample is left out"));
        }
    }
    Ok((store, LocalTable { endpoint, folder }))
}

/// Everybody on this machine may ask, unless the environment says otherwise.
fn access(host: IpAddr) -> Result<Access, CliError> {
    match variable(config::AUTH) {
        None if host.is_loopback() => Ok(Access::Open),
        None => Err(CliError::Refused(format!(
            "{host} is reachable from other machines: set HTTP_SD_AUTH to token, or to none if everybody may ask"
        ))),
        Some(_) => match config::access(&variable)? {
            Access::Iam => Err(CliError::Refused(
                "HTTP_SD_AUTH=iam needs a Function URL, which checks the signature: locally it takes token or none"
                    .into(),
            )),
            access => {
                access.warn_if_open();
                Ok(access)
            }
        },
    }
}

fn url_of(listener: &TcpListener) -> Result<String, LocalError> {
    let address = listener.local_addr().map_err(|e| LocalError::Serve(e.to_string()))?;
    Ok(format!("http://{address}"))
}

async fn listen(host: IpAddr, port: u16, flag: &'static str) -> Result<TcpListener, CliError> {
    let address = SocketAddr::new(host, port);
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => CliError::Refused(format!(
            "port {port} on {host} is taken by another program: stop it, or choose another port with {flag}"
        )),
        _ => LocalError::Listen { address, source }.into(),
    })
}
