//! Random writes and polls, compared with a log of the table's states.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{
    collection::vec,
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use test_support::{Row, row::n};

use super::{NOW, World, settings};

const JOBS: [&str; 2] = ["node", "db"];
const PATHS: [&str; 3] = ["/prom/node", "/prom/db", "/prom"];

/// The targets of each row.
type Table = BTreeMap<(&'static str, u8), BTreeSet<u8>>;

/// A step of a test.
#[derive(Debug, Clone)]
enum Step {
    /// A row with these targets.
    Put(usize, u8, BTreeSet<u8>),
    Delete(usize, u8),
    /// A target moves from one row to another, which is written first.
    Move(usize, u8, usize, u8),
    /// Time passes, in seconds.
    Wait(i64),
    Poll(usize),
}

fn some_step() -> impl Strategy<Value = Step> {
    let row = || (0..JOBS.len(), 0..12_u8);
    let targets = vec(0..20_u8, 0..4).prop_map(|targets| targets.into_iter().collect());
    prop_oneof![
        3 => (row(), targets).prop_map(|((job, row), targets)| Step::Put(job, row, targets)),
        2 => row().prop_map(|(job, row)| Step::Delete(job, row)),
        3 => (row(), row()).prop_map(|((job, from), (other, to))| Step::Move(job, from, other, to)),
        2 => (0..20_i64).prop_map(Step::Wait),
        6 => (0..PATHS.len()).prop_map(Step::Poll),
    ]
}

fn target(number: u8) -> String {
    format!("t{number:02}:1")
}

/// Returns the targets of the jobs of a path.
fn targets(table: &Table, path: &str) -> BTreeSet<String> {
    let rows = table.iter().filter(|((job, _), _)| path == "/prom" || path.ends_with(job));
    rows.flat_map(|(_, targets)| targets).map(|number| target(*number)).collect()
}

async fn write(world: &World, table: &mut Table, key: (&'static str, u8), targets: Option<BTreeSet<u8>>) {
    let (job, name) = (key.0, format!("{:02}", key.1));
    if let Some(targets) = targets {
        let texts: Vec<String> = targets.iter().map(|number| target(*number)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        // A put that changes nothing is no change.
        let row = Row::new(job, &name, &texts).with("updated_at", n(NOW));
        row.put(&world.dynamo).await;
        table.insert(key, targets);
    } else {
        world.dynamo.delete(job, &name).await;
        table.remove(&key);
    }
}

/// Plays steps. `lag` is the number of reads by which the stream is late.
async fn play(steps: &[Step], lag: usize) {
    let world = World::over(test_support::Dynamo::with_stream().await, settings(), 2);
    let stream = (lag > 0).then(|| world.faulty.invent_stream(&world.dynamo));
    let mut table = Table::new();
    for row in 0..8 {
        for job in JOBS {
            write(&world, &mut table, (job, row), Some([row].into())).await;
        }
    }
    if let Some(stream) = stream {
        stream.split_into(3);
        stream.lag_unevenly(lag);
    }
    for path in PATHS.repeat(2) {
        world.poll(path).await;
    }
    // The states since each path was polled, with their times.
    let mut states: Vec<(i64, Table)> = vec![(NOW, table.clone())];
    let (mut now, mut looks) = (NOW, Vec::new());
    // The latest state that a late stream has told for certain, at the last poll of each path.
    let mut told: BTreeMap<&str, usize> = BTreeMap::new();
    let told_state = |looks: &[usize]| looks.len().checked_sub(lag + 1).map_or(0, |look| looks[look] - 1);
    for (number, step) in steps.iter().enumerate() {
        match step {
            Step::Put(job, row, targets) => {
                write(&world, &mut table, (JOBS[*job], *row), Some(targets.clone())).await;
            }
            Step::Delete(job, row) => write(&world, &mut table, (JOBS[*job], *row), None).await,
            Step::Move(job, from, other, to) => {
                let (from, to) = ((JOBS[*job], *from), (JOBS[*other], *to));
                let moved = table.get(&from).and_then(|targets| targets.first().copied());
                if let (Some(moved), true) = (moved, from != to) {
                    let mut both = table.get(&to).cloned().unwrap_or_default();
                    both.insert(moved);
                    write(&world, &mut table, to, Some(both)).await;
                    states.push((now, table.clone()));
                    let mut rest = table[&from].clone();
                    rest.remove(&moved);
                    write(&world, &mut table, from, Some(rest)).await;
                }
            }
            Step::Wait(seconds) => {
                // The stream must not be late by more than the time for which rows are held.
                for _ in 0..lag {
                    world.poll("/prom").await;
                    looks.push(states.len());
                    told.insert("/prom", told_state(&looks));
                }
                world.wait(*seconds);
                now += seconds;
            }
            Step::Poll(path) => {
                let path = PATHS[*path];
                world.requests();
                let polled: BTreeSet<String> = world.poll(path).await.targets().into_iter().collect();
                // A scope with few rows is read.
                if world.requests().contains("GetRecords") {
                    looks.push(states.len());
                }
                // The states that a late stream may not have told by the previous poll of the path.
                let since = told.insert(path, told_state(&looks)).unwrap_or_default();
                let mut throughout = targets(&table, path);
                for (_, state) in &states[since..] {
                    throughout = throughout.intersection(&targets(state, path)).cloned().collect();
                }
                let missing: Vec<_> = throughout.difference(&polled).collect();
                assert!(missing.is_empty(), "step {number}: {path} lacks {missing:?} of {table:?}\n{steps:?}");
                let known: BTreeSet<String> = states.iter().flat_map(|(_, state)| targets(state, path)).collect();
                assert!(polled.is_subset(&known), "step {number}: {path} invents {polled:?}\n{steps:?}");
            }
        }
        states.push((now, table.clone()));
    }
    for _ in 0..lag {
        world.poll("/prom").await;
    }
    for path in PATHS {
        world.settles(&[path], "random steps").await;
    }
}

fn play_random(cases: usize, lag: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config::default());
    for _ in 0..cases {
        let steps = vec(some_step(), 10..60).new_tree(&mut runner).unwrap().current();
        runtime.block_on(play(&steps, lag));
    }
}

#[test]
fn no_poll_lacks_a_lasting_target() {
    play_random(12, 0);
}

/// The shards are late independently of each other.
#[test]
fn late_stream_loses_no_moved_target() {
    play_random(12, 3);
}
