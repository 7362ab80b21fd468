//! The cache: shared rows and the limit of memory for them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use http::{Method, header};
use http_sd_lambda::http::{Access, Service, Settings};
use test_support::{
    Answer, Ask, Dynamo, Row,
    fault::{Fault, FaultyDynamo},
    row::put_all,
};

async fn one_group() -> Dynamo {
    let dynamo = Dynamo::with_table().await;
    Row::new("node", "web", &["a:1"]).labels([("env", "prod")]).put(&dynamo).await;
    dynamo
}

/// A service with a cache, and a counter of the reads of rows.
fn counted(dynamo: &Dynamo, memory: Option<usize>) -> (FaultyDynamo, Service, Arc<AtomicUsize>) {
    let faulty = FaultyDynamo::before(dynamo);
    let reads = Arc::new(AtomicUsize::new(0));
    let counter = reads.clone();
    faulty.fail(move |operation, _| {
        counter.fetch_add(usize::from(["Query", "Scan"].contains(&operation)), Ordering::Relaxed);
        Fault::None
    });
    let settings = Settings { cache: Duration::from_mins(1), memory, ..Settings::default() };
    let service = Service::new(faulty.table(), Access::Open, settings);
    (faulty, service, reads)
}

#[tokio::test]
async fn requests_within_cache_time_share_one_read() {
    let dynamo = one_group().await;
    let (_faulty, service, reads) = counted(&dynamo, None);
    let whole = Ask::get("/prom/node").of(&service).await;
    assert_eq!(reads.load(Ordering::Relaxed), 1);
    for query in ["", "?meta=true", "?shard=0&of=16", "?shard=3&of=16", "?match[]=%7Benv=%22prod%22%7D"] {
        let path = format!("/prom/node{query}");
        assert_eq!(Ask::get(&path).of(&service).await.status(), 200);
        assert_eq!(Ask::get(&path).gzip().of(&service).await.status(), 200);
        assert_eq!(Ask::get(&path).method(Method::HEAD).of(&service).await.status(), 200);
    }
    let tag = whole.header(header::ETAG).unwrap();
    assert_eq!(Ask::get("/prom/node").header(header::IF_NONE_MATCH, tag).of(&service).await.status(), 304);
    assert_eq!(reads.load(Ordering::Relaxed), 1);
    // The rows of the whole table answer for each job, with or without rows.
    assert_eq!(Ask::get("/prom").of(&service).await.status(), 200);
    let of_the_table = reads.load(Ordering::Relaxed);
    for path in ["/prom/node", "/prom/none", "/prom"] {
        assert_eq!(Ask::get(path).of(&service).await.status(), 200);
    }
    assert_eq!(reads.load(Ordering::Relaxed), of_the_table);
}

#[tokio::test]
async fn concurrent_polls_with_cache_share_one_read() {
    let dynamo = one_group().await;
    let (_faulty, service, reads) = counted(&dynamo, None);
    let polls = (0..5).map(|shard| Ask::get(&format!("/prom/node?shard={shard}&of=5")).of(&service));
    let answers = join_all(polls).await;
    assert_eq!(answers.iter().flat_map(Answer::targets).collect::<Vec<_>>(), ["a:1"]);
    assert_eq!(reads.load(Ordering::Relaxed), 1);
}

/// Memory is counted for each read: the rows of one read must not fail the next.
#[tokio::test]
async fn exhausted_memory_limit_does_not_affect_later_polls() {
    const MEGABYTE: usize = 1024 * 1024;
    let dynamo = Dynamo::with_table().await;
    let padding = "x".repeat(100_000);
    let row = |job: &str, i: usize| Row::new(job, &format!("{i:02}"), &["a:1"]).labels([("padding", &padding)]);
    put_all(&dynamo, (0..7).flat_map(|i| ["a", "b"].map(|job| row(job, i)))).await;
    put_all(&dynamo, (0..15).map(|i| row("large", i))).await;
    // One megabyte remains for rows.
    let (_faulty, service, reads) = counted(&dynamo, Some(57 * MEGABYTE));
    let status = async |path: &str| Ask::get(path).of(&service).await.status();
    for _ in 0..3 {
        assert_eq!(status("/prom/a").await, 200);
        // Both do not fit: the cache drops the first.
        assert_eq!(status("/prom/b").await, 200);
        let error = Ask::get("/prom/large").of(&service).await.error();
        assert_eq!((error.0, error.1.as_str()), (500, "response_too_large"));
        assert!(error.2.contains("MemorySize"), "{}", error.2);
    }
    let before = reads.load(Ordering::Relaxed);
    assert_eq!(status("/prom/b").await, 200);
    let after_the_failed_read = reads.load(Ordering::Relaxed);
    assert!(after_the_failed_read > before, "the cache keeps rows that do not fit");
    assert_eq!(status("/prom/b").await, 200);
    assert_eq!(reads.load(Ordering::Relaxed), after_the_failed_read);
}
