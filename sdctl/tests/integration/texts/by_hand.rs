//! Messages of `sdctl targets`, `edit` and `mv`.

use http_sd_lambda::group::EpochSeconds;
use test_support::{
    Row,
    applied::Applied,
    row::{n, s},
};

use super::Transcript;

#[tokio::test(flavor = "multi_thread")]
async fn messages_about_changes_by_hand() {
    let Applied { dynamo, .. } = Applied::new().await;
    let EpochSeconds(now) = EpochSeconds::now();
    let mut transcript = Transcript::new();
    Row::new("node", "web", &["a:9100"]).labels([("env", "prod")]).put(&dynamo).await;
    Row::new("node", "leased", &["c:9100"])
        .with("expires_at", n(now + 7230))
        .with("registered_by", s("web-1 42"))
        .put(&dynamo)
        .await;
    Row::new("node", "owned", &["d:9100"]).with("managed_by", s("fleet")).put(&dynamo).await;
    Row::key("node", "broken").with("targets", s("x")).put(&dynamo).await;

    transcript.part("targets");
    transcript.at(
        &dynamo,
        &[
            "sdctl targets add node web -t b:9100 -t a:9100 --dry-run",
            "sdctl targets add node web -t b:9100 -t a:9100",
            "sdctl targets add node web -t b:9100",
            "sdctl targets add node web -t :9100 -t 2001:db8::11:9100 -t c:9100/metrics",
            "sdctl targets add node web -t a:99999",
            "sdctl targets add node leased -t e:9100",
            "sdctl targets rm node owned -t d:9100",
            "sdctl targets rm node owned -t d:9100",
            "sdctl targets rm node broken -t d:9100",
            "sdctl targets rm node missing -t d:9100",
            "sdctl targets rm node web",
        ],
    );

    transcript.part("edit");
    transcript.at(
        &dynamo,
        &[
            "EDITOR=cat sdctl edit node",
            "TMPDIR=$PWD EDITOR='sed -i s/b:9100/f:9100/' sdctl edit node web",
            "EDITOR='sed -i s/b:9100/f:9100/' sdctl edit node web --yes",
            "sdctl edit node",
            "EDITOR=false sdctl edit node",
            "EDITOR=true sdctl edit missing",
        ],
    );

    transcript.part("mv");
    transcript.at(
        &dynamo,
        &[
            "sdctl mv node web web-eu --settle 1s",
            "sdctl mv node web-eu leased",
            "sdctl mv node api --dry-run",
            "sdctl mv node api",
            "sdctl mv node api --settle 1s --yes",
            "sdctl mv node api",
            "sdctl mv api leased leased",
            "sdctl mv api",
        ],
    );
    transcript.assert("by_hand");
}
