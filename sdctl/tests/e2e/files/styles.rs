//! Lists and configurations in any style of YAML are read as they were meant: by `sdctl`, promtool and `PyYAML`.

use std::{fmt::Write, fs, path::Path, process::Command};

use http_sd_lambda::group::{Job, LabelNames};
use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    sample::select,
    strategy::ValueTree,
    test_runner::TestRunner,
};
use sdctl::files::Reader;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use test_support::{
    repository,
    sdctl::run,
    tools::{skip, tool},
};

use super::accepted_by_promtool;

/// The number of documents that promtool and `PyYAML` read.
const ASKED: usize = 300;

/// Characters of label values: those that mean something in YAML, and some that do not.
const CHARACTERS: [char; 36] = [
    'a',
    'b',
    'Z',
    '0',
    '9',
    '_',
    '.',
    '-',
    ':',
    ' ',
    ' ',
    '#',
    '{',
    '}',
    '[',
    ']',
    ',',
    '&',
    '*',
    '!',
    '|',
    '>',
    '\'',
    '"',
    '%',
    '@',
    '`',
    '\\',
    '/',
    '?',
    '=',
    '~',
    '\t',
    '\n',
    '\u{e9}',
    '\u{1f600}',
];

/// A writer that takes each choice of style from a list.
struct Writer<'a> {
    choices: std::iter::Cycle<std::slice::Iter<'a, u8>>,
    text: String,
}

/// A list of groups, and the bytes that choose its style.
fn documents() -> impl Strategy<Value = (Value, Vec<u8>)> {
    let target = "[a-z][a-z0-9.-]{0,8}(:[1-9][0-9]{0,3})?";
    let value = vec(select(&CHARACTERS[..]), 0..12).prop_map(String::from_iter);
    let group = (vec(target, 0..4), btree_map("[a-zA-Z][a-zA-Z0-9_]{0,5}", value, 0..4));
    let group = group.prop_map(|(targets, labels)| json!({"targets": targets, "labels": labels}));
    (vec(group, 1..4).prop_map(Value::from), vec(any::<u8>(), 1..80))
}

/// Returns a configuration with these groups.
fn configuration(groups: &Value) -> Value {
    json!({"global": {"scrape_interval": "30s"}, "scrape_configs": [{"job_name": "x", "static_configs": groups}]})
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_style_is_read_as_meant((groups, choices) in documents()) {
        for document in [groups.clone(), configuration(&groups)] {
            let text = Writer::write(&document, &choices);
            let mut reader = Reader::new(LabelNames::Legacy);
            let job = Job::new("x").unwrap();
            reader.read_text(Path::new("x.yml"), &text, document.is_array().then_some(&job));
            prop_assert!(reader.faults.is_empty(), "{text}\n{:?}", reader.faults);
            let read: Vec<_> = reader.groups.iter().map(|group| serde_json::to_value(&group.group).unwrap()).collect();
            prop_assert_eq!(without_empty(&Value::from(read)), without_empty(&groups), "{}", text);
        }
    }
}

#[test]
fn promtool_and_pyyaml_read_any_style() {
    let Some(promtool) = tool("promtool") else { return };
    let folder = TempDir::new().unwrap();
    let mut runner = TestRunner::deterministic();
    let documents: Vec<_> = (0..ASKED).map(|_| documents().new_tree(&mut runner).unwrap().current()).collect();
    let name = |i: usize, extension: &str| format!("{i:03}.{extension}");
    for (i, (groups, choices)) in documents.iter().enumerate() {
        fs::write(folder.path().join(name(i, "yml")), Writer::write(groups, choices)).unwrap();
        let list = json!([{"job_name": "y", "file_sd_configs": [{"files": [name(i, "yml")]}]}]);
        let mut config = configuration(groups);
        config["scrape_configs"].as_array_mut().unwrap().extend(list.as_array().unwrap().clone());
        fs::write(folder.path().join(name(i, "conf")), Writer::write(&config, choices)).unwrap();
    }
    let names: Vec<String> = (0..ASKED).map(|i| name(i, "conf")).collect();
    for (i, is_accepted) in accepted_by_promtool(&promtool, folder.path(), &names).into_iter().enumerate() {
        let text = || fs::read_to_string(folder.path().join(name(i, "conf"))).unwrap();
        assert!(is_accepted, "promtool refuses {}\n{}", name(i, "conf"), text());
    }

    let python = repository().join(".tools/venv/bin/python");
    let script = "import glob, json, yaml\n\
                  print(json.dumps([yaml.load(open(name, encoding='utf-8', newline=''), yaml.BaseLoader) \
                  for name in sorted(glob.glob('*.yml'))]))";
    if !python.exists() {
        return skip("PyYAML");
    }
    let ran = run(Command::new(python).current_dir(folder.path()).args(["-c", script]));
    assert_eq!(ran.code, 0, "{ran:?}");
    let read: Vec<Value> = serde_json::from_str(&ran.stdout).unwrap();
    for (read, (groups, choices)) in read.iter().zip(&documents) {
        assert_eq!(read, groups, "{}", Writer::write(groups, choices));
    }
}

