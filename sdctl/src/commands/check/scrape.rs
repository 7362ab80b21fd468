//! What Prometheus would not scrape, although it takes the list.

use std::time::Duration;

use http_sd_lambda::group::{META_GROUP, META_JOB, Target, excerpt};

use super::{
    address,
    finding::{At, Finding},
    profile::Profile,
};
use crate::files::{FileGroup, duration};

/// How often Prometheus scrapes a job that says nothing of it.
const DEFAULT_INTERVAL: Duration = Duration::from_mins(1);
/// How long a scrape may take in a job that says nothing of it.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

const SCHEME: &str = "__scheme__";
const INTERVAL: &str = "__scrape_interval__";
const TIMEOUT: &str = "__scrape_timeout__";

/// Labels that only the blackbox way of probing has.
const PROBING: [&str; 2] = ["__param_module", "__param_target"];

/// What to warn of in a group.
pub(super) struct Check<'a> {
    pub(super) profile: Profile,
    /// Whether the group is to be served, so that `?meta=true` may add labels, rather than was.
    pub(super) to_be_served: bool,
    pub(super) findings: &'a mut Vec<Finding>,
}

/// The labels that steer a scrape; an empty one is as good as none.
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
                name => steering.probing |= PROBING.contains(&name),
            }
        }
        if group.group.targets.is_empty() {
            let consequence = format!("{} scrapes nothing for it", self.profile.name());
            self.warn(group, "", "has no targets".into(), consequence);
        }
        if let Some(scheme) = steering.scheme.filter(|scheme| !["http", "https"].contains(scheme)) {
            let problem = format!("is {}, neither http nor https", excerpt(scheme));
            self.warn(group, &label(SCHEME), problem, "every scrape fails, if there is one at all".into());
        }
        // The address is what the prober probes, not what is scraped.
        steering.probing |= group.readdressed;
        if !steering.probing {
            self.addresses(group);
        }
        // vmagent takes a URL for an address, reads durations of its own kind, and bends a time-out to its interval.
        if self.profile.is_prometheus() {
            if !steering.probing {
                self.urls(group);
            }
            self.times(group, &steering);
        }
    }

    fn meta(&mut self, group: &FileGroup, name: &str) {
        self.warn(group, &label(name), "is a label of ours".into(), "?meta=true replaces its value".into());
    }

    fn addresses(&mut self, group: &FileGroup) {
        for (i, target) in group.group.targets.iter().enumerate().filter(|(_, target)| !target.as_str().contains('/')) {
            if let Some((problem, consequence)) = address::wrong(target.as_str()) {
                let problem = format!("{} {problem}", excerpt(target.as_str()));
                self.warn(group, &format!("targets[{i}]"), problem, consequence.into());
            }
        }
    }

    fn urls(&mut self, group: &FileGroup) {
        let is_url = |target: &&Target| target.as_str().contains('/');
        let Some((i, first)) = group.group.targets.iter().enumerate().find(|(_, target)| is_url(target)) else {
            return;
        };
        let problem = match group.group.targets[i + 1..].iter().filter(is_url).count() {
            0 => format!("{} has a \"/\" in it", excerpt(first.as_str())),
            more => format!("{} has a \"/\" in it, like {more} more of the group", excerpt(first.as_str())),
        };
        let prometheus = self.profile.name();
        let consequence =
            format!("{prometheus} drops it unless it is relabelled, as for blackbox probing (label __param_module)");
        self.warn(group, &format!("targets[{i}]"), problem, consequence);
    }

    fn times(&mut self, group: &FileGroup, steering: &Steering<'_>) {
        let interval = steering.interval.map(|text| self.time(group, INTERVAL, text));
        let timeout = steering.timeout.map(|text| self.time(group, TIMEOUT, text));
        let drops = format!("{} drops its targets", self.profile.name());
        match (interval, timeout) {
            (Some(Some(interval)), Some(Some(timeout))) if timeout > interval => {
                self.warn(group, &label(TIMEOUT), format!("is above {}", label(INTERVAL)), drops);
            }
            (Some(Some(interval)), None) if interval < DEFAULT_TIMEOUT => {
                let problem = format!("is below the default time-out, 10s, and there is no {TIMEOUT}");
                self.warn(
                    group,
                    &label(INTERVAL),
                    problem,
                    format!("{drops} unless the job's scrape_timeout is no longer"),
                );
            }
            (None, Some(Some(timeout))) if timeout > DEFAULT_INTERVAL => {
                let problem = format!("is above the default interval, 1m, and there is no {INTERVAL}");
                let unless = format!("{drops} unless the job's scrape_interval is no shorter");
                self.warn(group, &label(TIMEOUT), problem, unless);
            }
            _ => {}
        }
    }

    /// A duration that Prometheus takes here; zero is none.
    fn time(&mut self, group: &FileGroup, name: &str, text: &str) -> Option<Duration> {
        let time = duration::parse(text);
        let problem = match time {
            None => format!("is {}, which is no duration such as 30s or 1m30s", excerpt(text)),
            Some(Duration::ZERO) => "is zero".into(),
            Some(_) => return time,
        };
        self.warn(group, &label(name), problem, format!("{} drops its targets", self.profile.name()));
        None
    }

    fn warn(&mut self, group: &FileGroup, field: &str, problem: String, consequence: String) {
        self.findings.push(Finding::warning(At::Place(group.place.clone()), field, problem, consequence));
    }
}

/// The field of a label.
fn label(name: &str) -> String {
    format!("labels[{}]", excerpt(name))
}
