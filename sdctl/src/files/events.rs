//! Starts libyaml's parser, which returns the events of a text, for the readers of YAML.

use std::io::{BufReader, Chain, Read};

use libyaml_safer::{Encoding, Parser};

/// The bytes that the parser decodes at once. It keeps each character in four bytes.
const DECODED_AT_ONCE: usize = 64 << 10;

/// A parser of a text.
pub(super) type YamlParser<'t> = Parser<BufReader<Chain<&'t [u8], &'t [u8]>>>;

/// Returns a parser of a text without a byte order mark.
///
/// The parser panics at a block scalar or an escape that the end of the text cuts off, so it gets one more line break.
pub(super) fn parser(text: &str) -> YamlParser<'_> {
    let mut parser = Parser::new();
    // The parser would take U+FFxx at the start for a mark of another encoding.
    parser.set_encoding(Encoding::Utf8);
    let end: &[u8] = if text.ends_with(['\n', '\r']) { b"" } else { b"\n" };
    parser.set_input(BufReader::with_capacity(DECODED_AT_ONCE, text.as_bytes().chain(end)));
    parser
}
