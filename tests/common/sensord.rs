//! The example `sensord` as a child process. Whatever waits here has a limit, so that a daemon which
//! hangs fails the test instead of hanging it.

// It is public to the tests that use it.
#![allow(unreachable_pub)]
// Tests measure how long the child takes, have threads of their own, and print.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long anything may take that should take no time to speak of, on a machine that is busy.
pub const LIMIT: Duration = Duration::from_secs(30);

/// A directory for a spool, removed when the test has passed.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("sensord-{name}-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path); // of an earlier process of this number
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What is in the spool: the numbers of each sensor's readings, in their order.
    pub fn spooled(&self) -> BTreeMap<String, Vec<u64>> {
        let text = fs::read_to_string(self.0.join("readings.log")).expect("a spool");
        assert!(text.is_empty() || text.ends_with('\n'), "the last line is not complete");
        let mut spooled = BTreeMap::<String, Vec<u64>>::new();
        for line in text.lines() {
            let (sensor, number) = reading(line);
            spooled.entry(sensor.to_owned()).or_default().push(number);
        }
        spooled
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !thread::panicking() {
            let _ = fs::remove_dir_all(&self.0); // left for whoever looks at the failure
        }
    }
}

/// The sensor and the number of a reading.
#[track_caller]
pub fn reading(line: &str) -> (&str, u64) {
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        [sensor, number, _value] => (sensor, number.parse().expect("a number")),
        _ => panic!("not a reading: {line:?}"),
    }
}

/// A sensord that runs; dropping it kills it.
pub struct Sensord {
    child: Child,
    lines: Receiver<String>,
    stderr: String,
    report: Option<thread::JoinHandle<String>>,
}

/// How one ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stderr: String,
    /// What it printed in the end.
    pub report: String,
    /// How long that took, since SIGTERM or since somebody began to wait for it.
    pub took: Duration,
}

impl Sensord {
    /// Starts one whose sensors are quick and do not fail, and which logs everything.
    pub fn start(spool: &Scratch, flags: &[&str]) -> Self {
        let mut command = command();
        command.arg("--spool-dir").arg(spool.path()).args([
            "--log-level=debug",
            "--temperature-every=10ms",
            "--humidity-every=10ms",
            "--humidity-fails-every=0",
            "--gps-every=10ms",
        ]);
        Self::spawn(command.args(flags))
    }

    /// Starts one as the command says.
    pub fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sensord is there");
        let (mut stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = sender.send(line); // nobody may be listening any more
            }
        });
        let report = thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).expect("UTF-8");
            text
        });
        Self { child, lines, stderr: String::new(), report: Some(report) }
    }

    /// Blocks until it has logged a line with all of `texts`.
    #[track_caller]
    pub fn wait_for_line(&mut self, texts: &[&str]) -> String {
        let deadline = Instant::now() + LIMIT;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.stderr.push_str(&line);
                    self.stderr.push('\n');
                    if texts.iter().all(|text| line.contains(text)) {
                        return line;
                    }
                }
                Err(error) => panic!("no line with {texts:?} ({error})"),
            }
        }
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it is our child");
    }

    /// SIGTERM, and how it ended.
    #[track_caller]
    pub fn terminate(self) -> Ended {
        let start = Instant::now(); // before it can know
        self.signal(Signal::TERM);
        self.ended(start)
    }

    /// Blocks until it has ended by itself: until its stderr has, which is an event.
    #[track_caller]
    pub fn wait(self) -> Ended {
        self.ended(Instant::now())
    }

    #[track_caller]
    fn ended(mut self, start: Instant) -> Ended {
        loop {
            match self.lines.recv_timeout(LIMIT.saturating_sub(start.elapsed())) {
                Ok(line) => self.stderr = format!("{}{line}\n", self.stderr),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it has not ended"),
            }
        }
        let status = self.child.wait().expect("it is our child");
        let took = start.elapsed();
        let report = self.report.take().expect("waited for once").join().expect("no panic");
        Ended { status, stderr: std::mem::take(&mut self.stderr), report, took }
    }
}

impl Drop for Sensord {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
        if thread::panicking() {
            self.lines.try_iter().for_each(|line| self.stderr = format!("{}{line}\n", self.stderr));
            eprintln!("sensord's stderr:\n{}", self.stderr);
        }
    }
}

impl Ended {
    #[track_caller]
    pub fn assert_exit(&self, code: i32) -> &Self {
        assert_eq!(self.status.code(), Some(code), "{}", self.stderr);
        self
    }

    #[track_caller]
    pub fn assert_logged(&self, text: &str) -> &Self {
        assert!(self.stderr.contains(text), "no {text:?} in:\n{}", self.stderr);
        self
    }

    #[track_caller]
    pub fn assert_not_logged(&self, text: &str) -> &Self {
        assert!(!self.stderr.contains(text), "{text:?} in:\n{}", self.stderr);
        self
    }

    /// The errors that are printed last.
    pub fn errors(&self) -> Vec<&str> {
        self.stderr.lines().filter_map(|line| line.strip_prefix("error: ")).collect()
    }

    /// The line of the report about a unit.
    #[track_caller]
    pub fn row(&self, unit: &str) -> &str {
        let mut rows = self.report.lines();
        let row = rows.find(|row| row.split_whitespace().next() == Some(unit));
        row.unwrap_or_else(|| panic!("no {unit} in:\n{}", self.report))
    }

    /// How many readings the spool has accepted from a sensor, as that says itself.
    #[track_caller]
    pub fn accepted(&self, sensor: &str) -> u64 {
        let after = format!("{sensor}: ");
        let mut counts = self.stderr.lines().filter_map(|line| {
            line.strip_suffix(" readings accepted")?.rsplit_once(&after)?.1.parse().ok()
        });
        counts.next().unwrap_or_else(|| panic!("no count of {sensor} in:\n{}", self.stderr))
    }
}

/// The binary that cargo has built beside the tests. What the caller's environment says of it is not
/// part of the test.
pub fn command() -> Command {
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile = test.parent().and_then(Path::parent).expect("…/deps/test");
    let binary = profile.join("examples").join("sensord");
    assert!(binary.exists(), "{} is not there: cargo build --examples", binary.display());
    let mut command = Command::new(binary);
    command.env("RUST_BACKTRACE", "0");
    for (name, _) in std::env::vars_os() {
        if name == "RUST_LOG" || name.to_string_lossy().starts_with("SENSORD_") {
            command.env_remove(name);
        }
    }
    command
}
