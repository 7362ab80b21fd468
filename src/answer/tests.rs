//! Tests that compare lists with a slow and simple definition.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::json;

use super::*;
use crate::{
    group::{LabelNames, META_GROUP, META_JOB, META_LEASE, Selectors, Shard},
    table::{Detail, Page, RowRules},
};

/// The time of the read.
const READ_AT: i64 = 100_000;
const GRACE: i64 = 1000;
/// The time within which leases that lapse together expire, in seconds.
const WINDOW: i64 = 300;

/// A row of the table.
#[derive(Debug, Clone)]
struct Row {
    job: &'static str,
    name: String,
    targets: Vec<String>,
    labels: BTreeMap<&'static str, &'static str>,
    expires_at: Option<i64>,
    delete_at: Option<i64>,
    is_broken: bool,
}

impl Row {
    fn json(&self) -> String {
        let targets: Vec<_> = self.targets.iter().map(|target| json!({ "S": target })).collect();
        let labels: BTreeMap<_, _> = self.labels.iter().map(|(name, value)| (name, json!({ "S": value }))).collect();
        let targets = if self.is_broken { json!({ "N": "1" }) } else { json!({ "L": targets }) };
        let mut row = json!({
            "job": { "S": self.job }, "group": { "S": self.name }, "targets": targets, "labels": { "M": labels },
        });
        for (name, time) in [("expires_at", self.expires_at), ("delete_at", self.delete_at)] {
            if let Some(time) = time {
                row[name] = json!({ "N": time.to_string() });
            }
        }
        row.to_string()
    }

    fn has_lapsed(&self, now: i64) -> bool {
        [self.expires_at, self.delete_at].into_iter().flatten().any(|end| end <= now)
    }
}

/// A selection as text, and the reaction to broken rows.
#[derive(Debug, Clone)]
struct Asked {
    meta: bool,
    shard: Option<(u64, u64)>,
    selector: Option<&'static str>,
    on_invalid: OnInvalid,
}

impl Asked {
    fn selection(&self) -> Selection {
        Selection {
            meta: self.meta,
            shard: self.shard.map(|(index, of)| Shard::new(index, of).unwrap()),
            selectors: Selectors::parse(self.selector).unwrap(),
        }
    }

