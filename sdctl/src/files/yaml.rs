//! Reads YAML as a tree of nodes, from the parser's events: a loader loses the written text of a scalar, or its line.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::{
    fault::Problem,
    node::{DEEPEST, Document, Node, SyntaxError, Value, too_deep},
};

/// The most nodes that aliases may repeat. A few lines of nested aliases can expand to billions.
const MOST_REPEATED: usize = 1_000_000;

struct Composer<'t> {
    parser: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Node>,
    repeated: usize,
}

pub(super) fn read(text: &str, element: &mut dyn FnMut(Node)) -> Result<Document, SyntaxError> {
    let mut composer = Composer { parser: Parser::new_from_str(text), anchors: HashMap::new(), repeated: 0 };
    let mut document = None;
    loop {
        match composer.next()? {
            (Event::StreamEnd, _) => break,
            (Event::DocumentStart(_), span) if document.is_some() => {
                return Err(too_much(span, "starts a second document, but Prometheus reads only the first: keep one"));
            }
            (Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing, _) => {}
            (Event::SequenceStart(..), _) => {
                composer.elements(0, element)?;
                document = Some(Document::List);
            }
            (event, span) => document = Some(Document::Other(composer.node(event, span, 0)?)),
        }
    }
    Ok(document.unwrap_or(Document::Empty))
}

