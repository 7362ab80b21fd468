//! The table as `sdctl` edits it: it reads rows, and writes them on conditions.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use http_sd_lambda::{
    group::{EpochSeconds, GroupName, Job, LabelName, LabelNames, Lease, StoredGroup, Target, TargetGroup},
    table::{Table, TableError},
};
use sdctl::store::{Expect, Owner, Place, Record, Replaced, State, Store, WriteError, that_fit};
use test_support::{
    Dynamo, Row,
    engine::TABLE,
    fault::{Fault, FaultyDynamo},
    row::{list, map, n, s},
};

const NOW: EpochSeconds = EpochSeconds(1000);
const FOREVER: Lease = Lease { expires_at: None, delete_at: None };

fn job(job: &str) -> Job {
    Job::new(job).unwrap()
}

/// A group of the job `node` with the label `env="prod"`.
fn group(name: &str, target: &str, lease: Lease) -> StoredGroup {
    let labels = [(LabelName::new("env", LabelNames::Legacy).unwrap(), "prod".to_owned())].into();
    let group = TargetGroup { targets: vec![Target::new(target).unwrap()], labels };
    StoredGroup { job: job("node"), name: GroupName::new(name).unwrap(), lease, group }
}

async fn record(store: &Store, name: &str) -> Option<Record> {
    store.record(&job("node"), &GroupName::new(name).unwrap(), LabelNames::Legacy).await.unwrap()
}

fn conflict<T>(group: &StoredGroup) -> Result<T, WriteError> {
    Err(WriteError::Conflict { job: group.job.clone(), group: group.name.clone() })
}

