//! Creates and describes tables.

use std::time::Duration;

use aws_sdk_dynamodb::{
    client::Waiters,
    error::{BuildError, ProvideErrorMetadata},
    operation::create_table::CreateTableError,
    types::{
        AttributeDefinition, BillingMode, KeySchemaElement, KeyType, PointInTimeRecoverySpecification,
        PointInTimeRecoveryStatus, ScalarAttributeType, StreamSpecification, StreamViewType, TableDescription,
        TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
    },
};
use http_sd_lambda::table::{GROUP, JOB, TableError, check_key};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::{Store, arn};

/// The longest wait for a new table to become active.
const ACTIVE_WITHIN: Duration = Duration::from_mins(1);
/// The pause between two attempts to enable recovery on a new table.
const RECOVERY_PAUSE: Duration = Duration::from_secs(2);

/// DynamoDB's description of a table.
#[derive(Debug, Clone, Serialize)]
pub struct Description {
    /// The table's name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The account and region.
    #[serde(flatten)]
    pub place: Place,
    /// The status, such as `ACTIVE` or `CREATING`.
    pub status: String,
    /// The reason why it cannot be a table of target groups, if any.
    pub fault: Option<String>,
    /// The number of rows. DynamoDB updates it about every six hours.
    pub items: i64,
    /// The size in bytes. DynamoDB updates it about every six hours.
    pub bytes: i64,
    /// The billing mode: `PAY_PER_REQUEST` or `PROVISIONED`.
    pub billing: String,
    /// Whether deletion protection is on.
    pub deletion_protection: bool,
    /// The TTL attribute; `None` if TTL is off, or if the credentials do not allow to read it.
    pub ttl_attribute: Option<String>,
    /// Whether point-in-time recovery is on; `None` if the credentials do not allow to read it.
    pub point_in_time_recovery: Option<bool>,
    /// The stream of changes; `None` if it is off.
    pub stream: Option<Stream>,
}

/// The stream of a table's changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stream {
    /// The content of a record, such as `KEYS_ONLY`.
    pub view_type: String,
    /// The ARN, which is another one after the stream was off.
    pub arn: String,
}

impl Stream {
    /// Returns the stream of a table. DynamoDB names the latest stream even if it is off.
    fn of(table: &TableDescription) -> Option<Self> {
        let on = table.stream_specification().filter(|stream| stream.stream_enabled())?;
        let view_type = on.stream_view_type().map_or("UNKNOWN", StreamViewType::as_str);
        Some(Self { view_type: view_type.to_owned(), arn: table.latest_stream_arn().unwrap_or_default().to_owned() })
    }
}

/// The account and region of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The account number, or `unknown`.
    pub account: String,
    /// The region.
    pub region: String,
}

impl Place {
    fn of(arn: &str) -> Self {
        let (region, account) = arn::region_and_account(arn).unwrap_or(("unknown", "unknown"));
        Self { account: account.to_owned(), region: region.to_owned() }
    }
}

impl Store {
    /// Creates the table, on demand and with TTL on `delete_at`, and waits until it is active. Returns `false` if the
    /// table exists; an existing table does not change.
    ///
    /// # Errors
    /// [`TableError`] if DynamoDB refuses, or the table is not active within a minute.
    pub async fn create(&self) -> Result<bool, TableError> {
        self.create_with(None).await
    }

    /// Creates the table as [`Store::create`], with a stream of the keys of changed rows.
    ///
    /// # Errors
    /// The errors of [`Store::create`].
    pub async fn create_with_stream(&self) -> Result<bool, TableError> {
        self.create_with(Some(keys_only()?)).await
    }

