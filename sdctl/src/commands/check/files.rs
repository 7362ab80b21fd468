//! Checks files.

use std::{
    collections::{HashMap, HashSet},
    fmt::{self, Display, Formatter},
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    rc::Rc,
};

use http_sd_lambda::group::{Job, LabelName, LabelNames, excerpt};
use serde::Serialize;

use super::{
    finding::{At, Finding, Report},
    profile::{Form, Profile},
    scrape,
    size::Sizes,
    twice,
};
use crate::{
    error::CliError,
    files::{Advice, FileFault, FileGroup, Place, Problem, Reader},
    terminal::text::Count,
};

/// The numbers of the files' content.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    files: usize,
    groups: usize,
    targets: usize,
}

/// Checks files and folders. `-` is standard input.
pub(super) fn check(
    paths: &[PathBuf],
    recursive: bool,
    job: Option<&Job>,
    profile: Profile,
) -> Result<Report<Summary>, CliError> {
    let mut reader = Reader::new(profile.label_names()).for_poller(profile).recursive(recursive);
    for path in paths {
        readable(path).map_err(|source| CliError::Read { file: path.clone(), source })?;
    }
    reader.read_all(paths, job);
    if let Some(fault) = reader.faults.iter().find(|fault| is_about_the_command_line(fault, paths)) {
        return Err(CliError::Refused(fault.to_string()));
    }
    let forms: HashMap<&str, Form> = reader.files.iter().map(|file| (&*file.name, Form::of(file))).collect();
    let form = |file: &Rc<str>| forms.get(&**file).copied().unwrap_or(Form::Yaml);

    let mut findings: Vec<Finding> =
        reader.faults.iter().map(|fault| of_fault(fault, form(&fault.place.file), profile)).collect();
    for group in &reader.groups {
        scrape::Check { profile, to_be_served: true, findings: &mut findings }.group(group);
    }
    twice::check(&reader.groups, &mut findings);
    let mut sizes = Sizes::default();
    for group in &reader.groups {
        sizes.add(group)?;
    }
    sizes.check(&mut findings);
    findings.extend(empty_lists(&reader, profile));
    findings.extend(refused_elsewhere(&reader.groups, profile));
    findings.extend(variables(&reader.groups, profile));
    for note in reader.notes.iter().chain(&reader.unjudged).chain(&reader.remote) {
        findings.push(Finding::note(At::Place(note.place.clone()), note.text.clone()));
    }
    for note in &reader.unmatched {
        let poller = profile.name();
        let consequence = format!("{poller} finds no target there");
        findings.push(Finding::warning(At::Place(note.place.clone()), "", note.text.clone(), consequence));
    }
    let advice = reader.advice.iter().filter(|advice| advice.poller.is_none_or(|poller| poller == profile));
    findings.extend(advice.cloned().map(warning));
    in_reading_order(&mut findings, &reader);

    let summary = Summary {
        files: forms.len(),
        groups: reader.groups.len() + broken_groups(&reader.faults),
        targets: reader.groups.iter().map(|group| group.group.targets.len()).sum(),
    };
    Ok(Report { findings, summary })
}

/// Returns the finding for a fault of a file.
pub(super) fn of_fault(fault: &FileFault, form: Form, profile: Profile) -> Finding {
    let (severity, consequence) = profile.judge(fault, form);
    Finding {
        severity,
        at: At::Place(fault.place.clone()),
        field: fault.field.clone(),
        quoted: fault.problem.is_about_a_name(),
        problem: fault.problem.to_string(),
        consequence,
    }
}

/// Returns the number of groups with faults. The faults of a group are consecutive.
pub(super) fn broken_groups(faults: &[FileFault]) -> usize {
    let of_groups = faults.iter().filter(|fault| fault.place.group.is_some());
    let mut places: Vec<_> = of_groups.map(|FileFault { place, .. }| (&place.file, &place.job, place.group)).collect();
    places.dedup();
    places.len()
}

