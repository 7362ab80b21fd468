//! Writes a file beside its place and renames it at the end, so that a failed run leaves no half file.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};

use crate::error::CliError;

/// A file in progress. Without [`NewFile::finish`], dropping it deletes what was written.
pub(crate) struct NewFile {
    out: Content,
    /// The path that the command line names.
    file: PathBuf,
    /// Where the content is until it is complete, and its place. `None` for a device or a pipe, which is written
    /// directly.
    aside: Option<Aside>,
}

struct Aside {
    path: PathBuf,
    place: PathBuf,
}

enum Content {
    Plain(BufWriter<File>),
    Gzip(GzEncoder<BufWriter<File>>),
}

impl NewFile {
    /// Starts the file. A name that ends with `.gz` compresses the content.
    pub(crate) fn create(file: &Path) -> Result<Self, CliError> {
        let failed = |source| CliError::Write { file: file.to_owned(), source };
        // A link stays a link to the new content.
        let place = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
        let before = fs::metadata(&place).ok();
        let (aside, opened) = match &before {
            Some(before) if before.is_dir() => return Err(failed(io::ErrorKind::IsADirectory.into())),
            Some(before) if !before.is_file() => (None, OpenOptions::new().write(true).open(&place).map_err(failed)?),
            _ => {
                let mut path = place.as_os_str().to_owned();
                path.push(format!(".{}.new", std::process::id()));
                let aside = Aside { path: path.into(), place };
                let opened = OpenOptions::new().write(true).create_new(true).open(&aside.path).map_err(failed)?;
                (Some(aside), opened)
            }
        };
        let out = BufWriter::new(opened);
        let out = match file.extension() {
            Some(extension) if extension == "gz" => Content::Gzip(GzEncoder::new(out, Compression::default())),
            _ => Content::Plain(out),
        };
        let new = Self { out, file: file.to_owned(), aside };
        if let (Some(before), Some(aside)) = (before, &new.aside) {
            fs::set_permissions(&aside.path, before.permissions()).map_err(failed)?;
        }
        Ok(new)
    }

    /// Completes the file and moves it to its place.
    pub(crate) fn finish(mut self) -> Result<(), CliError> {
        self.complete().map_err(|source| self.error(source))
    }

    /// Returns the error of a failed write.
    pub(crate) fn error(&self, source: io::Error) -> CliError {
        CliError::Write { file: self.file.clone(), source }
    }

    fn complete(&mut self) -> io::Result<()> {
        match &mut self.out {
            Content::Plain(out) => out.flush()?,
            Content::Gzip(out) => {
                out.try_finish()?;
                out.get_mut().flush()?;
            }
        }
        if let Some(Aside { path, place }) = &self.aside {
            let file = match &self.out {
                Content::Plain(out) => out.get_ref(),
                Content::Gzip(out) => out.get_ref().get_ref(),
            };
            file.sync_all()?;
            fs::rename(path, place)?;
            self.aside = None;
        }
        Ok(())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.out {
            Content::Plain(out) => out.write(bytes),
            Content::Gzip(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.out {
            Content::Plain(out) => out.flush(),
            Content::Gzip(out) => out.flush(),
        }
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(Aside { path, .. }) = &self.aside {
            let _ = fs::remove_file(path);
        }
    }
}
