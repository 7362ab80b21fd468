//! The help of every command of `sdctl`.

use std::process::{Command, Stdio};

use test_support::sdctl::{commands, run, run_with, sdctl};

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
fn completion_scripts_know_every_command() {
    let all = commands(&run(sdctl().arg("--help")).done());
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(sdctl().args(["completions", shell])).done();
        for command in &all {
            assert!(script.contains(command), "{shell} does not know {command}");
        }
    }
    let script = run(sdctl().args(["completions", "bash"])).done();
    let mut bash = Command::new("bash");
    let completed = run_with(
        bash.arg("-s").stdout(Stdio::piped()),
        &format!(
            "{script}\nCOMP_WORDS=(sdctl appl) COMP_CWORD=1; _sdctl sdctl appl sdctl; echo \"${{COMPREPLY[@]}}\"\n"
        ),
    );
    assert_eq!(completed.done(), "apply\n");
}

/// Exit code 2 is reserved for differences and faults.
#[test]
fn wrong_command_line_exits_with_1() {
    for arguments in [&["nonsense"][..], &[], &["apply"], &["check"], &["get", "--output", "xml"]] {
        let ran = run(sdctl().args(arguments));
        assert!(ran.code == 1 && ran.stdout.is_empty() && !ran.stderr.is_empty(), "{ran:?}");
    }
}
