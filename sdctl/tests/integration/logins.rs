//! The AWS profiles of `sdctl`: which credentials sign a request, and what an error says.

use std::{fs, os::unix::fs::PermissionsExt, process::Command, time::SystemTime};

use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{
    applied::Applied,
    background::Background,
    fault::{Fault, FaultyDynamo},
    log::MARK,
    sdctl::{Ran, run, sdctl, sdctl_at},
};

const SSO_SESSION: &str = "\
[profile corp]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = reader
region = eu-west-3
[sso-session corp]
sso_region = eu-west-1
sso_start_url = https://corp.example/start
sso_registration_scopes = sso:account:access
";
const SSO_LEGACY: &str = "\
[profile corp]
sso_start_url = https://corp.example/start
sso_region = eu-west-1
sso_account_id = 123456789012
sso_role_name = reader
region = eu-west-3
";
const CONSOLE: &str = "[profile corp]\nlogin_session = arn:aws:iam::123456789012:user/me\nregion = eu-west-3\n";
/// The SHA-1 of the session's name, and of its start URL.
const SESSION_FILE: &str = ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json";
const LEGACY_FILE: &str = ".aws/sso/cache/f7c9b39d0b4c7a7d82c79307585f77e1c5e74378.json";
/// The SHA-256 of the login session.
const CONSOLE_FILE: &str = ".aws/login/cache/286187707741fc2ccb93cf9e56dbd0ee0a16208feed5fbc8ae1baa86d44c283f.json";
/// A key that signs the refresh of a login session.
const DPOP_KEY: &str = "-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIFDqBaZEDOmShk9amBznosGrJzQ9NUbhqFpNYQf3L5vVoAoGCCqGSM49
AwEHoUQDQgAEUDAKlX5VkJldOaG82lkkHwleABN+uVVtYXecxs5xQUCyOxb9oG1Q
bK4sSxPldOi0xfH682Ga57HBgMven1O2Ng==
-----END EC PRIVATE KEY-----
";

/// A home folder, and an endpoint for every AWS service.
struct Home {
    folder: TempDir,
    aws: Background,
}

