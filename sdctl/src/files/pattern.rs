//! Patterns of file names as Go's `filepath.Match` and `filepath.Glob` read them. `[^a]` negates, `!` is literal, `\`
//! escapes, and `*` matches a dot at the start.
//!
//! <https://pkg.go.dev/path/filepath#Match>

use std::{
    fs,
    iter::Peekable,
    path::{Path, PathBuf},
    str::Chars,
};

/// The suffixes of a file that `file_sd_configs` names.
const LIST_SUFFIXES: [&str; 6] = [".json", ".yml", ".yaml", ".JSON", ".YML", ".YAML"];

/// A well-formed pattern.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(Vec<Term>);

#[derive(Debug, Clone)]
enum Term {
    Literal(char),
    /// `?`
    One,
    /// `*`
    Any,
    /// `[…]`: ranges of characters. The flag is whether `^` negates them.
    Class(bool, Vec<(char, char)>),
}

impl Pattern {
    /// Parses a pattern. Returns `None` if it is malformed.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let (mut terms, mut rest) = (Vec::new(), text.chars().peekable());
        while let Some(c) = rest.next() {
            terms.push(match c {
                '*' => Term::Any,
                '?' => Term::One,
                '\\' => Term::Literal(rest.next()?),
                '[' => {
                    let is_negated = rest.next_if_eq(&'^').is_some();
                    let mut ranges = Vec::new();
                    while ranges.is_empty() || rest.next_if_eq(&']').is_none() {
                        let first = class_member(&mut rest)?;
                        let last = if rest.next_if_eq(&'-').is_some() { class_member(&mut rest)? } else { first };
                        ranges.push((first, last));
                    }
                    Term::Class(is_negated, ranges)
                }
                c => Term::Literal(c),
            });
        }
        Some(Self(terms))
    }

    /// Returns whether the pattern matches a whole file name.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let (terms, name): (_, Vec<char>) = (&self.0, name.chars().collect());
        let (mut term, mut at) = (0, 0);
        // The last `*`, and where its match ends so far.
        let mut star = None;
        while at < name.len() {
            match terms.get(term) {
                Some(Term::Any) => {
                    star = Some((term, at));
                    term += 1;
                }
                Some(one) if one.matches(name[at]) => (term, at) = (term + 1, at + 1),
                _ => {
                    let Some((any, end)) = star else { return false };
                    star = Some((any, end + 1));
                    (term, at) = (any + 1, end + 1);
                }
            }
        }
        terms[term..].iter().all(|term| matches!(term, Term::Any))
    }
}

impl Term {
    fn matches(&self, c: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Literal(literal) => *literal == c,
            Self::Class(is_negated, ranges) => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&c)) != *is_negated
            }
        }
    }
}

/// Reads a character of a class. A bare `-` or `]` is malformed.
fn class_member(rest: &mut Peekable<Chars<'_>>) -> Option<char> {
    match rest.next()? {
        '-' | ']' => None,
        '\\' => rest.next(),
        c => Some(c),
    }
}

/// Returns whether a pattern matches more than its own text.
pub(super) fn has_wildcard(pattern: &str) -> bool {
    pattern.contains(['*', '?', '[', '\\'])
}

/// Returns whether `*` is in the last part alone, as Prometheus requires of a path.
pub(super) fn is_path(pattern: &str) -> bool {
    pattern.split_once('*').is_none_or(|(_, rest)| !rest.contains('/'))
}

/// Returns whether Prometheus accepts the pattern in `file_sd_configs`.
pub(super) fn is_list_path(pattern: &str) -> bool {
    LIST_SUFFIXES.iter().any(|suffix| pattern.strip_suffix(suffix).is_some_and(is_path))
}

/// Returns the paths that a pattern matches in a folder, sorted, or `None` for a malformed pattern. The name of the
/// folder is literal, and so is the whole pattern if `is_literal`.
pub(super) fn paths(folder: &Path, pattern: &str, is_literal: bool) -> Option<Vec<PathBuf>> {
    let is_absolute = pattern.starts_with('/');
    let pattern = clean(pattern);
    let parts: Vec<_> = pattern.split('/').filter(|part| !part.is_empty()).collect();
    let patterns = parts.iter().map(|part| Pattern::new(if is_literal { "" } else { part }));
    let patterns = patterns.collect::<Option<Vec<_>>>()?;
    let mut found = vec![if is_absolute { PathBuf::from("/") } else { folder.to_owned() }];
    for (i, (part, pattern)) in parts.iter().zip(&patterns).enumerate() {
        if is_literal || !has_wildcard(part) {
            for path in &mut found {
                path.push(part);
            }
            continue;
        }
        let is_last = i + 1 == parts.len();
        found =
            found.iter().flat_map(|folder| matching(folder, pattern)).filter(|path| is_last || path.is_dir()).collect();
    }
    found.retain(|path| fs::symlink_metadata(path).is_ok());
    found.sort();
    Some(found)
}

