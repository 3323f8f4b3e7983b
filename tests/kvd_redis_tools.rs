//! The example `kvd` with the tools that Redis comes with, which know nothing of us.

#![cfg(all(unix, feature = "env_logger", feature = "net"))]
// What is skipped, and what the benchmark says, is for people to see.
#![allow(clippy::disallowed_macros)]

#[path = "common/kvd.rs"]
mod kvd;

use std::io::ErrorKind;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use kvd::{Kvd, Scratch};

/// What the tool printed, on both outputs; nothing if it is not installed, which only a person's
/// machine may lack.
fn run(kvd: &Kvd, tool: &str, arguments: &[&str]) -> Option<String> {
    let port = kvd.address.port().to_string();
    let child = Command::new(tool)
        .args(["-h", "127.0.0.1", "-p", &port])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let child = match child {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound && std::env::var_os("CI").is_none() => {
            eprintln!("\n*** SKIPPED: {tool} is not installed, so kvd is not tested with it ***\n");
            return None;
        }
        Err(error) => panic!("{tool}: {error}"),
    };
    let id = rustix::process::Pid::from_child(&child);
    let (sender, ended) = channel();
    #[allow(clippy::disallowed_methods)] // the test's own, to have a limit
    thread::spawn(move || sender.send(child.wait_with_output()));
    let Ok(output) = ended.recv_timeout(Duration::from_mins(1)) else {
        let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
        panic!("{tool} {arguments:?} has not ended in a minute");
    };
    let output = output.expect("its output");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).replace('\r', "\n");
    assert!(output.status.success(), "{tool} {arguments:?}: {}: {text}", output.status);
    Some(text)
}

#[test]
fn redis_cli_understands_it() {
    let dir = Scratch::new("cli");
    let kvd = Kvd::start(dir.path(), &[]);
    for (line, expected) in [
        ("ping", "PONG\n"),
        ("set a 41", "OK\n"),
        ("incr a", "42\n"),
        ("get a", "42\n"),
        ("mget a none", "42\n\n"),
        ("get none", "\n"),
        ("config get save", "save\n\n"),
        ("set a 1 ex 10", "ERR syntax error\n\n"),
        ("foo bar", "ERR unknown command 'foo', with args beginning with: 'bar' \n\n"),
        ("dbsize", "1\n"),
    ] {
        let words: Vec<_> = line.split(' ').collect();
        let Some(text) = run(&kvd, "redis-cli", &words) else { return };
        assert_eq!(text, expected, "{line}");
    }
    let info = run(&kvd, "redis-cli", &["info"]).expect("it is installed");
    assert!(info.contains("db0:keys=1"), "{info}");
    assert_eq!(kvd.terminate().status.code(), Some(0));
}

#[test]
fn redis_benchmark_runs_to_its_end() {
    let dir = Scratch::new("benchmark");
    let kvd = Kvd::start(dir.path(), &[]);
    let arguments = "-t ping,set,get,incr -n 20000 -c 50 -P 16 -q";
    let arguments: Vec<_> = arguments.split(' ').collect();
    let Some(text) = run(&kvd, "redis-benchmark", &arguments) else { return };
    eprintln!("{text}");
    for name in ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR"] {
        let line = format!("{name}: ");
        let done = |line: &str| line.contains("requests per second");
        assert!(text.split('\n').any(|l| l.starts_with(&line) && done(l)), "{name} in {text}");
    }
    for trouble in ["WARN", "Error", "ERR"] {
        assert!(!text.contains(trouble), "{text}");
    }
    // All 20000, each counted once, and written.
    assert_eq!(kvd.connect().ask(&["GET", "counter:__rand_int__"]).text(), "20000");
    assert_eq!(kvd.terminate().status.code(), Some(0));
}
