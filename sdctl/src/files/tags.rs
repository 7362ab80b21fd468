//! Finds a tag that a comma follows, such as `[!a, b]`. go-yaml takes the comma for a part of the tag; the
//! parser would panic.

use std::collections::HashSet;

use libyaml_safer::{Error, EventData, Mark};

use super::events::parser;

/// Returns where a tag is that a comma follows. Returns an error for text that is not valid YAML.
pub(super) fn before_comma(text: &str) -> Result<Option<Mark>, Error> {
    let ends = possible_ends(text);
    if ends.is_empty() {
        return Ok(None);
    }
    // With a space before each such comma, the parser tells tags from other text.
    let (mut spaced, mut inserted) = (String::with_capacity(text.len() + ends.len()), HashSet::new());
    let mut start = 0;
    for end in ends {
        spaced.push_str(&text[start..end]);
        inserted.insert(spaced.len() as u64);
        spaced.push(' ');
        start = end;
    }
    spaced.push_str(&text[start..]);
    let mut parser = parser(&spaced);
    loop {
        let event = parser.parse()?;
        match event.data {
            EventData::StreamEnd => return Ok(None),
            EventData::Scalar { tag: Some(_), value, .. }
                if value.is_empty() && inserted.contains(&event.end_mark.index) =>
            {
                return Ok(Some(event.start_mark));
            }
            _ => {}
        }
    }
}

/// Returns the offset of each comma that follows what may be a tag.
fn possible_ends(text: &str) -> Vec<usize> {
    let is_in_tag = |c: char| c.is_ascii_alphanumeric() || "-_;/?:@&=+$.%!~*'()".contains(c);
    let mut ends: Vec<usize> = Vec::new();
    for (at, _) in text.match_indices('!') {
        let rest = &text[at + 1..];
        let length = match rest.strip_prefix('<') {
            Some(verbatim) => verbatim.find('>').map(|end| end + 2),
            None => rest.find(|c| !is_in_tag(c)),
        };
        if let Some(length) = length
            && rest[length..].starts_with(',')
            && ends.last().is_none_or(|last| *last < at + 1 + length)
        {
            ends.push(at + 1 + length);
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_before_a_comma_is_found() {
        for (text, is_found) in [
            ("[!a, b]", true),
            ("[b, !, c]", true),
            ("{a: !!str, b: c}", true),
            ("- x\n- [!<tag:a,b>, c]", true),
            ("[!a b, c]", false),
            ("['!a, b', \"!b,\", c!, d!e, f]", false),
            ("a: b # !c,\nd: |\n  !e,\n", false),
            ("[!<a,b> c, d]", false),
            ("[a: !b, c]", true),
        ] {
            assert_eq!(before_comma(text).unwrap().is_some(), is_found, "{text}");
        }
    }
}
