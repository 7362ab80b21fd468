//! `sdctl register` while the table fails.

use std::{
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use test_support::{
    Dynamo,
    fault::{Fault, FaultyDynamo},
    process::Process,
    register::{PATIENCE, SHORTEST, expires_at, register, renewed_after, row},
};

/// Waits until the process has printed a text more than `times` times.
fn wait_for_more_than(times: usize, text: &str, process: &Process) {
    let give_up = Instant::now() + PATIENCE;
    while process.output().matches(text).count() <= times {
        assert!(Instant::now() < give_up, "no {text:?}:\n{}", process.output());
        thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn register_reports_and_survives_an_outage() {
    let dynamo = Dynamo::with_table().await;
    let faulty = FaultyDynamo::before(&dynamo);
    let mut process = Process::start(register(&faulty.endpoint(), &[]).args(SHORTEST));
    process.wait_for("registered group");
    let outages = [
        (Fault::Error(500, "InternalServerError"), "not renewed: table unavailable: InternalServerError (HTTP 500)"),
        // After a first success every error may pass, for example expired credentials.
        (
            Fault::Error(400, "ExpiredTokenException"),
            "not renewed: table unavailable: the keys in the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY have expired",
        ),
        (Fault::Silence, "not renewed: table unavailable: no response within 1s. The lease expire"),
    ];
    for (fault, said) in outages {
        faulty.fail(move |operation, _| if operation == "UpdateItem" { fault } else { Fault::None });
        let output = process.wait_for(said);
        let line = output.lines().find(|line| line.contains(said)).unwrap();
        assert!(line.starts_with("warning: not renewed: ") && line.contains(". The lease expire"), "{line}");
        assert!(line.contains(". Retrying in ") && line.ends_with(" s"), "{line}");
        let before = expires_at(&dynamo).await.unwrap();
        let recovered = "renewed group \"web\" of job \"node\" again until 20";
        let times = process.output().matches(recovered).count();
        faulty.heal();
        renewed_after(before, &process, &dynamo).await;
        wait_for_more_than(times, recovered, &process);
    }
    assert!(process.stop_with(Signal::TERM).success());
    assert!(row(&dynamo).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn register_survives_an_outage_at_start() {
    let dynamo = Dynamo::with_table().await;
    for operation in ["DescribeTable", "UpdateItem"] {
        let faulty = FaultyDynamo::before(&dynamo);
        let failing = Fault::Error(503, "ServiceUnavailable");
        faulty.fail(move |asked, _| if asked == operation { failing } else { Fault::None });
        let mut process = Process::start(register(&faulty.endpoint(), &[]).args(SHORTEST));
        let output = process.wait_for("warning: not registered: table unavailable: ServiceUnavailable (HTTP 503)");
        assert!(output.contains(". Retrying in "), "{output}");
        assert!(row(&dynamo).await.is_none());
        faulty.heal();
        let output = process.wait_for("\nregistered group");
        assert_eq!(output.matches("Using table").count(), 1, "{output}");
        assert!(process.stop_with(Signal::TERM).success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_before_registration_is_no_failure() {
    let dynamo = Dynamo::with_table().await;
    let faulty = FaultyDynamo::before(&dynamo);
    for failing in ["DescribeTable", "UpdateItem"] {
        let fault = Fault::Error(500, "InternalServerError");
        faulty.fail(move |operation, _| if operation == failing { fault } else { Fault::None });
        let mut process = Process::start(register(&faulty.endpoint(), &[]).args(SHORTEST));
        process.wait_for("not registered");
        assert!(process.stop_with(Signal::TERM).success());
        let output = process.whole_output();
        assert!(output.ends_with("stopped before the group was registered\n"), "{output}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_response_to_own_write_is_no_conflict() {
    let dynamo = Dynamo::with_table().await;
    let faulty = FaultyDynamo::before(&dynamo);
    let mut process = Process::start(&mut register(&faulty.endpoint(), &["--ttl", "6s"]));
    process.wait_for("registered group");
    let (asked, asks) = mpsc::channel();
    let asked_before = AtomicBool::new(false);
    faulty.fail(move |operation, _| match operation {
        "UpdateItem" => {
            let _ = asked.send(());
            if asked_before.swap(true, Ordering::Relaxed) { Fault::Silence } else { Fault::LostAnswer }
        }
        _ => Fault::None,
    });
    // The first of two renewals arrives, and neither receives a response.
    for _ in 0..2 {
        asks.recv_timeout(PATIENCE).unwrap();
    }
    assert!(process.stop_with(Signal::TERM).success());
    let output = process.whole_output();
    assert!(output.contains("removed group"), "{output}");
    assert!(row(&dynamo).await.is_none(), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_removal_reports_when_the_lease_expires() {
    let dynamo = Dynamo::with_table().await;
    let faulty = FaultyDynamo::before(&dynamo);
    for (fault, cause) in [(Fault::Error(500, "InternalServerError"), "(HTTP 500)"), (Fault::Silence, "no response")] {
        let mut process = Process::start(&mut register(&faulty.endpoint(), &[]));
        process.wait_for("registered group");
        faulty.fail(move |operation, _| if operation == "DeleteItem" { fault } else { Fault::None });
        assert_eq!(process.stop_with(Signal::TERM).code(), Some(1));
        let output = process.whole_output();
        let last = output.lines().last().unwrap();
        assert!(
            last.starts_with("error: group \"web\" of job \"node\" was not removed: table unavailable: "),
            "{last}"
        );
        assert!(last.contains(cause) && last.contains(". Its lease expires at 20"), "{last}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn second_stop_signal_ends_at_once() {
    let dynamo = Dynamo::with_table().await;
    let faulty = FaultyDynamo::before(&dynamo);
    let mut process = Process::start(&mut register(&faulty.endpoint(), &[]));
    process.wait_for("registered group");
    let (asked, deleting) = mpsc::channel();
    faulty.fail(move |operation, _| {
        if operation == "DeleteItem" {
            let _ = asked.send(());
            return Fault::Silence;
        }
        Fault::None
    });
    process.signal(Signal::INT);
    deleting.recv_timeout(PATIENCE).unwrap();
    assert_eq!(process.stop_with(Signal::INT).code(), Some(1));
    // Without the second signal, `sdctl` would wait for the response to the deletion.
    let output = process.whole_output();
    assert!(output.contains("was not removed: sdctl was stopped a second time. Its lease expires at "), "{output}");
}
