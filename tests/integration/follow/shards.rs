//! Polls that follow a stream whose shards split, close, expire and lag.

use test_support::{fault::InventedStream, log};

use super::{HELD, World, node};

/// Calls `test` with a world whose rows are in memory, and its stream.
async fn with_stream(test: impl AsyncFnOnce(&World, &InventedStream)) {
    let world = World::new((0..9).map(|i| node(&format!("{i:02}")))).await;
    let stream = world.faulty.invent_stream(&world.dynamo);
    for _ in 0..2 {
        world.poll("/prom/node").await;
    }
    world.requests();
    test(&world, stream).await;
}

/// Adds a row, changes one and deletes one. The number makes them different from those of other calls.
async fn change(world: &World, number: usize) {
    node(&format!("new-{number}")).put(&world.dynamo).await;
    test_support::Row::new("node", "03", &[&format!("03:{number}")]).put(&world.dynamo).await;
    world.dynamo.delete("node", &format!("0{}", 4 + number)).await;
}

#[tokio::test]
async fn split_shards_are_followed() {
    with_stream(async |world, stream| {
        for (number, children) in [2, 1].into_iter().enumerate() {
            change(world, 2 * number).await;
            stream.split_into(children);
            world.settles(&["/prom/node"], "changes before a split").await;
            change(world, 2 * number + 1).await;
            world.settles(&["/prom/node"], "changes after a split").await;
        }
        let requests = world.requests();
        assert!(!requests.contains("Query"), "a whole read: {requests}");
        // A look now takes as many requests as a read of the job.
        stream.split_into(5);
        world.poll("/prom/node").await;
        world.requests();
        change(world, 4).await;
        world.equals_table("/prom/node", "a split into many shards").await;
        assert_eq!(world.requests(), "Query 5");
    })
    .await;
}

/// The end of the positions in a stream.
type End = fn(&InventedStream);

#[tokio::test]
async fn lost_positions_cost_a_whole_read() {
    let ends: [(&str, End); 3] =
        [("incomplete", InventedStream::close), ("expired", InventedStream::expire), ("trimmed", InventedStream::trim)];
    for (reason, end) in ends {
        with_stream(async |world, stream| {
            change(world, 0).await;
            end(stream);
            let (polled, told) = log::of(world.poll("/prom/node")).await;
            assert!(told.contains("changes_unknown") && told.contains(reason), "{reason}: {told}");
            let fresh = world.fresh("/prom/node").await;
            assert_eq!((polled.status(), polled.text()), (200, fresh.text()), "{reason}");
            change(world, 1).await;
            world.equals_table("/prom/node", reason).await;
            stream.open(2);
            change(world, 2).await;
            world.settles(&["/prom/node"], reason).await;
            world.requests();
            world.equals_table("/prom/node", reason).await;
            assert!(!world.requests().contains("Query"), "{reason}: still not followed");
        })
        .await;
    }
}

#[tokio::test]
async fn late_records_are_served_when_told() {
    with_stream(async |world, stream| {
        let current = async || world.fresh("/prom/node").await.targets();
        stream.lag(3);
        change(world, 0).await;
        for _ in 0..3 {
            world.poll("/prom/node").await;
        }
        world.serves("/prom/node", &current().await, "a stream late by three polls").await;
        stream.lag(0);
        stream.precede_records(2);
        change(world, 1).await;
        for _ in 0..2 {
            world.poll("/prom/node").await;
        }
        world.serves("/prom/node", &current().await, "empty pages").await;
        world.wait(HELD);
        world.equals_table("/prom/node", "late records").await;
        assert!(!world.requests().contains("Query"));
    })
    .await;
}

#[tokio::test]
async fn stream_turned_on_again_is_followed() {
    let world = World::following().await;
    for on in [false, true] {
        world.dynamo.turn_stream(on).await;
        change(&world, usize::from(on)).await;
        // DynamoDB Local still tells the records of the old stream, and only those.
        world.wait(1000);
        world.settles(&["/prom/node"], "a stream that was turned on or off").await;
    }
    world.wait(1000);
    world.poll("/prom/node").await;
    world.requests();
    change(&world, 2).await;
    world.settles(&["/prom/node"], "a stream that is on again").await;
    assert!(!world.requests().contains("Query"));
}
