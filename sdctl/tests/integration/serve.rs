//! `sdctl serve` as a process.

use std::{path::Path, process::Command};

use aws_sdk_dynamodb::types::AttributeValue;
use http_sd_lambda::http::TokenHash;
use rustix::process::Signal;
use tempfile::TempDir;
use test_support::{
    Dynamo, Row, TOKEN,
    engine::environment,
    sdctl::{run, sdctl, serve, serve_local, shell},
};

/// Returns the one-line error of an `sdctl` that must not start.
fn refused(command: &mut Command) -> String {
    let stderr = run(command).errors();
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    stderr
}

#[test]
fn serve_prints_pasteable_lines_for_the_sample() {
    let data = TempDir::new().unwrap();
    let served = serve_local(data.path(), &["--sample"]);
    let output = served.process.output();
    for line in [
        format!("curl {}/prom/node_exporter", served.url),
        format!("- url: {}/prom/node_exporter", served.url),
        format!(
            "aws dynamodb put-item --endpoint-url {} --region us-east-1 --table-name http-sd",
            served.dynamodb.as_deref().unwrap()
        ),
    ] {
        assert!(output.contains(&line), "no {line:?} in:\n{output}");
    }
    let (status, body) = served.get("/prom/node_exporter", None);
    assert_eq!(status, 200);
    assert!(body.contains("web-1.eu-central-1.example.internal:9100"), "{body}");
    assert_eq!(served.get("/-/ready", None).0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_keeps_rows_and_adds_no_sample() {
    let data = TempDir::new().unwrap();
    let mut served = serve_local(data.path(), &[]);
    assert_eq!(served.get("/prom", None), (200, "[]".into()));
    Row::new("mine", "a", &["a:1"]).put_with(&served.client()).await;
    let expected = (200, r#"[{"targets":["a:1"],"labels":{}}]"#.to_owned());
    assert_eq!(served.get("/prom", None), expected);
    assert!(served.process.stop_with(Signal::TERM).success());

    let mut served = serve_local(data.path(), &["--sample"]);
    assert_eq!(served.get("/prom", None), expected);
    assert!(served.process.output().contains("already has rows"));
    assert!(served.process.stop_with(Signal::INT).success());
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_follows_changes_of_the_local_table() {
    let data = TempDir::new().unwrap();
    let mut command = sdctl();
    command.env("HTTP_SD_FOLLOW_CHANGES", "on").env("RUST_LOG", "http_sd_lambda=info");
    let mut served = serve(command.args(["serve", "--port", "0", "--dynamodb-port", "0", "--data"]).arg(data.path()));
    let client = served.client();
    // A job of two pages, because the function reads smaller ones at each poll.
    for group in ["a", "b", "c", "d"] {
        let note = AttributeValue::S("x".repeat(390_000));
        Row::new("node", group, &["a:1"]).with("note", note).put_with(&client).await;
    }
    let groups = || served.get("/prom/node", None).1.matches("targets").count();
    assert_eq!([groups(), groups(), groups()], [4, 4, 4]);
    Row::new("node", "e", &["e:1"]).put_with(&client).await;
    assert_eq!(groups(), 5);
    for source in ["read", "unchanged", "changes"] {
        served.process.wait_for(&format!("source=\"{source}\""));
    }
}

#[test]
fn serve_requires_the_token_of_its_environment() {
    let data = TempDir::new().unwrap();
    let hash = TokenHash::of(TOKEN.as_bytes()).to_string();
    let mut command = sdctl();
    command.env("HTTP_SD_AUTH", "token").env("HTTP_SD_TOKEN_SHA256", hash);
    let served = serve(command.args(["serve", "--port", "0", "--dynamodb-port", "0", "--data"]).arg(data.path()));
    assert_eq!(served.get("/prom", None).0, 401);
    assert_eq!(served.get("/prom", Some(TOKEN)).0, 200);
    assert_eq!(served.get("/-/healthy", None).0, 200);
    assert!(served.process.output().contains("credentials_file"));
    assert!(!served.process.output().contains(TOKEN));
}

#[test]
fn printed_page_depends_on_token_and_setting() {
    let hash = TokenHash::of(TOKEN.as_bytes()).to_string();
    let token = [("HTTP_SD_AUTH", "token"), ("HTTP_SD_TOKEN_SHA256", hash.as_str())];
    let off = ("HTTP_SD_PAGE", "off");
    let cases: [(&[(&str, &str)], _, _); 4] = [
        (&[], Some("/ in a browser"), 200),
        (&token, Some("/ in a browser; the password is the token"), 200),
        (&[off], None, 404),
        (&[off, token[0], token[1]], None, 404),
    ];
    for (variables, expected, status) in cases {
        let data = TempDir::new().unwrap();
        let mut command = sdctl();
        command.envs(variables.iter().copied());
        let served = serve(command.args(["serve", "--port", "0", "--dynamodb-port", "0", "--data"]).arg(data.path()));
        let output = served.process.output();
        let printed = output.lines().find_map(|line| line.strip_prefix("  page       "));
        let expected = expected.map(|rest| format!("{}{rest}", served.url));
        assert_eq!(printed, expected.as_deref(), "{variables:?}");
        assert_eq!(served.get("/", Some(TOKEN)).0, status, "{variables:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_reads_the_table_at_an_endpoint() {
    let dynamo = Dynamo::with_table().await;
    Row::new("it's", "a", &["a:1"]).put(&dynamo).await;
    let served =
        serve(sdctl().envs(environment(&dynamo.endpoint())).args(["serve", "--port", "0", "--table", "http-sd"]));
    assert_eq!(served.get("/prom/it%27s", None), (200, r#"[{"targets":["a:1"],"labels":{}}]"#.into()));
    assert!(served.process.output().contains("in AWS"));
    let missing = refused(sdctl().envs(environment(&dynamo.endpoint())).args([
        "serve",
        "--port",
        "0",
        "--table",
        "no-such-table",
    ]));
    assert!(
        missing.starts_with("error: table \"no-such-table\" not found. Check its name and the region"),
        "{missing}"
    );
}

/// The reader of the log may close the pipe.
#[test]
fn closed_standard_error_does_not_stop_serve() {
    let data = TempDir::new().unwrap();
    let line = "exec sdctl serve --port 0 --dynamodb-port 0 --sample --data $DATA 2> >(exec true)";
    let mut served = serve(shell(line).env("DATA", data.path()));
    for path in ["/prom/node_exporter", "/prom", "/prom/none"] {
        assert_eq!(served.get(path, None).0, 200, "{path}");
    }
    assert!(served.process.stop_with(Signal::TERM).success());
}

#[test]
fn missing_credentials_are_a_one_line_error() {
    let nothing = [("AWS_EC2_METADATA_DISABLED", "true"), ("AWS_REGION", "us-east-1")];
    let files = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"].map(|name| (name, "/dev/null"));
    let error = refused(sdctl().envs(nothing).envs(files).args(["serve", "--port", "0", "--table", "http-sd"]));
    assert!(error.contains("no credentials found. Log in with aws login"), "{error}");
}

#[test]
fn occupied_port_or_folder_error_names_remedy() {
    let data = TempDir::new().unwrap();
    let other = TempDir::new().unwrap();
    let served = serve_local(data.path(), &[]);
    let port = |url: &str| url.rsplit(':').next().unwrap().to_owned();
    let taken =
        |arguments: &[&str], folder: &Path| refused(sdctl().arg("serve").args(arguments).arg("--data").arg(folder));
    let http = taken(&["--port", &port(&served.url), "--dynamodb-port", "0"], other.path());
    assert!(
        http.contains("is in use by another program. Stop that program, or choose another port with --port"),
        "{http}"
    );
    let api = port(served.dynamodb.as_deref().unwrap());
    let api = taken(&["--port", "0", "--dynamodb-port", &api], other.path());
    assert!(api.contains("choose another port with --dynamodb-port"), "{api}");
    let folder = taken(&["--port", "0", "--dynamodb-port", "0"], data.path());
    assert!(folder.contains("is in use by another sdctl"), "{folder}");
    let file = other.path().join("file");
    std::fs::write(&file, "").unwrap();
    let not_a_folder = taken(&["--port", "0", "--dynamodb-port", "0"], &file);
    assert!(not_a_folder.contains("cannot use the data folder"), "{not_a_folder}");
}

#[test]
fn serve_rejects_unsafe_or_wrong_environment() {
    let data = TempDir::new().unwrap();
    let serve = |variable: (&str, &str), arguments: &[&str]| {
        let mut command = sdctl();
        command.env(variable.0, variable.1);
        refused(
            command.args(["serve", "--port", "0", "--dynamodb-port", "0", "--data"]).arg(data.path()).args(arguments),
        )
    };
    let cases: [(_, &[&str], &str); 4] = [
        (("HTTP_SD_AUTH", "iam"), &[], "HTTP_SD_AUTH=iam requires a Function URL"),
        (("HTTP_SD_AUTH", "maybe"), &[], "HTTP_SD_AUTH is \"maybe\": expected token, iam or none"),
        (("HTTP_SD_CACHE_SECONDS", "x"), &[], "HTTP_SD_CACHE_SECONDS is \"x\""),
        (
            ("RUST_LOG", "info"),
            &["--host", "0.0.0.0"],
            "cannot listen on 0.0.0.0: other machines can reach it. Set HTTP_SD_AUTH",
        ),
    ];
    for (variable, arguments, expected) in cases {
        let error = serve(variable, arguments);
        assert!(error.starts_with(&format!("error: {expected}")), "{error}");
    }
}
