//! The change of a job's rows by rows that were read again.
//!
//! New rows are served at once. Targets that a row lost are *held*: served for ten more seconds. If a target moves to
//! another row, the stream can tell the end of the old row before the start of the new one, because it orders only the
//! changes of one row. A held row is before the current row of its group.

use std::{
    cell::LazyCell,
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
    time::Duration,
};

use super::{
    Budget, JobRows, ReadError,
    edit::{Edit, Json, NewRow},
    group_json::without_targets,
};
use crate::group::{EpochSeconds, GroupName, Kept, Lease, Leases};

/// The time for which lost targets are served, in seconds. It must exceed the lag of one shard behind another. AWS says
/// that a change is usually in the stream within a second.
const HOLD: i64 = 10;

/// The times at which the held rows of a job were replaced, by group.
#[derive(Debug, Clone, Default)]
pub(super) struct Held(BTreeMap<GroupName, Vec<EpochSeconds>>);

/// The rows of a job that were read again.
pub(super) struct Change<'a> {
    /// The names of the groups that were read.
    pub(super) names: &'a BTreeSet<GroupName>,
    /// Those of their rows that exist.
    pub(super) rows: &'a JobRows,
    /// The time of the poll.
    pub(super) now: EpochSeconds,
    /// The time for which groups are kept after their leases lapsed together.
    pub(super) grace: Duration,
}

impl Held {
    /// Returns whether no row is held.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether the time of a held row is over.
    pub(super) fn is_due(&self, now: EpochSeconds) -> bool {
        self.0.values().flatten().any(|since| is_over(*since, now))
    }
}

/// Whole seconds are rounded down, so only a difference above the time proves that it has passed.
fn is_over(since: EpochSeconds, now: EpochSeconds) -> bool {
    now.0.saturating_sub(since.0) > HOLD
}

impl Change<'_> {
    /// Returns the rows after the change, and which of them are held.
    ///
    /// # Errors
    /// As [`JobRows::edited`].
    pub(super) fn apply(&self, old: &JobRows, held: &Held, budget: &Budget) -> Result<(JobRows, Held), ReadError> {
        let due = held.0.iter().filter(|(_, times)| times.iter().any(|since| is_over(*since, self.now)));
        let names: BTreeSet<&GroupName> = self.names.iter().chain(due.map(|(name, _)| name)).collect();
        let (mut edits, mut left) = (Vec::with_capacity(names.len()), held.clone());
        // Computed at most once, because it takes all leases of the job.
        let kept = LazyCell::new(|| old.kept(Leases::at(self.now, self.grace)));
        for name in names {
            let rows = old.named(name.as_str());
            let mut times = left.0.remove(name).unwrap_or_default();
            let (held, current) = (rows.clone().take(times.len()), rows.clone().nth(times.len()));
            let mut with = Vec::new();
            for (row, since) in held.zip(&times) {
                if !is_over(*since, self.now) {
                    with.push(old.same_row(row)?);
                }
            }
            times.retain(|since| !is_over(*since, self.now));
            if self.names.contains(name) {
                let new = self.rows.named(name.as_str()).next();
                if let Some(lost) = current.map(|row| self.lost(old, row, new, &kept)).transpose()?.flatten() {
                    with.push(lost);
                    times.push(self.now);
                }
                with.extend(new.map(|new| self.new_row(old, current, new)).transpose()?);
            } else {
                with.extend(current.map(|row| old.same_row(row)).transpose()?);
            }
            if !times.is_empty() {
                left.0.insert(name.clone(), times);
            }
            edits.push(Edit { rows, with });
        }
        let mut rows = old.edited(&edits, budget)?;
        let is_read = |group: &str| GroupName::new(group).is_ok_and(|name| self.names.contains(&name));
        rows.broken = old.broken.iter().filter(|row| !is_read(&row.fault.group)).cloned().collect();
        rows.broken.extend(self.rows.broken.iter().cloned());
        rows.broken.sort_by(|a, b| a.fault.group.cmp(&b.fault.group));
        Ok((rows, left))
    }

    /// Returns a row that was read again. Unless its JSON changed, it shares the JSON of the row before.
    fn new_row(&self, old: &JobRows, current: Option<usize>, new: usize) -> Result<NewRow<'_>, ReadError> {
        let json = self.rows.row_json(new);
        let json = match current.filter(|row| old.row_json(*row) == json) {
            Some(row) => Json::Same(row),
            None => Json::New(json),
        };
        Ok(NewRow { json, ..self.rows.same_row(new)? })
    }

    /// Returns the targets of a served row that the row `new` does not have.
    fn lost<'o>(
        &self,
        old: &'o JobRows,
        row: usize,
        new: Option<usize>,
        kept: &impl Deref<Target = Kept>,
    ) -> Result<Option<NewRow<'o>>, ReadError> {
        let Some(lease) = self.held_lease(old.lease(row), kept) else { return Ok(None) };
        let lost = NewRow { lease, ..old.same_row(row)? };
        let lost = match new.filter(|new| !self.rows.lease(*new).lapsed(self.now)).map(|new| self.rows.row_json(new)) {
            Some(json) if json == old.row_json(row) => return Ok(None),
            Some(json) => {
                let (json, targets) = without_targets(&old.row_json(row), &json)?;
                NewRow { targets, json: Json::New(json), ..lost }
            }
            None => lost,
        };
        Ok(Some(lost).filter(|lost| lost.targets > 0))
    }

    /// Returns the lease of a row while it is held; `None` if its group is not served now. It ends with the row's own
    /// lease, but does not count for the rule in [`Leases`]: the row is no longer in the table.
    fn held_lease(&self, lease: Lease, kept: &impl Deref<Target = Kept>) -> Option<Lease> {
        let until = |end| Some(Lease { expires_at: None, delete_at: end });
        if !lease.lapsed(self.now) {
            return until(lease.end());
        }
        let may_keep = Leases::at(self.now, self.grace).may_keep(lease);
        let end = lease.expires_at.filter(|end| may_keep && kept.has(*end))?;
        until(Some(EpochSeconds(end.0.saturating_add(i64::try_from(self.grace.as_secs()).unwrap_or(i64::MAX)))))
    }
}

