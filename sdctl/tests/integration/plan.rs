//! Random plans: carried out, each brings the table to the content of the files, and touches nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use aws_sdk_dynamodb::types::AttributeValue;
use http_sd_lambda::group::{EpochSeconds, Job, LabelName, LabelNames, Labels, Target, TargetGroup};
use proptest::{collection::vec, option, prelude::*, sample::select};
use sdctl::{
    files::{FileGroup, Place},
    plan::{self, Change, ChangeKind, Comparison, Counts, Desired, Ownership, Plan},
    store::{Record, State},
};
use test_support::row::{n, s};

use self::plan::Rows::{Any, Own};

const NOW: EpochSeconds = EpochSeconds(1000);
const SET: &str = "fleet";

/// A row's attributes without its key.
#[derive(Debug, Clone, PartialEq)]
struct Stored {
    targets: Vec<String>,
    labels: BTreeMap<String, String>,
    owner: Option<String>,
    expires_at: Option<i64>,
    broken: bool,
    updated_at: Option<i64>,
}

type Key = (String, String);
type Content = (Vec<String>, BTreeMap<String, String>);
type Rows = BTreeMap<Key, Stored>;

impl Stored {
    fn record(&self, (job, name): &Key) -> Record {
        let targets = self.targets.iter().map(|target| s(target)).collect();
        let labels = self.labels.iter().map(|(name, value)| (name.clone(), s(value))).collect();
        let mut row = vec![
            ("job", s(job)),
            ("group", s(name)),
            ("targets", if self.broken { s("broken") } else { AttributeValue::L(targets) }),
            ("labels", AttributeValue::M(labels)),
        ];
        row.extend(self.owner.as_ref().map(|owner| ("managed_by", s(owner))));
        row.extend(self.expires_at.map(|at| ("expires_at", n(at))));
        row.extend(self.updated_at.map(|at| ("updated_at", n(at))));
        let row = row.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Record::of(row, LabelNames::Legacy).unwrap()
    }

    fn is_served(&self) -> bool {
        !self.broken && self.expires_at.is_none_or(|at| at > NOW.0)
    }

    fn is_own(&self) -> bool {
        self.owner.as_deref() == Some(SET)
    }
}

fn contents() -> impl Strategy<Value = Content> {
    let target = select(vec!["a:1", "b:1", "c:1", "d:1", "e:1"]);
    let labels = select(vec![vec![], vec![("env", "prod")], vec![("env", "test")], vec![("env", "prod"), ("x", "y")]]);
    (vec(target, 0..3), labels).prop_map(|(targets, labels)| {
        let labels = labels.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        (targets.into_iter().map(str::to_owned).collect(), labels)
    })
}

fn jobs() -> impl Strategy<Value = String> {
    select(vec!["one", "two"]).prop_map(str::to_owned)
}

fn tables() -> impl Strategy<Value = Rows> {
    let owner = select(vec![None, Some(SET), Some(SET), Some("other")]);
    let expires_at = option::weighted(0.3, select(vec![1, 2000]));
    let times = (expires_at, select(vec![None, Some(0), Some(0), Some(900)]));
    let row = (jobs(), contents(), owner, times, prop::bool::weighted(0.1));
    vec(row, 0..10).prop_map(|rows| {
        let row = |(i, (job, content, owner, times, broken)): (usize, (_, Content, Option<&str>, _, _))| {
            let ((targets, labels), (expires_at, updated_at)) = (content, times);
            // Some names are those that `sdctl` generates.
            let labels_of = labels_of(&labels);
            let name = if i % 3 == 0 { plan::names::base(SET, &labels_of) } else { format!("row-{i}") };
            let owner = owner.map(str::to_owned);
            ((job, name), Stored { targets, labels, owner, expires_at, broken, updated_at })
        };
        rows.into_iter().enumerate().map(row).collect()
    })
}

fn labels_of(labels: &BTreeMap<String, String>) -> Labels {
    labels.iter().map(|(n, v)| (LabelName::new(n.as_str(), LabelNames::Legacy).unwrap(), v.clone())).collect()
}

fn desired(groups: &[(String, Content)]) -> Desired {
    let group = |(i, (job, (targets, labels))): (usize, &(String, Content))| FileGroup {
        job: Job::new(job.as_str()).unwrap(),
        group: TargetGroup {
            targets: targets.iter().map(|target| Target::new(target.as_str()).unwrap()).collect(),
            labels: labels_of(labels),
        },
        place: Place { file: Rc::from("file"), line: Some(i + 1), job: None, group: None, name: None },
        readdressed: false,
    };
    Desired::new(groups.iter().enumerate().map(group).collect()).unwrap()
}

