//! Reads of the table: pages, segments, order and leases.

use http_sd_lambda::{
    group::{EpochSeconds, Job},
    http::Settings,
    table::{Detail, Pages},
};
use test_support::{
    Ask, Dynamo, Row,
    ask::service,
    row::{n, put_all},
};

/// Enough rows of about one kilobyte for several pages of one megabyte.
const ROWS: usize = 4000;

fn group(i: usize) -> String {
    format!("group-{i:05}")
}

async fn several_pages() -> Dynamo {
    let dynamo = Dynamo::with_table().await;
    let padding = "x".repeat(900);
    put_all(
        &dynamo,
        (0..ROWS).map(|i| Row::new("big", &group(i), &[&format!("host-{i}:9100")]).labels([("padding", &padding)])),
    )
    .await;
    put_all(&dynamo, (0..50).map(|i| Row::new("another", &group(i), &[&format!("other-{i}:9100")]))).await;
    dynamo
}

async fn count(mut pages: Pages) -> (usize, usize) {
    let (mut count, mut rows) = (0, 0);
    let mut page = Some(pages.first().await.unwrap());
    while let Some(current) = page {
        let content = current.content().unwrap();
        count += 1;
        rows += content.rows.len();
        page = pages.next(content.next).await.unwrap();
    }
    (count, rows)
}

#[tokio::test]
async fn all_pages_are_served_in_order() {
    let dynamo = several_pages().await;
    let table = dynamo.table();
    let (pages, rows) = count(table.job(&Job::new("big").unwrap(), Detail::Served)).await;
    assert!(pages > 3, "only {pages} pages: the test proves nothing");
    assert_eq!(rows, ROWS);
    let mut scanned = (0, 0);
    for segment in 0..3 {
        let (pages, rows) = count(table.segment(segment, 3, Detail::Served)).await;
        scanned = (scanned.0 + pages, scanned.1 + rows);
    }
    assert!(scanned.0 > 5, "only {} pages: the test proves nothing", scanned.0);
    assert_eq!(scanned.1, ROWS + 50);

    let service = service(&dynamo, Settings::default());
    let big: Vec<String> = (0..ROWS).map(|i| format!("host-{i}:9100")).collect();
    let other: Vec<String> = (0..50).map(|i| format!("other-{i}:9100")).collect();
    assert_eq!(Ask::get("/prom/big").of(&service).await.targets(), big);
    assert_eq!(Ask::get("/prom").of(&service).await.targets(), [other, big].concat());
}

#[tokio::test]
async fn all_jobs_are_sorted_by_job_and_group() {
    let dynamo = Dynamo::with_table().await;
    for (job, group) in [("b", "2"), ("a", "10"), ("b", "1"), ("a", "9"), ("é", "x"), ("B", "y")] {
        Row::new(job, group, &[&format!("{job}/{group}")]).put(&dynamo).await;
    }
    let answer = Ask::get("/prom").of(&service(&dynamo, Settings::default())).await;
    assert_eq!(answer.targets(), ["B/y", "a/10", "a/9", "b/1", "b/2", "é/x"]);
}

#[tokio::test]
async fn group_is_served_until_its_lease_expires() {
    let dynamo = Dynamo::with_table().await;
    let EpochSeconds(now) = EpochSeconds::now();
    Row::new("node", "1-no-lease", &["1:1"]).put(&dynamo).await;
    Row::new("node", "2-runs", &["2:1"]).with("expires_at", n(now + 600)).put(&dynamo).await;
    Row::new("node", "3-lapsed", &["3:1"]).with("expires_at", n(now - 1)).put(&dynamo).await;
    Row::new("node", "4-to-be-deleted-later", &["4:1"]).with("delete_at", n(now + 600)).put(&dynamo).await;
    Row::new("node", "5-to-be-deleted", &["5:1"]).with("delete_at", n(now - 1)).put(&dynamo).await;
    Row::key("node", "6-lapsed-and-broken").with("expires_at", n(now - 1)).put(&dynamo).await;
    let service = service(&dynamo, Settings::default());
    for path in ["/prom/node", "/prom"] {
        assert_eq!(Ask::get(path).of(&service).await.targets(), ["1:1", "2:1", "4:1"], "{path}");
    }
}

#[tokio::test]
async fn job_with_only_expired_leases_is_empty() {
    let dynamo = Dynamo::with_table().await;
    Row::new("node", "a", &["a:1"]).with("expires_at", n(1)).put(&dynamo).await;
    let answer = Ask::get("/prom/node").of(&service(&dynamo, Settings::default())).await;
    assert_eq!((answer.status(), answer.text()), (200, "[]"));
}

#[tokio::test]
async fn sample_fleet_is_served_unchanged() {
    let dynamo = Dynamo::with_table().await;
    let sample = dynamo.put_sample().await;
    let served = Ask::get("/prom").of(&service(&dynamo, Settings::default())).await;
    let mut expected: Vec<_> =
        sample.iter().map(|g| (&g.job, &g.name, serde_json::to_string(&g.group).unwrap())).collect();
    expected.sort();
    let expected: Vec<String> = expected.into_iter().map(|(_, _, json)| json).collect();
    assert_eq!(served.text(), format!("[{}]", expected.join(",")));
}
