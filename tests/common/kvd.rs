//! The example `kvd` as a child process, and a small Redis client. Whatever waits here has a limit,
//! so that a server which hangs fails the test instead of hanging it.

// Each test file uses a part of it, and it is public to them.
#![allow(dead_code, unreachable_pub)]
// Tests measure how long the child takes, have threads of their own, and print.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long anything may take that should take no time to speak of, on a machine that is busy.
pub const LIMIT: Duration = Duration::from_secs(20);

/// The binary that cargo has built beside the tests.
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile = test.parent().and_then(Path::parent).expect("…/deps/test");
    let binary = profile.join("examples").join("kvd");
    assert!(binary.exists(), "{} is not there: cargo build --example kvd", binary.display());
    binary
}

/// A directory of its own, removed when the test has passed.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("kvd-{name}-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path); // of an earlier process of this number
        fs::create_dir_all(&path).expect("made");
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !thread::panicking() {
            let _ = fs::remove_dir_all(&self.0); // left for whoever looks at the failure
        }
    }
}

/// A kvd that runs; dropping it kills it.
pub struct Kvd {
    child: Child,
    pub address: SocketAddr,
    lines: Receiver<String>,
    stderr: String,
}

/// How a kvd ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stderr: String,
    pub took: Duration,
}

impl Kvd {
    /// Starts one on a free port and returns when it listens.
    pub fn start(data_dir: &Path, flags: &[&str]) -> Self {
        Self::start_as(&mut Command::new(binary()), data_dir, flags)
    }

    /// As [`start`](Self::start), by a command that ends with kvd's own flags.
    pub fn start_as(command: &mut Command, data_dir: &Path, flags: &[&str]) -> Self {
        command.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(data_dir).args(flags);
        let (child, lines) = spawn(command.stdout(Stdio::null()));
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut kvd = Self { child, address, lines, stderr: String::new() };
        let line = kvd.wait_for_line("listening on ");
        let (_, address) = line.rsplit_once("listening on ").expect("waited for it");
        kvd.address = address.trim().parse().expect("an address");
        kvd
    }

    /// Blocks until it has logged a line with `text`.
    pub fn wait_for_line(&mut self, text: &str) -> String {
        let deadline = Instant::now() + LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.stderr.push_str(&line);
                    self.stderr.push('\n');
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(error) => panic!("no line with {text:?} ({error}) in:\n{}", self.stderr),
            }
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.address).expect("connected")
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it is our child");
    }

    /// SIGTERM, and how it ended.
    pub fn terminate(self) -> Ended {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Blocks until it has ended by itself: until its stderr has, which is an event.
    pub fn wait(mut self) -> Ended {
        let start = Instant::now();
        loop {
            match self.lines.recv_timeout(LIMIT.saturating_sub(start.elapsed())) {
                Ok(line) => self.stderr = format!("{}{line}\n", self.stderr),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it has not ended:\n{}", self.stderr),
            }
        }
        let status = self.child.wait().expect("it is our child");
        Ended { status, stderr: std::mem::take(&mut self.stderr), took: start.elapsed() }
    }
}

impl Drop for Kvd {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
        if thread::panicking() {
            self.lines.try_iter().for_each(|line| self.stderr = format!("{}{line}\n", self.stderr));
            eprintln!("kvd's stderr:\n{}", self.stderr);
        }
    }
}

/// Runs one that is expected not to come up.
pub fn run_to_its_end(flags: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Ended {
    let (child, lines) = spawn(Command::new(binary()).args(flags).stdout(Stdio::null()));
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    Kvd { child, address, lines, stderr: String::new() }.wait()
}

/// Runs one that is expected to write something to stdout and end.
pub fn printed(command: &mut Command) -> (Ended, String) {
    let (mut child, lines) = spawn(command.stdout(Stdio::piped()));
    let mut stdout = child.stdout.take().expect("piped");
    let reader = thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).expect("UTF-8");
        text
    });
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let ended = Kvd { child, address, lines, stderr: String::new() }.wait();
    (ended, reader.join().expect("no panic"))
}

