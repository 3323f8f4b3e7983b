//! Taking groups in groups out, and units in them; handles of a group that has become a part of another
//! (S5, L3).

// Tests spawn threads of their own.
#![allow(clippy::disallowed_methods)]

mod common;

use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use common::{SOON, within};
use crossbeam_channel::{Receiver, Sender, bounded};
use rungroup::testing::Journal;
use rungroup::{
    BoxError, Error, ErrorKind, Event, Group, GroupHandle, NotReady, ServeContext, Service,
    StopNotify, StopReason, Unit, UnitId, UnitState, pre_run_fn, service_fn,
};

fn demo() -> Group {
    Group::new("demo").args(["demo"])
}

#[allow(clippy::unnecessary_wraps)] // a `serve`
fn until_told(ctx: &ServeContext) -> Result<(), BoxError> {
    ctx.stopped().wait();
    Ok(())
}

/// A group with two units that serve until they are told, and what they were told.
fn pair(journal: &Journal) -> (Group, UnitId, UnitId) {
    let mut uplink = Group::new("uplink");
    let told = |name: &'static str| {
        let journal = journal.clone();
        service_fn(name, move |ctx| {
            let reason = ctx.stopped().wait();
            journal.note(format!("{name} told {reason}"));
            Ok(())
        })
    };
    let feed = uplink.register(told("feed")).id();
    let filter = uplink.register(told("filter")).after(feed).id();
    (uplink, feed, filter)
}

// ---- taking out ----

#[test]
fn l3_a_group_taken_out_before_the_run_takes_part_in_nothing_with_all_in_it() {
    within(SOON, || {
        let journal = Journal::new();
        let mut inner = Group::new("inner");
        let leaf = inner.register(journal.script("leaf").all_phases()).id();
        let mut uplink = Group::new("uplink");
        uplink.register(inner);
        uplink.register(journal.script("feed").all_phases());
        let mut group = demo();
        let uplink = group.register(uplink).id();
        group.register(journal.script("stays").finish());
        assert!(group.deregister(uplink).unwrap().wait().unwrap().is_ok());
        assert_eq!(group.deregister(leaf).unwrap_err().kind(), ErrorKind::UnknownUnit);
        group.register(Group::new("uplink")); // its name is free again
        group.run().unwrap();
        assert!(journal.entries().iter().all(|it| it.starts_with("stays")), "{journal:?}");
    });
}

#[test]
fn l3_a_pre_run_can_take_out_a_group_and_what_was_done_of_it_is_cleaned_up() {
    within(SOON, || {
        let journal = Journal::new();
        let whom: Arc<OnceLock<UnitId>> = Arc::default();
        let id = whom.clone();
        let mut uplink = Group::new("uplink");
        uplink.register(journal.script("first").all_phases());
        uplink.register(journal.script("second").without_service().pre_run(move |ctx| {
            ctx.handle().deregister(*id.get().unwrap())?;
            Ok(())
        }));
        uplink.register(journal.script("third").all_phases());
        let mut group = demo();
        whom.set(group.register(uplink).id()).unwrap();
        group.register(journal.script("end").all_phases().finish());
        group.run().unwrap();
        assert_eq!(journal.units("pre_run"), ["first", "second", "end"]);
        assert_eq!(journal.units("serve"), ["end"]);
        assert_eq!(journal.units("post_run"), ["end", "second", "first"]);
    });
}

#[test]
fn l3_taking_a_group_out_while_it_serves_stops_all_in_it_alone_and_the_ticket_tells_when() {
    within(SOON, || {
        let journal = Journal::new();
        let (uplink, ..) = pair(&journal);
        let mut group = demo();
        let uplink = group.register(uplink).id();
        let log = journal.clone();
        group.register(service_fn("admin", move |ctx| {
            ctx.handle().wait_till_ready()?;
            let ended = ctx.handle().deregister(uplink)?;
            assert!(ended.wait()?.is_ok());
            let told = ["filter told deregistered", "feed told deregistered"];
            assert_eq!(log.entries(), told, "in its order");
            let states = ctx.handle().snapshot().units;
            let states: Vec<_> = states.iter().map(|unit| unit.state).collect();
            assert_eq!(states[..3], [UnitState::Stopped; 3]);
            assert!(!ctx.stopped().is_stopped());
            assert_eq!(ctx.handle().deregister(uplink).unwrap_err().kind(), ErrorKind::UnknownUnit);
            Ok(())
        }));
        let report = group.run().unwrap();
        assert_eq!(report.reason().to_string(), "unit 'admin' stopped");
    });
}

