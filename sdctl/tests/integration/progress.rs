//! The progress on a terminal during long work.

use axum::{Router, http::StatusCode, routing::get};
use test_support::{
    Row,
    applied::{Applied, THREE},
    background::Background,
    fault::{Fault, FaultyDynamo},
    sdctl::{run, shell, shell_at},
};

/// Returns a shell line that runs another one in a terminal.
fn in_terminal(line: &str) -> String {
    format!("script --quiet --return --command '{line}' /dev/null")
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_clears_the_progress_line() {
    let applied = Applied::new().await;
    let faulty = FaultyDynamo::before(&applied.dynamo);
    faulty.fail(|operation, _| match operation {
        "TransactWriteItems" | "UpdateItem" => Fault::Error(400, "AccessDeniedException"),
        _ => Fault::None,
    });
    Row::new("old", "web", &["a:1"]).put(&applied.dynamo).await;
    applied.write("node.json", THREE);
    for line in ["sdctl apply -f node.json --yes", "sdctl label old web env=prod", "sdctl mv old new --yes"] {
        let ran = run(shell_at(&faulty.endpoint(), &in_terminal(line)).current_dir(applied.folder.path()));
        assert_eq!(ran.code, 1, "{ran:?}");
        let (_, after) = ran.stdout.rsplit_once("ing ░").unwrap_or_else(|| panic!("no progress: {ran:?}"));
        let (between, _) = after.split_once("error:").unwrap_or_else(|| panic!("no error: {ran:?}"));
        // The sequence that clears the line.
        assert!(between.contains("\u{1b}[2K"), "{ran:?}");
    }
}

#[test]
fn long_poll_says_what_it_waits_for() {
    let server = Background::router(Router::new().route("/silent", get(std::future::pending::<StatusCode>)));
    let url = format!("http://me:test-secret@{}/silent?test-secret=1", server.address);
    let line = format!("sdctl check --refresh-interval 2s --url \"{url}\"");
    let ran = run(&mut shell(&in_terminal(&line)));
    let said = format!("waiting for http://{}/silent, ", server.address);
    assert!(ran.code == 2 && ran.stdout.contains(&said), "{ran:?}");
    let without = run(&mut shell(&line));
    assert!(without.code == 2 && !without.stderr.contains("waiting"), "{without:?}");
}
