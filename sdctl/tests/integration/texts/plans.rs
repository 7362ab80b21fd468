//! Plans of `sdctl apply`, and its errors.

use http_sd_lambda::group::EpochSeconds;
use test_support::{
    Row,
    applied::Applied,
    fault::{Fault, FaultyDynamo},
    row::{n, s},
    sdctl::shell_at,
};

use super::Transcript;

#[tokio::test(flavor = "multi_thread")]
async fn plans() {
    let Applied { dynamo, .. } = Applied::new().await;
    let EpochSeconds(now) = EpochSeconds::now();
    let mut transcript = Transcript::new();

    transcript.part("A first apply");
    transcript.write(
        "node.json",
        r#"[
  {"targets": ["a:9100", "b:9100"], "labels": {"env": "prod", "team": "shop"}},
  {"targets": ["c:9100"], "labels": {"env": "test"}},
  {"targets": ["d:9100", "e:9100", "f:9100", "g:9100", "h:9100", "i:9100", "j:9100"]}
]
"#,
    );
    transcript.write("web.yml", "- targets: [web-1:8080]\n  labels: {note: \"two words\"}\n");
    transcript.at(
        &dynamo,
        &[
            "cat node.json web.yml",
            "sdctl apply -f node.json -f web.yml --dry-run",
            "sdctl apply -f node.json -f web.yml",
            "sdctl apply -f node.json -f web.yml --yes",
            "sdctl apply -f node.json -f web.yml --yes",
        ],
    );

    transcript.part("Changed files: a target moves, labels change, groups are added and removed");
    transcript.write(
        "node.json",
        r#"[
  {"targets": ["a:9100"], "labels": {"env": "staging", "region": "eu"}},
  {"targets": ["c:9100", "b:9100", "n:9100"], "labels": {"env": "test"}},
  {"targets": ["new:9100"], "labels": {"env": "new"}}
]
"#,
    );
    transcript.at(
        &dynamo,
        &[
            "cat node.json",
            "sdctl apply -f node.json --dry-run",
            "sdctl apply -f node.json --prune --dry-run",
            "sdctl apply -f node.json -f web.yml --prune --max-removed 80 --settle 1s --yes",
        ],
    );

    transcript.part("Another set, and the rows of the set default");
    transcript.at(
        &dynamo,
        &[
            "sdctl apply -f node.json --set fleet --dry-run",
            "sdctl apply -f node.json --set fleet --adopt default --yes",
            "sdctl apply -f node.json",
        ],
    );

    transcript.part("Rows with an owner, with a lease, without both, and a broken row");
    Row::new("job", "by-hand", &["a:1"]).put(&dynamo).await;
    Row::new("job", "leased", &["b:1"]).with("expires_at", n(now + 7230)).put(&dynamo).await;
    Row::new("job", "expired", &["d:1"])
        .with("managed_by", s("fleet"))
        .with("expires_at", n(now - 7200))
        .put(&dynamo)
        .await;
    Row::key("job", "broken").with("targets", s("e:1")).with("managed_by", s("fleet")).put(&dynamo).await;
    transcript.write("job.json", "[{\"targets\": [\"a:1\"]}, {\"targets\": [\"b:1\"]}, {\"targets\": [\"d:1\"]}]\n");
    transcript.at(
        &dynamo,
        &[
            "cat job.json",
            "sdctl apply -f job.json --dry-run",
            "sdctl apply -f job.json --set fleet --dry-run",
            "sdctl apply -f job.json --set fleet --prune --max-removed 100 --yes",
        ],
    );

    transcript.part("A long plan");
    let groups: Vec<String> =
        (10..32).map(|i| format!(r#"{{"targets": ["host-{i}:9100"], "labels": {{"host": "{i}"}}}}"#)).collect();
    transcript.write("long.json", &format!("[{}]", groups.join(", ")));
    transcript.at(&dynamo, &["sdctl apply -f long.json --dry-run"]);

    transcript.part("Files with faults");
    transcript.write("bad.json", r#"[{"targets": "a:1"}, {"target": ["b:1"]}, {"targets": ["c d"]}]"#);
    transcript.write("broken.yml", "- targets: [a:1\n");
    transcript.at(
        &dynamo,
        &[
            "sdctl apply -f bad.json -f broken.yml -f missing.json",
            "cat web.yml | sdctl apply -f -",
            "sdctl apply -f web.yml --max-removed 101",
            "sdctl apply -f web.yml --adopt fleet",
            "sdctl apply",
        ],
    );

    transcript.part("A failed write");
    let faulty = FaultyDynamo::before(&dynamo);
    faulty.fail(|operation, _| {
        if operation == "TransactWriteItems" { Fault::Error(400, "AccessDeniedException") } else { Fault::None }
    });
    let line = "sdctl apply -f web.yml --set new --yes";
    transcript.run(line, &mut shell_at(&faulty.endpoint(), line));
    transcript.assert("plans");
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_beside_other_owners_and_for_programs() {
    let Applied { dynamo, .. } = Applied::new().await;
    let mut transcript = Transcript::new();

    transcript.part("An edited list beside rows without a set, and misspelt sets");
    transcript.write("web.yml", "- targets: [web-1:8080]\n  labels: {note: \"two words\"}\n");
    transcript.at(&dynamo, &["sdctl apply -f web.yml --yes"]);
    transcript.write(
        "web.yml",
        "- targets: [web-1:8080, web-2:8080]\n  labels: {note: \"two words\"}\n- targets: [web-3:8080]\n",
    );
    Row::new("web", "by-hand", &["web-3:8080"]).labels([("team", "shop")]).put(&dynamo).await;
    transcript.at(
        &dynamo,
        &[
            "cat web.yml",
            "sdctl apply -f web.yml --set fleeet --dry-run",
            "sdctl apply -f web.yml --set fleet --adopt defaults",
            "sdctl apply -f web.yml --set web --adopt default --adopt-unowned --dry-run",
        ],
    );

    transcript.part("Output for programs");
    transcript.at(
        &dynamo,
        &[
            "sdctl apply -f web.yml --set web --adopt default --adopt-unowned --dry-run -o json",
            "sdctl apply -f web.yml --set web --adopt default --adopt-unowned -o json",
            "sdctl apply -f web.yml --set web --adopt default --adopt-unowned --yes -o name",
            "sdctl apply -f web.yml --set web --yes -o name",
            "sdctl apply -f web.yml --set web --yes -o json",
        ],
    );
    transcript.assert("owners");
}