/// Returns the attributes of group `a` of `node` besides its key and its content.
fn others(row: &HashMap<String, AttributeValue>) -> BTreeSet<&str> {
    let ours = ["job", "group", "targets", "labels", "updated_at"];
    row.keys().map(String::as_str).filter(|name| !ours.contains(name)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn write_replaces_content_and_owner_of_a_row() {
    let dynamo = Dynamo::with_table().await;
    let store = dynamo.store();
    assert_eq!(store.name(), TABLE);
    let lease = Lease { expires_at: Some(EpochSeconds(2000)), delete_at: Some(EpochSeconds(3000)) };
    let (short, long) = (group("a", "a:1", lease), group("a", "b:1", FOREVER));

    assert_eq!(store.write(&short, Owner::Set("fleet"), Expect::Anything, NOW).await, Ok(false));
    let row = dynamo.row("node", "a").await.unwrap();
    assert_eq!(row["targets"], list([s("a:1")]));
    assert_eq!(row["labels"], map([("env", s("prod"))]));
    assert_eq!((&row["expires_at"], &row["delete_at"]), (&n(2000), &n(3000)));
    assert_eq!((&row["managed_by"], &row["updated_at"]), (&s("fleet"), &n(1000)));
    assert_eq!(row.len(), 8);

    let found = record(&store, "a").await.unwrap();
    assert_eq!((found.lease, found.group.as_ref()), (lease, Ok(&short.group)));
    assert_eq!((found.managed_by.as_deref(), found.updated_at), (Some("fleet"), Some(NOW)));
    assert_eq!(found.state(EpochSeconds(1999)), State::Served(&short.group));
    assert_eq!(found.state(EpochSeconds(2000)), State::Lapsed);

    // Attributes that `sdctl` does not know stay through every change.
    Row::new("node", "a", &["a:1"]).with("managed_by", s("fleet")).with("mine", s("kept")).put(&dynamo).await;
    for (owner, left) in [
        (Owner::AsBefore, &["managed_by", "mine"][..]),
        (Owner::Registration("host/1"), &["mine", "registered_by"]),
        (Owner::AsBefore, &["mine", "registered_by"]),
        (Owner::SetAsBefore, &["mine"]),
        (Owner::Registration("host/1"), &["mine", "registered_by"]),
        (Owner::Set("fleet"), &["managed_by", "mine"]),
        (Owner::SetAsBefore, &["managed_by", "mine"]),
    ] {
        assert_eq!(store.write(&short, owner, Expect::Anything, NOW).await, Ok(true));
        assert_eq!(store.write(&long, owner, Expect::Anything, NOW).await, Ok(true));
        let row = dynamo.row("node", "a").await.unwrap();
        assert_eq!((&row["targets"], others(&row)), (&list([s("b:1")]), left.iter().copied().collect()), "{owner:?}");
    }
    assert_eq!(store.delete(&long.job, &long.name, Expect::Anything).await, Ok(true));
    assert_eq!(store.delete(&long.job, &long.name, Expect::Anything).await, Ok(false));
    assert!(record(&store, "a").await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn write_of_a_changed_row_is_a_conflict() {
    let dynamo = Dynamo::with_table().await;
    let store = dynamo.store();
    let group = group("a", "c:1", FOREVER);
    Row::new("node", "a", &["a:1"]).put(&dynamo).await;
    let read = record(&store, "a").await.unwrap();
    let there = store.write(&group, Owner::AsBefore, Expect::Absent, NOW).await;
    assert_eq!(there, conflict(&group));
    // `unless_conflict` hides conflicts only, not other errors.
    assert_eq!(there.unwrap_err().unless_conflict(), Ok(()));
    let failed = TableError::Unavailable("throttled".into());
    assert_eq!(WriteError::from(failed.clone()).unless_conflict(), Err(failed));
    for other in [
        Row::new("node", "a", &["b:1"]),
        Row::new("node", "a", &["a:1"]).labels([("x", "y")]),
        Row::new("node", "a", &["a:1"]).with("managed_by", s("other")),
        Row::new("node", "a", &["a:1"]).with("expires_at", n(9_999_999_999)),
        Row::new("node", "a", &["a:1"]).with("delete_at", n(9_999_999_999)),
    ] {
        other.put(&dynamo).await;
        let before = dynamo.rows().await;
        assert_eq!(store.write(&group, Owner::AsBefore, Expect::Unchanged(&read), NOW).await, conflict(&group));
        assert_eq!(store.delete(&group.job, &group.name, Expect::Unchanged(&read)).await, conflict(&group));
        assert_eq!(dynamo.rows().await, before);
    }
    dynamo.delete("node", "a").await;
    assert_eq!(store.write(&group, Owner::AsBefore, Expect::Unchanged(&read), NOW).await, conflict(&group));
    assert_eq!(store.delete(&group.job, &group.name, Expect::Unchanged(&read)).await, conflict(&group));
    assert!(dynamo.rows().await.is_empty());
    // Attributes that `sdctl` does not know may change.
    Row::new("node", "a", &["a:1"]).with("mine", s("kept")).put(&dynamo).await;
    assert_eq!(store.write(&group, Owner::AsBefore, Expect::Unchanged(&read), NOW).await, Ok(true));
    let read = record(&store, "a").await.unwrap();
    assert_eq!(store.delete(&group.job, &group.name, Expect::Unchanged(&read)).await, Ok(true));
    assert_eq!(store.write(&group, Owner::AsBefore, Expect::Absent, NOW).await, Ok(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_spares_the_row_of_another_process() {
    let dynamo = Dynamo::with_table().await;
    let store = dynamo.store();
    let group = group("a", "a:1", Lease { expires_at: Some(EpochSeconds(2000)), delete_at: None });
    let (one, two) = (Owner::Registration("host/1"), Owner::Registration("host/2"));
    let alone = |than, now| Expect::NoOther { than, now: EpochSeconds(now) };
    let replaced = |managed_by: Option<&str>, registered_by: Option<&str>| {
        let (managed_by, registered_by) = (managed_by.map(str::to_owned), registered_by.map(str::to_owned));
        Ok(Some(Replaced { managed_by, registered_by }))
    };
    assert_eq!(store.replace(&group, one, alone("host/1", 1000), NOW).await, Ok(None));
    assert_eq!(store.replace(&group, one, alone("host/1", 1000), NOW).await, replaced(None, Some("host/1")));
    let before = dynamo.rows().await;
    assert_eq!(store.replace(&group, two, alone("host/2", 1999), NOW).await, conflict(&group));
    let delete = |process| store.delete(&group.job, &group.name, Expect::RegisteredBy(process));
    assert_eq!(delete("host/2").await, conflict(&group));
    assert_eq!(dynamo.rows().await, before);
    // The lease of the other process has expired.
    assert_eq!(store.replace(&group, two, alone("host/2", 2000), NOW).await, replaced(None, Some("host/1")));
    // Another writer replaced the row.
    store.write(&group, Owner::Set("fleet"), Expect::Anything, NOW).await.unwrap();
    assert_eq!(delete("host/2").await, conflict(&group));
    assert_eq!(store.replace(&group, two, alone("host/2", 1000), NOW).await, replaced(Some("fleet"), None));
    assert_eq!(delete("host/2").await, Ok(true));
    assert_eq!(delete("host/2").await, conflict(&group));
}

/// A record after a write needs no second read.
#[tokio::test(flavor = "multi_thread")]
async fn record_after_write_equals_record_read() {
    let dynamo = Dynamo::with_table().await;
    let store = dynamo.store();
    let lease = Lease { expires_at: Some(EpochSeconds(5000)), delete_at: Some(EpochSeconds(6000)) };
    let (first, second) = (group("a", "a:1", FOREVER), group("a", "b:1", lease));
    store.write(&first, Owner::Set("old"), Expect::Anything, NOW).await.unwrap();
    let before = record(&store, "a").await.unwrap();
    store.write(&second, Owner::Set("new"), Expect::Unchanged(&before), NOW).await.unwrap();
    let (after, read) = (before.after(&second, "new"), record(&store, "a").await.unwrap());
    assert_eq!((after.lease, &after.group, &after.managed_by), (read.lease, &read.group, &read.managed_by));
    assert_eq!((after.job, after.name), (read.job, read.name));
    let after = before.after(&second, "new");
    assert_eq!(store.write(&first, Owner::Set("new"), Expect::Unchanged(&after), NOW).await, Ok(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn insert_adds_all_rows_or_none() {
    let dynamo = Dynamo::with_table().await;
    let store = dynamo.store();
    let groups = ["a", "b", "c"].map(|name| group(name, "x:1", FOREVER));
    assert_eq!(store.insert(&groups[..2], "fleet", NOW).await, Ok(()));
    let row = dynamo.row("node", "b").await.unwrap();
    assert_eq!((&row["targets"], &row["managed_by"], &row["updated_at"]), (&list([s("x:1")]), &s("fleet"), &n(1000)));
    let before = dynamo.rows().await;
    for there in ["a", "b"] {
        let groups = ["c", there].map(|name| group(name, "y:1", FOREVER));
        assert_eq!(store.insert(&groups, "fleet", NOW).await, conflict(&groups[1]));
        assert_eq!(dynamo.rows().await, before);
    }
    assert_eq!(before.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_all_pages_are_read() {
    let dynamo = Dynamo::with_table().await;
    let names: Vec<String> = (0..7).map(|i| format!("g{i}")).collect();
    for name in &names {
        Row::new("node", name, &["a:1"]).put(&dynamo).await;
        Row::key("other", name).put(&dynamo).await;
    }
    let faulty = FaultyDynamo::with_pages_of(3, &dynamo);
    let store = faulty.store();
    let (mut records, mut pages) = (store.records(Some(&job("node")), LabelNames::Legacy), Vec::new());
    while let Some(page) = records.next().await.unwrap() {
        assert!(page.iter().all(|record| matches!(record.state(NOW), State::Served(_))));
        pages.push(page.into_iter().map(|record| record.name.into_string()).collect::<Vec<_>>());
    }
    assert_eq!(pages.concat(), names);
    assert!(pages.len() >= 3, "{pages:?}");

    let (mut records, mut read) = (store.records(None, LabelNames::Legacy), BTreeSet::new());
    while let Some(page) = records.next().await.unwrap() {
        for record in page {
            let is_broken = matches!(record.state(NOW), State::Invalid(_));
            assert_eq!(is_broken, record.job.as_str() == "other");
            assert!(read.insert((record.job.into_string(), record.name.into_string())));
        }
    }
    assert_eq!(read, dynamo.rows().await.into_keys().collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn table_reports_location_and_description() {
    let dynamo = Dynamo::start();
    let store = dynamo.store();
    assert_eq!(store.region(), Some("us-east-1"));
    assert_eq!(store.create().await, Ok(true));
    assert_eq!(store.create().await, Ok(false));
    assert_eq!(store.any_job().await, Ok(None));
    Row::key("node", "a").put(&dynamo).await;
    assert_eq!(store.any_job().await, Ok(Some("node".into())));
    let Place { account, region } = store.place().await.unwrap();
    let described = store.describe().await.unwrap();
    assert_eq!(described.arn, format!("arn:aws:dynamodb:{region}:{account}:table/{TABLE}"));
    assert_eq!((described.name.as_str(), described.fault, described.place.account), (TABLE, None, account));
    assert_eq!(described.ttl_attribute.as_deref(), Some("delete_at"));
    assert!(!described.deletion_protection);
    store.protect().await.unwrap();
    assert!(store.describe().await.unwrap().deletion_protection);
}

/// DynamoDB limits a row to 400 KB, including its key and all attributes.
#[tokio::test(flavor = "multi_thread")]
async fn largest_allowed_group_fits_into_a_row() {
    let dynamo = Dynamo::with_table().await;
    let store = dynamo.store();
    let lease = Lease { expires_at: Some(EpochSeconds(2_000_000_000)), delete_at: Some(EpochSeconds(2_000_000_000)) };
    let mut group = group("a", "a:1", lease);
    (group.job, group.name) = (job(&"j".repeat(2048)), GroupName::new("g".repeat(1024)).unwrap());
    let more: Vec<Target> =
        (0..20_000).map(|i| Target::new(format!("host-{i:05}.example.net:9100")).unwrap()).collect();
    let fit = that_fit(&group.group, &more);
    assert!((1..more.len()).contains(&fit.len()));
    group.group.targets.extend_from_slice(fit);
    let (job, name) = (group.job.as_str(), group.name.as_str());
    Row::new(job, name, &[]).with("mine", s(&"x".repeat(24 * 1024))).put(&dynamo).await;
    assert_eq!(store.write(&group, Owner::Set("fleet"), Expect::Anything, NOW).await, Ok(true));
    let row = dynamo.row(job, name).await.unwrap();
    assert_eq!((row.len(), row["targets"].as_l().unwrap().len()), (9, fit.len() + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn denied_write_is_no_conflict() {
    let dynamo = Dynamo::with_table().await;
    let faulty = FaultyDynamo::before(&dynamo);
    faulty.fail(|_, _| Fault::Error(400, "AccessDeniedException"));
    let (store, group) = (faulty.store(), group("a", "a:1", FOREVER));
    let results = [
        store.write(&group, Owner::AsBefore, Expect::Absent, NOW).await.map(|_| ()),
        store.delete(&group.job, &group.name, Expect::Anything).await.map(|_| ()),
        store.insert(&[group], "fleet", NOW).await,
        // A refused creation must not look like an existing table.
        store.create().await.map(|_| ()).map_err(WriteError::from),
    ];
    for result in results {
        assert!(matches!(&result, Err(WriteError::Table(TableError::Denied(_)))), "{result:?}");
    }
    assert!(dynamo.rows().await.is_empty());
}

/// A poll has seconds, an apply has minutes, and a renewal is repeated anyway.
#[tokio::test(flavor = "multi_thread")]
async fn retries_of_throttled_requests_depend_on_the_client() {
    let dynamo = Dynamo::with_table().await;
    for (of, tries) in [("a poll", 3), ("long work", 8), ("renewing", 2)] {
        let faulty = FaultyDynamo::before(&dynamo);
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        faulty.fail(move |_, _| {
            count.fetch_add(1, Ordering::Relaxed);
            Fault::Error(400, "ThrottlingException")
        });
        let store = match of {
            "long work" => faulty.store().patient(),
            "renewing" => faulty.store().for_renewing(),
            _ => faulty.store(),
        };
        let written = store.write(&group("a", "a:1", FOREVER), Owner::AsBefore, Expect::Anything, NOW).await;
        assert!(matches!(written, Err(WriteError::Table(TableError::Throttled(_)))), "{written:?}");
        assert_eq!(asked.load(Ordering::Relaxed), tries, "{of}");
    }
}

/// Waiting does not help here.
#[tokio::test(flavor = "multi_thread")]
async fn invalid_request_is_misconfigured() {
    let dynamo = Dynamo::with_table().await;
    let config = dynamo.client.config().to_builder().region(None).endpoint_url("no URL").build();
    let refused = Table::new(Client::from_conf(config), TABLE).ensure_key().await;
    assert!(matches!(&refused, Err(TableError::Misconfigured(_))), "{refused:?}");
}
