//! `match[]`: a selector keeps its meaning when it is written again, several selectors select the union, and another
//! engine for regular expressions agrees.
#![no_main]

use http_sd_lambda::group::Selectors;
use http_sd_lambda_fuzz::check_line;
use libfuzzer_sys::{Corpus, fuzz_target};
use regex::RegexBuilder;

/// The most bytes, the limit of a query string.
const MOST_BYTES: usize = 8 * 1024;

// Selectors, separated by null characters. The first is also used as a regular expression, and the second as the text
// to match.
fuzz_target!(|text: &str| -> Corpus {
    if text.len() > MOST_BYTES {
        return Corpus::Reject;
    }
    let texts: Vec<&str> = text.split('\0').collect();
    check_selectors(&texts);
    check_pattern(texts[0], texts.get(1).copied().unwrap_or_default());
    Corpus::Keep
});

fn parse(texts: &[&str]) -> Option<Selectors> {
    match Selectors::parse(texts) {
        Ok(selectors) => Some(selectors.unwrap()),
        Err(error) => {
            check_line(&error.to_string());
            None
        }
    }
}

/// Returns whether a target is selected whose labels all have this value.
fn selects(selectors: &Selectors, value: &str, target: &str) -> bool {
    selectors.of_group(value, value, |_| Some(value)).has(target)
}

fn check_selectors(texts: &[&str]) {
    let Some(all) = parse(texts) else { return };
    assert_eq!(parse(texts).as_ref(), Some(&all));
    assert_eq!(all.to_string(), texts.join(" or "));
    assert!(!selects(&all, "", ""), "selects a target without labels");
    let each: Vec<Selectors> = texts.iter().map(|text| parse(&[text]).unwrap()).collect();
    let again: Vec<String> = texts.iter().map(|text| format!(" {text}\n\t# }}\r\n")).collect();
    let again = parse(&again.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    // Quoted texts are the likely values of labels.
    let quoted = texts.iter().flat_map(|text| text.split(['"', '\'', '`'])).take(16);
    for value in quoted.chain(["", "a", "é\n"]) {
        for target in [value, "web-1:9100"] {
            let selected = selects(&all, value, target);
            assert_eq!(selected, each.iter().any(|one| selects(one, value, target)), "{texts:?} {value:?}");
            assert_eq!(selected, selects(&again, value, target), "{texts:?} {value:?}");
        }
    }
}

fn check_pattern(pattern: &str, value: &str) {
    let with = |operator: &str| parse(&[&format!("{{l{operator}`{pattern}`,__address__!=\"\"}}")]);
    if pattern.contains('`') {
        return;
    }
    let (Some(is), Some(is_not)) = (with("=~"), with("!~")) else { return };
    let matches = |selectors: &Selectors| selectors.of_group("j", "g", |_| Some(value)).has("a:1");
    assert_ne!(matches(&is), matches(&is_not), "{pattern:?} {value:?}");
    // This engine supports Unicode where Go does not, and counts a vertical tab as white space.
    if !value.is_ascii() || value.contains('\x0b') {
        return;
    }
    let Ok(other) = RegexBuilder::new(&format!("^(?s:{pattern})$")).build() else { return };
    assert_eq!(matches(&is), other.is_match(value), "{pattern:?} {value:?}");
}
