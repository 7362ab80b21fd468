//! A real Prometheus or vmagent polls the function while rows change, and the table and its connections fail at random.
//! `docs/reliability.md` describes longer runs.

mod function;
mod random;
mod truth;

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};

use aws_sdk_dynamodb::types::AttributeValue;
use test_support::{
    Dynamo, Row,
    fault::{FAULTS, Fault, FaultyDynamo, STREAM_OPERATIONS},
    poller::{Kind, Poller},
};

use self::{
    function::{Function, Reads},
    random::Random,
    truth::Truth,
};

/// The duration of the faults against Prometheus, in seconds. While the function follows changes, they last a third of
/// it, and against vmagent a quarter.
const SECONDS: &str = "HTTP_SD_CHAOS_SECONDS";
/// The seed of the random faults and writes.
const SEED: &str = "HTTP_SD_CHAOS_SEED";

/// The interval at which the test reads the poller's targets.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// Prometheus may take this long to show a list: it passes discovered targets on every five seconds, and applies them
/// every five seconds.
const OWN_DELAYS: Duration = Duration::from_secs(30);
/// A function that follows changes serves lost targets for this long.
const HELD: Duration = Duration::from_secs(12);

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|value| value.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_loses_no_target_through_random_faults() {
    play(Kind::Prometheus3, number(SECONDS).unwrap_or(120), Reads::Each).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_loses_no_target_following_changes() {
    play(Kind::Prometheus3, number(SECONDS).unwrap_or(120) / 3, Reads::Changes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vmagent_loses_no_target_through_random_faults() {
    play(Kind::Vmagent, number(SECONDS).unwrap_or(120) / 4, Reads::Each).await;
}

/// Plays random faults for some seconds while this poller polls the function.
async fn play(kind: Kind, seconds: u64, reads: Reads) {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let seed = number(SEED).unwrap_or(now);
    println!("{kind}: {SEED}={seed}, {seconds} s, {reads:?}");

    let dynamo = match reads {
        Reads::Each => Dynamo::with_table().await,
        Reads::Changes => Dynamo::with_stream().await,
    };
    let faulty = FaultyDynamo::with_pages_of(3, &dynamo);
    let truth = Arc::new(Truth::default());
    let mut writer = Writer { dynamo: &dynamo, truth: truth.clone(), groups: BTreeMap::new(), targets: 0 };
    for i in 0..24 {
        writer.add(["node", "db"][i % 2]).await;
    }
    let function = Function::start(faulty.endpoint(), reads, truth.clone());
    let Some(poller) = Poller::start_with(kind, &function.config(kind)) else { return };
    poller.wait("all targets", || targets(&poller).is_some_and(|found| truth.is(&found)));

    let watched = Watched::start(poller, truth.clone());
    let mut random = Random::new(seed);
    let started = Instant::now();
    let mut played = 0;
    while started.elapsed() < Duration::from_secs(seconds) {
        let fault = fail(&faulty, &dynamo, &function, reads, &mut random).await;
        println!("{kind}: {:6.1} s: {fault}", started.elapsed().as_secs_f64());
        played += 1;
        for _ in 0..random.below(4) {
            writer.write(&mut random).await;
            tokio::time::sleep(Duration::from_millis(random.below(1500))).await;
        }
        tokio::time::sleep(Duration::from_millis(random.below(2000))).await;
        // Not after each fault, so that some faults follow each other directly.
        if random.below(3) > 0 {
            heal(&faulty, &dynamo).await;
            tokio::time::sleep(Duration::from_millis(random.below(2500))).await;
            writer.write(&mut random).await;
        }
        watched.assert_nothing_lost();
        function.assert_nothing_short();
    }
    heal(&faulty, &dynamo).await;

    // Two polls of each list must suffice: the function rejects all later ones.
    two_lists_of_each(&function).await;
    if reads == Reads::Changes {
        tokio::time::sleep(HELD).await;
        two_lists_of_each(&function).await;
    }
    function.shut();
    let give_up = Instant::now() + OWN_DELAYS;
    let found = || targets(&watched.poller);
    while !found().is_some_and(|found| truth.is(&found)) {
        assert!(Instant::now() < give_up, "{:?}, but the table has {:?}", found(), truth.all());
        tokio::time::sleep(LOOK_AGAIN).await;
    }

    watched.assert_nothing_lost();
    function.assert_nothing_short();
    let looks = watched.seen.looks.load(Ordering::SeqCst);
    let (failures, lists) = (watched.poller.failures(), function.lists());
    println!("{kind}: {played} faults, {failures} failed polls, {lists} lists, {looks} looks at the targets");
    let followed = function.followed();
    println!("{kind}: {} unchanged and {} changed lists of {lists}", followed.unchanged, followed.changes);
    let enough = usize::try_from(seconds).unwrap() / 10;
    // A following function answers unchanged lists from memory, so few of its polls fail.
    let is_tested = match reads {
        Reads::Each => failures >= enough as u64,
        Reads::Changes => followed.unchanged > enough && followed.changes > enough,
    };
    assert!(
        is_tested && played >= enough && lists > enough && looks > enough,
        "the test proves little: {failures} failures, {followed:?}"
    );
}

/// Waits until each job of the poller has received two more lists.
async fn two_lists_of_each(function: &Function) {
    function.count_again();
    let give_up = Instant::now() + OWN_DELAYS;
    while !function.all_pools_have(2) {
        assert!(Instant::now() < give_up, "fewer than two polls of each list");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Sets another fault, and returns its description.
async fn fail(
    faulty: &FaultyDynamo,
    dynamo: &Dynamo,
    function: &Function,
    reads: Reads,
    random: &mut Random,
) -> String {
    let starts_anew = random.below(4) == 0;
    if starts_anew {
        function.start_anew();
    }
    let fault = match random.below(12) {
        0 => {
            faulty.refuse();
            "connections are refused".into()
        }
        1 => {
            Row::key("node", BROKEN).with("targets", AttributeValue::N("1".into())).put(dynamo).await;
            "a row is broken".into()
        }
        2..=5 if reads == Reads::Changes => {
            let (name, fault) = random.one_of(&FAULTS);
            let operation = random.one_of(&STREAM_OPERATIONS);
            faulty.heal();
            faulty.fail(move |asked, _| if asked == operation { fault } else { Fault::None });
            format!("{name} at {operation}")
        }
        _ => {
            let (name, fault) = random.one_of(&FAULTS);
            // In percent of the requests.
            let part = [10, 30, 100][usize::try_from(random.below(3)).unwrap()];
            let only_later = random.below(2) == 0;
            let each = Mutex::new(Random::new(random.next()));
            faulty.heal();
            faulty.fail_asked(move |asked| match asked.page {
                1 if only_later => Fault::None,
                _ if each.lock().unwrap().below(100) < part => fault,
                _ => Fault::None,
            });
            format!("{name} at {part} % of {}", if only_later { "later pages" } else { "all requests" })
        }
    };
    if starts_anew { format!("{fault}, and the function starts anew") } else { fault }
}

const BROKEN: &str = "00-broken";

async fn heal(faulty: &FaultyDynamo, dynamo: &Dynamo) {
    faulty.heal();
    dynamo.delete("node", BROKEN).await;
}

/// The only writer of the table. It never adds a removed target again, so a watcher may forget a target only when it is
/// removed.
struct Writer<'a> {
    dynamo: &'a Dynamo,
    truth: Arc<Truth>,
    groups: BTreeMap<(&'static str, String), BTreeSet<String>>,
    /// The number of targets created so far.
    targets: usize,
}

impl Writer<'_> {
    async fn write(&mut self, random: &mut Random) {
        let keys: Vec<_> = self.groups.keys().cloned().collect();
        let key = random.one_of(&keys);
        match random.below(3) {
            0 => self.add(["node", "db"][usize::from(random.below(2) == 0)]).await,
            1 if keys.len() > 16 => self.remove(&key).await,
            _ => self.change(&key, random).await,
        }
    }

    fn new_target(&mut self) -> String {
        self.targets += 1;
        format!("host-{}.invalid:9100", self.targets)
    }

    async fn add(&mut self, job: &'static str) {
        let targets = BTreeSet::from([self.new_target(), self.new_target()]);
        // The name sorts anywhere among the others.
        let group = format!("{:02}-{}", self.targets * 37 % 100, self.targets);
        self.put((job, group), targets).await;
    }

    /// Replaces one target of a group, and changes the label of the other.
    async fn change(&mut self, key: &(&'static str, String), random: &mut Random) {
        let old: Vec<String> = self.groups[key].iter().cloned().collect();
        let targets = BTreeSet::from([random.one_of(&old), self.new_target()]);
        self.put(key.clone(), targets).await;
    }

    async fn put(&mut self, (job, group): (&'static str, String), targets: BTreeSet<String>) {
        let old = self.groups.insert((job, group.clone()), targets.clone()).unwrap_or_default();
        self.truth.goes(job, old.difference(&targets));
        let texts: Vec<&str> = targets.iter().map(String::as_str).collect();
        let revision = self.targets.to_string();
        Row::new(job, &group, &texts).labels([("revision", &revision)]).put(self.dynamo).await;
        self.truth.is_there(job, &targets);
    }

    async fn remove(&mut self, key: &(&'static str, String)) {
        let old = self.groups.remove(key).unwrap();
        self.truth.goes(key.0, &old);
        self.dynamo.delete(key.0, &key.1).await;
    }
}

/// A poller whose targets a thread reads all the time.
struct Watched {
    poller: Arc<Poller>,
    seen: Arc<Seen>,
    watcher: Option<JoinHandle<()>>,
}

/// The findings of the thread.
#[derive(Default)]
struct Seen {
    lost: Mutex<Vec<String>>,
    looks: AtomicUsize,
    is_enough: AtomicBool,
}

impl Watched {
    fn start(poller: Poller, truth: Arc<Truth>) -> Self {
        let (poller, seen) = (Arc::new(poller), Arc::new(Seen::default()));
        let (polling, notes) = (poller.clone(), seen.clone());
        let watcher = thread::spawn(move || notes.watch(&polling, &truth));
        Self { poller, seen, watcher: Some(watcher) }
    }

    fn assert_nothing_lost(&self) {
        let lost = self.seen.lost.lock().unwrap();
        assert!(lost.is_empty(), "{} lost targets that are in the table:\n{}", self.poller.kind, lost.join("\n"));
    }
}

impl Drop for Watched {
    /// The poller must stop with the test, and not later.
    fn drop(&mut self) {
        self.seen.is_enough.store(true, Ordering::SeqCst);
        if let Some(watcher) = self.watcher.take() {
            let _ = watcher.join();
        }
    }
}

impl Seen {
    fn watch(&self, poller: &Poller, truth: &Truth) {
        let mut before = BTreeSet::new();
        while !self.is_enough.load(Ordering::SeqCst) {
            if let Some(found) = targets(poller) {
                // Targets that are still in the table.
                before.retain(|(_, target): &(String, String)| truth.has(target));
                let missing: Vec<_> = before.difference(&found).collect();
                if !missing.is_empty() {
                    self.lost.lock().unwrap().push(format!("{missing:?}"));
                }
                self.looks.fetch_add(1, Ordering::SeqCst);
                before = found;
            }
            thread::sleep(LOOK_AGAIN);
        }
    }
}

/// Returns the job and the address of every target that a poller scrapes.
fn targets(poller: &Poller) -> Option<BTreeSet<(String, String)>> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let active = poller.active_targets()?;
    Some(active.iter().map(|t| (text(&t["scrapePool"]), text(&t["discoveredLabels"]["__address__"]))).collect())
}
