//! The effects of parts of a configuration on pollers, as `sdctl` says.

use std::{collections::BTreeSet, fs, process::Command};

use axum::{Router, routing};
use serde_json::json;
use tempfile::TempDir;
use test_support::{
    background::Background,
    http,
    poller::{Kind, Poller},
    process::{Process, free_port},
    tools::tool,
};

use super::{LAST, Server};

#[test]
fn refused_configuration_keeps_the_current_one() {
    for kind in Kind::ALL {
        let Some(program) = kind.file() else { continue };
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("prometheus.yml");
        let good = json!({"scrape_configs": [{"job_name": "x", "static_configs": [{"targets": [LAST]}]}]});
        fs::write(&file, good.to_string()).unwrap();
        let mut server = if kind == Kind::Vmagent {
            Server::vmagent(program, folder.path())
        } else {
            Server::prometheus(program, folder.path())
        };
        let before = server.targets();
        fs::write(&file, "foo: bar\nscrape_configs: []\n").unwrap();
        http::agent().post(format!("{}/-/reload", server.url)).send_empty().unwrap();
        server.process.wait_for("field foo not found");
        assert_eq!(server.targets(), before, "{kind}");
    }
}

#[test]
fn missing_file_has_targets_once_it_exists() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let config = json!({"global": {"scrape_interval": "1h"}, "scrape_configs": [{
        "job_name": "x",
        "static_configs": [{"targets": [LAST]}],
        "file_sd_configs": [{"files": [at("gone.yml"), at("no-*.yml")]}],
    }]});
    let pollers = Poller::start_all_with(|_| config.to_string());
    test_support::poller::wait_for(&pollers, &[LAST]);
    for (name, target) in [("gone.yml", "gone:1"), ("no-1.yml", "no:1")] {
        fs::write(at("new"), format!("- targets: ['{target}']\n")).unwrap();
        fs::rename(at("new"), at(name)).unwrap();
    }
    test_support::poller::wait_for(&pollers, &["gone:1", LAST, "no:1"]);
}

#[test]
fn vmagent_stops_at_an_interval_of_zero() {
    let Some(vmagent) = tool("vmagent") else { return };
    let folder = TempDir::new().unwrap();
    let config = "scrape_configs: [{job_name: x, static_configs: [{targets: ['127.0.0.1:1'], \
                  labels: {__scrape_interval__: 0s}}]}]\n";
    fs::write(folder.path().join("vmagent.yml"), config).unwrap();
    let mut process = Process::start(
        Command::new(vmagent)
            .current_dir(folder.path())
            .args(["-promscrape.config=vmagent.yml", "-remoteWrite.url=http://127.0.0.1:1/"])
            .args(["-remoteWrite.tmpDataPath=data".to_owned(), format!("-httpListenAddr=127.0.0.1:{}", free_port())]),
    );
    let ended = process.wait();
    assert!(ended.is_some_and(|status| !status.success()), "vmagent runs now: change `sdctl check`");
    assert!(process.whole_output().contains("panic: "));
}

#[test]
fn prometheus_stops_at_an_interval_of_zero() {
    for kind in Kind::PROMETHEUS {
        let Some(program) = kind.file() else { continue };
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("a.json"), "[]").unwrap();
        let files = json!([{"files": ["a.json"], "refresh_interval": "0s"}]);
        let config = json!({"scrape_configs": [{"job_name": "x", "file_sd_configs": files}]});
        fs::write(folder.path().join("prometheus.yml"), config.to_string()).unwrap();
        let mut server = Server::prometheus(program, folder.path());
        server.process.wait_for("panic: ");
        assert!(server.process.wait().is_some_and(|status| !status.success()), "{kind}");
    }
}

/// The scheme `ftp`, and addresses that are no addresses.
#[test]
fn odd_addresses_are_never_scraped() {
    let server = Background::router(Router::new().route("/metrics", routing::get(|| async { "up 1\n" })));
    let good = server.address.to_string();
    let (_, port) = good.split_once(':').unwrap();
    let own_host = format!(":{port}");
    let odd = [
        "127.0.0.1:1,127.0.0.1:2".to_owned(),
        format!("[x.invalid]:{port}"),
        format!("[::1]{port}"),
        format!("::1:{port}"),
        "::1".to_owned(),
        "127.0.0.1:".to_owned(),
        "127.0.0.1:0".to_owned(),
        "127.0.0.1:99999".to_owned(),
        "127.0.0.1:http-sd".to_owned(),
        format!("127.0.0.1:{port}:{port}"),
        format!("127.0.0.1:{port} "),
    ];
    let ftp = json!({"targets": [good], "labels": {"__scheme__": "ftp", "scheme": "ftp"}});
    let config = json!({"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [
        {"job_name": "odd", "static_configs": [{"targets": odd}, ftp]},
        {"job_name": "good", "static_configs": [{"targets": [good, own_host]}]},
    ]});
    for poller in Poller::start_all_with(|_| config.to_string()) {
        let healthy = || -> Option<BTreeSet<(String, String)>> {
            let targets = poller.active_targets()?;
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            let is_tried =
                |target: &serde_json::Value| target["health"] == "up" || !text(&target["lastError"]).is_empty();
            let up = targets.iter().filter(|target| target["health"] == "up");
            targets.iter().all(is_tried).then(|| {
                up.map(|target| (text(&target["labels"]["job"]), text(&target["discoveredLabels"]["__address__"])))
                    .collect()
            })
        };
        let expected: BTreeSet<_> = [&good, &own_host].map(|address| ("good".to_owned(), address.clone())).into();
        poller.wait("a scrape of each target", || healthy().is_some_and(|healthy| healthy == expected));
    }
}