/// The rows that may hold groups, and whether the set takes over rows without an owner.
type Which = (plan::Rows, bool);

fn whiches() -> impl Strategy<Value = Which> {
    (select(vec![Any, Own]), any::<bool>())
}

fn plan<'d>(rows: &Rows, desired: &'d Desired, (which, adopts_unowned): Which, prune: bool) -> Plan<'d> {
    let ownership = Ownership { set: SET.into(), rows: which, adopted_set: None, adopts_unowned };
    let mut comparison = Comparison::new(desired, ownership, NOW);
    for (key, row) in rows {
        comparison.see(row.record(key));
    }
    comparison.finish(prune).unwrap()
}

/// Returns the table after a plan. An added row must be new.
fn carry_out(mut rows: Rows, plan: &Plan<'_>) -> Rows {
    for change in &plan.changes {
        let key = (change.job.as_str().to_owned(), change.name.as_str().to_owned());
        let before = rows.remove(&key);
        assert_eq!(before.is_none(), matches!(change.kind, ChangeKind::Add(_)), "{key:?}");
        if let Some(stored) = change.stored() {
            let targets = stored.group.targets.iter().map(|target| target.as_str().to_owned()).collect();
            let labels = stored.group.labels.iter().map(|(n, v)| (n.as_str().to_owned(), v.clone())).collect();
            let row = Stored {
                targets,
                labels,
                owner: Some(SET.into()),
                expires_at: None,
                broken: false,
                updated_at: Some(NOW.0),
            };
            rows.insert(key, row);
        }
    }
    rows
}

/// Returns each state of the table while the plan is carried out, in the order of the writes, and the number of states
/// before the wait for polls.
fn on_the_way(rows: &Rows, plan: &Plan<'_>) -> (Vec<Rows>, usize) {
    let key = |change: &Change<'_>| (change.job.as_str().to_owned(), change.name.as_str().to_owned());
    let stored = |change: &Change<'_>, more: &[Target]| {
        let stored = change.stored().unwrap();
        let targets = stored.group.targets.iter().chain(more).map(|target| target.as_str().to_owned()).collect();
        let labels = stored.group.labels.iter().map(|(n, v)| (n.as_str().to_owned(), v.clone())).collect();
        Stored { targets, labels, owner: Some(SET.into()), expires_at: None, broken: false, updated_at: Some(NOW.0) }
    };
    let (mut now, mut found) = (rows.clone(), vec![rows.clone()]);
    let mut step = |now: &Rows| found.push(now.clone());
    let of = |which: fn(&ChangeKind<'_>) -> bool| plan.changes.iter().filter(move |change| which(&change.kind));
    for change in of(|kind| matches!(kind, ChangeKind::Add(_))) {
        now.insert(key(change), stored(change, &[]));
        step(&now);
    }
    for change in of(|kind| matches!(kind, ChangeKind::Update(..))) {
        now.insert(key(change), stored(change, &change.moving));
        step(&now);
    }
    let wait = now.clone();
    let mut rest = Vec::new();
    for change in of(|kind| matches!(kind, ChangeKind::Update(..))).filter(|change| !change.moving.is_empty()) {
        now.insert(key(change), stored(change, &[]));
        rest.push(now.clone());
    }
    for change in of(|kind| matches!(kind, ChangeKind::Remove(_))) {
        now.remove(&key(change));
        rest.push(now.clone());
    }
    found.push(wait);
    let before = found.len();
    (found.into_iter().chain(rest).collect(), before)
}

/// Returns every served target of a job.
fn targets_of(rows: &Rows, job: &str) -> BTreeSet<String> {
    let rows = rows.iter().filter(|((j, _), row)| j == job && row.is_served());
    rows.flat_map(|(_, row)| row.targets.clone()).collect()
}

/// Returns the content with its targets sorted, because their order has no meaning to pollers.
fn sorted(row: &Stored) -> Content {
    let mut targets = row.targets.clone();
    targets.sort();
    (targets, row.labels.clone())
}

/// Counts each content, regardless of the order of targets.
fn count<'a>(
    contents: impl Iterator<Item = (&'a str, &'a Vec<String>, &'a BTreeMap<String, String>)>,
) -> BTreeMap<(String, Content), usize> {
    let mut counts = BTreeMap::new();
    for (job, targets, labels) in contents {
        let mut targets = targets.clone();
        targets.sort();
        *counts.entry((job.to_owned(), (targets, labels.clone()))).or_default() += 1;
    }
    counts
}

