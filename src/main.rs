//! `http-sd`: the Lambda function.

use std::{process::ExitCode, sync::Arc};

use http_sd_lambda::{
    config::Config,
    lambda,
    service::Service,
    table::{Table, connect},
};
use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    tracing::init_default_subscriber();
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(error) => return fail(&error.to_string()),
    };
    config.access.warn_if_open();
    let table = Table::new(connect().await, config.table);
    let service = Arc::new(Service::new(table, config.access, config.settings));
    let handler = service_fn(move |event: LambdaEvent<_>| {
        let service = Arc::clone(&service);
        async move { Ok::<_, Error>(lambda::handle(&service, event).await) }
    });
    match Box::pin(run(handler)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

/// One line on standard error, which Lambda puts in the log, and an end to the initialisation.
fn fail(error: &str) -> ExitCode {
    eprintln!("http-sd: {error}");
    ExitCode::FAILURE
}
