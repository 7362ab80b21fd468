//! Arguments shared by several commands.

use std::time::Duration;

use clap::Args;
use http_sd_lambda::{
    config::{self, variable},
    group::{Fault, GroupName, Job, LabelName, LabelNames, Labels, Lease, StoredGroup, Target, TargetGroup},
};

use crate::{error::CliError, store};

/// The arguments that describe one group.
#[derive(Debug, Args)]
pub(crate) struct GroupArguments {
    /// Job of the group, the last part of its URL /prom/JOB
    job: String,
    /// Name of the group within the job
    group: String,
    /// Add this target, `host:port` or a URL; repeatable
    #[arg(short, long = "target", value_name = "TARGET", required = true)]
    targets: Vec<String>,
    /// Add this label to all targets of the group; repeatable
    #[arg(short, long = "label", value_name = "NAME=VALUE", value_parser = pair)]
    labels: Vec<Pair>,
}

impl GroupArguments {
    /// Returns the group, without a lease.
    pub(crate) fn group(&self) -> Result<StoredGroup, CliError> {
        let names = config::settings(&variable)?.label_names;
        let group = StoredGroup {
            job: job(&self.job)?,
            name: group(&self.group)?,
            lease: Lease::default(),
            group: TargetGroup { targets: targets(&self.targets)?, labels: labels(&self.labels, names)? },
        };
        if store::fits(&group) { Ok(group) } else { Err(CliError::too_large(&group)) }
    }
}

pub(crate) fn job(text: &str) -> Result<Job, CliError> {
    Job::new(text).map_err(wrong("job", text))
}

pub(crate) fn group(text: &str) -> Result<GroupName, CliError> {
    GroupName::new(text).map_err(wrong("group", text))
}

pub(crate) fn targets(texts: &[String]) -> Result<Vec<Target>, CliError> {
    texts.iter().map(|text| Target::new(text.as_str()).map_err(wrong("target", text))).collect()
}

/// Parses labels. A repeated name is an error.
fn labels(pairs: &[Pair], names: LabelNames) -> Result<Labels, CliError> {
    let mut labels = Labels::new();
    for Pair { name, value } in pairs {
        if labels.insert(label_name(name, names)?, value.clone()).is_some() {
            return Err(wrong("label", name)(Fault::Repeated));
        }
    }
    Ok(labels)
}

pub(crate) fn label_name(text: &str, names: LabelNames) -> Result<LabelName, CliError> {
    LabelName::new(text, names).map_err(wrong("label", text))
}

/// Parses the name of a set: 1 to 255 bytes without control characters.
pub(crate) fn set(text: &str) -> Result<String, CliError> {
    const MOST: usize = 255;
    let wrong = wrong("set", text);
    match text.len() {
        0 => Err(wrong(Fault::Empty)),
        1..=MOST if text.chars().any(char::is_control) => Err(wrong(Fault::Blank)),
        1..=MOST => Ok(text.to_owned()),
        found => Err(wrong(Fault::TooLong { found, most: MOST })),
    }
}

fn wrong(what: &'static str, value: &str) -> impl FnOnce(Fault) -> CliError {
    let value = value.to_owned();
    move |fault| CliError::Argument { what, value, fault }
}

/// A label on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Parses `name=value`.
pub(crate) fn pair(text: &str) -> Result<Pair, String> {
    let (name, value) = text.split_once('=').ok_or("use NAME=VALUE")?;
    Ok(Pair { name: name.into(), value: value.into() })
}

/// Parses a duration such as `90s`, `15m`, `1h 30m` or `7d`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|e| format!("{e}. Use a duration such as 90s, 15m or 1h30m"))
}

/// Parses a time to live: whole seconds, at least one.
pub(crate) fn ttl(text: &str) -> Result<Duration, String> {
    let ttl = duration(text)?;
    if ttl.as_secs() == 0 || ttl.subsec_nanos() != 0 {
        return Err("a time to live must be a whole number of seconds, at least 1".into());
    }
    Ok(ttl)
}
