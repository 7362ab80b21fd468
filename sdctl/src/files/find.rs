//! Finding files, in folders and by patterns, and reading their bytes.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use http_sd_lambda::group::{Job, excerpt};

use super::{
    contents::ReadFile,
    fault::Problem,
    place::Place,
    reader::{Reader, STANDARD_INPUT, Source, format_of, job_by_name},
};

impl Reader {
    /// Reads a file, the files of a folder that end in `.json`, `.yml` or `.yaml`, or standard input for `-`. What was
    /// read for the same job before is not read again.
    ///
    /// `job` is the job of lists of groups; without it a list's job is its file's name. A Prometheus configuration
    /// names its jobs itself.
    pub fn read(&mut self, path: &Path, job: Option<&Job>) {
        if path == Path::new(STANDARD_INPUT) || !path.is_dir() {
            return self.read_given(path, job);
        }
        match files_of(path) {
            Ok(files) if files.is_empty() => {
                self.unreadable(path, "has no file that ends in .json, .yml or .yaml".into());
            }
            Ok(files) => {
                for file in files {
                    match fs::metadata(&file) {
                        // To read a pipe may take for ever.
                        Ok(metadata) if !metadata.is_file() => {
                            self.unreadable(&file, "is not a file: move it out of the folder".into());
                        }
                        _ => self.read_given(&file, job),
                    }
                }
            }
            Err(error) => self.unreadable(path, format!("cannot be read: {error}")),
        }
    }

    /// Reads a file of the command line, once.
    fn read_given(&mut self, path: &Path, job: Option<&Job>) {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let as_configuration = (real.clone(), None);
        let as_list = (real, job.cloned().or_else(|| job_by_name(path)));
        if self.given.contains(&as_configuration) || !self.given.insert(as_list) {
            return;
        }
        let this = self.files.len();
        self.read_file(path, job);
        if self.files.get(this).is_some_and(|file| file.configuration) {
            self.given.insert(as_configuration);
        }
    }

    pub(super) fn read_file(&mut self, path: &Path, job: Option<&Job>) {
        let bytes = if path == Path::new(STANDARD_INPUT) {
            let mut bytes = Vec::new();
            io::stdin().read_to_end(&mut bytes).map(|_| bytes)
        } else {
            fs::read(path)
        };
        match bytes.map(String::from_utf8) {
            Ok(Ok(text)) => self.read_text(path, &text, job),
            Ok(Err(error)) => {
                let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = good.split(|byte| *byte == b'\n').count();
                let place = Place { line: Some(line), ..whole(path) };
                let (name, format) = (place.file.clone(), format_of(path, ""));
                self.files.push(ReadFile { name, format, configuration: false });
                self.problem(place, Problem::NotUtf8);
            }
            Err(error) => self.unreadable(path, format!("cannot be read: {error}")),
        }
    }

    /// The files that a pattern of a configuration names. That there is none may be meant only where it has a `*`.
    pub(super) fn matching(&mut self, source: &Source, at: &Place, pattern: &str) -> Vec<PathBuf> {
        let Some(folder) = source.folder.to_str() else {
            let problem = format!("names files in the folder {}, whose name must be UTF-8", shown(&source.folder));
            self.problem(at.clone(), Problem::File(problem));
            return Vec::new();
        };
        let whole = Path::new(&glob::Pattern::escape(folder)).join(pattern);
        let found = match glob::glob(&whole.to_string_lossy()) {
            Ok(found) => found,
            Err(error) => {
                let problem = format!("has the pattern {pattern:?}, which is wrong: {}", error.msg);
                self.problem(at.clone(), Problem::File(problem));
                return Vec::new();
            }
        };
        let (mut paths, mut unreadable) = (Vec::new(), false);
        for path in found {
            match path {
                Ok(path) if fs::metadata(&path).is_ok_and(|metadata| !metadata.is_file()) => {
                    unreadable = true;
                    let problem = format!("names {}, which is not a file", shown(&path));
                    self.problem(at.clone(), Problem::File(problem));
                }
                Ok(path) => paths.push(path),
                Err(error) => {
                    unreadable = true;
                    let problem =
                        format!("names files in {}, which cannot be read: {}", shown(error.path()), error.error());
                    self.problem(at.clone(), Problem::File(problem));
                }
            }
        }
        paths.sort();
        if !paths.is_empty() || unreadable {
            return paths;
        }
        if pattern.contains('*') {
            self.note(at.clone(), format!("{pattern:?} names no file"));
        } else {
            self.problem(at.clone(), Problem::NoSuchFile(pattern.into()));
        }
        paths
    }