impl JobRows {
    /// Returns a row of these rows for a copy of them.
    fn same_row(&self, row: usize) -> Result<NewRow<'_>, ReadError> {
        Ok(NewRow {
            name: self.name(row),
            lease: self.lease(row),
            targets: self.row_targets(row)?,
            json: Json::Same(row),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        group::Job,
        table::{Detail, Page, RowRules, Snapshot},
    };

    const GRACE: Duration = Duration::from_mins(1);

    /// A row: its name, its targets, and the end of its lease.
    type Row<'a> = (&'a str, &'a [&'a str], Option<i64>);

    fn read(rows: &[Row<'_>], now: i64) -> JobRows {
        let row = |(name, targets, end): &Row<'_>| {
            let targets: Vec<String> = targets.iter().map(|target| format!(r#"{{"S":"{target}"}}"#)).collect();
            let end = end.map_or(String::new(), |end| format!(r#","expires_at":{{"N":"{end}"}}"#));
            // A row without targets is broken.
            let targets =
                if targets.is_empty() { r#"{"N":"1"}"#.into() } else { format!(r#"{{"L":[{}]}}"#, targets.join(",")) };
            format!(r#"{{"job":{{"S":"j"}},"group":{{"S":"{name}"}},"targets":{targets}{end}}}"#)
        };
        let rows: Vec<String> = rows.iter().map(row).collect();
        let rules = RowRules { detail: Detail::Followed, lease_grace: GRACE, ..RowRules::default() };
        let page = Page::new(format!(r#"{{"Items":[{}]}}"#, rows.join(",")).into_bytes());
        let mut snapshot = Snapshot::of_pages(&[page], rules, EpochSeconds(now)).unwrap();
        let rows = snapshot.jobs.remove(&Job::new("j").unwrap()).unwrap_or_default();
        std::sync::Arc::try_unwrap(rows).unwrap()
    }

    /// Rows in memory that polls change.
    struct Memory(JobRows, Held);

    impl Memory {
        fn of(rows: &[Row<'_>], now: i64) -> Self {
            Self(read(rows, now), Held::default())
        }

        /// Applies rows that were read again. Returns the names and targets that are served, in order.
        fn poll(&mut self, now: i64, names: &[&str], rows: &[Row<'_>]) -> Vec<String> {
            let names = names.iter().map(|name| GroupName::new(*name).unwrap()).collect();
            let rows = read(rows, now);
            let change = Change { names: &names, rows: &rows, now: EpochSeconds(now), grace: GRACE };
            let (rows, held) = change.apply(&self.0, &self.1, &Budget::new(None, usize::MAX)).unwrap();
            *self = Self(rows, held);
            self.served(now)
        }

        fn served(&self, now: i64) -> Vec<String> {
            let Self(rows, _) = self;
            let kept = rows.kept(Leases::at(EpochSeconds(now), GRACE));
            let is_served = |row: &usize| {
                let lease = rows.lease(*row);
                !lease.lapsed(EpochSeconds(now)) || lease.expires_at.is_some_and(|end| kept.has(end))
            };
            let text = |row| {
                let json = String::from_utf8(rows.row_json(row).to_vec()).unwrap();
                let targets = json.split(['[', ']']).nth(1).unwrap().replace('"', "");
                format!("{} {targets}", rows.name(row))
            };
            (0..rows.len()).filter(is_served).map(text).collect()
        }
    }

    #[test]
    fn lost_targets_are_held_for_ten_seconds() {
        let before: &[Row<'_>] = &[("a", &["1", "2"], None), ("b", &["3"], None), ("c", &["4"], None)];
        let mut memory = Memory::of(before, 0);
        // An addition is served at once, and a change that loses nothing replaces its row.
        assert_eq!(
            memory.poll(0, &["c", "d"], &[("c", &["5", "4"], None), ("d", &["6"], None)]),
            ["a 1,2", "b 3", "c 5,4", "d 6"]
        );
        assert!(memory.1.is_empty());
        assert_eq!(memory.poll(100, &["a", "b"], &[("a", &["2", "7"], None)]), ["a 1", "a 2,7", "b 3", "c 5,4", "d 6"]);
        // A later loss of the same group has its own time.
        assert_eq!(memory.poll(105, &["a"], &[("a", &["8"], None)]), ["a 1", "a 2,7", "a 8", "b 3", "c 5,4", "d 6"]);
        assert!(!memory.1.is_due(EpochSeconds(110)) && memory.1.is_due(EpochSeconds(111)));
        assert_eq!(memory.poll(111, &[], &[]), ["a 2,7", "a 8", "c 5,4", "d 6"]);
        assert_eq!(memory.poll(116, &["d"], &[("d", &["6"], None)]), ["a 8", "c 5,4", "d 6"]);
        assert!(memory.1.is_empty());
        assert_eq!(
            memory.0.digest(),
            read(&[("a", &["8"], None), ("c", &["5", "4"], None), ("d", &["6"], None)], 0).digest()
        );
    }

    #[test]
    fn broken_row_holds_its_targets() {
        let mut memory = Memory::of(&[("a", &["1"], None), ("b", &[], None)], 0);
        assert_eq!(memory.poll(0, &["a", "b"], &[("a", &[], None), ("b", &["2"], None)]), ["a 1", "b 2"]);
        assert_eq!(memory.0.broken().iter().map(|row| row.fault.group.as_str()).collect::<Vec<_>>(), ["a"]);
        assert_eq!(memory.poll(20, &["a"], &[("a", &["3"], None)]), ["a 3", "b 2"]);
        assert!(memory.0.broken().is_empty());
    }

    #[test]
    fn held_row_ends_with_its_lease() {
        let mut memory = Memory::of(&[("a", &["1"], Some(105)), ("b", &["2"], Some(1000))], 0);
        assert_eq!(memory.poll(100, &["a", "b"], &[("b", &["2"], Some(2000))]), ["a 1", "b 2"]);
        assert_eq!(memory.0.lease(1).expires_at, Some(EpochSeconds(2000)));
        assert_eq!(memory.served(105), ["b 2"]);
        // The end of a lease is the end of its group, so nothing is held.
        assert_eq!(memory.poll(3000, &["b"], &[]), [""; 0]);
        // A lease that was set to the past removes the group as a deletion does.
        let mut memory = Memory::of(&[("a", &["1"], Some(1000))], 0);
        assert_eq!(memory.poll(100, &["a"], &[("a", &["1"], Some(20))]), ["a 1"]);
        assert_eq!(memory.poll(111, &[], &[]), [""; 0]);
    }

    /// A held row must not change which leases lapsed together.
    #[test]
    fn kept_groups_do_not_depend_on_held_rows() {
        let lapsed = ["a", "b", "c"].map(|name| (name, &["1"] as &[&str], Some(95)));
        let running = ["d", "e", "f"].map(|name| (name, &["1"] as &[&str], Some(1000)));
        let mut memory = Memory::of(&[lapsed, running].concat(), 100);
        assert_eq!(memory.served(100), ["a 1", "b 1", "c 1", "d 1", "e 1", "f 1"]);
        // Three of six are half. Four running leases would be more.
        let changed = [("d", &["2"] as &[&str], Some(1000))];
        assert_eq!(memory.poll(100, &["d"], &changed), ["a 1", "b 1", "c 1", "d 1", "d 2", "e 1", "f 1"]);
        // A kept group is held until its grace time is over.
        assert_eq!(memory.poll(150, &["a"], &[]), ["a 1", "d 2", "e 1", "f 1"]);
        assert_eq!(memory.served(155), ["d 2", "e 1", "f 1"]);
    }
}
