//! Regular expressions, as Prometheus reads them.

use regex_lite::{Regex, RegexBuilder};
use regex_syntax::{
    ast::{
        AssertionKind, Ast, ClassAscii, ClassAsciiKind, ClassBracketed, ClassPerl, ClassPerlKind, ClassSet,
        ClassSetItem, Flag, Flags as AstFlags, FlagsItemKind, GroupKind, HexLiteralKind, Literal, LiteralKind,
        RepetitionKind, RepetitionOp, RepetitionRange, Span, parse::ParserBuilder,
    },
    hir::{ClassUnicode, ClassUnicodeRange},
};
use thiserror::Error;

/// How deep groups and repetitions may be inside each other.
const MOST_NESTING: u32 = 64;
/// The most repetitions in braces: Go's limit.
const MOST_REPETITIONS: u32 = 1000;
/// The size of a compiled expression, and of each of its steps, together with what a search keeps: roughly, in bytes.
const BYTES: usize = 2048;
const STEP_BYTES: usize = 128;

/// A regular expression of Prometheus, which matches a whole text or does not.
///
/// Prometheus has Go's syntax and anchors an expression as `^(?s:…)$` ([`regexp.go`][regexp], the function
/// `NewFastRegexMatcher`): `.` is any character, a newline as well. (Prometheus 2 had `^(?:…)$`, in which it was any other
/// character.) An expression is written anew with nothing in it but what means the same in Go and in the engine here, every
/// class as its ranges; what might not is refused.
///
/// [regexp]: https://github.com/prometheus/prometheus/blob/00461aca541af854644b7787e9f673d2ef67fe65/model/labels/regexp.go
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    regex: Regex,
    steps: usize,
}

/// Why a text is no regular expression here. Reads on from its name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotAPattern {
    /// Go or the parser here does not take it.
    #[error("is not read: {0}; write it without that, or escape what is meant as it stands")]
    Syntax(String),
    /// It might mean something else in Prometheus.
    #[error("has {0}")]
    Uncertain(&'static str),
    /// It would take too much memory, or too long.
    #[error("is too large, alone or with the others, counting what is repeated in braces; write a shorter one")]
    TooLarge,
}

impl Pattern {
    /// The expression, if it comes to at most so many steps.
    pub(super) fn parse(text: &str, most_steps: usize) -> Result<Self, NotAPattern> {
        let parsed = ParserBuilder::new().nest_limit(MOST_NESTING).build().parse(text);
        let ast = parsed.map_err(|error| NotAPattern::Syntax(error.kind().to_string()))?;
        let flags = Flags { fold: false, multi_line: false, dot_is_all: true };
        let mut writer = Writer { text, most_steps, flags, written: String::new() };
        let steps = writer.write(&ast)?;
        let regex = RegexBuilder::new(&format!(r"\A(?:{})\z", writer.written))
            // What was parsed is not nested more deeply than MOST_NESTING, nor is what was written for it, but for a few
            // groups for each level.
            .nest_limit(u32::MAX)
            .build()
            .map_err(|_| NotAPattern::TooLarge)?;
        Ok(Self { regex, steps })
    }

    /// Whether it matches the whole text.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// How many steps it comes to.
    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    /// Roughly what it takes, in bytes.
    pub(super) fn size(&self) -> usize {
        BYTES + self.steps * STEP_BYTES
    }
}

/// What a flag such as `(?i)` changes, from there to the end of its group.
#[derive(Debug, Clone, Copy)]
struct Flags {
    fold: bool,
    multi_line: bool,
    dot_is_all: bool,
}

/// Writes an expression anew.
struct Writer<'a> {
    text: &'a str,
    most_steps: usize,
    flags: Flags,
    written: String,
}

