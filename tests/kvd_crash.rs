//! The example `kvd` stopped and killed at random moments under load: every write that it has
//! acknowledged is there after a restart, and nothing is that was never sent.

#![cfg(all(unix, feature = "env_logger", feature = "net"))]
// Its clients have threads of their own.
#![allow(clippy::disallowed_methods)]

#[path = "common/kvd.rs"]
mod kvd;

use std::io::ErrorKind;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use kvd::{Client, Kvd, LIMIT, Random, Scratch, Value, request};
use rustix::process::Signal;

const CLIENTS: usize = 4;
const KEYS_OF_EACH: u64 = 40;
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// A key that one client writes again and again, with numbers that grow: what the server has of it
/// is the last number acknowledged, or a later one that was sent.
struct Key {
    name: String,
    acknowledged: u64,
    sent: u64,
}

impl Key {
    fn of_client(client: usize) -> Vec<Key> {
        let name = |key| format!("client-{client}-key-{key}");
        (0..KEYS_OF_EACH).map(|key| Key { name: name(key), acknowledged: 0, sent: 0 }).collect()
    }
}

/// Writes until the server ends the connection, in pipelines of random depth; tells `progress` of
/// each acknowledgement.
fn write_on(mut connection: Client, keys: &mut [Key], mut random: Random, progress: &Sender<()>) {
    let mut number = keys.iter().map(|key| key.sent).max().unwrap_or(0);
    loop {
        let mut pipeline = Vec::new();
        let mut bytes = Vec::new();
        for _ in 0..=random.below(16) {
            let key = usize::try_from(random.below(KEYS_OF_EACH)).expect("small");
            number += 1;
            keys[key].sent = number;
            pipeline.push((key, number));
            bytes.extend(request(&["SET", &keys[key].name, &number.to_string()]));
        }
        // When it fails the replies to what was sent before the end may still be there to be read.
        let sent = connection.send_raw(&bytes);
        for (key, number) in pipeline {
            match connection.reply() {
                Ok(reply) => assert_eq!(reply, Value::ok(), "{}", keys[key].name),
                Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("no reply, no end"),
                Err(_) => return,
            }
            keys[key].acknowledged = number;
            let _ = progress.send(()); // the test may have seen enough
        }
        sent.expect("a reply has come to each request");
    }
}

/// Compares what the server has with what was acknowledged, and takes it for acknowledged.
fn check(kvd: &Kvd, keys: &mut [Key], round: u32) {
    let mut client = kvd.connect();
    for key in keys {
        let found = match client.ask(&["GET", &key.name]) {
            Value::Nil => 0,
            value => value.text().parse().expect("a number"),
        };
        let (low, high) = (key.acknowledged, key.sent);
        let name = &key.name;
        assert!(found >= low, "round {round}: {name} was acknowledged as {low} and is {found}");
        assert!(found <= high, "round {round}: {name} was sent as {high} at most and is {found}");
        key.acknowledged = found;
    }
}

/// Starts it, checks what it has, puts it under load, and ends it by `end`; again and again.
fn rounds(name: &str, rounds: u32, flags: &[&str], end: impl Fn(Kvd)) {
    let mut random = Random::from_environment();
    let dir = Scratch::new(name);
    let mut clients: Vec<Vec<Key>> = (0..CLIENTS).map(Key::of_client).collect();
    for round in 0..=rounds {
        let kvd = Kvd::start(dir.path(), flags);
        for keys in &mut clients {
            check(&kvd, keys, round);
        }
        if round == rounds {
            break;
        }
        let (progress, acknowledged) = channel();
        thread::scope(|scope| {
            for keys in &mut clients {
                let (connection, random) = (kvd.connect(), random.fork());
                let progress = progress.clone();
                scope.spawn(move || write_on(connection, keys, random, &progress));
            }
            drop(progress);
            for _ in 0..random.below(3000) {
                acknowledged.recv_timeout(LIMIT).expect("the load goes on");
            }
            end(kvd);
        });
    }
    let total: u64 = clients.iter().flatten().map(|key| key.acknowledged).sum();
    assert!(total > 0, "the load has written something");
}

/// Exit code 0, and in time.
fn terminated(kvd: Kvd) {
    let ended = kvd.terminate();
    assert_eq!(ended.status.code(), Some(0), "{}: {}", ended.status, ended.stderr);
    assert!(ended.took < DRAIN_TIMEOUT, "took {:?}", ended.took);
}

fn killed(kvd: Kvd) {
    kvd.signal(Signal::KILL);
    let ended = kvd.wait();
    assert_eq!(ended.status.code(), None, "ended by the signal: {}", ended.status);
}

#[test]
fn what_was_acknowledged_survives_sigterm() {
    rounds("sigterm", 20, &["--drain-timeout", "5s"], terminated);
}

#[test]
fn what_was_acknowledged_survives_sigterm_without_syncing() {
    rounds("sigterm-no", 5, &["--drain-timeout", "5s", "--fsync", "no"], terminated);
}

#[test]
fn what_was_acknowledged_survives_sigterm_with_fsync_always() {
    rounds("sigterm-always", 5, &["--drain-timeout", "5s", "--fsync", "always"], terminated);
}

#[test]
fn what_was_acknowledged_with_fsync_always_survives_sigkill() {
    rounds("sigkill", 20, &["--fsync", "always"], killed);
}
