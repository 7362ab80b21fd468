//! Checks that lists fit a buffered response.

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

/// The sizes of the lists of jobs.
#[derive(Default)]
pub(super) struct Sizes {
    /// The bytes of each job's list, and the place of its first group.
    jobs: BTreeMap<Job, (usize, Place)>,
    /// The JSON of the last group.
    json: Vec<u8>,
}

impl Sizes {
    /// Adds a group to the list of its job.
    pub(super) fn add(&mut self, group: &FileGroup) -> Result<(), CliError> {
        self.json.clear();
        serde_json::to_writer(&mut self.json, &group.group).map_err(std::io::Error::from)?;
        let bytes = buffered_bytes(&self.json) + 1;
        let entry = self.jobs.entry(group.job.clone());
        let place = || Place { group: None, name: None, ..group.place.clone() };
        entry.or_insert_with(|| (BRACKETS, place())).0 += bytes;
        Ok(())
    }

    /// Warns if the list of a job, or of all jobs, exceeds a buffered response.
    pub(super) fn check(self, findings: &mut Vec<Finding>) {
        let all = self.jobs.values().map(|(bytes, _)| bytes - BRACKETS).sum::<usize>() + BRACKETS;
        let several = self.jobs.len() > 1;
        for (bytes, place) in self.jobs.into_values().filter(|(bytes, _)| *bytes > MOST_BUFFERED) {
            findings.push(too_large(At::Place(place), "the list of this job", bytes));
        }
        if several && all > MOST_BUFFERED {
            findings.push(too_large(At::All, "the list of all jobs, GET /prom,", all));
        }
    }
}

fn too_large(at: At, what: &str, bytes: usize) -> Finding {
    let problem = format!("{what} needs {bytes} bytes in a buffered response, which holds at most {MOST_BUFFERED}");
    let consequence =
        "the function responds with 500 response_too_large unless HTTP_SD_RESPONSE_MODE is stream".to_owned();
    Finding::warning(at, "", problem, consequence)
}
