//! The function on a local port. It can restart, and every list it sends is checked.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use ::http::{Response, StatusCode};
use axum::{Router, body::Body, extract::State};
use http_sd_lambda::{
    answer::Report,
    http::{Access, Call, Service, Settings},
    table::{Followed, Origin, Table},
};
use test_support::{
    Endpoint,
    background::Background,
    engine::{TABLE, function_client, stream_client},
    poller::Kind,
    prometheus,
};
use tokio::time::Instant;
use tower::ServiceExt;

use super::truth::Truth;

/// The jobs of the poller, and the path that each polls.
pub(super) const POOLS: [(&str, &str); 3] = [("all", "/prom"), ("node", "/prom/node"), ("db", "/prom/db")];

/// Shorter than the second after which Prometheus gives up at this interval.
const DEADLINE: Duration = Duration::from_millis(900);

/// The maximum age of followed rows: short, so that the test meets full reads too.
const MAX_AGE: Duration = Duration::from_secs(20);

/// The way in which the function reads the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    /// Each poll reads all rows.
    Each,
    /// A poll reads the rows that the table's stream names.
    Changes,
}

/// The lists of a function that follows changes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FollowedLists {
    /// Those without a read.
    pub(super) unchanged: usize,
    /// Those after a read of changed rows.
    pub(super) changes: usize,
}

/// The served function.
pub(super) struct Function {
    server: Background,
    inner: Arc<Inner>,
}

struct Inner {
    table: Endpoint,
    reads: Reads,
    truth: Arc<Truth>,
    service: Mutex<Service>,
    is_shut: AtomicBool,
    /// Lists without a target that was in the table during the whole request.
    short: Mutex<Vec<String>>,
    lists: AtomicUsize,
    followed: Mutex<FollowedLists>,
    /// The number of lists of each job since the last reset.
    lists_of_pools: Mutex<BTreeMap<&'static str, usize>>,
}

impl Function {
    /// Starts the function over the table at this endpoint.
    pub(super) fn start(table: Endpoint, reads: Reads, truth: Arc<Truth>) -> Self {
        let inner = Arc::new(Inner {
            service: Mutex::new(service(&table, reads)),
            table,
            reads,
            truth,
            is_shut: AtomicBool::default(),
            short: Mutex::default(),
            lists: AtomicUsize::default(),
            followed: Mutex::default(),
            lists_of_pools: Mutex::default(),
        });
        let router = Router::new().fallback(answer).with_state(inner.clone());
        Self { server: Background::router(router), inner }
    }

    /// Returns the configuration of a poller.
    pub(super) fn config(&self, kind: Kind) -> String {
        let mut config = "global: {scrape_interval: 1h}\nscrape_configs:\n".to_owned();
        for (pool, path) in POOLS {
            let url = format!("http://{}{path}", self.server.address);
            let entry = kind.entry(&url, "");
            writeln!(config, "  - {{job_name: {pool}, http_sd_configs: [{entry}]}}").unwrap();
        }
        config
    }

    /// Replaces the instance, as Lambda does at any time.
    pub(super) fn start_anew(&self) {
        *self.inner.service.lock().unwrap() = service(&self.inner.table, self.inner.reads);
    }

    /// Rejects all requests from now on.
    pub(super) fn shut(&self) {
        self.inner.is_shut.store(true, Ordering::SeqCst);
    }

    pub(super) fn assert_nothing_short(&self) {
        let short = self.inner.short.lock().unwrap();
        assert!(short.is_empty(), "short lists:\n{}", short.join("\n"));
    }

    /// Returns the number of lists sent.
    pub(super) fn lists(&self) -> usize {
        self.inner.lists.load(Ordering::SeqCst)
    }

    /// Returns the numbers of lists by the reads that they needed.
    pub(super) fn followed(&self) -> FollowedLists {
        *self.inner.followed.lock().unwrap()
    }

    pub(super) fn count_again(&self) {
        self.inner.lists_of_pools.lock().unwrap().clear();
    }

    /// Returns whether each job of the poller received at least `lists` lists since the reset.
    pub(super) fn all_pools_have(&self, lists: usize) -> bool {
        let of_pools = self.inner.lists_of_pools.lock().unwrap();
        POOLS.iter().all(|(pool, _)| of_pools.get(pool).is_some_and(|sent| *sent >= lists))
    }
}

fn service(endpoint: &Endpoint, reads: Reads) -> Service {
    let table = Table::new(function_client(endpoint), TABLE);
    match reads {
        Reads::Each => Service::new(table, Access::Open, Settings::default()),
        Reads::Changes => {
            let settings = Settings { follow_changes: Some(MAX_AGE), ..Settings::default() };
            Service::new(table.with_streams(stream_client(endpoint)), Access::Open, settings)
        }
    }
}

async fn answer(State(function): State<Arc<Inner>>, mut request: ::http::Request<Body>) -> Response<Body> {
    let (pool, _) = POOLS.into_iter().find(|(_, path)| *path == request.uri().path()).unwrap();
    let service = function.service.lock().unwrap().clone();
    let call = Call { request_id: "chaos".into(), deadline: Some(Instant::now() + DEADLINE), ..Call::default() };
    request.extensions_mut().insert(call);
    let before = function.truth.of_pool(pool);
    let Ok(response) = service.oneshot(request).await;
    if function.is_shut.load(Ordering::SeqCst) {
        return Response::builder().status(StatusCode::SERVICE_UNAVAILABLE).body(Body::empty()).unwrap();
    }
    let (parts, body) = response.into_parts();
    let body = body.into_vec();
    if parts.status == StatusCode::OK {
        let report = parts.extensions.get::<Report>();
        function.count(report.and_then(|report| report.followed));
        function.look_at(pool, &before, parts.headers.contains_key("content-encoding"), &body);
    }
    Response::from_parts(parts, Body::from(body))
}

impl Inner {
    fn count(&self, list: Option<Followed>) {
        let mut followed = self.followed.lock().unwrap();
        match list.map(|list| list.origin) {
            Some(Origin::Unchanged) => followed.unchanged += 1,
            Some(Origin::Changes) => followed.changes += 1,
            Some(Origin::Read) | None => {}
        }
    }

    fn look_at(&self, pool: &'static str, before: &BTreeSet<String>, is_compressed: bool, body: &[u8]) {
        let unzipped;
        let body = if is_compressed {
            let mut text = Vec::new();
            std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(body), &mut text).unwrap();
            unzipped = text;
            &unzipped
        } else {
            body
        };
        let groups = prometheus::read(body).unwrap();
        let sent: BTreeSet<String> = groups.into_iter().flat_map(|group| group.targets).collect();
        let throughout = before & &self.truth.of_pool(pool);
        let missing: Vec<_> = throughout.difference(&sent).collect();
        if !missing.is_empty() {
            self.short.lock().unwrap().push(format!("{pool} without {missing:?}"));
        }
        self.lists.fetch_add(1, Ordering::SeqCst);
        *self.lists_of_pools.lock().unwrap().entry(pool).or_default() += 1;
    }
}
