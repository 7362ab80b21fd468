//! The lines that `sdctl` prints work where it says to paste them.

use std::{fs, process::Command};

use tempfile::TempDir;
use test_support::{
    sdctl::{run, sdctl, serve_local, shell},
    tools::tool,
};

/// Returns the indented lines after a heading, without their indent.
fn block(output: &str, heading: &str) -> String {
    let lines = output.lines().skip_while(|line| *line != heading).skip(1);
    lines.map_while(|line| line.strip_prefix("  ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn prometheus_accepts_printed_scrape_config() {
    let Some(promtool) = tool("promtool") else { return };
    let folder = TempDir::new().unwrap();
    let served = serve_local(&folder.path().join("data"), &["--sample"]);
    let file = folder.path().join("prometheus.yml");
    fs::write(&file, block(&served.process.output(), "Add to prometheus.yml:")).unwrap();
    run(Command::new(promtool).args(["check", "config"]).arg(&file)).done();
    assert!(fs::read_to_string(&file).unwrap().contains("node_exporter"));
}

#[test]
fn printed_curl_and_put_item_lines_work() {
    if tool("aws").is_none() {
        return;
    }
    let data = TempDir::new().unwrap();
    let served = serve_local(data.path(), &["--sample"]);
    let output = served.process.output();
    run(&mut shell(&block(&output, "Add a group:"))).done();
    let ask = format!("{} --silent --fail", block(&output, "Poll as Prometheus does:").trim());
    let body = run(&mut shell(&ask)).done();
    assert!(body.contains(r#"{"targets":["127.0.0.1:9100"],"labels":{"env":"dev"}}"#), "{body}");
}

#[test]
fn prometheus_accepts_printed_scrape_config_with_token() {
    let Some(promtool) = tool("promtool") else { return };
    let folder = TempDir::new().unwrap();
    // A file name that needs quotes in YAML.
    let token = folder.path().join("it's: a token");
    let url = ["--url", "https://x.lambda-url.eu-central-1.on.aws/"];
    let made = run(sdctl().args(["token", "--file"]).arg(&token).args(url)).done();
    let heading = "Add to prometheus.yml, and let Prometheus read the file:";
    let config = folder.path().join("prometheus.yml");
    fs::write(&config, block(&made, heading)).unwrap();
    run(Command::new(promtool).args(["check", "config"]).arg(&config)).done();
    assert!(fs::read_to_string(&config).unwrap().contains("it's: a token"));
}
