//! Arguments that several commands take.

use std::{fmt, time::Duration};

use http_sd_lambda::group::{Fault, GroupName, Job, LabelName, LabelNames, Labels, Target};

use crate::error::CliError;

pub(crate) fn job(text: &str) -> Result<Job, CliError> {
    Job::new(text).map_err(wrong("job", text))
}

pub(crate) fn group(text: &str) -> Result<GroupName, CliError> {
    GroupName::new(text).map_err(wrong("group", text))
}

pub(crate) fn targets(texts: &[String]) -> Result<Vec<Target>, CliError> {
    texts.iter().map(|text| Target::new(text.as_str()).map_err(wrong("target", text))).collect()
}

/// Labels from `name=value` each, with each name once.
pub(crate) fn labels(pairs: &[Pair], names: LabelNames) -> Result<Labels, CliError> {
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

/// The name of a set: 1 to 255 bytes of printable text.
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

/// A label as it is given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// `name=value`.
pub(crate) fn pair(text: &str) -> Result<Pair, String> {
    let (name, value) = text.split_once('=').ok_or("a label is written name=value")?;
    Ok(Pair { name: name.into(), value: value.into() })
}

/// A duration such as `90s`, `15m`, `1h 30m` or `7d`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|e| format!("{e}; write it as 90s, 15m or 1h30m"))
}

/// A time to live: whole seconds, at least one.
pub(crate) fn ttl(text: &str) -> Result<Duration, String> {
    let ttl = duration(text)?;
    if ttl.as_secs() == 0 || ttl.subsec_nanos() != 0 {
        return Err("a time to live is a whole number of seconds, and not zero".into());
    }
    Ok(ttl)
}

/// Counts, with a noun that agrees: `1 group`, `3 groups`.
pub(crate) struct Count<'a>(pub(crate) usize, pub(crate) &'a str);

impl fmt::Display for Count<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, noun) = self;
        write!(f, "{count} {noun}{}", if *count == 1 { "" } else { "s" })
    }
}
