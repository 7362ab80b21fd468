//! The value of a YAML scalar, as go-yaml decodes it where Prometheus expects a string.

use super::{fault::Problem, node::Value};

/// The prefix of YAML's own tags, which a document writes as `!!`.
const CORE: &str = "tag:yaml.org,2002:";

/// Returns the value: null, or the text as written. `plain_implicit` is libyaml's flag: the scalar has no quotes and no
/// tag, or the tag `!`.
pub(super) fn value(text: String, tag: Option<&str>, plain_implicit: bool) -> Result<Value, Problem> {
    if is_null(&text, tag, plain_implicit) {
        return Ok(Value::Null);
    }
    let fits = match tag.and_then(|tag| tag.strip_prefix(CORE)) {
        Some(tag @ ("binary" | "timestamp")) => {
            let problem = format!("has the tag !!{tag}, which sdctl does not read: write the value as text");
            return Err(Problem::TooMuch(problem));
        }
        Some("null") => false,
        Some("bool") => is_boolean(&text),
        Some("int") => is_integer(&text),
        Some("float") => is_integer(&text) || is_float(&text),
        _ => true,
    };
    if fits {
        return Ok(Value::Text(text));
    }
    let problem = "is not valid YAML: has a tag that does not fit the value. Remove the tag";
    Err(Problem::Syntax(problem.into()))
}

pub(super) fn is_null(text: &str, tag: Option<&str>, plain_implicit: bool) -> bool {
    let may_be = match tag {
        None => plain_implicit,
        Some(tag) => tag.strip_prefix(CORE) == Some("null"),
    };
    may_be && matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Returns whether a key merges the map that is its value.
pub(super) fn is_merge(text: &str, tag: Option<&str>, plain_implicit: bool) -> bool {
    text == "<<" && (plain_implicit || tag.is_some_and(|tag| tag.strip_prefix(CORE) == Some("merge")))
}

/// The words of YAML 1.1, each in lower case, in capitals, or with a capital first.
pub(super) fn is_boolean(text: &str) -> bool {
    const WORDS: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "true", "false"];
    let is_first_capital = |word: &str| text.get(1..) == word.get(1..) && text.eq_ignore_ascii_case(word);
    WORDS.iter().any(|word| text == *word || text == word.to_ascii_uppercase() || is_first_capital(word))
}

pub(super) fn is_integer(text: &str) -> bool {
    let text = text.replace('_', "");
    let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
    let (digits, radix) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&digits[2..], 16),
        [b'0', b'o' | b'O', ..] => (&digits[2..], 8),
        [b'0', b'b' | b'B', ..] => (&digits[2..], 2),
        _ => (digits, 10),
    };
    !digits.starts_with(['+', '-']) && u64::from_str_radix(digits, radix).is_ok()
}

pub(super) fn is_float(text: &str) -> bool {
    let text = text.replace('_', "");
    let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
    let is_named = matches!(digits, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN");
    let is_numeric = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') && digits.parse::<f64>().is_ok();
    is_named || is_numeric
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_must_fit_the_scalar() {
        let core = |tag: &str| format!("{CORE}{tag}");
        for (tag, text, fits) in [
            ("int", "5", true),
            ("int", "-0x1F", true),
            ("int", "0o17", true),
            ("int", "1_000", true),
            ("int", "5.5", false),
            ("int", "a", false),
            ("int", "", false),
            ("float", "5", true),
            ("float", "1e3", true),
            ("float", "-.inf", true),
            ("float", "inf", false),
            ("bool", "yes", true),
            ("bool", "False", true),
            ("bool", "OFF", true),
            ("bool", "yEs", false),
            ("bool", "a", false),
            ("null", "a", false),
            ("str", "~", true),
            ("merge", "a", true),
            ("foo", "a", true),
        ] {
            assert_eq!(value(text.into(), Some(&core(tag)), false).is_ok(), fits, "!!{tag} {text}");
        }
        assert_eq!(value("~".into(), Some(&core("null")), false), Ok(Value::Null));
        assert_eq!(value("~".into(), Some("!"), true), Ok(Value::Text("~".into())));
        assert!(matches!(value("aGk=".into(), Some(&core("binary")), false), Err(Problem::TooMuch(_))));
    }

    #[test]
    fn merge_key_is_plain_or_tagged() {
        let merge = format!("{CORE}merge");
        for (tag, plain_implicit, merges) in
            [(None, true, true), (Some("!"), true, true), (Some(&*merge), false, true), (None, false, false)]
        {
            assert_eq!(is_merge("<<", tag, plain_implicit), merges, "{tag:?}");
        }
    }
}
