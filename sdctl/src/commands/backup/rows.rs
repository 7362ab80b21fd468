//! The rows of a backup, by key. Memory holds their lines, not their attributes.

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
    store::{self, Record, same_row},
};

/// The first bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// The longest line. A row has at most 400 KB, and an escape of JSON has at most six bytes.
const LONGEST_LINE: u64 = 4 << 20;
/// The most faults that are printed.
const MOST_FAULTS: usize = 20;

/// The rows of a backup, by key.
#[derive(Debug, Default)]
pub(crate) struct Backup {
    files: Vec<PathBuf>,
    rows: BTreeMap<Job, BTreeMap<GroupName, Wanted>>,
    /// The first faults of the files, each with its file and line.
    pub(crate) faults: Vec<String>,
    /// The number of all faults.
    pub(crate) fault_count: usize,
}

/// A row as it shall be.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// The valid line of the row; `None` for a row that shall not exist.
    line: Option<Box<[u8]>>,
    expected: Expected,
    /// The file, and the number of the line.
    place: Option<(usize, usize)>,
}

/// The row of the table that may be changed.
#[derive(Debug)]
pub(crate) enum Expected {
    /// Any row, or none.
    Any,
    /// A row equal to this line.
    Row(Box<[u8]>),
    /// No row.
    Absent,
}

impl Wanted {
    /// Returns the attributes of the row, and its record; `None` for a row that shall not exist.
    pub(crate) fn row(&self, names: LabelNames) -> Result<Option<(Attributes, Record)>, CliError> {
        let Some(attributes) = self.attributes()? else { return Ok(None) };
        let record = Record::of(attributes.clone(), names).map_err(|error| unread(&error.to_string()))?;
        Ok(Some((attributes, record)))
    }

    /// Returns the attributes of the row. They were read without a fault before.
    pub(super) fn attributes(&self) -> Result<Option<Attributes>, CliError> {
        self.line.as_deref().map(|line| store::read_line(line).map_err(|fault| unread(&fault))).transpose()
    }

    /// Returns whether the row of the table may be changed.
    pub(super) fn expects(&self, found: Option<&Attributes>) -> Result<bool, CliError> {
        Ok(match (&self.expected, found) {
            (Expected::Any, _) | (Expected::Absent, None) => true,
            (Expected::Row(line), Some(found)) => {
                same_row(&store::read_line(line).map_err(|fault| unread(&fault))?, found)
            }
            (Expected::Absent, Some(_)) | (Expected::Row(_), None) => false,
        })
    }

    /// Returns the number of bytes of the line.
    pub(super) fn size(&self) -> usize {
        self.line.as_ref().map_or(0, |line| line.len())
    }
}

fn unread(fault: &str) -> CliError {
    CliError::Refused(format!("cannot read a line again: {fault}"))
}

impl Backup {
    /// Reads the files; `-` is standard input. Collects faults.
    pub(crate) fn read(files: &[PathBuf], names: LabelNames) -> Result<Self, CliError> {
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

    /// Adds a row, or a row that shall not exist.
    pub(crate) fn add(&mut self, (job, name): (Job, GroupName), line: Option<Box<[u8]>>, expected: Expected) {
        self.rows.entry(job).or_default().insert(name, Wanted { line, expected, place: None });
    }

    /// Returns the jobs of the rows.
    pub(super) fn jobs(&self) -> impl ExactSizeIterator<Item = &Job> {
        self.rows.keys()
    }

    /// Returns the rows of a job, by name.
    pub(super) fn of_job(&self, job: &Job) -> impl Iterator<Item = (&GroupName, &Wanted)> {
        self.rows.get(job).into_iter().flatten()
    }

    /// Returns the row with this key.
    pub(super) fn wanted(&self, job: &Job, name: &GroupName) -> Option<&Wanted> {
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
        if let Some((file, line)) = self.wanted(&job, &name).and_then(|before| before.place) {
            let place = place(&self.files[file], line);
            let (job, name) = (excerpt(job.as_str()), excerpt(name.as_str()));
            return self.fault(number, &format!("group {name} of job {job} is already at {place}"));
        }
        let place = Some((self.files.len() - 1, number));
        let wanted = Wanted { line: Some(text.into()), expected: Expected::Any, place };
        self.rows.entry(job).or_default().insert(name, wanted);
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
