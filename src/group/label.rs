//! Label names and the rules that decide which of them are valid.

use serde::Serialize;

use super::Fault;

/// Which label names are valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LabelNames {
    /// `[a-zA-Z_][a-zA-Z0-9_]*`. Prometheus 2 rejects a whole response that contains any other name.
    #[default]
    Legacy,
    /// Any text that is not empty, as in Prometheus 3.
    Utf8,
}

/// A valid label name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct LabelName(String);

impl LabelName {
    /// Creates a label name that `names` allows.
    ///
    /// # Errors
    /// [`Fault::Empty`], or [`Fault::NotLegacyLabelName`] under [`LabelNames::Legacy`].
    pub fn new(name: impl Into<String>, names: LabelNames) -> Result<Self, Fault> {
        let name = name.into();
        Self::check(&name, names)?;
        Ok(Self(name))
    }

    /// Checks that `names` allows a label name.
    ///
    /// # Errors
    /// As [`LabelName::new`].
    pub fn check(name: &str, names: LabelNames) -> Result<(), Fault> {
        if name.is_empty() {
            return Err(Fault::Empty);
        }
        if names == LabelNames::Legacy && !is_legacy(name) {
            return Err(Fault::NotLegacyLabelName);
        }
        Ok(())
    }

    /// Creates a label name from a name that [`LabelName::check`] has accepted.
    pub(super) fn of_valid(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// Returns the name as a string slice.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns whether a name is valid by Prometheus's `LabelName.IsValidLegacy`.
fn is_legacy(name: &str) -> bool {
    name.bytes().enumerate().all(|(i, b)| b == b'_' || b.is_ascii_alphabetic() || (i > 0 && b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_names_are_checked_by_the_set_rule() {
        use LabelNames::{Legacy, Utf8};
        let cases = [
            ("env", Legacy, Ok(())),
            ("__meta_dynamodb_job", Legacy, Ok(())),
            ("_1", Legacy, Ok(())),
            ("", Legacy, Err(Fault::Empty)),
            ("", Utf8, Err(Fault::Empty)),
            ("1a", Legacy, Err(Fault::NotLegacyLabelName)),
            ("a-b", Legacy, Err(Fault::NotLegacyLabelName)),
            ("é.x", Legacy, Err(Fault::NotLegacyLabelName)),
            ("a b", Legacy, Err(Fault::NotLegacyLabelName)),
            ("a-b", Utf8, Ok(())),
            ("é.x", Utf8, Ok(())),
        ];
        for (name, names, result) in cases {
            assert_eq!(LabelName::new(name, names).map(|_| ()), result, "{name:?} under {names:?}");
        }
    }
}
