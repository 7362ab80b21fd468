//! The start of the function as a process.

use std::process::Output;

use test_support::lambda::function;

/// Runs the function with exactly these environment variables.
fn run(variables: &[(&str, &str)]) -> Output {
    function().envs(variables.iter().copied()).output().unwrap()
}

/// Returns whether the function started, and its standard error.
fn start(variables: &[(&str, &str)]) -> (bool, String) {
    let output = run(variables);
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn wrong_variable_fails_start_with_its_name() {
    let cases: [(&[(&str, &str)], &str); 4] = [
        (&[], "HTTP_SD_TABLE is not set"),
        (&[("HTTP_SD_TABLE", "http-sd")], "HTTP_SD_AUTH is not set: expected token, iam or none"),
        (&[("HTTP_SD_TABLE", "http-sd"), ("HTTP_SD_AUTH", "token")], "HTTP_SD_TOKEN_SHA256 is not set"),
        (
            &[("HTTP_SD_TABLE", "http-sd"), ("HTTP_SD_AUTH", "none"), ("HTTP_SD_ON_INVALID", "maybe")],
            "HTTP_SD_ON_INVALID is \"maybe\": expected fail or skip",
        ),
    ];
    for (variables, expected) in cases {
        let (success, stderr) = start(variables);
        assert!(!success);
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.starts_with(&format!("http-sd: {expected}")), "{stderr}");
    }
}

#[test]
fn credentials_outside_lambda_must_be_variables() {
    let variables = [
        ("HTTP_SD_TABLE", "http-sd"),
        ("HTTP_SD_AUTH", "iam"),
        ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9"),
        ("AWS_PROFILE", "default"),
    ];
    let (success, stderr) = start(&variables);
    assert!(!success && stderr.starts_with("http-sd: AWS_ACCESS_KEY_ID is not set: Lambda sets it"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn open_function_warns_at_each_start() {
    let table = ("HTTP_SD_TABLE", "http-sd");
    let warning = "HTTP_SD_AUTH=none: anyone who can reach the URL can read every target";
    for (auth, expected) in [("none", true), ("iam", false)] {
        let output = run(&[table, ("HTTP_SD_AUTH", auth)]);
        let [log, error] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        assert_eq!(log.contains(warning), expected, "{log}");
        // The Lambda Runtime API is missing, so the start fails.
        assert!(
            !output.status.success()
                && error.starts_with("http-sd: AWS_LAMBDA_RUNTIME_API is not set: http-sd runs only in"),
            "{error}"
        );
    }
}
