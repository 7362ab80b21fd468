//! Standard output of commands that change something: they finish their work although the reader closes the pipe.

use std::io::{self, Write};

/// Standard output that discards text after the reader has closed the pipe.
pub(crate) struct Stdout(anstream::Stdout);

pub(crate) fn stdout() -> Stdout {
    Stdout(anstream::stdout())
}

/// Returns standard output for programs: terminal escapes in the text are data and stay.
pub(crate) fn data() -> Stdout {
    Stdout(anstream::AutoStream::always(io::stdout()))
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(bytes.len()),
            other => other,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.flush() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}
