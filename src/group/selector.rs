//! Series selectors: which targets are asked for, by their labels.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use rusty_promql_parser::{
    lexer::whitespace::ws_opt,
    parser::selector::{LabelMatchOp, LabelMatcher, label_matchers},
};
use thiserror::Error;

use super::{META_GROUP, META_JOB, NotAPattern, excerpt, pattern::Pattern};

/// The label that holds a target's own text.
const ADDRESS: &str = "__address__";
/// The label that holds the name of a metric.
const NAME: &str = "__name__";
/// The most steps of all regular expressions together. More than a query has room for, unless braces repeat them.
const MOST_STEPS: usize = 16 * 1024;

/// Selectors as of Prometheus's own HTTP API (`match[]=<series_selector>`), of which any may select a target.
///
/// A target has the labels that Prometheus discovers it with: its group's, those that name job and group, and
/// `__address__`, the target itself, whatever the group says of it ([`target.go`][target], the function
/// `TargetsFromGroup`). A label that is not there is an empty text. What Prometheus adds later, `job` and `instance`
/// among them, is not there.
///
/// [target]: https://github.com/prometheus/prometheus/blob/04144ff77fb6b144787f9d87da2fd23f1fbc1e55/scrape/target.go
#[derive(Debug, Clone)]
pub struct Selectors(Arc<[Selector]>);

/// Why texts are no selectors. Reads on from "the parameter match[]".
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotASelector {
    /// A text without a selector.
    #[error("is empty; it takes a selector such as {{env=\"prod\"}}")]
    Empty,
    /// More selectors than anybody has a use for.
    #[error("is there more than {} times; ask for several of them with =~, as in {{env=~\"a|b\"}}", Selectors::MOST)]
    TooMany,
    /// Something else than a selector, or one that is written in a way that is not read.
    #[error(
        "takes matchers in braces, as in {{env=\"prod\",region=~\"eu-.*\"}}, with =, !=, =~ or !~, label names without \
         quotes and values in quotes, but is {0}"
    )]
    Syntax(String),
    /// A metric's name.
    #[error("names a metric, but targets have none; write matchers of labels in braces alone, as in {{env=\"prod\"}}")]
    Name,
    /// Something behind the selector.
    #[error("has {0} after the selector; it takes a selector alone, without range, offset, @ or operator")]
    More(String),
    /// A selector of everything.
    #[error("must contain at least one non-empty matcher, as in {{env!=\"\"}}, but is {0}, which selects every target")]
    Everything(String),
    /// What is no text in Prometheus, or another one.
    #[error("has {0}")]
    Text(&'static str),
    /// A regular expression that is not taken.
    #[error("has a regular expression for {} that {problem}", excerpt(.label))]
    Pattern {
        /// The label that it is for.
        label: String,
        /// What is wrong with it.
        problem: NotAPattern,
    },
}

/// What has to hold for a target to be selected: all of it.
#[derive(Debug)]
struct Selector {
    text: String,
    of_group: Vec<Matcher>,
    of_target: Vec<Matcher>,
}

/// What has to hold for one label.
#[derive(Debug)]
struct Matcher {
    label: String,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Is(String),
    IsNot(String),
    Matches(Pattern),
    MatchesNot(Pattern),
}

impl Selectors {
    /// The most selectors.
    pub const MOST: usize = 16;

    /// The selectors that the texts are; `None` if there are no texts, which is to ask for every target.
    ///
    /// # Errors
    /// [`NotASelector`] for what Prometheus does not take, and for what is not certain to mean there what it means here.
    pub fn parse<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Option<Self>, NotASelector> {
        let mut selectors = Vec::new();
        let mut steps_left = MOST_STEPS;
        for text in texts {
            if selectors.len() == Self::MOST {
                return Err(NotASelector::TooMany);
            }
            selectors.push(Selector::parse(text.as_ref(), &mut steps_left)?);
        }
        Ok(if selectors.is_empty() { None } else { Some(Self(selectors.into())) })
    }

    /// What they select of a group of that job and name, whose other labels `label` looks up.
    pub fn of_group<'a>(&self, job: &str, group: &str, label: impl Fn(&str) -> Option<&'a str>) -> Part<'_> {
        let value = |name: &str| match name {
            META_JOB => job,
            META_GROUP => group,
            _ => label(name).unwrap_or_default(),
        };
        let mut part = Part { whole: false, selectors: Vec::new() };
        for selector in self.0.iter() {
            if selector.of_group.iter().all(|matcher| matcher.test.holds(value(&matcher.label))) {
                part.whole |= selector.of_target.is_empty();
                part.selectors.push(selector);
            }
        }
        part
    }

    /// Roughly what they take, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        let matchers = self.0.iter().flat_map(|selector| selector.of_group.iter().chain(&selector.of_target));
        let texts: usize = self.0.iter().map(|selector| size_of::<Selector>() + selector.text.len()).sum();
        texts + matchers.map(Matcher::size).sum::<usize>()
    }
}

/// What selectors select of a group.
#[derive(Debug)]
pub struct Part<'a> {
    whole: bool,
    /// Those whose other matchers hold for the group.
    selectors: Vec<&'a Selector>,
}

