//! Writes and deletes single rows, each on a condition.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::{
        delete_item::{DeleteItemError, DeleteItemOutput},
        update_item::{UpdateItemError, UpdateItemOutput},
    },
    types::{AttributeValue, ReturnValue},
};
use http_sd_lambda::{
    group::{EpochSeconds, GroupName, Job, StoredGroup, excerpt},
    table::{Attributes, JOB, TableError, row_key},
};
use thiserror::Error;

use super::{
    Record, Store,
    content::{CONTENT, content},
    journal::recorder::Pending,
};
use crate::error::CliError;

/// The number of attributes of a key.
const KEY_LENGTH: usize = 2;

/// The condition for a write of a row.
#[derive(Debug, Clone, Copy)]
pub enum Expect<'a> {
    /// No condition: the last writer wins.
    Anything,
    /// The row does not exist.
    Absent,
    /// The row is the same as when it was read.
    Unchanged(&'a Record),
    /// This `sdctl register` process wrote the row last.
    RegisteredBy(&'a str),
    /// No other `sdctl register` process has an active lease on the row.
    NoOther {
        /// The caller, as [`Owner::Registration`].
        than: &'a str,
        /// The current time.
        now: EpochSeconds,
    },
}

/// The owner of a row after a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner<'a> {
    /// The same set and the same registration as before.
    AsBefore,
    /// The same set as before, but no registration.
    SetAsBefore,
    /// This set.
    Set(&'a str),
    /// No set, but this `sdctl register` process.
    Registration(&'a str),
}

impl Owner<'_> {
    /// Returns the attribute that names the owner.
    fn attribute(self) -> Option<(&'static str, AttributeValue)> {
        match self {
            Self::Set(set) => Some(("managed_by", AttributeValue::S(set.to_owned()))),
            Self::Registration(process) => Some(("registered_by", AttributeValue::S(process.to_owned()))),
            Self::AsBefore | Self::SetAsBefore => None,
        }
    }

    /// Returns the attribute that the write removes.
    fn removes(self) -> Option<&'static str> {
        match self {
            Self::Set(_) | Self::SetAsBefore => Some("registered_by"),
            Self::Registration(_) => Some("managed_by"),
            Self::AsBefore => None,
        }
    }
}

/// The owner of a row before a write replaced it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replaced {
    /// The `sdctl apply` set.
    pub managed_by: Option<String>,
    /// The `sdctl register` process.
    pub registered_by: Option<String>,
}

/// Why a row was not written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WriteError {
    /// The condition does not hold.
    #[error("another writer changed group {} of job {}", excerpt(.group.as_str()), excerpt(.job.as_str()))]
    Conflict {
        /// The row's job.
        job: Job,
        /// The row's group.
        group: GroupName,
    },
    /// The request to the table failed.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl WriteError {
    /// Returns the error of a command that writes to the table `name`.
    pub(crate) fn of_table(self, name: &str) -> CliError {
        match self {
            Self::Table(error) => CliError::of_table(name, error),
            conflict @ Self::Conflict { .. } => CliError::Refused(format!("{conflict}. Run the command again")),
        }
    }

    /// Returns `Ok` for a conflict, where another writer was faster.
    ///
    /// # Errors
    /// Any other error.
    pub fn unless_conflict(self) -> Result<(), TableError> {
        match self {
            Self::Conflict { .. } => Ok(()),
            Self::Table(error) => Err(error),
        }
    }
}

