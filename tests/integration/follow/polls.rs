//! The reads of a function that follows changes, and its log of them.

use futures_util::future::join_all;
use http_sd_lambda::http::Settings;
use test_support::{Answer, Ask, Dynamo, Row, fault::Asked, log, row::put_all};

use super::{HELD, World, node, settings};

#[tokio::test]
async fn unchanged_poll_asks_only_the_stream() {
    let world = World::new((0..9).map(|i| node(&format!("{i:02}")))).await;
    assert_eq!(world.logged("/prom/node").await, "read 0 0");
    assert_eq!(world.requests(), "DescribeTable 1, Query 5", "the first poll is as without following");
    assert_eq!(world.logged("/prom/node").await, "read 4 0");
    assert_eq!(world.requests(), "DescribeStream 1, DescribeTable 1, GetRecords 2, GetShardIterator 1, Query 5");
    for _ in 0..3 {
        assert_eq!(world.logged("/prom/node").await, "unchanged 1 0");
        assert_eq!(world.requests(), "GetRecords 1");
    }
    node("03-changed").put(&world.dynamo).await;
    node("04-changed").put(&world.dynamo).await;
    assert_eq!(world.logged("/prom/node?meta=true").await, "changes 2 2");
    assert_eq!(world.requests(), "BatchGetItem 1, GetRecords 2");
    Row::new("other", "a", &["a:1"]).put(&world.dynamo).await;
    assert_eq!(world.logged("/prom/node").await, "unchanged 2 0");
}

#[tokio::test]
async fn scope_with_few_pages_is_read() {
    let world = World::following().await;
    put_all(&world.dynamo, [Row::new("small", "a", &["a:1"]), Row::new("small", "b", &["b:1"])]).await;
    for _ in 0..3 {
        world.poll("/prom/none").await;
        assert_eq!(world.requests(), "Query 1");
    }
    // Pages and metrics need more of each row.
    for path in ["/", "/jobs/node", "/metrics"] {
        assert_eq!(world.poll(path).await.status(), 200);
        let requests = world.requests();
        assert!(!requests.contains("GetRecords"), "{path}: {requests}");
    }
}

#[tokio::test]
async fn rows_are_read_again_after_maximum_age() {
    let world = World::following().await;
    world.wait(800);
    assert_eq!(world.logged("/prom/node").await, "unchanged 1 0");
    world.wait(200);
    assert_eq!(world.logged("/prom/node").await, "read 4 0");
    assert_eq!(world.logged("/prom/node").await, "unchanged 1 0");
    // Rows in memory may lack what had not expired at an earlier time.
    world.wait(-1);
    assert_eq!(world.logged("/prom/node").await, "read 0 0");
    world.wait(1);
    assert_eq!(world.logged("/prom/node").await, "unchanged 1 0");
    world.wait(-800);
    assert_eq!(world.logged("/prom/node").await, "read 4 0");
}

#[tokio::test]
async fn concurrent_polls_share_one_look() {
    let world = World::following().await;
    node("new").put(&world.dynamo).await;
    let mut held = world.faulty.hold(|asked| asked.operation == "GetRecords");
    let polls = (0..8).map(|shard| {
        let (service, path) = (world.service.clone(), format!("/prom/node?shard={shard}&of=8"));
        tokio::spawn(async move { Ask::get(&path).of(&service).await })
    });
    let polls: Vec<_> = polls.collect();
    let first = held.next().await;
    drop((first, held));
    let answers: Vec<Answer> = join_all(polls).await.into_iter().map(Result::unwrap).collect();
    let mut targets: Vec<String> = answers.iter().flat_map(Answer::targets).collect();
    targets.sort();
    assert_eq!(targets, world.fresh("/prom/node").await.targets());
    // The first look, which began before some polls, has two pages. Another look serves all others.
    assert_eq!(world.requests(), "BatchGetItem 1, GetRecords 3");
}

/// Polls, and cancels the poll when it makes this request.
async fn cancel_poll_at(world: &World, request: impl Fn(&Asked) -> bool + Send + 'static) {
    let mut held = world.faulty.hold(request);
    let _waiting = tokio::select! {
        waiting = held.next() => waiting,
        answer = world.poll("/prom/node") => panic!("{}", answer.text()),
    };
}

