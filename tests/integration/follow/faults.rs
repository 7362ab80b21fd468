//! Each fault at each request of a following function. Each response is whole and current, or an error in time.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use test_support::{Ask, Row, fault::Fault, log};

use super::{HELD, World, node};

/// The deadline of the function in the template.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The cells at a time: they mostly wait for time-outs and retries.
const CELLS_AT_ONCE: usize = 24;

/// A request of a following function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the rows are in memory.
    Start(&'static str),
    /// While the rows are in memory.
    Look(&'static str),
}

const PLACES: [Place; 7] = [
    Place::Start("DescribeTable"),
    Place::Start("DescribeStream"),
    Place::Start("GetShardIterator"),
    Place::Start("GetRecords"),
    Place::Start("Query"),
    Place::Look("GetRecords"),
    Place::Look("BatchGetItem"),
];

const FAULTS: &[Fault] = &[
    Fault::Error(400, "ExpiredIteratorException"),
    Fault::Error(400, "TrimmedDataAccessException"),
    Fault::Error(400, "ResourceNotFoundException"),
    Fault::Error(400, "AccessDeniedException"),
    Fault::Error(400, "ProvisionedThroughputExceededException"),
    Fault::Error(400, "LimitExceededException"),
    Fault::Error(400, "ValidationException"),
    Fault::Error(500, "InternalServerError"),
    Fault::Error(503, "ServiceUnavailable"),
    Fault::ClockSkew,
    Fault::Silence,
    Fault::LostAnswer,
    Fault::Closed,
    Fault::Reset,
    Fault::CutShort,
    Fault::CutShortUnseen,
    Fault::WrongChecksum,
    Fault::Answer(""),
    Fault::Answer("{}"),
    Fault::Answer("null"),
    Fault::Answer("<html>"),
];

impl Place {
    fn operation(self) -> &'static str {
        let (Self::Start(operation) | Self::Look(operation)) = self;
        operation
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_give_current_list_or_error() {
    let cells = FAULTS.iter().flat_map(|fault| {
        PLACES.into_iter().flat_map(move |place| [true, false].map(|always| (*fault, place, always)))
    });
    let tried = cells.map(|(fault, place, always)| async move {
        // A separate task, so that a panic does not stop the other cells.
        let tried = tokio::spawn(cell(fault, place, always)).await;
        let problem = match tried {
            Ok(Ok(())) => return None,
            Ok(Err(problem)) => problem,
            Err(_) => "a panic, which the output above tells".into(),
        };
        Some(format!("{fault:?} at {place:?}, always: {always}: {problem}"))
    });
    let tried: Vec<Option<String>> = stream::iter(tried).buffer_unordered(CELLS_AT_ONCE).collect().await;
    let problems: Vec<String> = tried.iter().flatten().cloned().collect();
    assert!(problems.is_empty(), "{} of {} cells:\n{}", problems.len(), tried.len(), problems.join("\n"));
}

/// Changes the table, and polls while the fault happens and afterwards. Returns what is wrong with a response.
async fn cell(fault: Fault, place: Place, always: bool) -> Result<(), String> {
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
    let hits = std::sync::Arc::new(AtomicUsize::new(0));
    let counted = hits.clone();
    world.fail(move |asked| {
        let hit = asked.operation == place.operation() && (counted.fetch_add(1, Ordering::SeqCst) == 0 || always);
        if hit { fault } else { Fault::None }
    });
    let current = world.fresh("/prom/node").await.targets();
    let mut has_told = false;
    for poll in 0..2 {
        let before = hits.load(Ordering::SeqCst);
        let (answer, told) = log::of(Ask::get("/prom/node").within(TIMEOUT).in_time(&world.service)).await;
        let answer = answer.ok_or_else(|| format!("no response to poll {poll} in time"))?;
        has_told |= told.contains("changes_unknown") || told.contains("retried");
        match answer.status() {
            200 => {
                let targets = answer.targets();
                if let Some(missing) = current.iter().find(|target| !targets.contains(target)) {
                    return Err(format!("poll {poll} lacks {missing}: {targets:?}\n{told}"));
                }
            }
            status => {
                // Only reads of all rows give an error.
                let is_read = place == Place::Start("Query") || hits.load(Ordering::SeqCst) > before && status == 504;
                if !is_read || ![500, 503, 504].contains(&status) {
                    return Err(format!("poll {poll} is {status}: {}\n{told}", answer.text()));
                }
                has_told = true;
            }
        }
    }
    if hits.load(Ordering::SeqCst) == 0 {
        return Err("the fault has not happened".into());
    }
    // The SDK does not check the checksum of a description, which changes no row.
    if !has_told && (fault, place) != (Fault::WrongChecksum, Place::Start("DescribeTable")) {
        return Err("the log does not tell the fault".into());
    }
    world.heal();
    for _ in 0..2 {
        world.serves("/prom/node", &current, "the fault").await;
    }
    world.wait(HELD);
    world.equals_table("/prom/node", "the fault").await;
    Ok(())
}