impl Home {
    /// Creates a home with this `~/.aws/config`. The response of DynamoDB names the access key and region of a request.
    fn new(config: &str) -> Self {
        let home = Self { folder: TempDir::new().unwrap(), aws: Background::router(Router::new().fallback(aws)) };
        home.write(".aws/config", config);
        home
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// Writes a program, and returns its path.
    fn program(&self, name: &str, text: &str) -> String {
        self.write(name, text);
        let file = self.folder.path().join(name);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file.to_str().unwrap().to_owned()
    }

    fn sdctl(&self, arguments: &[&str]) -> Command {
        let mut command = sdctl();
        command.env("HOME", self.folder.path()).env("AWS_ENDPOINT_URL", self.aws.url());
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command.args(["get", "--table", "http-sd"]).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        run(&mut self.sdctl(arguments))
    }
}

/// Responds as SSO, its OIDC service and Sign-In do, and as DynamoDB without permissions.
async fn aws(headers: HeaderMap, uri: Uri, body: String) -> Response {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match uri.path() {
        "/federation/credentials" if text("x-amz-sso_bearer_token") == format!("{MARK}-valid") => {
            assert_eq!(uri.query().unwrap(), "role_name=reader&account_id=123456789012");
            let secret = format!("{MARK}-key");
            let expiration = (epoch_seconds() + 3600) * 1000;
            let credentials = json!({"accessKeyId": "OFSSO", "secretAccessKey": secret, "sessionToken": secret,
                                     "expiration": expiration});
            (StatusCode::OK, Json(json!({"roleCredentials": credentials}))).into_response()
        }
        "/federation/credentials" => {
            let error = json!({"__type": "UnauthorizedException", "message": "Session token not found"});
            (StatusCode::UNAUTHORIZED, Json(error)).into_response()
        }
        // A refresh, by OIDC.
        "/token" if body.contains(&format!("{MARK}-refresh")) => {
            let asked: Value = serde_json::from_str(&body).unwrap();
            assert_eq!((&asked["grantType"], &asked["clientId"]), (&"refresh_token".into(), &"client".into()));
            assert_eq!(asked["clientSecret"], format!("{MARK}-client"));
            let (token, next) = (format!("{MARK}-valid"), format!("{MARK}-next"));
            let tokens = json!({"accessToken": token, "tokenType": "Bearer", "expiresIn": 3600, "refreshToken": next});
            (StatusCode::OK, Json(tokens)).into_response()
        }
        "/token" => {
            let error = json!({"__type": "InvalidGrantException", "error": "invalid_grant"});
            (StatusCode::BAD_REQUEST, Json(error)).into_response()
        }
        // A refresh, by Sign-In. The request proves that it has the key of the session.
        "/v1/token" if body.contains(&format!("{MARK}-refresh")) => {
            let asked: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(asked["grantType"], "refresh_token");
            let proof: Vec<&str> = text("dpop").split('.').collect();
            let part = |i: usize| -> Value {
                serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(proof[i]).unwrap()).unwrap()
            };
            assert_eq!((&part(0)["typ"], &part(1)["htm"]), (&"dpop+jwt".into(), &"POST".into()));
            let secret = format!("{MARK}-key");
            let keys = json!({"accessKeyId": "OFREFRESH", "secretAccessKey": secret, "sessionToken": secret});
            let next = format!("{MARK}-next");
            let tokens = json!({"accessToken": keys, "tokenType": "aws_sigv4", "expiresIn": 900, "refreshToken": next});
            (StatusCode::OK, Json(tokens)).into_response()
        }
        "/v1/token" => {
            let error = json!({"__type": "AccessDeniedException", "error": "TOKEN_EXPIRED", "message": "expired"});
            (StatusCode::FORBIDDEN, Json(error)).into_response()
        }
        _ => {
            let credential = text("authorization").split_once("Credential=").unwrap().1;
            let parts: Vec<&str> = credential.split('/').collect();
            if let Some(code) = parts[0].strip_prefix("REJECTED") {
                let error = json!({"__type": format!("com.amazon.coral.service#{code}"), "message": "no"});
                return (StatusCode::BAD_REQUEST, Json(error)).into_response();
            }
            let said = format!("key {} in {}", parts[0], parts[2]);
            if text("content-type") == "application/x-www-form-urlencoded" {
                // STS.
                let error = format!("<Error><Code>AccessDenied</Code><Message>{said}</Message></Error>");
                return (StatusCode::FORBIDDEN, format!("<ErrorResponse>{error}</ErrorResponse>")).into_response();
            }
            let error = json!({"__type": "AccessDeniedException", "message": said});
            (StatusCode::BAD_REQUEST, Json(error)).into_response()
        }
    }
}

fn epoch_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

fn sso_token(token: &str, expires: &str) -> String {
    json!({"accessToken": format!("{MARK}-{token}"), "expiresAt": expires, "region": "eu-west-1",
           "startUrl": "https://corp.example/start"})
    .to_string()
}

fn console_token(refresh: &str, expires: &str) -> String {
    let secret = format!("{MARK}-key");
    json!({"accessToken": {"accessKeyId": "OFCONSOLE", "secretAccessKey": secret, "sessionToken": secret,
                           "accountId": "123456789012", "expiresAt": expires},
           "tokenType": "aws_sigv4", "refreshToken": format!("{MARK}-{refresh}"), "clientId": "arn:aws:signin:::devtools/same-device",
           "dpopKey": DPOP_KEY})
    .to_string()
}

/// Returns the output of a program for `credential_process`.
fn printing(key: &str) -> String {
    let credentials = json!({"Version": 1, "AccessKeyId": key, "SecretAccessKey": format!("{MARK}-key")});
    format!("#!/bin/sh\necho '{credentials}'\n")
}