#[test]
fn l3_a_unit_in_a_group_can_be_taken_out_by_the_id_that_the_group_gave() {
    within(SOON, || {
        let journal = Journal::new();
        let (uplink, feed, filter) = pair(&journal);
        let old = uplink.handle();
        let mut group = demo();
        group.register(uplink).task();
        let log = journal.clone();
        group.register(service_fn("admin", move |ctx| {
            ctx.handle().wait_till_ready()?;
            let error = ctx.handle().deregister(feed).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InUse);
            let why = "unit 'uplink/feed' is in use: 'uplink/filter' comes after it";
            assert_eq!(error.to_string(), why);
            assert!(ctx.handle().deregister(filter)?.wait()?.is_ok());
            assert_eq!(log.entries(), ["filter told deregistered"]);
            assert_eq!(ctx.handle().snapshot().units[0].state, UnitState::Running, "it goes on");
            // By the handle that it once was, too.
            assert!(old.deregister(feed)?.wait()?.is_ok());
            Ok(())
        }));
        let report = group.run().unwrap();
        assert_eq!(report.reason().to_string(), "unit 'admin' stopped");
    });
}

#[test]
fn l3_a_group_whose_last_unit_is_taken_out_has_ended() {
    within(SOON, || {
        let mut uplink = Group::new("uplink");
        let feed = uplink.register(service_fn("feed", until_told)).id();
        let mut group = demo();
        group.register(uplink);
        group.register(service_fn("admin", move |ctx| {
            ctx.handle().wait_till_ready()?;
            ctx.handle().deregister(feed)?;
            assert_eq!(ctx.stopped().wait().to_string(), "unit 'uplink' stopped");
            Ok(())
        }));
        group.run().unwrap();
    });
}

#[test]
fn l3_a_group_that_another_comes_after_is_in_use() {
    within(SOON, || {
        let journal = Journal::new();
        let (store, ..) = pair(&journal);
        let mut group = demo();
        let store = group.register(store).id();
        let mut uplink = Group::new("server");
        uplink.register(service_fn("http", until_told));
        let server = group.register(uplink).after(store).id();
        let refused = |result: Result<StopNotify, Error>| {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InUse);
            let why = "group 'uplink' is in use: 'server' comes after it";
            assert_eq!(error.to_string(), why);
        };
        refused(group.deregister(store));
        group.register(service_fn("admin", move |ctx| {
            ctx.handle().wait_till_ready()?;
            refused(ctx.handle().deregister(store));
            ctx.handle().deregister(server)?.wait()?;
            ctx.handle().deregister(store)?.wait()?;
            Ok(())
        }));
        group.run().unwrap();
    });
}

#[test]
fn l18_waiting_for_the_end_of_a_group_on_a_thread_in_it_is_refused_and_beside_it_is_not() {
    within(SOON, || {
        let (send, ticket) = bounded::<StopNotify>(1);
        let (send_back, refused) = bounded(1);
        let mut inner = Group::new("inner");
        inner.register(service_fn("leaf", move |ctx| {
            let ended = ticket.recv()?;
            send_back.send(ended.wait().unwrap_err().kind())?;
            ctx.stopped().wait();
            Ok(())
        }));
        let mut outer = Group::new("outer");
        outer.register(inner);
        let mut group = demo();
        let outer = group.register(outer).id();
        group.register(service_fn("admin", move |ctx| {
            ctx.handle().wait_till_ready()?;
            let ended = ctx.handle().deregister(outer)?;
            send.send(ended.clone())?;
            assert_eq!(refused.recv()?, ErrorKind::WouldDeadlock);
            assert!(ended.wait()?.is_ok());
            Ok(())
        }));
        group.run().unwrap();
    });
}

/// Says what came of waiting for the end of its group, and of its own, when it is stopped.
struct WaitsAtStop {
    ended: Receiver<[StopNotify; 2]>,
    say: Sender<[Option<ErrorKind>; 2]>,
}

impl Unit for WaitsAtStop {
    fn name(&self) -> &'static str {
        "leaf"
    }

    fn as_service(&self) -> Option<&dyn Service> {
        Some(self)
    }
}