/// A DynamoDB expression with its placeholders.
#[derive(Default)]
struct Expression {
    text: String,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Store {
    /// Writes a group's targets, labels, lease and owner. Other attributes of the row stay. Returns whether the row
    /// existed.
    ///
    /// # Errors
    /// [`WriteError`] if `expect` does not hold or DynamoDB refuses.
    pub async fn write(
        &self,
        group: &StoredGroup,
        owner: Owner<'_>,
        expect: Expect<'_>,
        now: EpochSeconds,
    ) -> Result<bool, WriteError> {
        Ok(self.replace(group, owner, expect, now).await?.is_some())
    }

    /// Writes as [`Store::write`] does. Returns the owner of the row before if the row existed.
    ///
    /// # Errors
    /// [`WriteError`] if `expect` does not hold or DynamoDB refuses.
    pub async fn replace(
        &self,
        group: &StoredGroup,
        owner: Owner<'_>,
        expect: Expect<'_>,
        now: EpochSeconds,
    ) -> Result<Option<Replaced>, WriteError> {
        let mut update = Expression::default();
        let mut content = content(group, None, now);
        content.extend(owner.attribute());
        let gone = ["expires_at", "delete_at"].into_iter().filter(|name| content.iter().all(|(n, _)| n != name));
        let gone: Vec<&str> = gone.chain(owner.removes()).collect();
        let remove: Vec<String> = gone.iter().map(|name| update.name(name)).collect();
        let set = content.iter().map(|(name, value)| update.equation("", name, value.clone())).collect::<Vec<_>>();
        update.text = match remove.join(", ").as_str() {
            "" => format!("SET {}", set.join(", ")),
            remove => format!("SET {} REMOVE {remove}", set.join(", ")),
        };
        let condition = update.condition(expect);
        let is_renewal = matches!(owner, Owner::Registration(_));
        let pending = self.pending(&group.job, &group.name, !is_renewal);
        let written = self
            .client
            .update_item()
            .table_name(self.name())
            .set_key(Some(row_key(group.job.as_str(), group.name.as_str())))
            .update_expression(update.text)
            .set_condition_expression(condition)
            .set_expression_attribute_names(Some(update.names))
            .set_expression_attribute_values(Some(update.values))
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        match written {
            Ok(UpdateItemOutput { attributes, .. }) => {
                // The embedded engine returns the key of a row that did not exist.
                let existed = |old: &Attributes| old.len() > KEY_LENGTH || matches!(expect, Expect::Unchanged(_));
                let old = attributes.filter(existed);
                let mut new = old.clone().unwrap_or_else(|| row_key(group.job.as_str(), group.name.as_str()));
                new.retain(|name, _| !gone.contains(&name.as_str()));
                new.extend(content.into_iter().map(|(name, value)| (name.to_owned(), value)));
                pending.done(old.as_ref(), Some(&new));
                Ok(old.map(|old| {
                    let text = |name| old.get(name).and_then(|value: &AttributeValue| value.as_s().ok()).cloned();
                    Replaced { managed_by: text("managed_by"), registered_by: text("registered_by") }
                }))
            }
            Err(SdkError::ServiceError(e))
                if matches!(e.err(), UpdateItemError::ConditionalCheckFailedException(_)) =>
            {
                Err(WriteError::Conflict { job: group.job.clone(), group: group.name.clone() })
            }
            Err(error) => Err(pending.failed(error.into()).into()),
        }
    }

    /// Deletes a row with all its attributes. Returns whether the row existed.
    ///
    /// # Errors
    /// [`WriteError`] if `expect` does not hold or DynamoDB refuses.
    pub async fn delete(&self, job: &Job, name: &GroupName, expect: Expect<'_>) -> Result<bool, WriteError> {
        Ok(self.take(job, name, expect).await?.is_some())
    }

    /// Deletes a row. Returns its attributes if the row existed.
    ///
    /// # Errors
    /// [`WriteError`] if `expect` does not hold or DynamoDB refuses.
    pub async fn take(
        &self,
        job: &Job,
        name: &GroupName,
        expect: Expect<'_>,
    ) -> Result<Option<Attributes>, WriteError> {
        let is_registration = matches!(expect, Expect::RegisteredBy(_));
        let pending = self.pending(job, name, !is_registration);
        let mut delete = Expression::default();
        let condition = delete.condition(expect);
        let some = |map: HashMap<_, _>| Some(map).filter(|map| !map.is_empty());
        let deleted = self
            .client
            .delete_item()
            .table_name(self.name())
            .set_key(Some(row_key(job.as_str(), name.as_str())))
            .set_condition_expression(condition)
            .set_expression_attribute_names(some(delete.names))
            .set_expression_attribute_values(Some(delete.values).filter(|values| !values.is_empty()))
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        match deleted {
            Ok(DeleteItemOutput { attributes, .. }) => {
                let old = attributes.filter(|old| !old.is_empty());
                pending.done(old.as_ref(), None);
                Ok(old)
            }
            Err(SdkError::ServiceError(e))
                if matches!(e.err(), DeleteItemError::ConditionalCheckFailedException(_)) =>
            {
                Err(WriteError::Conflict { job: job.clone(), group: name.clone() })
            }
            Err(error) => Err(pending.failed(error.into()).into()),
        }
    }

    /// Tells the journal that a write of a row follows, if the write is `recorded`.
    pub(super) fn pending<'a>(&'a self, job: &'a Job, name: &'a GroupName, recorded: bool) -> Pending<'a> {
        Pending::new(self.journal().filter(|_| recorded), job.as_str(), name.as_str())
    }
}

impl Expression {
    fn name(&mut self, name: &str) -> String {
        let placeholder = format!("#{name}");
        self.names.insert(placeholder.clone(), name.to_owned());
        placeholder
    }

    /// Returns `name = value`, with a placeholder for the value that begins with `prefix`.
    fn equation(&mut self, prefix: &str, name: &str, value: AttributeValue) -> String {
        let placeholder = format!(":{prefix}{name}");
        self.values.insert(placeholder.clone(), value);
        format!("{} = {placeholder}", self.name(name))
    }

    fn condition(&mut self, expect: Expect<'_>) -> Option<String> {
        match expect {
            Expect::Anything => None,
            Expect::Absent => Some(format!("attribute_not_exists({})", self.name(JOB))),
            Expect::RegisteredBy(process) => {
                Some(self.equation("was_", "registered_by", AttributeValue::S(process.to_owned())))
            }
            Expect::NoOther { than, now } => {
                let absent = format!("attribute_not_exists({})", self.name("registered_by"));
                let own = self.equation("was_", "registered_by", AttributeValue::S(than.to_owned()));
                self.values.insert(":at".into(), AttributeValue::N(now.0.to_string()));
                Some(format!("{absent} OR {own} OR {} <= :at", self.name("expires_at")))
            }
            Expect::Unchanged(record) => {
                let mut terms = vec![format!("attribute_exists({})", self.name(JOB))];
                for name in CONTENT {
                    terms.push(match record.content.get(name) {
                        Some(value) => self.equation("was_", name, value.clone()),
                        None => format!("attribute_not_exists({})", self.name(name)),
                    });
                }
                Some(terms.join(" AND "))
            }
        }
    }
}
