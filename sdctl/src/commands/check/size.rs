//! Whether a buffered response holds the answers that files make.

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

/// The brackets of a list, less the comma that its last group is counted with.
const BRACKETS: usize = 1;

/// Warns of answers that a buffered response cannot carry: of a job, and of all jobs.
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
        findings.push(too_large(At::Place(place), "the answer for this job", *bytes));
    }
    let all = jobs.values().map(|(bytes, _)| bytes - BRACKETS).sum::<usize>() + BRACKETS;
    if jobs.len() > 1 && all > MOST_BUFFERED {
        findings.push(too_large(At::All, "the answer to GET /prom, for all jobs,", all));
    }
    Ok(())
}

fn too_large(at: At, what: &str, bytes: usize) -> Finding {
    let problem = format!("{what} takes {bytes} bytes in a buffered response, which holds {MOST_BUFFERED}");
    let consequence = "the function answers 500 response_too_large unless HTTP_SD_RESPONSE_MODE is stream".to_owned();
    Finding::warning(at, "", problem, consequence)
}
