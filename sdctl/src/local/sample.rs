//! The sample fleet that `sdctl serve --sample` adds to an empty table.

use http_sd_lambda::group::{Fault, GroupName, Job, LabelName, LabelNames, Lease, StoredGroup, Target, TargetGroup};

/// Job, group, targets, labels.
type SampleGroup = (&'static str, &'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

const FLEET: &[SampleGroup] = &[
    (
        "node_exporter",
        "web-eu-central-1",
        &["web-1.eu-central-1.example.internal:9100", "web-2.eu-central-1.example.internal:9100"],
        &[("env", "prod"), ("region", "eu-central-1"), ("role", "web"), ("team", "shop")],
    ),
    (
        "node_exporter",
        "web-us-east-1",
        &["web-1.us-east-1.example.internal:9100", "web-2.us-east-1.example.internal:9100"],
        &[("env", "prod"), ("region", "us-east-1"), ("role", "web"), ("team", "shop")],
    ),
    (
        "node_exporter",
        "db-eu-central-1",
        &["db-1.eu-central-1.example.internal:9100", "db-2.eu-central-1.example.internal:9100"],
        &[("env", "prod"), ("region", "eu-central-1"), ("role", "db"), ("team", "data")],
    ),
    ("node_exporter", "staging", &["staging-1.example.internal:9100"], &[("env", "staging"), ("team", "shop")]),
    (
        "mysqld_exporter",
        "db-eu-central-1",
        &["db-1.eu-central-1.example.internal:9104", "db-2.eu-central-1.example.internal:9104"],
        &[("env", "prod"), ("region", "eu-central-1"), ("team", "data")],
    ),
    (
        "blackbox",
        "public-pages",
        &["https://www.example.com/", "https://shop.example.com/health"],
        &[("env", "prod"), ("__param_module", "http_2xx"), ("team", "shop")],
    ),
];

/// Returns the groups of the sample fleet.
///
/// # Errors
/// [`Fault`] if the sample violates the data model; a test proves that it does not.
pub fn sample() -> Result<Vec<StoredGroup>, Fault> {
    FLEET.iter().map(stored).collect()
}

fn stored((job, name, targets, labels): &SampleGroup) -> Result<StoredGroup, Fault> {
    let targets = targets.iter().map(|target| Target::new(*target)).collect::<Result<_, _>>()?;
    let labels = labels
        .iter()
        .map(|(name, value)| Ok((LabelName::new(*name, LabelNames::Legacy)?, (*value).to_owned())))
        .collect::<Result<_, Fault>>()?;
    Ok(StoredGroup {
        job: Job::new(*job)?,
        name: GroupName::new(*name)?,
        lease: Lease::default(),
        group: TargetGroup { targets, labels },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sample_is_valid_and_has_the_example_job() {
        let groups = sample().unwrap();
        assert!(groups.iter().filter(|g| g.job.as_str() == "node_exporter").count() > 1);
    }
}
