//! `?shard=i&of=n`: each target is in one shard, the one that Prometheus's `hashmod` computes.

use std::{collections::HashMap, time::Duration};

use http::{Method, header};
use http_sd_lambda::http::{Service, Settings, TokenHash};
use test_support::{
    Answer, Ask, Dynamo, Row, TOKEN,
    access::token_access,
    ask::service,
    log,
    part::fails_with_the_whole_list,
    row::{put_all, tenths_of_a_page},
};

const MINUTE: Duration = Duration::from_mins(1);

/// Targets in the shards 2, 0, 2 and 1, 1 of 3, as computed with Python's `hashlib`.
async fn two_groups() -> Dynamo {
    let dynamo = Dynamo::with_table().await;
    let web = Row::new("node", "web", &["10.0.0.1:9100", "[::1]:9100", "müller.example:9100"]);
    web.labels([("env", "prod")]).put(&dynamo).await;
    Row::new("node", "db", &["a", "web-1.example.internal:9100"]).put(&dynamo).await;
    Row::new("node", "none", &[]).put(&dynamo).await;
    dynamo
}

#[tokio::test]
async fn shard_has_hashmod_targets_in_their_groups() {
    let dynamo = two_groups().await;
    let service = service(&dynamo, Settings::default());
    let shards = [
        r#"[{"targets":["[::1]:9100"],"labels":{"env":"prod"}}]"#,
        r#"[{"targets":["a","web-1.example.internal:9100"],"labels":{}}]"#,
        r#"[{"targets":["10.0.0.1:9100","müller.example:9100"],"labels":{"env":"prod"}}]"#,
    ];
    for (shard, body) in shards.into_iter().enumerate() {
        for path in ["/prom/node", "/prom", "/prom/node/"] {
            let answer = Ask::get(&format!("{path}?shard={shard}&of=3")).of(&service).await;
            assert_eq!((answer.status(), answer.text()), (200, body), "{path} {shard}");
        }
    }
    assert_eq!(
        Ask::get("/prom?shard=0&meta=true&of=3").of(&service).await.text(),
        r#"[{"targets":["[::1]:9100"],"labels":{"__meta_dynamodb_group":"web","__meta_dynamodb_job":"node","env":"prod"}}]"#
    );
    // A group without targets is in no shard, even if there is only one shard.
    assert_eq!(Ask::get("/prom/node").of(&service).await.groups().len(), 3);
    assert_eq!(Ask::get("/prom/node?shard=0&of=1").of(&service).await.groups().len(), 2);
}

/// Returns every target with its labels, in order.
fn targets(answer: &Answer) -> Vec<String> {
    let groups = answer.groups().into_iter();
    groups.flat_map(|g| g.targets.into_iter().map(move |target| format!("{target} {:.200?}", g.labels))).collect()
}

#[tokio::test]
async fn shards_partition_a_list_of_several_pages() {
    let dynamo = Dynamo::with_table().await;
    let padding = "x".repeat(20_000);
    let rows = (0..120).map(|i| {
        let all: Vec<String> = (0..7).map(|j| format!("host-{i}-{j}.example:{}", 9100 + j)).collect();
        let targets: Vec<&str> = all.iter().map(String::as_str).collect();
        Row::new("node", &format!("{i:03}"), &targets).labels([("padding", &padding)])
    });
    put_all(&dynamo, rows).await;
    put_all(&dynamo, (0..30).map(|i| Row::new("other", &format!("{i:03}"), &[&format!("other-{i}:1")]))).await;
    let service = service(&dynamo, Settings::default());
    let (answer, log) = log::of(Ask::get("/prom/node").of(&service)).await;
    assert!(log.contains("pages=3"), "the test proves nothing: {log}");
    assert_eq!(answer.targets().len(), 840);

    for path in ["/prom/node?meta=true", "/prom?meta=true"] {
        let whole = targets(&Ask::get(path).of(&service).await);
        let places: HashMap<&String, usize> = whole.iter().zip(0..).collect();
        assert_eq!(places.len(), whole.len(), "a target occurs twice: the test proves nothing");
        for of in [1, 2, 7] {
            let mut found = Vec::new();
            for shard in 0..of {
                let part = targets(&Ask::get(&format!("{path}&shard={shard}&of={of}")).of(&service).await);
                let part: Vec<usize> = part.iter().map(|target| places[target]).collect();
                assert!(part.is_sorted(), "{path} {shard}/{of}");
                assert!(part.len() * of < whole.len() * 2, "{path} {shard}/{of} has {} targets", part.len());
                found.extend(part);
            }
            found.sort_unstable();
            assert_eq!(found, (0..whole.len()).collect::<Vec<_>>(), "{path} of={of}");
        }
    }
}

#[tokio::test]
async fn shards_have_separate_etags() {
    let dynamo = two_groups().await;
    let service = service(&dynamo, Settings::default());
    let mut etags: Vec<String> = Vec::new();
    for query in ["", "?shard=0&of=3", "?shard=1&of=3", "?shard=2&of=3"] {
        let path = format!("/prom/node{query}");
        let get = Ask::get(&path).of(&service).await;
        let etag = get.header(header::ETAG).unwrap().to_owned();
        let head = Ask::get(&path).method(Method::HEAD).of(&service).await;
        assert_eq!((head.text(), head.header(header::ETAG)), ("", Some(etag.as_str())));
        assert_eq!(head.header(header::CONTENT_LENGTH), Some(get.0.body().len().to_string().as_str()));
        assert_eq!(Ask::get(&path).header(header::IF_NONE_MATCH, &etag).of(&service).await.status(), 304);
        for other in &etags {
            assert_eq!(Ask::get(&path).header(header::IF_NONE_MATCH, other).of(&service).await.status(), 200);
        }
        etags.push(etag);
    }
    // A change outside of a shard does not change the shard.
    Row::new("node", "web", &["10.0.0.1:9100", "[::1]:9100"]).labels([("env", "prod")]).put(&dynamo).await;
    let again = |shard: usize| {
        Ask::get(&format!("/prom/node?shard={shard}&of=3")).header(header::IF_NONE_MATCH, &etags[shard + 1])
    };
    for (shard, status) in [(0, 304), (1, 304), (2, 200)] {
        assert_eq!(again(shard).of(&service).await.status(), status, "{shard}");
    }
}

