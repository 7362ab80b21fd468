//! Child processes that stop when the test ends, even if it panics.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::{
    process::{Pid, Signal, kill_process, kill_process_group},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use super::log;

/// The time for which the last output of a process that has ended may still be on its way.
const LAST_OUTPUT: Duration = Duration::from_secs(2);
/// The time that a process may take to stop after a signal.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// A child process in a new process group.
pub struct Process {
    child: Child,
    output: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
    /// The other side of the process's terminal.
    terminal: Option<File>,
}

impl Process {
    /// Starts a process, and reads its output.
    pub fn start(command: &mut Command) -> Self {
        Self::start_with(command, Stdio::null())
    }

    /// Starts a process whose standard input stays open until this process ends, or until the value is dropped.
    pub fn start_with_open_input(command: &mut Command) -> Self {
        Self::start_with(command, Stdio::piped())
    }

    /// Starts a process on a terminal of this size. The output contains the control sequences.
    pub fn start_on_terminal(command: &mut Command, columns: u16, lines: u16) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let ours = openpt(flags).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let size = Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&ours, size).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let theirs = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        for variable in ["COLUMNS", "LINES", "NO_COLOR"] {
            // A test may set it.
            if command.get_envs().all(|(name, _)| name != variable) {
                command.env_remove(variable);
            }
        }
        command.env("TERM", "xterm").stdin(theirs.try_clone().unwrap());
        let child = command.stdout(theirs.try_clone().unwrap()).stderr(theirs).process_group(0).spawn().unwrap();
        // The output ends when no process has the terminal open, so the command must not keep it.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let output = Arc::new(Mutex::new(String::new()));
        let ours = File::from(ours);
        let readers = vec![read_lines(ours.try_clone().unwrap(), output.clone())];
        Self { child, output, readers, terminal: Some(ours) }
    }

    fn start_with(command: &mut Command, input: Stdio) -> Self {
        let mut child = command
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
        let output = Arc::new(Mutex::new(String::new()));
        let readers = vec![
            read_lines(child.stdout.take().unwrap(), output.clone()),
            read_lines(child.stderr.take().unwrap(), output.clone()),
        ];
        Self { child, output, readers, terminal: None }
    }

    /// Types a line on the terminal of the process.
    pub fn answer(&mut self, line: &str) {
        writeln!(self.terminal.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Returns the process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the output so far.
    pub fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    /// Returns the whole output. The process and its children must have ended.
    pub fn whole_output(&mut self) -> String {
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        self.output()
    }

    /// Waits until the process prints a text, and returns its output.
    pub fn wait_for(&mut self, text: &str) -> String {
        let output = self.output.clone();
        self.wait_until(text, Duration::from_mins(2), || output.lock().unwrap().contains(text));
        self.output()
    }

    /// Waits until a condition holds. Fails if the process ends first.
    pub fn wait_until(&mut self, what: &str, patience: Duration, mut holds: impl FnMut() -> bool) {
        let (mut give_up, mut ended) = (Instant::now() + patience, None);
        while !holds() {
            if ended.is_none() {
                ended = self.child.try_wait().unwrap();
                if ended.is_some() {
                    give_up = Instant::now() + LAST_OUTPUT;
                }
            }
            assert!(Instant::now() < give_up, "no {what:?} ({ended:?}):\n{}", self.output());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let _ = kill_process(self.pid(), signal);
    }

    /// Sends a signal, and waits until the process ends.
    pub fn stop_with(&mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        self.wait().unwrap_or_else(|| panic!("still running after {signal:?}:\n{}", self.output()))
    }

    /// Waits until the process ends. Returns `None` after ten seconds.
    pub fn wait(&mut self) -> Option<ExitStatus> {
        let give_up = Instant::now() + STOP_WITHIN;
        while Instant::now() < give_up {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(10));
        }
        None
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
            let _ = kill_process_group(self.pid(), Signal::TERM);
            if self.wait().is_none() {
                let _ = kill_process_group(self.pid(), Signal::KILL);
                let _ = self.child.wait();
            }
        }
        log::assert_no_secret();
    }
}

fn read_lines(pipe: impl Read + Send + 'static, output: Arc<Mutex<String>>) -> JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            log::search(&line);
            let mut output = output.lock().unwrap();
            output.push_str(&line);
            output.push('\n');
        }
    })
}

/// Returns a port that was free at the time of the call.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