impl Service for WaitsAtStop {
    fn serve(&self, ctx: &ServeContext) -> Result<(), BoxError> {
        ctx.stopped().wait();
        Ok(())
    }

    fn graceful_stop(&self) -> Result<(), BoxError> {
        let ended = self.ended.recv()?;
        Ok(self.say.send(ended.map(|it| it.wait().err().map(|error| error.kind())))?)
    }
}

#[test]
fn l18_a_graceful_stop_may_wait_for_its_own_service_and_not_for_the_group_that_it_is_in() {
    within(SOON, || {
        let (send, ended) = bounded(1);
        let (say, said) = bounded(1);
        let mut inner = Group::new("inner");
        let leaf = inner.register(WaitsAtStop { ended, say }).id();
        let mut group = demo();
        let inner = group.register(inner).id();
        group.register(service_fn("admin", move |ctx| {
            ctx.handle().wait_till_ready()?;
            let own = ctx.handle().deregister(leaf)?;
            send.send([ctx.handle().deregister(inner)?, own])?;
            assert_eq!(said.recv()?, [Some(ErrorKind::WouldDeadlock), None]);
            Ok(())
        }));
        group.run().unwrap();
    });
}

// ---- handles ----

/// The handle of a group that is two deep in `demo`, with the group.
fn two_deep(also: impl FnOnce(&mut Group)) -> (Group, GroupHandle) {
    let mut inner = Group::new("inner");
    inner.register(service_fn("leaf", until_told));
    also(&mut inner);
    let handle = inner.handle();
    let mut outer = Group::new("outer");
    outer.register(inner);
    let mut group = demo();
    group.register(outer);
    (group, handle)
}

#[test]
fn s5_a_handle_of_a_group_in_a_group_is_one_of_the_outermost() {
    within(SOON, || {
        let (mut group, handle) = two_deep(|_| ());
        assert_eq!(handle.name(), "demo");
        let events = handle.events(64);
        let looker = handle.clone();
        let watcher = thread::spawn(move || {
            looker.wait_till_ready()?;
            let units = looker.snapshot().units;
            assert_eq!(&*units[2].path, "outer/inner/leaf");
            assert!(looker.stop("seen"), "it is the first to ask");
            assert!(looker.stop_notify().wait().unwrap().is_ok());
            Ok::<(), NotReady>(())
        });
        let report = group.run().unwrap();
        watcher.join().unwrap().unwrap();
        assert_eq!(report.reason(), &StopReason::from("seen"));
        assert!(events.iter().any(|event| matches!(event, Event::GroupReady)));
        assert!(handle.stopped().is_stopped());
    });
}

#[test]
fn s5_what_was_had_from_a_handle_before_tells_of_the_run_that_it_is_part_of() {
    within(SOON, || {
        let (had, told) = bounded(1);
        let mut waiter = None;
        let (mut group, _) = two_deep(|inner| {
            let handle = inner.handle();
            let (token, ended) = (handle.stopped().clone(), handle.stop_notify());
            had.send((token, ended, handle.events(64))).unwrap();
            // It blocks, if not just now, then when the group is registered.
            waiter = Some(thread::spawn(move || handle.wait_till_ready()));
        });
        let (token, ended, events) = told.recv().unwrap();
        let (waiting, stopper) = (token.clone(), group.handle());
        let on_token = thread::spawn(move || waiting.wait().clone());
        group.register(service_fn("end", move |ctx| {
            ctx.handle().wait_till_ready()?;
            stopper.stop("seen");
            Ok(())
        }));
        group.run().unwrap();
        assert_eq!(waiter.unwrap().join().unwrap(), Ok(()));
        assert_eq!(on_token.join().unwrap(), StopReason::from("seen"));
        assert!(ended.outcome().unwrap().is_ok());
        let events: Vec<String> = events.iter().map(|event| event.to_string()).collect();
        assert!(events.contains(&"unit 'outer/inner/leaf' ready".to_owned()), "{events:?}");
    });
}

