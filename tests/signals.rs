//! Signals (O1) and exit codes (O2), in child processes: both are the process's.

// The children's `main` is spelt out here, and they look at themselves.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

mod common;

use std::io::{ErrorKind as IoErrorKind, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::scenario::{self, Child, Ended};
use rungroup::testing::{Script, Tester};
use rungroup::{
    Config, ConfigError, ConfigErrors, ErrorKind, FlagSet, Group, Signals, StopReason, Unit,
    pre_run_fn,
};
use rustix::process::Signal;

const STOPPING: [Signal; 3] = [Signal::INT, Signal::TERM, Signal::QUIT];

/// For a child that has to take the first signal before the second is sent.
const TAKEN: &str = "taken";

fn group() -> Group {
    Group::new("demo").args(["demo"])
}

/// Says when the group's end has begun: a signal was taken by then.
fn say_when_taken(group: &Group) {
    let handle = group.handle();
    std::thread::spawn(move || {
        handle.stopped().wait();
        scenario::say(TAKEN);
    });
}

fn serving() -> Script {
    Script::new("server").serve(|ctx| {
        scenario::say("serving");
        ctx.stopped().wait();
        Ok(())
    })
}

/// A service that nothing stops.
fn stuck() -> Script {
    Script::new("stuck-for-a-longer-name").serve(|_ctx| {
        scenario::say("serving");
        loop {
            std::thread::park();
        }
    })
}

#[track_caller]
fn run(scenario: &str) -> Ended {
    Child::start(scenario).end()
}

// ---- the first signal ----

#[test]
fn o1_int_term_and_quit_stop_the_group_gracefully() {
    for signal in STOPPING {
        let mut child = Child::start("child_serves");
        child.wait_for("serving");
        child.signal(signal);
        let ended = child.end();
        assert_eq!(ended.code, Some(0), "{signal:?}: {ended:?}");
        let name = signal_hook::low_level::signal_name(signal.as_raw()).unwrap();
        assert!(ended.stderr.contains(&format!("cleaned up after {name}")), "{ended:?}");
    }
}

#[test]
#[ignore = "a child of o1_int_term_and_quit_stop_the_group_gracefully"]
fn child_serves() {
    if !scenario::is_asked() {
        return;
    }
    let mut group = group();
    group.register(Signals::new());
    let handle = group.handle();
    group.register(serving().post_run(move || {
        eprintln!("cleaned up after {}", handle.stopped().reason().unwrap());
        Ok(())
    }));
    scenario::exit(group.main());
}

#[test]
fn o1_a_signal_during_pre_run_ends_the_run_without_serving() {
    for signal in STOPPING {
        let mut child = Child::start("child_pre_runs");
        child.wait_for("pre-running");
        child.signal(signal);
        let ended = child.end();
        assert_eq!(ended.code, Some(0), "{signal:?}: {ended:?}");
        assert!(ended.stderr.contains("told in pre-run"), "{ended:?}");
        assert!(ended.stderr.contains("cleaned up"), "{ended:?}");
        assert!(!ended.stderr.contains("came too far"), "{ended:?}");
    }
}

#[test]
#[ignore = "a child of o1_a_signal_during_pre_run_ends_the_run_without_serving"]
fn child_pre_runs() {
    if !scenario::is_asked() {
        return;
    }
    let mut group = group();
    group.register(Signals::new());
    let replay = Script::new("replay")
        .pre_run(|ctx| {
            scenario::say("pre-running");
            ctx.stopped().wait();
            eprintln!("told in pre-run");
            Ok(())
        })
        .serve(|_ctx| {
            eprintln!("came too far: serve");
            Ok(())
        })
        .post_run(|| {
            eprintln!("cleaned up");
            Ok(())
        });
    group.register(replay);
    group.register(pre_run_fn("next", |_ctx| {
        eprintln!("came too far: the next pre-run");
        Ok(())
    }));
    scenario::exit(group.main());
}

// ---- the second ----

#[test]
fn o1_the_second_signal_ends_the_process_and_says_what_still_runs() {
    for (first, second) in
        [(Signal::INT, Signal::INT), (Signal::TERM, Signal::QUIT), (Signal::QUIT, Signal::TERM)]
    {
        let mut child = Child::start("child_is_stuck");
        child.wait_for("serving");
        child.signal(first);
        child.wait_for(TAKEN);
        child.signal(second);
        let ended = child.end();
        assert_eq!(ended.code, Some(128 + second.as_raw()), "{ended:?}");
        let stderr = &ended.stderr;
        let name = signal_hook::low_level::signal_name(second.as_raw()).unwrap();
        assert!(stderr.contains(&format!("demo: {name} again, ending at once")), "{stderr}");
        assert!(stderr.contains("unit 'stuck-for-a-longer-name' is still stopping"), "{stderr}");
        assert!(stderr.contains("thread 'stuck-for-a-longer-name' (id "), "{stderr}");
        assert!(!stderr.contains("'good'"), "that one has stopped: {stderr}");
        assert!(!stderr.contains("cleaned up"), "at once: {stderr}");
    }
}

#[test]
#[ignore = "a child of o1_the_second_signal_ends_the_process_and_says_what_still_runs"]
fn child_is_stuck() {
    if !scenario::is_asked() {
        return;
    }
    let mut group = group();
    group.register(Signals::new());
    // It has stopped by the time that the child says that the signal was taken.
    group.register(Script::new("good"));
    group.register(stuck().post_run(|| {
        eprintln!("cleaned up");
        Ok(())
    }));
    let events = group.handle().events(64);
    std::thread::spawn(move || {
        let good =
            |event| matches!(event, rungroup::Event::Stopped { unit, .. } if &*unit == "good");
        assert!(events.iter().any(good));
        scenario::say(TAKEN);
    });
    scenario::exit(group.main());
}

#[test]
fn o1_the_second_signal_ends_a_pre_run_that_does_not_listen() {
    let mut child = Child::start("child_pre_runs_deaf");
    child.wait_for("pre-running");
    child.signal(Signal::INT);
    child.wait_for(TAKEN);
    child.signal(Signal::INT);
    let ended = child.end();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(ended.stderr.contains("unit 'deaf' is still in pre_run"), "{ended:?}");
}

#[test]
#[ignore = "a child of o1_the_second_signal_ends_a_pre_run_that_does_not_listen"]
fn child_pre_runs_deaf() {
    if !scenario::is_asked() {
        return;
    }
    let mut group = group();
    group.register(Signals::new());
    group.register(pre_run_fn("deaf", |_ctx| {
        scenario::say("pre-running");
        loop {
            std::thread::park();
        }
    }));
    say_when_taken(&group);
    scenario::exit(group.main());
}

/// Last words have a limit: a terminal that has gone away or is halted cannot hold the end.
#[test]
fn o1_a_stderr_that_nobody_reads_does_not_hold_the_second_signal() {
    let (mut full, unread) = UnixStream::pair().unwrap();
    full.set_nonblocking(true).unwrap();
    loop {
        match full.write(&[0; 4096]) {
            Ok(_) => {}
            Err(error) if error.kind() == IoErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    full.set_nonblocking(false).unwrap();
    let stderr = Stdio::from(OwnedFd::from(full));
    let mut child = Child::start_with("child_is_stuck", |command| {
        command.stderr(stderr);
    });
    child.wait_for("serving");
    child.signal(Signal::TERM);
    child.wait_for(TAKEN);
    let began = Instant::now();
    child.signal(Signal::TERM);
    let ended = child.end();
    assert_eq!(ended.code, Some(143), "{ended:?}");
    assert!(began.elapsed() < Duration::from_secs(5), "100 ms and a little: {:?}", began.elapsed());
    drop(unread);
}

/// The first signal is the first, even if the end was asked for before.
#[test]
fn o1_a_signal_after_a_request_does_not_end_the_process() {
    let mut child = Child::start_with("child_is_asked_first", |_command| {});
    child.wait_for(TAKEN);
    child.signal(Signal::TERM);
    let ended = child.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("requested: enough"), "{ended:?}");
}

#[test]
#[ignore = "a child of o1_a_signal_after_a_request_does_not_end_the_process"]
fn child_is_asked_first() {
    if !scenario::is_asked() {
        return;
    }
    let mut group = group();
    group.register(Signals::new());
    group.register(Script::new("server").serve(|ctx| {
        // Behind the library's: when it comes here, the library has taken it. The run must not end before.
        let mut taken = signal_hook::iterator::Signals::new([signal_hook::consts::SIGTERM])?;
        ctx.handle().stop("enough");
        scenario::say(TAKEN);
        taken.forever().next();
        Ok(())
    }));
    scenario::exit(group.main_with(|report| eprintln!("{report}")));
}

// ---- without, and afterwards ----

#[test]
fn o1_a_group_without_signals_touches_none() {
    let mut child = Child::start("child_without_signals");
    child.wait_for("serving");
    child.signal(Signal::TERM);
    let ended = child.end();
    assert_eq!(ended.signal, Some(15), "{ended:?}");
}

#[test]
#[ignore = "a child of o1_a_group_without_signals_touches_none"]
fn child_without_signals() {
    if !scenario::is_asked() {
        return;
    }
    let before = dispositions();
    let mut group = group();
    group.register(Script::new("server").serve(move |ctx| {
        assert_eq!(dispositions(), before);
        scenario::say("serving");
        ctx.stopped().wait();
        Ok(())
    }));
    scenario::exit(group.main());
}

/// Which signals are blocked, ignored and caught, as the kernel sees it.
fn dispositions() -> Vec<String> {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let lines = status.lines().filter(|line| line.starts_with("Sig") && !line.starts_with("SigQ"));
    lines.map(str::to_owned).collect()
}

#[test]
fn o1_after_the_run_the_signals_kill_again() {
    for signal in STOPPING {
        let mut child = Child::start("child_has_run");
        child.wait_for("over");
        child.signal(signal);
        let ended = child.end();
        assert_eq!(ended.signal, Some(signal.as_raw()), "{ended:?}");
    }
}

#[test]
#[ignore = "a child of o1_after_the_run_the_signals_kill_again"]
fn child_has_run() {
    if !scenario::is_asked() {
        return;
    }
    let mut group = group();
    group.register(Signals::new());
    group.register(Script::new("server"));
    Tester::start(group).stop().unwrap();
    scenario::say("over");
    loop {
        std::thread::park();
    }
}

#[test]
fn o1_a_later_run_has_the_signals_again() {
    let ended = run("child_runs_twice");
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
#[ignore = "a child of o1_a_later_run_has_the_signals_again"]
fn child_runs_twice() {
    if !scenario::is_asked() {
        return;
    }
    for signal in STOPPING {
        let mut group = group();
        group.register(Signals::new());
        group.register(Script::new("server").serve(move |ctx| {
            signal_hook::low_level::raise(signal.as_raw())?;
            ctx.stopped().wait();
            Ok(())
        }));
        let report = group.run().unwrap();
        assert_eq!(report.reason(), &StopReason::Signal(signal.as_raw()));
    }
}

#[test]
fn o1_a_second_signals_unit_in_the_process_is_an_error_and_harms_nobody() {
    let mut child = Child::start("child_has_two_groups");
    child.wait_for("refused");
    child.signal(Signal::TERM);
    let ended = child.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
#[ignore = "a child of o1_a_second_signals_unit_in_the_process_is_an_error_and_harms_nobody"]
fn child_has_two_groups() {
    if !scenario::is_asked() {
        return;
    }
    let mut first = group();
    first.register(Signals::new());
    first.register(Script::new("server").serve(|ctx| {
        let mut second = group();
        second.register(Signals::new());
        second.register(Script::new("other"));
        let error = second.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PreRun);
        let text = error.to_string();
        assert!(
            text.starts_with("unit 'signals': pre_run failed: the signals are taken"),
            "{text}"
        );
        scenario::say("refused");
        ctx.stopped().wait();
        Ok(())
    }));
    let report = first.run().unwrap();
    assert_eq!(report.reason(), &StopReason::Signal(15));
}

/// Two in one group are a definition error before anything runs.
#[test]
fn o1_two_signals_units_in_one_group_are_refused() {
    let mut group = group();
    group.register(Signals::new());
    group.register(Signals::new());
    let error = group.run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Definition);
    assert!(error.to_string().contains("'signals'"), "{error}");
}

/// The first to come and the last to leave: a clean-up that hangs can still be ended.
#[test]
fn o1_signals_are_there_for_the_clean_up_too() {
    let mut child = Child::start("child_cleans_up");
    child.wait_for("cleaning");
    child.signal(Signal::TERM);
    let ended = child.end();
    // The program's own handler says that the first was delivered, not that it was taken: the next may
    // be taken before it, or with it.
    assert!(matches!(ended.code, Some(130 | 143)), "{ended:?}");
}

#[test]
#[ignore = "a child of o1_signals_are_there_for_the_clean_up_too"]
fn child_cleans_up() {
    if !scenario::is_asked() {
        return;
    }
    // A handler of the program's own is called beside the library's, and before it.
    let seen = std::sync::Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(Signal::TERM.as_raw(), seen.clone()).unwrap();
    let mut group = group();
    group.register(Signals::new());
    group.register(Script::new("server").finish().post_run(move || {
        scenario::say("cleaning");
        while !seen.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        loop {
            // Somebody is impatient.
            signal_hook::low_level::raise(Signal::INT.as_raw()).unwrap();
            std::thread::sleep(Duration::from_millis(5));
        }
    }));
    scenario::exit(group.main());
}

// ---- exit codes ----

/// One scenario, told by its arguments and environment what kind of end it is to come to.
#[test]
fn o2_the_exit_code_says_how_it_ended() {
    for (end, code, stderr) in [
        ("asked", 0, ""),
        ("clean exit of a service", 0, ""),
        ("help", 0, ""),
        ("version", 0, ""),
        ("error of a service", 1, "error: unit 'server': serve failed: no route to host"),
        ("panic of a service", 1, "error: unit 'server': serve panicked: no route to host"),
        ("error of a pre-run", 1, "error: unit 'broken': pre_run failed: the disk is full"),
        ("not in time", 1, "error: unit 'stuck' did not stop in "),
        ("two of one name", 1, "error: two units are named 'server'"),
        ("unknown flag", 2, "error: unknown flag '--lsten'"),
        ("refused settings", 2, "error: unit 'picky': not like this"),
    ] {
        let mut child = Child::start_with("child_ends", |command| {
            command.env("END", end);
        });
        child.wait_for("begins");
        let ended = child.end();
        assert_eq!(ended.code, Some(code), "{end}: {ended:?}");
        assert!(ended.stderr.contains(stderr), "{end}: {ended:?}");
        if stderr.is_empty() {
            assert!(!ended.stderr.contains("error"), "{end}: {ended:?}");
        }
    }
}

#[test]
#[ignore = "a child of o2_the_exit_code_says_how_it_ended"]
fn child_ends() {
    if !scenario::is_asked() {
        return;
    }
    let end = std::env::var("END").unwrap();
    scenario::say("begins");
    let args: &[&str] = match &*end {
        "help" => &["demo", "--help"],
        "version" => &["demo", "--version"],
        "unknown flag" => &["demo", "--lsten=1"],
        _ => &["demo"],
    };
    let mut group =
        Group::new("demo").version("1.0.0").args(args).stop_timeout(Duration::from_millis(50));
    let how = end.clone();
    group.register(Script::new("server").serve(move |ctx| {
        ctx.handle().wait_till_ready()?;
        match &*how {
            "error of a service" => Err("no route to host".into()),
            "panic of a service" => panic!("no route to host"),
            "asked" => {
                ctx.handle().stop("enough");
                ctx.stopped().wait();
                Ok(())
            }
            _ => Ok(()),
        }
    }));
    match &*end {
        "error of a pre-run" => {
            group.register(pre_run_fn("broken", |_ctx| Err("the disk is full".into())));
        }
        "not in time" => {
            group.register(Script::new("stuck").serve(|_ctx| {
                loop {
                    std::thread::park();
                }
            }));
        }
        "two of one name" => {
            group.register(Script::new("server"));
        }
        "refused settings" => {
            group.register(Picky);
        }
        _ => {}
    }
    scenario::exit(group.main());
}

struct Picky;

impl Unit for Picky {
    fn name(&self) -> &'static str {
        "picky"
    }

    fn as_config(&self) -> Option<&dyn Config> {
        Some(self)
    }
}

impl Config for Picky {
    fn flag_set(&self) -> FlagSet {
        FlagSet::new("Picky")
    }

    fn validate(&self) -> Result<(), ConfigErrors> {
        Err(ConfigError::new("not like this"))?
    }
}
