//! A JSON or YAML document as a tree whose nodes keep their lines.

use std::{collections::HashSet, mem};

use http_sd_lambda::group::Fault;

use super::fault::Problem;

/// The deepest nesting that is read. A Prometheus configuration uses about ten levels.
pub(super) const DEEPEST: usize = 64;

/// A part of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// The line where the node starts, counted from 1.
    pub(super) line: usize,
    pub(super) value: Value,
}

/// The value of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    Map(Vec<Entry>),
}

/// An entry of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: Node,
    pub(super) value: Node,
    /// The map that wrote the entry: 0 is the map itself, and each map that is merged into it has a number of its own.
    pub(super) source: u32,
}

/// The maps that have written a key. A key that one map writes twice is a fault.
#[derive(Debug, Default)]
pub(super) struct Sources {
    own: bool,
    merged: HashSet<u32>,
}

impl Sources {
    /// Adds a map. Returns whether the map is new.
    pub(super) fn insert(&mut self, source: u32) -> bool {
        if source == 0 { !mem::replace(&mut self.own, true) } else { self.merged.insert(source) }
    }
}

/// Why a document cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) line: usize,
    pub(super) problem: Problem,
}

/// The result of reading a document. The reader passes on the elements of a list one by one, so that a long list is never
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
