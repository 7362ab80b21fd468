//! A row of the table, and its conversion to a target group.

use serde::Deserialize;

use super::{
    TableError,
    attribute::Attribute,
    key::{self, Attributes},
};
use crate::group::{
    EpochSeconds, Fault, GroupName, InvalidGroup, Job, Label, LabelName, LabelNames, Lease, StoredGroupRef, Target,
    TargetGroupRef, Text, excerpt,
};

/// A row of the table, with borrowed attributes. Attributes outside the data model are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub struct Row<'a> {
    pub(super) job: Option<Attribute<'a>>,
    pub(super) group: Option<Attribute<'a>>,
    pub(super) targets: Option<Attribute<'a>>,
    pub(super) labels: Option<Attribute<'a>>,
    pub(super) expires_at: Option<Attribute<'a>>,
    pub(super) delete_at: Option<Attribute<'a>>,
    // Lists are read without the following attributes, so a pointer takes less space.
    pub(super) managed_by: Option<Box<Attribute<'a>>>,
    pub(super) registered_by: Option<Box<Attribute<'a>>>,
    pub(super) updated_at: Option<Box<Attribute<'a>>>,
}

impl<'a> From<&'a Attributes> for Row<'a> {
    /// Converts the attributes that the SDK returns.
    fn from(attributes: &'a Attributes) -> Self {
        let attribute = |name: &str| attributes.get(name).map(Attribute::from);
        Self {
            job: attribute(key::JOB),
            group: attribute(key::GROUP),
            targets: attribute("targets"),
            labels: attribute("labels"),
            expires_at: attribute("expires_at"),
            delete_at: attribute("delete_at"),
            managed_by: attribute("managed_by").map(Box::new),
            registered_by: attribute("registered_by").map(Box::new),
            updated_at: attribute("updated_at").map(Box::new),
        }
    }
}

/// A fault and the path of its field.
pub(super) struct At(String, Fault);

impl At {
    pub(super) fn of(self, job: &str, group: &str) -> InvalidGroup {
        let Self(field, fault) = self;
        InvalidGroup { job: job.to_owned(), group: group.to_owned(), field, fault }
    }
}

impl Row<'_> {
    /// Returns the group of the row, even if its lease has expired.
    ///
    /// # Errors
    /// [`TableError::Invalid`] names the job, the group and the field of the first fault. [`TableError::WrongKey`]
    /// means that the table is not a table of target groups.
    pub fn stored(&self, names: LabelNames) -> Result<StoredGroupRef<'_>, TableError> {
        let (job, name) = self.key()?;
        let read =
            self.lease().and_then(|lease| Ok(StoredGroupRef { job, name, lease, group: self.target_group(names)? }));
        read.map_err(|at| at.of(job, name).into())
    }

    /// Returns the lease of the row, even if other fields are invalid. An invalid lease counts as no lease.
    #[must_use]
    pub fn lease_alone(&self) -> Lease {
        self.lease().unwrap_or_default()
    }

    /// Returns the job and the name of the group.
    pub(super) fn key(&self) -> Result<(&str, &str), TableError> {
        Ok((
            key_part(key::JOB, self.job.as_ref(), Job::check)?,
            key_part(key::GROUP, self.group.as_ref(), GroupName::check)?,
        ))
    }

    pub(super) fn lease(&self) -> Result<Lease, At> {
        Ok(Lease {
            expires_at: time("expires_at", self.expires_at.as_ref())?,
            delete_at: time("delete_at", self.delete_at.as_ref())?,
        })
    }

    pub(super) fn target_group(&self, names: LabelNames) -> Result<TargetGroupRef<'_>, At> {
        Ok(TargetGroupRef { targets: self.targets()?, labels: self.labels(names)? })
    }

    fn targets(&self) -> Result<Vec<&str>, At> {
        let at = |fault| At("targets".into(), fault);
        match &self.targets {
            None => Err(at(Fault::Missing)),
            Some(Attribute::L(list)) => {
                let mut targets = Vec::with_capacity(list.len());
                for (i, element) in list.iter().enumerate() {
                    let at = |fault| At(format!("targets[{i}]"), fault);
                    let target = element.string().map_err(at)?;
                    Target::check(target).map_err(at)?;
                    targets.push(target);
                }
                Ok(targets)
            }
            Some(Attribute::Ss(set)) => {
                let mut targets: Vec<&str> = set.iter().map(Text::as_str).collect();
                // DynamoDB does not guarantee an order for a set.
                targets.sort_unstable();
                for target in &targets {
                    Target::check(target).map_err(|fault| At(format!("targets[{}]", excerpt(target)), fault))?;
                }
                Ok(targets)
            }
            Some(other) => Err(at(other.wrong_type("a list or set of strings"))),
        }
    }

    fn labels(&self, names: LabelNames) -> Result<Vec<Label<'_>>, At> {
        let pairs = match &self.labels {
            None => return Ok(Vec::new()),
            Some(Attribute::M(pairs)) => &pairs.0,
            Some(other) => return Err(At("labels".into(), other.wrong_type("a map of strings"))),
        };
        let at = |name: &str, fault| At(format!("labels[{}]", excerpt(name)), fault);
        let mut labels = Vec::with_capacity(pairs.len());
        for (name, value) in pairs {
            let name = name.as_str();
            LabelName::check(name, names).map_err(|fault| at(name, fault))?;
            labels.push((name, value.string().map_err(|fault| at(name, fault))?));
        }
        labels.sort_unstable();
        match labels.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => Err(at(pair[0].0, Fault::Repeated)),
            None => Ok(labels),
        }
    }
}

