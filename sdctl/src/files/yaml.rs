//! Reads YAML as a tree of nodes, as Prometheus reads it. Prometheus uses go-yaml, which is a port of libyaml; this
//! module reads the events of another port. A loader would lose the written text of a scalar, or its line.
//!
//! The differences between go-yaml and libyaml were found by asking Prometheus: `sdctl/tests/e2e/files` repeats them.

use std::collections::HashMap;

use libyaml_safer::{Error, ErrorKind, Event, EventData, MappingStyle, Mark, ScalarStyle, SequenceStyle};

use super::{
    events::{YamlParser, parser},
    fault::Problem,
    node::{DEEPEST, Document, Entry, Node, SyntaxError, Value, too_deep},
    scalar, tags,
};

/// The most nodes that aliases may repeat. A few lines of nested aliases can expand to billions.
const MOST_REPEATED: usize = 1_000_000;

struct Composer<'t> {
    text: &'t str,
    parser: YamlParser<'t>,
    /// The byte offsets of the line breaks that editors do not show, but YAML counts.
    odd_breaks: Vec<u64>,
    /// The node of each anchor; `None` while the node is read.
    anchors: HashMap<String, Option<Node>>,
    repeated: usize,
    /// The number of flow collections that enclose the next node.
    flows: usize,
}

pub(super) fn read(text: &str, element: &mut dyn FnMut(Node)) -> Result<Document, SyntaxError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut composer = Composer::new(text);
    if let Some(mark) = tags::before_comma(text).map_err(|error| composer.error(&error))? {
        let problem = "contains a tag before a comma, which sdctl does not read: write a space after the tag";
        return Err(SyntaxError { line: composer.line(mark), problem: Problem::TooMuch(problem.into()) });
    }
    let mut document = None;
    loop {
        let event = match composer.next() {
            Ok(event) => event,
            // Prometheus does not read on.
            Err(SyntaxError { line, .. }) if document.is_some() => {
                let problem = "contains text after its end, which Prometheus does not read: remove the text";
                return Err(SyntaxError { line, problem: Problem::TooMuch(problem.into()) });
            }
            Err(error) => return Err(error),
        };
        match event.data {
            EventData::StreamEnd => break,
            EventData::DocumentStart { .. } if document.is_some() => {
                let line = composer.line(event.start_mark);
                if composer.rest_is_empty() {
                    break;
                }
                return Err(second_document(line));
            }
            EventData::DocumentStart { version_directive: Some(version), .. } if version.minor != 1 => {
                let problem = "is not valid YAML: Prometheus reads YAML 1.1 only. Remove the directive %YAML";
                return Err(composer.invalid(event.start_mark, problem));
            }
            EventData::SequenceStart { anchor: None, style, .. } => {
                composer.flows += usize::from(style == SequenceStyle::Flow);
                composer.elements(0, element)?;
                document = Some(Document::List);
            }
            EventData::StreamStart { .. } | EventData::DocumentStart { .. } | EventData::DocumentEnd { .. } => {}
            _ => {
                document = Some(match composer.node(event, 0)? {
                    Node { value: Value::List(list), .. } => {
                        list.into_iter().for_each(&mut *element);
                        Document::List
                    }
                    node => Document::Other(node),
                });
            }
        }
    }
    Ok(document.unwrap_or(Document::Empty))
}

fn second_document(line: usize) -> SyntaxError {
    let problem = "starts a second document, but Prometheus reads only the first: keep one";
    SyntaxError { line, problem: Problem::TooMuch(problem.into()) }
}

