//! The cost of the AWS SDK alone: this function reads every row of a job like http-sd, and drops them.
//!
//! The last part of the event's path is the job. The response is the number of rows.

use std::{env, sync::Arc, time::Duration};

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::{Client, config::timeout::TimeoutConfig, types::AttributeValue};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

/// The attributes of a read, the same as in http-sd.
const ATTRIBUTES: [&str; 6] = ["job", "group", "targets", "labels", "expires_at", "delete_at"];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let table = env::var("HTTP_SD_TABLE")?;
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(4)).build();
    let https = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let config = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts).http_client(https);
    let config = config.load().await;
    let state = Arc::new((Client::new(&config), table));
    run(service_fn(move |event: LambdaEvent<Value>| {
        let state = Arc::clone(&state);
        async move {
            let path = event.payload["rawPath"].as_str().unwrap_or_default();
            let job = path.rsplit('/').next().unwrap_or_default().to_owned();
            let rows = count(&state.0, &state.1, job).await?;
            Ok::<_, Error>(json!({ "statusCode": 200, "body": rows.to_string() }))
        }
    }))
    .await
}

/// Returns the number of rows of a job.
async fn count(client: &Client, table: &str, job: String) -> Result<usize, Error> {
    let mut query = client.query().table_name(table).key_condition_expression("#job = :job");
    for name in ATTRIBUTES {
        query = query.expression_attribute_names(format!("#{name}"), name);
    }
    let mut pages = query
        .projection_expression(ATTRIBUTES.map(|name| format!("#{name}")).join(", "))
        .expression_attribute_values(":job", AttributeValue::S(job))
        .limit(10_000)
        .into_paginator()
        .send();
    let mut rows = 0;
    while let Some(page) = pages.next().await {
        rows += page?.items.unwrap_or_default().len();
    }
    Ok(rows)
}
