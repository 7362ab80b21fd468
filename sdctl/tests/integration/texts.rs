//! Snapshots of what `sdctl` prints: all help pages, plans and messages, in `snapshots`.
//!
//! After a wanted change, `INSTA_UPDATE=always cargo test --package sdctl --test integration texts` writes them again.

use std::{fmt::Write, process::Command};

use aws_sdk_dynamodb::types::{KeyType, ScalarAttributeType};
use http_sd_lambda::group::EpochSeconds;
use insta::Settings;
use regex_lite::Regex;
use rustix::process::Signal;
use tempfile::TempDir;
use test_support::{
    Dynamo, Row,
    applied::Applied,
    fault::{Fault, FaultyDynamo},
    process::Process,
    row::{n, s},
    sdctl::{Ran, commands, run, sdctl, serve, shell, shell_at},
};

/// Parts of the output that differ between runs, and what the snapshots show in their place.
const VARYING: [(&str, &str); 9] = [
    (r"127\.0\.0\.1:\d{5}", "127.0.0.1:<port>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<time>"),
    (r"[0-9a-f]{64}", "<sha256>"),
    (r"in \d+ ms", "in <n> ms"),
    (r"\(os error \d+\)", "(os error <n>)"),
    (r"\d+s ago", "0s ago"),
    (r", region [a-z0-9-]+", ", region <region>"),
    (r"region:( +)\S+", "region:$1<region>"),
    (r"arn:aws:dynamodb:[a-z0-9-]+:", "arn:aws:dynamodb:<region>:"),
];

/// Compares the text with the snapshot of that name.
fn assert_snapshot(name: &str, text: &str) {
    let mut settings = Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// Commands with their output, as a terminal shows them.
struct Transcript {
    folder: TempDir,
    text: String,
}

impl Transcript {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), text: String::new() }
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Adds a heading.
    fn part(&mut self, heading: &str) {
        let rule = "=".repeat(heading.len());
        write!(self.text, "\n{heading}\n{rule}\n").unwrap();
    }

    /// Runs a line in a shell without a table in AWS. The local table is in the folder `data`.
    fn local(&mut self, line: &str) {
        let data = self.folder.path().join("data");
        self.run(line, shell(line).env("XDG_DATA_HOME", data));
    }

    /// Runs lines in a shell whose table is that of `dynamo`.
    fn at(&mut self, dynamo: &Dynamo, lines: &[&str]) {
        for line in lines {
            self.run(line, &mut shell_at(&dynamo.endpoint(), line));
        }
    }

    fn run(&mut self, line: &str, command: &mut Command) {
        let Ran { code, stdout, stderr } = run(command.current_dir(self.folder.path()).env("COLUMNS", "80"));
        write!(self.text, "\n$ {line}\n{stdout}").unwrap();
        if !stderr.is_empty() {
            write!(self.text, "--- stderr\n{stderr}").unwrap();
        }
        writeln!(self.text, "--- exit code {code}").unwrap();
    }

    /// Compares the text with a snapshot. Temporary folders and varying parts are replaced.
    fn assert(self, name: &str) {
        let folder = self.folder.path().canonicalize().unwrap();
        let mut text = self.text.replace(folder.to_str().unwrap(), "/home/me");
        for (pattern, shown) in VARYING {
            text = Regex::new(pattern).unwrap().replace_all(&text, shown).into_owned();
        }
        assert_snapshot(name, text.trim());
    }
}

#[test]
fn help_pages() {
    let mut text = String::new();
    let mut left: Vec<Vec<String>> = vec![vec![]];
    while let Some(command) = left.pop() {
        let help = run(sdctl().args(&command).arg("--help").env("COLUMNS", "80")).done();
        let line = [&["sdctl".to_owned()], &command[..], &["--help".to_owned()]].concat().join(" ");
        write!(text, "$ {line}\n{help}\n").unwrap();
        left.extend(commands(&help).into_iter().rev().map(|name| [&command[..], &[name]].concat()));
    }
    assert_snapshot("help", text.trim());
}

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
            "sdctl apply -f node.json -f web.yml --prune --max-removed 80 --yes",
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
    transcript.assert("plans");
}

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
            "sdctl put node web -t a:9100 -t x:9100 -l env=test",
            "sdctl put node web -t a:9100 -t x:9100 -l env=test",
            "sdctl put node owned -t d:9100 -l env=prod -l team=shop",
            "sdctl put node leased -t e:9100 -t f:9100 -t g:9100 -t h:9100 -t i:9100 -t j:9100",
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

#[tokio::test(flavor = "multi_thread")]
async fn messages_about_tables() {
    let dynamo = Dynamo::start();
    let mut transcript = Transcript::new();

    transcript.part("The local table");
    for line in ["sdctl get", "sdctl table create", "sdctl get", "sdctl put node web -t a:9100"] {
        transcript.local(line);
    }
    transcript.local("sdctl table describe");

    transcript.part("A table in AWS");
    transcript.at(&dynamo, &["sdctl get", "sdctl put node web -t a:9100", "sdctl table describe"]);
    transcript.at(&dynamo, &["sdctl table create --no-recovery", "sdctl table create"]);

    transcript.part("A table with another key");
    dynamo.delete_table().await;
    dynamo.create_other_table(&[("id", KeyType::Hash, ScalarAttributeType::S)]).await;
    transcript.at(&dynamo, &["sdctl get", "sdctl table create"]);

    transcript.part("Errors of the table");
    let faulty = FaultyDynamo::before(&dynamo);
    for code in ["AccessDeniedException", "ValidationException", "UnrecognizedClientException"] {
        faulty.fail(move |_, _| Fault::Error(400, code));
        transcript.run("sdctl table describe", &mut shell_at(&faulty.endpoint(), "sdctl table describe"));
    }

    transcript.part("Which table");
    for line in [
        "HTTP_SD_TABLE= sdctl get",
        "HTTP_SD_TABLE='a b' sdctl get",
        "sdctl get --table a",
        "sdctl get --table http-sd --data folder",
        "sdctl get --region eu-central-1",
        "sdctl get --table http-sd --endpoint-url localhost:8000",
        "sdctl get --table http-sd --endpoint-url 'http://a b'",
        "HTTP_SD_LABEL_NAMES=utf16 sdctl get",
    ] {
        transcript.local(line);
    }
    transcript.assert("tables");
}

