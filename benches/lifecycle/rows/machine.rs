//! What this machine lets one process have: whether so many threads are possible at once.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, getrlimit};

/// Two for its stack and two for the one that signals are handled on, each with its guard.
const MAPPINGS: u64 = 4;

/// What one takes of the machine, the kernel's part included, generously.
const MEMORY: u64 = 64 * 1024;

/// Others have threads, too, and so has this process.
const OTHERS: u64 = 500;

/// What there is too little of for so many threads, if anything.
pub(crate) fn missing_for(threads: u32) -> Option<String> {
    let threads = u64::from(threads) + OTHERS;
    let limits = [
        ("kernel.threads-max", number("/proc/sys/kernel/threads-max"), threads),
        ("kernel.pid_max", number("/proc/sys/kernel/pid_max"), threads),
        ("vm.max_map_count", number("/proc/sys/vm/max_map_count"), threads * MAPPINGS),
        ("ulimit -u", getrlimit(Resource::Nproc).current, threads),
        ("pids.max", least_of_control_groups("pids", "pids.max"), threads),
        ("MemAvailable", available_memory(), threads * MEMORY),
        ("memory.max", least_of_control_groups("memory", "memory.max"), threads * MEMORY),
        (
            "memory.limit_in_bytes",
            least_of_control_groups("memory", "memory.limit_in_bytes"),
            threads * MEMORY,
        ),
    ];
    // What is not said is no limit.
    let too_low =
        |&(_, limit, needed): &(&str, Option<u64>, u64)| limit.is_some_and(|limit| limit < needed);
    limits.into_iter().find(too_low).map(|(name, limit, needed)| {
        format!("{name} is {}, and {needed} is needed", limit.unwrap_or(0))
    })
}

fn number(path: impl AsRef<Path>) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok() // `max` is no limit
}

fn available_memory() -> Option<u64> {
    let memory = fs::read_to_string("/proc/meminfo").ok()?;
    let line = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// A limit is that of the process's own control group, or of one around it. `controller` is where
/// the first version of the hierarchy has it.
fn least_of_control_groups(controller: &str, file: &str) -> Option<u64> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let limits = own.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let root = Path::new("/sys/fs/cgroup");
        let root = match controllers {
            "" => root.to_path_buf(),
            list if list.split(',').any(|name| name == controller) => root.join(list),
            _ => return None,
        };
        let own: PathBuf = root.join(path.trim_start_matches('/'));
        own.ancestors()
            .take_while(|group| group.starts_with(&root))
            .filter_map(|group| number(group.join(file)))
            .min()
    });
    limits.min()
}
