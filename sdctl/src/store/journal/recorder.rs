//! Records the writes of this process.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http_sd_lambda::table::{Attributes, TableError};

use super::{
    Key, Line, TableId,
    entry::End,
    folder,
    writer::{Open, hash},
};
use crate::{store::WriteError, terminal::message};

/// The recorders of this process, for [`finish`]. A process runs one command.
static RECORDERS: Mutex<Vec<Arc<Recorder>>> = Mutex::new(Vec::new());

/// Completes the entry of this process, if it wrote to a table. `is_done` tells whether the command succeeded.
pub(crate) fn finish(is_done: bool) {
    let recorders = std::mem::take(&mut *lock(&RECORDERS));
    for recorder in recorders {
        recorder.finish(if is_done { End::Done } else { End::Failed });
    }
}

/// Records what a command replaces in a table. The first write creates the entry.
#[derive(Debug)]
pub(crate) struct Recorder(Mutex<State>);

#[derive(Debug)]
struct State {
    table: TableId,
    /// The entry that the command undoes.
    undoes: Option<u64>,
    output: Output,
}

#[derive(Debug)]
enum Output {
    NotStarted,
    Open(Box<Open>),
    /// The journal cannot be written, or the command has ended.
    Off,
}

/// A write of one row that is about to be sent. Without a result, the row before stays unknown.
pub(in crate::store) struct Pending<'a> {
    recorder: Option<&'a Recorder>,
    job: &'a str,
    group: &'a str,
}

impl<'a> Pending<'a> {
    /// Records that a write follows.
    pub(in crate::store) fn new(recorder: Option<&'a Recorder>, job: &'a str, group: &'a str) -> Self {
        let pending = Self { recorder, job, group };
        pending.record(|open, key| {
            open.unknown.insert(hash(&key));
            open.line(&Line::Intent(key))?;
            open.flush()
        });
        pending
    }

    /// Records the row before and after.
    pub(in crate::store) fn done(&self, old: Option<&Attributes>, new: Option<&Attributes>) {
        self.record(|open, key| {
            open.unknown.remove(&hash(&key));
            if old.is_none() && new.is_none() {
                return open.line(&Line::Failed(key)).and_then(|()| open.flush());
            }
            open.change(&key, old, new)?;
            open.flush()
        });
    }

    /// Records that the row was not written, if the error is certain. Returns the error.
    pub(in crate::store) fn failed(&self, error: TableError) -> TableError {
        if !error.is_transient() {
            self.record(|open, key| {
                open.unknown.remove(&hash(&key));
                open.line(&Line::Failed(key))?;
                open.flush()
            });
        }
        error
    }

    fn record(&self, write: impl FnOnce(&mut Open, Key<&str>) -> io::Result<()>) {
        if let Some(recorder) = self.recorder {
            recorder.with(|open| write(open, Key { job: self.job, group: self.group }));
        }
    }
}

impl Recorder {
    /// Creates the recorder of this process.
    pub(crate) fn new(table: TableId) -> Arc<Self> {
        let recorder = Arc::new(Self(Mutex::new(State { table, undoes: None, output: Output::NotStarted })));
        lock(&RECORDERS).push(recorder.clone());
        recorder
    }

    /// Says that the command undoes an entry.
    pub(crate) fn undoes(&self, number: u64) {
        lock(&self.0).undoes = Some(number);
    }

    /// Returns the number of the entry, if the command wrote to the table.
    pub(crate) fn number(&self) -> Option<u64> {
        match &lock(&self.0).output {
            Output::Open(open) => Some(open.entry.number),
            Output::NotStarted | Output::Off => None,
        }
    }

    /// Records new rows before they are written.
    pub(in crate::store) fn add<'r>(&self, rows: impl Iterator<Item = &'r Attributes>) {
        self.with(|open| {
            for row in rows {
                open.change(&Key::of(row), None, Some(row))?;
            }
            open.flush()
        });
    }

    /// Records that new rows were not written, if the error is certain.
    pub(in crate::store) fn not_added<'r>(&self, rows: impl Iterator<Item = &'r Attributes>, error: &WriteError) {
        if matches!(error, WriteError::Table(error) if error.is_transient()) {
            return;
        }
        self.with(|open| {
            for key in rows.map(Key::of) {
                open.written.remove(&hash(&key));
                open.line(&Line::Failed(key))?;
            }
            open.flush()
        });
    }

    /// Completes the entry. Removes an entry without any row.
    pub(crate) fn finish(&self, end: End) {
        let output = std::mem::replace(&mut lock(&self.0).output, Output::Off);
        if let Output::Open(open) = output
            && let Err(error) = open.finish(end)
        {
            warn(&error);
        }
    }

    /// Writes to the entry. A failure turns the journal off, and the command continues.
    fn with(&self, write: impl FnOnce(&mut Open) -> io::Result<()>) {
        let mut state = lock(&self.0);
        let State { table, undoes, output } = &mut *state;
        if let Output::NotStarted = output {
            let started = folder().ok_or_else(|| io::Error::other("your home folder is unknown"));
            match started.and_then(|journal| Open::start(&journal, table.clone(), *undoes)) {
                Ok(open) => *output = Output::Open(Box::new(open)),
                Err(error) => {
                    *output = Output::Off;
                    warn(&error);
                }
            }
        }
        if let Output::Open(open) = output
            && let Err(error) = write(open)
        {
            *output = Output::Off;
            warn(&error);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn warn(error: &io::Error) {
    let folder = folder().map_or_else(String::new, |folder| format!(" in {}", folder.display()));
    message::warning(format_args!(
        "cannot write the journal{folder}: {error}. sdctl undo cannot take this command back"
    ));
}
