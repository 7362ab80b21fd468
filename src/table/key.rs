//! The table's key: `job` (S, partition) and `group` (S, sort), nothing else.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, KeyType, ScalarAttributeType, TableDescription, TableStatus};

use super::{Table, TableError, retried::TellRetries};

/// The attribute that is the partition key: a row's job.
pub const JOB: &str = "job";
/// The attribute that is the sort key: the group's name within its job.
pub const GROUP: &str = "group";

/// A row's attributes as the SDK has them.
pub type Attributes = HashMap<String, AttributeValue>;

/// The key of the row of that job and group, as requests have it.
#[must_use]
pub fn row_key(job: &str, group: &str) -> Attributes {
    [(JOB, job), (GROUP, group)].map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned()))).into()
}

impl Table {
    /// Makes sure, once, that the table is there and has our key.
    ///
    /// A Scan of somebody else's table would not fail by itself, and an empty one would pass for an empty fleet.
    ///
    /// # Errors
    /// [`TableError::WrongKey`] for another key; as any request for a missing table or no access.
    pub async fn ensure_key(&self) -> Result<(), TableError> {
        self.key_is_right.get_or_try_init(|| self.is_ours()).await.copied()
    }

    /// Makes sure, each time, that the table is there, has our key and can be read. [`Table::ensure_key`] takes its word.
    ///
    /// # Errors
    /// As [`Table::ensure_key`].
    pub async fn probe(&self) -> Result<(), TableError> {
        let read = async {
            let scan = self.client.scan().table_name(&self.name).limit(1);
            let read = scan.customize().interceptor(TellRetries::default()).send().await;
            read.map(|_| ()).map_err(TableError::from)
        };
        let key = async {
            self.is_ours().await?;
            // Nobody has to ask again. An error says that somebody has, or is about to.
            let _ = self.key_is_right.set(());
            Ok(())
        };
        tokio::try_join!(key, read).map(|_| ())
    }

    async fn is_ours(&self) -> Result<(), TableError> {
        let table = self.description().await?;
        match table.table_status {
            Some(TableStatus::Creating) => Err(TableError::Unavailable("the table is still being created".into())),
            _ => check_key(&table),
        }
    }

    /// What DynamoDB says of the table.
    ///
    /// # Errors
    /// [`TableError`] when the table is missing, may not be described, or DynamoDB does not answer.
    pub async fn description(&self) -> Result<TableDescription, TableError> {
        let describe = self.client.describe_table().table_name(&self.name);
        let answer = describe.customize().interceptor(TellRetries::default()).send().await?;
        answer.table.ok_or_else(|| TableError::Misconfigured("DescribeTable returned no table".into()))
    }
}

/// Makes sure that a table's key is `job` (string, partition) and `group` (string, sort).
///
/// # Errors
/// [`TableError::WrongKey`] says what the key is instead.
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

    /// What is wrong with a key of those attributes.
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
    fn a_key_has_job_and_then_group_and_both_are_strings() {
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