#[test]
fn l7_a_stop_that_was_asked_for_before_it_was_registered_is_one_of_the_outermost_group() {
    within(SOON, || {
        let journal = Journal::new();
        let mut inner = Group::new("inner");
        inner.register(journal.script("leaf").all_phases());
        inner.handle().stop("not today");
        let mut outer = Group::new("outer");
        outer.register(inner);
        let mut group = demo();
        group.register(journal.script("server").all_phases());
        group.register(outer);
        let report = group.run().unwrap();
        assert_eq!(report.reason(), &StopReason::from("not today"));
        assert_eq!(journal.units("pre_run"), [""; 0]);
    });
}

#[test]
fn l18_waiting_for_the_end_of_the_run_by_a_handle_from_before_is_refused_on_its_threads() {
    within(SOON, || {
        let ended: Arc<Mutex<Option<StopNotify>>> = Arc::default();
        let had = ended.clone();
        let (mut group, handle) = two_deep(|inner| {
            *ended.lock().unwrap() = Some(inner.handle().stop_notify());
        });
        let (early, by_handle) = (had.clone(), handle.clone());
        group.register(pre_run_fn("early", move |_ctx| {
            let ended = early.lock().unwrap().clone().unwrap();
            assert_eq!(ended.wait().unwrap_err().kind(), ErrorKind::WouldDeadlock);
            assert_eq!(by_handle.wait_till_ready(), Err(NotReady::WouldDeadlock));
            Ok(())
        }));
        group.register(service_fn("end", move |_ctx| {
            let ended = had.lock().unwrap().clone().unwrap();
            assert_eq!(ended.wait().unwrap_err().kind(), ErrorKind::WouldDeadlock);
            assert_eq!(handle.stop_notify().wait().unwrap_err().kind(), ErrorKind::WouldDeadlock);
            Ok(())
        }));
        group.run().unwrap();
    });
}

#[test]
fn l11_who_waits_by_a_handle_from_before_is_told_when_the_outermost_is_dropped_without_a_run() {
    within(SOON, || {
        let (group, handle) = two_deep(|_| ());
        let events = handle.events(8);
        let waiter = handle.clone();
        let waiter = thread::spawn(move || waiter.wait_till_ready());
        drop(group);
        assert_eq!(waiter.join().unwrap(), Err(NotReady::Stopped));
        assert_eq!(handle.stopped().wait(), &StopReason::RunFailed);
        assert_eq!(events.iter().count(), 0);
    });
}

/// A unit may hold a handle of its own group, whichever it is a part of: dropped they are all the
/// same.
#[test]
fn l11_a_group_is_dropped_with_units_that_hold_handles_of_it() {
    within(SOON, || {
        struct Noted(Journal);
        impl Drop for Noted {
            fn drop(&mut self) {
                self.0.note("dropped");
            }
        }
        let journal = Journal::new();
        let noted = Noted(journal.clone());
        let (group, handle) = two_deep(|inner| {
            let handle = inner.handle();
            inner.register(service_fn("holder", move |_ctx| {
                let (_noted, _handle) = (&noted, &handle);
                Ok(())
            }));
        });
        drop(group);
        assert_eq!(journal.entries(), ["dropped"]);
        drop(handle);
    });
}

#[test]
fn s5_nothing_is_lost_that_is_asked_of_a_handle_just_while_its_group_is_registered() {
    within(Duration::from_mins(1), || {
        for _ in 0..200 {
            let mut inner = Group::new("inner");
            let leaf = inner.register(service_fn("leaf", until_told)).id();
            let stays = inner.register(service_fn("stays", until_told)).id();
            let handle = inner.handle();
            let start = Arc::new(std::sync::Barrier::new(3));
            let (handle_2, start_2) = (handle.clone(), start.clone());
            let asker = thread::spawn(move || {
                start_2.wait();
                handle_2.stop("asked")
            });
            let start_3 = start.clone();
            let taker = thread::spawn(move || {
                start_3.wait();
                let events = handle.events(16);
                handle.deregister(leaf).unwrap();
                events
            });
            let mut outer = Group::new("outer");
            let mut group = demo();
            start.wait();
            outer.register(inner);
            group.register(outer);
            assert!(asker.join().unwrap());
            let events = taker.join().unwrap();
            assert!(group.list_units().ends_with("- serve : outer/inner/stays"));
            assert_eq!(group.run().unwrap().reason(), &StopReason::from("asked"));
            assert_eq!(events.iter().count(), 0, "they end: nothing has run");
            assert_ne!(leaf, stays);
        }
    });
}
