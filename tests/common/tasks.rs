//! The threads of a process as Linux shows them under `/proc`, and how often the system has put them
//! to sleep or woken them.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

/// The threads of a process (`"self"` or its number), by their number, with their names.
pub fn of(process: impl std::fmt::Display) -> BTreeMap<u32, String> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("the process lives");
    tasks
        .filter_map(|task| {
            let task = task.ok()?;
            // A thread may end between the listing and the look at it.
            let name = fs::read_to_string(task.path().join("comm")).ok()?;
            Some((task.file_name().to_str()?.parse().ok()?, name.trim_end().to_owned()))
        })
        .collect()
}

/// The threads of this process that were not there `before`. A thread that was joined stays visible
/// for the moment that the kernel needs to take it out, after it has told who joins: so this looks
/// until there are none, for a second at most. One that was left running is there for ever.
pub fn new_since(before: &BTreeMap<u32, String>) -> BTreeMap<u32, String> {
    let began = Instant::now();
    loop {
        let mut tasks = of("self");
        tasks.retain(|id, _| !before.contains_key(id));
        if tasks.is_empty() || began.elapsed() > Duration::from_secs(1) {
            return tasks;
        }
        std::thread::yield_now();
    }
}

/// How often each thread of a process was switched to or away from, waiting or not.
pub fn context_switches(process: u32) -> BTreeMap<u32, u64> {
    let of_thread = |id: u32| -> u64 {
        let status = fs::read_to_string(format!("/proc/{process}/task/{id}/status"))
            .expect("a thread that stays");
        status
            .lines()
            .filter(|line| line.contains("ctxt_switches"))
            .filter_map(|line| line.split_whitespace().last()?.parse::<u64>().ok())
            .sum()
    };
    of(process).into_keys().map(|id| (id, of_thread(id))).collect()
}

/// How much address space this process has, in bytes. A thread that has ended and was not joined
/// keeps its stack.
pub fn address_space() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).expect("VmSize");
    size.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

/// Waits until the thread of this name in this process waits, too.
pub fn wait_till_asleep(name: &str) {
    let is_asleep = |id: &u32| {
        let stat = fs::read_to_string(format!("/proc/self/task/{id}/stat")).unwrap_or_default();
        // The name, in parentheses, may have any signs in it; the state follows.
        stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('S'))
    };
    while !of("self").iter().any(|(id, other)| other == name && is_asleep(id)) {
        std::thread::yield_now();
    }
}
