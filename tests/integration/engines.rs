//! The differences between the engines, compared with `docs/reliability.md`. No other test depends on the engine.

use std::{collections::BTreeMap, fs};

use aws_sdk_dynamodb::{
    error::ProvideErrorMetadata,
    types::{
        AttributeValue, PointInTimeRecoverySpecification, Put, TableDescription, TimeToLiveSpecification,
        TransactWriteItem,
    },
};
use test_support::{
    Dynamo, Row,
    engine::{TABLE, is_dynamodb_local},
    repository,
    row::{put_all, s, tenths_of_a_page},
};

/// Returns the code of an error, or `instead` of the result.
fn code<T, E: ProvideErrorMetadata>(result: Result<T, E>, instead: impl FnOnce(T) -> String) -> String {
    match result {
        Ok(answer) => instead(answer),
        Err(error) => error.code().unwrap_or("no code").to_owned(),
    }
}

fn done<T>(_: T) -> String {
    "done".into()
}

/// Returns the engine's behaviour in each question.
async fn answers() -> BTreeMap<&'static str, String> {
    let dynamo = Dynamo::with_table().await;
    let client = &dynamo.client;
    put_all(&dynamo, tenths_of_a_page(25)).await;
    let query = |job: &str| {
        let query = client.query().table_name(TABLE).key_condition_expression("job = :job");
        query.expression_attribute_values(":job", s(job)).send()
    };
    let page = query("node").await.unwrap();
    let empty_key = code(query("").await, |page| format!("{} rows", page.count));
    let scan = || client.scan().table_name(TABLE);

    let mut elsewhere = Vec::new();
    for segment in 0..4 {
        let read = scan().segment(segment).total_segments(4).set_exclusive_start_key(page.last_evaluated_key.clone());
        elsewhere.push(code(read.send().await, |page| format!("{} rows", page.count)));
    }
    // One of the four segments contains the job itself.
    elsewhere.sort();
    assert_eq!(elsewhere.iter().filter(|answer| **answer == elsewhere[1]).count(), 3, "{elsewhere:?}");
    let elsewhere = elsewhere.swap_remove(1);

    for job in 0..40 {
        Row::new(&format!("job-{job:02}"), "a", &[]).put(&dynamo).await;
    }
    let filtered = scan().filter_expression("job <> :job").expression_attribute_values(":job", s("node"));
    let rows = filtered.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await.unwrap();
    let jobs: Vec<&str> = rows.iter().map(|row| row["job"].as_s().unwrap().as_str()).collect();
    assert_eq!(jobs.len(), 40);

    let set = AttributeValue::Ss(["\u{10000}", "\u{ffff}"].map(str::to_owned).into());
    Row::key("node", "set").with("targets", set).put(&dynamo).await;
    let set = dynamo.row("node", "set").await.unwrap()["targets"].as_ss().unwrap().clone();

    let put = || {
        let put = Put::builder().table_name(TABLE).item("job", s("twice")).item("group", s("twice"));
        let put = put.condition_expression("attribute_not_exists(job)").build().unwrap();
        TransactWriteItem::builder().put(put).build()
    };
    let twice = client.transact_write_items().transact_items(put()).transact_items(put()).send().await;

    let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name("delete_at").build().unwrap();
    let ttl = client.update_time_to_live().table_name(TABLE).time_to_live_specification(ttl).send().await;
    let recovery = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build().unwrap();
    let recovery = client.update_continuous_backups().table_name(TABLE).point_in_time_recovery_specification(recovery);
    let missing = client.scan().table_name("missing").send().await.unwrap_err();

    let table = client.describe_table().table_name(TABLE).send().await.unwrap().table.unwrap();
    let TableDescription { table_arn: Some(arn), table_status: Some(status), item_count: Some(count), .. } = table
    else {
        panic!("{table:?}")
    };
    BTreeMap::from([
        ("how many rows of 100 KB a page has", page.count.to_string()),
        ("a Scan's order", if jobs.is_sorted() { "by job" } else { "by a hash" }.to_owned()),
        ("a page that begins in another segment", elsewhere),
        ("a set's order", if set.is_sorted() { "by UTF-8" } else { "by UTF-16" }.to_owned()),
        ("a Query for an empty key", empty_key),
        ("a row twice in a transaction", code(twice, done)),
        ("TTL that is on, turned on", code(ttl, done)),
        ("point-in-time recovery", code(recovery.send().await, done)),
        ("an ARN as the table's name", code(client.scan().table_name(&arn).send().await, done)),
        ("what a missing table is called", missing.message().unwrap_or_default().to_owned()),
        ("the region of a table", arn.split(':').nth(3).unwrap().to_owned()),
        ("a table that has just been made", status.as_str().to_owned()),
        ("how old the number of rows is", if count == 25 + 40 + 1 { "not at all" } else { "older" }.to_owned()),
    ])
}

/// Returns the table of the section *Engines*, as rows of cells.
fn documented() -> Vec<Vec<String>> {
    let text = fs::read_to_string(repository().join("docs/reliability.md")).unwrap();
    let section = text.split("\n## ").find(|section| section.starts_with("Engines\n")).unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")).skip(1);
    rows.map(|row| row.split(" | ").map(|cell| cell.replace('`', "")).collect()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn engines_differ_as_documented() {
    let column = if is_dynamodb_local() { 2 } else { 1 };
    let documented = documented();
    let written: BTreeMap<&str, String> = documented.iter().map(|row| (row[0].as_str(), row[column].clone())).collect();
    assert_eq!(answers().await, written);
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_have_separate_tables() {
    let (ours, other) = (Dynamo::with_table().await, Dynamo::start());
    let missing = other.client.scan().table_name(TABLE).send().await.unwrap_err();
    assert_eq!(missing.code(), Some("ResourceNotFoundException"));
    assert!(other.store().create().await.unwrap());
    Row::new("node", "a", &[]).put(&ours).await;
    assert_eq!((ours.rows().await.len(), other.rows().await.len()), (1, 0));
}
