//! Completion in a real bash, by the script of `sdctl completions bash`.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration, time::Instant};

use test_support::{
    applied::Applied,
    fault::{Fault, FaultyDynamo},
    sdctl::{Ran, run, shell_at},
};

/// Returns a shell line that completes the last of the words, and prints the candidates.
fn completing(words: &[&str]) -> String {
    let (last, before) = words.split_last().unwrap();
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    format!(
        "set +eu; source <(sdctl completions bash); COMP_WORDS=({}) COMP_CWORD={} COMP_TYPE=9; \
         _clap_complete_sdctl sdctl '{last}' '{}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        quoted.join(" "),
        words.len() - 1,
        before.last().unwrap()
    )
}

/// Returns the candidates.
fn candidates(ran: Ran) -> Vec<String> {
    assert_eq!(ran.stderr, "");
    ran.done().lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_table_are_completed() {
    let applied = Applied::new().await;
    for (job, group) in
        [("node_exporter", "web-1"), ("node_exporter", "web-2"), ("node_exporter", "db"), ("mysqld", "a")]
    {
        applied.run(&["put", job, group, "--target", "a:1"]).done();
    }
    // A shell inserts candidates without quotes.
    applied.run(&["put", "no; rm -r", "a b", "--target", "a:1"]).done();
    applied.write("api.json", r#"[{"targets": ["a:1"]}]"#);
    applied.run(&["apply", "-f", "api.json", "--set", "shop", "--yes"]).done();
    applied.write("config", "[profile corp]\nregion = a\n[profile shop]\nregion = b\n[default]\nregion = c\n");
    for (words, expected) in [
        (&["sdctl", "appl"][..], &["apply"][..]),
        (&["sdctl", "get", "no"], &["node_exporter"]),
        (&["sdctl", "get", ""], &["api", "mysqld", "node_exporter"]),
        (&["sdctl", "get", "node_exporter", "web"], &["web-1", "web-2"]),
        (&["sdctl", "rm", "node_exporter", "web-1", ""], &["db", "web-1", "web-2"]),
        (&["sdctl", "label", "mysqld", ""], &["a"]),
        (&["sdctl", "mv", "mysqld", ""], &["a"]),
        (&["sdctl", "edit", "node_exporter", "d"], &["db"]),
        (&["sdctl", "targets", "add", "node_exporter", "d"], &["db"]),
        (&["sdctl", "status", "my"], &["mysqld"]),
        (&["sdctl", "get", "none", ""], &[]),
        (&["sdctl", "apply", "--set", ""], &["shop"]),
        (&["sdctl", "get", "--set", "s"], &["shop"]),
        (&["sdctl", "check", "--job", "my"], &["mysqld"]),
        (&["sdctl", "get", "--profile", ""], &["corp", "default", "shop"]),
        (&["sdctl", "check", "--for", "prometheus"], &["prometheus2", "prometheus3"]),
        (&["sdctl", "get", "--region", ""], &[]),
        (&["sdctl", "apply", "-f", "api"], &["api.json"]),
        (&["sdctl", "get", "--no-such-option", "no"], &["node_exporter"]),
    ] {
        let line = completing(words);
        let mut shell = shell_at(&applied.dynamo.endpoint(), &line);
        shell.current_dir(applied.folder.path()).env("AWS_CONFIG_FILE", applied.folder.path().join("config"));
        let mut found = candidates(run(shell.env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")));
        if expected.is_empty() {
            // Without a name, bash shows the options.
            found.retain(|candidate| !candidate.starts_with('-'));
        }
        assert_eq!(found, expected, "{words:?}");
    }
    let options = candidates(applied.shell(&completing(&["sdctl", "get", "--re"])));
    assert_eq!(options, ["--region"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn completion_is_silent_quick_and_harmless() {
    let applied = Applied::new().await;
    let faulty = FaultyDynamo::before(&applied.dynamo);
    faulty.fail(|_, _| Fault::Silence);
    let started = Instant::now();
    let found = candidates(run(&mut shell_at(&faulty.endpoint(), &completing(&["sdctl", "get", "no"]))));
    assert!(found.is_empty() && started.elapsed() < Duration::from_secs(20), "{found:?}");
    faulty.fail(|_, _| Fault::Error(400, "AccessDeniedException"));
    let found = candidates(run(&mut shell_at(&faulty.endpoint(), &completing(&["sdctl", "get", "no"]))));
    assert!(found.is_empty(), "{found:?}");
    // A missing local table stays missing.
    let none = applied.folder.path().join("none");
    let words = ["sdctl", "get", "--data", none.to_str().unwrap(), "no"];
    assert!(candidates(applied.shell(&completing(&words))).is_empty());
    assert!(!none.exists());
    // A program for credentials may ask the user.
    let (program, ran) = (applied.folder.path().join("program"), applied.folder.path().join("ran"));
    fs::write(&program, format!("#!/bin/sh\ntouch {}\n", ran.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    applied.write("config", &format!("[profile asks]\ncredential_process = {}\n", program.display()));
    let words = ["sdctl", "get", "--profile", "asks", "no"];
    let mut shell = shell_at(&applied.dynamo.endpoint(), &completing(&words));
    assert!(candidates(run(shell.env("AWS_CONFIG_FILE", applied.folder.path().join("config")))).is_empty());
    assert!(!ran.exists());
}