#[tokio::test]
async fn cancelled_poll_loses_no_change() {
    let world = World::following().await;
    for operation in ["GetRecords", "BatchGetItem", "GetRecords"] {
        node(&format!("new-{operation}")).put(&world.dynamo).await;
        world.dynamo.delete("node", "05").await;
        cancel_poll_at(&world, move |asked| asked.operation == operation).await;
        world.settles(&["/prom/node"], operation).await;
        node("05").put(&world.dynamo).await;
        world.settles(&["/prom/node"], operation).await;
    }
    assert!(!world.requests().contains("Query"));
    // While all rows are read.
    world.wait(1000);
    cancel_poll_at(&world, |asked| asked.operation == "Query" && asked.page == 3).await;
    node("06-new").put(&world.dynamo).await;
    world.settles(&["/prom/node"], "a cancelled read").await;
}

#[tokio::test]
async fn change_during_whole_read_is_served() {
    let world = World::new((0..9).map(|i| node(&format!("{i:02}")))).await;
    world.poll("/prom/node").await;
    let mut held = world.faulty.hold(|asked| asked.operation == "Query" && asked.page == 4);
    let service = world.service.clone();
    let poll = tokio::spawn(async move { Ask::get("/prom/node").of(&service).await });
    let waiting = held.next().await;
    // Both rows are on pages that the poll has read.
    node("00-new").put(&world.dynamo).await;
    Row::new("node", "01", &["01:2"]).put(&world.dynamo).await;
    drop((waiting, held));
    let polled = poll.await.unwrap().targets();
    assert!(polled.contains(&"00-new:1".to_owned()) && polled.contains(&"01:2".to_owned()), "{polled:?}");
    world.settles(&["/prom/node"], "a change during the read").await;
}

#[tokio::test]
async fn table_without_stream_is_warned_of_once() {
    let dynamo = Dynamo::with_table().await;
    put_all(&dynamo, (0..9).map(|i| node(&format!("{i:02}")))).await;
    let world = World::over(dynamo, settings(), 2);
    let (_, told) = log::of(world.poll("/prom/node")).await;
    assert!(told.contains("changes_unknown") && told.contains("no_stream"), "{told}");
    for _ in 0..3 {
        let (answer, told) = log::of(world.poll("/prom/node")).await;
        assert_eq!(answer.targets().len(), 9);
        assert!(!told.contains("changes_unknown"), "{told}");
    }
    assert_eq!(world.requests(), "DescribeTable 2, Query 20");
    // The function notices a stream that is turned on later.
    world.dynamo.turn_stream(true).await;
    world.wait(1000);
    world.poll("/prom/node").await;
    world.wait(HELD);
    assert_eq!(world.logged("/prom/node").await, "unchanged 1 0");
}

#[tokio::test]
async fn function_that_does_not_follow_logs_no_source() {
    let dynamo = Dynamo::with_stream().await;
    put_all(&dynamo, (0..9).map(|i| node(&format!("{i:02}")))).await;
    let world = World::over(dynamo, Settings { follow_changes: None, ..settings() }, 2);
    for _ in 0..3 {
        let (_, told) = log::of(world.poll("/prom/node")).await;
        for field in ["source=", "stream_requests", "changed_keys", "changes_unknown"] {
            assert!(!told.contains(field), "{field} in {told}");
        }
    }
    assert_eq!(world.requests(), "DescribeTable 1, Query 15");
}

#[tokio::test]
async fn rows_in_memory_respect_the_limit() {
    const MEGABYTE: usize = 1024 * 1024;
    let dynamo = Dynamo::with_stream().await;
    let padding = "x".repeat(100_000);
    let row = |job: &str, i: usize| Row::new(job, &format!("{i:02}"), &["a:1"]).labels([("padding", &padding)]);
    put_all(&dynamo, (0..7).flat_map(|i| ["a", "b"].map(|job| row(job, i)))).await;
    // One megabyte remains for rows: one of the jobs fits.
    let world = World::over(dynamo, Settings { memory: Some(57 * MEGABYTE), ..settings() }, 2);
    for _ in 0..3 {
        for path in ["/prom/a", "/prom/a", "/prom/a", "/prom/b", "/prom/b"] {
            assert_eq!(world.poll(path).await.targets().len(), 7, "{path}");
        }
        assert_eq!(world.logged("/prom/b").await, "unchanged 1 0");
    }
}
