//! Regular expressions of selectors, with the meaning that they have in Prometheus.

use regex_lite::{Regex, RegexBuilder};
use regex_syntax::ast::{
    AssertionKind, Ast, ClassAscii, ClassAsciiKind, ClassBracketed, ClassPerl, ClassPerlKind, ClassSet, ClassSetItem,
    Flag, Flags, GroupKind, HexLiteralKind, Literal, LiteralKind, RepetitionOp, Span, parse::ParserBuilder,
};
use thiserror::Error;

use self::NotAPattern::Uncertain;

/// The maximum depth of nested groups and repetitions.
const MOST_NESTING: u32 = 64;
/// The maximum number of repetitions in braces, as in Go.
const MOST_REPETITIONS: u32 = 1000;
/// The approximate size of a compiled expression and of each of its steps, with the memory of a search, in bytes.
const BYTES: usize = 2048;
const STEP_BYTES: usize = 128;

/// A regular expression of Prometheus, which always matches a whole text.
///
/// Prometheus uses Go's syntax and anchors an expression as `^(?s:…)$` ([`regexp.go`][regexp], the function
/// `NewFastRegexMatcher`), so `.` matches any character. (In Prometheus 2, with `^(?:…)$`, `.` does not match a
/// newline.) This crate compiles the expression with regex-lite, after three replacements: `\s` excludes the vertical
/// tab, groups do not capture, and `(?i)` adds the letters that Go adds. Expressions with other differences from Go are
/// rejected.
///
/// [regexp]: https://github.com/prometheus/prometheus/blob/00461aca541af854644b7787e9f673d2ef67fe65/model/labels/regexp.go
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    regex: Regex,
    steps: usize,
}

/// An invalid or unsupported regular expression. The text follows the name of the expression.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotAPattern {
    /// The expression is not valid in Go or in regex-lite.
    #[error("cannot be parsed: {0}. Rewrite it, or escape literal characters")]
    Syntax(String),
    /// The expression could have another meaning in Prometheus.
    #[error("contains {0}")]
    Uncertain(&'static str),
    /// The expression would need too much memory or time.
    #[error("is too large, alone or with the others. Shorten it: each repetition in braces counts")]
    TooLarge,
}

impl Pattern {
    /// Parses and compiles an expression of at most `most_steps` steps.
    pub(super) fn parse(text: &str, most_steps: usize) -> Result<Self, NotAPattern> {
        let parsed = ParserBuilder::new().nest_limit(MOST_NESTING).build().parse(text);
        let ast = parsed.map_err(|error| NotAPattern::Syntax(error.kind().to_string()))?;
        let mut translator = Translator { text, copied: 0, written: String::new(), fold: false };
        let steps = translator.translate(&ast)?;
        if steps > most_steps {
            return Err(NotAPattern::TooLarge);
        }
        let regex = RegexBuilder::new(&format!(r"\A(?s:{}{})\z", translator.written, &text[translator.copied..]))
            // The parser above checks the depth.
            .nest_limit(u32::MAX)
            .build()
            .map_err(|error| NotAPattern::Syntax(error.to_string()))?;
        Ok(Self { regex, steps })
    }

    /// Returns whether the expression matches the whole text.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// Returns the number of steps.
    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    /// Returns the approximate size in bytes.
    pub(super) fn size(&self) -> usize {
        BYTES + self.steps * STEP_BYTES
    }
}

/// Replaces or rejects the constructs that regex-lite and Go read differently.
struct Translator<'a> {
    text: &'a str,
    /// `written` covers the text before this offset.
    copied: usize,
    written: String,
    /// Whether `(?i)` is set at this point.
    fold: bool,
}