/// Returns groups without empty maps and lists, which the JSON of `sdctl` leaves out.
fn without_empty(groups: &Value) -> Vec<Map<String, Value>> {
    let is_empty = |value: &Value| *value == json!([]) || *value == json!({});
    let of =
        |group: &Value| group.as_object().unwrap().clone().into_iter().filter(|(_, value)| !is_empty(value)).collect();
    groups.as_array().unwrap().iter().map(of).collect()
}

impl<'a> Writer<'a> {
    /// Writes a list or a map as a YAML document.
    fn write(document: &Value, choices: &'a [u8]) -> String {
        let mut writer = Self { choices: choices.iter().cycle(), text: String::new() };
        let start = writer.pick(&["", "---\n", "# a document\n", "\n", "--- # a document\n"]);
        writer.text += start;
        writer.below(document, 0, false);
        writer.text
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(*self.choices.next().unwrap()) % from.len()]
    }

    fn end_line(&mut self) {
        let end =
            self.pick(&["\n", "\n", "\n", " # a note\n", "\n\n", "   \n", "\n# a note\n", "\n      # : [ a note\n"]);
        self.text += end;
    }

    /// Writes a value after `key:` or `-`, whose line is indented by `indent`. `indent` is that of the parent.
    fn below(&mut self, value: &Value, indent: usize, may_be_level: bool) {
        let is_flow = self.pick(&[true, false, false]);
        match value {
            Value::Array(list) if !list.is_empty() && !is_flow => {
                let deeper: &[usize] = if may_be_level { &[0, 2, 1, 4] } else { &[2, 1, 4, 6] };
                let indent = indent + self.pick(deeper);
                self.end_line();
                for element in list {
                    let _ = write!(self.text, "{:indent$}-", "");
                    self.below(element, indent, false);
                }
            }
            Value::Object(map) if !map.is_empty() && !is_flow => {
                // The first key may follow the "-" of its list.
                let is_compact = self.text.ends_with('-') && self.pick(&[true, true, false]);
                let gap = self.pick(&[1, 1, 3]);
                let indent = if is_compact { indent + 1 + gap } else { indent + self.pick(&[2, 1, 4]) };
                if is_compact {
                    let _ = write!(self.text, "{:gap$}", "");
                } else {
                    self.end_line();
                }
                for (i, (key, value)) in map.iter().enumerate() {
                    if i > 0 || !is_compact {
                        let _ = write!(self.text, "{:indent$}", "");
                    }
                    self.scalar(key);
                    self.text.push(':');
                    self.below(value, indent, true);
                }
            }
            Value::String(text) if is_literal(text) && self.pick(&[true, false, false]) => {
                self.text += " |-\n";
                let indent = indent + self.pick(&[1, 2, 5]);
                for line in text.split('\n') {
                    let _ = writeln!(self.text, "{:indent$}{line}", "");
                }
            }
            _ => {
                self.text.push(' ');
                self.flow(value);
                self.end_line();
            }
        }
    }

    fn gap(&mut self) {
        let gap = self.pick(&["", "", " ", "  ", "\n", "\n ", " # ]} a note\n  ", "\n\n      "]);
        self.text += gap;
    }

    fn flow(&mut self, value: &Value) {
        let (open, close) = if value.is_array() { ('[', ']') } else { ('{', '}') };
        let entries: Vec<(Option<&String>, &Value)> = match value {
            Value::String(text) => return self.scalar(text),
            Value::Array(list) => list.iter().map(|element| (None, element)).collect(),
            Value::Object(map) => map.iter().map(|(key, value)| (Some(key), value)).collect(),
            other => panic!("{other}"),
        };
        self.text.push(open);
        for (i, (key, value)) in entries.iter().enumerate() {
            self.gap();
            if let Some(key) = key {
                self.scalar(key);
                self.text += ": ";
                let gap = self.pick(&["", " ", "\n   "]);
                self.text += gap;
            }
            self.flow(value);
            self.gap();
            if i + 1 < entries.len() || self.pick(&[false, true]) {
                self.text.push(',');
            }
        }
        self.gap();
        self.text.push(close);
    }

    fn scalar(&mut self, text: &str) {
        let style = self.pick(&["plain", "plain", "single", "double", "escaped"]);
        match style {
            "plain" if is_plain(text) => self.text += text,
            "single" if !text.contains('\n') && !text.contains('\t') => {
                let _ = write!(self.text, "'{}'", text.replace('\'', "''"));
            }
            "escaped" => {
                let escaped = text.chars().map(|c| format!("\\U{:08x}", u32::from(c)));
                let _ = write!(self.text, "\"{}\"", escaped.collect::<String>());
            }
            _ => self.text += &Value::from(text).to_string(),
        }
    }
}

/// Returns whether a text means itself without quotes.
fn is_plain(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "_./-".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| is_word(c) || c == ':')
        && !text.ends_with(':')
}

/// Returns whether a text can be a block scalar whose indentation is that of its first line.
fn is_literal(text: &str) -> bool {
    let is_line = |line: &str| !line.is_empty() && !line.starts_with([' ', '\t', '#']) && !line.ends_with([' ', '\t']);
    text.split('\n').all(is_line)
}
