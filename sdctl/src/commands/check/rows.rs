//! Checks the rows of the table.

use std::{
    fmt::{self, Display, Formatter},
    mem,
};

use http_sd_lambda::group::{EpochSeconds, Job};
use serde::Serialize;

use super::{
    files::{variables, warning},
    finding::{At, Finding, Report, Severity},
    profile::Profile,
    scrape,
    size::Sizes,
    twice,
};
use crate::{
    commands::{
        selection::{Found, SelectionOptions, Standing},
        tally::Tally,
        times,
    },
    error::CliError,
    files::{FileGroup, Place, without_url},
    store::{MOST_IN_ROW, connection::TableOptions, is_nearly_full, row_size},
    terminal::text::{Count, printable},
};

/// The numbers of the table.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    table: String,
    jobs: usize,
    #[serde(flatten)]
    tally: Tally,
}

/// Judges rows. Rows of a job must follow each other; memory holds those of one job.
struct Judge {
    profile: Profile,
    now: EpochSeconds,
    sizes: Sizes,
    /// The jobs so far.
    jobs: usize,
    /// The job of the last row.
    job: Option<Job>,
    /// The rows of this job.
    tally: Tally,
    /// The groups of this job that a poll serves.
    served: Vec<FileGroup>,
    /// The latest end of a kept group of this job.
    kept_until: Option<EpochSeconds>,
    findings: Vec<Finding>,
}

/// Reads and judges all rows.
pub(super) async fn check(table: &TableOptions, profile: Profile) -> Result<Report<Summary>, CliError> {
    let connection = table.open_to_read().await?;
    connection.store.table().ensure_key().await.map_err(|error| connection.error(error))?;
    let mut judge = Judge {
        profile,
        now: EpochSeconds::now(),
        sizes: Sizes::default(),
        jobs: 0,
        job: None,
        tally: Tally::default(),
        served: Vec::new(),
        kept_until: None,
        findings: Vec::new(),
    };
    let mut tally = Tally::default();
    let all = SelectionOptions::default().selection(None, &[])?;
    // The size of a row includes the user's own attributes.
    let mut rows = all.rows(&connection, true, judge.now).await?.judged();
    while let Some(page) = rows.next().await? {
        for row in page {
            tally.add(&row, judge.now);
            judge.row(row)?;
        }
    }
    judge.end_job();
    let Judge { sizes, jobs, mut findings, .. } = judge;
    sizes.check(&mut findings);
    if tally.rows() == 0 {
        let poller = profile.name();
        let consequence = format!("{poller} drops every target");
        findings.push(Finding::warning(At::All, "", "the table has no rows".into(), consequence));
    }
    findings.sort_by(|a, b| job(a).cmp(&job(b)));
    Ok(Report { findings, summary: Summary { table: printable(&connection.location.to_string()), jobs, tally } })
}

/// Returns a key that sorts findings by job. Those about all jobs come last.
fn job(finding: &Finding) -> (bool, Option<&str>) {
    match &finding.at {
        At::Place(place) => (false, place.job.as_deref()),
        At::All | At::Url(_) => (true, None),
    }
}

impl Judge {
    fn row(&mut self, row: Found) -> Result<(), CliError> {
        if self.job.as_ref() != Some(&row.record.job) {
            self.end_job();
            self.job = Some(row.record.job.clone());
            self.jobs += 1;
        }
        let place = Place::of_row(&row.record.job, Some(&row.record.name));
        self.tally.add(&row, self.now);
        if let Some((attribute, effect)) = times::milliseconds(row.record.lease) {
            let problem = "looks like milliseconds: write seconds".to_owned();
            self.findings.push(Finding::warning(At::Place(place.clone()), attribute, problem, effect.into()));
        }
        let bytes = row.item.as_ref().map_or(0, row_size);
        if is_nearly_full(bytes) {
            let problem = format!("has {bytes} of the {MOST_IN_ROW} bytes of a row: split it into several groups");
            let consequence = "DynamoDB rejects a larger row".to_owned();
            self.findings.push(Finding::warning(At::Place(place.clone()), "", problem, consequence));
        }
        match row.standing(self.now) {
            Standing::Broken(fault) => {
                let poller = self.profile.name();
                let consequence = format!(
                    "polls of the job fail, and {poller} keeps its old targets, unless HTTP_SD_ON_INVALID is skip"
                );
                self.findings.push(Finding {
                    severity: Severity::Fault,
                    at: At::Place(place),
                    field: fault.field.clone(),
                    quoted: false,
                    problem: fault.fault.to_string(),
                    consequence: Some(consequence),
                });
                return Ok(());
            }
            Standing::Expired => return Ok(()),
            Standing::Kept(_, until) => self.kept_until = self.kept_until.max(Some(until)),
            Standing::Active(_) => {}
        }
        if let Ok(group) = row.record.group {
            let group = FileGroup { job: row.record.job, group, place, readdressed: false };
            self.sizes.add(&group)?;
            self.served.push(group);
        }
        Ok(())
    }

    /// Judges the rows of the last job together.
    fn end_job(&mut self) {
        let Some(job) = self.job.take() else { return };
        let tally = mem::take(&mut self.tally);
        let served = mem::take(&mut self.served);
        let findings = &mut self.findings;
        for group in &served {
            scrape::Check { profile: self.profile, to_be_served: true, findings }.group(group);
        }
        twice::check(&served, findings);
        twice::check_other_labels(&served, findings);
        findings.extend(without_url(&served).map(warning));
        findings.extend(variables(&served, self.profile));
        let at = || At::Place(Place::of_row(&job, None));
        if let Some(until) = self.kept_until.take() {
            let problem = format!("has {} with leases that lapsed together", Count(tally.kept, "group"));
            let consequence = format!("the function serves them at most until {}", times::utc(until));
            findings.push(Finding::warning(at(), "", problem, consequence));
        }
        if tally.expired > 0 {
            let rows = Count(tally.expired, "row");
            findings.push(Finding::note(at(), format!("has {rows} with an expired lease: the function omits them")));
        }
        if tally.targets == 0 && tally.broken == 0 {
            let poller = self.profile.name();
            let consequence = format!("{poller} drops every target of the job");
            findings.push(Finding::warning(at(), "", "has no targets to serve".into(), consequence));
        }
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { table, jobs, tally } = self;
        write!(f, " in {table}: {}, {tally}", Count(*jobs, "job"))
    }
}