impl Translator<'_> {
    /// Translates a part of the expression and returns its number of steps.
    fn translate(&mut self, ast: &Ast) -> Result<usize, NotAPattern> {
        match ast {
            Ast::Empty(_) | Ast::Dot(_) => Ok(1),
            Ast::Flags(set) => self.set(&set.flags).map(|()| 1),
            Ast::Literal(literal) => {
                let class = format!("[{}]", self.range(literal, literal)?);
                if self.fold {
                    self.replace(&literal.span, &class);
                }
                Ok(1)
            }
            Ast::Assertion(assertion) => {
                use AssertionKind::{EndLine, EndText, NotWordBoundary, StartLine, StartText, WordBoundary};
                match assertion.kind {
                    // In both engines, a word consists of ASCII letters, digits and _.
                    StartLine | EndLine | StartText | EndText | WordBoundary | NotWordBoundary => Ok(1),
                    _ => Err(Uncertain("a word boundary that Prometheus does not know: use \\b")),
                }
            }
            Ast::ClassUnicode(_) => Err(UNICODE_CLASS),
            Ast::ClassPerl(perl) => {
                let class = format!("[{}]", self.perl(perl));
                self.replace(&perl.span, &class);
                Ok(1)
            }
            Ast::ClassBracketed(bracketed) => self.bracketed(bracketed),
            Ast::Repetition(repetition) => {
                if matches!(*repetition.ast, Ast::Repetition(_)) {
                    return Err(Uncertain(
                        "a repetition of a repetition, which Prometheus rejects: put the inner one into a group",
                    ));
                }
                let copies = self.copies(&repetition.op)?;
                Ok(self.translate(&repetition.ast)?.saturating_mul(copies).saturating_add(1))
            }
            Ast::Group(group) => {
                let before = self.fold;
                if let GroupKind::NonCapturing(flags) = &group.kind {
                    self.set(flags)?;
                } else {
                    // regex-lite allocates memory for each capturing group at each step.
                    self.replace(&Span::new(group.span.start, group.ast.span().start), "(?:");
                }
                let steps = self.translate(&group.ast);
                self.fold = before;
                steps
            }
            Ast::Alternation(alternation) => self.all(&alternation.asts),
            Ast::Concat(concat) => self.all(&concat.asts),
        }
    }

    fn all(&mut self, asts: &[Ast]) -> Result<usize, NotAPattern> {
        asts.iter().try_fold(1, |steps: usize, ast| Ok(steps.saturating_add(self.translate(ast)?)))
    }

    fn set(&mut self, flags: &Flags) -> Result<(), NotAPattern> {
        if [Flag::Unicode, Flag::CRLF, Flag::IgnoreWhitespace].iter().any(|flag| flags.flag_state(*flag).is_some()) {
            return Err(Uncertain("a flag that Prometheus does not know: use (?i), (?m), (?s) or (?U)"));
        }
        self.fold = flags.flag_state(Flag::CaseInsensitive).unwrap_or(self.fold);
        Ok(())
    }

    /// Returns the number of copies of the operand that a repetition needs.
    fn copies(&self, operator: &RepetitionOp) -> Result<usize, NotAPattern> {
        let mut copies = 1;
        let numbers = self.source(&operator.span).split(['*', '+', '?', '{', ',', '}']);
        for number in numbers.filter(|number| !number.is_empty()) {
            // Go reads any other spelling of a number as literal characters.
            let n = number.parse::<u32>().ok().filter(|n| n.to_string() == number).ok_or(Uncertain(
                "blanks or zeros before a number in braces: write it as in {2,5}, or write \\{ for a brace",
            ))?;
            if n > MOST_REPETITIONS {
                return Err(Uncertain("more than 1000 repetitions, which Prometheus rejects"));
            }
            copies = copies.max(n);
        }
        Ok(copies as usize)
    }

    /// Returns the range from one character to another, in the syntax of a bracketed class.
    ///
    /// Go folds case by Unicode's simple folding, in which the letters k and s have a third form. Beyond ASCII, the
    /// folding depends on the version of Unicode.
    fn range(&self, first: &Literal, last: &Literal) -> Result<String, NotAPattern> {
        let is_unknown = |literal: &&Literal| match &literal.kind {
            LiteralKind::HexFixed(kind) | LiteralKind::HexBrace(kind) => *kind != HexLiteralKind::X,
            _ => false,
        };
        if [first, last].iter().any(is_unknown) {
            return Err(Uncertain("a character number that Prometheus rejects: write it as in \\x{2764}"));
        }
        let written = |literal: &Literal| regex_lite::escape(literal.c.encode_utf8(&mut [0; 4]));
        let mut range = written(first) + "-" + &written(last);
        if self.fold {
            if !last.c.is_ascii() {
                return Err(Uncertain(
                    "a character beyond ASCII under (?i): write both cases, as in [öÖ], outside of (?i)",
                ));
            }
            for c in (first.c..=last.c).filter(char::is_ascii_alphabetic) {
                // regex-lite misses letters in a range with letters of both cases.
                range.extend([c.to_ascii_lowercase(), c.to_ascii_uppercase()]);
                match c {
                    'k' | 'K' => range.push('\u{212a}'),
                    's' | 'S' => range.push('\u{17f}'),
                    _ => {}
                }
            }
        }
        Ok(range)
    }

    fn bracketed(&mut self, bracketed: &ClassBracketed) -> Result<usize, NotAPattern> {
        let ClassSet::Item(item) = &bracketed.kind else {
            return Err(Uncertain("&&, -- or ~~ in brackets: write one of the two characters, or escape them"));
        };
        let items = match item {
            ClassSetItem::Union(union) => &union.items[..],
            item => std::slice::from_ref(item),
        };
        let mut written = String::from(if bracketed.negated { "[^" } else { "[" });
        for (place, item) in items.iter().enumerate() {
            written += &match item {
                ClassSetItem::Literal(Literal { c: '-', kind: LiteralKind::Verbatim, .. })
                    if place > 0 && place + 1 < items.len() =>
                {
                    // Go may read a range here, unlike regex-syntax.
                    return Err(Uncertain("a - in the middle of brackets: write \\-, or put it last"));
                }
                ClassSetItem::Literal(literal) => self.range(literal, literal)?,
                ClassSetItem::Range(range) => self.range(&range.start, &range.end)?,
                ClassSetItem::Ascii(ClassAscii { span, kind, negated }) => self.named(span, kind, *negated),
                ClassSetItem::Perl(perl) => self.perl(perl),
                ClassSetItem::Unicode(_) => return Err(UNICODE_CLASS),
                ClassSetItem::Bracketed(_) | ClassSetItem::Empty(_) | ClassSetItem::Union(_) => {
                    return Err(Uncertain("a bracket in brackets: write \\["));
                }
            };
        }
        written.push(']');
        self.replace(&bracketed.span, &written);
        // Under (?i), an item becomes at least two ranges.
        Ok(1 + (items.len() << usize::from(self.fold)) / 8)
    }

    /// Returns a class such as `\d`, in the syntax of a bracketed class.
    fn perl(&self, perl: &ClassPerl) -> String {
        match (&perl.kind, perl.negated) {
            (ClassPerlKind::Digit, _) => self.source(&perl.span).into(),
            // Go's \s excludes the vertical tab, unlike its [[:space:]].
            (ClassPerlKind::Space, false) => r"\t\n\f\r ".into(),
            (ClassPerlKind::Space, true) => r"\x00-\x08\v\x0E-\x1F!-\x{10FFFF}".into(),
            (ClassPerlKind::Word, negated) => self.named(&perl.span, &ClassAsciiKind::Word, negated),
        }
    }

    /// Returns a class such as `[:alpha:]`, in the syntax of a bracketed class.
    ///
    /// Under `(?i)`, Go folds a class before it negates the class. regex-lite negates first.
    fn named(&self, span: &Span, kind: &ClassAsciiKind, negated: bool) -> String {
        // A folded class that contains k and s, and the other ASCII characters.
        let (folded, others) = match kind {
            _ if !self.fold => return self.source(span).into(),
            ClassAsciiKind::Ascii => ("[:ascii:]", ""),
            ClassAsciiKind::Print => ("[:print:]", "[:cntrl:]"),
            ClassAsciiKind::Graph => ("[:graph:]", "[:cntrl:] "),
            ClassAsciiKind::Alnum => ("[:alnum:]", "[:cntrl:][:punct:] "),
            ClassAsciiKind::Word => ("[:word:]", r"[:cntrl:] -/:-@\[-\^`{-~"),
            ClassAsciiKind::Alpha | ClassAsciiKind::Lower | ClassAsciiKind::Upper => {
                ("[:alpha:]", "[:cntrl:][:punct:][:digit:] ")
            }
            _ => return self.source(span).into(),
        };
        if negated {
            format!(r"{others}\x80-\x{{17E}}\x{{180}}-\x{{2129}}\x{{212B}}-\x{{10FFFF}}")
        } else {
            format!(r"{folded}\x{{17F}}\x{{212A}}")
        }
    }

    /// Writes the text before a span, and a replacement for the span.
    fn replace(&mut self, span: &Span, by: &str) {
        self.written.extend([&self.text[self.copied..span.start.offset], by]);
        self.copied = span.end.offset;
    }

    fn source(&self, span: &Span) -> &str {
        &self.text[span.start.offset..span.end.offset]
    }
}

