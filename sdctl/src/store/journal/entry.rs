//! Reads the entries of the journal.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, TryLockError},
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use flate2::bufread::MultiGzDecoder;
use http_sd_lambda::group::{GroupName, Job};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Key, Line, TableId, folder};

/// The end of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    /// The command succeeded.
    Done,
    /// The command returned an error. It may have written a part of its rows.
    Failed,
}

/// The number of rows by kind of change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Numbers {
    pub(crate) added: usize,
    pub(crate) changed: usize,
    pub(crate) removed: usize,
    /// Rows whose write has no known result.
    pub(crate) unknown: usize,
}

impl Numbers {
    /// Counts a row that existed before or not, and exists after or not.
    pub(super) fn count(&mut self, before: bool, after: bool) {
        match (before, after) {
            (false, true) => self.added += 1,
            (true, true) => self.changed += 1,
            (true, false) => self.removed += 1,
            (false, false) => {}
        }
    }
}

/// The description of a command that wrote to a table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Header {
    /// When the command wrote first, in seconds since 1970.
    pub(crate) at: i64,
    pub(crate) command: Vec<String>,
    pub(crate) table: TableId,
    /// The number of the entry that the command undid.
    pub(crate) undoes: Option<u64>,
    /// `None` while the command runs, and after it was killed.
    pub(crate) end: Option<End>,
    pub(super) numbers: Numbers,
    /// Whether the rows are missing because there were too many.
    pub(crate) too_large: bool,
}

/// An entry of the journal.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) folder: PathBuf,
    pub(crate) header: Header,
}

/// A row before and after, each as a line of an export.
#[derive(Debug, Default)]
pub(crate) struct Images {
    pub(crate) old: Option<Box<[u8]>>,
    pub(crate) new: Option<Box<[u8]>>,
}

/// The rows of an entry.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) changed: BTreeMap<(Job, GroupName), Images>,
    /// The rows whose last write has no known result. The row before may be unknown.
    pub(crate) unknown: BTreeSet<(Job, GroupName)>,
}

impl Entry {
    pub(super) const HEADER: &str = "entry.json";
    pub(super) const ROWS: &str = "rows.json.gz";

    /// Returns all entries, the oldest first.
    ///
    /// # Errors
    /// The folder or an entry cannot be read. A missing folder is an empty journal.
    pub(crate) fn all() -> io::Result<Vec<Self>> {
        let Some(journal) = folder() else { return Ok(Vec::new()) };
        let mut entries = Vec::new();
        for number in entries_in(&journal)? {
            let folder = journal.join(number.to_string());
            match fs::read(folder.join(Self::HEADER)) {
                Ok(text) => {
                    let header = serde_json::from_slice(&text);
                    let header = header.map_err(|error| io::Error::other(format!("entry {number}: {error}")))?;
                    entries.push(Self { number, folder, header });
                }
                // Another sdctl is creating or removing the entry.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(entries)
    }

    /// Returns the numbers of the entries of the list that are undone, where the undo is not undone itself.
    pub(crate) fn undone(entries: &[Self]) -> BTreeMap<u64, u64> {
        let mut undone = BTreeMap::new();
        for entry in entries.iter().rev() {
            if let (Some(of), Some(End::Done)) = (entry.header.undoes, entry.header.end)
                && !undone.contains_key(&entry.number)
            {
                undone.entry(of).or_insert(entry.number);
            }
        }
        undone
    }

    /// Returns whether the command is still running.
    pub(crate) fn is_running(&self) -> bool {
        self.header.end.is_none()
            && File::open(self.folder.join(Self::ROWS))
                .is_ok_and(|rows| matches!(rows.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Returns the number of rows by kind of change.
    ///
    /// # Errors
    /// The rows of an interrupted command cannot be read.
    pub(crate) fn numbers(&self) -> io::Result<Numbers> {
        if self.header.end.is_some() {
            return Ok(self.header.numbers);
        }
        let Rows { changed, unknown } = self.rows()?;
        let mut numbers = Numbers { unknown: unknown.len(), ..Numbers::default() };
        for Images { old, new } in changed.values() {
            numbers.count(old.is_some(), new.is_some());
        }
        Ok(numbers)
    }

    /// Reads the rows, each as it was before the first write and after the last one.
    ///
    /// # Errors
    /// The file cannot be read, or is not a journal's.
    pub(crate) fn rows(&self) -> io::Result<Rows> {
        let mut rows = Rows::default();
        if self.header.too_large {
            return Ok(rows);
        }
        let file = BufReader::new(File::open(self.folder.join(Self::ROWS))?);
        let mut lines = BufReader::new(MultiGzDecoder::new(file));
        let mut text = Vec::new();
        loop {
            text.clear();
            match lines.read_until(b'\n', &mut text) {
                Ok(0) => return Ok(rows),
                // The file of a command that was killed has no end, and maybe half a line.
                Ok(_) if !text.ends_with(b"\n") => return Ok(rows),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(rows),
                Ok(_) => rows.see(&text)?,
                Err(error) => return Err(error),
            }
        }
    }
}

impl Rows {
    fn see(&mut self, line: &[u8]) -> io::Result<()> {
        match serde_json::from_slice::<Line<Key<String>, Box<RawValue>>>(line)? {
            Line::Intent(key) => _ = self.unknown.insert(of_key(key)?),
            Line::Failed(key) => {
                let key = of_key(key)?;
                // Either a change that was only intended, or a new row.
                if !self.unknown.remove(&key) {
                    self.changed.remove(&key);
                }
            }
            Line::Change { old, new } => {
                let Some(key) = old.as_ref().or(new.as_ref()) else { return Ok(()) };
                let Image { job, group } = serde_json::from_str(key.get())?;
                let key = of_key(Key { job: job.s, group: group.s })?;
                self.unknown.remove(&key);
                let line = |image: Box<RawValue>| format!("{{\"Item\":{image}}}").into_bytes().into_boxed_slice();
                let images = self.changed.entry(key).or_insert_with(|| Images { old: old.map(line), new: None });
                images.new = new.map(line);
            }
        }
        Ok(())
    }
}

/// The key attributes of an image.
#[derive(Deserialize)]
struct Image {
    job: Text,
    group: Text,
}

#[derive(Deserialize)]
struct Text {
    #[serde(rename = "S")]
    s: String,
}

fn of_key(Key { job, group }: Key<String>) -> io::Result<(Job, GroupName)> {
    let wrong = |fault| io::Error::other(format!("the key of a row {fault}"));
    Ok((Job::new(job).map_err(wrong)?, GroupName::new(group).map_err(wrong)?))
}

/// Returns the numbers of the entries in a folder, sorted. A missing folder has none.
pub(super) fn entries_in(journal: &Path) -> io::Result<Vec<u64>> {
    let folders = match fs::read_dir(journal) {
        Ok(folders) => folders,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut numbers = Vec::new();
    for folder in folders {
        numbers.extend(folder?.file_name().to_str().and_then(|name| name.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}
