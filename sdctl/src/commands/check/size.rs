//! Checks that the lists of the files fit a buffered response.

use std::collections::BTreeMap;

use http_sd_lambda::{
    group::Job,
    http::{MOST_BUFFERED, buffered_bytes},
};

use super::finding::{At, Finding};
use crate::{
    error::CliError,
    files::{FileGroup, Place},
};

/// The bytes of a list's brackets, less the comma that is counted after its last group.
const BRACKETS: usize = 1;

/// Warns if the list of a job, or of all jobs, exceeds a buffered response.
pub(super) fn check(groups: &[FileGroup], findings: &mut Vec<Finding>) -> Result<(), CliError> {
    let mut jobs: BTreeMap<&Job, (usize, &Place)> = BTreeMap::new();
    let mut json = Vec::new();
    for group in groups {
        json.clear();
        serde_json::to_writer(&mut json, &group.group).map_err(std::io::Error::from)?;
        jobs.entry(&group.job).or_insert((BRACKETS, &group.place)).0 += buffered_bytes(&json) + 1;
    }
    for (bytes, place) in jobs.values().filter(|(bytes, _)| *bytes > MOST_BUFFERED) {
        let place = Place { group: None, ..(*place).clone() };
        findings.push(too_large(At::Place(place), "the list of this job", *bytes));
    }
    let all = jobs.values().map(|(bytes, _)| bytes - BRACKETS).sum::<usize>() + BRACKETS;
    if jobs.len() > 1 && all > MOST_BUFFERED {
        findings.push(too_large(At::All, "the list of all jobs, GET /prom,", all));
    }
    Ok(())
}

fn too_large(at: At, what: &str, bytes: usize) -> Finding {
    let problem = format!("{what} needs {bytes} bytes in a buffered response, which holds at most {MOST_BUFFERED}");
    let consequence =
        "the function responds with 500 response_too_large unless HTTP_SD_RESPONSE_MODE is stream".to_owned();
    Finding::warning(at, "", problem, consequence)
}
