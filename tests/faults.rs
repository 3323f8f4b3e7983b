//! The faults of the originals that must not come back: faults 1 to 9 and 12 of the design, each with
//! the test that bears its number. What there is to say in detail is in the files of the rules;
//! faults 10 and 11 are tested where flags and sizes are.

// Threads of the test's own, and a child process that speaks to its parent; the library's places for
// both are not open to it.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

mod common;

use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use common::child::{is_child, run_child, stderr, stdout};
use common::{SOON, within};
use rungroup::testing::{Journal, Script};
use rungroup::{
    ChannelCloser, Closer, ConfigError, Configured, ErrorKind, Flag, Group, NotReady, Phase,
    Signals, StopReason, service_fn,
};

/// Runs the group while another thread waits for its readiness, from before the run.
fn readiness_of(mut group: Group) -> Result<(), NotReady> {
    let handle = group.handle();
    let waiter = thread::spawn(move || handle.wait_till_ready());
    let _ = group.run();
    waiter.join().unwrap()
}

#[test]
fn fault_1_waiting_for_readiness_hangs_after_a_failed_validate() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        let refuses = || Err(ConfigError::new("does not like it").into());
        group.register(Script::new("picky").all_phases().validate(refuses));
        assert_eq!(readiness_of(group), Err(NotReady::Failed("picky".into())));
    });
}

#[test]
fn fault_1_waiting_for_readiness_hangs_with_a_deregistered_service() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        let never = Script::new("never-ready").all_phases().declares_ready();
        let never = group.register(never).id();
        group.register(service_fn("other", move |ctx| {
            ctx.handle().deregister(never)?;
            Ok(ctx.handle().wait_till_ready()?)
        }));
        assert_eq!(readiness_of(group), Ok(()));
    });
}

#[test]
fn fault_1_a_group_is_reported_ready_after_a_panic() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        let fragile = Script::new("fragile").declares_ready();
        group.register(fragile.serve(|_| panic!("before it was ready")));
        group.register(Script::new("other").all_phases());
        assert_eq!(readiness_of(group), Err(NotReady::Failed("fragile".into())));

        let mut group = Group::new("demo").args(["demo"]);
        group.register(Script::new("fragile").all_phases().pre_run(|_| panic!("too early")));
        assert_eq!(readiness_of(group), Err(NotReady::Failed("fragile".into())));
    });
}

#[test]
fn fault_2_a_service_that_cannot_listen_makes_the_run_a_success() {
    within(SOON, || {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(service_fn("server", move |ctx| {
            let _listener = TcpListener::bind(address)?;
            ctx.stopped().wait();
            Ok(())
        }));
        let error = group.run().unwrap_err();
        assert_eq!(error.cause().unwrap().unit(), "server");
        let original = error.downcast_ref::<std::io::Error>().unwrap();
        assert_eq!(original.kind(), std::io::ErrorKind::AddrInUse);
        assert_eq!(error.to_exit("demo").code, 1);
    });
}

#[test]
fn fault_3_a_stop_reaches_a_service_before_its_serve_has_begun() {
    within(SOON, || {
        // One that waits to be started when the stop comes …
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        let asks = journal.script("asks").declares_ready().serve(|ctx| {
            ctx.handle().stop("early");
            ctx.stopped().wait();
            Ok(())
        });
        let asks = group.register(asks).id();
        group.register(journal.script("waits").all_phases()).after(asks);
        group.run().unwrap();
        assert_eq!(journal.units("graceful_stop"), ["asks"]);

        // … and threads that are just about to enter when it comes.
        for _ in 0..50 {
            let journal = Journal::new();
            let mut group = Group::new("demo").args(["demo"]);
            group.register(service_fn("short", |_| Ok(())));
            for number in 0..8 {
                group.register(journal.script(format!("{number}")));
            }
            group.run().unwrap();
            let (mut served, mut told) = (journal.units("serve"), journal.units("graceful_stop"));
            served.sort();
            told.sort();
            assert_eq!(told, served, "who was not entered is not told");
        }
    });
}

