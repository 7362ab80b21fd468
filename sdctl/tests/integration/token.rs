//! `sdctl token`.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use http_sd_lambda::http::TokenHash;
use tempfile::TempDir;
use test_support::sdctl::{run, run_with, sdctl, serve};

/// `sdctl token` in this folder.
fn token(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = sdctl();
    command.arg("token").args(arguments).current_dir(folder);
    command
}

/// Returns the output of a command that must succeed.
fn printed(command: &mut Command) -> String {
    let ran = run(command);
    assert_eq!(ran.stderr, "");
    ran.done()
}

/// Returns the first line of the error of a command that must fail.
fn refused(command: &mut Command) -> String {
    let ran = run(command);
    assert_eq!(ran.stdout, "");
    ran.errors().lines().next().unwrap().to_owned()
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[test]
fn token_file_is_private_and_hash_is_printed() {
    let folder = TempDir::new().unwrap();
    let output = printed(&mut token(folder.path(), &[]));
    let file = folder.path().join("http-sd.token");
    assert_eq!(mode(&file), 0o600);
    let content = fs::read_to_string(&file).unwrap();
    assert!(content.len() == 64 && content.bytes().all(|b| b.is_ascii_hexdigit()), "{content:?}");
    let hash = TokenHash::of(content.as_bytes()).to_string();
    for line in [
        format!("The token is in {}. Only you can read this file.", file.display()),
        format!("Its SHA-256 is {hash}"),
        format!("  sam deploy --parameter-overrides \"TokenSha256={hash}\""),
        "If another token is in use, keep it until Prometheus sends the new one:".into(),
        format!("  sam deploy --parameter-overrides \"TokenSha256=<SHA-256 of the token in use>,{hash}\""),
        format!("  HTTP_SD_TOKEN_SHA256={hash}"),
        "        - url: https://<url-id>.lambda-url.<region>.on.aws/prom/node_exporter".into(),
        "            type: Bearer".into(),
        format!("            credentials_file: {}", file.display()),
    ] {
        assert!(output.lines().any(|printed| printed == line), "no {line:?} in:\n{output}");
    }
    assert!(!output.contains(&content), "{output}");
    // The next token differs.
    printed(&mut token(folder.path(), &["--file", "next.token"]));
    assert_ne!(fs::read_to_string(folder.path().join("next.token")).unwrap(), content);
}

#[test]
fn function_with_the_hash_accepts_the_token() {
    let folder = TempDir::new().unwrap();
    let output = printed(&mut token(folder.path(), &[]));
    let variable = output.lines().find(|line| line.trim().starts_with("HTTP_SD_TOKEN_SHA256=")).unwrap();
    let (name, hash) = variable.trim().split_once('=').unwrap();
    let data = folder.path().join("data");
    let mut command = sdctl();
    command.env("HTTP_SD_AUTH", "token").env(name, hash).args(["serve", "--port", "0", "--dynamodb-port", "0"]);
    let served = serve(command.arg("--data").arg(&data));
    let secret = fs::read_to_string(folder.path().join("http-sd.token")).unwrap();
    assert_eq!(served.get("/prom", Some(&secret)).0, 200);
    assert_eq!(served.get("/prom", Some(hash)).0, 401);
}

#[test]
fn existing_file_is_replaced_only_with_force() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("http-sd.token");
    fs::write(&file, "old\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let error = refused(&mut token(folder.path(), &[]));
    assert_eq!(
        error,
        "error: cannot write http-sd.token: the file exists. Choose another file with --file, or replace this one with --force"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "old\n");

    let output = printed(&mut token(folder.path(), &["--force"]));
    let content = fs::read_to_string(&file).unwrap();
    assert_eq!((content.len(), mode(&file)), (64, 0o600));
    let both = format!("{},{}", TokenHash::of(b"old"), TokenHash::of(content.as_bytes()));
    assert!(output.contains(&format!("TokenSha256={both}\"")), "{output}");
    assert!(output.contains(&format!("HTTP_SD_TOKEN_SHA256={both}\n")), "{output}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file remains");
    // `--force` succeeds without a former file.
    printed(&mut token(folder.path(), &["--force", "--file", "new.token"]));
}

#[test]
fn hash_of_an_existing_token_is_printed_alone() {
    let folder = TempDir::new().unwrap();
    // Prometheus trims white space around the token.
    for content in ["secret", "secret\n", " secret\r\n"] {
        fs::write(folder.path().join("http-sd.token"), content).unwrap();
        assert_eq!(printed(&mut token(folder.path(), &["--hash"])), format!("{}\n", TokenHash::of(b"secret")));
    }
    let cases = [
        ("", "error: no token in x: the file is empty. Create a token with sdctl token --file x --force"),
        (" \n", "error: no token in x: the file is empty"),
        (
            "a b",
            "error: no token in x: the content has white space or characters outside ASCII. Name the file of a token",
        ),
        ("a\nb", "error: no token in x: "),
    ];
    for (content, said) in cases {
        fs::write(folder.path().join("x"), content).unwrap();
        let error = refused(&mut token(folder.path(), &["--file", "x", "--hash"]));
        assert!(error.starts_with(said), "{error}");
    }
    let missing = refused(&mut token(folder.path(), &["--file", "none", "--hash"]));
    assert_eq!(missing, "error: cannot read the token file none: no such file. Create it with sdctl token --file none");
}

#[test]
fn token_never_goes_to_standard_output() {
    let folder = TempDir::new().unwrap();
    for arguments in [&["--file", "-"][..], &["--file", "-", "--force"]] {
        let error = refused(&mut token(folder.path(), arguments));
        let why = "a terminal or a log would show it. Name a file with --file";
        assert_eq!(error, format!("error: cannot write the token to standard output: {why}"));
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }
    let hash = run_with(&mut token(folder.path(), &["--file", "-", "--hash"]), "test-secret\n").done();
    assert_eq!(hash, format!("{}\n", TokenHash::of(b"test-secret")));
    let empty = run_with(&mut token(folder.path(), &["--file", "-", "--hash"]), "").failed();
    assert!(empty.starts_with("error: no token in standard input: "), "{empty}");
}

#[test]
fn token_can_have_name_and_jobs() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("http-sd.token"), "test-secret").unwrap();
    let hash = TokenHash::of(b"test-secret");
    let cases: [(&[&str], String); 3] = [
        (&["--name", "eu-1"], format!("eu-1:{hash}")),
        (&["--name", "eu-1", "--job", "node", "--job", "a|b,c%"], format!("eu-1:{hash}:a%7Cb%2Cc%25|node")),
        (&["--name", "x", "--job", "node", "--job", "node"], format!("x:{hash}:node")),
    ];
    for (arguments, credential) in &cases {
        assert_eq!(printed(token(folder.path(), arguments).arg("--hash")), format!("{credential}\n"));
    }
    let output = printed(&mut token(folder.path(), &["--force", "--name", "eu-1", "--job", "node_exporter"]));
    let content = fs::read_to_string(folder.path().join("http-sd.token")).unwrap();
    let both = format!("eu-1:{hash}:node_exporter,eu-1:{}:node_exporter", TokenHash::of(content.as_bytes()));
    assert!(output.contains(&format!("TokenSha256={both}\"")), "{output}");

    let other = printed(&mut token(folder.path(), &["--file", "next.token", "--name", "x", "--job", "a b"]));
    assert!(other.contains("/prom/a%20b\n") && other.contains("job_name: \"a b\"\n"), "{other}");

    let data = folder.path().join("data");
    let mut command = sdctl();
    command.env("HTTP_SD_AUTH", "token").env("HTTP_SD_TOKEN_SHA256", both);
    let served = serve(command.args(["serve", "--sample", "--port", "0", "--dynamodb-port", "0", "--data"]).arg(&data));
    assert_eq!(served.get("/prom/node_exporter", Some(&content)).0, 200);
    assert_eq!(served.get("/prom/blackbox", Some("test-secret")).0, 403);
    assert_eq!(served.get("/prom", Some("test-secret")), served.get("/prom/node_exporter", Some(&content)));

    for (arguments, said) in [
        (&["--name", "a b"][..], "invalid name \"a b\": use 1 to 64 letters, digits, '.', '_' or '-'"),
        (&["--name", ""], "invalid name \"\": use"),
        (&["--name", "x", "--job", ""], "job \"\" is empty"),
    ] {
        let error = refused(token(folder.path(), arguments).args(["--file", "other.token"]));
        assert!(error.starts_with(&format!("error: {said}")), "{error}");
    }
    assert!(!folder.path().join("other.token").exists());
    let error = refused(&mut token(folder.path(), &["--job", "x"]));
    assert!(error.contains("required arguments"), "{error}");
}

