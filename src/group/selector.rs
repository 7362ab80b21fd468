//! Series selectors, which select targets by their labels.

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

/// The label with the target itself.
const ADDRESS: &str = "__address__";
/// The label with the name of a metric.
const NAME: &str = "__name__";
/// The maximum number of steps of all regular expressions of a query. Only repetitions in braces can exceed it.
const MOST_STEPS: usize = 8 * 1024;

/// Selectors of Prometheus's HTTP API (`match[]=<series_selector>`). A target is selected if any of them matches.
///
/// Selectors see the labels of a discovered target: those of its group, those that name its job and group, and
/// `__address__`, which is always the target itself ([`target.go`][target], the function `TargetsFromGroup`). A missing
/// label counts as an empty text. Labels that Prometheus adds later, such as `job` and `instance`, are missing.
///
/// [target]: https://github.com/prometheus/prometheus/blob/04144ff77fb6b144787f9d87da2fd23f1fbc1e55/scrape/target.go
#[derive(Debug, Clone)]
pub struct Selectors(Arc<[Selector]>);

/// An invalid or unsupported selector. The text follows "the query parameter match[]".
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotASelector {
    /// The value is empty.
    #[error("is empty: write a selector such as {{env=\"prod\"}}")]
    Empty,
    /// The query has more than [`Selectors::MOST`] selectors.
    #[error("occurs more than {} times: combine selectors with =~, as in {{env=~\"a|b\"}}", Selectors::MOST)]
    TooMany,
    /// The value is not a selector, or uses unsupported syntax.
    #[error(
        "must be matchers in braces, such as {{env=\"prod\",region=~\"eu-.*\"}}, with =, !=, =~ or !~, label names \
         without quotes and values in quotes, but is {0}"
    )]
    Syntax(String),
    /// The selector names a metric.
    #[error("names a metric, which targets do not have: write only label matchers in braces, such as {{env=\"prod\"}}")]
    Name,
    /// Text follows the selector.
    #[error("has {0} after the selector: write a selector without range, offset, @ or operator")]
    More(String),
    /// The selector matches a target without labels.
    #[error(
        "must contain at least one non-empty matcher, as in Prometheus, but is {0}, which selects targets without labels: \
         add __address__!=\"\", which holds for every target"
    )]
    NoLabel(String),
    /// A quoted text is invalid in Prometheus, or has another value there.
    #[error("contains {0}")]
    Text(&'static str),
    /// A regular expression is invalid or unsupported.
    #[error("has a regular expression for {} that {problem}", excerpt(.label))]
    Pattern {
        /// The label of the matcher.
        label: String,
        /// The fault of the expression.
        problem: NotAPattern,
    },
}

#[cfg(test)]
thread_local! {
    /// The number of selectors that this thread has parsed.
    pub(crate) static PARSED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// A selector, which matches if all of its matchers match.
#[derive(Debug)]
struct Selector {
    text: String,
    of_group: Vec<Matcher>,
    of_target: Vec<Matcher>,
}

/// A condition on one label.
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
    /// The maximum number of selectors.
    pub const MOST: usize = 16;

    /// Parses selectors. Returns `None` for no texts, which selects every target.
    ///
    /// # Errors
    /// [`NotASelector`] for a selector that Prometheus rejects, or that could have another meaning in Prometheus.
    pub fn parse<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Option<Self>, NotASelector> {
        let mut selectors = Vec::new();
        let mut steps_left = MOST_STEPS;
        for text in texts {
            #[cfg(test)]
            PARSED.set(PARSED.get() + 1);
            if selectors.len() == Self::MOST {
                return Err(NotASelector::TooMany);
            }
            selectors.push(Selector::parse(text.as_ref(), &mut steps_left)?);
        }
        Ok(if selectors.is_empty() { None } else { Some(Self(selectors.into())) })
    }

    /// Returns the selectors whose matchers of group labels match a group. `label` looks up the labels of the group.
    pub fn of_group<'a>(&self, job: &str, group: &str, label: impl Fn(&str) -> Option<&'a str>) -> TargetSelectors<'_> {
        let value = |name: &str| match name {
            META_JOB => job,
            META_GROUP => group,
            _ => label(name).unwrap_or_default(),
        };
        let of_group =
            |selector: &&Selector| selector.of_group.iter().all(|matcher| matcher.test.holds(value(&matcher.label)));
        TargetSelectors(self.0.iter().filter(of_group).collect())
    }

    /// Returns the approximate size in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        let matchers = self.0.iter().flat_map(|selector| selector.of_group.iter().chain(&selector.of_target));
        let texts: usize = self.0.iter().map(|selector| size_of::<Selector>() + selector.text.len()).sum();
        texts + matchers.map(Matcher::size).sum::<usize>()
    }
}

