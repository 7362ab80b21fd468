//! Rows as lines of JSON, in the form of DynamoDB's own exports: `{"Item":{"job":{"S":"node"},…}}`.
//!
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html>

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    io::{self, Write},
};

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http_sd_lambda::{
    group::excerpt,
    table::{Attributes, GROUP, JOB},
};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, Visitor},
    ser::{Error as _, SerializeMap},
};

use super::{
    number::Number,
    size::{MOST_IN_ROW, row_size},
};

/// The most levels of lists and maps in an attribute. With the row itself, these are the 32 levels of DynamoDB.
const DEEPEST: usize = 31;

/// Writes a row as one line. Equal rows give equal lines, except for the order of sets.
///
/// # Errors
/// The error of `out`, or an attribute of an unknown type.
pub fn write_line(out: &mut dyn Write, row: &Attributes) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &Line { item: Shown::Row(row) })?;
    out.write_all(b"\n")
}

/// Reads a line. The error names the fault.
///
/// # Errors
/// The text is not the JSON of a row, or DynamoDB would reject the row.
pub fn read_line(text: &[u8]) -> Result<Attributes, String> {
    let Line { item: Fields(fields) } = serde_json::from_slice(text).map_err(|error| without_line(&error))?;
    let row = attributes(fields)?;
    let size = row_size(&row);
    if size > MOST_IN_ROW {
        return Err(format!("the row has at least {size} bytes, but DynamoDB allows {MOST_IN_ROW}"));
    }
    Ok(row)
}

/// Returns whether two rows are equal for DynamoDB: the order of sets and the notation of numbers do not matter.
#[must_use]
pub fn same_row(a: &Attributes, b: &Attributes) -> bool {
    a.len() == b.len() && a.iter().all(|(name, value)| b.get(name).is_some_and(|other| same(value, other)))
}

