//! `sdctl table`.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use aws_sdk_dynamodb::types::{KeyType, ScalarAttributeType, StreamSpecification, TimeToLiveSpecification};
use http_sd_lambda::http::Settings;
use serde_json::Value;
use tempfile::TempDir;
use test_support::{
    Ask, Dynamo, Endpoint, Row,
    ask::service,
    engine::{TABLE, environment},
    fault::{Fault, FaultyDynamo},
    sdctl::{Ran, run, sdctl, sdctl_at},
};

/// `sdctl table` for the table at this endpoint.
fn table(endpoint: &Endpoint, arguments: &[&str]) -> Command {
    let mut command = sdctl_at(endpoint);
    command.arg("table").args(arguments);
    command
}

/// Returns the printed value of a property.
fn property<'a>(output: &'a str, name: &str) -> &'a str {
    let mut lines = output.lines();
    lines
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .unwrap_or_else(|| panic!("no {name}: {output}"))
        .trim()
}

#[tokio::test(flavor = "multi_thread")]
async fn created_table_can_be_served() {
    let dynamo = Dynamo::start();
    let Ran { code, stdout, stderr } = run(&mut table(&dynamo.endpoint(), &["create"]));
    assert_eq!(code, 0, "{stderr}");
    let mut lines = stderr.lines();
    assert_eq!(lines.next(), Some("Creating table \"http-sd\" in the account of your credentials, region us-east-1"));
    assert_eq!(lines.next(), Some("warning: this DynamoDB has no point-in-time recovery"));
    assert!(
        stdout.starts_with("created arn:aws:dynamodb:") && stdout.contains(":000000000000:table/http-sd\n"),
        "{stdout}"
    );
    assert_eq!(property(&stdout, "account"), "000000000000");
    assert_eq!(property(&stdout, "target groups"), "yes, the key is job and group");
    assert_eq!(property(&stdout, "time to live"), "on, attribute delete_at");
    assert_eq!(property(&stdout, "billing"), "PAY_PER_REQUEST");
    assert_eq!(property(&stdout, "deletion protection"), "off");

    Row::new("node", "a", &["a:1"]).put(&dynamo).await;
    let answer = Ask::get("/prom/node").of(&service(&dynamo, Settings::default())).await;
    assert_eq!(answer.targets(), ["a:1"]);

    // A second run creates nothing and loses nothing.
    let Ran { code, stdout, stderr } = run(&mut table(&dynamo.endpoint(), &["create"]));
    assert_eq!(code, 0, "{stderr}");
    assert!(stdout.starts_with("table \"http-sd\" exists already and stays unchanged\n"), "{stdout}");
    let answer = Ask::get("/prom/node").of(&service(&dynamo, Settings::default())).await;
    assert_eq!(answer.targets(), ["a:1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn create_with_stream_records_keys_of_changes() {
    let dynamo = Dynamo::start();
    let Ran { code, stdout, stderr } = run(&mut table(&dynamo.endpoint(), &["create", "--stream"]));
    assert_eq!(code, 0, "{stderr}");
    let described = dynamo.store().describe().await.unwrap();
    let stream = described.stream.unwrap();
    assert_eq!(stream.view_type, "KEYS_ONLY");
    assert!(stream.arn.contains(":table/http-sd/stream/"), "{stream:?}");
    assert_eq!(property(&stdout, "stream"), format!("on, KEYS_ONLY, {}", stream.arn));

    let Ran { stdout, .. } = run(&mut table(&dynamo.endpoint(), &["describe", "-o", "json"]));
    let described: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(described["stream"]["view_type"], "KEYS_ONLY");
    assert_eq!(described["stream"]["arn"], *stream.arn);
}

#[tokio::test(flavor = "multi_thread")]
async fn existing_table_gets_no_stream_but_a_command() {
    let dynamo = Dynamo::with_table().await;
    let Ran { code, stdout, stderr } = run(&mut table(&dynamo.endpoint(), &["create", "--stream"]));
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(property(&stdout, "stream"), "off; only HTTP_SD_FOLLOW_CHANGES=on needs it");
    let said = "warning: table \"http-sd\" has no stream. Turn it on with: aws dynamodb update-table --region ";
    let command = stderr.lines().last().unwrap();
    assert!(command.starts_with(said), "{stderr}");
    assert!(command.ends_with("--stream-specification StreamEnabled=true,StreamViewType=KEYS_ONLY"), "{stderr}");

    // This does the same as the command. A second call changes nothing.
    dynamo.store().ensure_stream().await.unwrap();
    let on = dynamo.store().describe().await.unwrap().stream.unwrap();
    dynamo.store().ensure_stream().await.unwrap();
    assert_eq!(dynamo.store().describe().await.unwrap().stream, Some(on));
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_that_was_on_counts_as_off() {
    let dynamo = Dynamo::start();
    assert!(dynamo.store().create_with_stream().await.unwrap());
    let off = StreamSpecification::builder().stream_enabled(false).build().unwrap();
    dynamo.client.update_table().table_name(TABLE).stream_specification(off).send().await.unwrap();
    assert_eq!(dynamo.store().describe().await.unwrap().stream, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn create_turns_on_recovery_and_deletion_protection() {
    const RECOVERY_ON: &str = r#"{"ContinuousBackupsDescription":{"ContinuousBackupsStatus":"ENABLED","PointInTimeRecoveryDescription":{"PointInTimeRecoveryStatus":"ENABLED"}}}"#;
    let dynamo = Dynamo::start();
    let faulty = FaultyDynamo::before(&dynamo);
    let asked = AtomicBool::new(false);
    faulty.fail(move |operation, _| match operation {
        // DynamoDB returns this error for a table that is a few seconds old.
        "UpdateContinuousBackups" if !asked.swap(true, Ordering::Relaxed) => {
            Fault::Error(400, "ContinuousBackupsUnavailableException")
        }
        "UpdateContinuousBackups" | "DescribeContinuousBackups" => Fault::Answer(RECOVERY_ON),
        _ => Fault::None,
    });
    let Ran { code, stdout, stderr } = run(&mut table(&faulty.endpoint(), &["create", "--deletion-protection"]));
    assert!(code == 0 && stderr.lines().count() == 1, "{stderr}");
    assert_eq!(property(&stdout, "point-in-time recovery"), "on");
    assert_eq!(property(&stdout, "deletion protection"), "on");
}

#[tokio::test(flavor = "multi_thread")]
async fn denied_recovery_fails_and_names_the_created_table() {
    let dynamo = Dynamo::start();
    let faulty = FaultyDynamo::before(&dynamo);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    faulty.fail(move |operation, _| {
        if operation != "UpdateContinuousBackups" {
            return Fault::None;
        }
        count.fetch_add(1, Ordering::Relaxed);
        Fault::Error(400, "AccessDeniedException")
    });
    let Ran { code, stdout, stderr } = run(&mut table(&faulty.endpoint(), &["create"]));
    // Asking again does not help here.
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert!(code == 1 && stdout.starts_with("created arn:"), "{stdout}");
    let error = stderr.lines().last().unwrap();
    let said = "error: created table \"http-sd\", but cannot turn point-in-time recovery on: ";
    assert!(error.starts_with(said) && error.contains("AccessDeniedException"), "{error}");
    assert!(error.contains(". Turn it on with: aws dynamodb update-continuous-backups --region "), "{error}");

    let Ran { code, stderr, .. } =
        run(table(&faulty.endpoint(), &["create", "--no-recovery"]).args(["--table", "other"]));
    assert_eq!(code, 0, "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn create_rejects_a_table_with_another_key() {
    let dynamo = Dynamo::start();
    dynamo.create_other_table(&[("id", KeyType::Hash, ScalarAttributeType::S)]).await;
    let said = "error: table \"http-sd\" cannot hold target groups: ";
    for arguments in [&["create"][..], &["describe"], &["describe", "-o", "json"]] {
        let Ran { code, stderr, .. } = run(&mut table(&dynamo.endpoint(), arguments));
        let error = stderr.lines().last().unwrap();
        assert!(code == 1 && error.starts_with(said), "{error}");
        assert!(error.contains("the table's key is \"id\" (HASH, S), but must be \"job\""), "{error}");
    }
    let Ran { stdout, .. } = run(&mut table(&dynamo.endpoint(), &["describe"]));
    assert!(property(&stdout, "target groups").starts_with("no, "), "{stdout}");
}

#[tokio::test(flavor = "multi_thread")]
async fn describe_prints_text_or_json() {
    let dynamo = Dynamo::with_table().await;
    Row::new("node", "a", &["a:1"]).put(&dynamo).await;
    let Ran { code, stdout, stderr } = run(&mut table(&dynamo.endpoint(), &["describe"]));
    assert!(code == 0 && stderr.is_empty(), "{stderr}");
    assert_eq!(property(&stdout, "name"), "http-sd");
    assert_eq!(property(&stdout, "status"), "ACTIVE");
    assert_eq!(property(&stdout, "rows"), "1 (DynamoDB updates this number every six hours)");
    let column = |line: &str| line.find(": ").map(|end| line[end + 1..].find(|c| c != ' ').unwrap() + end + 1);
    assert!(stdout.lines().all(|line| column(line) == Some(24)), "{stdout}");

    let Ran { code, stdout, stderr } = run(&mut table(&dynamo.endpoint(), &["describe", "-o", "json"]));
    assert!(code == 0 && stderr.is_empty(), "{stderr}");
    let described: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(described["name"], "http-sd");
    assert_eq!(described["account"], "000000000000");
    assert_eq!(described["fault"], Value::Null);
    assert_eq!(described["ttl_attribute"], "delete_at");
}

#[tokio::test(flavor = "multi_thread")]
async fn describe_prints_commands_that_fix_each_difference() {
    const RECOVERY_OFF: &str = r#"{"ContinuousBackupsDescription":{"ContinuousBackupsStatus":"ENABLED","PointInTimeRecoveryDescription":{"PointInTimeRecoveryStatus":"DISABLED"}}}"#;
    let dynamo = Dynamo::with_table().await;
    let faulty = FaultyDynamo::before(&dynamo);
    faulty.fail(
        |operation, _| {
            if operation == "DescribeContinuousBackups" { Fault::Answer(RECOVERY_OFF) } else { Fault::None }
        },
    );
    let update = |enabled, attribute: &str| {
        let ttl = TimeToLiveSpecification::builder().enabled(enabled).attribute_name(attribute).build().unwrap();
        dynamo.client.update_time_to_live().table_name(TABLE).time_to_live_specification(ttl).send()
    };
    let describe = || {
        let mut command = sdctl();
        command.envs(environment(&faulty.endpoint().at(""))).args([
            "table",
            "describe",
            "--table",
            TABLE,
            "--endpoint-url",
        ]);
        run(command.arg(&*faulty.endpoint())).stdout
    };
    update(false, "delete_at").await.unwrap();
    let output = describe();
    let aws = |name: &str, output: &str| {
        format!(
            "aws dynamodb {name} --endpoint-url {} --region {} --table-name http-sd",
            faulty.endpoint(),
            property(output, "region")
        )
    };
    let on = format!(
        "{} --time-to-live-specification Enabled=true,AttributeName=delete_at",
        aws("update-time-to-live", &output)
    );
    assert_eq!(
        property(&output, "time to live"),
        format!("off, or your credentials cannot read it. Turn it on with: {on}")
    );
    let recovery = aws("update-continuous-backups", &output);
    let recovery = format!(
        "off. Turn it on with: {recovery} --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
    );
    assert_eq!(property(&output, "point-in-time recovery"), recovery);

    update(true, "expires_at").await.unwrap();
    let other = describe();
    let other = property(&other, "time to live");
    assert!(
        other.starts_with("on, attribute \"expires_at\" instead of delete_at. Run: aws dynamodb update-time-to-live"),
        "{other}"
    );
    assert!(
        other.contains("Enabled=false,AttributeName=expires_at; an hour later run: aws ") && other.ends_with(&on),
        "{other}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_describe_is_a_one_line_error() {
    let dynamo = Dynamo::start();
    let Ran { code, stdout, stderr } = run(&mut table(&dynamo.endpoint(), &["describe"]));
    assert!(code == 1 && stdout.is_empty() && stderr.lines().count() == 1, "{stderr}");
    assert!(stderr.starts_with("error: table \"http-sd\" not found. Check its name and the region"), "{stderr}");
}

/// `sdctl` completes the settings of a new table even if the reader closes the pipe.
#[tokio::test(flavor = "multi_thread")]
async fn closed_pipe_does_not_stop_create() {
    let dynamo = Dynamo::start();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let made = table(&dynamo.endpoint(), &["create", "--deletion-protection"]).stdout(writer).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let Ran { stdout, .. } = run(&mut table(&dynamo.endpoint(), &["describe"]));
    assert_eq!(property(&stdout, "deletion protection"), "on");
}

#[tokio::test(flavor = "multi_thread")]
async fn table_errors_name_the_remedy() {
    let dynamo = Dynamo::with_table().await;
    let faulty = FaultyDynamo::before(&dynamo);
    for (code, said) in [
        ("ResourceNotFoundException", "table \"http-sd\" not found. Check its name and the region, or run sdctl table"),
        ("AccessDeniedException", "access to table \"http-sd\" denied: AccessDenied"),
        ("ValidationException", "table \"http-sd\" rejects the request: Validation"),
        ("UnrecognizedClientException", "cannot use table \"http-sd\": "),
    ] {
        faulty.fail(move |_, _| Fault::Error(400, code));
        let Ran { code, stderr, .. } = run(&mut table(&faulty.endpoint(), &["describe"]));
        assert!(code == 1 && stderr.starts_with(&format!("error: {said}")), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
}

#[test]
fn invalid_table_name_does_not_mean_local_table() {
    let refused = |name: Option<&str>, arguments: &[&str], said: &str| {
        let mut command = sdctl();
        let Ran { code, stdout, stderr } =
            run(command.args(["table", "describe"]).args(arguments).envs(name.map(|name| ("HTTP_SD_TABLE", name))));
        assert!(code == 1 && stdout.is_empty() && stderr.contains(said), "{name:?} {arguments:?}: {stderr}");
    };
    for empty in ["", " "] {
        let said = "error: HTTP_SD_TABLE is set but empty. Set it to the name of a table in AWS, or unset it";
        refused(Some(empty), &[], said);
    }
    refused(Some("a b"), &[], "error: HTTP_SD_TABLE is \"a b\": expected the name of a DynamoDB table");
    for (arguments, said) in [
        (["--table", ""], "for '--table <NAME>': expected the name of a DynamoDB table (3 to 255 of"),
        (["--table", "a/b"], "for '--table <NAME>': expected the name of a DynamoDB table (3 to 255 of"),
        (["--endpoint-url", "foo"], "Use a URL such as http://127.0.0.1:8000"),
        (["--endpoint-url", "localhost:8000"], "it must start with http:// or https://. Use a URL such as http://127"),
        (["--region", ""], "a value is required for '--region <REGION>'"),
        (["--profile", ""], "a value is required for '--profile <NAME>'"),
    ] {
        refused(Some("http-sd"), &arguments, said);
    }
}

#[test]
fn first_write_creates_the_local_table() {
    let data = TempDir::new().unwrap();
    let local = |command: &str| run(sdctl().args(["table", command, "--data"]).arg(data.path()));
    let Ran { code, stderr, .. } = local("describe");
    let said = format!("error: no local table in {}. Create it with sdctl serve, put or apply", data.path().display());
    assert!(code == 1 && stderr.starts_with(&said), "{stderr}");
    assert_eq!(data.path().read_dir().unwrap().count(), 0, "reading must create nothing");
    let Ran { code, stdout, .. } = local("create");
    assert!(code == 0 && stdout.contains("needs no setup: the first write creates it\n"), "{stdout}");
    let Ran { code, stdout, .. } = local("describe");
    assert_eq!(code, 0, "{stdout}");
    assert_eq!(property(&stdout, "folder"), data.path().to_str().unwrap());
    assert_eq!(property(&stdout, "point-in-time recovery"), "not available for a local table");
}
