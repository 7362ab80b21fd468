//! Leases: one time for a whole read, and leases that lapse together.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use http_sd_lambda::{
    http::{Access, Clock, OnInvalid, ResponseMode, Service, Settings, TokenHash},
    table::Table,
};
use proptest::{
    collection::vec,
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use test_support::{
    Ask, Dynamo, Row, TOKEN,
    access::token_access,
    clock::{NOW, at_now},
    fault::{Fault, FaultyDynamo},
    log,
    row::{n, put_all},
};

const GRACE: i64 = 3600;
const PATHS: [&str; 2] = ["/prom/node", "/prom"];

fn settings() -> Settings {
    let lease_grace = Duration::from_secs(GRACE.unsigned_abs());
    Settings { lease_grace, response_mode: ResponseMode::Stream, ..Settings::default() }
}

/// A service and its clock.
fn service_at(table: Table, settings: Settings, now: i64) -> (Service, Arc<AtomicI64>) {
    let clock = Arc::new(AtomicI64::new(now));
    let service = Service::new(table, Access::Open, settings).with_clock(Clock::Set(clock.clone()));
    (service, clock)
}

/// A group of the job `node` whose lease expires at `end`, with a target of the same name.
fn leased(group: &str, end: i64) -> Row {
    Row::new("node", group, &[group]).with("expires_at", n(end))
}

async fn targets(path: &str, service: &Service) -> String {
    Ask::get(path).of(service).await.targets().join(" ")
}

/// Rows of several jobs, on several pages of each job and segment. Their leases expire at `end`.
async fn pages_of_leases(end: i64) -> Dynamo {
    let dynamo = Dynamo::with_table().await;
    let padding = "x".repeat(300_000);
    let row = |i: usize| {
        let row = Row::new(["node", "b", "c", "d"][i % 4], &format!("{i:02}"), &[&format!("{i}:1")]);
        row.labels([("padding", &padding)]).with("expires_at", n(end))
    };
    put_all(&dynamo, (0..40).map(row)).await;
    dynamo
}

#[tokio::test]
async fn lease_expiry_is_judged_at_the_read_start() {
    let dynamo = pages_of_leases(NOW + 10).await;
    let faulty = FaultyDynamo::before(&dynamo);
    let (service, clock) = service_at(faulty.table(), Settings { lease_grace: Duration::ZERO, ..settings() }, NOW);
    for (path, all) in PATHS.into_iter().zip([10, 40]) {
        for (at_first, later, expected) in [(NOW, NOW + 10, all), (NOW + 9, NOW + 10, all), (NOW + 10, NOW, 0)] {
            clock.store(at_first, Ordering::SeqCst);
            let ticking = clock.clone();
            faulty.fail(move |_, is_later_page| {
                if is_later_page {
                    ticking.store(later, Ordering::SeqCst);
                }
                Fault::None
            });
            let served = Ask::get(path).of(&service).await.targets().len();
            assert_eq!(served, expected, "{path} {at_first} {later}");
            assert_eq!(clock.load(Ordering::SeqCst), later, "{path}: only one page: the test proves nothing");
        }
    }
}

#[tokio::test]
async fn lapsed_together_groups_stay_for_grace_time() {
    let dynamo = Dynamo::with_table().await;
    for (group, end) in [("a", NOW), ("c", NOW - 200), ("e", NOW - 300), ("f", NOW + 9999), ("h", NOW - 9999)] {
        leased(group, end).put(&dynamo).await;
    }
    for group in ["b", "d", "g"] {
        Row::new("node", group, &[group]).put(&dynamo).await;
    }
    Row::new("another", "x", &["x"]).with("expires_at", n(NOW)).put(&dynamo).await;
    let (service, clock) = service_at(dynamo.table(), settings(), 0);
    let (without, clock_without) =
        service_at(dynamo.table(), Settings { lease_grace: Duration::ZERO, ..settings() }, 0);
    let end_of = |end: i64| end + GRACE;
    let cases = [
        // The last of the three leases is still active, so only two expired.
        (NOW - 1, "a b d f g", "a b d f g"),
        (NOW, "a b c d e f g", "b d f g"),
        (end_of(NOW - 300) - 1, "a b c d e f g", "b d f g"),
        (end_of(NOW - 300), "a b c d f g", "b d f g"),
        (end_of(NOW - 200), "a b d f g", "b d f g"),
        (end_of(NOW) - 1, "a b d f g", "b d f g"),
        (end_of(NOW), "b d f g", "b d f g"),
    ];
    for (now, expected, off) in cases {
        clock.store(now, Ordering::SeqCst);
        clock_without.store(now, Ordering::SeqCst);
        let another = if now < NOW { "x " } else { "" };
        assert_eq!(targets("/prom/node", &service).await, expected, "{}", now - NOW);
        assert_eq!(targets("/prom", &service).await, another.to_owned() + expected, "{}", now - NOW);
        assert_eq!(targets("/prom/node", &without).await, off, "{}", now - NOW);
        assert_eq!(targets("/prom", &without).await, another.to_owned() + off, "{}", now - NOW);
    }
}

#[tokio::test]
async fn meta_labels_mark_kept_groups_for_selection() {
    let dynamo = Dynamo::with_table().await;
    for group in ["a", "b", "c"] {
        leased(group, NOW - 1).labels([("__meta_dynamodb_lease", "forged")]).put(&dynamo).await;
    }
    Row::new("node", "d", &["d"]).labels([("__meta_dynamodb_lease", "lapsed")]).put(&dynamo).await;
    let (service, _) = service_at(dynamo.table(), settings(), NOW);
    for path in PATHS {
        let answer = Ask::get(&format!("{path}?meta=true")).of(&service).await;
        let of = |group: &str| answer.groups().into_iter().find(|g| g.targets == [group]).unwrap().labels;
        let label = |group: &str| of(group).get("__meta_dynamodb_lease").cloned();
        assert_eq!(["a", "b", "c"].map(label), [(); 3].map(|()| Some("lapsed".to_owned())), "{path}");
        assert_eq!(label("d"), None, "{path}");
        let stored = Ask::get(path).of(&service).await.groups();
        let stored: Vec<&str> = stored.iter().map(|group| group.labels["__meta_dynamodb_lease"].as_str()).collect();
        assert_eq!(stored, ["forged", "forged", "forged", "lapsed"], "{path}");
        for (selector, expected) in [
            ("%7B__meta_dynamodb_lease=%22lapsed%22%7D", "a b c"),
            ("%7B__meta_dynamodb_lease!=%22lapsed%22,__address__!=%22%22%7D", "d"),
        ] {
            assert_eq!(targets(&format!("{path}?match[]={selector}"), &service).await, expected, "{path}");
        }
    }
}

#[tokio::test]
async fn lapsed_together_groups_keep_order_across_pages() {
    let dynamo = pages_of_leases(NOW).await;
    // As many active leases, one before and one after each lapsed one.
    let others = (0..40).map(|i| {
        let job = ["node", "b", "c", "d"][i % 4];
        Row::new(job, &format!("{i:02}-"), &[&format!("{i}-:1")]).with("expires_at", n(NOW + 9999))
    });
    put_all(&dynamo, others).await;
    let (service, clock) = service_at(dynamo.table(), settings(), NOW - 1);
    for path in PATHS {
        clock.store(NOW - 1, Ordering::SeqCst);
        let before = Ask::get(path).of(&service).await;
        clock.store(NOW, Ordering::SeqCst);
        let after = Ask::get(path).of(&service).await;
        assert_eq!(after.targets(), before.targets(), "{path}");
        assert!(after.text() == before.text(), "{path}: bytes differ");
        // With one more active lease, fewer than half have lapsed.
        leased("z", NOW + 9999).put(&dynamo).await;
        let fewer = Ask::get(path).of(&service).await.targets();
        let left = |target: &&String| !target.ends_with(":1") || target.ends_with("-:1");
        let other_jobs = if path == "/prom" { 30 } else { 0 };
        assert_eq!(fewer.len(), 11 + 2 * other_jobs, "{path}");
        assert_eq!(fewer.iter().filter(left).count(), 11 + other_jobs, "{path}");
        dynamo.delete("node", "z").await;
    }
}

#[tokio::test]
async fn only_kept_groups_are_logged_and_counted() {
    let dynamo = Dynamo::with_table().await;
    for (group, age) in [("a", 10), ("b", 20), ("c", 30), ("d", 5000)] {
        leased(group, NOW - age).put(&dynamo).await;
    }
    Row::new("node", "e", &["e", "f"]).put(&dynamo).await;
    let (service, _) = service_at(dynamo.table(), Settings { cache: Duration::from_mins(1), ..settings() }, NOW);
    for path in [PATHS, PATHS].concat() {
        let (_, log) = log::of(Ask::get(path).of(&service)).await;
        let warning: Vec<&str> = log.lines().filter(|line| line.contains("lapsed_together")).collect();
        assert_eq!(warning.len(), 1, "{log}");
        for part in ["WARN", "job=\"node\"", "count=3", &format!("since={}", NOW - 30)] {
            assert!(warning[0].contains(part), "no {part} in {}", warning[0]);
        }
        for part in ["rows=5 ", "groups=4 ", "targets=5 ", "lapsed=1 ", "kept=3 "] {
            assert!(log.contains(part), "no {part} in {log}");
        }
    }
    // The log counts the groups that the shard serves; the warning stays the same.
    let (answer, log) = log::of(Ask::get("/prom/node?shard=0&of=1000").of(&service)).await;
    assert!(log.contains("count=3") && log.contains(&format!("kept={} ", answer.groups().len())), "{log}");
    assert!(log.contains("lapsed=1 "), "{log}");

    dynamo.delete("node", "a").await;
    let (service, _) = service_at(dynamo.table(), settings(), NOW);
    let (_, log) = log::of(Ask::get("/prom").of(&service)).await;
    assert!(!log.contains("lapsed_together"), "{log}");
    assert!(log.contains("groups=1 ") && log.contains("lapsed=3 ") && log.contains("kept=0 "), "{log}");
}

#[tokio::test]
async fn broken_expired_group_fails_only_if_kept() {
    let dynamo = Dynamo::with_table().await;
    for group in ["a", "c"] {
        leased(group, NOW).put(&dynamo).await;
    }
    Row::key("node", "b").with("expires_at", n(NOW)).put(&dynamo).await;
    let (failing, clock) = service_at(dynamo.table(), settings(), NOW);
    let (skipping, _) = service_at(dynamo.table(), Settings { on_invalid: OnInvalid::Skip, ..settings() }, NOW);
    for path in PATHS {
        clock.store(NOW, Ordering::SeqCst);
        let (status, code, message) = Ask::get(path).of(&failing).await.error();
        assert_eq!((status, code.as_str()), (500, "invalid_group"), "{path}");
        assert!(message.starts_with("group \"b\" of job \"node\": targets is missing"), "{message}");
        let answer = Ask::get(path).of(&skipping).await;
        assert_eq!(answer.targets(), ["a", "c"], "{path}");
        assert_eq!(answer.header(http::HeaderName::from_static("x-http-sd-skipped")), Some("node/b"), "{path}");
        clock.store(NOW + GRACE, Ordering::SeqCst);
        assert_eq!(targets(path, &failing).await, "", "{path}");
    }
}

#[tokio::test]
async fn broken_group_with_active_lease_counts_as_active() {
    let dynamo = Dynamo::with_table().await;
    for (group, end) in [("a", NOW), ("b", NOW), ("c", NOW), ("d", NOW + 9), ("e", NOW + 9)] {
        leased(group, end).put(&dynamo).await;
    }
    let (service, _) = service_at(dynamo.table(), Settings { on_invalid: OnInvalid::Skip, ..settings() }, NOW);
    for (broken, expected) in [("f", "a b c d e"), ("g", "d e")] {
        Row::key("node", broken).with("expires_at", n(NOW + 9)).put(&dynamo).await;
        for path in PATHS {
            assert_eq!(targets(path, &service).await, expected, "{path} {broken}");
        }
    }
}

#[tokio::test]
async fn row_past_delete_at_is_not_kept() {
    let dynamo = Dynamo::with_table().await;
    for group in ["a", "b", "c", "d"] {
        let to_be_deleted = if group == "a" { NOW + 5 } else { NOW + 9999 };
        leased(group, NOW).with("delete_at", n(to_be_deleted)).put(&dynamo).await;
    }
    let (service, clock) = service_at(dynamo.table(), Settings { cache: Duration::from_hours(1), ..settings() }, NOW);
    for (now, expected) in [(NOW, "a b c d"), (NOW + 4, "a b c d"), (NOW + 5, "b c d")] {
        clock.store(now, Ordering::SeqCst);
        for path in PATHS {
            assert_eq!(targets(path, &service).await, expected, "{path} {}", now - NOW);
        }
    }
}

#[tokio::test]
async fn cached_response_ends_when_kept_groups_change() {
    let dynamo = Dynamo::with_table().await;
    let (service, clock) = service_at(dynamo.table(), Settings { cache: Duration::from_hours(1), ..settings() }, 0);
    for (group, end) in [("a", NOW), ("b", NOW), ("c", NOW + 100)] {
        leased(group, end).put(&dynamo).await;
    }
    Row::new("node", "d", &["d"]).put(&dynamo).await;
    let other_half = "/prom/node?match[]=%7B__address__=~%22a%7Cd%22%7D";
    let cases = [
        (NOW - 1, "a b c d", "a d"),
        (NOW, "c d", "d"),
        (NOW + 99, "c d", "d"),
        // Another group's lease expires, which ends the rule for the kept ones.
        (NOW + 100, "a b c d", "a d"),
        (NOW + GRACE - 1, "a b c d", "a d"),
        (NOW + GRACE, "c d", "d"),
        (NOW + GRACE + 100, "d", "d"),
    ];
    for (now, all, half) in cases {
        clock.store(now, Ordering::SeqCst);
        for (path, expected) in [("/prom/node", all), ("/prom", all), (other_half, half)] {
            assert_eq!(targets(path, &service).await, expected, "{path} {}", now - NOW);
        }
    }
}

#[tokio::test]
async fn only_kept_groups_count_towards_response_limit() {
    let dynamo = Dynamo::with_table().await;
    let padding = "x".repeat(300_000);
    let row = |i: usize| leased(&format!("{i:02}"), NOW).labels([("padding", &padding)]);
    put_all(&dynamo, (0..22).map(row)).await;
    let (service, _) =
        service_at(dynamo.table(), Settings { response_mode: ResponseMode::Buffered, ..settings() }, NOW);
    for (running, status) in [(0, 500), (23, 200)] {
        put_all(&dynamo, (0..running).map(|i| leased(&format!("runs-{i}"), NOW + 9))).await;
        for path in PATHS {
            assert_eq!(Ask::get(path).of(&service).await.status(), status, "{path} {running}");
        }
    }
}

#[tokio::test]
async fn token_with_jobs_reads_their_kept_groups() {
    let dynamo = Dynamo::with_table().await;
    for group in ["b", "c", "d"] {
        leased(group, NOW).put(&dynamo).await;
        Row::new("secret", group, &["secret"]).with("expires_at", n(NOW)).put(&dynamo).await;
    }
    for (job, group) in [("node", "a"), ("node", "e"), ("another", "x")] {
        Row::new(job, group, &[group]).put(&dynamo).await;
    }
    let access = token_access(&format!("two:{}:node|another", TokenHash::of(TOKEN.as_bytes())));
    let service = at_now(Service::new(dynamo.table(), access, settings()));
    let (answer, log) = log::of(Ask::get("/prom").bearer(TOKEN).of(&service)).await;
    assert_eq!(answer.targets(), ["x", "a", "b", "c", "d", "e"]);
    assert!(log.contains("kept=3 ") && log.contains("lapsed=0 ") && !log.contains("secret\""), "{log}");
}

/// Returns the groups of one job that the rule serves, computed independently. Each group maps to its expiry, if any.
fn served(rows: &BTreeMap<String, Option<i64>>) -> Vec<String> {
    let ends: Vec<i64> = rows.values().flatten().copied().collect();
    let have_lapsed_together = |start: &i64| {
        let together = ends.iter().filter(|end| (*start..=start + 300).contains(end) && **end <= NOW).count();
        together >= 3 && together * 2 >= ends.iter().filter(|end| *end >= start).count()
    };
    let is_kept = |end: i64| {
        NOW < end + GRACE && ends.iter().filter(|start| (end - 300..=end).contains(start)).any(have_lapsed_together)
    };
    let is_served = |end: &Option<i64>| end.is_none_or(|end| end > NOW || is_kept(end));
    rows.iter().filter(|(_, end)| is_served(end)).map(|(group, _)| group.clone()).collect()
}

#[tokio::test]
async fn random_tables_are_served_by_the_rule() {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let age = prop_oneof![-400..0_i64, 0..400_i64, 0..5000_i64];
    let jobs = vec(vec(proptest::option::weighted(0.9, age), 0..12), 60);
    let dynamo = Dynamo::with_table().await;
    let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut kept = 0;
    for (i, ages) in jobs.new_tree(&mut runner).unwrap().current().into_iter().enumerate() {
        let job = format!("job-{i:02}");
        let ends = ages.into_iter().enumerate().map(|(j, age)| (format!("{job}/{j:02}"), age.map(|age| NOW - age)));
        let rows: BTreeMap<String, Option<i64>> = ends.collect();
        put_all(
            &dynamo,
            rows.iter().map(|(group, end)| {
                let row = Row::new(&job, group, &[group]);
                match end {
                    Some(end) => row.with("expires_at", n(*end)),
                    None => row,
                }
            }),
        )
        .await;
        let groups = served(&rows);
        kept += groups.iter().filter(|group| rows[*group].is_some_and(|end| end <= NOW)).count();
        expected.insert(job, groups);
    }
    assert!(kept > 20, "only {kept} are kept: the test proves nothing");
    let (service, _) = service_at(dynamo.table(), settings(), NOW);
    let all: Vec<String> = expected.values().flatten().cloned().collect();
    assert_eq!(Ask::get("/prom").of(&service).await.targets(), all);
    for (job, groups) in &expected {
        assert_eq!(&Ask::get(&format!("/prom/{job}")).of(&service).await.targets(), groups);
    }
    for shard in 0..3 {
        let part = Ask::get(&format!("/prom?shard={shard}&of=3")).of(&service).await.targets();
        assert!(part.iter().all(|target| all.contains(target)) && part.len() < all.len());
    }
}
