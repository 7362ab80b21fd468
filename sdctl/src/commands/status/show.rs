//! The report for a person.

use std::io;

use anstyle::Style;
use http_sd_lambda::group::{EpochSeconds, excerpt};

use super::report::Report;
use crate::{
    commands::{tally::Tally, times},
    terminal::{
        style::{CHANGED, FAINT, HEADING, REMOVED},
        table::{Line, Table},
        text::Count,
        width::{Size, cut},
    },
};

const NUMBERS: [&str; 7] = ["GROUPS", "TARGETS", "LEASED", "KEPT", "EXPIRED", "BROKEN", "CHANGED"];

/// The urgency of the numbers of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    Broken,
    Doubtful,
    Usual,
}

impl Urgency {
    fn of(tally: &Tally) -> Self {
        match tally {
            Tally { broken: 1.., .. } => Self::Broken,
            Tally { kept: 1.., .. } | Tally { targets: 0, .. } => Self::Doubtful,
            _ => Self::Usual,
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Broken => REMOVED,
            Self::Doubtful => CHANGED,
            Self::Usual => Style::new(),
        }
    }
}

impl Report {
    /// Returns the report for a terminal of this size; `None` for any size. What is wrong is shown in any case.
    pub(super) fn show(&self, size: Option<Size>) -> io::Result<Vec<u8>> {
        if self.total.rows() == 0 {
            return Ok(line(Style::new(), &self.nothing, size));
        }
        let notes = self.notes(size);
        let mut text = self.tables(size.map(|size| size.columns))?;
        let lines = |text: &[u8]| text.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::len).collect::<Vec<_>>();
        let (all, room) =
            (lines(&text), size.map_or(usize::MAX, |size| size.lines).saturating_sub(lines(&notes).len()));
        if all.len() > room {
            let shown = room.saturating_sub(1);
            text.truncate(all.iter().take(shown).sum());
            let more = Count(all.len() - shown, "more line");
            text.extend(line(FAINT, &format!("… {more}. In total: {}", self.total), size));
        }
        text.extend(notes);
        Ok(text)
    }

    /// Returns the lines of jobs, sets and the total.
    fn tables(&self, columns: Option<usize>) -> io::Result<Vec<u8>> {
        let mut jobs: Vec<(&String, &Tally)> = self.jobs.iter().collect();
        jobs.sort_by_key(|(_, tally)| Urgency::of(tally));
        let mut lines: Vec<Line> = jobs.into_iter().map(|(job, tally)| self.tally(job, tally)).collect();
        let jobs = Count(self.jobs.len(), "job").to_string();
        lines.push(Line { style: HEADING, ..self.tally(&jobs, &self.total) });
        if self.sets.keys().any(Option::is_some) {
            lines.push(Line { style: Style::new(), cells: Vec::new() });
            let headings = ["SET"].into_iter().chain(NUMBERS).map(str::to_owned);
            lines.push(Line { style: HEADING, cells: headings.collect() });
            let mut sets: Vec<(&Option<String>, &Tally)> = self.sets.iter().collect();
            sets.sort_by_key(|(_, tally)| Urgency::of(tally));
            lines.extend(sets.into_iter().map(|(set, tally)| self.tally(set.as_deref().unwrap_or("-"), tally)));
        }
        let mut text = Vec::new();
        Table::new(&["JOB", "GROUPS", "TARGETS", "LEASED", "KEPT", "EXPIRED", "BROKEN", "CHANGED"])
            .fitting(columns)
            .print(&mut text, lines)?;
        Ok(text)
    }

    fn tally(&self, name: &str, tally: &Tally) -> Line {
        let Tally { groups, targets, leased, kept, expired, broken, updated_at } = tally;
        // A number that is not zero stands out.
        let some = |number: &usize| if *number == 0 { "-".to_owned() } else { number.to_string() };
        let changed = updated_at.map_or_else(|| "-".into(), |at| times::shortly_ago(EpochSeconds(at), self.at));
        let cells = vec![
            name.to_owned(),
            groups.to_string(),
            targets.to_string(),
            some(leased),
            some(kept),
            some(expired),
            some(broken),
            changed,
        ];
        Line { style: Urgency::of(tally).style(), cells }
    }

    /// Returns the lines below the tables: what is wrong, and what to do.
    fn notes(&self, size: Option<Size>) -> Vec<u8> {
        let mut text = Vec::new();
        let mut say = |style, words: &str| {
            if text.is_empty() {
                text.push(b'\n');
            }
            text.extend(line(style, words, size));
        };
        let most = size.map_or(usize::MAX, |size| size.lines / 3);
        for row in self.broken.iter().take(most) {
            let (group, job) = (excerpt(&row.group), excerpt(&row.job));
            say(REMOVED, &format!("broken: group {group} of job {job}: {}", row.fault));
        }
        let more = self.total.broken - self.broken.len().min(most);
        if more > 0 {
            say(REMOVED, &format!("and {}: sdctl get --state broken", Count(more, "more broken row")));
        }
        if self.total.kept > 0 {
            let kept = Count(self.total.kept, "group");
            say(CHANGED, &format!("kept: {kept}, because leases lapsed together. Check what renews them"));
        }
        if let Some(note) = self.milliseconds.note() {
            say(CHANGED, &note);
        }
        text
    }
}

/// Returns a line that fits the terminal.
fn line(style: Style, words: &str, size: Option<Size>) -> Vec<u8> {
    let words = size.map_or_else(|| words.to_owned(), |size| cut(words, size.columns));
    format!("{style}{words}{style:#}\n").into_bytes()
}
