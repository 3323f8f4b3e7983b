//! The threads of services (L4): one each, named, and what happens when the system has none left.

#![cfg(target_os = "linux")]
// A child process speaks to its parent.
#![allow(clippy::disallowed_macros)]

mod common;

use std::collections::HashSet;
use std::fs;
use std::process::Command;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, ThreadId};
use std::time::Duration;

use common::child::{child_command, is_child, run_child, stderr, stdout};
use common::{SOON, within};
use rungroup::testing::Journal;
use rungroup::{
    Bytes, ErrorKind, Group, NotReady, Outcome, Phase, ServeContext, StopReason, service_fn,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The names of the threads of this process, as the system knows them.
fn names() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    // A thread that has just ended has no name any more.
    let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).ok();
    tasks.filter_map(Result::ok).filter_map(name).map(|it| it.trim_end().to_owned()).collect()
}

// ---- names ----

#[test]
fn l4_each_service_has_a_thread_of_its_own_that_bears_its_name() {
    within(SOON, || {
        let seen: Arc<Mutex<HashSet<ThreadId>>> = Arc::default();
        let mut group = Group::new("demo").args(["demo"]);
        for name in ["l4-store", "l4-server"] {
            let seen = seen.clone();
            group.register(service_fn(name, move |ctx| {
                assert_eq!(thread::current().name(), Some(ctx.unit()));
                seen.lock().unwrap().insert(thread::current().id());
                ctx.stopped().wait();
                Ok(())
            }));
        }
        group.register(service_fn("look", |ctx| {
            ctx.handle().wait_till_ready()?;
            let names = names();
            for name in ["l4-store", "l4-server"] {
                assert_eq!(names.iter().filter(|it| *it == name).count(), 1, "{names:?}");
            }
            Ok(())
        }));
        seen.lock().unwrap().insert(thread::current().id());
        group.run().unwrap();
        assert_eq!(seen.lock().unwrap().len(), 3, "neither shared nor the caller's");
    });
}

#[test]
fn l4_instances_and_threads_of_a_unit_are_named_after_it() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        let log = journal.clone();
        let (up, is_up) = mpsc::channel();
        let pool = group.register(service_fn("l4-pool", move |ctx| {
            let name = thread::current().name().map(str::to_owned);
            assert_eq!(name, Some(format!("l4-pool#{}", ctx.instance())));
            assert_eq!(ctx.attempt(), 1);
            log.note(format!("instance {}", ctx.instance()));
            if ctx.instance() == 0 {
                let up = up.clone();
                ctx.spawn("conn", move |ctx| {
                    let _ = up.send(());
                    ctx.stopped().wait();
                })?;
            }
            ctx.stopped().wait();
            Ok(())
        }));
        pool.instances(3);
        let is_up = Mutex::new(is_up);
        group.register(service_fn("look", move |ctx| {
            ctx.handle().wait_till_ready()?;
            is_up.lock().unwrap().recv()?;
            let names = names();
            for name in ["l4-pool#0", "l4-pool#1", "l4-pool#2", "l4-pool:conn"] {
                assert!(names.iter().any(|it| it == name), "{name} is missing in {names:?}");
            }
            Ok(())
        }));
        group.run().unwrap();
        let mut entries = journal.entries();
        entries.sort();
        assert_eq!(entries, ["instance 0", "instance 1", "instance 2"]);
    });
}

#[test]
fn l4_a_long_name_is_cut_by_the_system_alone() {
    within(SOON, || {
        const NAME: &str = "a-name-longer-than-the-system-shows";
        let mut group = Group::new("demo").args(["demo"]);
        group.register(service_fn(NAME, |ctx| {
            ctx.handle().wait_till_ready()?;
            assert!(names().iter().any(|it| *it == NAME[..15]), "{:?}", names());
            let snapshot = ctx.handle().snapshot();
            let thread = &snapshot.units[0].threads[0];
            assert_eq!(thread.name, NAME);
            let comm = format!("/proc/self/task/{}/comm", thread.id.expect("it runs"));
            assert_eq!(fs::read_to_string(comm)?.trim_end(), &NAME[..15]);
            Ok(())
        }));
        group.run().unwrap();
    });
}

