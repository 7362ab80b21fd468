//! Making a table and putting groups in. Only `sdctl` does this; the function can only read.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    client::Waiters,
    operation::create_table::CreateTableError,
    types::{
        AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
        TimeToLiveSpecification,
    },
};
use serde::Serialize;

use super::{Table, TableError, key};
use crate::group::{EpochSeconds, StoredGroup, TargetGroup};

/// How long a new table may take to become active.
const ACTIVE_WITHIN: Duration = Duration::from_mins(1);

/// A row as `sdctl` writes it.
#[derive(Debug, Serialize)]
struct WrittenRow<'a> {
    job: &'a str,
    group: &'a str,
    #[serde(flatten)]
    content: &'a TargetGroup,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delete_at: Option<i64>,
    updated_at: i64,
}

impl Table {
    /// Creates the table, on demand and with TTL on `delete_at`, and waits until it is active. Returns whether it
    /// was created; a table of that name is left as it is.
    ///
    /// # Errors
    /// [`TableError`] when DynamoDB refuses, or the table is not active within a minute.
    pub async fn create(&self) -> Result<bool, TableError> {
        let attribute =
            |name| AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build();
        let element = |name, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
        let incomplete = |e: aws_sdk_dynamodb::error::BuildError| TableError::Misconfigured(e.to_string());
        let created = self
            .client
            .create_table()
            .table_name(&self.name)
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(attribute(key::JOB).map_err(incomplete)?)
            .attribute_definitions(attribute(key::GROUP).map_err(incomplete)?)
            .key_schema(element(key::JOB, KeyType::Hash).map_err(incomplete)?)
            .key_schema(element(key::GROUP, KeyType::Range).map_err(incomplete)?)
            .send()
            .await;
        match created {
            Err(error) if error.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception) => {
                return Ok(false);
            }
            other => other.map(|_| ())?,
        }
        let active = self.client.wait_until_table_exists().table_name(&self.name).wait(ACTIVE_WITHIN).await;
        active.map_err(|e| TableError::Unavailable(format!("the new table did not become active: {e}")))?;
        let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name("delete_at").build();
        self.client
            .update_time_to_live()
            .table_name(&self.name)
            .time_to_live_specification(ttl.map_err(incomplete)?)
            .send()
            .await?;
        Ok(true)
    }

    /// Writes a group, in place of the row that has its key.
    ///
    /// # Errors
    /// [`TableError`] when DynamoDB refuses.
    pub async fn put(&self, group: &StoredGroup, now: EpochSeconds) -> Result<(), TableError> {
        let row = WrittenRow {
            job: group.job.as_str(),
            group: group.name.as_str(),
            content: &group.group,
            expires_at: group.lease.expires_at.map(|t| t.0),
            delete_at: group.lease.delete_at.map(|t| t.0),
            updated_at: now.0,
        };
        let item: HashMap<String, AttributeValue> =
            serde_dynamo::to_item(row).map_err(|e| TableError::Misconfigured(e.to_string()))?;
        self.client.put_item().table_name(&self.name).set_item(Some(item)).send().await?;
        Ok(())
    }

    /// The job of some row, or `None` if the table is empty.
    ///
    /// # Errors
    /// [`TableError`] when the table cannot be read.
    pub async fn any_job(&self) -> Result<Option<String>, TableError> {
        let first = self.client.scan().table_name(&self.name).limit(1).send().await?;
        let job = first.items().first().and_then(|row| row.get(key::JOB)?.as_s().ok());
        Ok(job.cloned())
    }
}
