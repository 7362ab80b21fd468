//! Messages of searches, exports and imports.

use http_sd_lambda::group::EpochSeconds;
use test_support::{
    Row,
    applied::Applied,
    row::{n, s},
};

use super::Transcript;

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_searches_and_backups() {
    let Applied { dynamo, .. } = Applied::new().await;
    let EpochSeconds(now) = EpochSeconds::now();
    let mut transcript = Transcript::new();

    transcript.part("An empty table");
    transcript.at(&dynamo, &["sdctl export", "sdctl get --set fleet", "sdctl rm --set fleet --yes"]);

    transcript.part("Search");
    Row::new("node", "web", &["web-1:9100", "web-2:9100"]).labels([("env", "prod")]).put(&dynamo).await;
    Row::new("node", "test", &["web-9:9100"])
        .labels([("env", "test")])
        .with("managed_by", s("fleet"))
        .put(&dynamo)
        .await;
    Row::key("node", "broken").with("targets", s("x")).put(&dynamo).await;
    for name in ["a", "b", "c"] {
        Row::new("batch", name, &["b:1"]).with("expires_at", n(now - 1800)).put(&dynamo).await;
    }
    transcript.at(
        &dynamo,
        &[
            "sdctl get node --match '{env=\"prod\"}'",
            "sdctl get 'n*' -l env=test -o wide",
            "sdctl get --state broken",
            "sdctl get --set absent",
            "sdctl get node --target 'x*'",
            "sdctl get --match 'env=prod'",
            "sdctl get --match '{env=\"prod\"'",
            "sdctl get --target '[a'",
            "sdctl get 'x*'",
            "sdctl rm",
            "sdctl rm --match '{env=\"prod\"}'",
            "sdctl rm --set absent --yes",
            "sdctl rm 'batch*' a --yes",
        ],
    );

    transcript.part("export");
    transcript.at(
        &dynamo,
        &[
            "sdctl export node --set fleet",
            "sdctl export -o backup.json",
            "sdctl export nod -o backup.json",
            "sdctl export -o none/backup.json",
        ],
    );

    transcript.part("import");
    Row::new("node", "test", &["web-8:9100"]).labels([("env", "test")]).with("note", s("mine")).put(&dynamo).await;
    Row::new("node", "new", &["n:1"]).put(&dynamo).await;
    Row::new("other", "new", &["n:1"]).put(&dynamo).await;
    dynamo.delete("node", "broken").await;
    transcript.write("faults.json", "{\"Item\":{\"job\":{\"S\":\"a\"}}}\nx\n\n{}\n");
    transcript.write("empty.json", "");
    transcript.at(
        &dynamo,
        &[
            "sdctl import -f backup.json",
            "sdctl import -f backup.json --dry-run --max-removed 50",
            "sdctl import -f backup.json --replace --yes",
            "sdctl import -f backup.json --replace --yes --max-removed 100",
            "sdctl import -f backup.json",
            "sdctl import -f empty.json",
            "sdctl import -f faults.json",
            "sdctl import -f missing.json",
            "sdctl import",
        ],
    );

    transcript.part("history and undo");
    transcript.at(
        &dynamo,
        &[
            "sdctl label node web team=shop env-",
            "sdctl label 'node' --target '*' zone=a",
            "sdctl rm node web --dry-run",
            "sdctl rm node web test nothing",
            "sdctl put node web -t new:9100",
            "sdctl undo --dry-run",
            "sdctl undo --yes --max-removed 100",
            "sdctl undo",
            "sdctl undo --yes",
            "sdctl undo --yes",
            "sdctl undo 99",
            "sdctl history 2",
        ],
    );
    transcript.assert("backup");
}
