//! Changes as a real engine tells them.

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use http_sd_lambda::table::{Changes, Unknown, row_key, stream_arn};
use test_support::{
    Dynamo, Row,
    engine::{TABLE, is_dynamodb_local},
    fault::FaultyDynamo,
    row::{n, put_all, s},
};

use super::{keys, look, put, start};

#[tokio::test]
async fn every_kind_of_write_is_told_once() {
    let dynamo = Dynamo::with_stream().await;
    let faulty = FaultyDynamo::before(&dynamo);
    put(&dynamo, &["before"]).await;
    let mut changes = start(&dynamo, &faulty).await.unwrap();
    assert_eq!(look(&mut changes).await, Ok(vec![]), "a change before the start");

    put(&dynamo, &["put"]).await;
    assert_eq!(look(&mut changes).await, Ok(keys(&["put"])));
    assert_eq!(look(&mut changes).await, Ok(vec![]), "told once");

    let update = dynamo.client.update_item().table_name(TABLE).set_key(Some(row_key("node", "put")));
    let update = update.update_expression("SET expires_at = :t").expression_attribute_values(":t", n(1));
    update.send().await.unwrap();
    assert_eq!(look(&mut changes).await, Ok(keys(&["put"])), "an update");

    dynamo.delete("node", "put").await;
    assert_eq!(look(&mut changes).await, Ok(keys(&["put"])), "a deletion");

    put_all(&dynamo, [Row::new("node", "b1", &["b:1"]), Row::new("other", "b2", &["b:1"])]).await;
    assert_eq!(look(&mut changes).await, Ok(vec!["node/b1".into(), "other/b2".into()]), "a batch");

    let writes = ["t1", "t2"].map(|group| {
        let row = [row_key("node", group), [("targets".to_owned(), AttributeValue::L(vec![s("t:1")]))].into()];
        let put = Put::builder().table_name(TABLE).set_item(Some(row.into_iter().flatten().collect()));
        TransactWriteItem::builder().put(put.build().unwrap()).build()
    });
    dynamo.client.transact_write_items().set_transact_items(Some(writes.into())).send().await.unwrap();
    assert_eq!(look(&mut changes).await, Ok(keys(&["t1", "t2"])), "a transaction");

    put(&dynamo, &["x", "y", "x"]).await;
    assert_eq!(look(&mut changes).await, Ok(keys(&["x", "y"])), "several writes of a row");
}

#[tokio::test]
async fn unchanged_table_costs_one_request_a_shard() {
    let dynamo = Dynamo::with_stream().await;
    let faulty = FaultyDynamo::before(&dynamo);
    let mut changes = start(&dynamo, &faulty).await.unwrap();
    assert_eq!((changes.requests(), changes.shards()), (3, 1), "each operation once");
    for looks in 1..=3 {
        assert_eq!(look(&mut changes).await, Ok(vec![]));
        assert_eq!(changes.requests(), 3 + looks);
    }
}

#[tokio::test]
async fn several_pages_of_records_are_one_look() {
    let dynamo = Dynamo::with_stream().await;
    let faulty = FaultyDynamo::before(&dynamo);
    let mut changes = start(&dynamo, &faulty).await.unwrap();
    let groups: Vec<String> = (0..2_100).map(|i| format!("{i:04}")).collect();
    put_all(&dynamo, groups.iter().map(|group| Row::new("node", group, &["a:1"]))).await;
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    assert_eq!(look(&mut changes).await, Ok(keys(&groups)));
    // DynamoDB returns at most 1000 records in a page.
    assert!(changes.requests() >= 3 + 3, "{} requests", changes.requests());
    assert_eq!(look(&mut changes).await, Ok(vec![]));
}

#[tokio::test]
async fn table_without_stream_is_unknown() {
    let dynamo = Dynamo::with_table().await;
    let faulty = FaultyDynamo::before(&dynamo);
    assert_eq!(start(&dynamo, &faulty).await.err(), Some(Unknown::NoStream));
    dynamo.turn_stream(true).await;
    start(&dynamo, &faulty).await.unwrap();
    dynamo.turn_stream(false).await;
    assert_eq!(start(&dynamo, &faulty).await.err(), Some(Unknown::NoStream), "turned off");
}

#[tokio::test]
async fn stream_turned_on_again_is_another_one() {
    let dynamo = Dynamo::with_stream().await;
    let before = dynamo.table().description().await.unwrap();
    dynamo.turn_stream(false).await;
    let off = dynamo.table().description().await.unwrap();
    assert_eq!(stream_arn(&off), Err(Unknown::NoStream));
    dynamo.turn_stream(true).await;
    let after = dynamo.table().description().await.unwrap();
    assert_ne!(stream_arn(&after), stream_arn(&before));
}

#[tokio::test]
async fn deleted_stream_cannot_be_followed() {
    let dynamo = Dynamo::with_stream().await;
    let faulty = FaultyDynamo::before(&dynamo);
    let arn = stream_arn(&dynamo.table().description().await.unwrap()).unwrap().to_owned();
    dynamo.delete_table().await;
    let error = Changes::start(faulty.stream_client(), arn).await.unwrap_err();
    // DynamoDB Local keeps the stream of a deleted table, with the status of a disabled one.
    let expected = if is_dynamodb_local() { "no_stream" } else { "missing" };
    assert_eq!(error.reason(), expected, "{error}");
}
