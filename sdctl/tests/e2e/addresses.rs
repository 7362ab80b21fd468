//! Real pollers scrape none of the addresses that `sdctl` refuses.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use tempfile::TempDir;
use test_support::{
    poller::Poller,
    sdctl::{run, sdctl},
};

/// Starts a server with metrics, and returns its port. It stops with the test process.
fn metrics() -> u32 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: 4";
            let _ = stream.write_all(format!("{head}\r\n\r\nx 1\n").as_bytes());
        }
    });
    port.into()
}

#[test]
fn no_poller_scrapes_refused_addresses() {
    let port = metrics();
    let good = format!("127.0.0.1:{port}");
    let doubtful = [
        format!(":{port}"),
        format!("127.0.0.1:0{port}"),
        "127.0.0.1:".into(),
        "127.0.0.1:http".into(),
        format!("[127.0.0.1:{port}]"),
    ];
    let refused = [
        format!("{good},{good}"),
        format!("{good},localhost:{port}"),
        format!("127.0.0.1:{}", 65536 + port),
        format!(":{}", 65536 + port),
        "127.0.0.1:0".into(),
        "[::1]:99999".into(),
        ":".into(),
        format!("[127.0.0.1:{port}"),
        format!("[::1]{port}"),
    ];
    let data = TempDir::new().unwrap();
    for address in &refused {
        let put = run(sdctl().args(["put", "node", "web", "-t", address, "--data"]).arg(data.path()));
        assert!(put.failed().contains("target "), "{address}");
    }
    for address in doubtful.iter().chain([&good]) {
        run(sdctl().args(["put", "node", "web", "-t", address, "--yes", "--data"]).arg(data.path())).done();
    }
    let all: Vec<&String> = refused.iter().chain(&doubtful).chain([&good]).collect();
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
         scrape_configs: [{{job_name: node, static_configs: [{{targets: {}}}]}}]",
        serde_json::to_string(&all).unwrap()
    );
    for poller in Poller::start_all_with(|_| config.clone()) {
        let health = |address: &String| poller.active().unwrap_or_default().remove(address).map(|active| active.health);
        poller.wait("the first scrapes", || {
            let active = poller.active().unwrap_or_default();
            active.contains_key(&good) && active.values().all(|target| target.health != "unknown")
        });
        poller.wait("a good address", || health(&good).as_deref() == Some("up"));
        // It scrapes its own host, so the test can fail.
        poller.wait("an address without host", || health(&doubtful[0]).as_deref() == Some("up"));
        for address in &refused {
            assert_ne!(health(address).as_deref(), Some("up"), "{} scrapes {address}", poller.kind);
        }
    }
}
