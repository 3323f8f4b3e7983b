//! Misuse is an error, neither a hang nor a panic (L18).

mod common;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use common::{SOON, within};
use rungroup::testing::{Journal, Script};
use rungroup::{
    Config, ErrorKind, FlagSet, Group, GroupHandle, Limit, NotReady, Unit, UnitId, pre_run_fn,
    service_fn,
};

/// What came of waiting for the end of the run where `callback` runs.
fn wait_for_the_end(group: &GroupHandle, callback: &str, journal: &Journal) {
    let end = group.stop_notify();
    let kinds = [
        end.wait().map(drop).unwrap_err().kind(),
        end.wait_timeout(Duration::from_hours(1)).map(drop).unwrap_err().kind(),
    ];
    journal.note(format!("{callback}: {:?}, {:?}", kinds[0], kinds[1]));
}

// ---- once is enough ----

#[test]
fn l18_running_twice_is_an_error_and_calls_nothing() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(journal.script("store").all_phases().finish());
        group.run().unwrap();
        let calls = journal.entries().len();
        let error = group.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyRan);
        assert_eq!(error.to_string(), "the group has already run: build a new one for another run");
        assert!(error.report().is_none() && error.cause().is_none());
        assert_eq!(journal.entries().len(), calls);
        assert_eq!(group.register_flags().unwrap_err().kind(), ErrorKind::AlreadyRan);
        assert_eq!(group.run_config().unwrap_err().kind(), ErrorKind::AlreadyRan);
        assert_eq!(group.run().unwrap_err().kind(), ErrorKind::AlreadyRan);
        assert_eq!(journal.entries().len(), calls);
    });
}

#[test]
fn l18_running_again_after_a_failure_is_an_error_too() {
    within(SOON, || {
        let journal = Journal::new();
        for args in [["demo", "--nonsense"], ["demo", "--name=x"]] {
            let mut group = Group::new("demo").args(args);
            group.register(journal.script("store").all_phases().pre_run(|_| Err("no disk".into())));
            assert_ne!(group.run().unwrap_err().kind(), ErrorKind::AlreadyRan);
            assert_eq!(group.run().unwrap_err().kind(), ErrorKind::AlreadyRan);
        }
        assert_eq!(journal.count("store pre_run"), 1);
    });
}

#[test]
fn l18_a_unit_that_is_registered_after_the_run_is_refused() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        group.run().unwrap();
        let late = group.register(journal.script("late").all_phases()).background();
        assert!(!late.takes_part());
        let late = late.id();
        assert!(group.run().is_err());
        assert_eq!(group.list_units(), "Group: demo [cli]", "it is not among the units");
        assert_eq!(group.deregister(late).unwrap_err().kind(), ErrorKind::Stopped);
        assert_eq!(journal.entries(), [""; 0]);
    });
}

#[test]
fn l18_asking_a_group_that_has_stopped_does_nothing() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        group.register(service_fn("short", |ctx| Ok(ctx.handle().wait_till_ready()?)));
        let handle = group.handle();
        let report = group.run().unwrap();
        assert!(!handle.stop("too late"));
        assert_eq!(report.reason().to_string(), "unit 'short' stopped");
        assert_eq!(handle.wait_till_ready(), Ok(()), "it was ready once");
        assert!(handle.events(8).next_event().is_none());
        drop(group);
        assert!(!handle.stop("long gone"));
        assert!(handle.stop_notify().outcome().is_some());
    });
}

// ---- waiting for oneself ----

