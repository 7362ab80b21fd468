//! Prints the change of one row: `+` added, `~` changed, `-` removed.

use std::{collections::BTreeMap, io, io::Write};

use anstyle::Style;
use http_sd_lambda::group::{EpochSeconds, GroupName, Labels, StoredGroup, Target, TargetGroup};

use crate::{
    commands::{
        summary::{first, label, pairs, value},
        times,
    },
    store::{Record, State},
    terminal::{
        style::{ADDED, CHANGED, REMOVED},
        text::{Count, printable},
        width::wrapped,
    },
};

/// The column of targets and labels.
const INDENT: usize = 15;

/// A row before and after.
pub(crate) struct Change<'a> {
    pub(crate) name: &'a GroupName,
    pub(crate) before: Option<&'a Record>,
    pub(crate) after: Option<&'a StoredGroup>,
    /// The set that will own the row; `None` if the command does not change the owner.
    pub(crate) owner: Option<&'a str>,
    /// The time that leases are compared with.
    pub(crate) now: EpochSeconds,
}

impl Change<'_> {
    pub(crate) fn show(&self, out: &mut dyn Write) -> io::Result<()> {
        match (self.before, self.after) {
            (None, Some(after)) => self.added(out, after),
            (Some(before), Some(after)) => self.changed(out, before, after),
            (Some(before), None) => self.removed(out, before),
            (None, None) => Ok(()),
        }
    }

    fn heading(&self, out: &mut dyn Write, style: Style, sign: char) -> io::Result<()> {
        writeln!(out, "  {style}{sign} {}{style:#}", printable(self.name.as_str()))
    }

    fn added(&self, out: &mut dyn Write, after: &StoredGroup) -> io::Result<()> {
        self.heading(out, ADDED, '+')?;
        content(out, &after.group)?;
        if let Some(end) = after.lease.end() {
            writeln!(out, "      lease    {}", times::until(end, self.now))?;
        }
        Ok(())
    }

    fn changed(&self, out: &mut dyn Write, before: &Record, after: &StoredGroup) -> io::Result<()> {
        self.heading(out, CHANGED, '~')?;
        match &before.group {
            Ok(old) => {
                target_changes(out, &old.targets, &after.group.targets)?;
                label_changes(out, &old.labels, &after.group.labels)?;
            }
            Err(fault) => {
                writeln!(out, "      {REMOVED}was broken{REMOVED:#}: {} {}", fault.field, fault.fault)?;
                content(out, &after.group)?;
            }
        }
        match (before.lease.end(), after.lease.end()) {
            (old, new) if old == new => {}
            (Some(old), None) => {
                writeln!(out, "      lease    {} → no lease, served until removed", times::until(old, self.now))?;
            }
            (_, Some(new)) => writeln!(out, "      lease    {}", times::until(new, self.now))?,
            (None, None) => {}
        }
        if let Some(owner) = self.owner.filter(|owner| before.managed_by.as_deref() != Some(*owner)) {
            let old = before
                .managed_by
                .as_deref()
                .map_or_else(|| "no set".to_owned(), |set| format!("set {}", printable(set)));
            writeln!(out, "      owner    {old} → set {}", printable(owner))?;
        }
        Ok(())
    }

    fn removed(&self, out: &mut dyn Write, before: &Record) -> io::Result<()> {
        self.heading(out, REMOVED, '-')?;
        match before.state(self.now) {
            State::Served(group) => content(out, group),
            State::Lapsed => writeln!(out, "      lease expired"),
            State::Invalid(fault) => writeln!(out, "      broken row: {} {}", fault.field, fault.fault),
        }
    }
}

fn content(out: &mut dyn Write, group: &TargetGroup) -> io::Result<()> {
    let targets: Vec<&str> = group.targets.iter().map(Target::as_str).collect();
    match first(&targets, "").as_slice() {
        [] => writeln!(out, "      targets  none")?,
        targets => writeln!(out, "      targets  {}", wrapped(targets, INDENT))?,
    }
    if group.labels.is_empty() {
        return Ok(());
    }
    writeln!(out, "      labels   {}", wrapped(&pairs(&group.labels), INDENT))
}

/// Returns the targets that a group gains, and those that it loses.
pub(crate) fn difference<'t>(old: &'t [Target], new: &'t [Target]) -> (Vec<&'t str>, Vec<&'t str>) {
    let mut counts: BTreeMap<&str, isize> = BTreeMap::new();
    for target in new {
        *counts.entry(target.as_str()).or_default() += 1;
    }
    for target in old {
        *counts.entry(target.as_str()).or_default() -= 1;
    }
    let with = |sign: isize| {
        let changed = counts.iter().filter(|(_, count)| count.signum() == sign);
        changed.map(|(target, _)| *target).collect()
    };
    (with(1), with(-1))
}

fn target_changes(out: &mut dyn Write, old: &[Target], new: &[Target]) -> io::Result<()> {
    let (added, removed) = difference(old, new);
    let kept = new.len().min(old.len());
    for (style, sign, changed) in [(ADDED, "+ ", added), (REMOVED, "- ", removed)] {
        if !changed.is_empty() {
            let mut changed = first(&changed, sign);
            if let Some(last) = changed.last_mut().filter(|_| kept > 0) {
                *last = format!("{last}  ({} before)", Count(old.len(), "target"));
            }
            writeln!(out, "      targets  {style}{}{style:#}", wrapped(&changed, INDENT))?;
        }
    }
    Ok(())
}

fn label_changes(out: &mut dyn Write, old: &Labels, new: &Labels) -> io::Result<()> {
    for (name, text) in new {
        match old.get(name) {
            None => writeln!(out, "      labels   {ADDED}+ {}{ADDED:#}", label(name, text))?,
            Some(before) if before != text => writeln!(
                out,
                "      labels   {CHANGED}~ {}: {} → {}{CHANGED:#}",
                printable(name.as_str()),
                value(before),
                value(text)
            )?,
            Some(_) => {}
        }
    }
    for (name, text) in old.iter().filter(|(name, _)| !new.contains_key(name)) {
        writeln!(out, "      labels   {REMOVED}- {}{REMOVED:#}", label(name, text))?;
    }
    Ok(())
}