impl<'t> Composer<'t> {
    fn new(text: &'t str) -> Self {
        let is_odd = |(at, c): (usize, char)| matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}').then_some(at as u64);
        let odd_breaks = if text.is_ascii() { Vec::new() } else { text.char_indices().filter_map(is_odd).collect() };
        Self { text, parser: parser(text), odd_breaks, anchors: HashMap::new(), repeated: 0, flows: 0 }
    }

    fn next(&mut self) -> Result<Event, SyntaxError> {
        self.parser.parse().map_err(|error| self.error(&error))
    }

    /// Returns the line of a mark, counted from 1 as an editor does.
    fn line(&self, mark: Mark) -> usize {
        let odd = self.odd_breaks.partition_point(|at| *at < mark.index);
        // The line break that the text itself does not have.
        let odd = odd + usize::from(mark.index > self.text.len() as u64);
        usize::try_from(mark.line).unwrap_or(usize::MAX - 1).saturating_sub(odd) + 1
    }

    fn error(&self, error: &Error) -> SyntaxError {
        if error.kind() == ErrorKind::Reader {
            // The parser does not say where.
            let before = self.text.find(|c| !is_allowed(c)).unwrap_or_default();
            let line = self.text[..before].bytes().filter(|byte| *byte == b'\n').count() + 1;
            let problem = "is not valid YAML: contains a control character. Remove the character or escape it";
            return SyntaxError { line, problem: Problem::Syntax(problem.into()) };
        }
        // go-yaml accepts a few texts that libyaml does not.
        let mark = error.problem_mark().unwrap_or_default();
        let at = usize::try_from(mark.index).unwrap_or(usize::MAX);
        let rest = self.text.get(at..).unwrap_or_default();
        let problem = if [":,", ":]", ":}"].iter().any(|end| rest.starts_with(end)) {
            "contains a text with \":\" at its end in brackets, which sdctl does not read: quote the text"
        } else if rest.starts_with("\\'") {
            "contains the escape \\', which sdctl does not read: write ' without \\"
        } else {
            return self.invalid(mark, &format!("is not valid YAML: {}", error.problem()));
        };
        SyntaxError { line: self.line(mark), problem: Problem::TooMuch(problem.into()) }
    }

    /// Returns whether nothing but an empty document follows.
    fn rest_is_empty(&mut self) -> bool {
        let is_null = |event: &Event| match &event.data {
            EventData::Scalar { value, tag, plain_implicit, .. } => {
                scalar::is_null(value, tag.as_deref(), *plain_implicit)
            }
            _ => false,
        };
        self.next().is_ok_and(|event| is_null(&event))
            && self.next().is_ok_and(|event| matches!(event.data, EventData::DocumentEnd { .. }))
            && self.next().is_ok_and(|event| event.data == EventData::StreamEnd)
    }

    /// Reads the elements of a list, after its start.
    fn elements(&mut self, depth: usize, element: &mut dyn FnMut(Node)) -> Result<(), SyntaxError> {
        loop {
            let event = self.next()?;
            if event.data == EventData::SequenceEnd {
                return Ok(());
            }
            element(self.node(event, depth + 1)?);
        }
    }

    fn node(&mut self, event: Event, depth: usize) -> Result<Node, SyntaxError> {
        let Event { data, start_mark: mark, end_mark, .. } = event;
        let line = self.line(mark);
        if depth > DEEPEST {
            return Err(SyntaxError { line, problem: too_deep() });
        }
        let flows = self.flows;
        let (value, anchor) = match data {
            EventData::Alias { anchor } => return self.alias(&anchor, mark, depth),
            EventData::Scalar { anchor, tag, mut value, plain_implicit, style, .. } => {
                let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                if is_block && end_mark.index > self.text.len() as u64 && self.adds_break(&value) {
                    value.pop();
                }
                if style == ScalarStyle::DoubleQuoted && value.contains('/') && self.escapes_slash(mark, end_mark) {
                    let problem = "is not valid YAML: contains the escape \\/. Write / without \\";
                    return Err(self.invalid(mark, problem));
                }
                let is_plain = plain_implicit && tag.is_none();
                if is_plain && flows > 0 && value.contains('?') {
                    let problem =
                        "is not valid YAML: contains \"?\" in a text without quotes in brackets. Quote the text";
                    return Err(self.invalid(mark, problem));
                }
                let value = scalar::value(value, tag.as_deref(), plain_implicit)
                    .map_err(|problem| SyntaxError { line, problem })?;
                (value, anchor)
            }
            EventData::SequenceStart { anchor, style, .. } => {
                self.flows += usize::from(style == SequenceStyle::Flow);
                self.open(anchor.as_ref());
                let mut list = Vec::new();
                self.elements(depth, &mut |node| list.push(node))?;
                (Value::List(list), anchor)
            }
            EventData::MappingStart { anchor, style, .. } => {
                self.flows += usize::from(style == MappingStyle::Flow);
                self.open(anchor.as_ref());
                (Value::Map(self.entries(depth)?), anchor)
            }
            _ => return Err(self.invalid(mark, "is not valid YAML: the document ends too early")),
        };
        self.flows = flows;
        let node = Node { line, value };
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, Some(node.clone()));
        }
        Ok(node)
    }

    /// Returns whether the last line break of a block scalar at the end is the one that the text itself does not have.
    fn adds_break(&self, value: &str) -> bool {
        let last_line = self.text.rsplit(['\n', '\r']).next().unwrap_or_default();
        let is_in_value = !last_line.trim_matches([' ', '\t']).is_empty();
        value.ends_with('\n') && (is_in_value || value.ends_with("\n\n") || value.ends_with(" \n"))
    }

    /// Returns whether a text in double quotes contains the escape `\/`, which go-yaml refuses.
    fn escapes_slash(&self, start: Mark, end: Mark) -> bool {
        let offset = |mark: Mark| usize::try_from(mark.index).unwrap_or(usize::MAX);
        let mut rest = self.text.get(offset(start)..offset(end)).unwrap_or_default().chars();
        while let Some(c) = rest.next() {
            if c == '\\' && rest.next() == Some('/') {
                return true;
            }
        }
        false
    }

    /// Marks an anchor's node as not yet complete.
    fn open(&mut self, anchor: Option<&String>) {
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor.clone(), None);
        }
    }

    /// Reads the entries of a map, after its start. The entries of merged maps are where their `<<` is.
    fn entries(&mut self, depth: usize) -> Result<Vec<Entry>, SyntaxError> {
        let (mut entries, mut sources) = (Vec::new(), 0);
        loop {
            let event = self.next()?;
            if event.data == EventData::MappingEnd {
                return Ok(entries);
            }
            let is_merge = match &event.data {
                EventData::Scalar { value, tag, plain_implicit, .. } => {
                    scalar::is_merge(value, tag.as_deref(), *plain_implicit)
                }
                _ => false,
            };
            if !is_merge {
                let key = self.node(event, depth + 1)?;
                let event = self.next()?;
                entries.push(Entry { key, value: self.node(event, depth + 1)?, source: 0 });
                continue;
            }
            let event = self.next()?;
            let mark = event.start_mark;
            let is_list = matches!(event.data, EventData::SequenceStart { .. });
            let value = self.node(event, depth + 1)?;
            let maps = match value.value {
                Value::List(list) if is_list => list,
                _ => vec![value],
            };
            // A map wins over those after it.
            for map in maps.into_iter().rev() {
                let Value::Map(merged) = map.value else {
                    let problem = "is not valid YAML: cannot be merged, because it is not a map. \
                                   Use << with a map or a list of maps";
                    return Err(self.invalid(mark, problem));
                };
                let first = sources + 1;
                for entry in merged {
                    let source = first + entry.source;
                    sources = sources.max(source);
                    entries.push(Entry { source, ..entry });
                }
            }
        }
    }

    fn alias(&mut self, anchor: &str, mark: Mark, depth: usize) -> Result<Node, SyntaxError> {
        let node = match self.anchors.get(anchor) {
            Some(Some(node)) => node,
            Some(None) => return Err(self.invalid(mark, "is an alias of itself: write the value instead")),
            None => return Err(self.invalid(mark, "is not valid YAML: contains an alias without an anchor")),
        };
        if depth + height(node) > DEEPEST {
            return Err(SyntaxError { line: self.line(mark), problem: too_deep() });
        }
        self.repeated += size(node);
        if self.repeated > MOST_REPEATED {
            let problem = format!("repeats too much through aliases: use at most {MOST_REPEATED} repeated nodes");
            return Err(SyntaxError { line: self.line(mark), problem: Problem::TooMuch(problem) });
        }
        Ok(node.clone())
    }

    /// Returns an error for text that is not valid YAML.
    fn invalid(&self, mark: Mark, problem: &str) -> SyntaxError {
        SyntaxError { line: self.line(mark), problem: Problem::Syntax(problem.into()) }
    }
}

