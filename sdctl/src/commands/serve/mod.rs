//! `sdctl serve`: runs the function's service on this machine.

mod servers;
mod welcome;

use std::{
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use aws_sdk_dynamodbstreams::Client as StreamsClient;
use clap::Args;
use http_sd_lambda::{
    config::{self, variable},
    group::{EpochSeconds, Job},
    http::{Access, OnOff, Service},
    table::{Detail, TableError},
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

/// The job in the examples, part of the sample.
const EXAMPLE_JOB: &str = "node_exporter";

/// Serve a table on this machine as the function does
///
/// Without --table, sdctl serves the local table. A DynamoDB engine inside sdctl stores the table in a folder, and
/// serves the DynamoDB API on --dynamodb-port to any client. With `HTTP_SD_FOLLOW_CHANGES=on` it gives the local table a
/// stream.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sdctl serve --sample                     the local table, with a sample fleet
  sdctl serve --port 9088 --data ./fleet   another port and another folder
  sdctl serve --table http-sd              a table in AWS

Environment:
  HTTP_SD_AUTH                             token or none [default: none]
  HTTP_SD_TOKEN_SHA256, HTTP_SD_ON_INVALID, HTTP_SD_LABEL_NAMES,
  HTTP_SD_RESPONSE_MODE, HTTP_SD_CACHE_SECONDS, HTTP_SD_FOLLOW_CHANGES,
  HTTP_SD_MAX_AGE_SECONDS, HTTP_SD_LEASE_GRACE_SECONDS,
  HTTP_SD_PAGE                             as for the function
  RUST_LOG                                 log filter, for example debug")]
pub(crate) struct Options {
    /// Serve this table in AWS, by name or ARN, with your usual AWS credentials [default: the local table]
    #[arg(long, value_name = "NAME", value_parser = table_name, conflicts_with_all = ["data", "dynamodb_port", "sample"])]
    table: Option<String>,
    /// Add a sample fleet if the local table is empty
    #[arg(long)]
    sample: bool,
    /// Listen for Prometheus on this port
    #[arg(long, default_value_t = 8088, value_name = "PORT")]
    port: u16,
    /// Listen for Prometheus on this address; an address that other machines can reach requires `HTTP_SD_AUTH`
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "ADDRESS")]
    host: IpAddr,
    /// Serve the DynamoDB API of the local table on this port of 127.0.0.1
    #[arg(long, default_value_t = 8000, value_name = "PORT")]
    dynamodb_port: u16,
    /// Store the local table in this folder [default: http-sd in your data folder, such as
    /// ~/.local/share/http-sd]
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
    let (store, streams, local) = if let Some(name) = &options.table {
        let (client, sdk) = store::connect_with_settings(name, &Overrides::default()).await?;
        (Store::new(client, name), StreamsClient::new(&sdk), None)
    } else {
        let (store, local) = start_engine(&options, &mut servers).await?;
        (store, local::stream_client(&local.endpoint), Some(local))
    };
    let mut table = store.table().clone();
    let unusable = |error| CliError::of_table(store.name(), error);
    if settings.follow_changes.is_some() {
        if local.is_some() {
            store.ensure_stream().await.map_err(unusable)?;
        }
        table = table.with_streams(streams);
    }
    table.ensure_key().await.map_err(unusable)?;
    let job = example_job(&store).await.map_err(unusable)?;

    let token = matches!(access, Access::Token(_));
    let page = settings.page == OnOff::On;
    let welcome = Welcome { url, job, table: table.name().to_owned(), token, page, local };
    // A closed pipe does not stop the server.
    let _ = writeln!(io::stdout(), "{welcome}");
    let service = Service::new(table, access, settings);
    servers.start(|stopping| async {
        local::serve(listener, service, local::PATIENCE, stopping).await;
        Ok(())
    });
    servers.run().await?;
    Ok(Outcome::Done)
}

/// Returns the job for the examples: the sample's job if it exists or the table is empty, otherwise any job.
async fn example_job(store: &Store) -> Result<String, TableError> {
    if let Ok(job) = Job::new(EXAMPLE_JOB)
        && !store.table().job(&job, Detail::Served).first().await?.content()?.rows.is_empty()
    {
        return Ok(EXAMPLE_JOB.to_owned());
    }
    Ok(store.any_job().await?.unwrap_or_else(|| EXAMPLE_JOB.to_owned()))
}

/// Starts the embedded engine, and creates its table if it is missing.
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
            let sample = local::sample().map_err(|fault| CliError::Refused(format!("invalid sample: {fault}")))?;
            for group in sample {
                let written = store.write(&group, Owner::AsBefore, Expect::Absent, EpochSeconds::now()).await;
                written.map(|_| ()).or_else(WriteError::unless_conflict).map_err(unusable)?;
            }
        } else {
            let folder = folder.display();
            message::info(format_args!("sample not added: the table in {folder} already has rows"));
        }
    }
    Ok((store, LocalTable { endpoint, folder }))
}

/// Returns the access rule of the environment. Without one, a service that only this machine can reach is open.
fn access(host: IpAddr) -> Result<Access, CliError> {
    match variable(config::AUTH) {
        None if host.is_loopback() => Ok(Access::Open),
        None => Err(CliError::Refused(format!(
            "cannot listen on {host}: other machines can reach it. Set HTTP_SD_AUTH to token, or to none for access \
             without a token"
        ))),
        Some(_) => match config::access(&variable)? {
            Access::Iam => Err(CliError::Refused(
                "HTTP_SD_AUTH=iam requires a Function URL, which checks the signature. Set HTTP_SD_AUTH to token or \
                 none"
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
            "port {port} on {host} is in use by another program. Stop that program, or choose another port with {flag}"
        )),
        _ => LocalError::Listen { address, source }.into(),
    })
}
