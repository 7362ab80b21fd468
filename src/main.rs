//! `http-sd`: the Lambda function.

use std::{process::ExitCode, sync::Arc};

use http_sd_lambda::{
    config::{Config, WarmUp, variable},
    lambda, log,
    service::Service,
    table::{Table, connect},
};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

/// Where Lambda hands out events. <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>
const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";
/// What Lambda makes of the function's role, with the secret key beside it.
const ACCESS_KEY: &str = "AWS_ACCESS_KEY_ID";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    log::init();
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(error) => return fail(&error.to_string()),
    };
    config.access.warn_if_open();
    // Without it the runtime would panic.
    if variable(RUNTIME_API).is_none() {
        return fail("there is no Lambda here: run it with cargo lambda watch, or use sdctl serve on this machine");
    }
    if variable(ACCESS_KEY).is_none() {
        return fail(
            "AWS_ACCESS_KEY_ID is not set: Lambda sets it; anywhere else put credentials into the environment, \
             such as those that `aws configure export-credentials --format env` prints",
        );
    }
    let table = Table::new(connect().await, config.table);
    if config.warm_up == WarmUp::On {
        table.warm_up().await;
    }
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