impl Writer<'_> {
    /// Writes a part of it, and returns how many steps that comes to.
    fn write(&mut self, ast: &Ast) -> Result<usize, NotAPattern> {
        let steps = match ast {
            Ast::Empty(_) => 1,
            Ast::Flags(set) => {
                self.set(&set.flags)?;
                1
            }
            Ast::Literal(literal) => {
                let class = self.range(character(literal)?, character(literal)?)?;
                self.class(&class)
            }
            Ast::Dot(_) => {
                let mut class = class([('\n', '\n')]);
                if self.flags.dot_is_all {
                    class = ClassUnicode::empty();
                }
                class.negate();
                self.class(&class)
            }
            Ast::Assertion(assertion) => {
                self.written.push_str(match (&assertion.kind, self.flags.multi_line) {
                    (AssertionKind::StartLine, true) => "(?m:^)",
                    (AssertionKind::EndLine, true) => "(?m:$)",
                    (AssertionKind::StartLine, false) | (AssertionKind::StartText, _) => r"\A",
                    (AssertionKind::EndLine, false) | (AssertionKind::EndText, _) => r"\z",
                    // Between ASCII characters of words in both.
                    (AssertionKind::WordBoundary, _) => r"\b",
                    (AssertionKind::NotWordBoundary, _) => r"\B",
                    _ => {
                        return Err(NotAPattern::Uncertain(
                            "a boundary of words that Prometheus does not know; use \\b",
                        ));
                    }
                });
                1
            }
            Ast::ClassUnicode(_) => return Err(UNICODE_CLASS),
            Ast::ClassPerl(perl) => {
                let class = self.perl(perl)?;
                self.class(&class)
            }
            Ast::ClassBracketed(bracketed) => {
                let class = self.bracketed(bracketed)?;
                self.class(&class)
            }
            Ast::Repetition(repetition) => {
                if matches!(*repetition.ast, Ast::Repetition(_)) {
                    return Err(NotAPattern::Uncertain(
                        "a repetition of a repetition, which Prometheus does not take; put the inner one into a group",
                    ));
                }
                let (operator, times) = self.repetition(&repetition.op)?;
                self.written.push_str("(?:");
                let steps = self.write(&repetition.ast)?;
                self.written.push(')');
                self.written.push_str(&operator);
                steps.saturating_mul(times).saturating_add(1)
            }
            Ast::Group(group) => {
                let before = self.flags;
                if let GroupKind::NonCapturing(flags) = &group.kind {
                    self.set(flags)?;
                }
                self.written.push_str("(?:");
                let steps = self.write(&group.ast)?;
                self.written.push(')');
                self.flags = before;
                steps
            }
            Ast::Alternation(alternation) => self.all(&alternation.asts, "|")?,
            Ast::Concat(concat) => self.all(&concat.asts, "")?,
        };
        if steps > self.most_steps { Err(NotAPattern::TooLarge) } else { Ok(steps) }
    }

    fn all(&mut self, asts: &[Ast], between: &str) -> Result<usize, NotAPattern> {
        let mut steps = 1_usize;
        for (place, ast) in asts.iter().enumerate() {
            if place > 0 {
                self.written.push_str(between);
            }
            steps = steps.saturating_add(self.write(ast)?);
        }
        Ok(steps)
    }

    fn set(&mut self, flags: &AstFlags) -> Result<(), NotAPattern> {
        let mut on = true;
        for item in &flags.items {
            match item.kind {
                FlagsItemKind::Negation => on = false,
                FlagsItemKind::Flag(Flag::CaseInsensitive) => self.flags.fold = on,
                FlagsItemKind::Flag(Flag::MultiLine) => self.flags.multi_line = on,
                FlagsItemKind::Flag(Flag::DotMatchesNewLine) => self.flags.dot_is_all = on,
                // Whether a text matches does not depend on which way is tried first.
                FlagsItemKind::Flag(Flag::SwapGreed) => {}
                FlagsItemKind::Flag(Flag::Unicode | Flag::CRLF | Flag::IgnoreWhitespace) => {
                    return Err(NotAPattern::Uncertain(
                        "a flag that Prometheus does not know; there are (?i), (?m), (?s) and (?U)",
                    ));
                }
            }
        }
        Ok(())
    }

    /// How the operator is written, and how many copies of what is repeated that makes.
    fn repetition(&self, operator: &RepetitionOp) -> Result<(String, usize), NotAPattern> {
        let range = match &operator.kind {
            RepetitionKind::ZeroOrOne => return Ok(("?".into(), 1)),
            RepetitionKind::ZeroOrMore => return Ok(("*".into(), 1)),
            RepetitionKind::OneOrMore => return Ok(("+".into(), 1)),
            RepetitionKind::Range(range) => range,
        };
        // Go takes any other spelling of a number for characters as they stand.
        let (written, most, copies) = match *range {
            RepetitionRange::Exactly(n) => (format!("{{{n}}}"), n, n),
            RepetitionRange::AtLeast(n) => (format!("{{{n},}}"), n, n.saturating_add(1)),
            RepetitionRange::Bounded(n, most) => (format!("{{{n},{most}}}"), most, most),
        };
        if self.source(&operator.span).trim_end_matches('?') != written {
            return Err(NotAPattern::Uncertain(
                "blanks or zeros before a number in braces; write such as {2,5}, or \\{ for a brace",
            ));
        }
        if most > MOST_REPETITIONS {
            return Err(NotAPattern::Uncertain("more than 1000 repetitions, which Prometheus does not take"));
        }
        Ok((written, copies.max(1) as usize))
    }

    /// All characters from one to another and, where case does not count, in the other case as well.
    ///
    /// As in Go, case is folded by Unicode's simple folding, in which the letters k and s have a third form. Beyond ASCII
    /// it depends on the version of Unicode.
    fn range(&self, first: char, last: char) -> Result<ClassUnicode, NotAPattern> {
        let mut folded = class([(first, last)]);
        if self.flags.fold {
            if !last.is_ascii() {
                return Err(NotAPattern::Uncertain(
                    "a character beyond ASCII where case does not count; write both cases out, as in [öÖ], outside of (?i)",
                ));
            }
            for c in first..=last {
                folded.union(&class([c.to_ascii_lowercase(), c.to_ascii_uppercase()].map(|c| (c, c))));
                match c {
                    'k' | 'K' => folded.union(&class([('\u{212a}', '\u{212a}')])),
                    's' | 'S' => folded.union(&class([('\u{17f}', '\u{17f}')])),
                    _ => {}
                }
            }
        }
        Ok(folded)
    }

    fn named(&self, ranges: &[(char, char)], negated: bool) -> Result<ClassUnicode, NotAPattern> {
        let mut class = ClassUnicode::empty();
        for &(first, last) in ranges {
            class.union(&self.range(first, last)?);
        }
        // In Go, too, case is folded first.
        if negated {
            class.negate();
        }
        Ok(class)
    }

    fn perl(&self, perl: &ClassPerl) -> Result<ClassUnicode, NotAPattern> {
        let ranges: &[_] = match perl.kind {
            ClassPerlKind::Digit => &[('0', '9')],
            // Without the vertical tab, other than [[:space:]].
            ClassPerlKind::Space => &[('\t', '\n'), ('\x0c', '\r'), (' ', ' ')],
            ClassPerlKind::Word => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
        };
        self.named(ranges, perl.negated)
    }

    fn bracketed(&self, bracketed: &ClassBracketed) -> Result<ClassUnicode, NotAPattern> {
        let ClassSet::Item(item) = &bracketed.kind else {
            return Err(NotAPattern::Uncertain(
                "&&, -- or ~~ in brackets; write one of the two characters, or escape them",
            ));
        };
        let items = match item {
            ClassSetItem::Union(union) => &union.items[..],
            item => std::slice::from_ref(item),
        };
        let whole = self.source(&bracketed.span);
        let start = bracketed.span.start.offset + if whole.starts_with("[^") { 2 } else { 1 };
        let end = bracketed.span.end.offset - 1;
        let mut class = ClassUnicode::empty();
        for item in items {
            class.union(&match item {
                ClassSetItem::Literal(literal) => {
                    let at = literal.span.start.offset;
                    if literal.c == '-' && literal.kind == LiteralKind::Verbatim && at != start && at + 1 != end {
                        // Go may read a range where the parser here does not.
                        return Err(NotAPattern::Uncertain("a - in the middle of brackets; write \\-, or put it last"));
                    }
                    self.range(character(literal)?, character(literal)?)?
                }
                ClassSetItem::Range(range) => self.range(character(&range.start)?, character(&range.end)?)?,
                ClassSetItem::Ascii(ascii) => self.ascii(ascii)?,
                ClassSetItem::Perl(perl) => self.perl(perl)?,
                ClassSetItem::Unicode(_) => return Err(UNICODE_CLASS),
                ClassSetItem::Bracketed(_) | ClassSetItem::Empty(_) | ClassSetItem::Union(_) => {
                    return Err(NotAPattern::Uncertain("a bracket in brackets; write \\["));
                }
            });
        }
        if bracketed.negated {
            class.negate();
        }
        Ok(class)
    }

    fn ascii(&self, ascii: &ClassAscii) -> Result<ClassUnicode, NotAPattern> {
        let ranges: &[_] = match ascii.kind {
            ClassAsciiKind::Alnum => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
            ClassAsciiKind::Alpha => &[('A', 'Z'), ('a', 'z')],
            ClassAsciiKind::Ascii => &[('\0', '\x7f')],
            ClassAsciiKind::Blank => &[('\t', '\t'), (' ', ' ')],
            ClassAsciiKind::Cntrl => &[('\0', '\x1f'), ('\x7f', '\x7f')],
            ClassAsciiKind::Digit => &[('0', '9')],
            ClassAsciiKind::Graph => &[('!', '~')],
            ClassAsciiKind::Lower => &[('a', 'z')],
            ClassAsciiKind::Print => &[(' ', '~')],
            ClassAsciiKind::Punct => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
            ClassAsciiKind::Space => &[('\t', '\r'), (' ', ' ')],
            ClassAsciiKind::Upper => &[('A', 'Z')],
            ClassAsciiKind::Word => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
            ClassAsciiKind::Xdigit => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        };
        self.named(ranges, ascii.negated)
    }

    /// Writes a class as its ranges, and returns how many steps that comes to.
    fn class(&mut self, class: &ClassUnicode) -> usize {
        let hex = |c: char| format!("\\x{{{:x}}}", u32::from(c));
        match class.ranges() {
            [one] if one.start() == one.end() => self.written.push_str(&hex(one.start())),
            // No character at all, which cannot be written in brackets.
            [] => self.written.push_str(r"[^\x{0}-\x{10ffff}]"),
            ranges => {
                self.written.push('[');
                for range in ranges {
                    self.written.extend([hex(range.start()), "-".into(), hex(range.end())]);
                }
                self.written.push(']');
            }
        }
        1 + class.ranges().len() / 8
    }

    fn source(&self, span: &Span) -> &str {
        &self.text[span.start.offset..span.end.offset]
    }
}