#[test]
fn each_kind_of_profile_signs_requests() {
    for (config, file, token) in [
        (SSO_SESSION, SESSION_FILE, sso_token("valid", "2099-01-01T00:00:00Z")),
        (SSO_LEGACY, LEGACY_FILE, sso_token("valid", "2099-01-01T00:00:00Z")),
        (CONSOLE, CONSOLE_FILE, console_token("revoked", "2099-01-01T00:00:00Z")),
    ] {
        let home = Home::new(config);
        home.write(file, &token);
        let denied = home.run(&["--profile", "corp", "-vv"]).errors();
        let key = if config == CONSOLE { "OFCONSOLE" } else { "OFSSO" };
        assert!(denied.contains(&format!("key {key} in eu-west-3")), "{denied}");
        assert!(!denied.contains(MARK), "{denied}");
    }
    let home = Home::new("");
    let program = home.program("credentials", &printing("OFPROCESS"));
    home.write(".aws/config", &format!("[profile corp]\ncredential_process = {program}\nregion = eu-west-3\n"));
    let denied = home.run(&["--profile", "corp", "-vv"]).errors();
    assert!(denied.contains("key OFPROCESS in eu-west-3") && !denied.contains(MARK), "{denied}");
    // Through another profile, as with the AWS CLI, the program's key signs the request for the role.
    home.write(
        ".aws/config",
        &format!("[profile base]\ncredential_process = {program}\n[profile corp]\nregion = eu-west-3\nsource_profile = base\nrole_arn = arn:aws:iam::123456789012:role/reader\n"),
    );
    let denied = home.run(&["--profile", "corp"]).failed();
    assert!(
        denied.contains("key OFPROCESS") && denied.contains("Check credential_process in profile \"base\""),
        "{denied}"
    );
}

/// Sessions that expire soon or are expired, as after a night.
#[test]
fn session_is_refreshed_without_a_login() {
    let past = "2020-01-01T00:00:00Z";
    let mut sso: Value = serde_json::from_str(&sso_token("revoked", past)).unwrap();
    for (name, value) in [("clientId", "client"), ("registrationExpiresAt", "2099-01-01T00:00:00Z")] {
        sso[name] = value.into();
    }
    sso["clientSecret"] = format!("{MARK}-client").into();
    sso["refreshToken"] = format!("{MARK}-refresh").into();
    for (config, file, token, key) in [
        (SSO_SESSION, SESSION_FILE, sso.to_string(), "OFSSO"),
        (CONSOLE, CONSOLE_FILE, console_token("refresh", past), "OFREFRESH"),
    ] {
        let home = Home::new(config);
        home.write(file, &token);
        for _ in 0..2 {
            let denied = home.run(&["--profile", "corp", "-vv"]).errors();
            assert!(denied.contains(&format!("key {key} in eu-west-3")), "{denied}");
            assert!(!denied.contains(MARK), "{denied}");
        }
        // For the next command, and for the AWS CLI.
        let saved = fs::read_to_string(home.folder.path().join(file)).unwrap();
        let saved: Value = serde_json::from_str(&saved).unwrap();
        assert_eq!(saved["refreshToken"], format!("{MARK}-next"));
        assert_ne!(saved["expiresAt"], past);
        assert_ne!(saved["accessToken"]["expiresAt"], past);
    }
    // A refresh that AWS refuses.
    let home = Home::new(SSO_SESSION);
    sso["refreshToken"] = format!("{MARK}-revoked").into();
    home.write(SESSION_FILE, &sso.to_string());
    let failed = home.run(&["--profile", "corp"]).failed();
    assert!(failed.ends_with("Log in with aws sso login --profile corp"), "{failed}");
}

