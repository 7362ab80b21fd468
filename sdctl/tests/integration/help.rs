//! The help of every command of `sdctl`.

use test_support::sdctl::{commands, run, sdctl};

#[test]
fn examples_of_every_command_fit_a_terminal() {
    let mut left: Vec<Vec<String>> = vec![vec![]];
    let mut seen = 0;
    while let Some(command) = left.pop() {
        let help = run(sdctl().args(&command).arg("--help")).done();
        let examples: Vec<&str> =
            help.lines().skip_while(|line| *line != "Examples:").skip(1).take_while(|line| !line.is_empty()).collect();
        assert!(!examples.is_empty(), "{command:?} has no examples:\n{help}");
        let long: Vec<&&str> = examples.iter().filter(|line| line.chars().count() > 80).collect();
        assert!(long.is_empty(), "{command:?}: {long:?}");
        left.extend(commands(&help).into_iter().map(|name| [&command[..], &[name]].concat()));
        seen += 1;
    }
    assert!(seen >= 14, "only {seen} commands");
}

#[test]
fn completion_scripts_ask_sdctl() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(sdctl().args(["completions", shell])).done();
        assert!(script.contains("COMPLETE") && script.contains("sdctl"), "{shell}: {script}");
    }
}

#[test]
fn unknown_command_suggests_the_right_one() {
    let suggested = |arguments: &[&str]| {
        let failed = run(sdctl().args(arguments)).errors();
        let (_, rest) = failed.split_once("exists: '")?;
        Some(rest.split_once('\'')?.0.to_owned())
    };
    for (words, command) in [
        (&["list", "ls", "LS", "show", "describe", "find"][..], "get"),
        (&["delete", "remove", "del"], "rm"),
        (&["add", "create", "upsert"], "put"),
        (&["plan", "diff"], "apply --dry-run"),
        (&["validate", "lint"], "check"),
        (&["backup"], "export"),
        (&["restore"], "import"),
        (&["registers"], "register"),
    ] {
        for word in words {
            assert_eq!(suggested(&[word, "node"]).as_deref(), Some(command), "{word}");
            assert_eq!(suggested(&["-v", word]).as_deref(), Some(command), "{word}");
        }
    }
    for word in ["login", "logout", "auth", "init", "xyzzy"] {
        let failed = run(sdctl().arg(word)).errors();
        assert!(!failed.contains("similar"), "{failed}");
    }
    // The suggestions are for commands of sdctl, not for those of `sdctl table`.
    assert_eq!(suggested(&["table", "list"]), None);
}

#[test]
fn percentage_may_have_its_sign() {
    for command in ["apply", "import"] {
        let with = |percent| run(sdctl().args([command, "-f", "no-such-file", "--max-removed", percent])).errors();
        let accepted = with("60%");
        assert!(accepted.contains("no-such-file") && !accepted.contains("60"), "{accepted}");
        let refused = with("101%");
        assert!(refused.contains("use a whole number from 0 to 100, such as 60 or 60%"), "{refused}");
    }
}

/// Exit code 2 is reserved for differences and faults.
#[test]
fn wrong_command_line_exits_with_1() {
    for arguments in [&["nonsense"][..], &[], &["apply"], &["check"], &["get", "--output", "xml"]] {
        let ran = run(sdctl().args(arguments));
        assert!(ran.code == 1 && ran.stdout.is_empty() && !ran.stderr.is_empty(), "{ran:?}");
    }
}
