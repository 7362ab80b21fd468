//! Reads the rows of backups. Memory holds their lines, not their attributes.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use flate2::bufread::MultiGzDecoder;
use http_sd_lambda::{
    group::{GroupName, Job, LabelNames, excerpt},
    table::{Attributes, TableError},
};

use crate::{
    error::CliError,
    store::{self, Record},
};

/// The first bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// The longest line. A row has at most 400 KB, and an escape of JSON has at most six bytes.
const LONGEST_LINE: u64 = 4 << 20;
/// The most faults that are printed.
const MOST_FAULTS: usize = 20;

/// The rows of all files, by key.
#[derive(Debug, Default)]
pub(super) struct Backup {
    files: Vec<PathBuf>,
    rows: BTreeMap<Job, BTreeMap<GroupName, Line>>,
    /// The first faults, each with its file and line.
    pub(super) faults: Vec<String>,
    /// The number of all faults.
    pub(super) fault_count: usize,
}

/// A valid line of a file.
#[derive(Debug)]
pub(super) struct Line {
    text: Box<[u8]>,
    file: usize,
    number: usize,
}

impl Line {
    /// Returns the attributes of the row, and its record.
    pub(super) fn row(&self, names: LabelNames) -> Result<(Attributes, Record), CliError> {
        let fault = |fault: String| CliError::Refused(format!("cannot read a line again: {fault}"));
        let attributes = store::read_line(&self.text).map_err(fault)?;
        let record = Record::of(attributes.clone(), names).map_err(|error| fault(error.to_string()))?;
        Ok((attributes, record))
    }

    /// Returns the attributes of the row. They were read without a fault before.
    pub(super) fn attributes(&self) -> Result<Attributes, String> {
        store::read_line(&self.text)
    }

    /// Returns the number of bytes of the line.
    pub(super) fn size(&self) -> usize {
        self.text.len()
    }
}

impl Backup {
    /// Reads the files; `-` is standard input. Collects faults.
    pub(super) fn read(files: &[PathBuf], names: LabelNames) -> Result<Self, CliError> {
        let mut backup = Self::default();
        for file in files {
            let failed = |source| CliError::Read { file: file.clone(), source };
            backup.files.push(file.clone());
            if file.as_os_str() == "-" {
                backup.read_file(io::stdin().lock(), names).map_err(failed)?;
            } else {
                let opened = File::open(file).map_err(failed)?;
                backup.read_file(BufReader::new(opened), names).map_err(failed)?;
            }
        }
        Ok(backup)
    }

    /// Returns the jobs of the rows.
    pub(super) fn jobs(&self) -> impl ExactSizeIterator<Item = &Job> {
        self.rows.keys()
    }

    /// Returns the rows of a job, by name.
    pub(super) fn of_job(&self, job: &Job) -> impl Iterator<Item = (&GroupName, &Line)> {
        self.rows.get(job).into_iter().flatten()
    }

    /// Returns the line of a row.
    pub(super) fn line(&self, job: &Job, name: &GroupName) -> Option<&Line> {
        self.rows.get(job)?.get(name)
    }

    fn read_file(&mut self, mut reader: impl BufRead, names: LabelNames) -> io::Result<()> {
        // A pipe may deliver fewer bytes than the magic number at first.
        let mut start = Vec::new();
        reader.by_ref().take(GZIP.len() as u64).read_to_end(&mut start)?;
        let is_gzip = start == GZIP;
        let reader = io::Cursor::new(start).chain(reader);
        if is_gzip {
            self.read_lines(BufReader::new(MultiGzDecoder::new(reader)), names)
        } else {
            self.read_lines(reader, names)
        }
    }

    fn read_lines(&mut self, mut reader: impl BufRead, names: LabelNames) -> io::Result<()> {
        let mut text = Vec::new();
        for number in 1.. {
            text.clear();
            if reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut text)? == 0 {
                break;
            }
            if !text.ends_with(b"\n") && text.len() as u64 == LONGEST_LINE {
                self.fault(number, &format!("the line is longer than {} MB", LONGEST_LINE >> 20));
                break;
            }
            let line = text.trim_ascii();
            if !line.is_empty() {
                self.read_line(line, number, names);
            }
        }
        Ok(())
    }

    fn read_line(&mut self, text: &[u8], number: usize, names: LabelNames) {
        let record = store::read_line(text).and_then(|row| {
            Record::of(row, names).map_err(|error| match error {
                TableError::WrongKey(fault) => fault,
                error => error.to_string(),
            })
        });
        let record = match record {
            Ok(record) => record,
            Err(fault) => return self.fault(number, &fault),
        };
        let (job, name) = (record.job, record.name);
        if let Some(before) = self.line(&job, &name) {
            let place = place(&self.files[before.file], before.number);
            let (job, name) = (excerpt(job.as_str()), excerpt(name.as_str()));
            return self.fault(number, &format!("group {name} of job {job} is already at {place}"));
        }
        let line = Line { text: text.into(), file: self.files.len() - 1, number };
        self.rows.entry(job).or_default().insert(name, line);
    }

    fn fault(&mut self, number: usize, fault: &str) {
        self.fault_count += 1;
        if let Some(file) = self.files.last().filter(|_| self.faults.len() < MOST_FAULTS) {
            self.faults.push(format!("{}: {fault}", place(file, number)));
        }
    }
}

fn place(file: &Path, number: usize) -> String {
    let name = if file.as_os_str() == "-" { "standard input".to_owned() } else { file.display().to_string() };
    format!("{name}:{number}")
}