#[test]
fn error_names_the_unwritable_file() {
    let folder = TempDir::new().unwrap();
    for arguments in [&["--file", "none/x"][..], &["--file", "none/x", "--force"]] {
        let error = refused(&mut token(folder.path(), arguments));
        assert!(error.starts_with("error: cannot write none/x: No such file"), "{error}");
    }
    fs::create_dir(folder.path().join("folder")).unwrap();
    let error = refused(&mut token(folder.path(), &["--file", "folder", "--force"]));
    assert!(error.starts_with("error: cannot write folder: "), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file remains");
}

#[test]
fn printed_lines_contain_url_and_job() {
    let folder = TempDir::new().unwrap();
    let cases = [
        ("https://x.on.aws/", "https://x.on.aws/prom/node_exporter", "node_exporter"),
        ("http://127.0.0.1:8088", "http://127.0.0.1:8088/prom/node_exporter", "node_exporter"),
        ("HTTPS://X.on.aws", "HTTPS://X.on.aws/prom/node_exporter", "node_exporter"),
        ("https://x.on.aws/prom/it%27s?meta=true", "https://x.on.aws/prom/it%27s?meta=true", "it's"),
        ("https://x.on.aws/prom", "https://x.on.aws/prom", "everything"),
    ];
    for (given, url, job) in cases {
        let output = printed(&mut token(folder.path(), &["--force", "--url", given]));
        assert!(output.contains(&format!("\n        - url: {url}\n")), "{output}");
        assert!(output.contains(&format!("\n    - job_name: \"{job}\"\n")), "{output}");
    }
    for wrong in ["x.on.aws", "ftp://x", "https://", "https:x", "https://a b", "https://a/it's"] {
        let error = refused(&mut token(folder.path(), &["--force", "--url", wrong]));
        assert!(error.contains(". Use a URL such as https://"), "{error}");
    }
}

/// `sdctl` writes the file, and the script continues, even if the pipe is closed.
#[test]
fn closed_pipe_does_not_stop_token_creation() {
    let folder = TempDir::new().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = token(folder.path(), &[]).stdout(writer).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert_eq!(fs::read_to_string(folder.path().join("http-sd.token")).unwrap().len(), 64);
}
