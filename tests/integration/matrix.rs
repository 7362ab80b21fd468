//! Every fault in every place of a read. Each response is the whole list, or an error in time that names the cause.

mod case;
mod place;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::{StreamExt, stream};
use http_sd_lambda::{
    http::{Access, Service, Settings},
    table::Table,
};
use test_support::{
    Ask, Dynamo, Row, document,
    engine::{TABLE, function_client},
    fault::{Fault, FaultyDynamo},
    log,
    outcome::Outcome,
    row::put_all,
};

use self::{
    case::{CASES, Case, Inject},
    place::{Place, ROWS_OF_A_PAGE, ROWS_OF_THE_JOB},
};

/// Cells tried at a time: many that wait, but few that work, because those delay the timers of the others.
const WAITING: usize = 24;
const WORKING: usize = 4;

/// The table, and the response by path without a fault.
struct World {
    dynamo: Dynamo,
    complete: BTreeMap<&'static str, String>,
}

impl World {
    async fn new() -> Self {
        let dynamo = Dynamo::with_table().await;
        let row = |job: &str, i: usize| Row::new(job, &format!("{i:02}"), &[&format!("{job}-{i}:1")]);
        let job = (0..ROWS_OF_THE_JOB).map(|i| row("node", i));
        // Enough rows that each segment has several pages.
        let others = (0..40).map(|i| row(&format!("job-{i:02}"), i));
        put_all(&dynamo, job.chain(others)).await;
        let service = Service::new(dynamo.table(), Access::Open, Settings::default());
        let mut complete = BTreeMap::new();
        for (path, rows) in [("/prom/node", ROWS_OF_THE_JOB), ("/prom", ROWS_OF_THE_JOB + 40)] {
            let answer = Ask::get(path).of(&service).await;
            assert_eq!(answer.targets().len(), rows);
            complete.insert(path, answer.text().to_owned());
        }
        Self { dynamo, complete }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_matrix_has_documented_outcomes() {
    let world = Arc::new(World::new().await);
    let cells = CASES.iter().flat_map(|case| Place::ALL.map(|place| (case, place))).enumerate();
    let (waiting, working): (Vec<_>, Vec<_>) = cells.partition(|(_, (case, _))| case.waits());
    let try_all = async |cells: Vec<(usize, (&'static Case, Place))>, at_a_time| {
        let tried = cells.into_iter().map(|(number, (case, place))| {
            let world = world.clone();
            async move {
                let cell = format!("{} / {}", case.name, place.name());
                // A separate task, so that a panic does not stop the other cells.
                let outcome = tokio::spawn(async move { tried(case, place, &world).await }).await;
                let outcome = outcome.map_err(|_| "a panic, which the output above tells".to_owned()).flatten();
                (number, outcome.map_err(|problem| format!("{cell}: {problem}")))
            }
        });
        stream::iter(tried.collect::<Vec<_>>()).buffered(at_a_time).collect::<Vec<_>>().await
    };
    let (waited, worked) = tokio::join!(try_all(waiting, WAITING), try_all(working, WORKING));
    let mut outcomes: Vec<_> = waited.into_iter().chain(worked).collect();
    outcomes.sort_by_key(|(number, _)| *number);
    let outcomes: Vec<_> = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
    let problems: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err().cloned()).collect();
    assert!(problems.is_empty(), "{} of {} cells:\n{}", problems.len(), outcomes.len(), problems.join("\n"));
    let outcomes: Vec<String> = outcomes.iter().flatten().map(ToString::to_string).collect();
    let rows = CASES.iter().map(|case| case.name).zip(outcomes.chunks(Place::ALL.len()).map(<[_]>::to_vec));
    document::compare("matrix", "matrix", &Place::ALL.map(Place::name), rows);
}

/// Returns the outcome of a fault in a place, or what is wrong with the response.
async fn tried(case: &'static Case, place: Place, world: &World) -> Result<Outcome, String> {
    let faulty = FaultyDynamo::with_pages_of(ROWS_OF_A_PAGE, &world.dynamo);
    let table = Table::new(function_client(&faulty.endpoint()), TABLE);
    let hits = inject(case, place, &faulty);
    let complete = &world.complete[place.path()];
    let (service, outcome, log) = if place == Place::Start {
        let (table, log) = log::of(async {
            table.warm_up().await;
            table
        })
        .await;
        let outcome = if told(&log).contains("warm_up") { Outcome::Warning } else { Outcome::Complete };
        (service(table), outcome, log)
    } else {
        let service = service(table);
        let (answer, log) = log::of(Ask::get(place.path()).within(case.within).in_time(&service)).await;
        let answer = answer.ok_or_else(|| format!("no answer after {:?}", case.within))?;
        let outcome = Outcome::of(&answer);
        if outcome == Outcome::Complete && answer.text() != complete {
            return Err(format!("a short list: {}", answer.text()));
        }
        (service, outcome, log)
    };
    if hits.load(Ordering::SeqCst) == 0 {
        return Err("the fault has not happened".into());
    }
    let expected = expected(case, place);
    if outcome != expected {
        return Err(format!("{outcome}, but expected {expected}\n{}", told(&log)));
    }
    let told = told(&log);
    // The log need not mention a fault that caused neither an error nor a retry.
    let is_to_be_told = outcome != Outcome::Complete || case.later == Some(Fault::None);
    if is_to_be_told && !case.causes.iter().any(|cause| told.contains(cause)) {
        return Err(format!("the log says none of {:?}, but:\n{told}", case.causes));
    }
    faulty.heal();
    let next = Ask::get(place.path()).of(&service).await;
    if (next.status(), next.text()) != (200, complete) {
        return Err(format!("the next request is answered with {} {}", next.status(), next.text()));
    }
    Ok(outcome)
}

fn service(table: Table) -> Service {
    Service::new(table, Access::Open, Settings::default())
}

/// Sets a fault in a place. Returns a counter of its occurrences.
fn inject(case: &'static Case, place: Place, faulty: &FaultyDynamo) -> Arc<AtomicUsize> {
    let hits = Arc::new(AtomicUsize::new(0));
    let counted = hits.clone();
    match case.inject {
        Inject::Fault(fault) => {
            let before: Mutex<BTreeMap<String, usize>> = Mutex::default();
            faulty.fail_asked(move |asked| {
                if !place.has(asked) {
                    return Fault::None;
                }
                let mut before = before.lock().unwrap();
                let before = before.entry(asked.operation.clone()).or_default();
                *before += 1;
                counted.fetch_add(1, Ordering::SeqCst);
                match case.later {
                    Some(later) if *before > 1 => later,
                    _ => fault(&asked.operation),
                }
            });
        }
        Inject::Refusal => {
            if let Some(last) = place.before() {
                faulty.fail_asked(move |asked| {
                    if !last.has(asked) {
                        return Fault::None;
                    }
                    counted.fetch_add(1, Ordering::SeqCst);
                    Fault::ThenRefuse
                });
            } else {
                faulty.refuse();
                counted.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
    hits
}

/// Returns the expected outcome of a fault in a place.
fn expected(case: &Case, place: Place) -> Outcome {
    match place {
        Place::Start => case.expected.start,
        Place::Key => case.expected.key,
        _ => case.expected.page,
    }
}

/// Returns the warnings and errors of the function's log.
fn told(log: &str) -> String {
    let told = log.lines().map(str::trim_start).filter(|line| {
        ["WARN", "ERROR"].iter().any(|level| line.starts_with(level)) && line.contains("http_sd_lambda")
    });
    told.collect::<Vec<_>>().join("\n")
}