#[test]
fn rejected_keys_are_named_with_their_source() {
    let home = Home::new("[profile corp]\nregion = eu-west-3\n");
    let secret = format!("{MARK}-key");
    for (code, said) in
        [("ExpiredTokenException", "have expired"), ("UnrecognizedClientException", "are unknown to AWS")]
    {
        let key = format!("REJECTED{code}");
        home.write(
            ".aws/credentials",
            &format!("[corp]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"),
        );
        let start = "error: cannot use table \"http-sd\":";
        let mut command = home.sdctl(&["--region", "eu-west-3", "-vv"]);
        let of_variables = run(command.env("AWS_ACCESS_KEY_ID", &key).env("AWS_SECRET_ACCESS_KEY", &secret)).errors();
        let expected = format!(
            "{start} the keys in the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY {said}. Set new ones, or \
             unset AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN to use an AWS profile"
        );
        assert!(of_variables.contains(&expected) && !of_variables.contains(MARK), "{of_variables}");
        let of_profile = home.run(&["--profile", "corp"]).failed();
        let expected = format!(
            "{start} the keys of profile \"corp\" {said}. Check the profile with aws sts get-caller-identity --profile \
             corp"
        );
        assert_eq!(of_profile, expected);
    }
}

#[test]
fn profile_option_wins_over_keys_in_environment() {
    let home = Home::new("[profile corp]\nregion = eu-west-3\n");
    let secret = format!("{MARK}-key");
    home.write(
        ".aws/credentials",
        &format!("[corp]\naws_access_key_id = OFPROFILE\naws_secret_access_key = {secret}\n"),
    );
    let with_key = |command: &mut Command| {
        run(command.env("AWS_ACCESS_KEY_ID", "OFENVIRONMENT").env("AWS_SECRET_ACCESS_KEY", &secret)).failed()
    };
    let denied = with_key(&mut home.sdctl(&["--profile", "corp"]));
    assert!(denied.contains("key OFPROFILE in eu-west-3"), "{denied}");
    // As in the AWS CLI, the keys win over the variable. The region is the profile's.
    let denied = with_key(home.sdctl(&[]).env("AWS_PROFILE", "corp"));
    assert!(denied.contains("key OFENVIRONMENT in eu-west-3"), "{denied}");
    let denied = with_key(home.sdctl(&["--region", "eu-west-2"]).env("AWS_PROFILE", "corp"));
    assert!(denied.contains("key OFENVIRONMENT in eu-west-2"), "{denied}");
}

#[test]
fn region_of_arn_is_used() {
    let home = Home::new("");
    let secret = format!("{MARK}-key");
    home.write(".aws/credentials", &format!("[default]\naws_access_key_id = A\naws_secret_access_key = {secret}\n"));
    let arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/http-sd";
    let mut command = sdctl();
    command.env("HOME", home.folder.path()).env("AWS_ENDPOINT_URL", home.aws.url()).env("AWS_REGION", "us-east-1");
    command.args(["get", "--table", arn]);
    let denied = run(&mut command).failed();
    assert!(denied.contains("key A in eu-central-1"), "{denied}");
    let same = run(command.args(["--region", "eu-central-1"])).failed();
    assert!(same.contains("key A in eu-central-1"), "{same}");
    let mut other = sdctl();
    let refused = run(other.args(["get", "--table", arn, "--region", "eu-west-1"])).failed();
    let said = "--region eu-west-1 contradicts the table's ARN, which is in eu-central-1. Leave --region out";
    assert_eq!(refused, format!("error: {said}"));
    for arn in ["arn:aws:dynamodb", "arn:aws:lambda:eu-west-1:123456789012:table/a"] {
        let invalid = run(sdctl().args(["get", "--table", arn])).failed();
        assert!(invalid.contains(&format!("invalid ARN of a table: {arn}. Use the table's name")), "{invalid}");
    }
}

