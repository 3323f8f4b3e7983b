//! Idle means idle (L16): while nothing happens, nothing wakes.

// The parent passes the time in which nothing is to happen.
#![allow(clippy::disallowed_methods)]
#![cfg(all(feature = "env_logger", feature = "net"))]

mod common;

use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use common::scenario::{self, Child};
use common::tasks;
use rungroup::testing::Script;
use rungroup::{Group, Logging, Signals};
use rustix::process::Signal;

/// For how long nothing is to happen. A thread that polled would do so more often.
const QUIET: Duration = Duration::from_secs(3);

#[test]
fn l16_an_idle_group_causes_no_context_switch() {
    let mut child = Child::start("child_idle");
    child.wait_for("ready");
    // The last threads are still on their way into their waits, and those of the start leave.
    thread::sleep(Duration::from_millis(500));

    let before = tasks::context_switches(child.id());
    thread::sleep(QUIET);
    let after = tasks::context_switches(child.id());

    let names = tasks::of(child.id());
    assert!(names.len() >= 12, "all of them are there: {names:?}");
    assert_eq!(before, after, "of {names:?}");

    child.signal(Signal::TERM);
    assert_eq!(child.end().code, Some(0));
}

#[test]
#[ignore = "a child of l16_an_idle_group_causes_no_context_switch"]
fn child_idle() {
    if !scenario::is_asked() {
        return;
    }
    let mut group = Group::new("demo").args(["demo", "--log-level=debug"]);
    group.register(Signals::new());
    group.register(Logging::new());
    group.register(Script::new("helped").pre_run(|ctx| {
        let stopped = ctx.stopped().clone();
        ctx.spawn_helper("helper", move || {
            stopped.wait();
        })?;
        Ok(())
    }));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    group.register(Script::new("accept").serve(move |ctx| {
        while ctx.accept(&listener)?.is_some() {}
        Ok(())
    }));
    group.register(Script::new("select").serve(|ctx| {
        let (_jobs, todo) = crossbeam_channel::bounded::<()>(1);
        crossbeam_channel::select! {
            recv(todo) -> _ => {}
            recv(ctx.stopped().receiver()) -> _ => {}
        }
        Ok(())
    }));
    group.register(Script::new("hourly").serve(|ctx| {
        while ctx.sleep(Duration::from_hours(1)) {}
        Ok(())
    }));
    group.register(Script::new("read").serve(|ctx| {
        let (ours, _theirs) = UnixStream::pair()?;
        let _ = ctx.wait_readable(&ours, None)?;
        Ok(())
    }));
    group.register(Script::new("pool")).instances(3).stop_timeout(Duration::from_secs(1));
    group.register(Script::new("task").finish()).task();
    group.register(Script::new("parent").serve(|ctx| {
        ctx.spawn("worker", |ctx| {
            ctx.stopped().wait();
        })?;
        ctx.stopped().wait();
        Ok(())
    }));
    let handle = group.handle();
    thread::spawn(move || {
        handle.wait_till_ready().unwrap();
        scenario::say("ready");
    });
    scenario::exit(group.main());
}
