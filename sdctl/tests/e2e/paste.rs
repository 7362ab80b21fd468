//! The lines that `sdctl` prints, pasted where it says.

use std::{
    env, fs,
    process::{Command, Output},
};

use tempfile::TempDir;
use test_support::{
    sdctl::{sdctl, serve_local},
    tools::tool,
};

/// The indented lines that follow a heading, without their indent.
fn block(output: &str, heading: &str) -> String {
    let lines = output.lines().skip_while(|line| *line != heading).skip(1);
    lines.map_while(|line| line.strip_prefix("  ")).collect::<Vec<_>>().join("\n")
}

/// Runs a command line as a shell with the tools on its path does.
fn shell(line: &str, tool: &std::path::Path) -> Output {
    let path = format!("{}:{}", tool.parent().unwrap().display(), env::var("PATH").unwrap());
    Command::new("bash").args(["-euc", line]).env("PATH", path).output().unwrap()
}

#[test]
fn the_scrape_config_is_one_that_prometheus_takes() {
    let Some(promtool) = tool("promtool") else { return };
    let folder = TempDir::new().unwrap();
    let served = serve_local(&folder.path().join("data"), &["--sample"]);
    let file = folder.path().join("prometheus.yml");
    fs::write(&file, block(&served.process.output(), "Paste into prometheus.yml:")).unwrap();
    let checked = Command::new(promtool).args(["check", "config"]).arg(&file).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
    assert!(fs::read_to_string(&file).unwrap().contains("node_exporter"));
}

#[test]
fn the_curl_line_and_the_put_item_line_work_as_printed() {
    let Some(aws) = tool("aws") else { return };
    let data = TempDir::new().unwrap();
    let served = serve_local(data.path(), &["--sample"]);
    let output = served.process.output();
    let put = shell(&block(&output, "Add a group:"), &aws);
    assert!(put.status.success(), "{put:?}");
    let asked = shell(&format!("{} --silent --fail", block(&output, "Ask as Prometheus does:").trim()), &aws);
    let body = String::from_utf8(asked.stdout).unwrap();
    assert!(body.contains(r#"{"targets":["127.0.0.1:9100"],"labels":{"env":"dev"}}"#), "{body}");
}

#[test]
fn the_scrape_config_for_a_token_is_one_that_prometheus_takes() {
    let Some(promtool) = tool("promtool") else { return };
    let folder = TempDir::new().unwrap();
    // A name that YAML would not take without quotes.
    let token = folder.path().join("it's: a token");
    let url = ["--url", "https://x.lambda-url.eu-central-1.on.aws/"];
    let made = sdctl().args(["token", "--file"]).arg(&token).args(url).output().unwrap();
    let heading = "Paste into prometheus.yml, and let Prometheus read the file:";
    let config = folder.path().join("prometheus.yml");
    fs::write(&config, block(&String::from_utf8(made.stdout).unwrap(), heading)).unwrap();
    let checked = Command::new(promtool).args(["check", "config"]).arg(&config).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
    assert!(fs::read_to_string(&config).unwrap().contains("it's: a token"));
}
