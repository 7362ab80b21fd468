//! A row as DynamoDB returns it, and the group that it holds.
//!
//! Attributes are matched by hand, because nothing may be coerced, a set must be told from a list, and an error must
//! name the field down to the element.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::{TableError, key};
use crate::group::{
    EpochSeconds, Fault, GroupName, InvalidGroup, Job, LabelName, LabelNames, Labels, Lease, StoredGroup, Target,
    TargetGroup, excerpt,
};

/// One row of the table.
#[derive(Debug, Clone)]
pub struct Row(pub(super) HashMap<String, AttributeValue>);

/// What a row comes to at a given time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// A valid group whose lease, if any, still runs.
    Served(StoredGroup),
    /// A group whose lease has ended; the rest of the row was not looked at.
    Lapsed,
}

/// A fault and the path of the field that has it.
pub(super) struct At(String, Fault);

impl At {
    pub(super) fn of(self, job: &Job, name: &GroupName) -> InvalidGroup {
        let Self(field, fault) = self;
        InvalidGroup { job: job.as_str().to_owned(), group: name.as_str().to_owned(), field, fault }
    }
}

impl Row {
    /// A row with those attributes.
    #[must_use]
    pub fn new(attributes: HashMap<String, AttributeValue>) -> Self {
        Self(attributes)
    }

    /// Reads the row as of `now`.
    ///
    /// # Errors
    /// [`TableError::Invalid`] names job, group and field of the first fault; [`TableError::Misconfigured`] says that
    /// the row's key is not ours, so that the table is not one of target groups.
    pub fn read(mut self, names: LabelNames, now: EpochSeconds) -> Result<Reading, TableError> {
        let (job, name) = self.take_key()?;
        let read = self.take_lease().and_then(|lease| {
            if lease.lapsed(now) {
                return Ok(None);
            }
            Ok(Some((lease, self.take_group(names)?)))
        });
        match read {
            Ok(Some((lease, group))) => Ok(Reading::Served(StoredGroup { job, name, lease, group })),
            Ok(None) => Ok(Reading::Lapsed),
            Err(at) => Err(at.of(&job, &name).into()),
        }
    }

    pub(super) fn take_key(&mut self) -> Result<(Job, GroupName), TableError> {
        Ok((self.take_key_part(key::JOB, Job::new)?, self.take_key_part(key::GROUP, GroupName::new)?))
    }

    fn take_key_part<T>(&mut self, name: &str, parse: fn(String) -> Result<T, Fault>) -> Result<T, TableError> {
        let key = match self.0.remove(name) {
            Some(AttributeValue::S(key)) => parse(key),
            Some(other) => Err(wrong_type(&other, "a string")),
            None => Err(Fault::Missing),
        };
        key.map_err(|fault| TableError::Misconfigured(format!("a row's key attribute {name:?} {fault}")))
    }

    pub(super) fn take_lease(&mut self) -> Result<Lease, At> {
        Ok(Lease { expires_at: self.take_time("expires_at")?, delete_at: self.take_time("delete_at")? })
    }

    pub(super) fn take_group(&mut self, names: LabelNames) -> Result<TargetGroup, At> {
        Ok(TargetGroup { targets: self.take_targets()?, labels: self.take_labels(names)? })
    }

    fn take_time(&mut self, name: &str) -> Result<Option<EpochSeconds>, At> {
        let time = match self.0.remove(name) {
            None => return Ok(None),
            Some(AttributeValue::N(number)) => EpochSeconds::parse(&number),
            Some(other) => Err(wrong_type(&other, "a number")),
        };
        time.map(Some).map_err(|fault| At(name.into(), fault))
    }