#[test]
fn fault_4_a_serve_that_says_nothing_when_it_ends_hangs_the_run() {
    within(SOON, || {
        let journal = Journal::new();
        let mut at_once = Group::new("demo").args(["demo"]);
        at_once.register(journal.script("other").all_phases());
        at_once.register(service_fn("at-once", |_| Ok(())));
        at_once.run().unwrap();

        let mut panics = Group::new("demo").args(["demo"]);
        panics.register(journal.script("other").all_phases());
        panics.register(service_fn("panics", |_| panic!("its thread is gone")));
        panics.run().unwrap_err();

        // The nearest thing to a thread that just exits: everything unwound past `serve`.
        let mut unwinds = Group::new("demo").args(["demo"]);
        unwinds.register(journal.script("other").all_phases());
        unwinds.register(service_fn("unwinds", |_| std::panic::resume_unwind(Box::new(()))));
        let error = unwinds.run().unwrap_err();
        assert_eq!(error.cause().unwrap().unit(), "unwinds");
    });
}

#[test]
fn fault_5_an_interrupt_during_the_pre_run_is_seen_after_it() {
    const NAME: &str = "fault_5_an_interrupt_during_the_pre_run_is_seen_after_it";
    if is_child(NAME) {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(Signals::new());
        group.register(journal.script("slow").all_phases().pre_run(|ctx| {
            signal_hook::low_level::raise(signal_hook::consts::SIGINT)?;
            ctx.stopped().wait(); // seen in its midst, or this never returns
            Ok(())
        }));
        group.register(journal.script("next").all_phases());
        let report = group.run().unwrap();
        assert_eq!(report.reason(), &StopReason::Signal(signal_hook::consts::SIGINT));
        assert_eq!(journal.units("pre_run"), ["slow"]);
        assert_eq!(journal.units("serve"), [""; 0]);
        assert_eq!(journal.units("post_run"), ["slow"]);
        println!("the child is through");
        return;
    }
    within(SOON, || {
        let output = run_child(NAME);
        let said = format!("{}\n{}", stdout(&output), stderr(&output));
        assert!(output.status.success() && said.contains("the child is through"), "{said}");
    });
}

#[test]
fn fault_6_validation_runs_twice_or_not_at_all() {
    within(SOON, || {
        let group_of = |journal: &Journal| {
            let mut group = Group::new("demo").args(["demo"]);
            let size = Flag::new("size", 1, "s");
            group.register(journal.script("store").without_service().flag(&size));
            group.register(journal.script("without-flags").without_service().validate(|| Ok(())));
            group
        };
        let assert_once = |journal: &Journal, how: &str| {
            let (flags, validated) = (journal.units("flag_set"), journal.units("validate"));
            assert_eq!(flags, ["store", "without-flags"], "{how}");
            assert_eq!(validated, ["store", "without-flags"], "{how}");
        };
        let journal = Journal::new();
        group_of(&journal).run().unwrap();
        assert_once(&journal, "run");

        let journal = Journal::new();
        let mut group = group_of(&journal);
        assert_eq!(group.run_config().unwrap(), Configured::Continue);
        group.run().unwrap();
        assert_once(&journal, "run_config, run");

        let journal = Journal::new();
        let mut group = group_of(&journal);
        group.register_flags().unwrap();
        group.run().unwrap();
        assert_once(&journal, "register_flags, run");

        let journal = Journal::new();
        let mut group = group_of(&journal);
        group.register_flags().unwrap();
        assert_eq!(group.run_config().unwrap(), Configured::Continue);
        group.run().unwrap();
        let _ = group.run_config();
        let _ = group.run();
        assert_once(&journal, "register_flags, run_config, run, run_config, run");
    });
}

#[test]
fn fault_7_stops_run_one_after_another() {
    within(SOON, || {
        const UNITS: usize = 5;
        // No stop returns before all are under way: one after another they never would be.
        let all = Arc::new(Barrier::new(UNITS));
        let mut group = Group::new("demo").args(["demo"]);
        for number in 0..UNITS {
            let all = all.clone();
            let unit = Script::new(format!("unit-{number}")).all_phases();
            group.register(unit.graceful_stop(move || {
                all.wait();
                Ok(())
            }));
        }
        group.register(service_fn("end", |ctx| Ok(ctx.handle().wait_till_ready()?)));
        group.run().unwrap();
    });
}

