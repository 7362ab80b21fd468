//! Polls that follow the changes of the table.

mod faults;
mod polls;
mod random;
mod shards;
mod writes;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use http::header;
use http_sd_lambda::{
    http::{Access, Clock, Service, Settings},
    table::Table,
};
use test_support::{
    Answer, Ask, Dynamo, Row,
    ask::service,
    clock::NOW,
    engine::{TABLE, function_client, stream_client},
    fault::{Asked, Fault, FaultyDynamo},
    log,
    row::put_all,
};

/// Longer than lost targets are held.
const HELD: i64 = 11;
/// Rows of a page, so that a few rows have several pages.
const ROWS_OF_A_PAGE: usize = 2;

/// A table, and a service that follows its changes.
struct World {
    dynamo: Dynamo,
    faulty: FaultyDynamo,
    service: Service,
    clock: Arc<AtomicI64>,
    /// The number of requests by operation since [`World::requests`].
    requests: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl World {
    /// A service that follows a table with these rows. No poll has been made.
    async fn new(rows: impl IntoIterator<Item = Row>) -> Self {
        let dynamo = Dynamo::with_stream().await;
        put_all(&dynamo, rows).await;
        Self::over(dynamo, settings(), ROWS_OF_A_PAGE)
    }

    fn over(dynamo: Dynamo, settings: Settings, rows_of_a_page: usize) -> Self {
        let faulty = FaultyDynamo::with_pages_of(rows_of_a_page, &dynamo);
        let endpoint = faulty.endpoint();
        let table = Table::new(function_client(&endpoint), TABLE).with_streams(stream_client(&endpoint));
        let clock = Arc::new(AtomicI64::new(NOW));
        let service = Service::new(table, Access::Open, settings).with_clock(Clock::Set(clock.clone()));
        let world = Self { dynamo, faulty, service, clock, requests: Arc::default() };
        world.heal();
        world
    }

    /// As [`World::new`], with the rows `00` to `08` of the job `node` in memory.
    async fn following() -> Self {
        let world = Self::new((0..9).map(|i| node(&format!("{i:02}")))).await;
        for _ in 0..2 {
            assert_eq!(world.poll("/prom/node").await.status(), 200);
        }
        world.requests();
        world
    }

    /// Counts requests, and fails some of them.
    fn fail(&self, rule: impl Fn(&Asked) -> Fault + Send + Sync + 'static) {
        let requests = self.requests.clone();
        self.faulty.fail_asked(move |asked| {
            *requests.lock().unwrap().entry(asked.operation.clone()).or_default() += 1;
            rule(asked)
        });
    }

    fn heal(&self) {
        self.faulty.heal();
        self.fail(|_| Fault::None);
    }

    /// Returns the number of requests by operation since the last call, as in `GetRecords 1, Query 5`.
    fn requests(&self) -> String {
        let requests = std::mem::take(&mut *self.requests.lock().unwrap());
        requests.iter().map(|(operation, count)| format!("{operation} {count}")).collect::<Vec<_>>().join(", ")
    }

    fn wait(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    async fn poll(&self, path: &str) -> Answer {
        Ask::get(path).of(&self.service).await
    }

    /// Polls, and returns the fields that only a following function logs, as in `changes 1 2`.
    async fn logged(&self, path: &str) -> String {
        let (answer, log) = log::of(self.poll(path)).await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let line = log.lines().find(|line| line.contains(r#"event="request""#)).unwrap().to_owned();
        let field = |name: &str| {
            let rest = line.split(&format!(" {name}=")).nth(1).unwrap_or_else(|| panic!("no {name} in {line}"));
            rest.split(' ').next().unwrap().trim_matches('"').to_owned()
        };
        ["source", "stream_requests", "changed_keys"].map(field).join(" ")
    }

    /// Returns what a function without memory answers.
    async fn fresh(&self, path: &str) -> Answer {
        let service = service(&self.dynamo, Settings { follow_changes: None, ..settings() });
        Ask::get(path).of(&service.with_clock(Clock::Set(self.clock.clone()))).await
    }

    /// Checks that two polls have all targets of the table, and that nothing else is left when lost targets are no
    /// longer held.
    async fn settles(&self, paths: &[&str], change: &str) {
        for path in paths {
            let current = self.fresh(path).await;
            for _ in 0..2 {
                self.serves(path, &current.targets(), change).await;
            }
        }
        self.wait(HELD);
        for path in paths {
            self.equals_table(path, change).await;
        }
    }

    /// Checks that a poll has these targets.
    async fn serves(&self, path: &str, targets: &[String], change: &str) {
        let polled = self.poll(path).await.targets();
        let missing: Vec<&String> = targets.iter().filter(|target| !polled.contains(target)).collect();
        assert!(missing.is_empty(), "after {change}, {path} lacks {missing:?}: {polled:?}");
    }

    async fn equals_table(&self, path: &str, change: &str) {
        let (polled, fresh) = (self.poll(path).await, self.fresh(path).await);
        assert_eq!((polled.status(), polled.text()), (fresh.status(), fresh.text()), "{path} after {change}");
        assert_eq!(polled.header(header::ETAG), fresh.header(header::ETAG), "{path} after {change}");
    }
}

fn settings() -> Settings {
    Settings {
        follow_changes: Some(Duration::from_mins(15)),
        lease_grace: Duration::from_hours(1),
        ..Settings::default()
    }
}

/// A row of the job `node`, with a target of the same name.
fn node(group: &str) -> Row {
    Row::new("node", group, &[&format!("{group}:1")])
}