/// Returns a warning for each list without groups.
fn empty_lists(reader: &Reader, profile: Profile) -> impl Iterator<Item = Finding> {
    let groups = reader.groups.iter().map(|group| &*group.place.file);
    let with_content: HashSet<&str> = groups.chain(reader.faults.iter().map(|fault| &*fault.place.file)).collect();
    let lists = reader.files.iter().filter(|file| !file.configuration);
    lists.filter(move |file| !with_content.contains(&*file.name)).map(move |file| {
        let place = Place { file: file.name.clone(), line: None, job: None, group: None, name: None };
        empty_list(At::Place(place), profile)
    })
}

/// Returns the warning for an empty list.
pub(super) fn empty_list(at: At, profile: Profile) -> Finding {
    let poller = profile.name();
    Finding::warning(at, "", "is an empty list".into(), format!("{poller} drops every target"))
}

/// Returns a note for the first label name that the poller accepts, but sdctl and the function reject by default.
fn refused_elsewhere(groups: &[FileGroup], profile: Profile) -> Option<Finding> {
    if profile.label_names() == LabelNames::Legacy {
        return None;
    }
    let legacy = |name: &LabelName| LabelName::new(name.as_str(), LabelNames::Legacy).is_ok();
    let (group, name) =
        groups.iter().find_map(|group| Some((group, group.group.labels.keys().find(|n| !legacy(n))?)))?;
    let poller = profile.name();
    let mut note = Finding::note(
        At::Place(group.place.clone()),
        format!(
            "is a valid name for {poller}, but sdctl apply and the function reject it unless HTTP_SD_LABEL_NAMES=utf8"
        ),
    );
    note.field = format!("labels[{}]", excerpt(name.as_str()));
    Some(note)
}

/// Returns the warning of advice on files.
pub(super) fn warning(Advice { place, text, consequence, .. }: Advice) -> Finding {
    Finding::warning(At::Place(place), "", text, consequence)
}

/// Returns a warning for each group with a variable that has no value. `sdctl` and vmagent replace the others.
pub(super) fn variables(groups: &[FileGroup], profile: Profile) -> impl Iterator<Item = Finding> {
    groups.iter().filter_map(move |group| {
        let variable = excerpt(group.variable()?);
        let poller = profile.name();
        let (problem, consequence) = if profile.is_prometheus() {
            let consequence =
                format!("{poller} reads it as it is written. Only vmagent replaces it, from its environment");
            (format!("contains the variable {variable}: write its value"), consequence)
        } else {
            let problem = format!("contains the variable {variable}, which has no value: set it or write its value");
            (problem, format!("{poller} replaces it only if its own environment has the value"))
        };
        Some(Finding::warning(At::Place(group.place.clone()), "", problem, consequence))
    })
}

/// Fails if the file is unreadable. Does not open pipes, because opening a pipe twice may end it.
fn readable(path: &Path) -> io::Result<()> {
    if path == Path::new("-") {
        return Ok(());
    }
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        fs::read_dir(path).map(|_| ())
    } else if metadata.is_file() {
        File::open(path).map(|_| ())
    } else {
        Ok(())
    }
}

/// Whether the fault concerns `--job` or its absence, not a file that a configuration names.
fn is_about_the_command_line(fault: &FileFault, paths: &[PathBuf]) -> bool {
    let file = Path::new(&*fault.place.file);
    matches!(fault.problem, Problem::Job(_)) && paths.iter().any(|path| file.starts_with(path))
}

/// Sorts by file and line. Findings without a file come last.
fn in_reading_order(findings: &mut [Finding], reader: &Reader) {
    let order: HashMap<&str, usize> = reader.files.iter().enumerate().map(|(i, file)| (&*file.name, i)).rev().collect();
    findings.sort_by_key(|finding| match &finding.at {
        At::Place(place) => (order.get(&*place.file).copied().unwrap_or(usize::MAX - 1), place.line),
        At::Url(_) | At::All => (usize::MAX, None),
    });
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { files, groups, targets } = self;
        write!(f, " in {}, {}, {}", Count(*files, "file"), Count(*groups, "group"), Count(*targets, "target"))
    }
}
