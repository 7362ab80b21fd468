//! The warm-up read at the start of the function, and starts where it fails.

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

/// An engine with one row, and an endpoint that fails by a rule and reports each operation.
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
async fn warm_up_read_serves_the_first_poll() {
    let (_dynamo, faulty, asked) = table(|_| Fault::None).await;
    let function = Function::start(&faulty.endpoint(), &[]);
    function.wait_until_ready();
    assert_eq!(sorted(&asked), ["DescribeTable", "Scan"]);
    assert_eq!(function.invoke("job")["body"], ANSWER);
    assert_eq!(sorted(&asked), ["Query"]);
    assert!(!function.process.output().contains("warm_up"), "{}", function.process.output());
}

#[tokio::test(flavor = "multi_thread")]
async fn disabled_warm_up_reads_nothing_before_first_poll() {
    let (_dynamo, faulty, asked) = table(|_| Fault::None).await;
    let function = Function::start(&faulty.endpoint(), &[("HTTP_SD_WARM_UP", "off")]);
    function.wait_until_ready();
    assert_eq!(sorted(&asked), [""; 0]);
    assert_eq!(function.invoke("job")["body"], ANSWER);
    assert_eq!(sorted(&asked), ["DescribeTable", "Query"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_warm_up_warns_and_first_poll_reads() {
    let missing = Fault::Error(400, "ResourceNotFoundException");
    let throttled = Fault::Error(400, "ThrottlingException");
    let cases = [
        (missing, "ResourceNotFoundException (HTTP 400)"),
        (throttled, "ThrottlingException (HTTP 400)"),
        // Lambda ends a start after ten seconds and begins another.
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
async fn missing_table_fails_the_first_poll() {
    let (_dynamo, faulty, _asked) = table(|_| Fault::Error(400, "ResourceNotFoundException")).await;
    let function = Function::start(&faulty.endpoint(), &[]);
    assert_eq!(function.invoke("job")["statusCode"], 500);
}
