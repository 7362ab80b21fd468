//! Warns of addresses that a poller does not scrape as intended, and refuses those that no poller can scrape.

use std::collections::HashSet;

use http_sd_lambda::group::{Labels, Target, TargetGroup, excerpt};

use crate::{
    error::CliError,
    files::{
        Place,
        address::{self, Wrong},
    },
    terminal::{message, text::Count},
};

/// The most addresses that a command warns of.
const MOST: usize = 5;

/// Prints a warning for each doubtful address of the groups, once. A group of a file has its place.
///
/// # Errors
/// [`CliError::Refused`] for an address that no poller can scrape.
pub(crate) fn check<'g>(
    groups: impl IntoIterator<Item = (Option<&'g Place>, &'g TargetGroup)>,
) -> Result<(), CliError> {
    let mut seen = HashSet::new();
    for (place, group) in groups {
        if address::is_probed(&group.labels) {
            continue;
        }
        for address in group.targets.iter().map(Target::as_str) {
            let Some((problem, consequence)) = problem(address) else { continue };
            let place = place.map_or_else(String::new, |place| format!("{place}: "));
            let target = format!("{place}target {}", excerpt(address));
            let Some(consequence) = consequence else {
                return Err(CliError::Refused(format!("{target} {problem}")));
            };
            if seen.insert(address) && seen.len() <= MOST {
                message::warning(format_args!("{target} {problem}; {consequence}"));
            }
        }
    }
    if let more @ 1.. = seen.len().saturating_sub(MOST) {
        message::warning(format_args!("{} with a doubtful address", Count(more, "more target")));
    }
    Ok(())
}

/// Returns why no poller can scrape a target with these labels, if that is so.
pub(crate) fn refused(target: &Target, labels: &Labels) -> Option<String> {
    match problem(target.as_str())? {
        (problem, None) if !address::is_probed(labels) => {
            Some(format!("target {} {problem}", excerpt(target.as_str())))
        }
        _ => None,
    }
}

/// Returns the problem of an address, and its consequence; `None` instead of a consequence if no poller can scrape it.
fn problem(address: &str) -> Option<(String, Option<&'static str>)> {
    if address.contains('/') {
        let consequence = "Prometheus drops it unless the job relabels it, as for blackbox probing \
                           (label __param_module)";
        return Some(("contains \"/\"".into(), Some(consequence)));
    }
    let Wrong { problem, consequence, is_hopeless } = address::wrong(address)?;
    Some((problem, (!is_hopeless).then_some(consequence)))
}
