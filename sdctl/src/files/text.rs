//! Decodes the bytes of a file.

use super::contents::Format;

/// Returns a file's text, or the line of the first invalid character. As for go-yaml, YAML that starts with a byte
/// order mark may be UTF-16; a text without one is UTF-8.
pub(super) fn decode(bytes: Vec<u8>, format: Format) -> Result<String, usize> {
    match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] if format == Format::Yaml => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] if format == Format::Yaml => utf16(rest, u16::from_be_bytes),
        _ => String::from_utf8(bytes).map_err(|error| {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            good.split(|byte| *byte == b'\n').count()
        }),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, usize> {
    let (units, rest) = bytes.as_chunks();
    let mut text = String::with_capacity(units.len());
    let is_whole = char::decode_utf16(units.iter().copied().map(unit)).all(|c| c.map(|c| text.push(c)).is_ok());
    if is_whole && rest.is_empty() { Ok(text) } else { Err(text.split('\n').count()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_may_be_utf16_with_a_mark() {
        let little = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let big = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
        let text = "- a: Z\u{fc}rich \u{1f600}\r\n";
        for bytes in [text.as_bytes().to_vec(), little(&format!("\u{feff}{text}")), big(&format!("\u{feff}{text}"))] {
            assert_eq!(decode(bytes, Format::Yaml).as_deref(), Ok(text));
        }
        let odd = [little("\u{feff}a\n"), vec![0]].concat();
        let lone = [little("\u{feff}a\nb"), vec![0, 0xd8]].concat();
        for (bytes, format, line) in [
            (odd, Format::Yaml, 2),
            (lone, Format::Yaml, 2),
            (little("\u{feff}[]"), Format::Json, 1),
            (vec![b'\n', 0xff], Format::Yaml, 2),
        ] {
            assert_eq!(decode(bytes, format), Err(line));
        }
    }
}