#[test]
fn fault_7_a_stuck_stop_keeps_the_others_from_being_told_and_has_no_deadline() {
    within(SOON, || {
        let journal = Journal::new();
        let (release, held) = mpsc::channel::<()>();
        let held = Mutex::new(held);
        let mut group = Group::new("demo").args(["demo"]).stop_timeout(Duration::from_millis(200));
        let stuck = journal.script("stuck");
        group.register(stuck.graceful_stop(move || {
            let _ = held.lock().unwrap().recv(); // until the test lets go
            Ok(())
        }));
        for name in ["a", "b", "c"] {
            group.register(journal.script(name).all_phases());
        }
        group.register(service_fn("end", |ctx| Ok(ctx.handle().wait_till_ready()?)));
        let error = group.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotStopped);
        let [left] = error.left_behind() else { panic!("{:?}", error.left_behind()) };
        assert_eq!((left.unit.as_deref(), left.phase), (Some("stuck"), Phase::GracefulStop));
        let mut told = journal.units("graceful_stop");
        told.sort();
        assert_eq!(told, ["a", "b", "c", "stuck"]);
        for unit in error.report().unwrap().units() {
            assert!(unit.path.as_ref() == "stuck" || !unit.late, "{} was kept waiting", unit.path);
        }
        drop(release);
    });
}

#[test]
fn fault_8_the_second_of_two_flags_of_one_name_is_dropped() {
    within(SOON, || {
        let journal = Journal::new();
        let (one, two) = (Flag::new("size", 1, "s"), Flag::new("size", 2, "s"));
        let mut group = Group::new("demo").args(["demo", "--size=3"]);
        group.register(journal.script("store").without_service().flag(&one));
        group.register(journal.script("cache").without_service().flag(&two));
        let error = group.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Definition);
        for culprit in ["size", "store", "cache"] {
            assert!(error.to_string().contains(culprit), "{error}");
        }
        assert_eq!((*one.get(), *two.get()), (1, 2), "neither was set");
        assert_eq!(journal.units("validate"), [""; 0]);
    });
}

#[test]
fn fault_9_closers_lose_items_and_panic_when_they_are_closed_or_left_twice() {
    within(SOON, || {
        // More in `closer`, `channel_closer` and `channel_group_closer`.
        let closer = ChannelCloser::new();
        let (sending, receiving) = (closer.add_sender().unwrap(), closer.add_receiver().unwrap());
        closer.close();
        closer.close();
        assert!(closer.closing().is_closed(), "senders are told first, …");
        assert!(!closer.close_notify().is_closed(), "… receivers when the last sender has left");
        assert!(closer.add_sender().is_none(), "no add once the close was announced");
        sending.done(); // consumes the guard: there is no second "done" to panic
        assert!(closer.close_notify().is_closed());
        receiving.done();
        closer.close_then_wait();

        let closer = Closer::new();
        closer.close_then_wait();
        closer.close_then_wait();
        assert!(closer.add_running().is_none());
    });
}

#[test]
fn fault_12_the_library_ends_the_process_and_skips_the_callers_clean_up() {
    const NAME: &str = "fault_12_the_library_ends_the_process_and_skips_the_callers_clean_up";
    struct CleanUp(&'static str);
    impl Drop for CleanUp {
        fn drop(&mut self) {
            println!("cleaned up behind {}", self.0);
        }
    }
    type Case = (&'static str, ExitCode, fn(&mut Group));
    let cases: [Case; 6] = [
        ("a clean end", ExitCode::SUCCESS, |group| {
            group.register(service_fn("short", |_| Ok(())));
        }),
        ("a definition error", ExitCode::from(1), |group| {
            group.register(service_fn("", |_| Ok(())));
        }),
        ("refused settings", ExitCode::from(2), |group| {
            let refuses = || Err(ConfigError::new("no").into());
            group.register(Script::new("picky").without_service().validate(refuses));
        }),
        ("a failed pre-run", ExitCode::from(1), |group| {
            group.register(Script::new("early").without_service().pre_run(|_| Err("no".into())));
        }),
        ("a failed service", ExitCode::from(1), |group| {
            group.register(service_fn("broken", |_| Err("no".into())));
        }),
        ("a panic", ExitCode::from(1), |group| {
            group.register(service_fn("fragile", |_| panic!("no")));
        }),
    ];
    if is_child(NAME) {
        for (what, code, set_up) in cases {
            let _clean_up = CleanUp(what);
            let mut group = Group::new("demo").args(["demo"]);
            set_up(&mut group);
            assert_eq!(group.main(), code, "{what}");
        }
        println!("the child is through");
        return;
    }
    within(SOON, move || {
        let output = run_child(NAME);
        let (out, err) = (stdout(&output), stderr(&output));
        assert!(output.status.success() && out.contains("the child is through"), "{out}\n{err}");
        for (what, ..) in cases {
            assert!(out.contains(&format!("cleaned up behind {what}")), "{what}:\n{out}");
        }
    });
}