/// The selectors whose matchers of group labels match one group. Their other matchers select its targets.
#[derive(Debug)]
pub struct TargetSelectors<'a>(Vec<&'a Selector>);

impl TargetSelectors<'_> {
    /// Returns whether a target of the group is selected.
    #[must_use]
    pub fn has(&self, target: &str) -> bool {
        let selects = |selector: &&Selector| selector.of_target.iter().all(|matcher| matcher.test.holds(target));
        self.0.iter().any(selects)
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
        let mut selects_unlabelled = true;
        for matcher in matchers {
            let matcher = Matcher::parse(matcher, steps_left)?;
            selects_unlabelled &= matcher.test.holds("");
            let of = if matcher.label == ADDRESS { &mut selector.of_target } else { &mut selector.of_group };
            of.push(matcher);
        }
        if selects_unlabelled { Err(NotASelector::NoLabel(excerpt(text))) } else { Ok(selector) }
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

/// Rejects quoted texts that the parser and Prometheus ([`quote.go`][quote]) read differently. In Prometheus, the
/// number of a single byte can be a part of a character, and a needless escape of a quote is an error.
///
/// [quote]: https://github.com/prometheus/prometheus/blob/07aa8db219fddae48fa40299acb943bdba7acd0a/util/strutil/quote.go
fn check_texts(text: &str) -> Result<(), NotASelector> {
    if text.contains(char::REPLACEMENT_CHARACTER) {
        return Err(NotASelector::Text("the character U+FFFD, which Prometheus treats as invalid UTF-8"));
    }
    let mut quote = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (quote, c) {
            (None, '"' | '\'' | '`') => quote = Some(c),
            // Quotes have no meaning in a comment.
            (None, '#') => while rest.next().is_some_and(|c| c != '\n' && c != '\r') {},
            (Some('"' | '\''), '\\') => {
                let code = rest.as_str();
                let is_byte = code.starts_with(['2', '3'])
                    || code.strip_prefix('x').is_some_and(|code| !code.starts_with(|c| ('0'..='7').contains(&c)));
                if is_byte {
                    return Err(NotASelector::Text(
                        "a byte beyond ASCII as \\x or an octal number: write \\u and four digits",
                    ));
                }
                if rest.next().is_some_and(|c| matches!(c, '"' | '\'') && quote != Some(c)) {
                    return Err(NotASelector::Text("a \\ before a quote that needs no escape: leave it out"));
                }
            }
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
    }
    Ok(())
}

impl fmt::Display for Selectors {
    /// Writes the selectors in their original form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, selector) in self.0.iter().enumerate() {
            write!(f, "{}{}", if place == 0 { "" } else { " or " }, selector.text)?;
        }
        Ok(())
    }
}

impl PartialEq for Selectors {
    /// Compares the original form of the selectors.
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

#[cfg(test)]
mod tests {
    use std::hash::DefaultHasher;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn parse(texts: &[&str]) -> Selectors {
        Selectors::parse(texts).unwrap_or_else(|problem| panic!("{texts:?} {problem}")).unwrap()
    }

    /// Returns whether the selectors select the target `web:1` of the group `g` of the job `j` with these labels.
    fn selects(selectors: &Selectors, labels: &[(&str, &str)]) -> bool {
        let label = |name: &str| labels.iter().find(|(label, _)| *label == name).map(|(_, value)| *value);
        selectors.of_group("j", "g", label).has("web:1")
    }

