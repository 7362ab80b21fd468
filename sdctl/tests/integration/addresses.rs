//! Warnings and refusals of target addresses, by each command that writes targets.

use test_support::{
    Row,
    applied::Applied,
    sdctl::{Ran, run},
};

/// Runs each command that writes the target `address` to an existing group `web` of the job `node`.
async fn write_with_each_command(address: &str) -> Vec<(&'static str, Ran)> {
    let applied = Applied::new().await;
    Row::new("node", "web", &["first:1"]).put(&applied.dynamo).await;
    applied.write("node.json", &serde_json::json!([{"targets": [address], "labels": {"a": "b"}}]).to_string());
    applied.write("editor.sh", &format!("grep -q '^#!' $1 || sed -i 's|first:1|first:1\\n  - \"{address}\"|' $1"));
    let mut edit = applied.command(&["edit", "node", "web", "--yes"]);
    edit.env("EDITOR", "sh editor.sh").env("TMPDIR", applied.folder.path());
    vec![
        ("apply", applied.run(&["apply", "-f", "node.json", "--yes"])),
        ("edit", run(&mut edit)),
        ("targets", applied.run(&["targets", "add", "node", "web", "-t", address])),
        ("put", applied.run(&["put", "node", "other", "-t", address])),
        ("register", applied.run(&["register", "node", "third", "-t", address, "--once"])),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_command_warns_of_doubtful_addresses_once() {
    for (address, warning) in [
        ("a:", "target \"a:\" has no port after its \":\"; the poller scrapes port 80 or 443, or nothing"),
        ("a:http", "target \"a:http\" has an invalid port: use 1 to 65535; every scrape of this target fails"),
        (
            "2001:db8::11:9100",
            "target \"2001:db8::11:9100\" is an IPv6 address without brackets: write \"[2001:db8::11]:9100\", or ",
        ),
        ("a:1/metrics", "target \"a:1/metrics\" contains \"/\"; Prometheus drops it unless the job relabels it"),
        ("https://a:1", "target \"https://a:1\" contains \"/\"; Prometheus drops it unless the job relabels it"),
    ] {
        for (command, ran) in write_with_each_command(address).await {
            // The note of `targets` that `edit` has added the target already.
            let repeated = command == "targets" && ran.stderr.contains("already in the group");
            assert!(ran.code == 0 && (repeated || ran.stderr.matches(warning).count() == 1), "{command}: {ran:?}");
        }
    }
    for (command, ran) in write_with_each_command("[2001:db8::11]:9100").await {
        assert!(ran.code == 0 && !ran.stderr.contains("; "), "{command}: {ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_command_refuses_unscrapable_addresses() {
    for (address, error) in [
        ("a:99999", "target \"a:99999\" has an invalid port: use 1 to 65535"),
        ("a:1,b:1", "target \"a:1,b:1\" contains a comma: write each address as a separate target"),
        ("[::1", "target \"[::1\" has no IPv6 address in its brackets"),
    ] {
        for (command, ran) in write_with_each_command(address).await {
            assert!(ran.code == 1 && ran.stderr.contains(error), "{command}: {ran:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn register_refuses_an_empty_host() {
    let applied = Applied::new().await;
    for target in [":9100", "[]:9100", "http://:9100/metrics"] {
        let refused = applied.run(&["register", "node", "web", "-t", target, "--once"]).failed();
        assert_eq!(refused, format!("error: target {target:?} has no host: use the address of this machine"));
    }
    assert!(applied.run(&["register", "node", "web", "-t", "", "--once"]).failed().contains("target \"\" is empty"));
    assert!(applied.dynamo.rows().await.is_empty());
    applied.run(&["put", "node", "web", "-t", ":9100"]).done();
}

#[tokio::test(flavor = "multi_thread")]
async fn probed_and_relabelled_targets_need_no_address() {
    let applied = Applied::new().await;
    let probed = ["put", "blackbox", "home", "-t", "https://a/", "-t", "a:99999", "-l", "__param_module=http_2xx"];
    let ran = applied.run(&probed);
    assert!(ran.code == 0 && !ran.stderr.contains("target "), "{ran:?}");
    applied.write(
        "prometheus.yml",
        "scrape_configs: [{job_name: blackbox, static_configs: [{targets: ['https://a/', 'a:99999']}], \
         relabel_configs: [{source_labels: [__address__], target_label: __param_target}, \
         {target_label: __address__, replacement: 'blackbox:9115'}]}]",
    );
    let ran = applied.run(&["apply", "-f", "prometheus.yml", "--yes"]);
    assert!(ran.code == 0 && !ran.stderr.contains("target "), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_doubtful_addresses_give_few_warnings() {
    let applied = Applied::new().await;
    let group = |i: usize| serde_json::json!({"targets": [format!("a{i}:"), "same:"], "labels": {"i": i.to_string()}});
    applied.write("node.json", &(0..100).map(group).collect::<serde_json::Value>().to_string());
    let ran = applied.run(&["apply", "-f", "node.json", "--dry-run"]);
    assert_eq!(ran.stderr.matches("has no port").count(), 5, "{ran:?}");
    assert_eq!(ran.stderr.matches("\"same:\"").count(), 1, "{ran:?}");
    assert!(ran.stderr.contains("node.json:1: job \"node\", group 1: target \"a0:\" has no port"), "{ran:?}");
    assert!(ran.stderr.contains("warning: 96 more targets with a doubtful address"), "{ran:?}");
}