fn key_part<'r>(
    name: &str,
    attribute: Option<&'r Attribute<'_>>,
    check: fn(&str) -> Result<(), Fault>,
) -> Result<&'r str, TableError> {
    let text = attribute.ok_or(Fault::Missing).and_then(Attribute::string);
    text.and_then(|text| check(text).map(|()| text))
        .map_err(|fault| TableError::WrongKey(format!("a row's key attribute {name:?} {fault}")))
}

fn time(name: &str, attribute: Option<&Attribute<'_>>) -> Result<Option<EpochSeconds>, At> {
    let time = match attribute {
        None => return Ok(None),
        Some(Attribute::N(number)) => EpochSeconds::parse(number.as_str()),
        Some(other) => Err(other.wrong_type("a number")),
    };
    time.map(Some).map_err(|fault| At(name.into(), fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the JSON of the group, or the error text.
    fn read(json: &str) -> String {
        let row: Row<'_> = serde_json::from_str(json).unwrap();
        match row.stored(LabelNames::Utf8) {
            Ok(stored) => serde_json::to_string(&stored.group).unwrap(),
            Err(error) => error.to_string(),
        }
    }

    /// `DynamoDB` sends neither, but the parser must not depend on that.
    #[test]
    fn empty_and_repeated_label_names_are_faults() {
        let with = |labels: &str| {
            read(&format!(
                r#"{{"job":{{"S":"j"}},"group":{{"S":"g"}},"targets":{{"L":[]}},"labels":{{"M":{{{labels}}}}}}}"#
            ))
        };
        assert_eq!(with(r#""":{"S":"x"}"#), r#"group "g" of job "j": labels[""] is empty"#);
        assert_eq!(
            with(r#""a":{"S":"x"},"b":{"S":"x"},"a":{"S":"y"}"#),
            r#"group "g" of job "j": labels["a"] occurs twice"#
        );
    }

    #[test]
    fn lists_keep_order_sets_and_labels_are_sorted() {
        let with = |rest: &str| read(&format!(r#"{{{rest},"group":{{"S":"g"}},"job":{{"S":"j"}}}}"#));
        assert_eq!(
            with(r#""labels":{"M":{"z":{"S":""},"a":{"S":"\\"}}},"targets":{"L":[{"S":"b"},{"S":"a"},{"S":"b"}]}"#),
            r#"{"targets":["b","a","b"],"labels":{"a":"\\","z":""}}"#
        );
        assert_eq!(
            with(r#""targets":{"SS":["c","a","b"]},"own":{"B":"AA=="}"#),
            r#"{"targets":["a","b","c"],"labels":{}}"#
        );
    }

    #[test]
    fn row_with_invalid_key_is_wrong_key() {
        let long = format!(r#"{{"job":{{"S":"j"}},"group":{{"S":"{}"}}}}"#, "g".repeat(1025));
        let cases = [
            ("{}", "\"job\" is missing"),
            (r#"{"job":{"S":"j"}}"#, "\"group\" is missing"),
            (r#"{"job":{"N":"1"},"group":{"S":"g"}}"#, "\"job\" is a number (N), but must be a string"),
            (r#"{"job":{"S":""}}"#, "\"job\" is empty"),
            (&long, "\"group\" is 1025 bytes long"),
        ];
        for (json, expected) in cases {
            let error = read(json);
            assert!(error.starts_with(&format!("table misconfigured: a row's key attribute {expected}")), "{error}");
        }
    }

    #[test]
    fn broken_row_still_has_its_lease() {
        let lease = |rest: &str| {
            let json = format!(r#"{{"job":{{"S":"j"}},"group":{{"S":"g"}},{rest},"targets":{{"S":"?"}}}}"#);
            serde_json::from_str::<Row<'_>>(&json).unwrap().lease_alone()
        };
        let expected = Lease { expires_at: Some(EpochSeconds(1000)), delete_at: None };
        assert_eq!(lease(r#""expires_at":{"N":"1000"}"#), expected);
        assert_eq!(lease(r#""expires_at":{"N":"1000"},"delete_at":{"S":"1000"}"#), Lease::default());
    }
}
