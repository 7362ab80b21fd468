//! What can be wrong with a stored group, in words for the person who has to mend it.

use thiserror::Error;

/// One way in which a field breaks the contract. Reads on from the field's name: "`targets[2]` is empty".
#[derive(Debug, Clone, PartialEq, Eq, Hash, Error)]
pub enum Fault {
    /// A required field is not there.
    #[error("is missing")]
    Missing,
    /// A field has another type than its own. Nothing is coerced.
    #[error("is {found}, but must be {expected}")]
    WrongType {
        /// The type that was found, with its article.
        found: &'static str,
        /// The type that belongs there, with its article.
        expected: &'static str,
    },
    /// A name or a target without a character.
    #[error("is empty")]
    Empty,
    /// White space or a control character where Prometheus takes none.
    #[error("contains white space or a control character")]
    Blank,
    /// Longer than DynamoDB takes for a key.
    #[error("is {found} bytes long, but at most {most} are allowed")]
    TooLong {
        /// Length found, in bytes.
        found: usize,
        /// Longest allowed, in bytes.
        most: usize,
    },
    /// A label name that Prometheus 2 rejects, and with it the whole answer.
    #[error(
        "is not a label name that Prometheus 2 accepts ([a-zA-Z_][a-zA-Z0-9_]*); rename it, or set HTTP_SD_LABEL_NAMES=utf8, first for the function, if every poller accepts UTF-8 names"
    )]
    NotLegacyLabelName,
    /// A field that a target group does not have.
    #[error("is not a field of a target group; the fields are targets and labels")]
    UnknownField,
    /// A field or a label that is there twice, so that one of the two would be lost.
    #[error("occurs twice")]
    Repeated,
    /// A time that is not a whole number of epoch seconds.
    #[error("is not a whole number of seconds since 1970")]
    NotEpochSeconds,
}

/// A group that breaks the contract: which one, where, and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Error)]
#[error("group {} of job {}: {field} {fault}", excerpt(group), excerpt(job))]
pub struct InvalidGroup {
    /// The job, as stored.
    pub job: String,
    /// The group's name, as stored.
    pub group: String,
    /// The field, as a path such as `targets[2]` or `labels["a-b"]`.
    pub field: String,
    /// What is wrong with it.
    pub fault: Fault,
}

/// How many characters of somebody's text an error repeats.
const EXCERPT: usize = 80;

/// The text in quotes, control characters escaped and its length bounded, fit for an error on one line.
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
    fn an_error_names_job_group_and_field_on_one_bounded_line() {
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