#[test]
fn l18_waiting_for_the_runs_end_would_deadlock_in_every_thread_of_the_group() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        let waits = |callback: &'static str, group: &Group| {
            let (handle, journal) = (group.handle(), journal.clone());
            move || wait_for_the_end(&handle, callback, &journal)
        };
        let in_flags = waits("flag_set", &group);
        let in_validate = waits("validate", &group);
        let in_stop = waits("graceful_stop", &group);
        let in_post_run = waits("post_run", &group);
        let log = journal.clone();
        let log_too = journal.clone();
        let unit = Script::new("store")
            .flags(move || {
                in_flags();
                FlagSet::new("Store")
            })
            .validate(move || {
                in_validate();
                Ok(())
            })
            .pre_run(move |ctx| {
                wait_for_the_end(ctx.handle(), "pre_run", &log);
                let (handle, log) = (ctx.handle().clone(), log.clone());
                ctx.spawn_helper("helper", move || wait_for_the_end(&handle, "helper", &log))?;
                Ok(())
            })
            .serve(move |ctx| {
                wait_for_the_end(ctx.handle(), "serve", &log_too);
                let log = log_too.clone();
                ctx.spawn("own", move |ctx| wait_for_the_end(ctx.handle(), "own thread", &log))?;
                let (handle, log) = (ctx.handle().clone(), log_too.clone());
                ctx.on_stop(move || wait_for_the_end(&handle, "on_stop", &log)).keep();
                ctx.handle().stop("asking is fine");
                ctx.stopped().wait();
                Ok(())
            })
            .graceful_stop(move || {
                in_stop();
                Ok(())
            })
            .post_run(move || {
                in_post_run();
                Ok(())
            });
        group.register(unit);
        group.run().unwrap();
        for callback in [
            "flag_set",
            "validate",
            "pre_run",
            "helper",
            "serve",
            "own thread",
            "on_stop",
            "graceful_stop",
            "post_run",
        ] {
            let entry = format!("{callback}: WouldDeadlock, WouldDeadlock");
            assert!(journal.has(&entry), "{entry:?} is missing in {:?}", journal.entries());
        }
    });
}

#[test]
fn l18_a_thread_of_one_group_may_wait_for_the_end_of_another() {
    within(SOON, || {
        let mut outer = Group::new("outer").args(["outer"]);
        outer.register(service_fn("runs-another", |ctx| {
            let mut inner = Group::new("inner").args(["inner"]);
            let outer = ctx.handle().clone();
            inner.register(service_fn("short", move |ctx| {
                let error = ctx.handle().stop_notify().wait().map(drop).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::WouldDeadlock);
                let why = "waiting for the run's end on thread 'short', which the group runs";
                assert_eq!(error.to_string(), why);
                assert!(outer.stop_notify().wait_timeout(Duration::ZERO)?.is_none());
                Ok(())
            }));
            let end = inner.handle().stop_notify();
            ctx.spawn("waits", move |_ctx| assert!(end.wait().unwrap().is_ok()))?;
            inner.run()?;
            // The inner run is over, and this is a thread of the outer one still.
            let error = ctx.handle().stop_notify().wait().map(drop).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldDeadlock);
            Ok(())
        }));
        let report = outer.run().unwrap();
        assert!(report.failures().is_empty(), "{:?}", report.failures());
    });
}

#[test]
fn l18_a_unit_that_waits_for_its_own_end_would_deadlock_and_another_may_wait_for_it() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        let own: Arc<OnceLock<UnitId>> = Arc::default();
        let (whom, log) = (own.clone(), journal.clone());
        let (send, tickets) = std::sync::mpsc::channel();
        let registration = group.register(service_fn("itself", move |ctx| {
            ctx.handle().wait_till_ready()?;
            let end = ctx.handle().deregister(*whom.get().unwrap())?;
            let error = end.wait().map(drop).unwrap_err();
            let why = "waiting for a unit's end on thread 'itself', which has to end first";
            assert_eq!(error.to_string(), why);
            log.note(format!("serve: {:?}", error.kind()));
            let (ticket, log) = (end.clone(), log.clone());
            ctx.spawn("own", move |_ctx| {
                let error = ticket.wait().map(drop).unwrap_err();
                log.note(format!("own thread: {:?}", error.kind()));
            })?;
            send.send(end)?;
            Ok(())
        }));
        own.set(registration.id()).unwrap();
        let tickets = std::sync::Mutex::new(tickets);
        let log = journal.clone();
        group.register(service_fn("other", move |_ctx| {
            let end = tickets.lock().unwrap().recv()?;
            assert!(end.wait()?.is_ok());
            log.note("other: seen");
            Ok(())
        }));
        group.run().unwrap();
        assert_eq!(
            journal.entries(),
            ["serve: WouldDeadlock", "own thread: WouldDeadlock", "other: seen"]
        );
    });
}

