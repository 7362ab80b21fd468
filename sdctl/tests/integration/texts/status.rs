//! Messages of `sdctl status` and `sdctl check --rows`.

use http_sd_lambda::group::EpochSeconds;
use test_support::{
    Row,
    applied::Applied,
    row::{n, put_all, s},
};

use super::Transcript;

#[tokio::test(flavor = "multi_thread")]
async fn messages_about_the_whole_table() {
    let Applied { dynamo, .. } = Applied::new().await;
    let EpochSeconds(now) = EpochSeconds::now();
    let mut transcript = Transcript::new();

    transcript.part("An empty table");
    transcript.at(&dynamo, &["sdctl status", "sdctl check --rows", "sdctl check --rows --strict"]);

    transcript.part("A good table");
    let db = Row::new("mysqld", "db", &["db-1:9104"]).labels([("env", "prod")]).with("managed_by", s("fleet"));
    let rows = [
        db.with("updated_at", n(now - 3 * 86_400)),
        Row::new("node", "web", &["web-1:9100", "web-2:9100"]).with("expires_at", n(now + 600)),
    ];
    put_all(&dynamo, rows).await;
    transcript.at(&dynamo, &["sdctl status", "sdctl check --rows"]);

    transcript.part("A table with faults");
    let rows = [
        Row::key("node", "broken").with("targets", s("x")),
        Row::new("node", "db", &["web-1:9100", "db-1:9100"]).labels([("env", "prod")]),
        Row::new("node", "milliseconds", &["web-2:9100"]).with("expires_at", n((now + 60) * 1000)),
        Row::new("batch", "a", &["a:1"]).with("expires_at", n(now - 60)),
        Row::new("batch", "b", &["b:1"]).with("expires_at", n(now - 60)),
        Row::new("batch", "c", &["c:1"]).with("expires_at", n(now - 60)),
        Row::new("old", "a", &["a:1"]).with("expires_at", n(now - 7200)),
        Row::new("empty", "a", &[]),
    ];
    put_all(&dynamo, rows).await;
    transcript.at(
        &dynamo,
        &[
            "sdctl status",
            "sdctl status 'b*'",
            "sdctl status 'x*'",
            "sdctl status nod",
            "sdctl status --watch nod",
            "sdctl status --watch 1ms",
            "sdctl check --rows",
            "sdctl check --rows --for vmagent --strict",
        ],
    );
    transcript.assert("status");
}
