//! A panic in a callback (L12): caught, named with unit, phase, message and place, and never `Ok`.
//! What becomes of the place when the program replaces the panic hook is in `panic_hook`.

// Threads and panics of the test's own; the library's places for them are not open to it.
#![allow(clippy::disallowed_methods)]

mod common;

use std::panic::{self, resume_unwind};
use std::sync::mpsc;

use common::{SOON, within};
use rungroup::testing::{Journal, Script};
use rungroup::{
    ConfigError, Error, ErrorKind, Event, Failure, FlagSet, Group, NotReady, Panic, Phase,
    RunError, StopReason, pre_run_fn, service_fn,
};

/// `file:line` of the line below the call.
macro_rules! next_line {
    () => {
        format!("{}:{}:", file!(), line!() + 1)
    };
}

#[track_caller]
fn assert_panicked(failure: &Failure, unit: &str, phase: Phase, message: &str, place: &str) {
    assert_eq!((failure.unit(), failure.phase()), (unit, phase));
    let panic = failure.as_panic().expect("a panic");
    assert_eq!(panic.message(), message);
    let location = panic.location().expect("a place");
    assert!(location.starts_with(place), "{location} instead of {place}");
    assert_eq!(
        failure.to_string(),
        format!("unit '{unit}': {phase} panicked: {message} ({location})")
    );
}

#[track_caller]
fn assert_problem(problem: &ConfigError, callback: &str, message: &str, place: &str) {
    assert_eq!(problem.unit(), Some("fragile"));
    let start = format!("unit 'fragile': {callback} panicked: {message} ({place}");
    assert!(problem.to_string().starts_with(&start), "{problem} instead of {start}");
}

/// Runs one unit beside one that only waits, with a stop as soon as both are ready.
fn run_with(unit: Script) -> RunError {
    let mut group = Group::new("demo").args(["demo"]);
    group.register(unit);
    group.register(service_fn("asks", |ctx| {
        let _ = ctx.handle().wait_till_ready();
        ctx.handle().stop("enough");
        Ok(())
    }));
    group.run().unwrap_err()
}

#[test]
fn l12_a_panic_in_flag_set_is_a_problem_of_the_config_phase() {
    within(SOON, || {
        let journal = Journal::new();
        let place = next_line!();
        let flags = || -> FlagSet { panic!("no flags today") };
        let error = run_with(journal.script("fragile").all_phases().flags(flags));
        assert_eq!(error.kind(), ErrorKind::Definition);
        assert_problem(&error.problems()[0], "flag_set", "no flags today", &place);
        assert_eq!(journal.entries(), ["fragile flag_set"]);
    });
}

#[test]
fn l12_a_panic_in_validate_is_a_problem_of_the_config_phase() {
    within(SOON, || {
        let journal = Journal::new();
        let place = next_line!();
        let validate = || panic!("cannot tell");
        let error = run_with(journal.script("fragile").all_phases().validate(validate));
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_problem(&error.problems()[0], "validate", "cannot tell", &place);
        assert_eq!(journal.units("pre_run"), [""; 0]);
    });
}

#[test]
fn l12_a_panic_in_pre_run_ends_the_run() {
    within(SOON, || {
        let journal = Journal::new();
        let place = next_line!();
        let pre_run = |_: &_| panic!("no disk");
        let error = run_with(journal.script("fragile").all_phases().pre_run(pre_run));
        assert_eq!(error.kind(), ErrorKind::PreRun);
        assert_panicked(error.cause().unwrap(), "fragile", Phase::PreRun, "no disk", &place);
        assert_eq!(journal.units("serve"), [""; 0]);
    });
}

#[test]
fn l12_a_panic_in_serve_ends_the_group_and_is_its_cause() {
    within(SOON, || {
        let journal = Journal::new();
        let place = next_line!();
        let serve = |_: &_| panic!("out of {}", "cheese");
        let mut group = Group::new("demo").args(["demo"]);
        group.register(journal.script("other").all_phases());
        group.register(journal.script("fragile").serve(serve));
        let error = group.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Failed);
        assert_panicked(error.cause().unwrap(), "fragile", Phase::Serve, "out of cheese", &place);
        assert_eq!(error.report().unwrap().reason(), &StopReason::UnitStopped("fragile".into()));
        assert_eq!(error.failures().len(), 1);
    });
}

