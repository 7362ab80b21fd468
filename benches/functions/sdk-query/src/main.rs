//! What the AWS SDK costs: a function that reads every row of a job, as the function does, and drops them.
//!
//! The job is the last part of the event's path, as in the function's URLs; the answer is the number of rows.

use std::{env, sync::Arc, time::Duration};

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::{Client, config::timeout::TimeoutConfig, types::AttributeValue};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

/// What is asked of each row: the same as the function asks.
const ATTRIBUTES: [&str; 6] = ["job", "group", "targets", "labels", "expires_at", "delete_at"];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let table = env::var("HTTP_SD_TABLE")?;
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(4)).build();
    let config = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts).load().await;
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

/// How many rows the job has.
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