/// Returns whether YAML allows the character.
fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

fn size(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(list) => list.iter().map(size).sum(),
        Value::Map(map) => map.iter().map(|entry| size(&entry.key) + size(&entry.value)).sum(),
        _ => 0,
    }
}

/// Returns how many levels are below the node.
fn height(node: &Node) -> usize {
    let of_all = |nodes: &mut dyn Iterator<Item = &Node>| nodes.map(|node| 1 + height(node)).max().unwrap_or_default();
    match &node.value {
        Value::List(list) => of_all(&mut list.iter()),
        Value::Map(map) => of_all(&mut map.iter().flat_map(|entry| [&entry.key, &entry.value])),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
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
                let entries = map.iter().map(|Entry { key, value, .. }| format!("{}:{}", shown(key), shown(value)));
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
        assert!(shown.contains(r#""y"@4:{"a"@2:"1"@2 "b"@3:"2"@3 "b"@6:"3"@6}"#), "{shown}");
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
            ("a: 1\nb: [c:, d]\n".into(), 2, "quote the text"),
            ("a: \"\\'\"\n".into(), 1, "write ' without"),
            ("a: b\nc: \"d\\\\/\\/\"\n".into(), 2, "the escape \\/"),
            ("a: 1\nb: [!c, d]\n".into(), 2, "a tag before a comma"),
            ("a: 1\nb: \"c\\".into(), 2, "is not valid YAML"),
            ("a: [http://b/?c]\n".into(), 1, "contains \"?\" in a text without quotes"),
            ("%YAML 1.2\n---\na: 1\n".into(), 1, "YAML 1.1 only"),
            ("a: 1\u{2028}b: 2\nc: \u{7f}\n".into(), 2, "contains a control character"),
            ("a: &a [*a]\n".into(), 1, "is an alias of itself"),
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
        assert!(matches!(&entries[1].value.value, Value::Map(merged) if merged.len() == 60_000));
    }

    #[test]
    fn line_is_the_one_that_an_editor_shows() {
        for (yaml, expected) in [
            ("a:\r\n  b\r\nc: d\r\n", r#"{"a"@1:"b"@2 "c"@3:"d"@3}"#),
            ("a: b\u{2028}c: d\ne: f\n", r#"{"a"@1:"b"@1 "c"@1:"d"@1 "e"@2:"f"@2}"#),
            ("a: 'x\u{85}y'\nc: d\n", r#"{"a"@1:"x y"@1 "c"@2:"d"@2}"#),
            ("\u{feff}# x\na: [\n1,\n2\n]\n", r#"{"a"@2:["1"@3 "2"@4]}"#),
        ] {
            assert_eq!(shown(&only(yaml).unwrap()), expected, "{yaml:?}");
        }
    }

    #[test]
    fn block_scalar_may_end_the_text() {
        for (yaml, expected) in [
            ("a: |\n  b", "b"),
            ("a: |+\n  b", "b"),
            ("a: |-\n  b", "b"),
            ("a: >\n  b\n  c", "b c"),
            ("a: |\n  b\n", "b\n"),
            ("a: |+\n  b\n\n", "b\n\n"),
            ("a: |", ""),
            ("a: |\n  b\n  ", "b\n"),
            ("a: |+\n  b\n  ", "b\n"),
            ("a: |\n  b\n    ", "b\n  "),
        ] {
            let Value::Map(entries) = only(yaml).unwrap().value else { panic!("no map") };
            assert_eq!(entries[0].value.value, Value::Text(expected.into()), "{yaml:?}");
        }
    }

    #[test]
    fn trailing_empty_document_is_ignored() {
        for yaml in ["a: 1\n---\n", "a: 1\n...\n", "a: 1\n--- ~\n", "a: 1\n---\n# b\n"] {
            assert!(only(yaml).is_ok(), "{yaml:?}");
        }
        for yaml in ["a: 1\n---\n---\n", "a: 1\n...\n%b\n", "---\n---\na: 1\n", "a: 1\n--- {\n"] {
            let error = only(yaml).unwrap_err();
            assert!(matches!(error.problem, Problem::TooMuch(_)), "{yaml:?}: {error:?}");
        }
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
