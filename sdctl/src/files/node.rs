//! A JSON or YAML document as a tree whose nodes keep their lines.

use http_sd_lambda::group::Fault;

use super::fault::Problem;

/// The deepest nesting that is read. A Prometheus configuration uses about ten levels.
pub(super) const DEEPEST: usize = 64;

/// A part of a document.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Node {
    /// The line where the node starts, counted from 1.
    pub(super) line: usize,
    pub(super) value: Value,
}

/// The value of a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Value {
    Null,
    /// A string; in YAML the text of any scalar, as written.
    Text(String),
    /// A JSON number.
    Number,
    /// A JSON boolean.
    Boolean,
    List(Vec<Node>),
    /// The entries in the order of the document. Keys may repeat.
    Map(Vec<(Node, Node)>),
}

/// Why a document cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) line: usize,
    pub(super) problem: Problem,
}

/// What a reader returns for a document. It passes the elements of a list on one by one, so that a long list never is
/// in memory as one tree.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Document {
    Empty,
    List,
    Other(Node),
}

/// Returns the problem of a document that is nested more deeply than [`DEEPEST`].
pub(super) fn too_deep() -> Problem {
    Problem::TooMuch(format!("is nested too deeply: use at most {DEEPEST} levels"))
}

impl Node {
    /// Returns the node's type with its article, for errors.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Text(_) => "a string",
            Value::Number => "a number",
            Value::Boolean => "a boolean",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// Returns the fault of a node that must have another type.
    pub(super) fn wrong_type(&self, expected: &'static str) -> Fault {
        Fault::WrongType { found: self.kind(), expected }
    }
}
