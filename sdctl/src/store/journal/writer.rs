//! Writes an entry of the journal.

use std::{
    collections::{HashMap, HashSet},
    env,
    fs::{self, DirBuilder, File, OpenOptions},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use http_sd_lambda::{group::EpochSeconds, table::Attributes};

use super::{
    Key, Line, MOST_BYTES, MOST_ENTRIES, TableId,
    entry::{End, Entry, Header, Numbers, entries_in},
};
use crate::{store::item_json::Shown, terminal::message};

/// The most characters of an argument that an entry keeps.
const LONGEST_ARGUMENT: usize = 200;

/// An entry in progress.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) entry: Entry,
    /// The file of lines; `None` after the entry became too large.
    rows: Option<GzEncoder<File>>,
    /// The lines since the last flush. The encoder is slow at many small pieces, such as those of a serializer.
    lines: Vec<u8>,
    /// The bytes of all lines.
    bytes: u64,
    most_bytes: u64,
    /// By the hash of each row's key: whether the row existed before, and whether it exists now.
    pub(super) written: HashMap<u64, (bool, bool)>,
    /// The hashes of rows whose last write has no known result.
    pub(super) unknown: HashSet<u64>,
}

impl Open {
    pub(super) fn start(journal: &Path, table: TableId, undoes: Option<u64>) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(journal)?;
        let before = entries_in(journal)?;
        let mut number = before.last().map_or(1, |last| last + 1);
        let folder = loop {
            let folder = journal.join(number.to_string());
            match DirBuilder::new().mode(0o700).create(&folder) {
                Ok(()) => break folder,
                // Another sdctl took the number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        };
        for old in before.iter().take((before.len() + 1).saturating_sub(MOST_ENTRIES)) {
            // Another sdctl may be removing it too.
            let _ = fs::remove_dir_all(journal.join(old.to_string()));
        }
        let rows = create(&folder.join(Entry::ROWS))?;
        // The lock tells other processes that the command runs. Without locks, the entry looks interrupted meanwhile.
        let _ = rows.try_lock();
        let header = Header {
            at: EpochSeconds::now().0,
            command: command(),
            table,
            undoes,
            end: None,
            numbers: Numbers::default(),
            too_large: false,
        };
        let open = Self {
            entry: Entry { number, folder, header },
            rows: Some(GzEncoder::new(rows, Compression::fast())),
            lines: Vec::new(),
            bytes: 0,
            most_bytes: MOST_BYTES,
            written: HashMap::new(),
            unknown: HashSet::new(),
        };
        open.save()?;
        Ok(open)
    }

    pub(super) fn change(
        &mut self,
        key: &Key<&str>,
        old: Option<&Attributes>,
        new: Option<&Attributes>,
    ) -> io::Result<()> {
        let (_, exists) = self.written.entry(hash(key)).or_insert((old.is_some(), true));
        *exists = new.is_some();
        self.line(&Line::<Key<&str>, Shown<'_>>::Change { old: old.map(Shown::Row), new: new.map(Shown::Row) })
    }

    pub(super) fn line<'l>(&mut self, line: &Line<Key<&'l str>, Shown<'l>>) -> io::Result<()> {
        if self.rows.is_some() {
            serde_json::to_writer(&mut self.lines, line)?;
            self.lines.push(b'\n');
        }
        Ok(())
    }

    /// Brings the lines to the file, from where another process can read them.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let Some(rows) = &mut self.rows else { return Ok(()) };
        rows.write_all(&self.lines)?;
        rows.flush()?;
        self.bytes += self.lines.len() as u64;
        self.lines.clear();
        if self.bytes > self.most_bytes { self.drop_rows() } else { Ok(()) }
    }

    /// Removes the rows of an entry that is too large.
    fn drop_rows(&mut self) -> io::Result<()> {
        if let Some(rows) = self.rows.take() {
            rows.finish()?.set_len(0)?;
        }
        message::warning(format_args!(
            "this command replaces more than the {} MB of rows that the journal holds: sdctl undo cannot take it back",
            self.most_bytes >> 20
        ));
        self.entry.header.too_large = true;
        self.save()
    }

    pub(super) fn finish(mut self, end: End) -> io::Result<()> {
        self.flush()?;
        // The lock lasts until the description says that the command has ended.
        let _locked = self.rows.take().map(GzEncoder::finish).transpose()?;
        if self.written.is_empty() && self.unknown.is_empty() {
            return fs::remove_dir_all(&self.entry.folder);
        }
        let mut numbers = Numbers { unknown: self.unknown.len(), ..Numbers::default() };
        for (before, after) in self.written.values() {
            numbers.count(*before, *after);
        }
        self.entry.header.numbers = numbers;
        self.entry.header.end = Some(end);
        self.save()
    }

