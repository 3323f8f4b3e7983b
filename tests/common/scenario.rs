//! Child processes, for what is global in a process: signals, exit codes, standard streams, limits.
//!
//! A scenario is an ignored test that returns at once unless [`is_asked`]; its parent starts the
//! test binary itself with that one test selected. The two talk by lines: the child [`say`]s a word
//! when it has come somewhere, the parent waits for it.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{self, Command, ExitCode, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Set for a child: without it a scenario does nothing.
const ASKED: &str = "RUNGROUP_TEST_SCENARIO";

/// How long a child may take for anything. It only ends tests that have failed.
const LIMIT: Duration = Duration::from_secs(30);

/// What a scenario says first. A parent does not take a child for well that never began: the harness
/// is content with a name that selects no test.
const BEGUN: &str = "scenario begun";

/// Whether this process is a child that was started for a scenario. Somebody may as well have asked
/// for all ignored tests.
pub fn is_asked() -> bool {
    let is_asked = std::env::var_os(ASKED).is_some();
    if is_asked {
        say(BEGUN);
    }
    is_asked
}

/// In the child: a word for the parent, on a line of its own.
pub fn say(word: &str) {
    // The harness has begun a line.
    let line = format!("\n{word}\n");
    std::io::stdout().write_all(line.as_bytes()).expect("the parent reads");
}

/// In the child: waits for a word of the parent's.
pub fn listen() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("the parent speaks");
    assert!(!line.is_empty(), "the parent has gone away");
}

/// In the child: ends the process as `main` would, had it returned this.
pub fn exit(code: ExitCode) -> ! {
    let number = (0..=u8::MAX).find(|&number| ExitCode::from(number) == code);
    process::exit(number.expect("a code is a number").into())
}

/// In the parent: a child that runs.
pub struct Child {
    process: process::Child,
    stdout: Receiver<String>,
    stderr: Option<Receiver<String>>,
    heard: Vec<String>,
}

/// How a child ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; `None` if a signal killed it.
    pub code: Option<i32>,
    /// The signal that killed it.
    pub signal: Option<i32>,
    /// What it wrote to stderr, where that was read.
    pub stderr: String,
}

impl Child {
    /// Starts the scenario of this name.
    pub fn start(scenario: &str) -> Self {
        Self::start_with(scenario, |_command| {})
    }

    /// The same, after a change to the command: its environment, its streams.
    pub fn start_with(scenario: &str, change: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this test's own file"));
        command
            .args([scenario, "--exact", "--ignored", "--nocapture"])
            .env(ASKED, "1")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        change(&mut command);
        let mut process = command.spawn().expect("a child process");
        drop(command); // with the streams that it was given
        let stdout = lines(process.stdout.take().expect("piped"));
        let stderr = process.stderr.take().map(lines);
        Self { process, stdout, stderr, heard: Vec::new() }
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until the child has said this word.
    #[track_caller]
    pub fn wait_for(&mut self, word: &str) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.stdout.recv_timeout(left) {
                Ok(line) => {
                    self.heard.push(line);
                    if self.heard.last().is_some_and(|line| line == word) {
                        return;
                    }
                }
                Err(error) => panic!(
                    "the child did not say '{word}': {error}; it said {:?}, and on stderr {:?}",
                    self.heard,
                    self.stderr.as_ref().map(|lines| lines.try_iter().collect::<Vec<_>>()),
                ),
            }
        }
    }

    /// Waits for a line on stderr that contains this text.
    #[track_caller]
    pub fn wait_for_stderr(&mut self, text: &str) {
        let lines = self.stderr.as_ref().expect("stderr is read");
        let deadline = Instant::now() + LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = lines.recv_timeout(left).expect("a line with the text");
            if line.contains(text) {
                return;
            }
        }
    }

    /// A word for a child that listens; its stdin has to be a pipe.
    pub fn tell(&mut self, word: &str) {
        let stdin = self.process.stdin.as_mut().expect("piped");
        writeln!(stdin, "{word}").expect("the child listens");
    }

    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("a process's number"), signal).expect("the child is not waited for");
    }

    /// Waits for the child's end.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        let deadline = Instant::now() + LIMIT;
        loop {
            // Its stdout ends with the process: nobody else has it.
            let left = deadline.saturating_duration_since(Instant::now());
            match self.stdout.recv_timeout(left) {
                Ok(line) => self.heard.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("the child does not end"),
            }
        }
        assert!(self.heard.iter().any(|line| line == BEGUN), "no such scenario: {:?}", self.heard);
        let status = self.process.wait().expect("the child is not waited for");
        let stderr = self.stderr.take().map_or_else(Vec::new, |lines| lines.iter().collect());
        Ended {
            code: status.code(),
            signal: std::os::unix::process::ExitStatusExt::signal(&status),
            stderr: stderr.join("\n"),
        }
    }
}

/// A test that has failed leaves no child behind.
impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill(); // it may have been waited for
        let _ = self.process.wait();
    }
}

/// The lines of a stream, read by a thread so that the child never waits for its parent.
fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n') {
            let Ok(line) = line else { return };
            let line = String::from_utf8_lossy(&line).into_owned();
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
