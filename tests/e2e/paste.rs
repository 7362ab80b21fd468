//! The lines that `sdctl serve` prints, pasted where it says.

use std::{
    env, fs,
    process::{Command, Output},
};

use tempfile::TempDir;

use crate::common::{sdctl::serve_local, tools::tool};

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
