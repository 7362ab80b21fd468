//! Replaces the variables of a file, such as `%{HOST}`, as vmagent does.
//!
//! <https://docs.victoriametrics.com/victoriametrics/vmagent/#environment-variables>

use http_sd_lambda::config::Lookup;

/// The most levels of variables in the values of variables. The value of a variable may contain the variable itself.
const DEEPEST: usize = 8;

const START: &str = "%{";

/// Returns the text with the values of its variables. A variable without a value stays as it is written.
pub(super) fn replaced(text: String, value: &Lookup<'_>) -> String {
    if text.contains(START) { with_values(&text, value, DEEPEST) } else { text }
}

/// Returns the first variable in a text, such as `%{HOST}`.
pub(super) fn variable(text: &str) -> Option<&str> {
    let variable = &text[text.find(START)?..];
    Some(&variable[..=variable.find('}')?])
}

fn with_values(text: &str, value: &Lookup<'_>, depth: usize) -> String {
    let (mut replaced, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once(START) {
        let Some((name, after)) = after.split_once('}') else { break };
        replaced.push_str(before);
        match value(name).filter(|_| depth > 0 && is_name(name)) {
            Some(found) => replaced.push_str(&with_values(&found, value, depth - 1)),
            None => replaced.extend([START, name, "}"]),
        }
        rest = after;
    }
    replaced + rest
}

/// Returns whether vmagent takes the text for the name of a variable.
fn is_name(text: &str) -> bool {
    let is_in_name = |c: char| c == '_' || c.is_ascii_alphanumeric();
    text.chars().all(is_in_name) && !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected texts are those of vmagent 1.145.
    #[test]
    fn variables_are_replaced_as_by_vmagent() {
        let variables = [
            ("A", "a"),
            ("_b1", "b"),
            ("EMPTY", ""),
            ("NEST", "n%{A}"),
            ("CHAIN", "%{NEST}!"),
            ("LOOP", "l%{LOOP}"),
            ("A-B", "dash"),
            ("1X", "digit"),
            ("X%{A", "odd"),
            ("", "nameless"),
        ];
        let value =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        for (text, expected) in [
            ("x", "x"),
            ("%{A}:%{_b1}%{A}", "a:ba"),
            ("x%{EMPTY}y", "xy"),
            ("%{CHAIN}", "na!"),
            ("%{GONE} %{A}", "%{GONE} a"),
            ("%{A-B}%{1X}%{}%{ A}", "%{A-B}%{1X}%{}%{ A}"),
            ("%{X%{A}}", "%{X%{A}}"),
            ("%%{A}%{A", "%a%{A"),
            ("${A} {A} %{\u{e9}}", "${A} {A} %{\u{e9}}"),
        ] {
            assert_eq!(replaced(text.into(), &value), expected, "{text}");
        }
        let endless = replaced("%{LOOP}".into(), &value);
        assert_eq!(variable(&endless), Some("%{LOOP}"));
    }

    #[test]
    fn variable_ends_at_its_bracket() {
        for (text, expected) in
            [("a%{B}c%{D}", Some("%{B}")), ("%{}", Some("%{}")), ("%{a", None), ("}%{", None), ("a", None)]
        {
            assert_eq!(variable(text), expected, "{text}");
        }
    }
}
