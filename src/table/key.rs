//! The key of the table: `job` (string, partition key) and `group` (string, sort key).

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, KeyType, ScalarAttributeType, TableDescription, TableStatus};

use super::{Table, TableError, retried::LogRetries, stream_arn};

/// The name of the partition key: the job of a row.
pub const JOB: &str = "job";
/// The name of the sort key: the name of the group within its job.
pub const GROUP: &str = "group";

/// The attributes of a row in the types of the SDK.
pub type Attributes = HashMap<String, AttributeValue>;

/// Returns the key of a row for a request.
#[must_use]
pub fn row_key(job: &str, group: &str) -> Attributes {
    [(JOB, job), (GROUP, group)].map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned()))).into()
}

impl Table {
    /// Checks that the table exists and has the expected key. After a success, later calls do nothing.
    ///
    /// Without this check a Scan of another table would succeed, and its result could be an empty list.
    ///
    /// # Errors
    /// [`TableError::WrongKey`] for another key, or the error of a `DescribeTable` request.
    pub async fn ensure_key(&self) -> Result<(), TableError> {
        self.key_checked.get_or_try_init(|| self.check_description()).await.copied()
    }

    /// Checks at each call that the table exists, has the expected key and can be read. After a success,
    /// [`Table::ensure_key`] does nothing.
    ///
    /// # Errors
    /// As [`Table::ensure_key`].
    pub async fn probe(&self) -> Result<(), TableError> {
        let read = async {
            let scan = self.client.scan().table_name(&self.name).limit(1);
            let read = scan.customize().interceptor(LogRetries::default()).send().await;
            read.map(|_| ()).map_err(TableError::from)
        };
        let key = async {
            self.check_description().await?;
            // An error means that another call has set it.
            let _ = self.key_checked.set(());
            Ok(())
        };
        tokio::try_join!(key, read).map(|_| ())
    }

    async fn check_description(&self) -> Result<(), TableError> {
        let table = self.description().await?;
        if table.table_status == Some(TableStatus::Creating) {
            return Err(TableError::Unavailable("the table is still being created".into()));
        }
        check_key(&table)?;
        // A warning at each poll would not tell more than the first.
        if self.streams.is_some()
            && !self.key_checked.initialized()
            && let Err(unknown) = stream_arn(&table)
        {
            unknown.log();
        }
        Ok(())
    }

    /// Returns the description of the table from DynamoDB.
    ///
    /// # Errors
    /// [`TableError`] if the table is missing, access is denied, or DynamoDB does not respond.
    pub async fn description(&self) -> Result<TableDescription, TableError> {
        let describe = self.client.describe_table().table_name(&self.name);
        let answer = describe.customize().interceptor(LogRetries::default()).send().await?;
        answer.table.ok_or_else(|| TableError::Misconfigured("DescribeTable returned no table".into()))
    }
}

/// Checks that the key of a table is `job` (string, partition key) and `group` (string, sort key).
///
/// # Errors
/// [`TableError::WrongKey`] names the actual key.
pub fn check_key(table: &TableDescription) -> Result<(), TableError> {
    let type_of = |name: &str| {
        table.attribute_definitions().iter().find(|a| a.attribute_name() == name).map(|a| a.attribute_type().clone())
    };
    let key =
        || table.key_schema().iter().map(|k| (k.attribute_name(), k.key_type().clone(), type_of(k.attribute_name())));
    let ours =
        [(JOB, KeyType::Hash, Some(ScalarAttributeType::S)), (GROUP, KeyType::Range, Some(ScalarAttributeType::S))];
    if key().eq(ours) {
        return Ok(());
    }
    let found: Vec<String> = key()
        .map(|(name, kind, of)| {
            format!("{name:?} ({}, {})", kind.as_str(), of.as_ref().map_or("?", ScalarAttributeType::as_str))
        })
        .collect();
    Err(TableError::WrongKey(format!(
        "the table's key is {}, but must be \"job\" (HASH, S), \"group\" (RANGE, S)",
        found.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::{AttributeDefinition, KeySchemaElement};

    use super::*;

    /// Returns the error text for a table with these key attributes.
    fn fault(key: &[(&str, KeyType, ScalarAttributeType)]) -> Option<String> {
        let mut table = TableDescription::builder();
        for (name, kind, of) in key {
            let element = KeySchemaElement::builder().attribute_name(*name).key_type(kind.clone());
            let attribute = AttributeDefinition::builder().attribute_name(*name).attribute_type(of.clone());
            table = table.key_schema(element.build().unwrap()).attribute_definitions(attribute.build().unwrap());
        }
        check_key(&table.build()).err().map(|error| error.to_string())
    }

    #[test]
    fn only_job_and_group_strings_are_accepted() {
        use KeyType::{Hash, Range};
        use ScalarAttributeType::{N, S};
        let misfit = |found: &str| {
            let ours = "\"job\" (HASH, S), \"group\" (RANGE, S)";
            Some(format!("table misconfigured: the table's key is {found}, but must be {ours}"))
        };
        assert_eq!(fault(&[("job", Hash, S), ("group", Range, S)]), None);
        assert_eq!(fault(&[("job", Hash, S), ("group", Range, N)]), misfit("\"job\" (HASH, S), \"group\" (RANGE, N)"));
        assert_eq!(fault(&[("job", Hash, N), ("group", Range, S)]), misfit("\"job\" (HASH, N), \"group\" (RANGE, S)"));
        assert_eq!(fault(&[("group", Hash, S), ("job", Range, S)]), misfit("\"group\" (HASH, S), \"job\" (RANGE, S)"));
        assert_eq!(fault(&[("job", Hash, S)]), misfit("\"job\" (HASH, S)"));
        assert_eq!(fault(&[("id", Hash, S)]), misfit("\"id\" (HASH, S)"));
    }
}
