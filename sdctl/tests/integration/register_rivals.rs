//! `sdctl register` of a row that another writer writes too, and with a wrong clock.

use http_sd_lambda::group::EpochSeconds;
use rustix::{process::Signal, system::uname};
use test_support::{
    Dynamo, Row,
    fault::{Asked, Fault, FaultyDynamo},
    process::Process,
    register::{SHORTEST, expires_at, register, renewed_after, row},
    row::{n, s},
    sdctl::{run, sdctl_at},
};

/// Starts `sdctl register` that renews its lease each second.
fn start(dynamo: &Dynamo, arguments: &[&str]) -> Process {
    let mut process = Process::start(register(&dynamo.endpoint(), arguments).args(SHORTEST));
    process.wait_for("registered group");
    process
}

/// Returns the process that wrote the row.
async fn registered_by(dynamo: &Dynamo) -> String {
    dynamo.row("node", "web").await.unwrap()["registered_by"].as_s().unwrap().clone()
}

/// Returns the number of writes until the process has printed a text.
fn writes_until(said: &str, process: &mut Process, faulty: &FaultyDynamo) -> usize {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };
    let writes = Arc::new(AtomicUsize::new(0));
    let counted = writes.clone();
    faulty.fail(move |operation, _| {
        counted.fetch_add(usize::from(operation == "UpdateItem"), Ordering::Relaxed);
        Fault::None
    });
    process.wait_for(said);
    writes.load(Ordering::Relaxed)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_registers_of_one_name_warn_each_other() {
    let dynamo = Dynamo::with_table().await;
    let doors = [FaultyDynamo::before(&dynamo), FaultyDynamo::before(&dynamo)];
    let [mut one, mut two] =
        doors.each_ref().map(|door| Process::start(register(&door.endpoint(), &[]).args(SHORTEST)));
    let host = uname().nodename().to_string_lossy().into_owned();
    let said =
        format!("group \"web\" of job \"node\" is also registered by another sdctl on {host:?}: the last write wins");
    for (process, door) in [(&mut one, &doors[0]), (&mut two, &doors[1])] {
        let writes = writes_until(&said, process, door);
        assert!(writes <= 3, "warned after {writes} writes");
    }
    // Both go on, and do not repeat the warning.
    let until = expires_at(&dynamo).await.unwrap();
    let renewed = renewed_after(until, &one, &dynamo).await;
    renewed_after(renewed, &one, &dynamo).await;
    for process in [&mut one, &mut two] {
        assert_eq!(process.output().matches("is also registered by").count(), 1, "{}", process.output());
    }
    // The one that stops leaves the row to the other, unless it wrote last.
    assert!(one.stop_with(Signal::TERM).success());
    two.wait_until("row", test_support::register::PATIENCE, || {
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(row(&dynamo))).is_some()
    });
    assert!(two.stop_with(Signal::TERM).success());
    assert!(row(&dynamo).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn exclusive_register_stops_for_another() {
    let dynamo = Dynamo::with_table().await;
    let mut one = start(&dynamo, &["--exclusive"]);
    let first = registered_by(&dynamo).await;
    // The other does not renew during the test.
    let mut two = Process::start(&mut register(&dynamo.endpoint(), &[]));
    two.wait_for("registered group");
    assert_eq!(one.wait().unwrap().code(), Some(1));
    let output = one.whole_output();
    let said = "stopped because of --exclusive: group \"web\" of job \"node\" is also registered by another sdctl on";
    assert!(output.contains(said), "{output}");
    // It did not touch the row of the other.
    assert_ne!(registered_by(&dynamo).await, first);
    assert!(!two.output().contains("is also registered by"), "{}", two.output());
    assert!(two.stop_with(Signal::TERM).success());
    assert!(row(&dynamo).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn register_names_the_host_that_it_replaces() {
    let dynamo = Dynamo::with_table().await;
    let EpochSeconds(now) = EpochSeconds::now();
    let other =
        |until| Row::new("node", "web", &["b:1"]).with("registered_by", s("db-7/1f")).with("expires_at", n(until));
    for once in [&["--once"][..], &[]] {
        other(now + 600).put(&dynamo).await;
        let mut refused = register(&dynamo.endpoint(), &[once, &["--exclusive"]].concat());
        let error = run(&mut refused).failed();
        assert!(error.contains("is registered by another sdctl on \"db-7\" until 20"), "{error}");
        assert!(error.ends_with("Give each machine its own group name, or leave out --exclusive"), "{error}");
        assert_eq!(registered_by(&dynamo).await, "db-7/1f");

        let mut process = Process::start(&mut register(&dynamo.endpoint(), once));
        let output = process.wait_for("registered group");
        let said = "warning: group \"web\" of job \"node\" is registered by another sdctl on \"db-7\" until 20";
        assert!(output.find(said).unwrap() < output.find("\nregistered group").unwrap(), "{output}");
        drop(process);
    }
    // The lease of the other has expired.
    other(now - 1).put(&dynamo).await;
    run(&mut register(&dynamo.endpoint(), &["--exclusive", "--once"])).done();
    // A restart on the same host takes over at once.
    let again = run(&mut register(&dynamo.endpoint(), &["--exclusive", "--once"]));
    assert_eq!(again.stderr.lines().count(), 1, "{again:?}");
    again.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn register_warns_about_row_without_lease() {
    let dynamo = Dynamo::with_table().await;
    for once in [&["--once"][..], &[]] {
        for (row, said) in [
            (Row::new("node", "web", &["b:1"]), "exists without a lease: register takes it over"),
            (
                Row::new("node", "web", &["b:1"]).with("managed_by", s("fleet")),
                "belongs to the set \"fleet\": register takes it over",
            ),
            (Row::key("node", "web"), "exists without a lease: register takes it over"),
        ] {
            row.put(&dynamo).await;
            let mut process = Process::start(&mut register(&dynamo.endpoint(), once));
            let output = process.wait_for("registered group");
            let said = format!("warning: group \"web\" of job \"node\" {said}");
            assert!(output.find(&said).unwrap() < output.find("\nregistered group").unwrap(), "{output}");
            assert_eq!(output.matches("warning: ").count(), 1, "{output}");
            drop(process);
            dynamo.delete("node", "web").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn register_names_other_writers_of_its_row() {
    let dynamo = Dynamo::with_table().await;
    let mut process = start(&dynamo, &[]);
    let other = |arguments: &[&str]| run(sdctl_at(&dynamo.endpoint()).args(arguments)).done();
    let listed = other(&["get", "node", "web", "-o", "json"]);
    assert!(listed.contains(&format!("\"registered_by\":\"{}\"", registered_by(&dynamo).await)), "{listed}");
    other(&["put", "node", "web", "-t", "b:1", "--yes"]);
    process.wait_for("another writer changed group \"web\" of job \"node\", and this registration replaced it");
    let until = EpochSeconds::now().0 + 600;
    Row::new("node", "web", &["c:1"]).with("managed_by", s("fleet")).with("expires_at", n(until)).put(&dynamo).await;
    process.wait_for("the set \"fleet\" wrote group \"web\" of job \"node\", and this registration replaced it");
    // A label is no other writer: the row stays registered.
    let before = process.output();
    other(&["label", "node", "web", "env=prod"]);
    let renewed = renewed_after(expires_at(&dynamo).await.unwrap(), &process, &dynamo).await;
    renewed_after(renewed, &process, &dynamo).await;
    assert_eq!(process.output(), before);
    assert!(process.stop_with(Signal::TERM).success());
    assert!(row(&dynamo).await.is_none());
}

/// Without permission to read a row, `register` works without the warning.
#[tokio::test(flavor = "multi_thread")]
async fn register_needs_no_read_permission() {
    let dynamo = Dynamo::with_table().await;
    Row::new("node", "web", &["b:1"]).put(&dynamo).await;
    let faulty = FaultyDynamo::before(&dynamo);
    faulty.fail(
        |operation, _| {
            if operation == "GetItem" { Fault::Error(400, "AccessDeniedException") } else { Fault::None }
        },
    );
    run(&mut register(&faulty.endpoint(), &["--once"])).done();
    let refused = run(&mut register(&faulty.endpoint(), &["--once", "--exclusive"])).failed();
    assert!(refused.contains("access to table \"http-sd\" denied"), "{refused}");
}

/// Lets the responses about rows have the date of a clock.
fn date(ahead: i64) -> impl Fn(&Asked) -> Fault + Send + Sync + 'static {
    move |asked| if asked.operation == "DescribeTable" { Fault::None } else { Fault::Date(ahead) }
}

#[tokio::test(flavor = "multi_thread")]
async fn register_corrects_the_lease_of_wrong_clock() {
    let dynamo = Dynamo::with_table().await;
    let faulty = FaultyDynamo::before(&dynamo);
    for (ahead, said) in [(600, "10m behind"), (-600, "10m ahead of"), (3, ""), (-3, "")] {
        faulty.fail_asked(date(ahead));
        let EpochSeconds(before) = EpochSeconds::now();
        let ran = run(&mut register(&faulty.endpoint(), &["--once", "--ttl", "1h"]));
        let EpochSeconds(after) = EpochSeconds::now();
        let until = expires_at(&dynamo).await.unwrap();
        let correction = if said.is_empty() { 0 } else { ahead };
        // The date has no fraction of a second.
        let expected = before + correction + 3598..=after + correction + 3602;
        assert!(expected.contains(&until), "{until} not in {expected:?}: {ran:?}");
        assert_eq!(ran.stderr.contains("the clock of this machine is "), !said.is_empty(), "{ran:?}");
        if ahead == 600 {
            let words = ["10m behind DynamoDB's: sdctl corrects the lease", "9m 59s behind DynamoDB's"];
            assert!(words.iter().any(|words| ran.stderr.contains(words)), "{ran:?}");
        }
        ran.done();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn register_refuses_clock_wrong_by_an_hour() {
    let dynamo = Dynamo::with_table().await;
    let faulty = FaultyDynamo::before(&dynamo);
    for ahead in [3700, -3700] {
        faulty.fail_asked(date(ahead));
        for once in [&["--once"][..], &[]] {
            let error = run(&mut register(&faulty.endpoint(), once)).failed();
            assert!(error.starts_with("error: nothing was written: the clock of this machine is 1h 1m"), "{error}");
            assert!(error.ends_with("DynamoDB's. Set the clock, for example by NTP"), "{error}");
            assert!(row(&dynamo).await.is_none());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clock_that_goes_wrong_is_corrected_later() {
    let dynamo = Dynamo::with_table().await;
    let faulty = FaultyDynamo::before(&dynamo);
    let mut process = Process::start(register(&faulty.endpoint(), &[]).args(SHORTEST));
    process.wait_for("registered group");
    assert!(!process.output().contains("clock"), "{}", process.output());
    faulty.fail_asked(date(7200));
    process.wait_for("behind DynamoDB's: sdctl corrects the lease");
    let late = EpochSeconds::now().0 + 7000;
    renewed_after(late, &process, &dynamo).await;
    assert_eq!(process.output().matches("clock").count(), 2, "{}", process.output());
}
