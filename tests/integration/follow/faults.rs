//! Each fault at each request of a following function. Each response is whole and current, or an error in time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use test_support::{
    Ask, Row, document,
    fault::{FAULTS, Fault},
    log,
    outcome::Outcome,
};
use tokio::sync::Semaphore;

use super::{HELD, World, node};

/// Enough for three attempts without a response, and a read of all rows.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The cells at a time: they mostly wait for time-outs and retries.
const CELLS_AT_ONCE: usize = 12;

/// A request of a following function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the rows are in memory.
    Start(&'static str),
    /// While the rows are in memory.
    Look(&'static str),
}

/// The places of a fault, with their names in `docs/reliability.md`.
const PLACES: [(&str, Place); 7] = [
    ("description of the table", Place::Start("DescribeTable")),
    ("description of the stream", Place::Start("DescribeStream")),
    ("position in the stream", Place::Start("GetShardIterator")),
    ("first look", Place::Start("GetRecords")),
    ("all rows", Place::Start("Query")),
    ("later look", Place::Look("GetRecords")),
    ("changed rows", Place::Look("BatchGetItem")),
];

impl Place {
    fn operation(self) -> &'static str {
        let (Self::Start(operation) | Self::Look(operation)) = self;
        operation
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_have_documented_outcomes() {
    let cells = FAULTS.into_iter().flat_map(|fault| PLACES.map(|place| (fault, place)));
    let slots = &Semaphore::new(CELLS_AT_ONCE);
    let tried = cells.map(|((name, fault), (of_place, place))| async move {
        let _slot = slots.acquire().await;
        // A separate task, so that a panic does not stop the other cells.
        let tried = tokio::spawn(async move { tokio::try_join!(cell(fault, place, true), cell(fault, place, false)) });
        match tried.await {
            Ok(Ok((always, once))) if always == once => Ok(always.to_string()),
            Ok(Ok((always, once))) => Ok(format!("{always}; once: {once}")),
            Ok(Err(problem)) => Err(format!("{name} / {of_place}: {problem}")),
            Err(_) => Err(format!("{name} / {of_place}: a panic, which the output above tells")),
        }
    });
    let tried = join_all(tried).await;
    let problems: Vec<String> = tried.iter().filter_map(|tried| tried.as_ref().err().cloned()).collect();
    assert!(problems.is_empty(), "{} of {} cells:\n{}", problems.len(), tried.len(), problems.join("\n"));
    let outcomes: Vec<String> = tried.into_iter().flatten().collect();
    let rows = FAULTS.iter().map(|(name, _)| *name).zip(outcomes.chunks(PLACES.len()).map(<[_]>::to_vec));
    document::compare("matrix of following", "follow::faults", &PLACES.map(|(name, _)| name), rows);
}

/// Changes the table, and polls while the fault happens and afterwards. The fault happens to each attempt, or once.
/// Returns the outcome of the first poll with the fault, or what is wrong with a response.
async fn cell(fault: Fault, place: Place, always: bool) -> Result<Outcome, String> {
    let world = match place {
        Place::Start(_) => World::new((0..9).map(|i| node(&format!("{i:02}")))).await,
        Place::Look(_) => World::following().await,
    };
    if matches!(place, Place::Start(_)) {
        assert_eq!(world.poll("/prom/node").await.status(), 200);
    }
    node("new").put(&world.dynamo).await;
    Row::new("node", "03", &["03:2"]).put(&world.dynamo).await;
    world.dynamo.delete("node", "04").await;
    let hits = Arc::new(AtomicUsize::new(0));
    let counted = hits.clone();
    world.fail(move |asked| {
        let hit = asked.operation == place.operation() && (counted.fetch_add(1, Ordering::SeqCst) == 0 || always);
        if hit { fault } else { Fault::None }
    });
    let current = world.fresh("/prom/node").await.targets();
    let (mut outcomes, mut has_told) = (Vec::new(), false);
    for poll in 0..2 {
        let (answer, told) = log::of(Ask::get("/prom/node").within(TIMEOUT).in_time(&world.service)).await;
        let answer = answer.ok_or_else(|| format!("no response to poll {poll} in time"))?;
        let outcome = Outcome::of(&answer);
        has_told |= outcome != Outcome::Complete || told.contains("changes_unknown") || told.contains("retried");
        if outcome == Outcome::Complete {
            let targets = answer.targets();
            if let Some(missing) = current.iter().find(|target| !targets.contains(target)) {
                return Err(format!("poll {poll} lacks {missing}: {targets:?}\n{told}"));
            }
        }
        outcomes.push(outcome);
    }
    let [first, second] = outcomes[..] else { unreachable!() };
    if hits.load(Ordering::SeqCst) == 0 {
        return Err("the fault has not happened".into());
    }
    if second != if always { first } else { Outcome::Complete } {
        return Err(format!("always: {always}, but the first poll is {first}, and the second {second}"));
    }
    // The function does not use what a description would change here. A trickle may end in time.
    let is_harmless = match fault {
        Fault::WrongChecksum | Fault::Altered => place == Place::Start("DescribeTable"),
        fault => matches!(fault, Fault::Trickle { .. }),
    };
    if !has_told && !is_harmless {
        return Err("the log does not tell the fault".into());
    }
    world.heal();
    for _ in 0..2 {
        world.serves("/prom/node", &current, "the fault").await;
    }
    world.wait(HELD);
    world.equals_table("/prom/node", "the fault").await;
    Ok(first)
}
