//! The faults of a target group, with texts for the person who fixes the row or the file.

use thiserror::Error;

/// A violation of the data model in one field. The text follows the name of the field: "`targets[2]` is empty".
#[derive(Debug, Clone, PartialEq, Eq, Hash, Error)]
pub enum Fault {
    /// A required field is missing.
    #[error("is missing")]
    Missing,
    /// A field has the wrong type. Types are never coerced.
    #[error("is {found}, but must be {expected}")]
    WrongType {
        /// The type found, with its article.
        found: &'static str,
        /// The type expected, with its article.
        expected: &'static str,
    },
    /// A name or a target is the empty string.
    #[error("is empty")]
    Empty,
    /// White space or a control character, which is invalid in a target.
    #[error("contains white space or a control character")]
    Blank,
    /// A name is too long, for example for a DynamoDB key.
    #[error("is {found} bytes long, but at most {most} are allowed")]
    TooLong {
        /// The length found, in bytes.
        found: usize,
        /// The maximum, in bytes.
        most: usize,
    },
    /// Prometheus 2 rejects the label name, and with it the whole response.
    #[error(
        "is not a label name that Prometheus 2 accepts ([a-zA-Z_][a-zA-Z0-9_]*); rename it, or set HTTP_SD_LABEL_NAMES=utf8, first for the function, if every poller accepts UTF-8 names"
    )]
    NotLegacyLabelName,
    /// A target group has no such field.
    #[error("is not a field of a target group; the fields are targets and labels")]
    UnknownField,
    /// A field or a label occurs twice, so one of the two would be lost.
    #[error("occurs twice")]
    Repeated,
    /// A time is not a whole number of epoch seconds.
    #[error("is not a whole number of seconds since 1970")]
    NotEpochSeconds,
}

/// A target group that violates the data model: its key, the field and the fault.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Error)]
#[error("group {} of job {}: {field} {fault}", excerpt(group), excerpt(job))]
pub struct InvalidGroup {
    /// The job of the group.
    pub job: String,
    /// The name of the group.
    pub group: String,
    /// The field, as a path such as `targets[2]` or `labels["a-b"]`.
    pub field: String,
    /// The fault of the field.
    pub fault: Fault,
}

impl InvalidGroup {
    /// Returns the size of its texts in bytes.
    pub(crate) fn size(&self) -> usize {
        self.job.len() + self.group.len() + self.field.len()
    }
}

/// The number of characters of foreign text that an error repeats.
const EXCERPT: usize = 80;

/// Returns the text in quotes for a one-line error: control characters are escaped, and long text is cut.
#[must_use]
pub fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_names_group_and_field_on_one_line() {
        let error = InvalidGroup {
            job: "node\nexporter".into(),
            group: "x".repeat(400_000),
            field: "targets[2]".into(),
            fault: Fault::Empty,
        };
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("group \"{}\"… of job \"node\\nexporter\": targets[2] is empty", "x".repeat(80)))
        );
        assert!(text.len() < 200 && !text.contains('\n'));
    }
}
