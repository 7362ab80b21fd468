//! Checks files.

use std::{
    collections::{HashMap, HashSet},
    fmt::{self, Display, Formatter},
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    rc::Rc,
};

use http_sd_lambda::group::{Job, LabelName, LabelNames, META_JOB, excerpt};
use serde::Serialize;

use super::{
    finding::{At, Finding, Report},
    profile::{Form, Profile},
    scrape, size, twice,
};
use crate::{
    error::CliError,
    files::{Advice, FileFault, FileGroup, Problem, Reader},
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
pub(super) fn check(paths: &[PathBuf], job: Option<&Job>, profile: Profile) -> Result<Report<Summary>, CliError> {
    let mut reader = Reader::new(profile.label_names()).for_poller(profile);
    for path in paths {
        readable(path).map_err(|source| CliError::Read { file: path.clone(), source })?;
        reader.read(path, job);
    }
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
    size::check(&reader.groups, &mut findings)?;
    findings.extend(refused_elsewhere(&reader.groups, profile));
    findings.extend(unaskable(&reader.groups));
    findings.extend(variables(&reader.groups, profile));
    for note in reader.notes.iter().chain(&reader.unjudged).chain(&reader.remote) {
        findings.push(Finding::note(At::Place(note.place.clone()), note.text.clone()));
    }
    for note in &reader.unmatched {
        let poller = profile.name();
        let consequence = format!("{poller} finds no target there");
        findings.push(Finding::warning(At::Place(note.place.clone()), "", note.text.clone(), consequence));
    }
    for Advice { place, text, consequence, .. } in
        reader.advice.iter().filter(|advice| advice.poller.is_none_or(|poller| poller == profile))
    {
        findings.push(Finding::warning(At::Place(place.clone()), "", text.clone(), consequence.clone()));
    }
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

/// Returns a warning for each job that only the list of all jobs can contain: no URL can name the job.
fn unaskable(groups: &[FileGroup]) -> impl Iterator<Item = Finding> {
    let mut said = HashSet::new();
    groups.iter().filter(move |group| !group.job.fits_a_url() && said.insert(&group.job)).map(|group| {
        let problem = "belongs to a job whose name does not fit a URL: it contains a slash, a backslash or a control \
                       character, or is . or ..";
        let selector = format!("{{{META_JOB}={}}}", excerpt(group.job.as_str()));
        let consequence = format!("the function rejects /prom/{{job}}: poll /prom with match[]={selector}");
        Finding::warning(At::Place(group.place.clone()), "", problem.into(), consequence)
    })
}

/// Returns a warning for each group with a variable that has no value. `sdctl` and vmagent replace the others.
fn variables(groups: &[FileGroup], profile: Profile) -> impl Iterator<Item = Finding> {
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
