//! A group that has nothing to do: how often Linux puts one of its threads on a core within ten seconds.
//! `tests/idle.rs` holds it with other units, for a shorter time.

use std::convert::Infallible;
use std::fs;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{never, select};
use rungroup::{Group, service_fn};

use super::paired::Bench;
use super::threads::Worker;

const WHAT: &str = "context switches of an idle group, 10 s";
const QUIET: Duration = Duration::from_secs(10);

/// What those that have just said that they are ready need to fall asleep.
const SETTLE: Duration = Duration::from_millis(500);

pub(crate) fn rows(bench: &mut Bench) {
    if !bench.wants(WHAT) {
        return;
    }
    if bench.is_quick() {
        return bench.skip(WHAT, "too long for a quick run");
    }
    if switches().is_none() {
        return bench.skip(WHAT, "nothing counts them");
    }
    eprintln!("{WHAT} …");
    bench.count(WHAT, "13 services", measure(), 0);
}

/// A thread that was there before, or has gone since, is not the group's.
fn measure() -> u64 {
    let runner = Worker::new();
    let group = group();
    let handle = group.handle();
    let mut group = group;
    runner.hand(move || group.run());
    handle.wait_till_ready().expect("all serve");
    thread::sleep(SETTLE);
    let before = switches().expect("as before");
    thread::sleep(QUIET);
    let after = switches().expect("as before");
    handle.stop("enough");
    runner.result().expect("all stop well");
    after - before
}

/// Each way to wait, and some of them by several.
fn group() -> Group {
    let mut group = Group::new("bench").args(["bench"]);
    for index in 0..10 {
        group.register(service_fn(format!("service-{index}"), |ctx| {
            ctx.stopped().wait();
            Ok(())
        }));
    }
    group.register(service_fn("hourly", |ctx| {
        while ctx.sleep(Duration::from_hours(1)) {}
        Ok(())
    }));
    group.register(service_fn("select", |ctx| {
        select! {
            recv(never::<Infallible>()) -> _ => unreachable!("there is none"),
            recv(ctx.stopped().receiver()) -> _ => Ok(()),
        }
    }));
    group.register(service_fn("read", |ctx| {
        let (ours, _theirs) = UnixStream::pair()?;
        let _ = ctx.wait_readable(&ours, None)?;
        Ok(())
    }));
    group
}

/// Of all threads of this process but the one that asks.
fn switches() -> Option<u64> {
    let own = fs::read_link("/proc/thread-self").ok()?;
    let tasks = fs::read_dir("/proc/self/task").ok()?.filter_map(Result::ok);
    let others = tasks.filter(|task| Some(&*task.file_name()) != own.file_name());
    let of_one = |task: fs::DirEntry| {
        let status = fs::read_to_string(task.path().join("status")).ok()?;
        let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
        lines.map(|line| line.split_whitespace().last()?.parse::<u64>().ok()).sum::<Option<u64>>()
    };
    others.map(of_one).sum()
}
