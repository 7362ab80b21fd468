//! Shows a text in place of the one before, without flicker.

use std::{
    env,
    io::{self, Write},
};

use anstream::{AutoStream, ColorChoice};

use super::width::{self, Size};

/// Moves the cursor to the first column of the first line.
const HOME: &[u8] = b"\x1b[H";
/// Clears the rest of the line.
const CLEAR_LINE: &[u8] = b"\x1b[K";
/// Clears everything after the cursor.
const CLEAR_BELOW: &[u8] = b"\x1b[J";

/// The terminal that standard output is.
pub(crate) struct Screen {
    colours: bool,
    /// The size when it was last read.
    size: Size,
}

impl Screen {
    /// Returns the terminal, or `None` if standard output is a file, a pipe, or a terminal that cannot move its cursor.
    pub(crate) fn of_stdout() -> Option<Self> {
        let size = width::of_stdout().filter(|_| env::var_os("TERM").is_none_or(|term| term != "dumb"))?;
        Some(Self { colours: AutoStream::choice(&io::stdout()) != ColorChoice::Never, size })
    }

    /// Returns the size now: a window can change it.
    pub(crate) fn size(&mut self) -> Size {
        self.size = width::of_stdout().unwrap_or(self.size);
        self.size
    }

    /// Shows the lines of a text, which must fit the width, as far as the height allows. Each line replaces an old one,
    /// so the screen is never empty.
    pub(crate) fn draw(&self, text: &[u8]) -> io::Result<()> {
        let text = if self.colours { text.to_vec() } else { anstream::adapter::strip_bytes(text).into_vec() };
        let mut all = HOME.to_vec();
        for line in text.split_inclusive(|&byte| byte == b'\n').take(self.size.lines.saturating_sub(1)) {
            all.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
            all.extend_from_slice(CLEAR_LINE);
            if line.ends_with(b"\n") {
                all.push(b'\n');
            }
        }
        all.extend_from_slice(CLEAR_BELOW);
        let mut out = io::stdout().lock();
        out.write_all(&all)?;
        out.flush()
    }
}
