//! Shards of the function contain the same targets as Prometheus's `hashmod`, and not as vmagent's.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    time::Duration,
};

use http_sd_lambda::http::Settings;
use test_support::{
    Dynamo, Row,
    ask::{serve, service},
    poller::{Kind, Poller},
};

/// Numbers of shards. Modulo 7 every byte of the hash counts by its place; modulo 3 the order of the bytes would not
/// matter.
const NUMBERS: [usize; 2] = [7, 8];

/// Targets of every kind: names, long names, ports, no port, IPv4, IPv6, Unicode.
fn varied_targets() -> BTreeSet<String> {
    let ports = [80, 443, 9090, 9100, 9104, 65_535];
    let mut all = BTreeSet::new();
    for i in 0..40 {
        let port = ports[i % ports.len()];
        all.insert(format!("host-{i}.invalid:{port}"));
        all.insert(format!("10.{}.{}.{}:{port}", i, i * 3, 255 - i));
        all.insert(format!("[fd00::{i:x}:{:x}]:{port}", i * 257));
        all.insert(format!("Größe-{i}.bücher.invalid:{port}"));
        all.insert(format!("ホスト-{i}.invalid:{port}"));
        all.insert(format!("no-port-{i}.invalid"));
        all.insert(format!("{}.{i}.invalid:{port}", "long-label-of-a-host".repeat(2 + i % 3)));
    }
    all.extend(
        ["[::1]:9100", "[::]:1", "localhost:9100", "UPPER.invalid:9100", "a:1", "127.0.0.1:1"].map(String::from),
    );
    all
}

/// A scrape config with two jobs for each shard: one polls the shard, the other relabels.
fn config(kind: Kind, url: &str) -> String {
    let mut config = "global: {scrape_interval: 1h}\nscrape_configs:\n".to_owned();
    for (of, i) in NUMBERS.into_iter().flat_map(|of| (0..of).map(move |i| (of, i))) {
        let all = kind.entry(&format!("{url}/prom/node"), "");
        let shard = kind.entry(&format!("{url}/prom/node?shard={i}&of={of}"), "");
        write!(
            config,
            "
  - job_name: relabelled-{i}/{of}
    http_sd_configs: [{all}]
    relabel_configs:
      - {{source_labels: [__address__], modulus: {of}, target_label: __tmp_hash, action: hashmod}}
      - {{source_labels: [__tmp_hash], regex: '{i}', action: keep}}
  - job_name: polled-{i}/{of}
    http_sd_configs: [{shard}]
"
        )
        .unwrap();
    }
    config
}

/// The targets of each job of [`config`], by their names.
type Jobs = BTreeMap<String, Vec<(String, String)>>;

fn jobs(way: &str, of: usize) -> Vec<String> {
    (0..of).map(|i| format!("{way}-{i}/{of}")).collect()
}

/// Returns the targets of each job of these pollers, which must find every target in both ways.
async fn discover(kinds: &[Kind]) -> Vec<(Kind, Jobs)> {
    let dynamo = Dynamo::with_table().await;
    // The table does not change, and reading it is most of the work.
    let settings = Settings { cache: Duration::from_hours(1), ..Settings::default() };
    let all = varied_targets();
    assert!(all.len() >= 200, "only {} targets", all.len());
    let texts: Vec<&str> = all.iter().map(String::as_str).collect();
    for (i, targets) in texts.chunks(7).enumerate() {
        let (name, env) = (format!("{i:02}"), format!("env-{}", i % 3));
        Row::new("node", &name, targets).labels([("env", &env)]).put(&dynamo).await;
    }
    // Repeated targets with other labels, which are separate targets to a poller.
    Row::new("node", "again", &texts[..20]).labels([("env", "again")]).put(&dynamo).await;

    let server = serve(service(&dynamo, settings));
    let start = |&kind| Poller::start_with(kind, &config(kind, &server.url()));
    let pollers: Vec<Poller> = kinds.iter().filter_map(start).collect();
    pollers.iter().map(|poller| (poller.kind, jobs_of(poller, &all))).collect()
}

fn jobs_of(poller: &Poller, all: &BTreeSet<String>) -> Jobs {
    // Both ways show every target, so no change is pending.
    poller.wait("all targets of all shards", || {
        poller.targets_by_job().is_some_and(|active| {
            let count = |way, of| jobs(way, of).iter().filter_map(|job| active.get(job)).map(Vec::len).sum::<usize>();
            NUMBERS.iter().all(|&of| ["relabelled", "polled"].iter().all(|way| count(way, of) == all.len() + 20))
        })
    });
    let active = poller.targets_by_job().unwrap();
    for (of, way) in NUMBERS.into_iter().flat_map(|of| [(of, "relabelled"), (of, "polled")]) {
        let shards = jobs(way, of);
        let targets = shards.iter().flat_map(|job| &active[job]);
        let found: BTreeSet<String> = targets.map(|(address, _)| address.clone()).collect();
        assert_eq!(*all, found, "{}: {way} by {of}", poller.kind);
        for shard in shards {
            assert!(active[&shard].len() > 10, "{shard} has {:?}: the test proves little", active[&shard]);
        }
    }
    assert_eq!(poller.failed_polls(), [""; 0]);
    active
}

/// Calls a function with the targets of each shard, relabelled and polled.
fn compare(jobs_found: &Jobs, compare: impl Fn(&[(String, String)], &[(String, String)], &str)) {
    for of in NUMBERS {
        for (relabelled, polled) in jobs("relabelled", of).iter().zip(&jobs("polled", of)) {
            compare(&jobs_found[relabelled], &jobs_found[polled], polled);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shard_equals_prometheus_hashmod() {
    for (kind, jobs) in discover(&Kind::PROMETHEUS).await {
        compare(&jobs, |relabelled, polled, job| assert_eq!(relabelled, polled, "{kind}: {job}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn vmagent_hashmod_differs_from_every_shard() {
    for (_, jobs) in discover(&[Kind::Vmagent]).await {
        compare(&jobs, |relabelled, polled, job| assert_ne!(relabelled, polled, "{job}: change docs/pollers.md"));
    }
}