/// Returns whether two attributes are equal for DynamoDB.
#[must_use]
pub(super) fn same(a: &AttributeValue, b: &AttributeValue) -> bool {
    use AttributeValue::{Bs, L, M, N, Ns, Ss};
    fn sorted<T, K: Ord>(set: &[T], key: impl Fn(&T) -> K) -> Vec<K> {
        let mut keys: Vec<K> = set.iter().map(key).collect();
        keys.sort();
        keys
    }
    let number = |text: &String| Number::parse(text).ok_or_else(|| text.clone());
    match (a, b) {
        (N(a), N(b)) => number(a) == number(b),
        (L(a), L(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (M(a), M(b)) => same_row(a, b),
        (Ss(a), Ss(b)) => sorted(a, Clone::clone) == sorted(b, Clone::clone),
        (Ns(a), Ns(b)) => sorted(a, number) == sorted(b, number),
        (Bs(a), Bs(b)) => sorted(a, |blob| blob.as_ref().to_vec()) == sorted(b, |blob| blob.as_ref().to_vec()),
        (a, b) => a == b,
    }
}

/// Returns the error without its position, because each row is one line.
fn without_line(error: &serde_json::Error) -> String {
    let position = format!(" at line {} column {}", error.line(), error.column());
    let text = error.to_string();
    let text = text.strip_suffix(&position).unwrap_or(&text);
    format!("{text} (column {})", error.column())
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a line {\"Item\":{…}}")]
struct Line<T> {
    #[serde(rename = "Item")]
    item: T,
}

/// A value to write.
pub(super) enum Shown<'a> {
    Row(&'a Attributes),
    Map(&'a Attributes),
    Value(&'a AttributeValue),
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let base64 = |blob: &Blob| BASE64_STANDARD.encode(blob);
        let value = match self {
            Self::Row(attributes) | Self::Map(attributes) => {
                let is_row = matches!(self, Self::Row(_));
                let mut sorted: Vec<(&String, &AttributeValue)> = attributes.iter().collect();
                // The key of a row comes first, for a person who reads the file.
                let place = |name: &str| match name {
                    JOB if is_row => 0,
                    GROUP if is_row => 1,
                    _ => 2,
                };
                sorted.sort_unstable_by_key(|(name, _)| (place(name), *name));
                return serializer.collect_map(sorted.into_iter().map(|(name, value)| (name, Shown::Value(value))));
            }
            Self::Value(value) => value,
        };
        let mut map = serializer.serialize_map(Some(1))?;
        match value {
            AttributeValue::S(text) => map.serialize_entry("S", text),
            AttributeValue::N(number) => map.serialize_entry("N", number),
            AttributeValue::B(blob) => map.serialize_entry("B", &base64(blob)),
            AttributeValue::Bool(value) => map.serialize_entry("BOOL", value),
            AttributeValue::Null(value) => map.serialize_entry("NULL", value),
            AttributeValue::L(list) => map.serialize_entry("L", &list.iter().map(Shown::Value).collect::<Vec<_>>()),
            AttributeValue::M(attributes) => map.serialize_entry("M", &Shown::Map(attributes)),
            AttributeValue::Ss(set) => map.serialize_entry("SS", set),
            AttributeValue::Ns(set) => map.serialize_entry("NS", set),
            AttributeValue::Bs(set) => map.serialize_entry("BS", &set.iter().map(base64).collect::<Vec<_>>()),
            _ => Err(S::Error::custom("an attribute has a type that this sdctl does not know")),
        }?;
        map.end()
    }
}

/// An attribute as read: its type and its value.
#[derive(Deserialize)]
#[serde(expecting = "an attribute such as {\"S\":\"text\"}")]
enum Typed {
    S(String),
    N(String),
    B(Bytes),
    #[serde(rename = "BOOL")]
    Bool(bool),
    #[serde(rename = "NULL")]
    Null(bool),
    L(Vec<Typed>),
    M(Fields),
    #[serde(rename = "SS")]
    Ss(Vec<String>),
    #[serde(rename = "NS")]
    Ns(Vec<String>),
    #[serde(rename = "BS")]
    Bs(Vec<Bytes>),
}

/// Attributes by name, each name once.
struct Fields(HashMap<String, Typed>);

/// Binary data in base64.
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("attributes by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = HashMap::with_capacity(map.size_hint().unwrap_or_default());
                while let Some(name) = map.next_key::<String>()? {
                    if name.is_empty() {
                        return Err(A::Error::custom("an attribute has no name"));
                    }
                    let value = map.next_value()?;
                    if fields.contains_key(&name) {
                        return Err(A::Error::custom(format_args!("attribute {} occurs twice", excerpt(&name))));
                    }
                    fields.insert(name, value);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(Names)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64_STANDARD.decode(&text);
        bytes.map(Self).map_err(|_| D::Error::custom(format_args!("binary {} is not base64", excerpt(&text))))
    }
}

fn attributes(fields: HashMap<String, Typed>) -> Result<Attributes, String> {
    let read = |(name, typed): (String, Typed)| match value(typed, 0) {
        Ok(value) => Ok((name, value)),
        Err(fault) => Err(format!("attribute {}: {fault}", excerpt(&name))),
    };
    fields.into_iter().map(read).collect()
}

fn value(typed: Typed, depth: usize) -> Result<AttributeValue, String> {
    let nested = |typed| value(typed, depth + 1);
    if depth >= DEEPEST && matches!(typed, Typed::L(_) | Typed::M(_)) {
        return Err(format!("lists and maps are nested deeper than {DEEPEST} levels"));
    }
    Ok(match typed {
        Typed::S(text) => AttributeValue::S(text),
        Typed::N(text) => AttributeValue::N(number(text)?.1),
        Typed::B(Bytes(bytes)) => AttributeValue::B(Blob::new(bytes)),
        Typed::Bool(value) => AttributeValue::Bool(value),
        Typed::Null(true) => AttributeValue::Null(true),
        Typed::Null(false) => return Err("NULL must be true".into()),
        Typed::L(list) => AttributeValue::L(list.into_iter().map(nested).collect::<Result<_, _>>()?),
        Typed::M(Fields(fields)) => AttributeValue::M(
            fields.into_iter().map(|(name, typed)| Ok((name, nested(typed)?))).collect::<Result<_, String>>()?,
        ),
        Typed::Ss(set) => {
            distinct(set.iter())?;
            AttributeValue::Ss(set)
        }
        Typed::Ns(set) => {
            let numbers = set.into_iter().map(number).collect::<Result<Vec<_>, _>>()?;
            distinct(numbers.iter().map(|(number, _)| number))?;
            AttributeValue::Ns(numbers.into_iter().map(|(_, text)| text).collect())
        }
        Typed::Bs(set) => {
            distinct(set.iter().map(|Bytes(bytes)| bytes))?;
            AttributeValue::Bs(set.into_iter().map(|Bytes(bytes)| Blob::new(bytes)).collect())
        }
    })
}

fn number(text: String) -> Result<(Number, String), String> {
    match Number::parse(&text) {
        Some(number) => Ok((number, text)),
        None => Err(format!("{} is not a number that DynamoDB stores", excerpt(&text))),
    }
}

fn distinct<T: Ord>(set: impl ExactSizeIterator<Item = T>) -> Result<(), String> {
    match set.len() {
        0 => Err("a set is empty".into()),
        count if set.collect::<BTreeSet<T>>().len() < count => Err("a set has an element twice".into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(item: &str) -> String {
        read_line(format!(r#"{{"Item":{item}}}"#).as_bytes()).unwrap_err()
    }

    #[test]
    fn every_type_survives_a_line() {
        let line = concat!(
            r#"{"Item":{"job":{"S":"j"},"group":{"S":"g"},"b":{"B":"AP8="},"bs":{"BS":["AA==","AQ=="]},"#,
            r#""f":{"BOOL":false},"l":{"L":[{"NULL":true},{"M":{}}]},"m":{"M":{"a":{"L":[]}}},"#,
            r#""n":{"N":"-1.50e3"},"ns":{"NS":["1","2.5"]},"ss":{"SS":["é\n","x"]}}}"#,
        );
        let row = read_line(line.as_bytes()).unwrap();
        let mut written = Vec::new();
        write_line(&mut written, &row).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), format!("{line}\n"));
        assert!(same_row(&row, &row));
    }

    #[test]
    fn rows_are_compared_as_dynamodb_does() {
        let row = |text: &str| read_line(format!(r#"{{"Item":{{"x":{text}}}}}"#).as_bytes()).unwrap();
        let cases = [
            (r#"{"N":"1"}"#, r#"{"N":"1.0"}"#, true),
            (r#"{"N":"1"}"#, r#"{"S":"1"}"#, false),
            (r#"{"NS":["1","20"]}"#, r#"{"NS":["2e1","1"]}"#, true),
            (r#"{"SS":["a","b"]}"#, r#"{"SS":["b","a"]}"#, true),
            (r#"{"SS":["a","b"]}"#, r#"{"L":[{"S":"a"},{"S":"b"}]}"#, false),
            (r#"{"BS":["AA==","AQ=="]}"#, r#"{"BS":["AQ==","AA=="]}"#, true),
            (r#"{"L":[{"S":"a"},{"S":"b"}]}"#, r#"{"L":[{"S":"b"},{"S":"a"}]}"#, false),
            (r#"{"M":{"a":{"N":"1"}}}"#, r#"{"M":{"a":{"N":"1e0"}}}"#, true),
            (r#"{"M":{"a":{"N":"1"}}}"#, r#"{"M":{"b":{"N":"1"}}}"#, false),
        ];
        for (a, b, equal) in cases {
            assert_eq!(same_row(&row(a), &row(b)), equal, "{a} {b}");
        }
    }

    #[test]
    fn line_that_is_no_row_is_rejected() {
        for (line, said) in [
            ("", "EOF while parsing a value"),
            ("[]", "a line {\"Item\":{…}}"),
            ("{}", "missing field `Item`"),
            (r#"{"Item":{}"#, "EOF while parsing"),
            (r#"{"Item":{}} x"#, "trailing characters"),
            (r#"{"Metadata":{},"Keys":{}}"#, "unknown field `Metadata`, expected `Item`"),
            (r#"{"Item":[]}"#, "expected attributes by name"),
        ] {
            let fault = read_line(line.as_bytes()).unwrap_err();
            assert!(fault.contains(said), "{line}: {fault}");
        }
        let deep = format!("{}{}{}", r#"{"L":["#.repeat(32), r#"{"S":""}"#, "]}".repeat(32));
        let large = format!(r#"{{"S":"{}"}}"#, "x".repeat(MOST_IN_ROW));
        for (attribute, said) in [
            (r#""text""#, "unknown variant `text`, expected one of `S`"),
            (r#"{"X":"text"}"#, "unknown variant `X`"),
            (r#"{"S":"a","N":"1"}"#, "column"),
            (r#"{"N":1}"#, "expected a string"),
            (r#"{"N":"one"}"#, r#"attribute "x": "one" is not a number that DynamoDB stores"#),
            (r#"{"B":"%"}"#, "binary \"%\" is not base64"),
            (r#"{"NULL":false}"#, "NULL must be true"),
            (r#"{"SS":[]}"#, "a set is empty"),
            (r#"{"NS":["1","1.0"]}"#, "a set has an element twice"),
            (r#"{"M":{"":{"S":""}}}"#, "an attribute has no name"),
            (r#"{"S":"a"},"x":{"S":"b"}"#, "attribute \"x\" occurs twice"),
            (&deep, "deeper than 31 levels"),
            (&large, "but DynamoDB allows 409600"),
        ] {
            let fault = fault(&format!(r#"{{"x":{attribute}}}"#));
            assert!(fault.contains(said), "{attribute:.60}: {fault}");
        }
    }
}
