//! The example `kvd` while nothing happens: nothing in it wakes, whatever `--fsync` says, and with
//! clients that are connected and silent.

#![cfg(all(target_os = "linux", feature = "env_logger", feature = "net"))]
// The subject is what happens in a span of time, so this file sleeps.
#![allow(clippy::disallowed_methods)]

#[path = "common/kvd.rs"]
mod kvd;

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use kvd::{Client, Kvd, LIMIT, Scratch, Value};

/// How long it is watched.
const SPAN: Duration = Duration::from_secs(5);

/// Each thread's name and how often it was switched out, by its own will or not.
fn switches(pid: u32) -> BTreeMap<u32, (String, u64)> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
    tasks
        .map(|task| {
            let task = task.expect("an entry");
            let id = task.file_name().to_str().and_then(|id| id.parse().ok()).expect("a number");
            let status = fs::read_to_string(task.path().join("status")).expect("it runs");
            let field = |name: &str| {
                let line = status.lines().find_map(|line| line.strip_prefix(name));
                line.unwrap_or_else(|| panic!("no {name} in {status}")).trim().to_owned()
            };
            let number = |name: &str| field(name).parse::<u64>().expect("a number");
            let sum = number("voluntary_ctxt_switches:") + number("nonvoluntary_ctxt_switches:");
            (id, (field("Name:"), sum))
        })
        .collect()
}

/// Blocks until nothing has woken for longer than the syncing thread waits: the writes are synced
/// then and every thread has gone to sleep. One that wakes again and again never gets there.
fn settled(pid: u32) -> BTreeMap<u32, (String, u64)> {
    let deadline = Instant::now() + LIMIT;
    let mut before = switches(pid);
    loop {
        thread::sleep(Duration::from_millis(1500));
        let now = switches(pid);
        if now == before {
            return now;
        }
        assert!(Instant::now() < deadline, "it never rests: {before:?}, then {now:?}");
        before = now;
    }
}

fn is_idle_with(fsync: &str) {
    let dir = Scratch::new(&format!("idle-{fsync}"));
    let kvd = Kvd::start(dir.path(), &["--fsync", fsync]);
    let mut clients: Vec<Client> = (0..10).map(|_| kvd.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.ask(&["SET", &number.to_string(), "x"]), Value::ok());
    }
    let before = settled(kvd.id());
    let synced = before.values().filter(|(name, _)| name == "storage:sync").map(|(_, woken)| woken);
    match fsync {
        // It slept from its start; a write has woken it, and a second later the clock.
        "everysec" => assert!(synced.sum::<u64>() >= 3, "the syncing thread has slept: {before:?}"),
        _ => assert_eq!(synced.count(), 0, "a syncing thread: {before:?}"),
    }
    assert!(before.len() > clients.len(), "a thread for each client, and others: {before:?}");
    thread::sleep(SPAN);
    assert_eq!(switches(kvd.id()), before, "something woke in {SPAN:?}");
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.ask(&["GET", &number.to_string()]), Value::bulk("x"), "it lives");
    }
    // The count is one that counts: those requests are in it.
    assert_ne!(switches(kvd.id()), before);
    assert_eq!(kvd.terminate().status.code(), Some(0));
}

#[test]
fn nothing_wakes_with_fsync_always() {
    is_idle_with("always");
}

#[test]
fn nothing_wakes_with_fsync_everysec_once_all_is_synced() {
    is_idle_with("everysec");
}

#[test]
fn nothing_wakes_with_fsync_no() {
    is_idle_with("no");
}