impl Part<'_> {
    /// Whether that target of the group is selected.
    #[must_use]
    pub fn has(&self, target: &str) -> bool {
        let selects = |selector: &&Selector| selector.of_target.iter().all(|matcher| matcher.test.holds(target));
        self.whole || self.selectors.iter().any(selects)
    }
}

impl Selector {
    fn parse(text: &str, steps_left: &mut usize) -> Result<Self, NotASelector> {
        let syntax = || NotASelector::Syntax(excerpt(text));
        check_texts(text)?;
        let (rest, ()) = ws_opt(text).map_err(|_| syntax())?;
        match rest.chars().next() {
            None => return Err(NotASelector::Empty),
            Some('{') => {}
            Some(c) if c.is_ascii_alphabetic() || c == '_' || c == ':' => return Err(NotASelector::Name),
            Some(_) => return Err(syntax()),
        }
        let (rest, matchers) = label_matchers(rest).map_err(|_| syntax())?;
        let (rest, ()) = ws_opt(rest).map_err(|_| syntax())?;
        if !rest.is_empty() {
            return Err(NotASelector::More(excerpt(rest)));
        }
        let mut selector = Self { text: text.to_owned(), of_group: Vec::new(), of_target: Vec::new() };
        let mut selects_all = true;
        for matcher in matchers {
            let matcher = Matcher::parse(matcher, steps_left)?;
            selects_all &= matcher.test.holds("");
            let of = if matcher.label == ADDRESS { &mut selector.of_target } else { &mut selector.of_group };
            of.push(matcher);
        }
        if selects_all { Err(NotASelector::Everything(excerpt(text))) } else { Ok(selector) }
    }
}

impl Matcher {
    fn parse(LabelMatcher { name, op, value }: LabelMatcher, steps_left: &mut usize) -> Result<Self, NotASelector> {
        if name == NAME {
            return Err(NotASelector::Name);
        }
        let mut pattern = || {
            let pattern = Pattern::parse(&value, *steps_left);
            let pattern = pattern.map_err(|problem| NotASelector::Pattern { label: name.clone(), problem })?;
            *steps_left -= pattern.steps();
            Ok(pattern)
        };
        let test = match op {
            LabelMatchOp::RegexMatch => Test::Matches(pattern()?),
            LabelMatchOp::RegexNotMatch => Test::MatchesNot(pattern()?),
            LabelMatchOp::Equal => Test::Is(value),
            LabelMatchOp::NotEqual => Test::IsNot(value),
        };
        Ok(Self { label: name, test })
    }

    fn size(&self) -> usize {
        let test = match &self.test {
            Test::Is(value) | Test::IsNot(value) => value.len(),
            Test::Matches(pattern) | Test::MatchesNot(pattern) => pattern.size(),
        };
        size_of::<Self>() + self.label.len() + test
    }
}

impl Test {
    fn holds(&self, value: &str) -> bool {
        match self {
            Self::Is(text) => text == value,
            Self::IsNot(text) => text != value,
            Self::Matches(pattern) => pattern.matches(value),
            Self::MatchesNot(pattern) => !pattern.matches(value),
        }
    }
}

/// Refuses what the parser would take for another text than Prometheus does ([`quote.go`][quote]): numbers of single bytes,
/// which there are parts of characters, and quotes that are escaped where they need not be, which there are an error.
///
/// [quote]: https://github.com/prometheus/prometheus/blob/07aa8db219fddae48fa40299acb943bdba7acd0a/util/strutil/quote.go
fn check_texts(text: &str) -> Result<(), NotASelector> {
    if text.contains(char::REPLACEMENT_CHARACTER) {
        return Err(NotASelector::Text("the character U+FFFD, which Prometheus takes for broken UTF-8"));
    }
    let mut quote = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (quote, c) {
            (None, '"' | '\'' | '`') => quote = Some(c),
            // A comment, in which quotes mean nothing.
            (None, '#') => while rest.next().is_some_and(|c| c != '\n' && c != '\r') {},
            (Some('"' | '\''), '\\') => {
                let code = rest.as_str();
                let is_byte = code.starts_with(['2', '3'])
                    || code.strip_prefix('x').is_some_and(|code| !code.starts_with(|c| ('0'..='7').contains(&c)));
                if is_byte {
                    return Err(NotASelector::Text(
                        "a byte beyond ASCII as \\x or an octal number; write \\u and four digits",
                    ));
                }
                if rest.next().is_some_and(|c| matches!(c, '"' | '\'') && quote != Some(c)) {
                    return Err(NotASelector::Text("a \\ before a quote that needs none; leave it out"));
                }
            }
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
    }
    Ok(())
}

impl fmt::Display for Selectors {
    /// As they were written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, selector) in self.0.iter().enumerate() {
            write!(f, "{}{}", if place == 0 { "" } else { " or " }, selector.text)?;
        }
        Ok(())
    }
}

impl PartialEq for Selectors {
    /// Whether they are written in the same way.
    fn eq(&self, other: &Self) -> bool {
        self.0.iter().map(|selector| &selector.text).eq(other.0.iter().map(|selector| &selector.text))
    }
}

impl Eq for Selectors {}

impl Hash for Selectors {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for selector in self.0.iter() {
            selector.text.hash(state);
        }
    }
}
