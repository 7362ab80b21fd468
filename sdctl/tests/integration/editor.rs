//! `sdctl edit`, with scripts as the editor.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use http_sd_lambda::group::EpochSeconds;
use rustix::process::Signal;
use test_support::{
    Row,
    applied::{Applied, group},
    process::Process,
    row::{n, s},
    sdctl::{Ran, run, run_with},
    tools::tool,
};

/// The head of an editor that replaces the text by its standard input.
const REPLACE: &str = "cat > \"$1\"";

/// Runs `sdctl edit` with a script as editor, which finds `sdctl` on its path.
fn edit(applied: &Applied, script: &str, arguments: &str) -> Ran {
    applied.write("editor.sh", script);
    applied.shell(&format!("EDITOR='sh -eu editor.sh' TMPDIR=$PWD sdctl edit {arguments}"))
}

/// Returns the files that `sdctl edit` kept.
fn kept(applied: &Applied) -> Vec<PathBuf> {
    let files = fs::read_dir(applied.folder.path()).unwrap().map(|file| file.unwrap().path());
    files.filter(|file| file.file_name().unwrap().to_str().unwrap().starts_with("sdctl-edit-")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn edit_changes_adds_and_removes_groups() {
    let applied = Applied::new().await;
    let EpochSeconds(now) = EpochSeconds::now();
    Row::new("node", "web", &["a:1", "b:1"])
        .labels([("env", "prod")])
        .with("expires_at", n(now + 7230))
        .with("managed_by", s("fleet"))
        .with("mine", s("x"))
        .put(&applied.dynamo)
        .await;
    Row::new("node", "old", &["c:1"]).put(&applied.dynamo).await;
    Row::new("node", "same", &["s:1"]).put(&applied.dynamo).await;
    Row::new("other", "web", &["o:1"]).put(&applied.dynamo).await;
    let script = format!(
        "cp \"$1\" shown; stat -c %a \"$1\" > mode\n\
         {REPLACE} <<END\nweb: {{targets: [b:1, 9100], labels: {{env: 'no', on: yes}}}}\n\
         new: {{targets: ['n:1']}}\nsame:\n  targets:\n  - s:1\nEND"
    );
    let refused = edit(&applied, &script, "node");
    assert!(refused.failed().contains("cannot ask for confirmation without a terminal. Add --yes"));
    assert_eq!(applied.served("node").await.len(), 3);

    let ran = edit(&applied, &script, "node --yes");
    assert!(ran.stderr.contains("note: the row belongs to the set \"fleet\""), "{ran:?}");
    let said = ran.done();
    for line in ["+ new", "~ web", "- a:1", "~ env: prod → no", "+ on=yes", "- old", "3 changes written"] {
        assert!(said.contains(line), "no {line:?} in:\n{said}");
    }
    assert_eq!(
        applied.served("node").await,
        [group(["b:1", "9100"], [("env", "no"), ("on", "yes")]), group(["n:1"], []), group(["s:1"], [])]
    );
    let row = applied.dynamo.row("node", "web").await.unwrap();
    assert_eq!((&row["expires_at"], &row["managed_by"], &row["mine"]), (&n(now + 7230), &s("fleet"), &s("x")));
    assert_eq!(applied.served("other").await, [group(["o:1"], [])]);

    let read = |name: &str| fs::read_to_string(applied.folder.path().join(name)).unwrap();
    let shown = read("shown");
    for text in
        ["# lease expires in 2h", "# set fleet", "\nweb:\n  targets:\n  - a:1\n  - b:1\n  labels:\n    env: prod\n"]
    {
        assert!(shown.contains(text), "no {text:?} in:\n{shown}");
    }
    assert_eq!(read("mode"), "600\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn saved_text_is_read_back_unchanged() {
    let applied = Applied::new().await;
    let odd =
        ["", "yes", "null", "~", "1e3", "0x1f", " x ", "a: b", "#c", "two\nlines\n", "é\u{7f}\u{9b}", "'\"\\", "- x"];
    for (i, value) in odd.iter().enumerate() {
        let name = if value.is_empty() { "empty" } else { value };
        Row::new("node", name, &[&format!("{i}:1")]).labels([("l", value)]).put(&applied.dynamo).await;
    }
    let targets =
        [":1", "::1:1", "[::1]:1", "{a}:1", "%a:1", "*a:1", "&a:1", "!a:1", "@a:1", "`a`:1", "?a", "a#b", "60:30"];
    Row::new("node", "odd", &targets).put(&applied.dynamo).await;
    Row::new("node", "none", &[]).put(&applied.dynamo).await;
    let ran = edit(&applied, "echo '# a comment' >> $1", "node");
    assert_eq!(ran.stderr.lines().last(), Some("cancelled: the groups are the same as before"), "{ran:?}");
    ran.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn unchanged_or_emptied_text_cancels() {
    let applied = Applied::new().await;
    Row::new("node", "web", &["a:1"]).put(&applied.dynamo).await;
    let before = applied.dynamo.rows().await;
    for (script, why) in [
        ("true", "you changed nothing"),
        (": > $1", "the saved file is empty. To remove all groups, use sdctl rm"),
        ("echo '# only this' > $1", "the saved file is empty. To remove all groups, use sdctl rm"),
    ] {
        for arguments in ["node --yes", "node web --yes"] {
            let ran = edit(&applied, script, arguments);
            assert!(ran.stderr.contains(&format!("cancelled: {why}\n")), "{ran:?}");
            assert_eq!(ran.done(), "");
        }
    }
    assert_eq!(applied.dynamo.rows().await, before);
    assert!(kept(&applied).is_empty());
    edit(&applied, "echo '{}' > $1", "node --yes").done();
    assert!(applied.dynamo.rows().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_reopens_the_editor_with_its_text() {
    let applied = Applied::new().await;
    Row::new("node", "web", &["a:1"]).put(&applied.dynamo).await;
    let script = format!(
        "if test -e second; then cp $1 third; sed -i 's/a b/c:1/' $1; exit; fi\n\
         if test -e first; then cp $1 second; {REPLACE} <<END\nweb:\n  targets: [a b]\nEND\nexit; fi\n\
         touch first; {REPLACE} <<END\nweb:\n  targets: [\nEND"
    );
    let said = edit(&applied, &script, "node web --yes").done();
    assert!(said.contains("+ c:1"), "{said}");
    assert_eq!(applied.served("node").await, [group(["c:1"], [])]);
    let read = |name: &str| fs::read_to_string(applied.folder.path().join(name)).unwrap();
    let (second, third) = (read("second"), read("third"));
    let head = "#! Nothing was changed. Correct the text, or save it as it is to give up.\n";
    assert!(second.starts_with(head) && second.ends_with("web:\n  targets: [\n"), "{second}");
    assert_eq!(
        third,
        format!(
            "{head}#! line 4: group \"web\": targets[0] contains white space or a control character\n\
             web:\n  targets: [a b]\n"
        )
    );
    assert!(kept(&applied).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn given_up_text_is_kept_and_named() {
    let applied = Applied::new().await;
    Row::new("node", "web", &["a:1"]).put(&applied.dynamo).await;
    Row::new("node", "db", &["b:1"]).put(&applied.dynamo).await;
    let before = applied.dynamo.rows().await;
    for (script, arguments, error) in [
        (
            "grep -q '^#!' $1 || echo 'x: 5' > $1",
            "node --yes",
            "group \"x\": is a string, but must be a map of targets and labels (fault 1 of 1 in the text)",
        ),
        (
            "grep -q '^#!' $1 || echo 'db: {targets: []}' >> $1",
            "node web --yes",
            "group \"db\" exists, but was not in this text. Choose another name (fault 1 of 1",
        ),
        ("echo x >> $1; exit 3", "node", "the editor sh failed: exit status: 3"),
        ("sed -i s/a:1/c:1/ $1", "node", "cannot ask for confirmation without a terminal"),
    ] {
        let ran = edit(&applied, script, arguments);
        let files = kept(&applied);
        assert_eq!(files.len(), 1, "{ran:?}");
        assert!(ran.stderr.contains(&format!("note: your text is in {}\n", files[0].display())), "{ran:?}");
        assert_eq!(fs::metadata(&files[0]).unwrap().permissions().mode() & 0o777, 0o600);
        fs::remove_file(&files[0]).unwrap();
        assert!(ran.failed().contains(error));
    }
    // An editor that adds another fault each time.
    let ran = edit(&applied, "echo 'x: 5' >> $1", "node");
    assert!(ran.failed().contains("(fault 1 of "));
    assert_eq!(applied.dynamo.rows().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_changed_meanwhile_is_not_overwritten() {
    let applied = Applied::new().await;
    for (meanwhile, code) in [
        ("sdctl targets add node web -t z:1", 1),
        ("sdctl rm node web", 1),
        ("sdctl put node new -t z:1", 1),
        ("sdctl put node db -t z:1 --yes", 0),
        // A renewal.
        ("sdctl register node web -t a:1 --once", 0),
    ] {
        for (job, name) in applied.dynamo.rows().await.into_keys() {
            applied.dynamo.delete(&job, &name).await;
        }
        Row::new("node", "web", &["a:1"]).put(&applied.dynamo).await;
        Row::new("node", "db", &["b:1"]).put(&applied.dynamo).await;
        let script = format!("{meanwhile}; sed -i s/a:1/c:1/ $1; echo 'new: {{targets: [\"n:1\"]}}' >> $1");
        let script = if code == 1 { format!("grep -q '^#!' $1 || {{ {script}; }}") } else { script };
        let ran = edit(&applied, &script, "node --yes");
        assert_eq!(ran.code, code, "{meanwhile}: {ran:?}");
        let rows = applied.dynamo.rows().await;
        let row = |name: &str| rows.get(&("node".to_owned(), name.to_owned()));
        if code == 1 {
            let is_told =
                ran.stderr.contains("another writer changed group \"web\" of job \"node\" while you edited it")
                    || ran.stderr.contains("group \"new\" exists, but was not in this text");
            assert!(is_told && !format!("{rows:?}").contains("c:1"), "{meanwhile}: {ran:?}");
            for file in kept(&applied) {
                fs::remove_file(file).unwrap();
            }
        } else {
            assert!(format!("{:?}", row("web")).contains("c:1"), "{meanwhile}: {ran:?}");
            assert_eq!(row("web").unwrap().contains_key("expires_at"), meanwhile.contains("register"));
            assert_eq!(format!("{:?}", row("db")).contains("z:1"), meanwhile.contains("node db"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_row_stays_unless_it_is_replaced() {
    let applied = Applied::new().await;
    Row::key("node", "broken").with("targets", s("a:1")).with("mine", s("x")).put(&applied.dynamo).await;
    Row::new("node", "web", &["a:1"]).put(&applied.dynamo).await;
    edit(&applied, "cp $1 shown; sed -i s/a:1/c:1/ $1", "node --yes").done();
    let shown = fs::read_to_string(applied.folder.path().join("shown")).unwrap();
    assert!(shown.contains("# \"broken\" is a broken row: targets is a string (S)"), "{shown}");
    assert_eq!(applied.dynamo.row("node", "broken").await.unwrap()["targets"], s("a:1"));
    let said = edit(&applied, "echo 'broken: {targets: [\"b:1\"]}' >> $1", "node broken --yes").done();
    assert!(said.contains("was broken"), "{said}");
    assert_eq!(applied.served("node").await, [group(["b:1"], []), group(["c:1"], [])]);
    assert_eq!(applied.dynamo.row("node", "broken").await.unwrap()["mine"], s("x"));
}

/// A target that moves stays in its old row during the wait.
#[tokio::test(flavor = "multi_thread")]
async fn moved_targets_stay_until_polls_have_ended() {
    let applied = Applied::new().await;
    Row::new("node", "a", &["a:1", "x:1"]).put(&applied.dynamo).await;
    Row::new("node", "b", &["b:1", "y:1"]).put(&applied.dynamo).await;
    Row::new("node", "old", &["z:1"]).put(&applied.dynamo).await;
    let text = "a: {targets: [a:1, y:1]}\nb: {targets: [b:1, x:1]}\nnew: {targets: [z:1]}";
    applied.write("editor.sh", &format!("{REPLACE} <<END\n{text}\nEND"));
    let start = |settle| {
        let mut command = applied.command(&["edit", "node", "--yes", "--settle", settle]);
        command.env("EDITOR", "sh editor.sh").env("TMPDIR", applied.folder.path());
        command
    };
    let mut editing = Process::start(&mut start("5m"));
    editing.wait_for("waiting 5m before removing 3 moved targets from their old rows");
    let both =
        [group(["a:1", "y:1", "x:1"], []), group(["b:1", "x:1", "y:1"], []), group(["z:1"], []), group(["z:1"], [])];
    assert_eq!(applied.served("node").await, both);
    assert_eq!(editing.stop_with(Signal::INT).code(), Some(1));
    let output = editing.whole_output();
    assert!(output.contains("stopped by a signal: 1 of 4 changes written. The others are not"), "{output}");
    run(&mut start("0")).done();
    let after = [group(["a:1", "y:1"], []), group(["b:1", "x:1"], []), group(["z:1"], [])];
    assert_eq!(applied.served("node").await, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn editor_comes_from_the_environment() {
    let applied = Applied::new().await;
    Row::new("node", "web", &["a:1"]).put(&applied.dynamo).await;
    let with = |visual: &str, editor: &str| {
        run(applied
            .command(&["edit", "node"])
            .env("VISUAL", visual)
            .env("EDITOR", editor)
            .env("TMPDIR", applied.folder.path()))
    };
    for (visual, editor) in
        [("sh -c 'touch \"visual file\"' -", "false"), ("", "touch editor"), (" ", "touch 'an editor'")]
    {
        with(visual, editor).done();
    }
    for file in ["visual file", "editor", "an editor"] {
        assert!(applied.folder.path().join(file).exists(), "{file}");
    }
    for (visual, editor, error) in [
        ("", "", "edit requires a terminal for vi. Run it in a terminal, or set EDITOR to an editor that needs none"),
        ("", "vi 'x", "EDITOR is not a command: a quote has no end. Set it to your editor"),
        (
            "no-such-editor -x",
            "true",
            "cannot start the editor no-such-editor: No such file or directory (os error 2). Set",
        ),
        ("", "false", "nothing was changed: the editor false failed: exit status: 1"),
    ] {
        let failed = with(visual, editor).failed();
        assert!(failed.contains(error), "{failed}");
    }
    for (arguments, error) in [
        (&["edit", "no"][..], "job \"no\" not found"),
        (&["edit", "node", "no"], "group \"no\" not found in job \"node\""),
    ] {
        let failed = run(applied.command(arguments).env("EDITOR", "true")).failed();
        assert!(failed.contains(error), "{failed}");
    }
    assert!(kept(&applied).is_empty());
}

/// On a terminal the editor has the terminal, and `sdctl edit` asks.
#[tokio::test(flavor = "multi_thread")]
async fn edit_asks_on_a_terminal() {
    if tool("script").is_none() {
        return;
    }
    let applied = Applied::new().await;
    Row::new("node", "web", &["a:1"]).put(&applied.dynamo).await;
    applied.write("editor.sh", "test -t 0 && test -t 1 && sed -i s/a:1/c:1/ $1");
    for (answer, target) in [("n\n", "a:1"), ("y\n", "c:1")] {
        let mut terminal = applied.shell_command("exec script -qec 'sdctl edit node' /dev/null");
        terminal.env("EDITOR", "sh editor.sh").env("TMPDIR", applied.folder.path()).env("TERM", "xterm");
        let ran = run_with(&mut terminal, answer);
        assert!(ran.stdout.contains("Apply 1 change? [y/N]"), "{ran:?}");
        assert_eq!(applied.served("node").await, [group([target], [])], "{ran:?}");
        assert_eq!(ran.code, i32::from(answer == "n\n"), "{ran:?}");
    }
}
