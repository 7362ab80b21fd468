//! The files that the command line or a folder there names, before their groups are collected.

use std::path::PathBuf;

use http_sd_lambda::group::Job;

use super::{
    contents::{Contents, Item, Note, ReadFile, Reference, Role},
    place::Place,
};
use crate::terminal::text::{Count, shortened};

/// A parsed file.
pub(super) struct Given<'a> {
    pub(super) path: PathBuf,
    /// The path without links.
    pub(super) real: PathBuf,
    /// A folder of the command line contains the file. Otherwise the command line names the file itself.
    pub(super) in_folder: bool,
    pub(super) job: Option<&'a Job>,
    pub(super) file: ReadFile,
    pub(super) contents: Contents,
}

/// The files of folders that are read only for the configurations that name them, by the place of the reference.
#[derive(Debug, Default)]
pub(super) struct Elsewhere(Vec<(Place, Vec<String>)>);

impl Given<'_> {
    /// Returns the position of the file in the order of reading.
    ///
    /// Configurations come first, and first those that name other configurations: a file that one of them names is no
    /// file of its own.
    pub(super) fn rank(&self) -> u8 {
        let names_configurations =
            |item: &Item| matches!(item, Item::Reference(Reference { role: Role::Nested(_), .. }));
        match self.contents.configuration {
            true if self.contents.items.iter().any(names_configurations) => 0,
            true => 1,
            false => 2,
        }
    }
}

impl Elsewhere {
    /// Adds a file that is named at this place.
    pub(super) fn add(&mut self, place: &Place, file: &str) {
        match self.0.iter_mut().find(|(known, _)| known == place) {
            Some((_, files)) => files.push(file.to_owned()),
            None => self.0.push((place.clone(), vec![file.to_owned()])),
        }
    }

    /// Returns a note for each place.
    pub(super) fn notes(self) -> impl Iterator<Item = Note> {
        self.0.into_iter().map(|(place, files)| {
            let (them, jobs) =
                if files.len() == 1 { ("it", "a job of its own") } else { ("them", "jobs of their own") };
            let text = format!(
                "names {} of the folder ({}): sdctl reads {them} only here, not as {jobs}",
                Count(files.len(), "file"),
                shortened(&files)
            );
            Note { place, text }
        })
    }
}
