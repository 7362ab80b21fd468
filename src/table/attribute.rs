//! The attributes of a row, borrowed from the JSON of their page.
//!
//! This module parses attributes itself: types are never coerced, a set must differ from a list, and creating the
//! objects of the SDK for a large table takes longer than the rest of a request.
//!
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html>

use std::fmt;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, Visitor},
};

use crate::group::{Entries, Fault, Text};

/// The value of an attribute. Types that no valid row has keep only their name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attribute<'a> {
    /// A string.
    S(Text<'a>),
    /// A number, as text.
    N(Text<'a>),
    /// A list.
    L(Vec<Attribute<'a>>),
    /// A map.
    M(Entries<'a, Attribute<'a>>),
    /// A set of strings.
    Ss(Vec<Text<'a>>),
    /// Another type, in words.
    Other(&'static str),
}

impl Attribute<'_> {
    /// Returns the text of a string.
    pub(super) fn string(&self) -> Result<&str, Fault> {
        match self {
            Self::S(text) => Ok(text.as_str()),
            other => Err(other.wrong_type("a string")),
        }
    }

    /// Returns the text of a number.
    pub(super) fn number(&self) -> Option<&str> {
        if let Self::N(text) = self { Some(text.as_str()) } else { None }
    }

    /// Returns the fault of an attribute that should have the type `expected`.
    pub(super) fn wrong_type(&self, expected: &'static str) -> Fault {
        let found = match self {
            Self::S(_) => "a string (S)",
            Self::N(_) => "a number (N)",
            Self::L(_) => "a list (L)",
            Self::M(_) => "a map (M)",
            Self::Ss(_) => "a string set (SS)",
            Self::Other(found) => found,
        };
        Fault::WrongType { found, expected }
    }
}

/// Returns the words for a type that no valid row has.
fn other(name: &str) -> &'static str {
    match name {
        "BOOL" => "a boolean (BOOL)",
        "NULL" => "null (NULL)",
        "B" => "binary (B)",
        "NS" => "a number set (NS)",
        "BS" => "a binary set (BS)",
        _ => "of an unknown type",
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Attribute<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Typed;

        impl<'de> Visitor<'de> for Typed {
            type Value = Attribute<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an attribute's type and value")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let Some(name) = map.next_key::<Text<'de>>()? else {
                    return Err(de::Error::invalid_length(0, &self));
                };
                let value = match name.as_str() {
                    "S" => Attribute::S(map.next_value()?),
                    "N" => Attribute::N(map.next_value()?),
                    "L" => Attribute::L(map.next_value()?),
                    "M" => Attribute::M(map.next_value()?),
                    "SS" => Attribute::Ss(map.next_value()?),
                    name => {
                        map.next_value::<IgnoredAny>()?;
                        Attribute::Other(other(name))
                    }
                };
                match map.next_key::<IgnoredAny>()? {
                    None => Ok(value),
                    Some(_) => Err(de::Error::invalid_length(2, &self)),
                }
            }
        }

        deserializer.deserialize_map(Typed)
    }
}

impl<'a> From<&'a AttributeValue> for Attribute<'a> {
    fn from(value: &'a AttributeValue) -> Self {
        match value {
            AttributeValue::S(text) => Self::S(text.into()),
            AttributeValue::N(number) => Self::N(number.into()),
            AttributeValue::L(list) => Self::L(list.iter().map(Self::from).collect()),
            AttributeValue::M(map) => {
                Self::M(Entries(map.iter().map(|(name, value)| (name.into(), value.into())).collect()))
            }
            AttributeValue::Ss(set) => Self::Ss(set.iter().map(Text::from).collect()),
            AttributeValue::Bool(_) => Self::Other(other("BOOL")),
            AttributeValue::Null(_) => Self::Other(other("NULL")),
            AttributeValue::B(_) => Self::Other(other("B")),
            AttributeValue::Ns(_) => Self::Other(other("NS")),
            AttributeValue::Bs(_) => Self::Other(other("BS")),
            _ => Self::Other(other("")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Attribute<'_>, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    fn text(text: &str) -> Text<'_> {
        text.into()
    }

    #[test]
    fn attributes_keep_their_types() {
        use Attribute::{L, M, N, Other, S, Ss};
        let cases = [
            (r#"{"S":"a"}"#, S(text("a"))),
            (r#"{"S":""}"#, S(text(""))),
            (r#"{"S":"\u00e9\n\ud83d\ude00\\"}"#, S(text("é\n😀\\"))),
            (r#"{"\u0053":"a"}"#, S(text("a"))),
            (r#"{"N":"1.5"}"#, N(text("1.5"))),
            (r#"{"L":[{"S":"b"},{"N":"1"},{"L":[]}]}"#, L(vec![S(text("b")), N(text("1")), L(vec![])])),
            (
                r#"{"M":{"z":{"S":"1"},"a":{"NULL":true}}}"#,
                M(Entries(vec![(text("z"), S(text("1"))), (text("a"), Other("null (NULL)"))])),
            ),
            (r#"{"SS":["b","a"]}"#, Ss(vec![text("b"), text("a")])),
            (r#"{"BOOL":true}"#, Other("a boolean (BOOL)")),
            (r#"{"B":"AAAA"}"#, Other("binary (B)")),
            (r#"{"NS":["1"]}"#, Other("a number set (NS)")),
            (r#"{"BS":["AAAA"]}"#, Other("a binary set (BS)")),
            (r#"{"X":{"y":[1]}}"#, Other("of an unknown type")),
        ];
        for (json, attribute) in cases {
            assert_eq!(read(json), Ok(attribute), "{json}");
        }
    }

    #[test]
    fn invalid_attributes_are_errors() {
        let deep = r#"{"L":["#.repeat(100_000);
        let cases = [
            ("", "EOF while parsing"),
            ("{}", "invalid length 0, expected an attribute's type and value"),
            ("[]", "invalid type: sequence, expected an attribute's type and value"),
            ("null", "invalid type: null, expected an attribute's type and value"),
            (r#"{"S":1}"#, "invalid type: integer `1`, expected a string"),
            (r#"{"S":null}"#, "invalid type: null, expected a string"),
            (r#"{"S":"a","N":"1"}"#, "invalid length 2, expected an attribute's type and value"),
            (r#"{"SS":["a",null]}"#, "invalid type: null, expected a string"),
            (r#"{"S":"\ud800"}"#, "unexpected end of hex escape"),
            (r#"{"M":[]}"#, "invalid type: sequence, expected a map of attributes"),
            (r#"{"L":{}}"#, "invalid type: map, expected a sequence"),
            (&deep, "recursion limit exceeded"),
        ];
        for (json, expected) in cases {
            let error = read(json).unwrap_err();
            assert!(error.starts_with(expected), "{json:.40}: {error}");
        }
    }

    /// sdctl reads rows with the SDK, the function reads them from the bytes of a page.
    #[test]
    fn sdk_and_json_give_equal_attributes() {
        use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue as Sdk};
        let s = |text: &str| Sdk::S(text.into());
        let cases = [
            (r#"{"S":"a"}"#, s("a")),
            (r#"{"N":"1"}"#, Sdk::N("1".into())),
            (r#"{"L":[{"S":"b"}]}"#, Sdk::L(vec![s("b")])),
            (r#"{"M":{"z":{"S":"1"}}}"#, Sdk::M([("z".to_owned(), s("1"))].into())),
            (r#"{"SS":["b","a"]}"#, Sdk::Ss(vec!["b".into(), "a".into()])),
            (r#"{"BOOL":true}"#, Sdk::Bool(true)),
            (r#"{"NULL":true}"#, Sdk::Null(true)),
            (r#"{"B":"AAAA"}"#, Sdk::B(Blob::new([0; 3]))),
            (r#"{"NS":["1"]}"#, Sdk::Ns(vec!["1".into()])),
            (r#"{"BS":["AAAA"]}"#, Sdk::Bs(vec![Blob::new([0; 3])])),
        ];
        for (json, value) in cases {
            assert_eq!(read(json), Ok(Attribute::from(&value)), "{json}");
        }
    }
}