// ---- no thread ----

/// No system has as much memory for a stack.
const ABSURD: Bytes = Bytes::gib(1 << 30);

#[test]
fn l4_a_service_without_a_thread_fails_at_its_start_and_what_has_started_is_stopped() {
    for size in [ABSURD, Bytes::new(u64::MAX)] {
        within(SOON, move || {
            let journal = Journal::new();
            let mut group = Group::new("demo").args(["demo"]);
            let log = journal.clone();
            let first = group.register(journal.script("first").all_phases().serve(move |ctx| {
                log.note(format!("first is told: {}", ctx.stopped().wait()));
                Ok(())
            }));
            let first = first.id();
            group
                .register(journal.script("huge").all_phases())
                .after(first) // so that the first has been entered
                .stack_size(size);
            group.register(journal.script("late").all_phases()).after(first);

            let error = group.run().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Failed);
            let cause = error.cause().unwrap();
            assert_eq!((cause.unit(), cause.phase()), ("huge", Phase::Start));
            let said = "unit 'huge': start failed: cannot spawn thread 'huge': ";
            assert!(cause.to_string().starts_with(said), "{cause}");
            assert!(error.downcast_ref::<std::io::Error>().is_some(), "the system's own error");
            assert_eq!(error.failures().len(), 1);
            let report = error.report().unwrap();
            assert_eq!(report.reason(), &StopReason::UnitStopped("huge".into()));
            assert!(matches!(&report.units()[1].outcome, Some(Outcome::Failed(_))));
            assert!(error.left_behind().is_empty());
            assert!(journal.has("first is told: unit 'huge' stopped"), "{:?}", journal.entries());
            assert!(!journal.has("huge serve") && !journal.has("huge graceful_stop"));
            assert_eq!(journal.count("first graceful_stop"), 1);
            assert_eq!(journal.units("post_run"), ["late", "huge", "first"]);
            assert_eq!(group.handle().wait_till_ready(), Err(NotReady::Failed("huge".into())));
        });
    }
}

#[test]
fn l4_a_service_that_gets_fewer_threads_than_instances_fails_at_its_start() {
    const NAME: &str = "l4_a_service_that_gets_fewer_threads_than_instances_fails_at_its_start";
    if is_child(NAME) {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        let pool = journal.script("pool");
        group.register(pool).instances(16).stack_size(Bytes::gib(1));
        let error = group.run().unwrap_err();
        let cause = error.cause().unwrap();
        assert_eq!((cause.unit(), cause.phase()), ("pool", Phase::Start));
        let said = cause.to_string();
        let (_, rest) = said.split_once("cannot spawn thread 'pool#").expect(&said);
        let failed: u32 = rest.split_once('\'').unwrap().0.parse().unwrap();
        assert!((1..16).contains(&failed), "some were spawned: {said}");
        assert_eq!(error.failures().len(), 1);
        assert!(error.left_behind().is_empty());
        assert!(journal.count("pool serve") <= failed as usize, "{:?}", journal.entries());
        println!("the child is through");
        return;
    }
    within(SOON, || {
        // The child may have 8 GiB of addresses: enough for some of the stacks, not for all.
        let child = child_command(NAME);
        let mut limited = Command::new("sh");
        limited.args(["-c", "ulimit -v 8388608 && exec \"$0\" \"$@\""]).arg(child.get_program());
        limited.args(child.get_args());
        for (name, value) in child.get_envs() {
            limited.env(name, value.expect("a variable that is set"));
        }
        let output = limited.output().unwrap();
        let said = format!("{}\n{}", stdout(&output), stderr(&output));
        assert!(output.status.success() && said.contains("the child is through"), "{said}");
    });
}

// ---- the threads that call `graceful_stop` ----

/// No thread with a stack of the usual size can be spawned from here on; one of 64 KiB can.
fn leave_no_room_for_stacks() {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmSize:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    let current = Some((kib + 1024) << 10);
    setrlimit(Resource::As, Rlimit { current, maximum: getrlimit(Resource::As).maximum }).unwrap();
}