    async fn create_with(&self, stream: Option<StreamSpecification>) -> Result<bool, TableError> {
        let attribute =
            |name| AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build();
        let element = |name, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
        let created = self
            .client
            .create_table()
            .table_name(self.name())
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(attribute(JOB).map_err(incomplete)?)
            .attribute_definitions(attribute(GROUP).map_err(incomplete)?)
            .key_schema(element(JOB, KeyType::Hash).map_err(incomplete)?)
            .key_schema(element(GROUP, KeyType::Range).map_err(incomplete)?)
            .set_stream_specification(stream)
            .send()
            .await;
        match created {
            Err(error) if error.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception) => {
                return Ok(false);
            }
            other => other.map(|_| ())?,
        }
        let active = self.client.wait_until_table_exists().table_name(self.name()).wait(ACTIVE_WITHIN).await;
        active.map_err(|e| TableError::Unavailable(format!("the new table did not become active: {e}")))?;
        let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name("delete_at").build();
        self.client
            .update_time_to_live()
            .table_name(self.name())
            .time_to_live_specification(ttl.map_err(incomplete)?)
            .send()
            .await?;
        Ok(true)
    }

    /// Turns the stream on if the table has none.
    ///
    /// # Errors
    /// [`TableError`] if DynamoDB refuses.
    pub async fn ensure_stream(&self) -> Result<(), TableError> {
        if Stream::of(&self.table.description().await?).is_none() {
            self.client.update_table().table_name(self.name()).stream_specification(keys_only()?).send().await?;
        }
        Ok(())
    }

    /// Turns point-in-time recovery on. Returns `false` for an engine without it, such as the local one.
    ///
    /// # Errors
    /// [`TableError`] if DynamoDB refuses, or a new table is not ready for it within a minute.
    pub async fn enable_recovery(&self) -> Result<bool, TableError> {
        let on = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build();
        let on = on.map_err(incomplete)?;
        let give_up = Instant::now() + ACTIVE_WITHIN;
        loop {
            let update = self.client.update_continuous_backups().table_name(self.name());
            match update.point_in_time_recovery_specification(on.clone()).send().await {
                Err(error) if error.code() == Some("UnknownOperationException") => return Ok(false),
                // A new table supports backups only a few seconds after it is active.
                Err(error)
                    if error.code() == Some("ContinuousBackupsUnavailableException") && Instant::now() < give_up =>
                {
                    sleep(RECOVERY_PAUSE).await;
                }
                other => return Ok(other.map(|_| true)?),
            }
        }
    }

    /// Turns deletion protection on.
    ///
    /// # Errors
    /// [`TableError`] if DynamoDB refuses.
    pub async fn protect(&self) -> Result<(), TableError> {
        self.client.update_table().table_name(self.name()).deletion_protection_enabled(true).send().await?;
        Ok(())
    }

    /// Returns the region of the client, if it is known.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.client.config().region().map(AsRef::as_ref)
    }

    /// Returns DynamoDB's description of the table.
    ///
    /// # Errors
    /// [`TableError`] if the table does not exist, or the credentials do not allow to describe it.
    pub async fn describe(&self) -> Result<Description, TableError> {
        let table = self.table.description().await?;
        let arn = table.table_arn().unwrap_or_default().to_owned();
        let billing = table.billing_mode_summary().and_then(|summary| summary.billing_mode());
        let ttl = self.client.describe_time_to_live().table_name(self.name()).send().await.ok();
        let ttl = ttl.and_then(|answer| answer.time_to_live_description);
        let ttl = ttl.filter(|ttl| {
            matches!(ttl.time_to_live_status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling))
        });
        let backups = self.client.describe_continuous_backups().table_name(self.name()).send().await.ok();
        let recovery = backups
            .and_then(|answer| answer.continuous_backups_description?.point_in_time_recovery_description)
            .map(|recovery| recovery.point_in_time_recovery_status == Some(PointInTimeRecoveryStatus::Enabled));
        Ok(Description {
            place: Place::of(&arn),
            name: table.table_name().unwrap_or(self.name()).to_owned(),
            status: table.table_status().map_or("UNKNOWN", TableStatus::as_str).to_owned(),
            fault: check_key(&table).err().map(|error| error.to_string()),
            items: table.item_count().unwrap_or_default(),
            bytes: table.table_size_bytes().unwrap_or_default(),
            billing: billing.unwrap_or(&BillingMode::Provisioned).as_str().to_owned(),
            deletion_protection: table.deletion_protection_enabled().unwrap_or_default(),
            ttl_attribute: ttl.and_then(|ttl| ttl.attribute_name),
            point_in_time_recovery: recovery,
            stream: Stream::of(&table),
            arn,
        })
    }

    /// Checks that the table is one of target groups, and returns its account and region.
    ///
    /// # Errors
    /// The errors of [`http_sd_lambda::table::Table::ensure_key`].
    pub async fn place(&self) -> Result<Place, TableError> {
        let table = self.table.description().await?;
        check_key(&table)?;
        Ok(Place::of(table.table_arn().unwrap_or_default()))
    }

    /// Returns the account and region as far as they are known without a request.
    #[must_use]
    pub fn supposed_place(&self) -> Place {
        let place = Place::of(self.name());
        match self.region() {
            Some(region) => Place { region: region.to_owned(), ..place },
            None => place,
        }
    }

    /// Returns the job of any row, or `None` if the table is empty.
    ///
    /// # Errors
    /// [`TableError`] if the table cannot be read.
    pub async fn any_job(&self) -> Result<Option<String>, TableError> {
        let first = self.client.scan().table_name(self.name()).limit(1).send().await?;
        let job = first.items().first().and_then(|row| row.get(JOB)?.as_s().ok());
        Ok(job.cloned())
    }
}

/// Returns the setting of a stream whose records have no more than the key.
fn keys_only() -> Result<StreamSpecification, TableError> {
    let on = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::KeysOnly);
    on.build().map_err(incomplete)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn incomplete(error: BuildError) -> TableError {
    TableError::Misconfigured(error.to_string())
}