#[test]
fn l18_waiting_for_readiness_on_the_callers_thread_would_deadlock() {
    within(SOON, || {
        let journal = Journal::new();
        let mut group = Group::new("demo").args(["demo"]);
        let (log, handle) = (journal.clone(), group.handle());
        let validate = move || {
            log.note(format!("validate: {:?}", handle.wait_till_ready()));
            Ok(())
        };
        let (log, handle) = (journal.clone(), group.handle());
        let post_run = move || {
            log.note(format!("post_run: {:?}", handle.wait_till_ready()));
            Ok(())
        };
        let log = journal.clone();
        let pre_run = move |ctx: &rungroup::RunContext| {
            let limit = Duration::from_hours(1);
            log.note(format!("pre_run: {:?}", ctx.handle().wait_till_ready()));
            log.note(format!("pre_run: {:?}", ctx.handle().wait_till_ready_timeout(limit)));
            Ok(())
        };
        let unit = Script::new("store").without_service();
        group.register(unit.validate(validate).pre_run(pre_run).post_run(post_run));
        group.register(service_fn("short", |ctx| Ok(ctx.handle().wait_till_ready()?)));
        group.run().unwrap();
        let refused = Err::<(), _>(NotReady::WouldDeadlock);
        assert_eq!(
            journal.entries(),
            [
                format!("validate: {refused:?}"),
                format!("pre_run: {refused:?}"),
                format!("pre_run: {refused:?}"),
                // There is nothing to wait for any more.
                "post_run: Ok(())".to_owned(),
            ]
        );
    });
}

// ---- threads ----

#[test]
fn l18_a_thread_that_comes_too_late_or_has_no_proper_name_is_refused() {
    within(SOON, || {
        let (kept, contexts) = std::sync::mpsc::channel();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(pre_run_fn("pre-runner", |ctx| {
            let error = ctx.spawn_helper("n\0l", || ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Spawn);
            Ok(())
        }));
        group.register(service_fn("server", move |ctx| {
            let error = ctx.spawn("n\0l", |_| ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Spawn);
            kept.send(ctx.clone())?;
            Ok(())
        }));
        group.run().unwrap();
        let ctx = contexts.recv().unwrap();
        let error = ctx.spawn("late", |_| panic!("the unit has stopped")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Spawn);
        assert_eq!(error.to_string(), "cannot spawn thread 'server:late': its unit has stopped");
        assert!(!ctx.sleep(SOON) && ctx.stopped().is_stopped());
    });
}

/// Waits for readiness where its flags are gathered.
struct Waits(GroupHandle);

impl Unit for Waits {
    fn name(&self) -> &'static str {
        "waits"
    }

    fn as_config(&self) -> Option<&dyn Config> {
        Some(self)
    }
}

impl Config for Waits {
    fn flag_set(&self) -> FlagSet {
        assert_eq!(self.0.wait_till_ready(), Err(NotReady::WouldDeadlock));
        FlagSet::new("Waits")
    }
}

#[test]
fn l18_waiting_where_flags_are_gathered_for_an_embedding_program_would_deadlock_too() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        let handle = group.handle();
        group.register(Waits(handle));
        group.register_flags().unwrap();
    });
}

/// Asks for the unit's threads when it is dropped.
struct Asks(GroupHandle);

impl Drop for Asks {
    fn drop(&mut self) {
        assert_eq!(self.0.snapshot().units.len(), 1);
    }
}

#[test]
fn l18_what_a_refused_thread_would_have_held_may_ask_the_group_when_it_is_dropped() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        group.register(service_fn("server", |ctx| {
            let asks = Asks(ctx.handle().clone());
            let error = ctx.spawn("n\0l", move |_ctx| drop(asks)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Spawn);
            Ok(())
        }));
        group.run().unwrap();
    });
}

#[test]
fn l18_a_context_that_outlives_the_run_does_no_harm() {
    within(SOON, || {
        let (kept, contexts) = std::sync::mpsc::channel();
        let mut group = Group::new("demo").args(["demo"]);
        group.register(pre_run_fn("pre-runner", move |ctx| Ok(kept.send(ctx.clone())?)));
        group.run().unwrap();
        let ctx = contexts.recv().unwrap();
        assert!(ctx.stopped().is_stopped());
        let error = ctx.spawn_helper("late", || panic!("the run is over")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Spawn);
    });
}

/// A limit that depends on what is registered.
struct AsLongAsThereAre(GroupHandle);

impl From<AsLongAsThereAre> for Limit {
    fn from(limit: AsLongAsThereAre) -> Self {
        limit.0.events(1); // which takes the lock that registering takes
        Limit::Fixed(Duration::from_secs(1))
    }
}

#[test]
fn l18_a_limit_of_the_programs_own_may_ask_the_group_where_it_is_made() {
    within(SOON, || {
        let mut group = Group::new("demo").args(["demo"]);
        let handle = group.handle();
        let limit = || AsLongAsThereAre(handle.clone());
        group
            .register(service_fn("server", |_ctx| Ok(())))
            .stop_timeout(limit())
            .start_timeout(limit())
            .heartbeat(limit());
        group.run().unwrap();
    });
}
