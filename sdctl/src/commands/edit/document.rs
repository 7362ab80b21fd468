//! The text that the user edits: a comment with instructions, and the groups as YAML.

use std::{collections::BTreeMap, fmt::Write, io};

use http_sd_lambda::group::{EpochSeconds, GroupName, Job, excerpt};

use crate::{
    commands::times,
    error::CliError,
    files::named::LineFault,
    store::Record,
    terminal::text::{Count, printable},
};

/// The start of each line that names a fault of the last edit.
const FAULT: &str = "#!";
/// The most faults that the text names.
const MOST_FAULTS: usize = 20;

/// Returns the text for these rows.
pub(super) fn of(job: &Job, records: &BTreeMap<GroupName, Record>, now: EpochSeconds) -> Result<String, CliError> {
    let mut text = format!(
        "# Groups of the job {}. Save the file and close the editor: sdctl shows the changes and asks.\n\
         #\n\
         # - Change targets and labels. The lease, the set and your own attributes of a row stay.\n\
         # - Remove a group to remove its row. Add a group to add a row.\n\
         # - A new name is a new group without the other attributes. To rename a group, use sdctl mv.\n\
         # - To cancel, change nothing, or empty the file.\n",
        excerpt(job.as_str())
    );
    for (name, record) in records {
        text.push('\n');
        if let Some(end) = record.lease.end() {
            let _ = writeln!(text, "# lease {}", times::until(end, now));
        }
        if let Some(set) = &record.managed_by {
            let _ = writeln!(text, "# set {}: its next sdctl apply overwrites your changes", printable(set));
        }
        match &record.group {
            Ok(group) => {
                let group = BTreeMap::from([(name.as_str(), group)]);
                text += &yaml_serde::to_string(&group).map_err(io::Error::other)?;
            }
            Err(fault) => {
                let broken = format!("{} is a broken row: {} {}", excerpt(name.as_str()), fault.field, fault.fault);
                let _ = writeln!(text, "# {}. To replace it, write the group here.", printable(&broken));
            }
        }
    }
    Ok(text)
}

/// Returns the text without the faults of the last edit.
pub(super) fn without_faults(mut text: &str) -> &str {
    while let Some(rest) = text.strip_prefix(FAULT) {
        text = rest.split_once('\n').map_or("", |(_, rest)| rest);
    }
    text
}

/// Returns the text below its faults, whose lines count from the start of `text`.
pub(super) fn with_faults(text: &str, faults: &[LineFault]) -> String {
    let shown = faults.len().min(MOST_FAULTS);
    let is_cut = faults.len() > shown;
    let lines_above = 1 + shown + usize::from(is_cut);
    let mut all = format!("{FAULT} Nothing was changed. Correct the text, or save it as it is to give up.\n");
    for (line, fault) in faults.iter().take(shown) {
        let at = if *line == 0 { String::new() } else { format!("line {}: ", line + lines_above) };
        let _ = writeln!(all, "{FAULT} {at}{}", printable(fault));
    }
    if is_cut {
        let _ = writeln!(all, "{FAULT} and {}", Count(faults.len() - shown, "more fault"));
    }
    all + text
}

/// Whether the text contains only comments and white space.
pub(super) fn is_empty(text: &str) -> bool {
    text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_name_the_lines_below_them() {
        let text = "web:\n  targets: [a b]\n";
        let faulty = with_faults(text, &[(2, "two".into()), (0, "any\nwhere".into())]);
        let lines: Vec<&str> = faulty.lines().collect();
        assert_eq!(lines[1..3], ["#! line 5: two", "#! any\\nwhere"]);
        assert_eq!(lines[5 - 1], "  targets: [a b]");
        assert_eq!(without_faults(&faulty), text);
        let many: Vec<LineFault> = (1..=30).map(|line| (line, "x".into())).collect();
        let faulty = with_faults(text, &many);
        assert_eq!(faulty.lines().nth(21), Some("#! and 10 more faults"));
        assert_eq!(faulty.lines().nth(1), Some("#! line 23: x"));
        assert_eq!(faulty.lines().nth(23 - 1), Some("web:"));
        assert_eq!(without_faults("#!"), "");
    }

    #[test]
    fn text_without_groups_is_empty() {
        for (text, expected) in [("", true), (" \n\n# x\n  #y", true), ("{}", false), ("# x\nweb:", false)] {
            assert_eq!(is_empty(text), expected, "{text:?}");
        }
    }
}