#[test]
fn l12_a_panic_in_graceful_stop_makes_an_end_that_was_asked_for_an_error() {
    within(SOON, || {
        let journal = Journal::new();
        let place = next_line!();
        let stop = || panic!("cannot say goodbye");
        let error = run_with(journal.script("fragile").all_phases().graceful_stop(stop));
        assert_eq!(error.kind(), ErrorKind::Failed);
        let cause = error.cause().unwrap();
        assert_panicked(cause, "fragile", Phase::GracefulStop, "cannot say goodbye", &place);
        assert_eq!(error.report().unwrap().reason(), &StopReason::from("enough"));
    });
}

#[test]
fn l12_a_panic_in_an_on_stop_callback_makes_an_end_that_was_asked_for_an_error() {
    within(SOON, || {
        let journal = Journal::new();
        let place = next_line!();
        let callback = || panic!("cannot hang up");
        let error = run_with(journal.script("fragile").all_phases().serve(move |ctx| {
            let events = ctx.handle().events(64);
            let _guard = ctx.on_stop(callback); // dropped when it has been called
            events.iter().find(|event| matches!(event, Event::CallbackFailed { .. }));
            Ok(())
        }));
        let cause = error.cause().unwrap();
        assert_panicked(cause, "fragile", Phase::OnStop, "cannot hang up", &place);
    });
}

#[test]
fn l12_a_panic_in_post_run_is_reported_and_the_others_are_cleaned_up() {
    within(SOON, || {
        let journal = Journal::new();
        let place = next_line!();
        let post_run = || panic!("cannot tidy up");
        let mut group = Group::new("demo").args(["demo"]);
        group.register(journal.script("first").all_phases());
        group.register(journal.script("fragile").without_service().post_run(post_run));
        group.register(service_fn("short", |_| Ok(())));
        let error = group.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PostRun);
        let cause = error.cause().unwrap();
        assert_panicked(cause, "fragile", Phase::PostRun, "cannot tidy up", &place);
        assert_eq!(journal.units("post_run"), ["fragile", "first"]);
    });
}

#[test]
fn l12_a_panic_in_a_thread_of_a_unit_ends_it_alone_and_is_reported() {
    within(SOON, || {
        let place = next_line!();
        let body = |_| panic!("bad connection");
        let mut group = Group::new("demo").args(["demo"]);
        let events = group.handle().events(64);
        group.register(service_fn("server", move |ctx| {
            ctx.handle().wait_till_ready()?;
            ctx.spawn("conn", body)?;
            let reported = events.iter().find_map(|event| match event {
                Event::CallbackFailed { failure } => Some(failure),
                _ => None,
            });
            assert_eq!(reported.expect("an event").unit(), "server");
            assert!(!ctx.stopped().is_stopped(), "the unit goes on");
            let (sender, receiver) = mpsc::channel();
            ctx.spawn("next", move |_| sender.send(()).unwrap())?;
            receiver.recv()?;
            ctx.handle().stop("seen");
            Ok(())
        }));
        let report = group.run().expect("a service is not failed by it");
        assert_eq!(report.reason(), &StopReason::from("seen"));
        let [failure] = report.failures() else { panic!("{:?}", report.failures()) };
        assert_panicked(failure, "server", Phase::Helper, "bad connection", &place);
        assert!(report.to_string().contains("bad connection"), "{report}");
    });
}

#[test]
fn l12_a_panic_in_a_helper_thread_of_a_pre_runner_ends_it_alone_and_is_reported() {
    within(SOON, || {
        let place = next_line!();
        let body = || panic!("bad watch");
        let mut group = Group::new("demo").args(["demo"]);
        group.register(pre_run_fn("watcher", move |ctx| Ok(ctx.spawn_helper("watch", body)?)));
        group.register(service_fn("short", |_| Ok(())));
        let report = group.run().expect("the run is not failed by it");
        let [failure] = report.failures() else { panic!("{:?}", report.failures()) };
        assert_panicked(failure, "watcher", Phase::Helper, "bad watch", &place);
    });
}