    #[test]
    fn selector_matches_labels_of_a_target() {
        let cases = [
            (r#"{env="prod"}"#, true),
            (r#"{env="test"}"#, false),
            (r#"{env!="prod",region="eu"}"#, false),
            (r#"{env!="test",region="eu"}"#, true),
            (r#"{env=~"pr.d|test"}"#, true),
            (r#"{env=~"pro"}"#, false),
            (r#"{env!~"pro",region="eu"}"#, true),
            (r#"{env!~"pr.*",region="eu"}"#, false),
            // All matchers must match.
            (r#"{env="prod",region="eu"}"#, true),
            (r#"{env="prod",region="us"}"#, false),
            (r#"{env=~"p.*",env!="prod"}"#, false),
            (r#"{env="prod",env=~".*d"}"#, true),
            // A missing or empty label.
            (r#"{env="prod",none=""}"#, true),
            (r#"{env="prod",none!=""}"#, false),
            (r#"{env="prod",empty=""}"#, true),
            (r#"{none!="x",env="prod"}"#, true),
            (r#"{none=~".*",env="prod"}"#, true),
            (r#"{none=~".+"}"#, false),
            (r#"{none!~".+",env="prod"}"#, true),
            (r#"{env="prod",none!~".*"}"#, false),
            (r#"{job="node"}"#, false),
            (r#"{instance!=""}"#, false),
            // The target itself, its job and its group override stored labels.
            (r#"{__address__="web:1"}"#, true),
            (r#"{__address__="forged"}"#, false),
            (r#"{__address__=~"web:.",__address__!="web:2"}"#, true),
            (r#"{__address__=~"web:.",__address__!="web:1"}"#, false),
            (r#"{__address__="web:1",env="test"}"#, false),
            (r#"{__meta_dynamodb_job="j",__meta_dynamodb_group="g"}"#, true),
            (r#"{__meta_dynamodb_job="forged"}"#, false),
            (r#"{__meta_dynamodb_group="forged"}"#, false),
            // Syntax.
            ("{env='prod'}", true),
            ("{env=`prod`}", true),
            ("{ env = \"prod\" , region = \"eu\" , }", true),
            ("\n\t{env=\"prod\" # }\n}\r\n # \" '", true),
            (r#"{env="\x70\162\u006f\U00000064"}"#, true),
            (r#"{path="C:\\new\n\"x\"'`"}"#, true),
            (r#"{path='C:\\new\n"x"\'`'}"#, true),
            (r#"{path=~`C:\\new\n"x"'.`}"#, true),
            (r"{path=`C:\\new\n`}", false),
            (r#"{on="1",or="2",by="3",offset="4",bool="5",sum="6"}"#, true),
        ];
        let forged = [(ADDRESS, "forged"), (META_JOB, "forged"), (META_GROUP, "forged")];
        let labels = [("env", "prod"), ("region", "eu"), ("empty", ""), ("path", "C:\\new\n\"x\"'`")];
        let names = [("on", "1"), ("or", "2"), ("by", "3"), ("offset", "4"), ("bool", "5"), ("sum", "6")];
        let labels = [&forged[..], &labels, &names].concat();
        for (text, expected) in cases {
            assert_eq!(selects(&parse(&[text]), &labels), expected, "{text}");
        }
    }

    #[test]
    fn any_matching_selector_selects_a_target() {
        let union = parse(&[r#"{env="test"}"#, r#"{env="prod",__address__=~"web.*"}"#, r#"{__address__="db:1"}"#]);
        let has = |env, target| union.of_group("j", "g", |name| (name == "env").then_some(env)).has(target);
        let cases = [
            ("test", "any:1", true),
            ("prod", "web:1", true),
            ("prod", "db:1", true),
            ("prod", "any:1", false),
            ("", "db:1", true),
            ("", "web:1", false),
        ];
        for (env, target, expected) in cases {
            assert_eq!(has(env, target), expected, "{env} {target}");
        }
        assert_eq!(Selectors::parse::<&str>([]), Ok(None));
    }

    #[test]
    fn group_labels_are_looked_up_once() {
        let selectors = parse(&[r#"{env="prod",__address__!="web:2"}"#]);
        let looked_up = std::cell::Cell::new(0);
        let part = selectors.of_group("j", "g", |_| {
            looked_up.set(looked_up.get() + 1);
            Some("prod")
        });
        assert!(part.has("web:1") && !part.has("web:2") && part.has("web:3"));
        assert_eq!(looked_up.get(), 1);
    }

    /// Rejected selectors, by the start of the error text.
    const REFUSED: &[(&str, &[&str])] = &[
        ("is empty", &["", " ", "\n", "# {env=\"prod\"}"]),
        (
            "must be matchers in braces",
            &[
                "{",
                "}",
                "{env}",
                "{env=}",
                "{env=prod}",
                "{=\"x\"}",
                "{env=\"prod\"",
                "{env=\"prod}",
                "{env=\"prod\\\"}",
                "{env='prod\"}",
                "{env=`prod}",
                "{,}",
                "{env=\"a\",,}",
                "{env=\"a\" env=\"b\"}",
                "{env==\"a\"}",
                "{env=~~\"a\"}",
                "{env>\"a\"}",
                "{env=\"a\" or env=\"b\"}",
                "{{env=\"a\"}}",
                "{1a=\"x\"}",
                "{a-b=\"x\"}",
                "{é=\"x\"}",
                "{a:b=\"x\"}",
                "{\"a.b\"=\"x\"}",
                "{env=\"a\nb\"}",
                r#"{env="\d"}"#,
                r#"{env="\q"}"#,
                r#"{env="\u12"}"#,
                r#"{env="\ud800"}"#,
                r#"{env="\U00110000"}"#,
                r#"{env="\12"}"#,
                r#"{env="\400"}"#,
                "({env=\"a\"})",
                "-{env=\"a\"}",
                "1",
                "\"a\"",
                "\u{a0}{env=\"a\"}",
                "\x0c{env=\"a\"}",
                "\u{feff}{env=\"a\"}",
                "{env=\"a\"\x0b}",
            ],
        ),
        (
            "names a metric",
            &[
                "up",
                "up{env=\"a\"}",
                "rate(x[5m])",
                "a:b",
                ":a",
                "_{env=\"a\"}",
                "{__name__=\"up\"}",
                "{__name__!~\"up\"}",
                "{\"up\"}",
                "{\"up\",env=\"a\"}",
                "{env=\"a\",'up'}",
            ],
        ),
        (
            "has \"",
            &[
                "{env=\"a\"}[5m]",
                "{env=\"a\"} offset 5m",
                "{env=\"a\"} @ 1",
                "{env=\"a\"} or {env=\"b\"}",
                "{env=\"a\"}{}",
                "{env=\"a\"},{env=\"b\"}",
                "{env=\"a\"}}",
                "{env=\"a\"} + 1",
                "{env=\"a\"};",
            ],
        ),
        (
            "must contain at least one non-empty matcher",
            &[
                "{}",
                "{ }",
                "{env=\"\"}",
                "{env=~\"\"}",
                "{env=~\".*\"}",
                "{env=~\"a?\"}",
                "{env!=\"a\"}",
                "{env!~\"a\"}",
                "{env!~\".+\"}",
                "{__address__=~\".*\"}",
                "{env=\"\",region!=\"a\"}",
                "{__meta_dynamodb_job!=\"x\"}",
            ],
        ),
        (
            "contains a byte beyond ASCII",
            &[
                r#"{env="\xc3\xa9"}"#,
                r#"{env="\x80"}"#,
                r#"{env="\xFF"}"#,
                r#"{env="\303\251"}"#,
                r"{env='\200'}",
                r#"{env="a\\\xff"}"#,
                "{env=\"a\" # '\n,b=\"\\xff\"}",
                "{env=\"a\" # '\r,b=\"\\xff\"}",
            ],
        ),
        ("contains a \\ before a quote", &[r#"{env="it\'s"}"#, r#"{env='\"'}"#, r#"{a="\"",env="\\\'"}"#]),
        ("contains the character U+FFFD", &["{env=\"\u{fffd}\"}", "{env!=\"a\u{fffd}\",region=\"x\"}"]),
        (
            "has a regular expression for \"env\" that cannot be parsed",
            &["{env=~\"(\"}", "{env!~\"[\"}", r"{env=~`\Qa`}"],
        ),
        ("has a regular expression for \"env\" that contains", &[r"{env=~`\pL`}", "{a=\"b\",env!~\"[[a]]\"}"]),
        ("has a regular expression for \"env\" that is too large", &["{env=~\"((a{999}){99}){99}\"}"]),
    ];

    #[test]
    fn invalid_or_ambiguous_selectors_are_rejected() {
        for (problem, texts) in REFUSED {
            for text in *texts {
                let refused = Selectors::parse([text]).expect_err(text).to_string();
                assert!(refused.starts_with(problem), "{text:?} {refused}");
                // A valid selector before it does not change that.
                assert!(Selectors::parse(["{env=\"a\"}", text]).is_err(), "{text:?}");
            }
        }
        // Quotes in a comment, and backslashes that are no escapes.
        for text in [
            "{env=\"a\" # it's\n}",
            "{env=\"a\" # 1\"\n,path=`\\xff`}",
            "{env=\"a\",path=`\\xff`}",
            r"{env=`\xff\'`}",
            r#"{env="\\xff\\'"}"#,
            "{env=\"a'b\"}",
            r#"{env="\x7f\177"}"#,
        ] {
            parse(&[text]);
        }
    }

    #[test]
    fn number_and_total_size_are_limited() {
        let one = "{env=\"a\"}";
        assert!(Selectors::parse([one; Selectors::MOST]).is_ok());
        assert_eq!(Selectors::parse([one; Selectors::MOST + 1]), Err(NotASelector::TooMany));
        // Each is small enough, but not all together.
        let large = "{env=~\"a{999}b{999}\"}";
        assert!(Selectors::parse([large; 2]).is_ok());
        assert!(matches!(
            Selectors::parse([large; Selectors::MOST]),
            Err(NotASelector::Pattern { problem: NotAPattern::TooLarge, .. })
        ));
    }

    #[test]
    fn selectors_with_equal_text_are_equal() {
        let hash = |selectors: &Selectors| {
            let mut hasher = DefaultHasher::new();
            selectors.hash(&mut hasher);
            hasher.finish()
        };
        let (a, b) = (r#"{env="a"}"#, r#"{env="b"}"#);
        let all =
            [vec![a], vec![b], vec![a, b], vec![b, a], vec![a, a], vec![r#"{env!="a",x="y"}"#], vec![r#"{env=~"a"}"#]];
        for (i, one) in all.iter().enumerate() {
            for (j, other) in all.iter().enumerate() {
                let (one, other) = (parse(one), parse(other));
                assert_eq!(one == other, i == j, "{one} and {other}");
                assert_eq!(hash(&one) == hash(&other), i == j, "{one} and {other}");
            }
        }
        assert_eq!(parse(&[a, b]).to_string(), format!("{a} or {b}"));
    }

    #[test]
    fn size_grows_with_texts_and_patterns() {
        let size = |text: &str| parse(&[text]).size();
        let value = format!("{{env=\"{}\"}}", "x".repeat(5000));
        assert!((10_000..20_000).contains(&size(&value)), "{}", size(&value));
        let name = format!("{{{}=\"x\"}}", "x".repeat(5000));
        assert!((10_000..20_000).contains(&size(&name)), "{}", size(&name));
        let pattern = size("{env=~\"a{1000}\"}");
        assert!((100_000..200_000).contains(&pattern), "{pattern}");
        assert!(parse(&["{env=\"a\"}"; 9]).size() > 8 * size("{env=\"a\"}"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_makes_parse_panic(text in r#"[{}a_:=!~"'`\\,#\n (\[@x8é.*]{0,24}"#, labels in vec(("[a_]", "[a.é]{0,2}"), 0..3)) {
            if let Ok(Some(selectors)) = Selectors::parse([&text]) {
                let labels: Vec<_> = labels.iter().map(|(name, value)| (&**name, &**value)).collect();
                selects(&selectors, &labels);
            }
        }

        /// Go's `%q` and Rust's `{:?}` quote these characters in the same way.
        #[test]
        fn quoted_text_matches_only_itself(value in r#"[a-z"'\\\n\té😀{},#=~`]{1,12}"#, other in r#"["'\\a]{0,2}"#) {
            let quoted = format!("{value:?}");
            let is = parse(&[&format!("{{env={quoted}}}")]);
            prop_assert!(selects(&is, &[("env", &value)]));
            prop_assert_eq!(selects(&is, &[("env", &other)]), value == other);
        }
    }
}
