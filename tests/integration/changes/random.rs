//! Random streams: each change is told once, whatever the shards do and whichever looks fail.

use std::collections::BTreeSet;

use http_sd_lambda::table::{Changes, Unknown};
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};
use test_support::{
    Dynamo,
    fault::{Fault, FaultyDynamo, InventedStream, STREAM_OPERATIONS},
};
use tokio::runtime::Runtime;

use super::{look, put, start};

/// The number of random streams for each hundred cases of proptest.
const IN_HUNDRED: u32 = 4;
/// The number of looks after which a stream has told all its records.
const LAST_LOOKS: usize = 20;

#[derive(Debug, Clone)]
enum Step {
    Put(usize),
    Look,
    FailedLook(&'static str, Fault),
    CancelledLook(&'static str),
    Split(usize),
    Close,
    Open(usize),
    Lag(usize),
    PrecedeRecords(usize),
    PagesOf(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let operation = || select(STREAM_OPERATIONS.as_slice());
    let fault = select(vec![
        Fault::Error(400, "AccessDeniedException"),
        Fault::Error(400, "ExpiredIteratorException"),
        Fault::Answer("{}"),
        Fault::Closed,
        Fault::CutShort,
    ]);
    prop_oneof![
        4 => (1..4_usize).prop_map(Step::Put),
        4 => Just(Step::Look),
        1 => (operation(), fault).prop_map(|(operation, fault)| Step::FailedLook(operation, fault)),
        1 => operation().prop_map(Step::CancelledLook),
        2 => (1..3_usize).prop_map(Step::Split),
        1 => Just(Step::Close),
        1 => (1..3_usize).prop_map(Step::Open),
        1 => (0..4_usize).prop_map(Step::Lag),
        1 => (0..3_usize).prop_map(Step::PrecedeRecords),
        1 => (1..4_usize, 1..4_usize).prop_map(|(shards, records)| Step::PagesOf(shards, records)),
    ]
}

/// The rows that changed, each once, and those that looks have told.
#[derive(Default)]
struct Told {
    changed: BTreeSet<String>,
    told: BTreeSet<String>,
}

impl Told {
    async fn put(&mut self, dynamo: &Dynamo, rows: usize) {
        for _ in 0..rows {
            let group = format!("{:03}", self.changed.len());
            put(dynamo, &[&group]).await;
            self.changed.insert(format!("node/{group}"));
        }
    }

    fn add(&mut self, rows: Result<Vec<String>, Unknown>) {
        for row in rows.into_iter().flatten() {
            assert!(self.changed.contains(&row), "{row} has not changed");
            assert!(self.told.insert(row.clone()), "{row} was told twice");
        }
    }
}

async fn take(step: &Step, dynamo: &Dynamo, faulty: &FaultyDynamo, changes: &mut Changes, told: &mut Told) {
    let stream: &InventedStream = faulty.invent_stream(dynamo);
    match *step {
        Step::Put(rows) => told.put(dynamo, rows).await,
        Step::Look => told.add(look(changes).await),
        Step::FailedLook(broken, fault) => {
            faulty.fail(move |operation, _| if operation == broken { fault } else { Fault::None });
            told.add(look(changes).await);
            faulty.heal();
        }
        Step::CancelledLook(operation) => {
            let mut hold = faulty.hold(move |asked| asked.operation == operation);
            tokio::select! {
                rows = look(changes) => told.add(rows),
                _ = hold.next() => {}
            }
        }
        Step::Split(children) => stream.split_into(children),
        Step::Close => stream.close(),
        Step::Open(children) => stream.open(children),
        Step::Lag(reads) => stream.lag(reads),
        Step::PrecedeRecords(pages) => stream.precede_records(pages),
        Step::PagesOf(shards, records) => stream.pages_of(shards, records),
    }
}

#[test]
fn random_stream_tells_each_change_once() {
    let runtime = Runtime::new().unwrap();
    let config = Config { failure_persistence: None, ..Config::default() };
    let config = Config { cases: (config.cases * IN_HUNDRED).div_ceil(100), ..config };
    let tried = TestRunner::new(config).run(&vec(step(), 10..30), |steps| {
        runtime.block_on(async {
            let dynamo = Dynamo::with_stream().await;
            let faulty = FaultyDynamo::before(&dynamo);
            let stream = faulty.invent_stream(&dynamo);
            let mut changes = start(&dynamo, &faulty).await.unwrap();
            let mut told = Told::default();
            for step in &steps {
                take(step, &dynamo, &faulty, &mut changes, &mut told).await;
            }
            stream.pages_of(100, 1000);
            stream.open(1);
            for _ in 0..LAST_LOOKS {
                let rows = look(&mut changes).await;
                // So many shards have closed that the function reads the table instead.
                if rows == Err(Unknown::TooMany) {
                    return Ok(());
                }
                prop_assert!(rows.is_ok(), "{rows:?}");
                told.add(rows);
            }
            prop_assert_eq!(told.told, told.changed);
            Ok(())
        })
    });
    tried.unwrap_or_else(|error| panic!("{error}"));
}
