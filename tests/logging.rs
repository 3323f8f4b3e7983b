//! The `Logging` unit (O6) in child processes: there is one logger in a process, and its level comes
//! from the process's environment.

// Tests measure how long a child takes.
#![allow(clippy::disallowed_methods)]
#![cfg(feature = "env_logger")]

mod common;

use std::io::{ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{ExitCode, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use common::scenario::{self, Child, Ended};
use common::{stop_when_ready, tasks};
use rungroup::testing::Script;
use rungroup::{Flag, FlagSet, Group, Logging};

/// A line of each level that the library itself logs, where nothing fails.
const DEBUG: &str = "unit 'server' starting";
const INFO: &str = "all units ready";

/// Runs the child with these arguments, parted by spaces, and this environment.
#[track_caller]
fn run(scenario: &str, args: &str, environment: &[(&str, &str)]) -> Ended {
    Child::start_with(scenario, |command| {
        command.env("ARGS", args).envs(environment.iter().copied());
    })
    .end()
}

/// Which of the levels were logged.
fn levels(ended: &Ended) -> (bool, bool) {
    (ended.stderr.contains(INFO), ended.stderr.contains(DEBUG))
}

#[test]
fn o6_the_level_is_a_flag() {
    for (args, expected) in [
        ("", (true, false)),
        ("--log-level=debug", (true, true)),
        ("--log-level trace", (true, true)),
        ("--log-level=info", (true, false)),
        ("--log-level=warn", (false, false)),
        ("--log-level=off", (false, false)),
    ] {
        let ended = run("child_logs", args, &[]);
        assert_eq!(ended.code, Some(0), "{args}: {ended:?}");
        assert_eq!(levels(&ended), expected, "{args}: {}", ended.stderr);
    }
}

#[test]
fn o6_the_flag_goes_before_its_variable_and_both_before_rust_log() {
    let debug = ("DEMO_LOG_LEVEL", "debug");
    for (args, environment, expected) in [
        ("", &[("RUST_LOG", "debug")][..], (true, true)),
        ("", &[("RUST_LOG", "")], (true, false)),
        ("", &[("RUST_LOG", "off")], (false, false)),
        ("", &[("RUST_LOG", "other=debug")], (false, false)),
        ("", &[("RUST_LOG", "warn,rungroup=debug")], (true, true)),
        ("", &[debug], (true, true)),
        ("", &[debug, ("RUST_LOG", "off")], (true, true)),
        ("--log-level=info", &[debug, ("RUST_LOG", "off")], (true, false)),
    ] {
        let ended = run("child_logs", args, environment);
        assert_eq!(ended.code, Some(0), "{args} {environment:?}: {ended:?}");
        assert_eq!(levels(&ended), expected, "{args} {environment:?}: {}", ended.stderr);
    }
}

#[test]
fn o6_a_level_that_there_is_not_is_an_error_that_names_it() {
    for (args, environment, message) in [
        ("--log-level=loud", None, "invalid value 'loud' for '--log-level' (command line)"),
        (
            "",
            Some(("DEMO_LOG_LEVEL", "loud")),
            "invalid value 'loud' for '--log-level' (environment variable DEMO_LOG_LEVEL)",
        ),
        (
            "",
            Some(("RUST_LOG", "rungroup=loud")),
            "environment variable RUST_LOG: 'loud' is no level",
        ),
    ] {
        let ended = run("child_logs", args, environment.as_slice());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        let expected = format!("error: unit 'logging': {message}");
        assert!(ended.stderr.contains(&expected), "{expected}: {}", ended.stderr);
        assert!(!ended.stderr.contains(INFO), "nothing ran: {}", ended.stderr);
    }
}

#[test]
#[ignore = "a child of the tests of the level"]
fn child_logs() {
    if !scenario::is_asked() {
        return;
    }
    let args = std::env::var("ARGS").unwrap();
    let args = ["demo"].into_iter().chain(args.split_whitespace()).map(str::to_owned);
    let mut group = Group::new("demo").env_prefix("DEMO").args(args.collect::<Vec<_>>());
    group.register(Logging::new());
    group.register(Script::new("server"));
    stop_when_ready(&group);
    scenario::exit(group.main());
}

/// The levels at which the child has logged something under this mark.
#[cfg(feature = "config-file")]
fn marked(ended: &Ended, mark: &str) -> Vec<String> {
    let mark = format!("mark {mark} at ");
    let lines = ended.stderr.lines().filter_map(|line| line.split_once(&mark));
    lines.map(|(_, level)| level.to_owned()).collect()
}

#[cfg(feature = "config-file")]
#[test]
fn f10_o6_a_reload_raises_and_lowers_the_level_at_once() {
    let ended = run("child_reloads", "reloads --config=reloads.toml", &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(marked(&ended, "start"), ["ERROR", "WARN"]);
    assert_eq!(marked(&ended, "raised"), ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"]);
    assert_eq!(marked(&ended, "lowered"), ["ERROR"]);
    assert_eq!(marked(&ended, "off"), [""; 0]);
    assert_eq!(marked(&ended, "default"), ["ERROR", "WARN", "INFO"]);
    assert_eq!(marked(&ended, "refused"), ["ERROR", "WARN", "INFO"], "the old level stays");
    let refusal = "invalid value 'loud' for '--log-level' (reloads.toml:1)";
    assert!(ended.stderr.contains(refusal), "{}", ended.stderr);
}

#[cfg(feature = "config-file")]
#[test]
fn o6_rust_log_goes_before_the_file_also_when_that_is_read_again() {
    let environment = [("RUST_LOG", "off,logging=info")];
    let ended = run("child_reloads", "rust-log --config=rust-log.toml", &environment);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for mark in ["start", "raised", "lowered", "off", "default", "refused"] {
        assert_eq!(marked(&ended, mark), ["ERROR", "WARN", "INFO"], "{mark}");
    }
}

#[cfg(feature = "config-file")]
#[test]
fn o6_whoever_reloads_a_level_that_rust_log_goes_before_is_told() {
    let environment = [("RUST_LOG", "warn")];
    let ended = run("child_reloads", "told --config=told.toml", &environment);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let told = "RUST_LOG is set, and goes before --log-level (told.toml:1)";
    assert_eq!(ended.stderr.matches(told).count(), 3, "{}", ended.stderr);
}

#[cfg(feature = "config-file")]
#[test]
fn o6_the_command_line_and_the_variable_go_before_rust_log_and_the_file() {
    let debug = ("DEMO_LOG_LEVEL", "warn");
    for (name, args, environment) in [
        ("line", "--log-level=warn", &[("RUST_LOG", "trace")][..]),
        ("line", "--log-level=warn", &[("RUST_LOG", "trace"), ("DEMO_LOG_LEVEL", "info")]),
        ("variable", "", &[("RUST_LOG", "trace"), debug]),
    ] {
        let args = format!("{name} --config={name}.toml {args}");
        let ended = run("child_reloads", &args, environment);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        for mark in ["start", "raised", "lowered", "off", "default", "refused"] {
            assert_eq!(marked(&ended, mark), ["ERROR", "WARN"], "{args} {environment:?} {mark}");
        }
    }
}

#[cfg(feature = "config-file")]
#[test]
#[ignore = "a child of the tests of reloads"]
fn child_reloads() {
    if !scenario::is_asked() {
        return;
    }
    let args = std::env::var("ARGS").unwrap();
    let (name, args) = args.split_once(' ').unwrap();
    let dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("logging-{name}"));
    std::fs::create_dir_all(&dir).unwrap();
    std::env::set_current_dir(dir).unwrap();
    let file = format!("{name}.toml");
    std::fs::write(&file, "log-level = 'warn'").unwrap();
    let args = ["demo"].into_iter().chain(args.split_whitespace()).map(str::to_owned);
    let mut group = Group::new("demo").env_prefix("DEMO").args(args.collect::<Vec<_>>());
    group.register(Logging::new());
    group.register(Script::new("server").serve(move |ctx| {
        mark("start");
        for (level, name) in [
            ("log-level = 'trace'", "raised"),
            ("log-level = 'error'", "lowered"),
            ("log-level = 'off'", "off"),
            ("", "default"),
        ] {
            std::fs::write(&file, level)?;
            ctx.handle().reload()?;
            mark(name);
        }
        std::fs::write(&file, "log-level = 'loud'")?;
        // What counts is not in the file: then nobody reads its level, and nobody refuses it.
        if let Err(error) = ctx.handle().reload() {
            assert_eq!(error.kind(), rungroup::ErrorKind::Config);
            log::error!("{error}");
        }
        mark("refused");
        Ok(())
    }));
    scenario::exit(group.main());
}

/// Logs a line at each level, by the macros, and sees that by another way the logger lets the same
/// through.
#[cfg(feature = "config-file")]
fn mark(mark: &str) {
    for level in log::Level::iter() {
        log::log!(level, "mark {mark} at {level}");
        let metadata = log::Metadata::builder().level(level).target(module_path!()).build();
        let enabled = log::logger().enabled(&metadata);
        assert_eq!(enabled, log::log_enabled!(level), "{mark} {level}");
        if !enabled {
            let line = format_args!("mark {mark} at {level}, which is not enabled");
            let record = log::Record::builder().metadata(metadata).args(line).build();
            log::logger().log(&record);
        }
    }
}

#[test]
fn o6_what_fails_is_logged_with_its_unit() {
    let ended = run("child_fails", "", &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let lines: Vec<&str> =
        ended.stderr.lines().filter(|line| line.contains(" rungroup]")).collect();
    let failed = lines.iter().find(|line| line.contains("serve failed: no route to host"));
    assert!(failed.is_some_and(|line| line.contains("ERROR")), "{}", ended.stderr);
    assert!(failed.is_some_and(|line| line.contains("unit 'server'")), "{}", ended.stderr);
}

#[test]
#[ignore = "a child of o6_what_fails_is_logged_with_its_unit"]
fn child_fails() {
    if !scenario::is_asked() {
        return;
    }
    let mut group = Group::new("demo").args(["demo"]);
    group.register(Logging::new());
    group.register(Script::new("server").fail("no route to host"));
    scenario::exit(group.main());
}

/// What is kept for the log is written while later pre-runs still take their time.
#[test]
fn v1_a_slow_pre_run_does_not_hold_the_warnings_of_the_config_phase() {
    let mut child = Child::start_with("child_is_slow", |command| {
        command.stdin(Stdio::piped());
    });
    child.wait_for_stderr("group 'empty' has no units");
    child.tell("go on");
    assert_eq!(child.end().code, Some(0));
}

#[test]
#[ignore = "a child of v1_a_slow_pre_run_does_not_hold_the_warnings_of_the_config_phase"]
fn child_is_slow() {
    if !scenario::is_asked() {
        return;
    }
    let mut group = Group::new("demo").args(["demo"]);
    group.register(Group::new("empty"));
    group.register(Logging::new());
    group.register(Script::new("slow").without_service().pre_run(|_ctx| {
        scenario::listen();
        Ok(())
    }));
    scenario::exit(group.main());
}

/// What is known before `Logging` has set up the log is logged as soon as it has, in its order.
#[test]
fn v1_the_warnings_of_the_config_phase_are_in_the_log() {
    let warnings = [
        "flag '--max' (command line) is deprecated: use --max-conns",
        "group 'empty' has no units",
        "unit 'idle' takes part in no phase",
    ];
    for (args, warned, code) in [
        ("--max=3", true, 0),
        ("--max=3 --fail", true, 1),
        ("--max=3 --log-level=trace", true, 0),
        ("--max=3 --log-level=error", false, 0),
    ] {
        let ended = run("child_has_warnings", args, &[]);
        assert_eq!(ended.code, Some(code), "{args}: {ended:?}");
        let mut rest = &*ended.stderr;
        for warning in warnings {
            let count = ended.stderr.matches(warning).count();
            assert_eq!(count, usize::from(warned), "{args} {warning}: {}", ended.stderr);
            if warned {
                rest = rest.split_once(warning).expect("in this order").1;
            }
        }
        let served = rest.split_once("stopping: unit 'store' stopped");
        assert_eq!(served.is_some(), warned && code == 0, "{args}: {}", ended.stderr);
    }
}

#[test]
#[ignore = "a child of v1_the_warnings_of_the_config_phase_are_in_the_log"]
fn child_has_warnings() {
    if !scenario::is_asked() {
        return;
    }
    let args = std::env::var("ARGS").unwrap();
    let args = ["demo"].into_iter().chain(args.split_whitespace()).map(str::to_owned);
    let max = Flag::<u32>::new("max", 0, "how many").deprecated("use --max-conns");
    let fail = Flag::<bool>::new("fail", false, "fail before anything serves");
    let flags = FlagSet::new("Store").add(&max).add(&fail);
    let mut group = Group::new("demo").args(args.collect::<Vec<_>>());
    group.register(Script::new("first").pre_run(|_ctx| Ok(())));
    group.register(Group::new("empty"));
    group.register(Script::new("idle").without_service());
    group.register(Logging::new());
    group.register(Script::new("store").finish().flags(move || flags.clone()).pre_run(
        move |_ctx| {
            if *fail.get() { Err("it is said to".into()) } else { Ok(()) }
        },
    ));
    scenario::exit(group.main());
}

#[test]
fn o6_a_second_logging_in_the_process_takes_the_logger_of_the_first_with_its_own_level() {
    for (environment, expected) in [
        // Each as `levels` has it.
        (&[][..], [(false, false), (true, true), (true, false)]),
        (&[("RUST_LOG", "debug")][..], [(false, false), (true, true), (true, true)]),
    ] {
        let ended = run("child_logs_three_times", "", environment);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let runs: Vec<&str> = ended.stderr.split("the next run\n").collect();
        let found: Vec<_> =
            runs.iter().map(|run| (run.contains(INFO), run.contains(DEBUG))).collect();
        assert_eq!(found, expected, "{environment:?}: {}", ended.stderr);
    }
}

#[test]
#[ignore = "a child of o6_a_second_logging_in_the_process_takes_the_logger_of_the_first_…"]
fn child_logs_three_times() {
    if !scenario::is_asked() {
        return;
    }
    for args in [&["demo", "--log-level=off"][..], &["demo", "--log-level=debug"], &["demo"]] {
        let mut group = Group::new("demo").args(args);
        group.register(Logging::new());
        group.register(Script::new("server"));
        stop_when_ready(&group);
        group.run().unwrap();
        std::io::stderr().write_all(b"the next run\n").unwrap();
    }
    scenario::exit(ExitCode::SUCCESS);
}

#[test]
fn o6_a_logger_of_somebody_elses_is_an_error_that_says_what_to_do() {
    let ended = run("child_has_another_logger", "", &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let error = "error: unit 'logging': pre_run failed: another logger is set up already: leave \
                 `Logging` out";
    assert!(ended.stderr.contains(error), "{}", ended.stderr);
}

#[test]
#[ignore = "a child of o6_a_logger_of_somebody_elses_is_an_error_that_says_what_to_do"]
fn child_has_another_logger() {
    if !scenario::is_asked() {
        return;
    }
    log::set_logger(&RECORDS).unwrap();
    let mut group = Group::new("demo").args(["demo"]);
    group.register(Logging::new());
    group.register(Script::new("server").finish());
    scenario::exit(group.main());
}

/// Any logger will do, and it is told of events under a name that stays (V1).
#[test]
fn v1_events_are_logged_with_their_unit_as_a_key() {
    let ended = run("child_has_a_logger_of_its_own", "", &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
#[ignore = "a child of v1_events_are_logged_with_their_unit_as_a_key"]
fn child_has_a_logger_of_its_own() {
    if !scenario::is_asked() {
        return;
    }
    log::set_logger(&RECORDS).unwrap();
    log::set_max_level(log::LevelFilter::Debug);
    let mut group = Group::new("demo").args(["demo"]);
    group.register(Script::new("server").fail("no route to host"));
    let events = group.handle().events(64);
    group.run().unwrap_err();

    // All has been written when the run has returned, in the order in which it happened.
    let expected: Vec<String> = events
        .iter()
        .map(|event| {
            let unit = event.unit().unwrap_or_default();
            format!("{} rungroup unit={unit} {event}", event.level())
        })
        .collect();
    assert_eq!(*RECORDS.0.lock().unwrap(), expected);
    assert!(expected.iter().any(|line| line.starts_with("ERROR rungroup unit=server ")));
}

/// A logger that keeps what it is given.
struct Records(Mutex<Vec<String>>);

static RECORDS: Records = Records(Mutex::new(Vec::new()));

impl log::Log for Records {
    fn enabled(&self, _metadata: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let unit = record.key_values().get("unit".into()).unwrap_or_else(|| "none".into());
        let line = format!("{} {} unit={unit} {}", record.level(), record.target(), record.args());
        self.0.lock().unwrap().push(line);
    }

    fn flush(&self) {}
}

/// The thread that writes the log is there only when there is something to log (V1).
#[test]
fn v1_without_logging_there_is_no_thread_for_it() {
    let ended = run("child_has_no_log", "", &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
#[ignore = "a child of v1_without_logging_there_is_no_thread_for_it"]
fn child_has_no_log() {
    if !scenario::is_asked() {
        return;
    }
    for (level, expected) in [(log::LevelFilter::Off, 0), (log::LevelFilter::Debug, 1)] {
        log::set_max_level(level);
        let mut group = Group::new("demo").args(["demo"]);
        group.register(Script::new("server").serve(move |ctx| {
            ctx.handle().wait_till_ready()?;
            // It takes its name by itself, when it has come to run.
            let logs = || tasks::of("self").into_values().filter(|it| it == "rungroup-log").count();
            while logs() < expected {
                std::thread::yield_now();
            }
            assert_eq!(logs(), expected);
            Ok(())
        }));
        group.run().unwrap();
    }
}

/// The log is written by a thread of its own: a stderr that takes nothing stops that thread, and
/// nobody else (V1).
#[test]
fn v1_a_stuck_stderr_cannot_hold_a_stop() {
    let mut child = Child::start_with("child_logs_into_the_void", |command| {
        command.stderr(full());
    });
    child.wait_for("stopped");
    child.wait_for("in time");
    let _ = child.end();
}

/// A stream whose other end is there and reads nothing, and that has no room left.
fn full() -> Stdio {
    let (mut full, unread) = UnixStream::pair().unwrap();
    full.set_nonblocking(true).unwrap();
    loop {
        match full.write(&[0; 4096]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    full.set_nonblocking(false).unwrap();
    std::mem::forget(unread); // until the test process ends
    Stdio::from(OwnedFd::from(full))
}

#[test]
#[ignore = "a child of v1_a_stuck_stderr_cannot_hold_a_stop"]
fn child_logs_into_the_void() {
    if !scenario::is_asked() {
        return;
    }
    let mut group = Group::new("demo").args(["demo", "--log-level=debug"]);
    group.register(Logging::new());
    group.register(Script::new("server").post_run(|| {
        scenario::say("stopped");
        Ok(())
    }));
    stop_when_ready(&group);
    let began = Instant::now();
    let result = group.run();
    // The run waits a second for the log to drain, and lists the thread that is stuck in it.
    let report = match &result {
        Ok(report) => report,
        Err(error) => error.report().unwrap(),
    };
    let log = report.left_behind().iter().find(|left| left.thread.name == "rungroup-log");
    if log.is_some() && report.left_behind().len() == 1 && began.elapsed() < Duration::from_secs(10)
    {
        scenario::say("in time");
    } else {
        scenario::say(&format!("{result:?}"));
    }
}

/// And a program that hands over its `main` ends, too, although it has something to say.
#[test]
fn v1_a_stuck_stderr_cannot_hold_the_end_of_the_process() {
    let mut child = Child::start_with("child_logs_into_the_void_to_the_end", |command| {
        command.stderr(full());
    });
    child.wait_for("stopped");
    assert_eq!(child.end().code, Some(1), "its log thread was left behind");
}

#[test]
#[ignore = "a child of v1_a_stuck_stderr_cannot_hold_the_end_of_the_process"]
fn child_logs_into_the_void_to_the_end() {
    if !scenario::is_asked() {
        return;
    }
    let mut group = Group::new("demo").args(["demo", "--log-level=debug"]);
    group.register(Logging::new());
    group.register(Script::new("server").post_run(|| {
        scenario::say("stopped");
        Ok(())
    }));
    stop_when_ready(&group);
    scenario::exit(group.main());
}