impl<'t> Composer<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), SyntaxError> {
        match self.parser.next_event() {
            Some(next) => next.map_err(|e: ScanError| SyntaxError {
                line: e.marker().line(),
                problem: Problem::Syntax(format!("is not valid YAML: {}", e.info())),
            }),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    /// Reads the elements of a list, after its start.
    fn elements(&mut self, depth: usize, element: &mut dyn FnMut(Node)) -> Result<(), SyntaxError> {
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(()),
                (event, span) => element(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, SyntaxError> {
        if depth > DEEPEST {
            return Err(SyntaxError { line: span.start.line(), problem: too_deep() });
        }
        let line = span.start.line();
        let (value, anchor) = match event {
            Event::Alias(id) => return self.alias(id, span, depth),
            Event::Scalar(_, _, _, Some(tag)) if tag.is_yaml_core_schema() && tag.suffix == "binary" => {
                return Err(too_much(span, "has the tag !!binary, which sdctl does not read: write the value as text"));
            }
            Event::Scalar(text, style, anchor, tag) => {
                let null = is_null(&text, style, tag.as_deref());
                (if null { Value::Null } else { Value::Text(text.into_owned()) }, anchor)
            }
            Event::SequenceStart(anchor, _) => {
                let mut list = Vec::new();
                self.elements(depth, &mut |node| list.push(node))?;
                (Value::List(list), anchor)
            }
            Event::MappingStart(anchor, _) => (Value::Map(self.entries(depth)?), anchor),
            _ => return Err(invalid(span, "is not valid YAML: the document ends too early")),
        };
        let node = Node { line, value };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<(Node, Node)>, SyntaxError> {
        let (mut entries, mut merged) = (Vec::new(), Vec::new());
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let is_merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.node(event, span, depth + 1)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            if !is_merge {
                entries.push((key, value));
                continue;
            }
            let maps = if let Value::List(list) = value.value { list } else { vec![value] };
            for map in maps {
                let Value::Map(map) = map.value else {
                    return Err(invalid(
                        span,
                        "cannot be merged, because it is not a map: use << with a map or a list of maps",
                    ));
                };
                merged.extend(map);
            }
        }
        merge(&mut entries, merged, |(key, _)| &key.value);
        Ok(entries)
    }

    fn alias(&mut self, id: usize, span: Span, depth: usize) -> Result<Node, SyntaxError> {
        let node =
            self.anchors.get(&id).ok_or_else(|| invalid(span, "is an alias of itself: write the value instead"))?;
        if depth + height(node) > DEEPEST {
            return Err(SyntaxError { line: span.start.line(), problem: too_deep() });
        }
        self.repeated += size(node);
        if self.repeated > MOST_REPEATED {
            let problem = format!("repeats too much through aliases: use at most {MOST_REPEATED} repeated nodes");
            return Err(too_much(span, &problem));
        }
        Ok(node.clone())
    }
}

/// Adds the merged entries whose keys are new. The first of several entries with the same key wins.
fn merge<E, K: Eq + Hash>(entries: &mut Vec<E>, merged: Vec<E>, key: impl Fn(&E) -> &K) {
    let mut known: HashSet<&K> = entries.iter().map(&key).collect();
    let new: Vec<bool> = merged.iter().map(|entry| known.insert(key(entry))).collect();
    entries.extend(merged.into_iter().zip(new).filter_map(|(entry, new)| new.then_some(entry)));
}

fn is_null(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> bool {
    style == ScalarStyle::Plain && tag.is_none() && matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

fn size(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(list) => list.iter().map(size).sum(),
        Value::Map(map) => map.iter().map(|(key, value)| size(key) + size(value)).sum(),
        _ => 0,
    }
}

/// Returns how many levels are below the node.
fn height(node: &Node) -> usize {
    let of_all = |nodes: &mut dyn Iterator<Item = &Node>| nodes.map(|node| 1 + height(node)).max().unwrap_or_default();
    match &node.value {
        Value::List(list) => of_all(&mut list.iter()),
        Value::Map(map) => of_all(&mut map.iter().flat_map(|(key, value)| [key, value])),
        _ => 0,
    }
}

/// Returns an error for text that is not valid YAML.
fn invalid(span: Span, message: &str) -> SyntaxError {
    SyntaxError { line: span.start.line(), problem: Problem::Syntax(message.into()) }
}

/// Returns an error for valid YAML that `sdctl` does not read.
fn too_much(span: Span, message: &str) -> SyntaxError {
    SyntaxError { line: span.start.line(), problem: Problem::TooMuch(message.into()) }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, hash::Hasher};

    use super::*;

    fn only(yaml: &str) -> Result<Node, SyntaxError> {
        match read(yaml, &mut |_| panic!("a list"))? {
            Document::Other(node) => Ok(node),
            document => panic!("{document:?}"),
        }
    }

    fn shown(node: &Node) -> String {
        match &node.value {
            Value::Null => "null".into(),
            Value::Text(text) => format!("{text:?}@{}", node.line),
            Value::List(list) => format!("[{}]", list.iter().map(shown).collect::<Vec<_>>().join(" ")),
            Value::Map(map) => {
                let entries = map.iter().map(|(key, value)| format!("{}:{}", shown(key), shown(value)));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(" "))
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn scalar_keeps_its_written_text() {
        let yaml = "a: 1.10\nb: yes\nc: '~'\nd: ~\ne:\nf: !!str\ng: 0755\nh: \"x\\ty\"\n";
        let shown = shown(&only(yaml).unwrap());
        let expected = r#"{"a"@1:"1.10"@1 "b"@2:"yes"@2 "c"@3:"~"@3 "d"@4:null "e"@5:null "f"@6:""@6 "g"@7:"0755"@7 "h"@8:"x\ty"@8}"#;
        assert_eq!(shown, expected);
    }

    #[test]
    fn aliases_and_merges_are_followed() {
        let yaml = "x: &x\n  a: 1\n  b: 2\ny:\n  <<: *x\n  b: 3\nz: [*x]\n";
        let shown = shown(&only(yaml).unwrap());
        assert!(shown.contains(r#""y"@4:{"b"@6:"3"@6 "a"@2:"1"@2}"#), "{shown}");
        assert!(shown.contains(r#""z"@7:[{"a"@2:"1"@2 "b"@3:"2"@3}]"#), "{shown}");
    }

    #[test]
    fn invalid_or_excessive_yaml_names_its_line() {
        let billions: Vec<String> =
            (1..20).map(|i| format!("l{i}: &l{i} [{}]\n", vec![format!("*l{}", i - 1); 10].join(","))).collect();
        for (yaml, line, message) in [
            ("a: 1\nb: [\n".to_owned(), 3, "is not valid YAML"),
            ("a: 1\n---\nb: 2\n".into(), 2, "starts a second document"),
            ("a: *b\n".into(), 1, "is not valid YAML"),
            ("a: 1\nb: !!binary aGk=\n".into(), 2, "has the tag !!binary"),
            ("a: &a {b: 1}\nc: {<<: [*a, x]}\n".into(), 2, "cannot be merged"),
            ("[".repeat(1000), 1, ""),
            (nested_by_aliases(150), 3, "is nested too deeply"),
            (format!("a: {}{}\n", "[".repeat(100), "]".repeat(100)), 1, "is nested too deeply"),
            (format!("l0: &l0 [x]\n{}", billions.concat()), 7, "repeats too much"),
        ] {
            let error = only(&yaml).unwrap_err();
            assert!(error.problem.to_string().contains(message) && error.line == line, "{error:?}");
        }
    }

    /// Returns deeply nested lists, each of which contains an alias of the list before.
    fn nested_by_aliases(levels: usize) -> String {
        let (open, close) = ("[".repeat(40), "]".repeat(40));
        let level = |i| format!("l{i}: &l{i} {open}*l{}{close}\n", i - 1);
        format!("l0: &l0 [x]\n{}", (1..levels).map(level).collect::<Vec<_>>().concat())
    }

    #[test]
    fn many_keys_merge_into_many() {
        let keys = |prefix: char| (0..30_000).map(|i| format!("  {prefix}{i}: x\n")).collect::<Vec<_>>().concat();
        let yaml = format!("a: &a\n{}b:\n  <<: *a\n{}", keys('a'), keys('b'));
        let Value::Map(entries) = only(&yaml).unwrap().value else { panic!("no map") };
        assert!(matches!(&entries[1].1.value, Value::Map(merged) if merged.len() == 60_000));
    }

    /// Counts how often a key is hashed and compared.
    struct Counted<'c> {
        key: usize,
        work: &'c Cell<usize>,
    }

    impl PartialEq for Counted<'_> {
        fn eq(&self, other: &Self) -> bool {
            self.work.update(|work| work + 1);
            self.key == other.key
        }
    }

    impl Eq for Counted<'_> {}

    impl Hash for Counted<'_> {
        fn hash<H: Hasher>(&self, state: &mut H) {
            self.work.update(|work| work + 1);
            self.key.hash(state);
        }
    }

    #[test]
    fn merging_takes_linear_work() {
        const KEYS: usize = 2_000;
        let work = Cell::new(0);
        let keys = |from: usize| (from..from + KEYS).map(|key| Counted { key, work: &work }).collect::<Vec<_>>();
        let mut entries = keys(0);
        merge(&mut entries, keys(KEYS / 2), |key| key);
        assert_eq!(entries.len(), KEYS + KEYS / 2);
        // A key is hashed when it is added and when the set grows. Comparing all pairs needs KEYS / 2 for each key.
        assert!((2 * KEYS..20 * KEYS).contains(&work.get()), "{} for {KEYS} keys in each", work.get());
    }

    #[test]
    fn blank_yaml_is_empty_or_null() {
        for yaml in ["", "\n", "# nothing\n"] {
            assert_eq!(read(yaml, &mut |_| {}), Ok(Document::Empty), "{yaml:?}");
        }
        for yaml in ["---\n", "~\n"] {
            assert_eq!(only(yaml).unwrap().value, Value::Null, "{yaml:?}");
        }
    }
}