const UNICODE_CLASS: NotAPattern = NotAPattern::Uncertain(
    "a class of Unicode, which depends on its version; write the characters out, as in [a-zäöü]",
);

fn class(ranges: impl IntoIterator<Item = (char, char)>) -> ClassUnicode {
    ClassUnicode::new(ranges.into_iter().map(|(first, last)| ClassUnicodeRange::new(first, last)))
}

/// The character that a literal stands for.
fn character(literal: &Literal) -> Result<char, NotAPattern> {
    match literal.kind {
        LiteralKind::Octal
        | LiteralKind::HexFixed(HexLiteralKind::UnicodeShort | HexLiteralKind::UnicodeLong)
        | LiteralKind::HexBrace(HexLiteralKind::UnicodeShort | HexLiteralKind::UnicodeLong) => Err(
            NotAPattern::Uncertain("a number for a character that Prometheus does not take; write such as \\x{2764}"),
        ),
        _ => Ok(literal.c),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOST: usize = 10_000;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text, MOST).unwrap_or_else(|problem| panic!("{text:?} {problem}"))
    }

    #[test]
    fn an_expression_matches_a_whole_text_as_in_prometheus() {
        let cases: &[(&str, &[&str], &[&str])] = &[
            ("", &[""], &["a"]),
            ("a|b", &["a", "b"], &["ab", "aa", "", "c"]),
            ("a|", &["a", ""], &["b"]),
            ("web-.*", &["web-", "web-1", "web-\n1"], &["a web-1", "web"]),
            // A newline is a character like any other, unless the expression says otherwise.
            (".", &["a", "\n", "é", "😀"], &["", "ab"]),
            ("(?-s).", &["a", "é"], &["\n"]),
            ("(?-s:.)(?s:.)", &["a\n"], &["\na"]),
            ("[^a]", &["b", "\n", "é"], &["a", ""]),
            ("a$", &["a"], &["a\n"]),
            ("^a$|^b", &["a", "b"], &["ab"]),
            (r"\Aa\z", &["a"], &["a\n"]),
            ("(?m)a$.^b", &["a\nb"], &["axb", "ab"]),
            ("a$.^b", &[], &["a\nb"]),
            // ASCII classes, whatever Unicode says.
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
    fn what_might_mean_something_else_in_prometheus_is_refused() {
        let cases: &[(&str, &[&str])] = &[
            ("has a boundary of words", &[r"\<a", r"a\>", r"\b{start}a", r"a\b{end-half}"]),
            ("has a class of Unicode", &[r"\pL", r"\p{Greek}", r"\PN", r"[\pL]", r"[^\p{Lu}a]"]),
            ("has a flag that Prometheus does not know", &["(?x)a b", "(?u)a", "(?-u)a", "(?R)a", "(?ix:a)"]),
            ("has &&, -- or ~~ in brackets", &["[a-z&&b]", "[a-z--b]", "[a~~b]", "[a--]", "[%--]", "[+--/]"]),
            ("has a - in the middle of brackets", &["[--a]", "[]-a]", "[a-c-e]", "[^--/]", "[[:alpha:]-z]"]),
            ("has a bracket in brackets", &["[[a]]", "[a[b]c]", "[[:foo:]]"]),
            ("has a repetition of a repetition", &["a**", "a+*", "a{2}{3}", "a*??", "a??{2}"]),
            ("has blanks or zeros", &["a{ 2}", "a{2, 3}", "a{02}", "a{2,03}", "a{2 }"]),
            ("has more than 1000 repetitions", &["a{1001}", "a{1001,}", "a{1,1001}"]),
            ("has a character beyond ASCII where case", &["(?i)é", "(?i)[a-ÿ]", "(?i:[^é])", "(?i)\u{212a}"]),
            ("has a number for a character", &[r"\u0041", r"\U00000041", r"\u{41}", r"[\u0041]"]),
            (
                "is not read",
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
    fn an_expression_is_bounded_however_it_grows() {
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
        // A class takes more with more ranges.
        assert_eq!(pattern("[acegikmoqsuwy]").steps(), 2);
        assert_eq!(pattern("[acegikmoqsuwyACEGIKMOQSUWY]").steps(), 4);
        assert!(pattern("a").size() < pattern("(a|b)").size());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_is_too_odd(
            text in r"([a-cKs0-9é\n.^$|()\[\]{}?*+\\,:&~<>=iPxpLQE!-]|\(\?|\[\[:|:\]|\{[0-9]){0,24}",
            value in "[a-cKs0é\n-]{0,6}",
        ) {
            if let Ok(pattern) = Pattern::parse(&text, MOST) {
                pattern.matches(&value);
            }
        }

        #[test]
        fn an_escaped_text_matches_itself_alone(text in "\\PC{0,12}", other in "\\PC{0,12}") {
            let pattern = pattern(&regex_syntax::escape(&text));
            prop_assert!(pattern.matches(&text));
            prop_assert_eq!(pattern.matches(&other), text == other);
        }
    }
}
