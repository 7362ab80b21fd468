//! The binary of the Lambda function, `http-sd`.

use std::process::ExitCode;

use http_sd_lambda::{
    config::Config,
    http::{OnOff, Service},
    lambda, log,
    table::{Table, connect},
};
use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    log::init();
    match Box::pin(run()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Lambda copies standard error to the log.
            eprintln!("http-sd: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Error> {
    let config = Config::from_env()?;
    config.access.warn_if_open();
    lambda::check_environment()?;
    let connection = connect().await;
    let mut table = Table::new(connection.table(), config.table);
    if config.settings.follow_changes.is_some() {
        table = table.with_streams(connection.stream());
    }
    if config.warm_up == OnOff::On {
        table.warm_up().await;
    }
    lambda::run(Service::new(table, config.access, config.settings)).await
}
