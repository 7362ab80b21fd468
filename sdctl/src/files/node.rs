//! A JSON or YAML document as a tree that knows its lines.

use http_sd_lambda::group::Fault;

use super::fault::Problem;

/// How deep a document may be nested. A Prometheus configuration has some ten levels.
pub(super) const DEEPEST: usize = 64;
/// What is said of one that is nested more deeply.
pub(super) const TOO_DEEP: &str = "is nested too deeply";

/// A part of a document.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Node {
    /// Its line, counted from 1.
    pub(super) line: usize,
    pub(super) value: Value,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Value {
    Null,
    /// Text, and in YAML any scalar as it is written.
    Text(String),
    /// A number of JSON.
    Number,
    /// A boolean of JSON.
    Boolean,
    List(Vec<Node>),
    /// In the order of the document; a key may be there twice.
    Map(Vec<(Node, Node)>),
}

/// Why a document cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) line: usize,
    pub(super) problem: Problem,
}

/// A document: the elements of a list were handed out one by one, so that a long one is never a tree as a whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Document {
    /// There is nothing in it.
    Empty,
    List,
    Other(Node),
}

impl Node {
    /// The node's type with its article, for errors.
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
