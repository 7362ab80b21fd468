//! The files of a folder that are named like lists, and what a folder contains besides.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    contents::{Advice, Note},
    place::Place,
};
use crate::terminal::text::{Count, shortened};

/// The suffixes of files that are read from a folder, in lower case.
const SUFFIXES: [&str; 3] = [".json", ".yml", ".yaml"];

/// The content of a folder. The names are relative to the folder.
#[derive(Debug, Default)]
pub(super) struct Folder {
    /// The files that are named like lists, sorted by path. Unreadable ones are included, so that reading them reports
    /// a fault.
    pub(super) files: Vec<PathBuf>,
    /// The folders that cannot be read.
    pub(super) unreadable: Vec<(PathBuf, io::Error)>,
    subfolders: Vec<String>,
    links: Vec<String>,
    /// Files whose names contain a suffix before their end, such as `node.yml.j2` and `node.json5`.
    almost: Vec<String>,
    hidden: Vec<String>,
    others: Vec<String>,
}

impl Folder {
    /// Lists a folder, with its subfolders if `recursive`. Links to folders are not followed, so no loop is endless.
    pub(super) fn list(path: &Path, recursive: bool) -> Self {
        let (mut this, mut left) = (Self::default(), vec![path.to_owned()]);
        while let Some(folder) = left.pop() {
            if let Err(error) = this.entries(path, &folder, recursive, &mut left) {
                this.unreadable.push((folder, error));
            }
        }
        this.files.sort();
        for names in [&mut this.subfolders, &mut this.links, &mut this.almost, &mut this.hidden, &mut this.others] {
            names.sort();
        }
        this
    }

    fn entries(&mut self, root: &Path, folder: &Path, recursive: bool, left: &mut Vec<PathBuf>) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            let mut relative = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            if kind.is_dir() {
                relative.push('/');
            }
            let name = entry.file_name().to_string_lossy().to_ascii_lowercase();
            if name.starts_with('.') {
                self.hidden.push(relative);
            } else if kind.is_dir() && recursive {
                left.push(path);
            } else if kind.is_dir() {
                self.subfolders.push(relative);
            } else if SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) {
                self.files.push(path);
            } else if path.is_dir() {
                self.links.push(relative);
            } else if SUFFIXES.iter().any(|suffix| name.contains(suffix)) {
                self.almost.push(relative);
            } else {
                self.others.push(relative);
            }
        }
        Ok(())
    }

    /// Returns what may contain targets, but is not read.
    pub(super) fn advice(&self, folder: &Place) -> impl Iterator<Item = Advice> {
        let kinds = [
            (&self.links, "linked folder", "name each on the command line"),
            (&self.almost, "file", "end each name in .json, .yml or .yaml, or move it away"),
        ];
        kinds.into_iter().filter(|(names, ..)| !names.is_empty()).map(|(names, noun, remedy)| Advice {
            place: folder.clone(),
            text: format!("leaves out {}: {remedy}", named(names, noun)),
            consequence: "sdctl reads no targets there".into(),
            poller: None,
        })
    }

    /// Returns one note on what is unlikely to contain targets. A folder such as `/etc/prometheus` has subfolders for
    /// rules and consoles.
    pub(super) fn note(&self, folder: &Place) -> Option<Note> {
        let kinds = [(&self.subfolders, "subfolder"), (&self.hidden, "hidden file"), (&self.others, "other file")];
        let kinds: Vec<String> =
            kinds.iter().filter(|(names, _)| !names.is_empty()).map(|(names, noun)| named(names, noun)).collect();
        let remedy = if self.subfolders.is_empty() { "" } else { ". --recursive reads subfolders too" };
        let (last, others) = kinds.split_last()?;
        let kinds = if others.is_empty() { last.clone() } else { format!("{} and {last}", others.join(", ")) };
        Some(Note { place: folder.clone(), text: format!("leaves out {kinds}{remedy}") })
    }
}

/// Returns the number of these names, and the first of them: `2 files (a.j2, b.j2)`.
fn named(names: &[String], noun: &str) -> String {
    format!("{} ({})", Count(names.len(), noun), shortened(names))
}