    fn take_targets(&mut self) -> Result<Vec<Target>, At> {
        let at = |fault| At("targets".into(), fault);
        match self.0.remove("targets") {
            None => Err(at(Fault::Missing)),
            Some(AttributeValue::L(list)) => list
                .into_iter()
                .enumerate()
                .map(|(i, element)| {
                    string(element).and_then(Target::new).map_err(|fault| At(format!("targets[{i}]"), fault))
                })
                .collect(),
            Some(AttributeValue::Ss(mut set)) => {
                // DynamoDB promises no order for a set.
                set.sort_unstable();
                set.into_iter()
                    .map(|target| {
                        Target::new(target.as_str())
                            .map_err(|fault| At(format!("targets[{}]", excerpt(&target)), fault))
                    })
                    .collect()
            }
            Some(other) => Err(at(wrong_type(&other, "a list or set of strings"))),
        }
    }

    fn take_labels(&mut self, names: LabelNames) -> Result<Labels, At> {
        match self.0.remove("labels") {
            None => Ok(Labels::new()),
            Some(AttributeValue::M(map)) => map
                .into_iter()
                .map(|(name, value)| {
                    let at = |fault| At(format!("labels[{}]", excerpt(&name)), fault);
                    Ok((LabelName::new(name.as_str(), names).map_err(at)?, string(value).map_err(at)?))
                })
                .collect(),
            Some(other) => Err(At("labels".into(), wrong_type(&other, "a map of strings"))),
        }
    }
}

fn string(value: AttributeValue) -> Result<String, Fault> {
    match value {
        AttributeValue::S(text) => Ok(text),
        other => Err(wrong_type(&other, "a string")),
    }
}

fn wrong_type(value: &AttributeValue, expected: &'static str) -> Fault {
    let found = match value {
        AttributeValue::S(_) => "a string (S)",
        AttributeValue::N(_) => "a number (N)",
        AttributeValue::Bool(_) => "a boolean (BOOL)",
        AttributeValue::Null(_) => "null (NULL)",
        AttributeValue::B(_) => "binary (B)",
        AttributeValue::L(_) => "a list (L)",
        AttributeValue::M(_) => "a map (M)",
        AttributeValue::Ss(_) => "a string set (SS)",
        AttributeValue::Ns(_) => "a number set (NS)",
        AttributeValue::Bs(_) => "a binary set (BS)",
        _ => "of a type that this version does not know",
    };
    Fault::WrongType { found, expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: EpochSeconds = EpochSeconds(1000);

    fn s(text: &str) -> AttributeValue {
        AttributeValue::S(text.into())
    }

    fn read<const N: usize>(attributes: [(&str, AttributeValue); N]) -> Result<Reading, String> {
        let row = Row::new(attributes.map(|(name, value)| (name.to_owned(), value)).into());
        row.read(LabelNames::Utf8, NOW).map_err(|e| e.to_string())
    }

    /// `DynamoDB` refuses such a row, but the reader must not depend on it.
    #[test]
    fn an_empty_label_name_is_a_named_fault() {
        let labels = AttributeValue::M([(String::new(), s("x"))].into());
        let targets = AttributeValue::L(vec![]);
        let error = read([("job", s("j")), ("group", s("g")), ("targets", targets), ("labels", labels)]).unwrap_err();
        assert_eq!(error, "group \"g\" of job \"j\": labels[\"\"] is empty");
    }

    #[test]
    fn a_row_without_our_key_says_that_the_table_is_not_ours() {
        let cases = [
            (read([]), "\"job\" is missing"),
            (read([("job", s("j"))]), "\"group\" is missing"),
            (
                read([("job", AttributeValue::N("1".into())), ("group", s("g"))]),
                "\"job\" is a number (N), but must be a string",
            ),
            (read([("job", s("")), ("group", s("g"))]), "\"job\" is empty"),
            (read([("job", s("j")), ("group", s(&"g".repeat(1025)))]), "\"group\" is 1025 bytes long"),
        ];
        for (result, expected) in cases {
            let error = result.unwrap_err();
            assert!(error.starts_with(&format!("table misconfigured: a row's key attribute {expected}")), "{error}");
        }
    }

    #[test]
    fn a_lapsed_row_is_not_looked_at_any_further() {
        let lapsed =
            [("job", s("j")), ("group", s("g")), ("expires_at", AttributeValue::N("1000".into())), ("targets", s("?"))];
        assert_eq!(read(lapsed), Ok(Reading::Lapsed));
    }
}