/// Returns the entries of a folder that a pattern matches. Prometheus ignores a folder that it cannot read.
fn matching(folder: &Path, pattern: &Pattern) -> Vec<PathBuf> {
    let place = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = fs::read_dir(place) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name());
    names.filter(|name| pattern.matches(&name.to_string_lossy())).map(|name| folder.join(name)).collect()
}

/// Returns a pattern without `.`, empty parts and `part/..`, as Prometheus does before it looks for files.
fn clean(pattern: &str) -> String {
    let is_absolute = pattern.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match (part, parts.last()) {
            ("" | ".", _) => {}
            ("..", None) if is_absolute => {}
            ("..", Some(last)) if *last != ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_matches_as_in_go() {
        for (pattern, name, expected) in [
            ("abc", "abc", Some(true)),
            ("*", "abc", Some(true)),
            ("*", "", Some(true)),
            ("*c", "abc", Some(true)),
            ("a*", "a", Some(true)),
            ("a*b*c*d*e*", "axbxcxdxexxx", Some(true)),
            ("a*b?c*x", "abxbbxdbxebxczzx", Some(true)),
            ("a*b?c*x", "abxbbxdbxebxczzy", Some(false)),
            ("*.yml", ".node.yml", Some(true)),
            ("ab[c]", "abc", Some(true)),
            ("ab[b-d]", "abc", Some(true)),
            ("ab[e-g]", "abc", Some(false)),
            ("ab[^c]", "abc", Some(false)),
            ("ab[^b-d]", "abc", Some(false)),
            ("ab[^e-g]", "abc", Some(true)),
            ("ab[!c]", "abc", Some(true)),
            ("ab[!d]", "abc", Some(false)),
            ("a\\*b", "a*b", Some(true)),
            ("a\\*b", "ab", Some(false)),
            ("a?b", "a☺b", Some(true)),
            ("a[^a]b", "a☺b", Some(true)),
            ("a???b", "a☺b", Some(false)),
            ("[a-ζ]*", "α", Some(true)),
            ("*[a-ζ]", "A", Some(false)),
            ("[\\]a]", "]", Some(true)),
            ("[\\-x]", "-", Some(true)),
            ("[x\\-]", "z", Some(false)),
            ("{a,b}", "a", Some(false)),
            ("[]a]", "]", None),
            ("[-]", "-", None),
            ("[x-]", "x", None),
            ("[-x]", "x", None),
            ("\\", "a", None),
            ("[a-b-c]", "a", None),
            ("[", "a", None),
            ("[^", "a", None),
            ("[^bc", "a", None),
            ("a[", "a", None),
            ("*x", "xxx", Some(true)),
        ] {
            let found = Pattern::new(pattern).map(|pattern| pattern.matches(name));
            assert_eq!(found, expected, "{pattern} on {name}");
        }
    }

    #[test]
    fn list_path_has_suffix_and_late_wildcard() {
        for (pattern, is_accepted) in [
            ("a.json", true),
            ("sd/*.yml", true),
            ("s?/[ab]/x*y*.yaml", true),
            ("*.YAML", true),
            ("a.Json", false),
            ("a.conf", false),
            ("*", false),
            ("sd/*/a.json", false),
            ("*/a.json", false),
            ("", false),
            (".json", true),
        ] {
            assert_eq!(is_list_path(pattern), is_accepted, "{pattern}");
        }
    }

    #[test]
    fn path_is_cleaned_as_in_go() {
        for (pattern, cleaned) in [
            ("a//b/./c", "a/b/c"),
            ("a/../b", "b"),
            ("../a", "../a"),
            ("../../a/..", "../.."),
            ("/../a/", "a"),
            ("./a", "a"),
        ] {
            assert_eq!(clean(pattern), cleaned, "{pattern}");
        }
    }
}