const UNICODE_CLASS: NotAPattern =
    Uncertain("a Unicode class, which depends on the version of Unicode: write the characters, as in [a-zäöü]");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOST: usize = 10_000;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text, MOST).unwrap_or_else(|problem| panic!("{text:?} {problem}"))
    }

    #[test]
    fn expressions_match_whole_texts_as_in_prometheus() {
        let cases: &[(&str, &[&str], &[&str])] = &[
            ("", &[""], &["a"]),
            ("a|b", &["a", "b"], &["ab", "aa", "", "c"]),
            ("a|", &["a", ""], &["b"]),
            ("web-.*", &["web-", "web-1", "web-\n1"], &["a web-1", "web"]),
            // `.` matches a newline, unless the expression changes that.
            (".", &["a", "\n", "é", "😀"], &["", "ab"]),
            ("(?-s).", &["a", "é"], &["\n"]),
            ("(?-s:.)(?s:.)", &["a\n"], &["\na"]),
            ("[^a]", &["b", "\n", "é"], &["a", ""]),
            ("a$", &["a"], &["a\n"]),
            ("^a$|^b", &["a", "b"], &["ab"]),
            (r"\Aa\z", &["a"], &["a\n"]),
            ("(?m)a$.^b", &["a\nb"], &["axb", "ab"]),
            ("a$.^b", &[], &["a\nb"]),
            // ASCII classes.
            (r"\d+", &["0", "19"], &["٣", "a", "１"]),
            (r"\D", &["٣", "a", "\n"], &["1"]),
            (r"\w+", &["aZ_09"], &["é", "-", "ſ", "\u{212a}"]),
            (r"\W", &["é", "-"], &["a", "_"]),
            (r"\s+", &[" \t\n\x0c\r"], &["\x0b", "\u{a0}", "\u{85}"]),
            (r"\S", &["\x0b", "\u{a0}", "a"], &[" "]),
            ("[[:space:]]", &["\x0b", " "], &["\u{a0}"]),
            ("[[:^space:]]", &["a", "\u{a0}"], &["\x0b"]),
            ("[[:alpha:][:digit:]_]+", &["aZ9_"], &["é", ":"]),
            ("[[:punct:]]+", &["!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"], &["a", " "]),
            ("[[:word:]][[:xdigit:]][[:upper:]]", &["_fZ"], &["_gZ", "_fz"]),
            (r"[\d\-x]+", &["1-x"], &["a"]),
            (r"[^\d\s]+", &["ab"], &["1", " "]),
            (r"[\W\w]", &["a", "é"], &[""]),
            (r"[^\W\w]", &[], &["a", "é", ""]),
            (r"\bé\b", &[], &["é"]),
            (r"é\Bé", &["éé"], &[]),
            (r"a\b-\bb", &["a-b"], &[]),
            // Brackets.
            ("[]a]+", &["]a"], &["b"]),
            ("[^]a]+", &["b^"], &["]"]),
            ("[-a]+", &["-a"], &["b"]),
            ("[a-]+", &["-a"], &["b"]),
            ("[^-a]+", &["b"], &["-", "a"]),
            ("[a-c-]+", &["b-"], &["d"]),
            ("[a^&~.]+", &["^&~.a"], &["b"]),
            (r"[\[\]\\]+", &["[]\\"], &["a"]),
            ("[à-ü]+", &["éü"], &["e"]),
            ("[:alpha:]", &["a", ":"], &["b"]),
            // Repetitions.
            ("a{2}", &["aa"], &["a", "aaa"]),
            ("a{2,}", &["aa", "aaaa"], &["a"]),
            ("a{0,2}", &["", "aa"], &["aaa"]),
            ("a{0}b", &["b"], &["ab"]),
            ("(ab|c)+?", &["abc", "ab"], &["", "a"]),
            ("(?U)a*", &["", "aaa"], &["b"]),
            ("(a{2}){3}", &["aaaaaa"], &["aaaaa"]),
            ("(|a)+", &["", "aa"], &["b"]),
            // Characters.
            (r"\x41\x{1F600}\t\n\a\f\r\v", &["A😀\t\n\x07\x0c\r\x0b"], &["A"]),
            (r"\.\-\/\_\!\:\ ", &[".-/_!: "], &["a"]),
            ("}]", &["}]"], &["}"]),
            ("#a b", &["#a b"], &["#ab"]),
            (r"\xe9", &["é"], &[]),
            // Groups and flags.
            ("(?P<x>a)(?<y>b)(?:c)", &["abc"], &["ab"]),
            ("(?i)web", &["web", "WEB", "wEb"], &["wéb"]),
            ("(?i)k+s?", &["k", "K", "\u{212a}", "kſ"], &["s"]),
            ("(?i)[k-s]+", &["KſS\u{212a}q"], &["a"]),
            ("(?i)[^k]", &["a", "é"], &["K", "\u{212a}"]),
            (r"(?i)\w+", &["a\u{17f}\u{212a}"], &["é"]),
            (r"(?i)\W", &["é"], &["ſ"]),
            (r"(?i)[[:lower:]]", &["A", "ſ"], &["1"]),
            (r"(?i)[^\W_]", &["A", "ſ"], &["_", "é"]),
            (r"(?i)[\W_]+", &["é_-"], &["ſ", "\u{212a}", "a"]),
            (r"(?i)\d\D\s\S", &["1k \x0b", "1\u{212a}\nſ"], &["1k\x0b1"]),
            // Classes of letters, folded and then negated.
            ("(?i)[[:upper:]]+", &["aZ\u{212a}ſ"], &["1", "é"]),
            ("(?i)[[:^lower:]]+", &["1 é\n_"], &["a", "A", "ſ"]),
            ("(?i)[[:^alnum:]]+", &["_ é\x7f"], &["a", "1", "\u{212a}"]),
            ("(?i)[[:^word:]]+", &["-`{@[^ é"], &["_", "1", "ſ"]),
            ("(?i)[[:^graph:]]+", &[" \x7fé"], &["!", "~", "ſ"]),
            ("(?i)[[:^print:]]+", &["\n\x7fé"], &[" ", "~", "\u{212a}"]),
            ("(?i)[[:^ascii:]]+", &["é\u{80}"], &["\x7f", "ſ", "\u{212a}"]),
            ("(?i)[[:^xdigit:]]+", &["gZ\u{212a}ſé"], &["f", "F", "1"]),
            // Ranges with letters of both cases.
            ("(?i)[Z-a]+", &["zZ^aA"], &["b", "Y"]),
            ("(?i)[[:^alpha:]X-b]+", &["xyzXYZabAB1é"], &["c", "W", "ſ"]),
            (r"(?i)[\x4a-\x{4C}]+", &["jJkK\u{212a}lL"], &["i", "m"]),
            ("(?i:a)b", &["ab", "Ab"], &["aB"]),
            ("a(?i)b|c", &["ab", "aB", "c", "C"], &["AB"]),
            ("(a(?i)b)c", &["abc", "aBc"], &["aBC"]),
            ("(?i)a(?-i)b", &["Ab"], &["AB"]),
        ];
        for (text, matching, others) in cases {
            let pattern = pattern(text);
            for value in *matching {
                assert!(pattern.matches(value), "{text:?} does not match {value:?}");
            }
            for value in *others {
                assert!(!pattern.matches(value), "{text:?} matches {value:?}");
            }
        }
    }

    #[test]
    fn expressions_ambiguous_in_prometheus_are_rejected() {
        let cases: &[(&str, &[&str])] = &[
            ("contains a word boundary", &[r"\<a", r"a\>", r"\b{start}a", r"a\b{end-half}"]),
            ("contains a Unicode class", &[r"\pL", r"\p{Greek}", r"\PN", r"[\pL]", r"[^\p{Lu}a]"]),
            ("contains a flag that Prometheus does not know", &["(?x)a b", "(?u)a", "(?-u)a", "(?R)a", "(?ix:a)"]),
            ("contains &&, -- or ~~ in brackets", &["[a-z&&b]", "[a-z--b]", "[a~~b]", "[a--]", "[%--]", "[+--/]"]),
            ("contains a - in the middle of brackets", &["[--a]", "[]-a]", "[a-c-e]", "[^--/]", "[[:alpha:]-z]"]),
            ("contains a bracket in brackets", &["[[a]]", "[a[b]c]", "[[:foo:]]"]),
            ("contains a repetition of a repetition", &["a**", "a+*", "a{2}{3}", "a*??", "a??{2}"]),
            ("contains blanks or zeros", &["a{ 2}", "a{2, 3}", "a{02}", "a{2,03}", "a{2 }"]),
            ("contains more than 1000 repetitions", &["a{1001}", "a{1001,}", "a{1,1001}"]),
            ("contains a character beyond ASCII under (?i)", &["(?i)é", "(?i)[a-ÿ]", "(?i:[^é])", "(?i)\u{212a}"]),
            ("contains a character number", &[r"\u0041", r"\U00000041", r"\u{41}", r"[\u0041]"]),
            (
                "cannot be parsed",
                &[
                    "(",
                    ")",
                    "a)(b",
                    "[",
                    "[a",
                    "[]",
                    "*",
                    "a{",
                    "a{,2}",
                    "a{x}",
                    "{2}",
                    "a{2,1}",
                    r"\Qa.b\E",
                    r"\C",
                    r"\Z",
                    r"\1",
                    r"\0",
                    r"\12",
                    r"\é",
                    r"\",
                    r"\x",
                    r"\x{110000}",
                    r"\x{d800}",
                    "(?=a)",
                    "(?<!a)",
                    "(?P<>a)",
                    "(?",
                    "(?i",
                    "(?-)a",
                    "[b-a]",
                    r"[a-\d]",
                    r"[\b]",
                    "(?P=x)",
                    "[[a]",
                ],
            ),
        ];
        for (problem, texts) in cases {
            for text in *texts {
                let refused = Pattern::parse(text, MOST).expect_err(text).to_string();
                assert!(refused.starts_with(problem), "{text:?} {refused}");
            }
        }
    }

    #[test]
    fn expression_size_is_limited() {
        for text in [
            "a".repeat(MOST),
            "(a{100}){100}".into(),
            "((a{1000}){1000}){1000}".into(),
            r"[^\W]{1000}".repeat(20),
            "(a|b){999}".repeat(9),
            "(".repeat(5000) + &")".repeat(5000),
            "(?:".repeat(100) + "a" + &"*)".repeat(100),
            "a|".repeat(MOST),
        ] {
            let refused = Pattern::parse(&text, MOST).expect_err(&text);
            let nesting = matches!(&refused, NotAPattern::Syntax(problem) if problem.contains("nest"));
            assert!(nesting || refused == NotAPattern::TooLarge, "{text:.40}: {refused}");
        }
        let nested = "(?:".repeat(30) + "a" + &")+".repeat(30);
        let long = "a".repeat(MOST - 1);
        for (text, value) in [("(a{30}){30}", "a".repeat(900)), (&*long, long.clone()), (&*nested, "aa".into())] {
            assert!(pattern(text).matches(&value), "{text:.40}");
        }
        assert_eq!(pattern("a{1000}").steps(), 1001);
        // A capturing group would need memory for each step.
        assert_eq!(pattern("(a)(?P<x>b)(?<y>c)").regex.captures_len(), 1);
        // A class with more ranges has more steps.
        assert_eq!(pattern("[acegikmoqsuwy]").steps(), 2);
        assert_eq!(pattern("[acegikmoqsuwyACEGIKMOQSUWY]").steps(), 4);
        assert!(pattern("a").size() < pattern("(a|b)").size());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_makes_parse_panic(
            text in r"([a-cKs0-9é\n.^$|()\[\]{}?*+\\,:&~<>=iPxpLQE!-]|\(\?|\[\[:|:\]|\{[0-9]){0,24}",
            value in "[a-cKs0é\n-]{0,6}",
        ) {
            if let Ok(pattern) = Pattern::parse(&text, MOST) {
                pattern.matches(&value);
            }
        }

        #[test]
        fn escaped_text_matches_only_itself(text in "\\PC{0,12}", other in "\\PC{0,12}") {
            let pattern = pattern(&regex_syntax::escape(&text));
            prop_assert!(pattern.matches(&text));
            prop_assert_eq!(pattern.matches(&other), text == other);
        }
    }
}
