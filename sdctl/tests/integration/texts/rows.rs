//! Messages of the commands that read and write rows.

use std::fmt::Write;

use http_sd_lambda::group::EpochSeconds;
use rustix::process::Signal;
use test_support::{
    Row,
    applied::Applied,
    process::Process,
    row::{n, s},
    sdctl::shell_at,
};

use super::Transcript;

#[tokio::test(flavor = "multi_thread")]
async fn messages_about_rows() {
    let Applied { dynamo, .. } = Applied::new().await;
    let EpochSeconds(now) = EpochSeconds::now();
    let mut transcript = Transcript::new();

    transcript.part("An empty table");
    transcript.at(&dynamo, &["sdctl get", "sdctl get -o json", "sdctl get node"]);

    transcript.part("put");
    Row::new("node", "leased", &["c:9100"]).with("expires_at", n(now + 7230)).put(&dynamo).await;
    Row::new("node", "owned", &["d:9100"])
        .labels([("env", "prod")])
        .with("managed_by", s("fleet"))
        .with("updated_at", n(now - 3 * 86_400))
        .put(&dynamo)
        .await;
    Row::key("node", "broken").with("targets", s("x")).put(&dynamo).await;
    transcript.at(
        &dynamo,
        &[
            "sdctl put node web -t a:9100 -t b:9100 -l env=prod -l 'note=two words'",
            "sdctl put node web -t a:9100 -t x:9100 -l env=test --ttl 15m",
            "sdctl put node web -t a:9100 -t x:9100 -l env=test --ttl 15m --yes",
            "sdctl put node web -t a:9100 -t x:9100 -l env=test --dry-run",
            "sdctl put node web -t a:9100 -t x:9100 -l env=test",
            "sdctl put node web -t a:9100 -t x:9100 -l env=test",
            "sdctl put node owned -t d:9100 -l env=prod -l team=shop",
            "sdctl put node leased -t e:9100 -t f:9100 -t g:9100 -t h:9100 -t i:9100 -t j:9100 -y",
            "sdctl put node broken -t k:9100",
            "sdctl put node web",
            "sdctl put node web -t 'a b'",
            "sdctl put node web -t a:9100 -l env",
            "sdctl put node web -t a:9100 -l a-b=c",
            "sdctl put node web -t a:9100 -l a=1 -l a=2",
            "sdctl put node web -t a:9100 --ttl soon",
            "sdctl put node web -t a:9100 --ttl 0s",
            "sdctl put '' web -t a:9100",
        ],
    );

    transcript.part("label");
    Row::key("node", "broken").with("targets", s("x")).put(&dynamo).await;
    transcript.at(
        &dynamo,
        &[
            "sdctl label node web env=prod team=shop",
            "sdctl label node web env=test team-",
            "sdctl label node web env=test",
            "sdctl label node owned env=test",
            "sdctl label node web env",
            "sdctl label node missing env=prod",
            "sdctl label node broken env=prod",
        ],
    );

    transcript.part("get");
    Row::new("node", "expired", &["y:9100"]).with("expires_at", n(now - 7200)).put(&dynamo).await;
    Row::new("node", "leased", &["c:9100"]).with("expires_at", n(now + 7230)).put(&dynamo).await;
    Row::new("other", "big", &["a:1", "b:1", "c:1", "d:1", "e:1", "f:1", "g:1"]).put(&dynamo).await;
    dynamo.delete("node", "web").await;
    transcript.at(
        &dynamo,
        &[
            "sdctl get node",
            "sdctl get other -o wide",
            "sdctl get node owned -o wide",
            "sdctl get other big -o yaml",
            "sdctl get other -o json",
            "sdctl get other -o file_sd",
            "sdctl get node -o file_sd",
            "sdctl get -o file_sd",
            "sdctl get nod",
            "sdctl get node web",
            "sdctl get node -o xml",
        ],
    );

    transcript.part("rm");
    transcript.at(
        &dynamo,
        &[
            "sdctl rm node expired leased",
            "sdctl rm node expired",
            "sdctl rm node",
            "sdctl rm node --yes",
            "sdctl rm node --yes",
        ],
    );

    transcript.part("register");
    transcript.at(
        &dynamo,
        &[
            "sdctl register node web-1 -t a:9100 --ttl 25h --once",
            "sdctl put node web-2 -t b:9100",
            "sdctl register node web-2 -t a:9100 --once",
            "sdctl register node web-1 -t a:9100 --ttl 1s",
            "sdctl register node web-1 -t a:9100 --ttl 2y",
        ],
    );
    transcript.local("sdctl register node web-1 -t a:9100");
    let line = "sdctl register node web-1 -t a:9100 2>&1";
    let mut process = Process::start(&mut shell_at(&dynamo.endpoint(), &format!("exec {line}")));
    process.wait_for("registered group");
    assert!(process.stop_with(Signal::TERM).success());
    write!(transcript.text, "\n$ {line}\n{}^C\n--- exit code 0\n", process.whole_output()).unwrap();
    transcript.assert("rows");
}