#[test]
fn l12_a_panic_in_declares_ready_is_no_silence() {
    use rungroup::{BoxError, ServeContext, Service, Unit};
    struct Fragile;
    impl Unit for Fragile {
        fn name(&self) -> &'static str {
            "fragile"
        }
        fn as_service(&self) -> Option<&dyn Service> {
            Some(self)
        }
    }
    impl Service for Fragile {
        fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
            ctx.stopped().wait();
            Ok(())
        }
        fn declares_ready(&self) -> bool {
            panic!("cannot tell")
        }
    }
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        group.register(Fragile);
        let handle = group.handle();
        let error = group.run().unwrap_err();
        assert_eq!(error.cause().unwrap().as_panic().unwrap().message(), "cannot tell");
        assert_eq!(error.cause().unwrap().unit(), "fragile");
        assert_eq!(handle.wait_till_ready(), Err(NotReady::Failed("fragile".into())));
    });
}

#[test]
fn l12_a_payload_that_is_not_text_is_a_panic_all_the_same() {
    within(SOON, || {
        let place = next_line!();
        let serve = |_: &_| panic::panic_any(42_u8);
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(journal.script("fragile").serve(serve));
        let error = group.run().unwrap_err();
        let cause = error.cause().unwrap();
        let message = "a payload that is not text";
        assert_panicked(cause, "fragile", Phase::Serve, message, &place);
    });
}

#[test]
fn l12_a_payload_that_panics_when_it_is_dropped_does_no_harm() {
    struct Grenade;
    impl Drop for Grenade {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        group.register(service_fn("fragile", |_| panic::panic_any(Grenade)));
        let error = group.run().unwrap_err();
        assert_eq!(error.cause().unwrap().unit(), "fragile");
    });
}

#[test]
fn l12_a_panic_that_is_passed_on_without_the_hook_has_its_message_and_no_wrong_place() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        group.register(service_fn("fragile", |_| {
            let elsewhere = std::thread::spawn(|| panic!("elsewhere")).join();
            resume_unwind(elsewhere.unwrap_err())
        }));
        let error = group.run().unwrap_err();
        let panic = error.cause().unwrap().as_panic().unwrap();
        assert_eq!((panic.message(), panic.location()), ("elsewhere", None));
    });
}

#[test]
fn l12_a_panic_that_a_callback_catches_itself_is_its_own_business() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        group.register(pre_run_fn("careful", |_| {
            panic::catch_unwind(|| panic!("nobody's business")).unwrap_err();
            Ok(())
        }));
        // Its place must not be taken for that of the next one, which no hook is told of.
        group.register(pre_run_fn("next", |_| resume_unwind(Box::new("out of the blue"))));
        let error = group.run().unwrap_err();
        assert_eq!(error.failures().len(), 1);
        let panic = error.cause().unwrap().as_panic().unwrap();
        assert_eq!((panic.message(), panic.location()), ("out of the blue", None));
    });
}

#[test]
fn l12_a_group_that_is_run_while_a_callback_unwinds_does_not_take_its_place_away() {
    within(SOON, || {
        struct LastWords;
        impl Drop for LastWords {
            fn drop(&mut self) {
                let mut inner = Group::new("inner").args(["inner"]);
                inner.register(pre_run_fn("flush", |_| Ok(())));
                inner.run().unwrap();
            }
        }
        let place = next_line!();
        let fail = || panic!("no disk");
        let mut group = Group::new("demo").args(["demo"]);
        group.register(pre_run_fn("fragile", move |_| {
            let _last_words = LastWords;
            fail()
        }));
        let error = group.run().unwrap_err();
        assert_panicked(error.cause().unwrap(), "fragile", Phase::PreRun, "no disk", &place);
    });
}

#[test]
fn l12_waiting_for_the_end_of_a_panicked_unit_gives_its_panic() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        let fragile = group.register(service_fn("fragile", |ctx| {
            ctx.stopped().wait();
            panic!("on the way out")
        }));
        let fragile = fragile.id();
        group.register(service_fn("looks", move |ctx| {
            ctx.handle().wait_till_ready()?;
            let end = ctx.handle().deregister(fragile)?;
            let message = end.wait()?.failure().and_then(Failure::as_panic).map(Panic::message);
            assert_eq!(message, Some("on the way out"));
            Ok(())
        }));
        let error: RunError = group.run().unwrap_err();
        assert_eq!(error.cause().unwrap().unit(), "fragile");
        let as_panic = error.downcast_ref::<Panic>();
        assert_eq!(as_panic.map(Panic::message), Some("on the way out"));
        assert!(error.downcast_ref::<Error>().is_none());
    });
}
