//! Writes whole rows, attribute by attribute, each on the condition that no other writer has changed it.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::{delete_item::DeleteItemError, update_item::UpdateItemError},
    types::{AttributeValue, Put, ReturnValue, TransactWriteItem},
};
use http_sd_lambda::{
    group::{GroupName, Job},
    table::{Attributes, GROUP, JOB, row_key},
};

use super::{
    Store, WriteError,
    content::CONTENT,
    item_json::{same, same_row},
};

/// The most attributes that a condition compares. DynamoDB limits an expression to 4 KB.
const MOST_COMPARED: usize = 100;

/// A row with its key.
#[derive(Debug, Clone, Copy)]
pub struct Whole<'a> {
    /// The row's job.
    pub job: &'a Job,
    /// The row's group.
    pub name: &'a GroupName,
    /// All attributes, with the key.
    pub attributes: &'a Attributes,
}

impl Whole<'_> {
    fn conflict(&self) -> WriteError {
        WriteError::Conflict { job: self.job.clone(), group: self.name.clone() }
    }
}

impl Store {
    /// Adds all of the rows or none. At most [`MOST_IN_TRANSACTION`](super::MOST_IN_TRANSACTION) rows, at most 4 MB in
    /// total.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] if one of the rows exists; [`WriteError::Table`] if DynamoDB refuses.
    pub async fn restore_new(&self, rows: &[Whole<'_>]) -> Result<(), WriteError> {
        let put = |row: &Whole<'_>| {
            let put = Put::builder()
                .table_name(self.name())
                .set_item(Some(row.attributes.clone()))
                .condition_expression("attribute_not_exists(#job)")
                .expression_attribute_names("#job", JOB);
            TransactWriteItem::builder().set_put(put.build().ok()).build()
        };
        self.transact(|| rows.iter().map(put).collect(), |place| rows.get(place).map(Whole::conflict)).await
    }

    /// Changes the attributes of a row that differ from `before`. An attribute that another writer added meanwhile
    /// stays.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] if another writer changed or removed the row since it was `before`.
    pub async fn restore(&self, row: Whole<'_>, before: &Attributes) -> Result<(), WriteError> {
        let differing = differing(before, row.attributes);
        let mut update = Placeholders::default();
        let (mut set, mut remove) = (Vec::new(), Vec::new());
        for name in &differing {
            match row.attributes.get(*name) {
                Some(value) => set.push(format!("{} = {}", update.name(name), update.value(value))),
                None => remove.push(update.name(name)),
            }
        }
        let clause = |word: &str, parts: &[String]| (!parts.is_empty()).then(|| format!("{word} {}", parts.join(", ")));
        let text = [clause("SET", &set), clause("REMOVE", &remove)].into_iter().flatten().collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            return Ok(());
        }
        let condition = update.unchanged(before, &differing);
        let pending = self.pending(row.job, row.name, true);
        let written = self
            .client
            .update_item()
            .table_name(self.name())
            .set_key(Some(row_key(row.job.as_str(), row.name.as_str())))
            .update_expression(text)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(update.names))
            .set_expression_attribute_values(Placeholders::values(update.values))
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        match written {
            Ok(written) => {
                let old = written.attributes.unwrap_or_else(|| before.clone());
                let mut new = old.clone();
                new.retain(|name, _| !differing.contains(&name.as_str()));
                let changed = row.attributes.iter().filter(|(name, _)| differing.contains(&name.as_str()));
                new.extend(changed.map(|(name, value)| (name.clone(), value.clone())));
                pending.done(Some(&old), Some(&new));
                Ok(())
            }
            Err(SdkError::ServiceError(e))
                if matches!(e.err(), UpdateItemError::ConditionalCheckFailedException(_)) =>
            {
                // An earlier attempt may have written the row although its response was lost.
                let found = self.item(row.job, row.name).await?;
                let is_ours = found.is_some_and(|found| same_row(&found, row.attributes));
                if !is_ours {
                    return Err(row.conflict());
                }
                pending.done(Some(before), Some(row.attributes));
                Ok(())
            }
            Err(error) => Err(pending.failed(error.into()).into()),
        }
    }

    /// Deletes a row that is still as it was read.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] if another writer changed the row since.
    pub async fn delete_whole(&self, row: Whole<'_>) -> Result<(), WriteError> {
        let mut delete = Placeholders::default();
        let condition = delete.unchanged(row.attributes, &[]);
        let pending = self.pending(row.job, row.name, true);
        let deleted = self
            .client
            .delete_item()
            .table_name(self.name())
            .set_key(Some(row_key(row.job.as_str(), row.name.as_str())))
            .condition_expression(condition)
            .set_expression_attribute_names(Some(delete.names))
            .set_expression_attribute_values(Placeholders::values(delete.values))
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        match deleted {
            Ok(deleted) => {
                pending.done(Some(deleted.attributes.as_ref().unwrap_or(row.attributes)), None);
                Ok(())
            }
            Err(SdkError::ServiceError(e))
                if matches!(e.err(), DeleteItemError::ConditionalCheckFailedException(_)) =>
            {
                // Deleted, by an earlier attempt or by another writer.
                if self.item(row.job, row.name).await?.is_none() { Ok(()) } else { Err(row.conflict()) }
            }
            Err(error) => Err(pending.failed(error.into()).into()),
        }
    }
}

/// Returns the names of the attributes that differ, sorted.
#[must_use]
pub fn differing<'a>(before: &'a Attributes, after: &'a Attributes) -> Vec<&'a str> {
    let differs = |name: &str| match (before.get(name), after.get(name)) {
        (Some(before), Some(after)) => !same(before, after),
        (before, after) => before.is_some() != after.is_some(),
    };
    let mut names: Vec<&str> = before.keys().chain(after.keys()).map(String::as_str).filter(|n| differs(n)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// An expression with numbered placeholders, because an attribute may have any name.
#[derive(Default)]
struct Placeholders {
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Placeholders {
    /// Returns the values; `None` without any, because DynamoDB rejects an empty map.
    fn values(values: HashMap<String, AttributeValue>) -> Option<HashMap<String, AttributeValue>> {
        Some(values).filter(|values| !values.is_empty())
    }

    fn name(&mut self, name: &str) -> String {
        let placeholder = format!("#n{}", self.names.len());
        self.names.insert(placeholder.clone(), name.to_owned());
        placeholder
    }

    fn value(&mut self, value: &AttributeValue) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value.clone());
        placeholder
    }

    /// Returns the condition that the row is as it was `before`. `differing` are the attributes to change.
    fn unchanged(&mut self, before: &Attributes, differing: &[&str]) -> String {
        let mut others: Vec<&str> = before.keys().map(String::as_str).collect();
        others.sort_unstable();
        let mut names: Vec<&str> = Vec::new();
        for name in differing.iter().copied().chain(CONTENT).chain(others) {
            if ![JOB, GROUP].contains(&name) && !names.contains(&name) && names.len() < MOST_COMPARED {
                names.push(name);
            }
        }
        let mut terms = vec![format!("attribute_exists({})", self.name(JOB))];
        for name in names {
            let placeholder = self.name(name);
            terms.push(match before.get(name) {
                Some(value) => format!("{placeholder} = {}", self.value(value)),
                None => format!("attribute_not_exists({placeholder})"),
            });
        }
        terms.join(" AND ")
    }
}