#[test]
fn unknown_profile_names_itself_and_files() {
    let home = Home::new("[profile corp]\nregion = eu-west-3\n");
    let default = "in ~/.aws/config and ~/.aws/credentials. Check";
    let failed = home.run(&["--profile", "crop"]).failed();
    assert!(failed.contains(&format!("profile \"crop\" not found {default} --profile")), "{failed}");
    let failed = run(home.sdctl(&[]).env("AWS_PROFILE", "crop")).failed();
    assert!(failed.contains(&format!("profile \"crop\" not found {default} AWS_PROFILE")), "{failed}");
    let (config, credentials) = (home.folder.path().join("a"), home.folder.path().join("b"));
    fs::write(&config, "[profile other]\nregion = eu-west-3\n").unwrap();
    let mut elsewhere = home.sdctl(&["--profile", "corp"]);
    elsewhere.env("AWS_CONFIG_FILE", &config).env("AWS_SHARED_CREDENTIALS_FILE", &credentials);
    let failed = run(&mut elsewhere).failed();
    let files = format!("profile \"corp\" not found in {} and {}.", config.display(), credentials.display());
    assert!(failed.contains(&files), "{failed}");
    fs::write(&config, "[profile corp\nregion").unwrap();
    let failed = run(&mut elsewhere).failed();
    assert!(failed.contains("cannot read the AWS configuration files: ") && failed.contains("Correct "), "{failed}");
}

#[test]
fn missing_login_names_the_command() {
    let past = "2020-01-01T00:00:00Z";
    let sso = "Log in with aws sso login --profile corp";
    let console = "Log in with aws login --profile corp";
    for (config, file, token, remedy) in [
        (SSO_SESSION, "none", String::new(), sso),
        (SSO_SESSION, SESSION_FILE, sso_token("valid", past), sso),
        (SSO_SESSION, SESSION_FILE, sso_token("revoked", "2099-01-01T00:00:00Z"), sso),
        (SSO_SESSION, SESSION_FILE, "{".into(), sso),
        (SSO_LEGACY, "none", String::new(), sso),
        (SSO_LEGACY, LEGACY_FILE, sso_token("revoked", past), sso),
        (CONSOLE, "none", String::new(), console),
        (CONSOLE, CONSOLE_FILE, console_token("revoked", past), console),
    ] {
        let home = Home::new(config);
        home.write(file, &token);
        let failed = home.run(&["--profile", "corp"]).failed();
        assert!(failed.ends_with(remedy), "{failed}");
        assert!(failed.starts_with("error: cannot use table \"http-sd\": "), "{failed}");
        assert_eq!(failed.contains("you are not logged in"), file == "none", "{failed}");
        assert!(!failed.contains(MARK), "{failed}");
    }
    let home = Home::new("[profile corp]\nregion = eu-west-3\ncredential_process = sh -c 'echo broken >&2; exit 3'\n");
    let failed = home.run(&["--profile", "corp"]).failed();
    assert!(failed.contains("broken") && failed.contains("Check credential_process in profile \"corp\""), "{failed}");
    let none = Home::new("").run(&["--region", "eu-west-3"]).failed();
    assert!(none.contains("no credentials found. Log in with aws login, name a profile with --profile"), "{none}");
}

#[test]
fn missing_region_names_the_option() {
    let failed = Home::new("").run(&[]).failed();
    assert_eq!(failed, "error: no region. Name it with --region or AWS_REGION, or add it to your AWS profile");
}

#[tokio::test(flavor = "multi_thread")]
async fn write_needs_no_description_of_table() {
    let applied = Applied::new().await;
    let faulty = FaultyDynamo::before(&applied.dynamo);
    faulty.fail(|operation, _| match operation {
        "DescribeTable" => Fault::Error(400, "AccessDeniedException"),
        _ => Fault::None,
    });
    applied.write("node.json", r#"[{"targets": ["a:1"]}]"#);
    for arguments in [
        &["put", "node", "web", "--target", "a:1"][..],
        &["label", "node", "web", "env=prod"],
        &["apply", "-f", "node.json", "--set", "fleet", "--yes"],
        &["register", "node", "host", "--target", "a:1", "--ttl", "60s", "--once"],
        &["rm", "node", "web"],
    ] {
        let ran = run(sdctl_at(&faulty.endpoint()).args(arguments).current_dir(applied.folder.path()));
        let said = "Using table \"http-sd\", account unknown, region us-east-1";
        assert!(ran.code == 0 && ran.stderr.contains(said), "{arguments:?}: {ran:?}");
    }
    assert!(applied.dynamo.row("node", "host").await.is_some());
}