    /// Returns whether a target is selected, by a fixed meaning of each selector.
    fn has(&self, row: &Row, target: &str, is_kept: bool) -> bool {
        let label = |name: &str| row.labels.get(name).copied().unwrap_or_default();
        let is_selected = match self.selector {
            None => true,
            Some(r#"{env="a"}"#) => label("env") == "a",
            Some(r#"{env!="a",__address__!=""}"#) => label("env") != "a",
            Some(r#"{__address__=~"t[0-4].*"}"#) => ("0".."5").contains(&&target[1..2]),
            Some(r#"{__meta_dynamodb_lease="lapsed"}"#) => is_kept,
            Some(r#"{__meta_dynamodb_job="x",__meta_dynamodb_group=~".*1"}"#) => {
                row.job == "x" && row.name.ends_with('1')
            }
            Some(other) => panic!("{other} has no meaning"),
        };
        is_selected && self.shard.is_none_or(|(index, of)| Shard::new(index, of).unwrap().has(target))
    }
}

/// The expected list: JSON groups by job, and the numbers of the report.
#[derive(Debug, Default, PartialEq)]
struct Defined {
    jobs: BTreeMap<String, Vec<String>>,
    targets: usize,
    lapsed: usize,
    kept: usize,
    skipped: Vec<String>,
}

/// The rule for leases that lapse together, as its description says.
fn is_kept(row: &Row, job: &[&Row], now: i64) -> bool {
    let counted = |row: &&&Row| row.delete_at.is_none_or(|at| at > now);
    let ends: Vec<i64> = job.iter().filter(counted).filter_map(|row| row.expires_at).collect();
    let have_lapsed_together = |start: i64| {
        let together = ends.iter().filter(|&&end| (start..=start + WINDOW).contains(&end) && end <= now).count();
        together >= 3 && together * 2 >= ends.iter().filter(|&&end| end >= start).count()
    };
    counted(&&row)
        && row
            .expires_at
            .is_some_and(|end| end <= now && now < end + GRACE && (end - WINDOW..=end).any(have_lapsed_together))
}

fn define(rows: &[Row], asked: &Asked, now: i64) -> Result<Defined, String> {
    let mut defined = Defined::default();
    let mut sorted: Vec<&Row> = rows.iter().collect();
    sorted.sort_by_key(|row| (row.job, &row.name));
    for row in &sorted {
        let job: Vec<&Row> = sorted.iter().copied().filter(|other| other.job == row.job).collect();
        let is_kept = is_kept(row, &job, now);
        if row.has_lapsed(now) && !is_kept {
            defined.lapsed += 1;
            continue;
        }
        if row.is_broken {
            if asked.on_invalid == OnInvalid::Fail {
                return Err(row.name.clone());
            }
            defined.skipped.push(row.name.clone());
            continue;
        }
        let targets: Vec<&String> = row.targets.iter().filter(|target| asked.has(row, target, is_kept)).collect();
        if targets.is_empty() && (asked.shard.is_some() || asked.selector.is_some()) {
            continue;
        }
        let mut labels: BTreeMap<&str, &str> = row.labels.iter().map(|(name, value)| (*name, *value)).collect();
        if asked.meta {
            labels.extend([(META_JOB, row.job), (META_GROUP, &row.name)]);
            labels.extend(is_kept.then_some((META_LEASE, "lapsed")));
        }
        defined.targets += targets.len();
        defined.kept += usize::from(is_kept);
        let targets = serde_json::to_string(&targets).unwrap();
        let labels = serde_json::to_string(&labels).unwrap();
        let json = format!(r#"{{"targets":{targets},"labels":{labels}}}"#);
        defined.jobs.entry(row.job.to_owned()).or_default().push(json);
    }
    Ok(defined)
}

fn snapshot(rows: &[Row], rows_of_a_page: usize) -> Snapshot {
    // The detail does not change a list.
    let detail = [Detail::All, Detail::Served, Detail::Followed][rows_of_a_page % 3];
    snapshot_at(rows, rows_of_a_page, detail, READ_AT)
}

fn snapshot_at(rows: &[Row], rows_of_a_page: usize, detail: Detail, read_at: i64) -> Snapshot {
    let page = |rows: &[Row]| {
        let rows: Vec<String> = rows.iter().map(Row::json).collect();
        Page::new(format!(r#"{{"Items":[{}]}}"#, rows.join(",")).into_bytes())
    };
    let pages: Vec<Page> = rows.chunks(rows_of_a_page).map(page).collect();
    let lease_grace = Duration::from_secs(GRACE.unsigned_abs());
    let rules = RowRules { label_names: LabelNames::Legacy, lease_grace, detail };
    Snapshot::of_pages(&pages, rules, EpochSeconds(read_at)).unwrap()
}

fn answer_at(snapshot: &Snapshot, asked: &Asked, now: i64) -> Result<Answer, NoAnswer> {
    let rules = Rules { on_invalid: asked.on_invalid, lease_grace: Duration::from_secs(GRACE.unsigned_abs()) };
    let limits = Limits { memory: usize::MAX, go_on: &|| true };
    answer(snapshot, &asked.selection(), rules, EpochSeconds(now), &limits)
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone().into_vec()).unwrap()
}

prop_compose! {
    fn some_row()(
        job in select(vec!["w", "x", "x", "y"]),
        number in 0..400_u32,
        targets in vec(0..10_u32, 0..5),
        env in option::of(select(vec!["a", "b"])),
        age in option::weighted(0.7, prop_oneof![0..30_i64, -60..0_i64, 0..1600_i64]),
        delete in option::weighted(0.2, -50..2000_i64),
        is_broken in proptest::bool::weighted(0.05),
    ) -> Row {
        Row {
            job,
            name: format!("g{number:03}"),
            targets: targets.iter().map(|i| format!("t{i}:1")).collect(),
            labels: env.map(|env| ("env", env)).into_iter().collect(),
            expires_at: age.map(|age| READ_AT - age),
            delete_at: delete.map(|delete| READ_AT + delete),
            is_broken,
        }
    }
}

/// Rows with different keys, in any order.
fn some_rows() -> impl Strategy<Value = Vec<Row>> {
    vec(some_row(), 0..30).prop_map(|mut rows| {
        let mut seen = BTreeSet::new();
        rows.retain(|row| seen.insert((row.job, row.name.clone())));
        rows
    })
}

prop_compose! {
    fn some_asked()(
        meta in any::<bool>(),
        shard in option::weighted(0.4, (0..3_u64).prop_map(|index| (index, 3))),
        selector in option::weighted(0.5, select(vec![
            r#"{env="a"}"#,
            r#"{env!="a",__address__!=""}"#,
            r#"{__address__=~"t[0-4].*"}"#,
            r#"{__meta_dynamodb_lease="lapsed"}"#,
            r#"{__meta_dynamodb_job="x",__meta_dynamodb_group=~".*1"}"#,
        ])),
        is_everything in proptest::bool::weighted(0.3),
        skip in proptest::bool::weighted(0.8),
    ) -> Asked {
        let on_invalid = if skip { OnInvalid::Skip } else { OnInvalid::Fail };
        if is_everything {
            return Asked { meta: false, shard: None, selector: None, on_invalid };
        }
        Asked { meta, shard, selector, on_invalid }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn list_equals_its_definition(
        rows in some_rows(), asked in some_asked(), rows_of_a_page in 1..10_usize, later in prop_oneof![Just(0), 0..1500_i64],
    ) {
        let now = READ_AT + later;
        let answer = answer_at(&snapshot(&rows, rows_of_a_page), &asked, now);
        let defined = match define(&rows, &asked, now) {
            Ok(defined) => defined,
            Err(name) => {
                let is_named = matches!(&answer, Err(NoAnswer::Invalid(fault)) if fault.group == name);
                prop_assert!(is_named, "{name}: {answer:?}");
                return Ok(());
            }
        };
        let answer = answer.unwrap();
        let groups: Vec<&str> = defined.jobs.values().flatten().map(String::as_str).collect();
        prop_assert_eq!(text(&answer), format!("[{}]", groups.join(",")));
        let report = &answer.report;
        prop_assert_eq!(
            (report.rows, report.groups, report.targets, report.lapsed, report.kept, report.skipped.count()),
            (rows.len(), groups.len(), defined.targets, defined.lapsed, defined.kept, defined.skipped.len())
        );
    }

    /// Two tags are equal exactly if each job has the same groups. The list does not contain the names of jobs.
    #[test]
    fn etag_identifies_the_served_groups(
        rows in some_rows(), other in some_rows(), asked in vec(some_asked(), 2), times in vec(0..1500_i64, 2), is_other in any::<bool>(),
    ) {
        let skip = |asked: &Asked| Asked { on_invalid: OnInvalid::Skip, ..asked.clone() };
        let (first, second) = (skip(&asked[0]), skip(&asked[1]));
        let second_rows = if is_other { &other } else { &rows };
        let tag = |rows: &[Row], asked, later| answer_at(&snapshot(rows, 7), asked, READ_AT + later).unwrap().etag;
        let groups = |rows: &[Row], asked, later| {
            define(rows, asked, READ_AT + later).unwrap().jobs.into_values().collect::<Vec<_>>()
        };
        prop_assert_eq!(
            tag(&rows, &first, times[0]) == tag(second_rows, &second, times[1]),
            groups(&rows, &first, times[0]) == groups(second_rows, &second, times[1])
        );
    }

    /// Rows that follow changes stay in memory while their leases lapse.
    #[test]
    fn old_rows_answer_like_a_fresh_read(rows in some_rows(), asked in some_asked(), later in 0..1500_i64) {
        let answer = |snapshot: &Snapshot| answer_at(snapshot, &asked, READ_AT + later);
        let old = answer(&snapshot_at(&rows, 7, Detail::Followed, READ_AT));
        let fresh = answer(&snapshot_at(&rows, 7, Detail::Served, READ_AT + later));
        let (old, fresh) = match (old, fresh) {
            (Err(old), Err(fresh)) => {
                prop_assert_eq!(old, fresh);
                return Ok(());
            }
            (old, fresh) => (old.unwrap(), fresh.unwrap()),
        };
        prop_assert_eq!(text(&old), text(&fresh));
        prop_assert_eq!((old.etag, old.until, old.report), (fresh.etag, fresh.until, fresh.report));
    }

    #[test]
    fn list_does_not_change_before_until(rows in some_rows(), asked in some_asked(), times in (0..500_i64, 0..1500_i64)) {
        let snapshot = snapshot(&rows, 7);
        let (now, later) = (READ_AT + times.0, READ_AT + times.0 + times.1);
        let Ok(before) = answer_at(&snapshot, &asked, now) else { return Ok(()) };
        if before.until.is_none_or(|until| later < until.0) {
            let after = answer_at(&snapshot, &asked, later).unwrap();
            prop_assert_eq!(text(&before), text(&after));
            prop_assert_eq!(before.etag, after.etag);
            prop_assert_eq!(before.report, after.report);
        }
    }
}

const EVERYTHING: Asked = Asked { meta: false, shard: None, selector: None, on_invalid: OnInvalid::Fail };

fn row(job: &'static str, name: &str, targets: usize) -> Row {
    let targets = (0..targets).map(|i| format!("t{i}:1")).collect();
    let labels = BTreeMap::new();
    Row { job, name: name.into(), targets, labels, expires_at: None, delete_at: None, is_broken: false }
}

#[test]
fn long_work_stops_at_the_limit() {
    // A row with many targets, each of which needs a hash.
    let snapshot = snapshot(&[row("j", "g", 20_000)], 1);
    let selection = Asked { shard: Some((0, 2)), ..EVERYTHING }.selection();
    let asked = Cell::new(0);
    let stop_after = |times: usize| {
        asked.set(0);
        let go_on = || {
            asked.set(asked.get() + 1);
            asked.get() <= times
        };
        let limits = Limits { memory: usize::MAX, go_on: &go_on };
        answer(&snapshot, &selection, Rules::default(), EpochSeconds(READ_AT), &limits)
    };
    assert!(stop_after(usize::MAX).is_ok());
    let all = asked.get();
    assert!(all > 300, "only {all} calls of go_on");
    for times in [0, 1, all / 2, all - 1] {
        assert_eq!(stop_after(times).unwrap_err(), NoAnswer::Stopped);
        assert_eq!(asked.get(), times + 1, "work after go_on returned false");
    }
}

#[test]
fn memory_limit_covers_only_written_json() {
    let rows: Vec<Row> = (0..3000).map(|i| row("j", &format!("{i:04}"), 100)).collect();
    let snapshot = snapshot(&rows, 1000);
    let answer = |asked: &Asked, memory| {
        let limits = Limits { memory, go_on: &|| true };
        answer(&snapshot, &asked.selection(), Rules::default(), EpochSeconds(READ_AT), &limits)
    };
    let body = answer(&EVERYTHING, 0).unwrap().body;
    let meta = Asked { meta: true, ..EVERYTHING };
    let written = answer(&meta, usize::MAX).unwrap().body;
    assert!(written.len() > body.len() && body.len() > 2_000_000);
    assert!(answer(&meta, written.len()).is_ok());
    assert_eq!(answer(&meta, 1_500_000).unwrap_err(), NoAnswer::OutOfMemory(1_500_000));
}

#[test]
fn report_has_empty_jobs_and_pages() {
    let mut snapshot = snapshot(&[row("j", "g", 1)], 1);
    assert_eq!(answer_at(&snapshot, &EVERYTHING, READ_AT).unwrap().report.empty_jobs, []);
    let none = crate::group::Job::new("none").unwrap();
    snapshot.jobs.insert(none.clone(), std::sync::Arc::default());
    let answer = answer_at(&snapshot, &EVERYTHING, READ_AT).unwrap();
    assert_eq!((answer.report.empty_jobs, answer.report.pages), (vec![none], 1));
}

#[test]
fn report_names_at_most_hundred_lapsed_jobs() {
    let names: Vec<&'static str> = (0..150).map(|i| &*format!("{i:03}").leak()).collect();
    let leased = |job: &'static str, i: i64| Row { expires_at: Some(READ_AT - 10 - i), ..row(job, &i.to_string(), 1) };
    let rows: Vec<Row> = names.iter().flat_map(|&job| (0..3).map(move |i| leased(job, i))).collect();
    let answer = answer_at(&snapshot(&rows, 100), &EVERYTHING, READ_AT).unwrap();
    let lapsed = answer.report.lapsed_together;
    assert_eq!((lapsed.len(), answer.report.kept), (100, 450));
    assert_eq!((lapsed[7].job.as_str(), lapsed[7].count, lapsed[7].since), ("007", 3, EpochSeconds(READ_AT - 12)));
}
