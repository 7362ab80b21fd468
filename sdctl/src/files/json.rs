//! Reads JSON as a tree of nodes. `serde_json`'s raw values borrow from the text, so each gives its line.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    fault::Problem,
    node::{DEEPEST, Document, Entry, Node, SyntaxError, Value, too_deep},
};

/// A text and its line ends, to look up the line of a value.
struct Lines<'t> {
    text: &'t str,
    /// The offset of each newline.
    ends: Vec<usize>,
}

/// The entries of an object in their order, with repeated keys.
struct Entries<'t>(Vec<(&'t RawValue, &'t RawValue)>);

pub(super) fn read(text: &str, element: &mut dyn FnMut(Node)) -> Result<Document, SyntaxError> {
    if text.trim_ascii().is_empty() {
        return Ok(Document::Empty);
    }
    let lines = Lines::of(text);
    // Parsing a list as a list gives better messages than parsing any value.
    if !text.trim_ascii_start().starts_with('[') {
        return Ok(Document::Other(lines.node(parse(text, 0)?, 0)?));
    }
    for part in parse::<Vec<&RawValue>>(text, 0)? {
        element(lines.node(part, 1)?);
    }
    Ok(Document::List)
}

/// Returns the first element of a list; `None` if there is none or it is not valid JSON. Its lines are not counted.
pub(super) fn first_element(text: &str) -> Option<Node> {
    let rest = text.trim_ascii_start().strip_prefix('[')?;
    let raw: &RawValue = serde_json::Deserializer::from_str(rest).into_iter().next()?.ok()?;
    Lines { text, ends: Vec::new() }.node(raw, 1).ok()
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        Self { text, ends: text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i).collect() }
    }

    /// Returns the line of a value, which must borrow from this text.
    fn line(&self, part: &RawValue) -> usize {
        let offset = part.get().as_ptr() as usize - self.text.as_ptr() as usize;
        self.ends.partition_point(|end| *end < offset) + 1
    }

    fn node(&self, raw: &'t RawValue, depth: usize) -> Result<Node, SyntaxError> {
        let (text, line) = (raw.get(), self.line(raw));
        if depth > DEEPEST {
            return Err(SyntaxError { line, problem: too_deep() });
        }
        let before = line - 1;
        let value = match text.as_bytes().first() {
            Some(b'"') => Value::Text(parse(text, before)?),
            Some(b'[') => {
                let parts: Vec<&RawValue> = parse(text, before)?;
                Value::List(parts.into_iter().map(|part| self.node(part, depth + 1)).collect::<Result<_, _>>()?)
            }
            Some(b'{') => {
                let Entries(entries) = parse(text, before)?;
                let entry = |(key, value)| {
                    Ok(Entry { key: self.node(key, depth + 1)?, value: self.node(value, depth + 1)?, source: 0 })
                };
                Value::Map(entries.into_iter().map(entry).collect::<Result<_, _>>()?)
            }
            Some(b't' | b'f') => Value::Boolean,
            Some(b'n') => Value::Null,
            _ => Value::Number,
        };
        Ok(Node { line, value })
    }
}

/// Parses a part of a text. `before` is the number of lines before the part.
fn parse<'t, T: Deserialize<'t>>(part: &'t str, before: usize) -> Result<T, SyntaxError> {
    serde_json::from_str(part).map_err(|error| {
        let message = error.to_string();
        // serde_json appends a line and a column, but counts them from the start of the part.
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = message.strip_suffix(&place).unwrap_or(&message);
        SyntaxError {
            line: before + error.line().max(1),
            problem: Problem::Syntax(format!("is not valid JSON: {message}")),
        }
    })
}

impl<'t> Deserialize<'t> for Entries<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'t> Visitor<'t> for InOrder {
            type Value = Entries<'t>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: usize, text: &str) -> Node {
        Node { line, value: Value::Text(text.into()) }
    }

    #[test]
    fn json_values_keep_their_lines() {
        let json = "\n[\n {\"a\": \"\\ud83d\\ude00\",\n\"a\":\n[1, null,\n true]}, {}]\n";
        let mut elements = Vec::new();
        assert_eq!(read(json, &mut |node| elements.push(node)), Ok(Document::List));
        let list = Value::List(vec![
            Node { line: 5, value: Value::Number },
            Node { line: 5, value: Value::Null },
            Node { line: 6, value: Value::Boolean },
        ]);
        let entry = |key, value| Entry { key, value, source: 0 };
        let map = vec![entry(text(3, "a"), text(3, "😀")), entry(text(4, "a"), Node { line: 5, value: list })];
        assert_eq!(elements, [Node { line: 3, value: Value::Map(map) }, Node { line: 6, value: Value::Map(vec![]) }]);
    }

    #[test]
    fn json_error_names_its_line() {
        let deep = format!("[\n{}{}]", "[".repeat(100_000), "]".repeat(100_000));
        for (json, line, message) in [
            ("{", 1, "is not valid JSON: EOF while parsing an object"),
            ("[{},\n]", 2, "is not valid JSON: trailing comma"),
            ("[\n{}\n] x", 3, "is not valid JSON: trailing characters"),
            ("[\n\n\"\\ud83d\"]", 3, "is not valid JSON: unexpected end of hex escape"),
            ("\u{feff}[]", 1, "is not valid JSON: expected value"),
            (&deep, 2, "is nested too deeply: use at most 64 levels"),
        ] {
            let error = read(json, &mut |_| {}).unwrap_err();
            assert_eq!((error.line, error.problem.to_string().as_str()), (line, message), "{json:?}");
        }
    }

    #[test]
    fn blank_text_is_an_empty_document() {
        for json in ["", " \n\t"] {
            assert_eq!(read(json, &mut |_| {}), Ok(Document::Empty), "{json:?}");
        }
    }
}
