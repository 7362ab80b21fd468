//! Warns of entries that Prometheus accepts, but does not scrape as intended.

use std::time::Duration;

use http_sd_lambda::group::{META_GROUP, META_JOB, Target, excerpt};

use super::{
    finding::{At, Finding},
    profile::Profile,
};
use crate::{
    files::{FileGroup, address, duration},
    terminal::text::Count,
};

/// Prometheus's default `scrape_interval`.
const DEFAULT_INTERVAL: Duration = Duration::from_mins(1);
/// Prometheus's default `scrape_timeout`.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

const SCHEME: &str = "__scheme__";
const INTERVAL: &str = "__scrape_interval__";
const TIMEOUT: &str = "__scrape_timeout__";

const IS_ZERO: &str = "is zero, but must be longer";

/// Checks groups and adds warnings to `findings`.
pub(super) struct Check<'a> {
    pub(super) profile: Profile,
    /// Whether the function will serve the group and may add labels for `?meta=true`.
    pub(super) to_be_served: bool,
    pub(super) findings: &'a mut Vec<Finding>,
}

/// The non-empty labels that configure a scrape.
#[derive(Default)]
struct Steering<'g> {
    scheme: Option<&'g str>,
    interval: Option<&'g str>,
    timeout: Option<&'g str>,
    probing: bool,
}

impl Check<'_> {
    pub(super) fn group(&mut self, group: &FileGroup) {
        let mut steering = Steering::default();
        for (name, value) in &group.group.labels {
            match name.as_str() {
                name @ (META_JOB | META_GROUP) if self.to_be_served => self.meta(group, name),
                _ if value.is_empty() => {}
                SCHEME => steering.scheme = Some(value),
                INTERVAL => steering.interval = Some(value),
                TIMEOUT => steering.timeout = Some(value),
                name => steering.probing |= address::PROBING.contains(&name),
            }
        }
        if group.group.targets.is_empty() {
            let poller = self.profile.name();
            let consequence = format!("{poller} scrapes nothing for this group");
            self.warn(group, "", "has no targets".into(), consequence);
        }
        if let Some(scheme) = steering.scheme.filter(|scheme| !["http", "https"].contains(scheme)) {
            let problem = format!("is {}, but must be http or https", excerpt(scheme));
            self.warn(group, &label(SCHEME), problem, "the poller gets no metrics of this group".into());
        }
        // The address is what the prober probes, not what is scraped.
        steering.probing |= group.readdressed;
        if !steering.probing {
            self.addresses(group);
        }
        // vmagent accepts URLs as addresses.
        if self.profile.is_prometheus() {
            if !steering.probing {
                self.urls(group);
            }
            self.times(group, &steering);
        } else {
            self.times_of_vmagent(group, &steering);
        }
    }

    fn meta(&mut self, group: &FileGroup, name: &str) {
        self.warn(
            group,
            &label(name),
            "is a label that the function adds".into(),
            "?meta=true replaces its value".into(),
        );
    }

    fn addresses(&mut self, group: &FileGroup) {
        for (i, target) in group.group.targets.iter().enumerate().filter(|(_, target)| !target.as_str().contains('/')) {
            if let Some(wrong) = address::wrong(target.as_str()) {
                let problem = format!("{} {}", excerpt(target.as_str()), wrong.problem);
                let refuses = if self.to_be_served && wrong.is_hopeless { ". sdctl apply refuses it" } else { "" };
                self.warn(group, &format!("targets[{i}]"), problem, format!("{}{refuses}", wrong.consequence));
            }
        }
    }

    fn urls(&mut self, group: &FileGroup) {
        let is_url = |target: &&Target| target.as_str().contains('/');
        let Some((i, first)) = group.group.targets.iter().enumerate().find(|(_, target)| is_url(target)) else {
            return;
        };
        let problem = match group.group.targets[i + 1..].iter().filter(is_url).count() {
            0 => format!("{} contains \"/\"", excerpt(first.as_str())),
            more => {
                format!("{} contains \"/\", like {} of the group", excerpt(first.as_str()), Count(more, "more target"))
            }
        };
        let poller = self.profile.name();
        let consequence =
            format!("{poller} drops it unless the job relabels it, as for blackbox probing (label __param_module)");
        self.warn(group, &format!("targets[{i}]"), problem, consequence);
    }

    fn times(&mut self, group: &FileGroup, steering: &Steering<'_>) {
        let interval = steering.interval.map(|text| self.time(group, INTERVAL, text));
        let timeout = steering.timeout.map(|text| self.time(group, TIMEOUT, text));
        let drops = self.drops();
        match (interval, timeout) {
            (Some(Some(interval)), Some(Some(timeout))) if timeout > interval => {
                self.warn(group, &label(TIMEOUT), format!("is longer than {}", label(INTERVAL)), drops);
            }
            (Some(Some(interval)), None) if interval < DEFAULT_TIMEOUT => {
                let problem = format!("is shorter than the default time-out, 10s, and {TIMEOUT} is missing");
                self.warn(
                    group,
                    &label(INTERVAL),
                    problem,
                    format!("{drops} unless the job's scrape_timeout is at most as long"),
                );
            }
            (None, Some(Some(timeout))) if timeout > DEFAULT_INTERVAL => {
                let problem = format!("is longer than the default interval, 1m, and {INTERVAL} is missing");
                let unless = format!("{drops} unless the job's scrape_interval is at least as long");
                self.warn(group, &label(TIMEOUT), problem, unless);
            }
            _ => {}
        }
    }

    /// Parses a label's duration. Warns of an invalid duration and of zero.
    fn time(&mut self, group: &FileGroup, name: &str, text: &str) -> Option<Duration> {
        let time = duration::parse(text);
        let problem = match time {
            None => not_a_duration(text),
            Some(Duration::ZERO) => IS_ZERO.into(),
            Some(_) => return time,
        };
        self.warn(group, &label(name), problem, self.drops());
        None
    }

    /// Warns of invalid durations. vmagent reads other durations than Prometheus, and shortens a long time-out.
    fn times_of_vmagent(&mut self, group: &FileGroup, steering: &Steering<'_>) {
        for (name, text) in [(INTERVAL, steering.interval), (TIMEOUT, steering.timeout)] {
            let Some(text) = text else { continue };
            if !duration::is_of_vmagent(text) {
                self.warn(group, &label(name), not_a_duration(text), self.drops());
            } else if name == INTERVAL && !text.contains(|c: char| ('1'..='9').contains(&c)) {
                let poller = self.profile.name();
                self.warn(group, &label(name), IS_ZERO.into(), format!("{poller} stops with a panic"));
            }
        }
    }

    fn drops(&self) -> String {
        let poller = self.profile.name();
        format!("{poller} drops its targets")
    }

    fn warn(&mut self, group: &FileGroup, field: &str, problem: String, consequence: String) {
        self.findings.push(Finding::warning(At::Place(group.place.clone()), field, problem, consequence));
    }
}

fn not_a_duration(text: &str) -> String {
    format!("is {}, but must be a duration such as 30s or 1m30s", excerpt(text))
}

/// Returns the path of a label's field.
fn label(name: &str) -> String {
    format!("labels[{}]", excerpt(name))
}