#[test]
fn messages_of_token_and_serve() {
    let mut transcript = Transcript::new();
    transcript.part("token");
    for line in [
        "sdctl token",
        "sdctl token",
        "sdctl token --force --url https://id.lambda-url.eu-central-1.on.aws --name eu --job node --job mysqld",
        "sdctl token --hash",
        "sdctl token --hash --file missing.token",
        "touch empty.token; sdctl token --hash --file empty.token",
        "echo two words > words.token; sdctl token --hash --file words.token",
        "sdctl token --file next.token --name 'a b'",
        "sdctl token --file next.token --job node",
        "sdctl token --file next.token --url id.on.aws",
        "sdctl token --file next.token --url 'https://id.on.aws/a b'",
        "sdctl token --file missing/next.token",
    ] {
        transcript.local(line);
    }

    transcript.part("serve");
    for line in [
        "sdctl serve --host 0.0.0.0",
        "HTTP_SD_AUTH=iam sdctl serve",
        "HTTP_SD_AUTH=token sdctl serve",
        "sdctl serve --port 65536",
        "sdctl serve --table http-sd --sample",
    ] {
        transcript.local(line);
    }
    let line = "sdctl serve --sample --data fleet --port 0 --dynamodb-port 0";
    let folder = transcript.folder.path().canonicalize().unwrap();
    let mut command = sdctl();
    command.args(line.split(' ').skip(1)).current_dir(&folder).env("RUST_LOG", "off");
    let served = serve(&mut command);
    write!(transcript.text, "\n$ {line}\n{}", served.process.output()).unwrap();
    let port = served.url.rsplit(':').next().unwrap().to_owned();
    transcript.local(&format!("sdctl serve --data other --port {port}"));
    transcript.local(&format!("sdctl check --url '{}/prom?match[]=env'", served.url));
    transcript.local(&format!("sdctl check --url {}/prom/node_exporter", served.url));
    let shown = transcript.text.replace(&format!("port {port}"), "port <port>");
    transcript.text = shown.replace(&format!("--port {port}"), "--port <port>");
    transcript.assert("token_and_serve");
}

#[test]
fn messages_of_check() {
    let mut transcript = Transcript::new();
    transcript.write("good.json", r#"[{"targets": ["a:9100"], "labels": {"env": "prod"}}]"#);
    transcript.write(
        "faults.json",
        r#"[
  {"targets": "a:9100"},
  {"targets": [null, ""], "labels": {"a-b": "c"}},
  {"target": ["b:9100"]},
  {"targets": ["c d"], "labels": null}
]
"#,
    );
    transcript.write(
        "warnings.yml",
        r#"- targets: ["a:9100,b:9100", "a:99999", "::1", ":80", "a:", "https://a/", "http://b/"]
  labels: {__scheme__: ftp, __scrape_timeout__: 2m, __meta_dynamodb_job: x}
- targets: []
  labels: {__scrape_interval__: soon}
- targets: ["x:1", "x:1"]
- targets: ["x:1"]
"#,
    );
    transcript.write(
        "prometheus.yml",
        r#"scrape_configs:
- job_name: a/b
  static_configs: [{targets: ["a:1"]}]
- job_name: node
  file_sd_configs: [{files: ["missing.json"]}]
- job_name: pods
  kubernetes_sd_configs: [{role: pod}]
- job_name: typo
  static_config: []
"#,
    );
    transcript.write("null.json", "null");
    transcript.write("broken.json", "[{]");
    for line in [
        "sdctl check good.json",
        "cat faults.json; sdctl check faults.json",
        "sdctl check faults.json --for prometheus3",
        "sdctl check faults.json --for vmagent",
        "cat warnings.yml; sdctl check warnings.yml",
        "sdctl check warnings.yml --for vmagent --strict",
        "cat prometheus.yml; sdctl check prometheus.yml",
        "sdctl check null.json broken.json",
        "sdctl check null.json -o json",
        "sdctl check missing.json",
        "cat good.json | sdctl check -",
        "sdctl check",
        "sdctl check good.json --url http://127.0.0.1:1/prom",
        "sdctl check --url http://127.0.0.1:1/prom",
        "sdctl check --url 127.0.0.1:1",
        "sdctl check --url http://127.0.0.1:1/prom --refresh-interval 0s",
        "sdctl check --url http://127.0.0.1:1/prom --token-file missing.token",
        "sdctl check good.json --for nagios",
    ] {
        transcript.local(line);
    }
    transcript.part("The command line");
    for line in ["sdctl", "sdctl nonsense", "sdctl table", "sdctl get --tabel http-sd", "sdctl completions ksh"] {
        transcript.local(line);
    }
    transcript.assert("check");
}