#[tokio::test]
async fn shards_share_cached_rows_but_no_response() {
    let dynamo = two_groups().await;
    let service = service(&dynamo, Settings { cache: MINUTE, ..Settings::default() });
    let cases = [("", 5), ("?shard=0&of=3", 1), ("?shard=1&of=3", 2), ("?of=3&shard=2", 2), ("?shard=0&of=2", 3)];
    for _ in 0..2 {
        for (query, targets) in cases {
            let found = Ask::get(&format!("/prom/node{query}")).of(&service).await.targets();
            assert_eq!(found.len(), targets, "{query}");
        }
        // Now the rows exist only in memory.
        for group in ["web", "db", "none"] {
            dynamo.delete("node", group).await;
        }
    }
    // Another shard causes no read.
    assert_eq!(Ask::get("/prom/node?shard=1&of=2").of(&service).await.targets().len(), 2);
}

#[tokio::test]
async fn token_with_jobs_reads_their_part_of_shard() {
    let dynamo = two_groups().await;
    // In the shards 1 and 0 of 3.
    Row::new("app", "one", &["b:1"]).put(&dynamo).await;
    Row::new("secret", "one", &["m:1"]).put(&dynamo).await;
    let access = token_access(&format!("two:{}:node|app", TokenHash::of(TOKEN.as_bytes())));
    let service = Service::new(dynamo.table(), access, Settings { cache: MINUTE, ..Settings::default() });
    let cases: [(&str, &[&str]); 4] = [
        ("/prom?shard=0&of=3", &["[::1]:9100"]),
        ("/prom?shard=1&of=3", &["b:1", "a", "web-1.example.internal:9100"]),
        ("/prom/node?shard=0&of=3", &["[::1]:9100"]),
        ("/prom/app?shard=0&of=3", &[]),
    ];
    for (path, targets) in cases {
        assert_eq!(Ask::get(path).bearer(TOKEN).of(&service).await.targets(), targets, "{path}");
    }
    for (path, status) in [("/prom/secret?shard=0&of=3", 403), ("/prom?shard=3&of=3", 400)] {
        assert_eq!(Ask::get(path).bearer(TOKEN).of(&service).await.status(), status, "{path}");
    }
    assert_eq!(Ask::get("/prom?shard=3&of=3").of(&service).await.status(), 401);
}

#[tokio::test]
async fn log_has_shard_and_warns_of_empty_job() {
    let dynamo = two_groups().await;
    let service = service(&dynamo, Settings::default());
    let of = async |path: &str| log::of(Ask::get(path).of(&service)).await.1;
    let log = of("/prom/node?shard=2&of=3").await;
    for field in ["shard=\"2/3\"", "job=\"node\"", "rows=3", "groups=1", "targets=2"] {
        assert!(log.contains(field), "no {field} in {log}");
    }
    assert!(!of("/prom/node").await.contains("shard="));
    for path in ["/prom/node?shard=3&of=1024", "/prom?shard=3&of=1024"] {
        let log = of(path).await;
        assert!(log.contains("groups=0") && log.contains("rows=3"), "{log}");
        assert!(!log.contains("WARN") && !log.contains("empty"), "{log}");
    }
    let log = of("/prom/nodes?shard=2&of=3").await;
    assert!(log.contains("event=\"empty_job\"") && log.contains("job=\"nodes\""), "{log}");
    let open =
        Service::new(dynamo.table(), token_access(&TokenHash::of(b"test-secret").to_string()), Settings::default());
    let (_, log) = log::of(Ask::get("/prom/node?shard=2&of=3").of(&open)).await;
    assert!(log.contains("status=401") && !log.contains("shard="), "{log}");
}

#[tokio::test]
async fn failed_list_fails_every_shard() {
    let paths =
        ["/prom", "/prom/node"].into_iter().flat_map(|path| (0..3).map(move |i| format!("{path}?shard={i}&of=3")));
    fails_with_the_whole_list(&paths.collect::<Vec<_>>(), async |_| {}).await;
}

#[tokio::test]
async fn oversized_list_can_be_read_in_shards() {
    let dynamo = Dynamo::with_table().await;
    put_all(&dynamo, tenths_of_a_page(70)).await;
    let service = service(&dynamo, Settings::default());
    let (status, code, message) = Ask::get("/prom/node").of(&service).await.error();
    assert_eq!((status, code.as_str()), (500, "response_too_large"));
    assert!(message.contains("?shard=0&of=4"), "{message}");
    let mut found = 0;
    for shard in 0..4 {
        let path = format!("/prom/node?shard={shard}&of=4");
        let answer = Ask::get(&path).of(&service).await;
        assert_eq!(Ask::get(&path).gzip().of(&service).await.unzipped(), answer.text(), "{shard}");
        found += answer.targets().len();
    }
    assert_eq!(found, 70);
}
