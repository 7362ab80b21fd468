//! The output of `sdctl` on a terminal: tables that fit its width, and `status --watch`.

use std::process::Command;

use anstream::adapter::strip_str;
use http_sd_lambda::group::EpochSeconds;
use rustix::process::Signal;
use test_support::{
    Row,
    applied::Applied,
    fault::{Fault, FaultyDynamo},
    process::Process,
    row::{n, s},
    sdctl::{run, sdctl_at},
};
use unicode_width::UnicodeWidthStr;

/// Runs a command on a terminal of this width. Returns the lines that it shows, without styles.
fn shown(command: &mut Command, columns: u16) -> Vec<String> {
    let mut process = Process::start_on_terminal(command, columns, 24);
    process.wait().unwrap();
    process.whole_output().lines().map(|line| strip_str(line).to_string()).collect()
}

/// Rows with long, wide, combining and missing texts.
async fn rows() -> Applied {
    let applied = Applied::new().await;
    let EpochSeconds(now) = EpochSeconds::now();
    let long = "x".repeat(250);
    for row in [
        Row::new(
            "node",
            "web",
            &["web-1.eu-central-1.example.internal:9100", "web-2.eu-central-1.example.internal:9100"],
        )
        .labels([("env", "prod"), ("region", "eu-central-1"), ("role", "web"), ("team", "shop")])
        .with("managed_by", s("fleet"))
        .with("updated_at", n(now - 3 * 86_400)),
        Row::new("日本語のとても長い名前の仕事", "グループ", &["日本語の名前:1"]),
        Row::new("e\u{301}e\u{301}e\u{301}", &long, &["a:1"])
            .labels([("note", &long)])
            .with("managed_by", s(&"組".repeat(80))),
        Row::new("leased", "late", &["b:1"]).with("expires_at", n(now - 7200)),
        Row::new("leased", "now", &["c:1"]).with("expires_at", n(now + 7200)),
        Row::key("odd\u{202e}\n", "fault").with("targets", s("x")),
    ] {
        row.put(&applied.dynamo).await;
    }
    applied
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_fit_the_terminal() {
    let applied = rows().await;
    for columns in [80, 200, 33, 7] {
        for arguments in [&["get"][..], &["status"], &["get", "leased"], &["status", "node"]] {
            let lines = shown(&mut applied.command(arguments), columns);
            let widest = lines.iter().map(|line| line.width()).max().unwrap();
            assert!(widest <= usize::from(columns), "{arguments:?} in {columns}: {lines:#?}");
            assert!(lines.len() > 3, "{lines:#?}");
        }
    }
    let lines = shown(&mut applied.command(&["get"]), 80);
    assert!(lines.iter().any(|line| line.width() == 80 && line.ends_with('…')), "{lines:#?}");
    assert_eq!(lines.last().unwrap(), "6 groups, 5 targets served, 1 expired, 1 broken");
    // The start of each column is the same in each line.
    let start = |line: &str, text: &str| line.find(text).map(|at| line[..at].width());
    let columns = ["-", "expired", "expires", "broken  "].map(|lease| lines.iter().find_map(|line| start(line, lease)));
    assert_eq!(columns, [start(&lines[0], "LEASE"); 4], "{lines:#?}");

    let lines = shown(applied.command(&["get"]).args(["-o", "wide"]), 80);
    assert!(lines.iter().any(|line| line.contains(&"x".repeat(250)) && line.contains(&"組".repeat(80))), "{lines:#?}");
    let mut narrow = Process::start_on_terminal(applied.command(&["get"]).env("COLUMNS", "40"), 80, 24);
    assert!(narrow.wait().unwrap().success());
    let text = strip_str(&narrow.whole_output()).to_string();
    assert!(text.lines().all(|line| line.width() <= 40), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plan_and_history_fit_the_terminal() {
    let applied = Applied::new().await;
    let targets = ["web-1", "web-2", "db-1"].map(|host| format!("\"{host}.eu-central-1.compute.internal:9100\""));
    let labels = r#"{"env":"prod","region":"eu-central-1","cluster":"blue","role":"frontend","team":"payments"}"#;
    applied.write("node.json", &format!(r#"[{{"targets":[{}],"labels":{labels}}}]"#, targets.join(",")));
    let lines = shown(&mut applied.command(&["apply", "-f", "node.json", "--yes"]), 70);
    let start = lines.iter().position(|line| line.starts_with("      targets  web-1.")).unwrap();
    let plan: Vec<&str> = lines[start..start + 5].iter().map(|line| line.trim_end()).collect();
    assert_eq!(
        plan,
        [
            "      targets  web-1.eu-central-1.compute.internal:9100,",
            "               web-2.eu-central-1.compute.internal:9100,",
            "               db-1.eu-central-1.compute.internal:9100",
            "      labels   cluster=blue, env=prod, region=eu-central-1,",
            "               role=frontend, team=payments",
        ],
        "{lines:#?}"
    );
    for columns in [70, 40] {
        let lines = shown(&mut applied.command(&["history"]), columns);
        assert!(lines.iter().all(|line| line.width() <= usize::from(columns)), "{lines:#?}");
        // The age stays whole, and the command is cut.
        assert!(lines[1].contains(" ago  +1 ") && lines[1].ends_with('…'), "{lines:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pipe_gets_whole_cells_and_no_footer() {
    let applied = rows().await;
    for columns in ["80", "20"] {
        let text = run(applied.command(&["get"]).env("COLUMNS", columns)).done();
        assert!(text.contains(&format!("note={}", "x".repeat(250))) && !text.contains('…'), "{text}");
        assert_eq!(text.lines().count(), 7, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_do_not_change_the_columns() {
    let applied = Applied::new().await;
    for (i, name) in ["a", "a-longer-name", "a-name-that-is-much-longer-than-its-column", "z"].into_iter().enumerate() {
        Row::new("node", name, &[&format!("host-{i}:1")]).labels([("env", "prod")]).put(&applied.dynamo).await;
    }
    let pages = FaultyDynamo::with_pages_of(1, &applied.dynamo);
    let lines = shown(sdctl_at(&pages.endpoint()).arg("get"), 60);
    assert_eq!(lines.len(), 6, "{lines:#?}");
    for (heading, cell) in [("GROUP", "a"), ("TARGETS", "host-"), ("LABELS", "env")] {
        let start = lines[0].find(heading).unwrap();
        for line in &lines[1..5] {
            let from = line.char_indices().nth(start).map(|(at, _)| &line[at..]).unwrap();
            assert!(from.starts_with(cell) || heading == "GROUP" && from.starts_with('z'), "{heading}: {lines:#?}");
        }
    }
    assert!(lines.iter().all(|line| line.width() <= 60), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_redraws_until_ctrl_c() {
    let applied = Applied::new().await;
    Row::new("node", "web", &["a:1"]).put(&applied.dynamo).await;
    let mut command = applied.command(&["status", "--watch", "100ms"]);
    let mut process = Process::start_on_terminal(&mut command, 80, 24);
    process.wait_for("1 job ");
    Row::key("mysql", "b").with("targets", s("x")).put(&applied.dynamo).await;
    process.wait_for("2 jobs");
    assert!(process.stop_with(Signal::INT).success());
    let text = process.whole_output();
    // Each frame starts at the first line and clears what it does not write.
    let frames: Vec<&str> = text.split("\u{1b}[H").skip(1).collect();
    let (last, others) = frames.split_last().unwrap();
    assert!(!others.is_empty() && others.iter().all(|frame| frame.ends_with("\u{1b}[J")), "{text:?}");
    let last = strip_str(last).to_string();
    assert!(last.contains("broken: group \"b\" of job \"mysql\": targets is a string"), "{last}");
    assert!(last.lines().all(|line| line.width() <= 80), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_without_terminal_prints_blocks() {
    let applied = Applied::new().await;
    Row::new("node", "web", &["a:1"]).put(&applied.dynamo).await;
    for (output, block) in [("table", "1 job"), ("json", "{\"at\":")] {
        let mut command = applied.command(&["status", "-o", output, "--watch", "100ms"]);
        let mut process = Process::start(&mut command);
        let blocks = |text: &str| text.lines().filter(|line| line.starts_with(block)).count();
        while blocks(&process.output()) < 2 {
            process.wait_for(block);
        }
        assert!(process.stop_with(Signal::INT).success());
        assert!(!process.whole_output().contains('\u{1b}'));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_continues_after_an_outage() {
    let applied = Applied::new().await;
    Row::new("node", "web", &["a:1"]).put(&applied.dynamo).await;
    let faulty = FaultyDynamo::before(&applied.dynamo);
    let mut command = sdctl_at(&faulty.endpoint());
    let mut process = Process::start_on_terminal(command.args(["status", "--watch", "100ms"]), 80, 24);
    process.wait_for("1 job ");
    faulty.fail(|_, _| Fault::Error(400, "AccessDeniedException"));
    process.wait_for("error: access to table");
    Row::new("mysql", "b", &["b:1"]).put(&applied.dynamo).await;
    faulty.heal();
    process.wait_for("2 jobs");
    assert!(process.stop_with(Signal::TERM).success());
    // Without a first report there is nothing to show.
    faulty.fail(|_, _| Fault::Error(400, "AccessDeniedException"));
    let mut command = sdctl_at(&faulty.endpoint());
    assert!(run(command.args(["status", "--watch"])).failed().starts_with("error: access to table"));
}