fn served(rows: &Rows, own: bool) -> BTreeMap<(String, Content), usize> {
    let rows = rows.iter().filter(|(_, row)| row.is_served() && (!own || row.is_own()));
    count(rows.map(|((job, _), row)| (job.as_str(), &row.targets, &row.labels)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn carried_out_plan_matches_the_files(
        rows in tables(),
        groups in vec((jobs(), contents()), 0..8),
        which in whiches(),
    ) {
        let desired = desired(&groups);
        let plan = plan(&rows, &desired, which, true);
        let after = carry_out(rows.clone(), &plan);
        let wanted = count(groups.iter().map(|(job, (targets, labels))| (job.as_str(), targets, labels)));
        let (all, own) = (served(&after, false), served(&after, true));
        for (content, wanted) in &wanted {
            prop_assert!(all.get(content).is_some_and(|there| there >= wanted), "missing content {content:?}");
        }
        for (content, there) in &own {
            prop_assert!(wanted.get(content).is_some_and(|wanted| there <= wanted), "too many rows with {content:?}");
        }
        // Rows of other owners stay. Rows without an owner and a lease may join the set if they hold content of the
        // files, or if the set takes them over.
        for (key, before) in rows.iter().filter(|(_, row)| !row.is_own()) {
            let now = &after[key];
            let adopted = now.is_own() && before.owner.is_none() && before.expires_at.is_none();
            let may_join = which.1 || (which.0 == Own && sorted(now) == sorted(before));
            prop_assert!(now == before || (adopted && may_join), "{before:?} became {now:?}");
        }
        if which.0 == Own {
            prop_assert_eq!(&own, &wanted);
        }
        // A second plan changes nothing.
        let again = self::plan(&after, &desired, which, true);
        prop_assert!(again.changes.is_empty(), "{:?}", again.changes);
    }

    #[test]
    fn plan_without_prune_removes_no_row(
        rows in tables(),
        groups in vec((jobs(), contents()), 0..8),
        adopts in any::<bool>(),
    ) {
        let desired = desired(&groups);
        let plan = plan(&rows, &desired, (Any, adopts), false);
        let after = carry_out(rows.clone(), &plan);
        prop_assert!(rows.keys().all(|key| after.contains_key(key)));
        let Counts { added, changed, removed, unchanged, .. } = plan.counts();
        prop_assert_eq!((added + changed + unchanged, removed), (groups.len(), 0));
    }

    #[test]
    fn file_order_does_not_matter_after_apply(
        rows in tables(),
        groups in vec((jobs(), contents()), 0..8).prop_flat_map(|groups| (Just(groups.clone()), Just(groups).prop_shuffle())),
        adopts in any::<bool>(),
    ) {
        let (groups, shuffled) = groups;
        let first = desired(&groups);
        let after = carry_out(rows.clone(), &plan(&rows, &first, (Own, adopts), true));
        let second = desired(&shuffled);
        let again = plan(&after, &second, (Own, adopts), true);
        prop_assert!(again.changes.is_empty(), "{:?}", again.changes);
    }

    #[test]
    fn unowned_copy_causes_no_change(
        rows in tables(),
        groups in vec((jobs(), contents()), 0..8),
        adopts in any::<bool>(),
    ) {
        let desired = desired(&groups);
        let mut after = carry_out(rows.clone(), &plan(&rows, &desired, (Own, adopts), true));
        // Names that sort before and after any other.
        for name in ["!", "~"] {
            let copies = after.clone().into_iter().filter(|(_, row)| row.is_own());
            after.extend(copies.map(|((job, group), row)| ((job, format!("{name}{group}")), Stored { owner: None, ..row })));
        }
        let again = plan(&after, &desired, (Own, adopts), true);
        prop_assert!(again.changes.is_empty(), "{:?}", again.changes);
    }

    #[test]
    fn polls_during_a_plan_miss_no_lasting_target(
        rows in tables(),
        groups in vec((jobs(), contents()), 0..8),
        adopts in any::<bool>(),
    ) {
        let desired = desired(&groups);
        let plan = plan(&rows, &desired, (Own, adopts), true);
        let after = carry_out(rows.clone(), &plan);
        for (job, found) in on_the_way(&rows, &plan).0.iter().flat_map(|found| [("one", found), ("two", found)]) {
            let stays: BTreeSet<String> = targets_of(&rows, job).intersection(&targets_of(&after, job)).cloned().collect();
            prop_assert!(stays.is_subset(&targets_of(found, job)), "{stays:?} in {found:?}");
        }
    }

    /// A poll reads the rows before `key` at one moment, and the others later. If targets move, each poll ends before
    /// `apply` continues after its wait.
    #[test]
    fn polls_of_two_pages_miss_no_lasting_target(
        rows in tables(),
        groups in vec((jobs(), contents()), 0..8),
        key in select(vec!["group-5", "h", "prod-8", "q", "row-2", "row-5", "row-8", "s"]),
        adopts in any::<bool>(),
    ) {
        let desired = desired(&groups);
        let plan = plan(&rows, &desired, (Own, adopts), true);
        let after = carry_out(rows.clone(), &plan);
        let (states, before) = on_the_way(&rows, &plan);
        for job in ["one", "two"] {
            let stays: BTreeSet<String> = targets_of(&rows, job).intersection(&targets_of(&after, job)).cloned().collect();
            let page = |rows: &Rows, first: bool| {
                let page = rows.iter().filter(|((_, name), _)| (name.as_str() < key) == first);
                targets_of(&page.map(|(key, row)| (key.clone(), row.clone())).collect(), job)
            };
            let pages: Vec<_> = states.iter().map(|rows| (page(rows, true), page(rows, false))).collect();
            for (i, (first, _)) in pages.iter().enumerate() {
                let end = if plan.moved > 0 && i < before - 1 { before } else { pages.len() };
                for (_, second) in &pages[i..end] {
                    let missed: Vec<_> = stays.iter().filter(|target| !first.contains(*target) && !second.contains(*target)).collect();
                    prop_assert!(missed.is_empty(), "{missed:?} of {stays:?}: {plan:?}");
                }
            }
        }
    }

    /// The guard counts a target as lost if no row of the job contains it any more. Rows that the set takes over count
    /// as its own.
    #[test]
    fn plan_counts_lost_targets(rows in tables(), groups in vec((jobs(), contents()), 0..8), which in whiches()) {
        let desired = desired(&groups);
        let plan = plan(&rows, &desired, which, true);
        let after = carry_out(rows.clone(), &plan);
        for removal in plan.removals.iter().filter(|removal| removal.job.is_some()) {
            let job = removal.job.as_ref().unwrap().as_str();
            let own: Rows = rows.clone().into_iter().filter(|(key, row)| {
                key.0 == job && row.is_served() && (row.is_own() || after[key].is_own())
            }).collect();
            let targets: Vec<&String> = own.values().flat_map(|row| &row.targets).collect();
            let left = targets_of(&after, job);
            let lost = targets.iter().filter(|target| !left.contains(**target)).count();
            prop_assert!(removal.targets.removed >= lost, "{lost} lost, {removal:?}");
            prop_assert!(removal.targets.removed <= removal.targets.of, "{removal:?}");
            prop_assert_eq!(removal.targets.of, targets.len());
        }
    }

    /// The set could take such a row over instead of adding the same target again.
    #[test]
    fn unowned_row_with_an_added_target_is_named(
        rows in tables(),
        groups in vec((jobs(), contents()), 0..8),
        which in select(vec![Any, Own]),
    ) {
        let desired = desired(&groups);
        let plan = plan(&rows, &desired, (which, false), true);
        let wanted = count(groups.iter().map(|(job, (targets, labels))| (job.as_str(), targets, labels)));
        for job in ["one", "two"] {
            let added: BTreeSet<&str> = plan.changes.iter().filter(|change| change.job.as_str() == job)
                .filter_map(|change| match &change.kind { ChangeKind::Add(wanted) => Some(&wanted.group), _ => None })
                .flat_map(|group| &group.targets).map(Target::as_str).collect();
            let alike: BTreeSet<&str> = rows.iter()
                .filter(|((j, _), row)| j == job && !row.broken && row.owner.is_none() && row.expires_at.is_none())
                .filter(|(_, row)| !wanted.contains_key(&(job.to_owned(), sorted(row))))
                .filter(|(_, row)| row.targets.iter().any(|target| added.contains(target.as_str())))
                .map(|((_, name), _)| name.as_str()).collect();
            let named = plan.unowned.get(&Job::new(job).unwrap()).cloned().unwrap_or_default();
            prop_assert!(named.iter().all(|name| alike.contains(name.as_str())), "{named:?}, but {alike:?}");
            prop_assert_eq!(named.is_empty(), alike.is_empty(), "{:?}, but {:?}", named, alike);
        }
    }
}

/// The helper must agree with the function.
#[test]
fn helper_reads_rows_as_the_function() {
    let row = |expires_at, broken| Stored {
        targets: vec!["a:1".into()],
        labels: BTreeMap::new(),
        owner: None,
        expires_at,
        broken,
        updated_at: None,
    };
    let key = ("one".to_owned(), "row".to_owned());
    for (row, is_served) in [(row(None, false), true), (row(Some(1), false), false), (row(None, true), false)] {
        assert_eq!(matches!(row.record(&key).state(NOW), State::Served(_)), is_served);
        assert_eq!(row.is_served(), is_served);
    }
}