#[test]
fn l4_a_service_starts_only_where_there_is_a_thread_that_can_stop_it() {
    const NAME: &str = "l4_a_service_starts_only_where_there_is_a_thread_that_can_stop_it";
    if is_child(NAME) {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(journal.script("small").all_phases()).stack_size(Bytes::kib(64));
        leave_no_room_for_stacks();
        let error = group.run().unwrap_err();
        let cause = error.cause().unwrap();
        assert_eq!((cause.unit(), cause.phase()), ("small", Phase::Start));
        let said = "unit 'small': start failed: cannot spawn thread 'stopper-1': ";
        assert!(cause.to_string().starts_with(said), "{cause}");
        assert!(error.downcast_ref::<std::io::Error>().is_some(), "the system's own error");
        assert!(error.left_behind().is_empty());
        assert!(!journal.has("small serve") && !journal.has("small graceful_stop"));
        assert_eq!(journal.units("post_run"), ["small"]);
        println!("the child is through");
        return;
    }
    let output = within(SOON, || run_child(NAME));
    assert!(stdout(&output).contains("the child is through"), "{}", stderr(&output));
}

struct PanicsAtDrop;

impl Drop for PanicsAtDrop {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[test]
fn l8_a_callback_that_finds_no_thread_to_be_called_on_is_a_failure_and_holds_up_nothing() {
    const NAME: &str =
        "l8_a_callback_that_finds_no_thread_to_be_called_on_is_a_failure_and_holds_up_nothing";
    if is_child(NAME) {
        let mut group = Group::new("demo").args(["demo"]);
        let serve = |ctx: &ServeContext| {
            let held = PanicsAtDrop;
            ctx.on_stop(move || {
                let _held = held;
                unreachable!("there is no thread for it");
            })
            .keep();
            ctx.handle().stop("enough");
            ctx.stopped().wait();
            Ok(())
        };
        group.register(service_fn("small", serve)).stack_size(Bytes::kib(64));
        leave_no_room_for_stacks();
        let error = group.run().unwrap_err();
        let [failure] = error.failures() else { panic!("{error}") };
        let said = "unit 'small': on_stop failed: cannot spawn thread 'stopper-1': ";
        assert!(failure.to_string().starts_with(said), "{failure}");
        assert!(error.left_behind().is_empty());
        println!("the child is through");
        return;
    }
    let output = within(SOON, || run_child(NAME));
    assert!(stdout(&output).contains("the child is through"), "{}", stderr(&output));
}

#[test]
fn l10_a_callback_whose_turn_comes_with_the_deadline_and_that_finds_no_thread_is_a_failure_too() {
    const NAME: &str = "l10_a_callback_whose_turn_comes_with_the_deadline_and_that_finds_no_thread_is_a_failure_too";
    if is_child(NAME) {
        let (release, held) = mpsc::channel::<()>();
        let held = Mutex::new(held);
        let limit = Duration::from_millis(50);
        let mut group = Group::new("demo").args(["demo"]).stop_timeout(limit);
        let store = group.register(service_fn("store", |ctx| {
            ctx.on_stop(|| unreachable!("there is no thread for it")).keep();
            ctx.stopped().wait();
            Ok(())
        }));
        let store = store.stack_size(Bytes::kib(64)).id();
        let server = service_fn("server", move |ctx| {
            ctx.handle().stop("enough");
            let _ = held.lock().unwrap().recv();
            Ok(())
        });
        group.register(server).stack_size(Bytes::kib(64)).after(store);
        leave_no_room_for_stacks();
        let error = group.run().unwrap_err();
        assert!(error.left_behind().iter().any(|left| left.unit.as_deref() == Some("server")));
        let [failure] = error.failures() else { panic!("{error}") };
        assert_eq!((failure.unit(), failure.phase()), ("store", Phase::OnStop));
        drop(release);
        println!("the child is through");
        return;
    }
    let output = within(SOON, || run_child(NAME));
    assert!(stdout(&output).contains("the child is through"), "{}", stderr(&output));
}