fn spawn(command: &mut Command) -> (Child, Receiver<String>) {
    // What the caller's environment says of a kvd is not part of the test.
    let of_test: Vec<_> = command.get_envs().map(|(name, _)| name.to_owned()).collect();
    for (name, _) in std::env::vars_os().filter(|(name, _)| !of_test.contains(name)) {
        if name == "RUST_LOG" || name.to_string_lossy().starts_with("KVD_") {
            command.env_remove(name);
        }
    }
    let mut child =
        command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("kvd is there");
    let stderr = child.stderr.take().expect("piped");
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let _ = sender.send(line); // nobody may be listening any more
        }
    });
    (child, lines)
}

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Simple(String),
    Error(String),
    Integer(i64),
    Bulk(Vec<u8>),
    Nil,
    Array(Vec<Value>),
}

impl Value {
    pub fn ok() -> Self {
        Value::Simple("OK".into())
    }

    pub fn bulk(text: &str) -> Self {
        Value::Bulk(text.as_bytes().to_vec())
    }

    /// The text of an error.
    pub fn error(&self) -> &str {
        match self {
            Value::Error(text) => text,
            other => panic!("not an error: {other:?}"),
        }
    }

    /// The text of a bulk.
    pub fn text(&self) -> String {
        match self {
            Value::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => panic!("not a bulk: {other:?}"),
        }
    }
}

/// A connection to a server that speaks RESP2.
pub struct Client(BufReader<TcpStream>);

impl Client {
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, LIMIT)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    pub fn stream(&self) -> &TcpStream {
        self.0.get_ref()
    }

    /// Sends bytes as they are.
    pub fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.get_mut().write_all(bytes)
    }

    /// The reply to one request.
    pub fn ask(&mut self, words: &[&str]) -> Value {
        self.send_raw(&request(words)).expect("sent");
        self.reply().expect("a reply")
    }

    /// The next reply. The end of the connection is the error `UnexpectedEof`.
    pub fn reply(&mut self) -> io::Result<Value> {
        let line = self.line()?;
        let invalid = || io::Error::new(io::ErrorKind::InvalidData, format!("reply {line:?}"));
        let kind = line.chars().next().ok_or_else(invalid)?;
        let rest = &line[kind.len_utf8()..];
        let number = || rest.parse::<i64>().map_err(|_| invalid());
        Ok(match kind {
            '+' => Value::Simple(rest.into()),
            '-' => Value::Error(rest.into()),
            ':' => Value::Integer(number()?),
            '$' => match usize::try_from(number()?) {
                Ok(length) => {
                    let mut bytes = vec![0; length + 2];
                    self.0.read_exact(&mut bytes)?;
                    if bytes.split_off(length) != b"\r\n" {
                        return Err(invalid());
                    }
                    Value::Bulk(bytes)
                }
                Err(_) => Value::Nil,
            },
            '*' => Value::Array((0..number()?).map(|_| self.reply()).collect::<Result<_, _>>()?),
            _ => return Err(invalid()),
        })
    }

    /// Asserts that the server has ended the connection and that nothing more comes.
    pub fn expect_end(&mut self) {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).expect("an end, not a reset");
        assert!(rest.is_empty(), "more has come: {}", rest.escape_ascii());
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let whole = line.strip_suffix("\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(whole.to_owned())
    }
}

/// A request in RESP2.
pub fn request(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        write!(bytes, "${}\r\n{word}\r\n", word.len()).expect("a Vec takes all");
    }
    bytes
}

/// A generator of numbers (xorshift), whose seed a failing test can print.
pub struct Random(u64);

impl Random {
    /// Seeded by `KVD_TEST_SEED`, or by the clock; the seed is printed.
    pub fn from_environment() -> Self {
        let seed = std::env::var("KVD_TEST_SEED").ok().map(|seed| seed.parse().expect("a number"));
        let seed = seed.unwrap_or_else(|| {
            let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970");
            u64::from(now.subsec_nanos()) | 1 | now.as_secs() << 32
        });
        eprintln!("KVD_TEST_SEED={seed}");
        Self(seed.max(1))
    }

    /// Another one, for another thread.
    pub fn fork(&mut self) -> Self {
        Self(self.below(u64::MAX) | 1)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}
