//! Shards that split, close, expire and lag, which only an invented stream does.

use http_sd_lambda::table::Changes;
use test_support::{
    Dynamo,
    fault::{FaultyDynamo, InventedStream},
};

use super::{keys, look, put, start};

/// Calls `test` with a table, its invented stream and the positions in it.
async fn with_stream(test: impl AsyncFnOnce(&Dynamo, &InventedStream, &mut Changes)) {
    let dynamo = Dynamo::with_stream().await;
    let faulty = FaultyDynamo::before(&dynamo);
    let stream = faulty.invent_stream(&dynamo);
    let mut changes = start(&dynamo, &faulty).await.unwrap();
    test(&dynamo, stream, &mut changes).await;
}

#[tokio::test]
async fn split_shard_is_read_to_its_end() {
    // The number of changes before and after the split, and of children.
    for (before, after, children) in [(0, 0, 1), (0, 3, 1), (3, 0, 1), (3, 3, 1), (0, 9, 2), (9, 0, 2), (9, 9, 3)] {
        with_stream(async |dynamo, stream, changes| {
            let all: Vec<String> = (0..before + after).map(|i| format!("{i}")).collect();
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            put(dynamo, &all[..before]).await;
            stream.split_into(children);
            put(dynamo, &all[before..]).await;
            assert_eq!(look(changes).await, Ok(keys(&all)), "{before}, {after}, {children}");
            assert_eq!((look(changes).await, changes.shards()), (Ok(vec![]), children));
            put(dynamo, &all).await;
            assert_eq!(look(changes).await, Ok(keys(&all)), "later");
        })
        .await;
    }
}

#[tokio::test]
async fn generations_between_looks_are_all_read() {
    with_stream(async |dynamo, stream, changes| {
        let groups = ["a", "b", "c", "d", "e", "f"];
        for pair in groups.chunks(2) {
            put(dynamo, pair).await;
            stream.split_into(2);
        }
        assert_eq!(look(changes).await, Ok(keys(&groups)));
        assert_eq!((look(changes).await, changes.shards()), (Ok(vec![]), 8));
    })
    .await;
}

#[tokio::test]
async fn start_takes_open_shards_of_all_pages() {
    let dynamo = Dynamo::with_stream().await;
    let faulty = FaultyDynamo::before(&dynamo);
    let stream = faulty.invent_stream(&dynamo);
    stream.pages_of(4, 1000);
    for _ in 0..3 {
        stream.split_into(2);
    }
    put(&dynamo, &["old"]).await;
    let mut changes = start(&dynamo, &faulty).await.unwrap();
    // 15 shards on 4 pages; 8 positions, each read once.
    assert_eq!((changes.shards(), changes.requests()), (8, 4 + 8 + 8));
    let groups: Vec<String> = (0..20).map(|i| format!("{i:02}")).collect();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    put(&dynamo, &groups).await;
    assert_eq!(look(&mut changes).await, Ok(keys(&groups)));
    stream.split_into(2);
    put(&dynamo, &groups).await;
    assert_eq!(look(&mut changes).await, Ok(keys(&groups)), "children on later pages");
}

#[tokio::test]
async fn shard_without_children_is_unknown_until_continued() {
    with_stream(async |dynamo, stream, changes| {
        put(dynamo, &["a"]).await;
        stream.close();
        put(dynamo, &["b"]).await;
        for _ in 0..2 {
            assert_eq!(look(changes).await.unwrap_err().reason(), "incomplete");
        }
        stream.open(2);
        put(dynamo, &["c"]).await;
        assert_eq!(look(changes).await, Ok(keys(&["a", "b", "c"])), "no change is lost");
    })
    .await;
}

#[tokio::test]
async fn start_at_closed_shard_finds_its_children() {
    let dynamo = Dynamo::with_stream().await;
    let faulty = FaultyDynamo::before(&dynamo);
    let stream = faulty.invent_stream(&dynamo);
    stream.close();
    assert_eq!(start(&dynamo, &faulty).await.unwrap_err().reason(), "incomplete");
    let mut hold = faulty.hold(|asked| asked.operation == "GetRecords");
    let (changes, ()) = tokio::join!(start(&dynamo, &faulty), async {
        let read = hold.next().await;
        stream.open(2);
        drop(hold);
        read.pass().await;
    });
    let mut changes = changes.unwrap();
    assert_eq!(changes.shards(), 2);
    put(&dynamo, &["a"]).await;
    assert_eq!(look(&mut changes).await, Ok(keys(&["a"])));
}

#[tokio::test]
async fn expired_position_is_unknown() {
    with_stream(async |dynamo, stream, changes| {
        put(dynamo, &["a"]).await;
        stream.expire();
        for _ in 0..2 {
            let error = look(changes).await.unwrap_err();
            assert_eq!((error.reason(), error.is_transient()), ("expired", false));
        }
    })
    .await;
}

#[tokio::test]
async fn trimmed_records_are_unknown() {
    with_stream(async |dynamo, stream, changes| {
        stream.trim();
        assert_eq!(look(changes).await, Ok(vec![]), "no record was lost");
        put(dynamo, &["a"]).await;
        stream.trim();
        put(dynamo, &["b"]).await;
        let error = look(changes).await.unwrap_err();
        assert_eq!((error.reason(), error.is_transient()), ("trimmed", false));
    })
    .await;
}

#[tokio::test]
async fn lagging_stream_tells_changes_in_order() {
    with_stream(async |dynamo, stream, changes| {
        stream.lag(3);
        put(dynamo, &["a"]).await;
        assert_eq!(look(changes).await, Ok(vec![]));
        put(dynamo, &["b"]).await;
        for expected in [&[][..], &[], &["a", "b"], &[]] {
            assert_eq!(look(changes).await, Ok(keys(expected)));
        }
    })
    .await;
}

#[tokio::test]
async fn records_behind_empty_pages_are_found() {
    with_stream(async |dynamo, stream, changes| {
        stream.precede_records(2);
        put(dynamo, &["a"]).await;
        for expected in [&[][..], &[], &["a"], &[]] {
            assert_eq!(look(changes).await, Ok(keys(expected)));
        }
        stream.split_into(2);
        put(dynamo, &["b"]).await;
        for expected in [&[][..], &[], &["b"], &[]] {
            assert_eq!(look(changes).await, Ok(keys(expected)), "after a split");
        }
    })
    .await;
}

#[tokio::test]
async fn too_many_pages_are_unknown() {
    with_stream(async |dynamo, stream, changes| {
        stream.pages_of(100, 1);
        let groups: Vec<String> = (0..41).map(|i| format!("{i:02}")).collect();
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        put(dynamo, &groups[..40]).await;
        assert_eq!(look(changes).await, Ok(keys(&groups[..40])));
        put(dynamo, &groups).await;
        assert_eq!(look(changes).await.unwrap_err().reason(), "too_many");
    })
    .await;
}
