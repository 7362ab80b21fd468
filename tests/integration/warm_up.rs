//! The read while the function starts, and a start that goes on without it.

use std::sync::{
    Arc, Mutex,
    mpsc::{Receiver, channel},
};

use test_support::{
    Dynamo, Row,
    fault::{Fault, FaultyDynamo},
    lambda::Function,
};

const ANSWER: &str = r#"[{"targets":["a:1"],"labels":{}}]"#;

/// An engine with one row, and an endpoint before it that says what it is asked for, and fails by that rule.
async fn table(fault: impl Fn(&str) -> Fault + Send + Sync + 'static) -> (Dynamo, FaultyDynamo, Receiver<String>) {
    let dynamo = Dynamo::with_table().await;
    Row::new("node_exporter", "web", &["a:1"]).put(&dynamo).await;
    let faulty = FaultyDynamo::before(&dynamo);
    let (asked, operations) = channel();
    let asked = Arc::new(Mutex::new(asked));
    faulty.fail(move |operation, _| {
        let _ = asked.lock().unwrap().send(operation.to_owned());
        fault(operation)
    });
    (dynamo, faulty, operations)
}

fn sorted(operations: &Receiver<String>) -> Vec<String> {
    let mut operations: Vec<String> = operations.try_iter().collect();
    operations.sort();
    operations
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_is_read_once_while_starting_and_the_first_poll_takes_what_was_seen() {
    let (_dynamo, faulty, asked) = table(|_| Fault::None).await;
    let function = Function::start(&faulty.endpoint(), &[]);
    function.wait_until_ready();
    assert_eq!(sorted(&asked), ["DescribeTable", "Scan"]);
    assert_eq!(function.invoke("job")["body"], ANSWER);
    assert_eq!(sorted(&asked), ["Query"]);
    assert!(!function.process.output().contains("warm_up"), "{}", function.process.output());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_warm_up_nothing_is_read_before_the_first_poll() {
    let (_dynamo, faulty, asked) = table(|_| Fault::None).await;
    let function = Function::start(&faulty.endpoint(), &[("HTTP_SD_WARM_UP", "off")]);
    function.wait_until_ready();
    assert_eq!(sorted(&asked), [""; 0]);
    assert_eq!(function.invoke("job")["body"], ANSWER);
    assert_eq!(sorted(&asked), ["DescribeTable", "Query"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_cannot_be_read_yet_is_a_warning_and_the_first_poll_finds_it() {
    let missing = Fault::Error(400, "ResourceNotFoundException");
    let throttled = Fault::Error(400, "ThrottlingException");
    let cases = [
        (missing, "ResourceNotFoundException (HTTP 400)"),
        (throttled, "ThrottlingException (HTTP 400)"),
        // Lambda gives a start ten seconds, and begins another one then.
        (Fault::Silence, "no response within 5 s"),
    ];
    for (fault, expected) in cases {
        let (_dynamo, faulty, _asked) = table(move |_| fault).await;
        let mut function = Function::start(&faulty.endpoint(), &[]);
        function.wait_until_ready();
        let log = function.process.wait_for("event=\"warm_up\"");
        let warnings: Vec<&str> = log.lines().filter(|line| line.contains("warm_up")).collect();
        assert!(warnings.len() == 1 && warnings[0].contains(expected) && warnings[0].contains("WARN"), "{log}");
        faulty.heal();
        assert_eq!(function.invoke("job")["body"], ANSWER, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_still_missing_is_the_first_polls_own_error() {
    let (_dynamo, faulty, _asked) = table(|_| Fault::Error(400, "ResourceNotFoundException")).await;
    let function = Function::start(&faulty.endpoint(), &[]);
    assert_eq!(function.invoke("job")["statusCode"], 500);
}