    fn unreadable(&mut self, path: &Path, problem: String) {
        self.problem(whole(path), Problem::File(problem));
    }
}

fn whole(path: &Path) -> Place {
    Place { file: path.display().to_string().into(), line: None, job: None, group: None }
}

/// A path in an error, which it must leave on one line.
fn shown(path: &Path) -> String {
    excerpt(&path.to_string_lossy())
}

/// What a folder has by the names of lists, but for its folders: also what cannot be read, and would be missed.
fn files_of(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let is_list = ["json", "yml", "yaml"].iter().any(|known| extension.eq_ignore_ascii_case(known));
        if is_list && !entry.file_type()?.is_dir() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, os::unix};

    use http_sd_lambda::group::LabelNames;
    use tempfile::TempDir;

    use super::*;

    fn read(paths: &[&Path], job: Option<&str>) -> Reader {
        let mut reader = Reader::new(LabelNames::Legacy);
        let job = job.map(|job| Job::new(job).unwrap());
        for path in paths {
            reader.read(path, job.as_ref());
        }
        reader
    }

    fn faults(reader: &Reader) -> Vec<String> {
        reader.faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_a_folder_has_and_cannot_be_read_is_a_fault() {
        let folder = TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("good.json"), r#"[{"targets":["a:1"]}]"#).unwrap();
        fs::create_dir(at("folder.yml")).unwrap();
        fs::write(at("README"), "no list").unwrap();
        unix::fs::symlink("gone", at("dangling.yml")).unwrap();
        unix::fs::symlink("looping.yaml", at("looping.yaml")).unwrap();
        unix::fs::symlink("folder.yml", at("linked.JSON")).unwrap();
        let reader = read(&[folder.path()], None);
        let expected =
            ["dangling.yml: cannot be read: ", "linked.JSON: is not a file", "looping.yaml: cannot be read: "];
        let faults = faults(&reader);
        assert_eq!((faults.len(), reader.groups.len()), (3, 1), "{faults:?}");
        for (fault, expected) in faults.iter().zip(expected) {
            assert!(fault.contains(expected), "{fault}");
        }
    }

    #[test]
    fn a_pattern_whose_folder_cannot_be_read_is_a_fault() {
        use std::os::unix::ffi::OsStrExt;
        let folder = TempDir::new().unwrap();
        let odd = folder.path().join(OsStr::from_bytes(b"\xff"));
        fs::create_dir(&odd).unwrap();
        let file = odd.join("prometheus.yml");
        fs::write(&file, "scrape_configs: [{job_name: x, file_sd_configs: [{files: ['*.json']}]}]\n").unwrap();
        fs::write(odd.join("a.json"), "[]").unwrap();
        let faults = faults(&read(&[&file], None));
        assert!(faults.len() == 1 && faults[0].ends_with("whose name must be UTF-8"), "{faults:?}");
    }

    #[test]
    fn a_file_is_read_once_for_a_job_however_it_is_named() {
        let folder = TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("k.yml"), "- targets: [a:1]\n").unwrap();
        unix::fs::symlink("k.yml", at("l.yml")).unwrap();
        let (file, odd, link) = (at("k.yml"), folder.path().join(".").join("k.yml"), at("l.yml"));
        assert_eq!(read(&[&file, &odd, &file], None).groups.len(), 1);
        // A link has a name of its own, and so a job.
        assert_eq!(read(&[folder.path(), &file, &link], None).groups.len(), 2);
        assert_eq!(read(&[folder.path(), &file, &link], Some("x")).groups.len(), 1);
        let configuration = "scrape_configs:\n- job_name: a\n  file_sd_configs: [{files: [k.yml]}]\n\
                             - job_name: b\n  file_sd_configs: [{files: [k.yml]}]\n";
        fs::write(at("k.conf"), configuration).unwrap();
        unix::fs::symlink("k.conf", at("l.conf")).unwrap();
        assert_eq!(read(&[&at("k.conf"), &at("l.conf"), &file], None).groups.len(), 3);
    }
}
