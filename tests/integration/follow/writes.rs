//! Each kind of write shows in the list.

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use http_sd_lambda::{
    http::{Access, Credential, Service, TokenHash},
    table::{Table, row_key},
};
use test_support::{
    Ask, Dynamo, Row, TOKEN,
    engine::{TABLE, function_client, stream_client},
    row::{list, n, put_all, s},
};

use super::{HELD, NOW, World, node, settings};

const PATHS: [&str; 2] = ["/prom/node", "/prom"];

/// A world with two jobs in memory, as a job and as a part of the table.
async fn two_jobs() -> World {
    let rows = (0..10).map(|i| node(&format!("{i:02}")));
    let world = World::new(rows.chain([Row::new("db", "a", &["db-a:1"])])).await;
    for path in PATHS.repeat(2) {
        assert_eq!(world.poll(path).await.status(), 200);
    }
    world.requests();
    world
}

#[tokio::test]
async fn every_kind_of_write_is_served() {
    let world = two_jobs().await;
    let dynamo = &world.dynamo;
    let settles = async |change| world.settles(&PATHS, change).await;

    node("new").put(dynamo).await;
    settles("a put").await;
    Row::new("node", "03", &["03:1", "03:2"]).labels([("env", "prod")]).put(dynamo).await;
    settles("a put over a row").await;
    let update = dynamo.client.update_item().table_name(TABLE).set_key(Some(row_key("node", "03")));
    let update = update.update_expression("SET targets = :t").expression_attribute_values(":t", list([s("03:3")]));
    update.send().await.unwrap();
    settles("an update").await;
    dynamo.delete("node", "04").await;
    settles("a deletion").await;
    put_all(dynamo, (20..60).map(|i| node(&format!("{i}")))).await;
    settles("a batch").await;

    let put = Put::builder().table_name(TABLE).set_item(Some(row_key("node", "broken"))).build().unwrap();
    let delete = Delete::builder().table_name(TABLE).set_key(Some(row_key("node", "05"))).build().unwrap();
    let writes = [TransactWriteItem::builder().put(put).build(), TransactWriteItem::builder().delete(delete).build()];
    dynamo.client.transact_write_items().set_transact_items(Some(writes.into())).send().await.unwrap();
    for path in PATHS {
        assert_eq!(world.poll(path).await.code(), (500, "invalid_group".into()), "{path}");
    }
    node("broken").put(dynamo).await;
    settles("a transaction with a broken row").await;

    Row::new("cache", "a", &["cache-a:1"]).put(dynamo).await;
    settles("the first row of a job").await;
    dynamo.delete("cache", "a").await;
    settles("the last row of a job").await;
    dynamo.delete("db", "a").await;
    settles("the last row of another job").await;
    for group in ["06", "07"] {
        node(&format!("{group}-renamed")).put(dynamo).await;
        Row::new("node", &format!("{group}-renamed"), &[&format!("{group}:1")]).put(dynamo).await;
        dynamo.delete("node", group).await;
    }
    settles("renaming").await;
    let requests = world.requests();
    assert!(!requests.contains("Query") && !requests.contains("Scan"), "a whole read: {requests}");
}

#[tokio::test]
async fn leases_end_and_renew_without_whole_reads() {
    let world = World::new((0..10).map(|i| node(&format!("{i:02}")).with("expires_at", n(NOW + 100 + i)))).await;
    for _ in 0..2 {
        world.poll("/prom/node").await;
    }
    world.requests();
    let dynamo = &world.dynamo;
    world.wait(98);
    // Another client renews four leases; the others end one by one, and are kept when enough have ended together.
    for i in 0..4 {
        node(&format!("{i:02}")).with("expires_at", n(NOW + 1000)).put(dynamo).await;
    }
    for _ in 0..14 {
        world.equals_table("/prom/node", "a renewal").await;
        world.wait(1);
    }
    // Without a lease, with a lease that ended long ago, and a lease that comes back.
    node("04").put(dynamo).await;
    node("05").with("expires_at", n(NOW - 90_000)).put(dynamo).await;
    world.settles(&["/prom/node"], "leases that change").await;
    node("05").with("expires_at", n(NOW + 5000)).put(dynamo).await;
    // As DynamoDB deletes an expired row.
    dynamo.delete("node", "09").await;
    world.settles(&["/prom/node"], "an expired row that came back").await;
    let requests = world.requests();
    assert!(!requests.contains("Query"), "a whole read: {requests}");
}

#[tokio::test]
async fn row_that_expired_before_the_read_returns() {
    let over = |group: &str| node(group).with("expires_at", n(NOW - 90_000));
    let world = World::new((0..10).map(|i| over(&format!("{i:02}"))).chain([node("on")])).await;
    for _ in 0..2 {
        assert_eq!(world.poll("/prom/node").await.targets(), ["on:1"]);
    }
    world.requests();
    world.equals_table("/prom/node", "nothing").await;
    node("03").with("expires_at", n(NOW + 1000)).put(&world.dynamo).await;
    assert_eq!(world.poll("/prom/node").await.targets(), ["03:1", "on:1"]);
    world.dynamo.delete("node", "04").await;
    world.equals_table("/prom/node", "a deletion of an expired row").await;
    assert!(!world.requests().contains("Query"));
}

#[tokio::test]
async fn ten_thousand_changes_are_one_poll() {
    let world = World::over(Dynamo::with_stream().await, settings(), 1000);
    let some =
        |numbers: std::ops::Range<i32>, target| numbers.map(move |i| Row::new("node", &format!("{i:05}"), &[target]));
    put_all(&world.dynamo, some(0..1100, "a:1")).await;
    for _ in 0..2 {
        assert_eq!(world.poll("/prom/node").await.targets().len(), 1100);
    }
    put_all(&world.dynamo, some(500..10_500, "b:1")).await;
    let logged = world.logged("/prom/node").await;
    assert!(logged.starts_with("read ") && logged.ends_with(" 10000"), "more batches of keys than pages: {logged}");
    world.equals_table("/prom/node", "many changes").await;
    put_all(&world.dynamo, some(0..500, "c:1")).await;
    assert_eq!(world.logged("/prom/node").await, "changes 2 500");
    world.wait(HELD);
    world.equals_table("/prom/node", "some of many rows").await;
}

/// A token can be limited to jobs, so that `/prom` has the rows of several jobs.
#[tokio::test]
async fn list_of_some_jobs_follows_changes() {
    let world = two_jobs().await;
    let endpoint = world.faulty.endpoint();
    let table = Table::new(function_client(&endpoint), TABLE).with_streams(stream_client(&endpoint));
    let credential: Credential = format!("some:{}:node|none", TokenHash::of(TOKEN.as_bytes())).parse().unwrap();
    let service = Service::new(table, Access::Token(vec![credential]), settings());
    let targets = async || Ask::get("/prom").bearer(TOKEN).of(&service).await.targets();
    for _ in 0..2 {
        assert_eq!(targets().await.len(), 10);
    }
    world.requests();
    Row::new("none", "a", &["none-a:1"]).put(&world.dynamo).await;
    Row::new("db", "b", &["db-b:1"]).put(&world.dynamo).await;
    let polled = targets().await;
    assert!(polled.contains(&"none-a:1".to_owned()) && !polled.contains(&"db-b:1".to_owned()), "{polled:?}");
    assert_eq!(world.requests(), "BatchGetItem 1, GetRecords 2");
}