    /// Writes the description in one step: readers find the old or the new one.
    fn save(&self) -> io::Result<()> {
        let Entry { folder, header, .. } = &self.entry;
        let new = folder.join("entry.json.new");
        let mut file = create(&new)?;
        serde_json::to_writer_pretty(&mut file, header)?;
        file.write_all(b"\n")?;
        fs::rename(new, folder.join(Entry::HEADER))
    }
}

/// Creates a file that only this user can read: rows may be confidential.
fn create(file: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)
}

/// Returns the command line, with long arguments shortened and without passwords of URLs.
fn command() -> Vec<String> {
    let shorten = |argument: String| {
        let argument = match reqwest::Url::parse(&argument) {
            Ok(mut url) if url.password().is_some() => url.set_password(Some("xxx")).map_or(argument, |()| url.into()),
            _ => argument,
        };
        match argument.char_indices().nth(LONGEST_ARGUMENT) {
            Some((end, _)) => argument[..end].to_owned() + "…",
            None => argument,
        }
    };
    let arguments = env::args_os().skip(1).map(|argument| shorten(argument.to_string_lossy().into_owned()));
    std::iter::once("sdctl".to_owned()).chain(arguments).collect()
}

/// Returns the hash of a row's key.
pub(super) fn hash(Key { job, group }: &Key<&str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (job, group).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;
    use http_sd_lambda::table::row_key;
    use tempfile::TempDir;

    use super::*;

    fn start(journal: &TempDir) -> Open {
        Open::start(journal.path(), TableId::Local { folder: "/data".into() }, None).unwrap()
    }

    fn row(group: &str, targets: usize) -> Attributes {
        let mut row = row_key("node", group);
        row.insert("targets".into(), AttributeValue::S("x".repeat(targets)));
        row
    }

    /// Reads an entry as another process would.
    fn read(open: &Open) -> Entry {
        let header = fs::read(open.entry.folder.join(Entry::HEADER)).unwrap();
        Entry { header: serde_json::from_slice(&header).unwrap(), ..open.entry.clone() }
    }

    #[test]
    fn rows_are_readable_before_the_end() {
        let journal = TempDir::new().unwrap();
        let mut open = start(&journal);
        let (old, new) = (row("a", 1), row("a", 2));
        for (old, new) in [(None, Some(&old)), (Some(&old), Some(&new)), (Some(&new), None)] {
            open.change(&Key { job: "node", group: "a" }, old, new).unwrap();
            open.line(&Line::Intent(Key { job: "node", group: "b" })).unwrap();
            open.flush().unwrap();
            let entry = read(&open);
            assert!(entry.is_running());
            let rows = entry.rows().unwrap();
            let images = rows.changed.values().next().unwrap();
            assert_eq!((images.old.is_some(), images.new.is_some()), (false, new.is_some()));
            assert_eq!(rows.unknown.len(), 1);
            assert_eq!(entry.numbers().unwrap().unknown, 1);
        }
    }

    #[test]
    fn entry_above_the_limit_holds_no_rows() {
        let journal = TempDir::new().unwrap();
        let mut open = start(&journal);
        open.most_bytes = 1000;
        for group in ["a", "b", "c"] {
            open.change(&Key { job: "node", group }, None, Some(&row(group, 400))).unwrap();
            open.flush().unwrap();
        }
        let entry = read(&open);
        assert!(entry.header.too_large && entry.rows().unwrap().changed.is_empty());
        assert_eq!(fs::metadata(entry.folder.join(Entry::ROWS)).unwrap().len(), 0);
        let folder = open.entry.folder.clone();
        open.finish(End::Done).unwrap();
        let header: Header = serde_json::from_slice(&fs::read(folder.join(Entry::HEADER)).unwrap()).unwrap();
        assert_eq!(header.numbers, Numbers { added: 3, ..Numbers::default() });
    }

    #[test]
    fn journal_keeps_the_newest_entries() {
        let journal = TempDir::new().unwrap();
        for _ in 0..MOST_ENTRIES + 3 {
            let mut open = start(&journal);
            open.change(&Key { job: "node", group: "a" }, None, Some(&row("a", 1))).unwrap();
            open.finish(End::Done).unwrap();
        }
        let kept = entries_in(journal.path()).unwrap();
        assert_eq!((kept.len(), kept.first(), kept.last()), (MOST_ENTRIES, Some(&4), Some(&103)));
    }

    #[test]
    fn entry_without_rows_is_removed() {
        let journal = TempDir::new().unwrap();
        start(&journal).finish(End::Failed).unwrap();
        assert!(entries_in(journal.path()).unwrap().is_empty());
    }
}
