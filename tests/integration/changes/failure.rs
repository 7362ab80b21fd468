//! Faults of each request to the stream. A look tells all changes or says why it cannot, and never loses a change.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use http_sd_lambda::table::{Unknown, stream_arn};
use test_support::{
    Dynamo,
    fault::{Fault, FaultyDynamo, STREAM_OPERATIONS},
};

use super::{keys, look, put, start};

/// Longer than a look.
const PATIENCE: Duration = Duration::from_secs(6);

/// The faults that no retry cures, and the reason for each.
const LASTING: &[(Fault, &str)] = &[
    (Fault::Error(400, "AccessDeniedException"), "denied"),
    (Fault::Error(400, "ResourceNotFoundException"), "missing"),
    (Fault::Error(400, "ExpiredIteratorException"), "expired"),
    (Fault::Error(400, "TrimmedDataAccessException"), "trimmed"),
    (Fault::Error(400, "LimitExceededException"), "throttled"),
    (Fault::Error(400, "ThrottlingException"), "throttled"),
    (Fault::Error(400, "ValidationException"), "refused"),
    (Fault::Error(400, "UnrecognizedClientException"), "refused"),
    (Fault::Error(500, "InternalServerError"), "unavailable"),
    (Fault::Error(503, "ServiceUnavailable"), "unavailable"),
    (Fault::Answer(""), "unavailable"),
    (Fault::Answer("{}"), "unavailable"),
    (Fault::Answer("null"), "unavailable"),
    (Fault::Answer("<html>"), "unavailable"),
    (Fault::Answer(r#"{"Records":null,"NextShardIterator":"a"}"#), "unavailable"),
    (Fault::Answer(r#"{"Records":[{}],"NextShardIterator":"a"}"#), "unavailable"),
    (Fault::Answer(r#"{"StreamDescription":{"StreamArn":"a","Shards":[]}}"#), "unavailable"),
    (Fault::Altered, "unavailable"),
    (Fault::WrongChecksum, "unavailable"),
    (Fault::BrokenAnswer, "unavailable"),
    (Fault::Closed, "unavailable"),
    (Fault::Reset, "unavailable"),
    (Fault::CutShort, "unavailable"),
    (Fault::CutShortUnseen, "unavailable"),
];

#[tokio::test]
async fn unreadable_shards_lose_no_change() {
    lose_no_change("DescribeStream").await;
}

#[tokio::test]
async fn refused_positions_lose_no_change() {
    lose_no_change("GetShardIterator").await;
}

#[tokio::test]
async fn unreadable_records_lose_no_change() {
    lose_no_change("GetRecords").await;
}

/// Breaks an operation with each lasting fault, while a shard closes: such a look needs all operations.
async fn lose_no_change(broken: &'static str) {
    let dynamo = Dynamo::with_stream().await;
    let faulty = FaultyDynamo::before(&dynamo);
    let stream = faulty.invent_stream(&dynamo);
    for (fault, reason) in LASTING.iter().copied() {
        let case = format!("{fault:?} of {broken}");
        let mut changes = start(&dynamo, &faulty).await.unwrap();
        put(&dynamo, &["a"]).await;
        stream.split_into(1);
        put(&dynamo, &["b"]).await;
        faulty.fail(move |operation, _| if operation == broken { fault } else { Fault::None });
        let error = look(&mut changes).await.err();
        assert_eq!(error.as_ref().map(Unknown::reason), Some(reason), "{case}: {error:?}");
        let is_transient = ["throttled", "unavailable"].contains(&reason);
        assert_eq!(error.as_ref().map(Unknown::is_transient), Some(is_transient), "{case}: {error:?}");
        let error = start(&dynamo, &faulty).await.err();
        assert_eq!(error.as_ref().map(Unknown::reason), Some(reason), "start, {case}: {error:?}");
        faulty.heal();
        assert_eq!(look(&mut changes).await, Ok(keys(&["a", "b"])), "{case}");
    }
}

#[tokio::test]
async fn silent_stream_is_late_and_loses_nothing() {
    join_all(STREAM_OPERATIONS.map(async |broken| {
        let dynamo = Dynamo::with_stream().await;
        let faulty = FaultyDynamo::before(&dynamo);
        let stream = faulty.invent_stream(&dynamo);
        let mut changes = start(&dynamo, &faulty).await.unwrap();
        put(&dynamo, &["a"]).await;
        stream.split_into(1);
        faulty.fail(move |operation, _| if operation == broken { Fault::Silence } else { Fault::None });
        let asked = Instant::now();
        let error = look(&mut changes).await.unwrap_err();
        assert!(error.is_transient(), "{broken}: {error}");
        assert!(asked.elapsed() < PATIENCE, "{broken} took {:?}", asked.elapsed());
        faulty.heal();
        assert_eq!(look(&mut changes).await, Ok(keys(&["a"])), "{broken}");
    }))
    .await;
}

#[tokio::test]
async fn single_fault_is_retried() {
    let cases = [
        Fault::Error(400, "ThrottlingException"),
        Fault::Error(500, "InternalServerError"),
        Fault::Closed,
        Fault::Silence,
    ];
    join_all(STREAM_OPERATIONS.map(async |broken| {
        let dynamo = Dynamo::with_stream().await;
        let faulty = FaultyDynamo::before(&dynamo);
        let stream = faulty.invent_stream(&dynamo);
        for fault in cases {
            let mut changes = start(&dynamo, &faulty).await.unwrap();
            put(&dynamo, &["a"]).await;
            stream.split_into(1);
            let is_healthy = AtomicBool::new(false);
            faulty.fail(move |operation, _| {
                if operation == broken && !is_healthy.swap(true, Ordering::Relaxed) { fault } else { Fault::None }
            });
            assert_eq!(look(&mut changes).await, Ok(keys(&["a"])), "{fault:?} of {broken}");
        }
    }))
    .await;
}

#[tokio::test]
async fn cancelled_look_loses_nothing() {
    let dynamo = Dynamo::with_stream().await;
    let faulty = FaultyDynamo::before(&dynamo);
    let stream = faulty.invent_stream(&dynamo);
    for held in STREAM_OPERATIONS {
        let mut changes = start(&dynamo, &faulty).await.unwrap();
        put(&dynamo, &["a"]).await;
        stream.split_into(1);
        put(&dynamo, &["b"]).await;
        let mut hold = faulty.hold(move |asked| asked.operation == held);
        tokio::select! {
            told = look(&mut changes) => panic!("{told:?}"),
            _ = hold.next() => {}
        }
        drop(hold);
        assert_eq!(look(&mut changes).await, Ok(keys(&["a", "b"])), "{held}");
    }
}

#[tokio::test]
async fn record_without_our_key_is_unknown() {
    let dynamo = Dynamo::with_stream().await;
    let faulty = FaultyDynamo::before(&dynamo);
    let cases = [
        (r#""group":{"S":"a"}"#, r#""group":{"N":"1"}"#),
        (r#""group":{"S":"a"}"#, r#""name":{"S":"a"}"#),
        (r#""group":{"S":"a"}"#, r#""group":{"S":""}"#),
        (r#""job":{"S":"node"}"#, r#""job":{"BOOL":true}"#),
    ];
    for (text, other) in cases {
        let mut changes = start(&dynamo, &faulty).await.unwrap();
        put(&dynamo, &["a"]).await;
        faulty.fail(
            move |operation, _| {
                if operation == "GetRecords" { Fault::Replaced(text, other) } else { Fault::None }
            },
        );
        let error = look(&mut changes).await.unwrap_err();
        assert!(error.to_string().contains("a record has an invalid key"), "{other}: {error}");
        faulty.heal();
        assert_eq!(look(&mut changes).await, Ok(keys(&["a"])), "{other}");
    }
}

#[tokio::test]
async fn other_or_disabled_stream_is_unknown() {
    let dynamo = Dynamo::with_stream().await;
    let faulty = FaultyDynamo::before(&dynamo);
    let stream = faulty.invent_stream(&dynamo);
    let cases = [
        (r#""StreamArn":"arn"#, r#""StreamArn":"another arn"#, "other_stream"),
        (r#""StreamStatus":"ENABLED""#, r#""StreamStatus":"DISABLED""#, "no_stream"),
        (r#""StreamStatus":"ENABLED""#, r#""StreamStatus":"ENABLING""#, "no_stream"),
        (r#""ParentShardId":"#, r#""Other":"#, "incomplete"),
    ];
    for (text, other, reason) in cases {
        let mut changes = start(&dynamo, &faulty).await.unwrap();
        stream.split_into(1);
        faulty.fail(
            move |operation, _| {
                if operation == "DescribeStream" { Fault::Replaced(text, other) } else { Fault::None }
            },
        );
        assert_eq!(look(&mut changes).await.unwrap_err().reason(), reason, "{other}");
        if reason != "incomplete" {
            assert_eq!(start(&dynamo, &faulty).await.unwrap_err().reason(), reason, "{other}");
        }
        faulty.heal();
    }
}

#[tokio::test]
async fn endless_list_of_shards_is_unknown() {
    let dynamo = Dynamo::with_stream().await;
    let faulty = FaultyDynamo::before(&dynamo);
    faulty.invent_stream(&dynamo);
    let place = r#""LastEvaluatedShardId":"shardId-00000000000000000000","StreamStatus""#;
    faulty.fail(move |operation, _| match operation {
        "DescribeStream" => Fault::Replaced(r#""StreamStatus""#, place),
        _ => Fault::None,
    });
    let error = start(&dynamo, &faulty).await.unwrap_err();
    assert_eq!(error.reason(), "incomplete", "{error}");
}

#[tokio::test]
async fn stream_without_shards_is_unknown() {
    let dynamo = Dynamo::with_stream().await;
    let faulty = FaultyDynamo::before(&dynamo);
    let table = dynamo.table().description().await.unwrap();
    let arn = stream_arn(&table).unwrap();
    let empty = format!(r#"{{"StreamDescription":{{"StreamArn":"{arn}","StreamStatus":"ENABLED","Shards":[]}}}}"#);
    let empty: &str = empty.leak();
    faulty.fail(move |operation, _| if operation == "DescribeStream" { Fault::Answer(empty) } else { Fault::None });
    let error = start(&dynamo, &faulty).await.unwrap_err();
    assert_eq!(error.reason(), "incomplete", "{error}");
}
