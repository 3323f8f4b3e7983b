//! S9: units that have to be heard of, on real threads.

// Tests watch from threads of their own.
#![allow(clippy::disallowed_methods)]

mod common;

use std::thread;
use std::time::Duration;

use common::{SOON, within};
use crossbeam_channel::{bounded, unbounded};
use rungroup::{Event, Events, Group, service_fn};

const SHORT: Duration = Duration::from_millis(20);

fn demo() -> Group {
    Group::new("demo").args(["demo"])
}

/// Waits for the first event of the unit that is like this.
#[track_caller]
fn wait_for(events: &Events, unit: &str, like: fn(&Event) -> bool) -> Event {
    let is_it = |event: &Event| event.unit() == Some(unit) && like(event);
    events.iter().find(is_it).expect("the event comes before the end of the run")
}

#[test]
fn s9_a_silent_unit_is_unresponsive_and_not_ready_until_it_is_heard_of() {
    within(SOON, || {
        let (go_on, held) = bounded::<()>(0);
        let mut group = demo();
        group
            .register(service_fn("meter", move |ctx| {
                held.recv()?;
                ctx.heartbeat();
                ctx.stopped().wait();
                Ok(())
            }))
            .heartbeat(SHORT);
        let (handle, events) = (group.handle(), group.handle().events(64));
        let watcher = thread::spawn(move || {
            let event = wait_for(&events, "meter", |it| matches!(it, Event::Unresponsive { .. }));
            let Event::Unresponsive { silent, .. } = &event else { unreachable!() };
            assert!(*silent >= SHORT, "{event}");
            let status = handle.snapshot().units.remove(0);
            assert!(status.unresponsive && !status.ready);
            assert!(handle.snapshot().to_string().contains("unresponsive"));
            go_on.send(()).unwrap();
            wait_for(&events, "meter", |it| matches!(it, Event::Responsive { .. }));
            wait_for(&events, "meter", |it| matches!(it, Event::Ready { .. }));
            handle.stop("seen");
        });
        let report = group.run().unwrap();
        watcher.join().unwrap();
        assert!(report.failures().is_empty(), "to be silent is no failure");
    });
}

#[test]
fn s9_a_unit_that_beats_in_time_is_never_unresponsive() {
    within(SOON, || {
        let mut group = demo();
        group
            .register(service_fn("meter", |ctx| {
                for _ in 0..20 {
                    ctx.sleep(Duration::from_millis(10)); // the work of one round
                    ctx.heartbeat();
                }
                Ok(())
            }))
            .heartbeat(SOON);
        let events = group.handle().events(64);
        group.run().unwrap();
        assert!(!events.iter().any(|event| matches!(event, Event::Unresponsive { .. })));
    });
}

/// One that hangs is not covered up by the others.
#[test]
fn s9_each_instance_has_to_be_heard_of() {
    within(SOON, || {
        let (release, held) = bounded::<()>(0);
        let mut group = demo();
        group
            .register(service_fn("worker", move |ctx| {
                if ctx.instance() == 0 {
                    held.recv()?;
                    return Ok(());
                }
                while ctx.sleep(SHORT / 4) {
                    ctx.heartbeat();
                }
                Ok(())
            }))
            .instances(2)
            .heartbeat(SHORT);
        let (handle, events) = (group.handle(), group.handle().events(1024));
        let watcher = thread::spawn(move || {
            wait_for(&events, "worker", |it| matches!(it, Event::Unresponsive { .. }));
            // It leaves, and is not missed any more.
            release.send(()).unwrap();
            wait_for(&events, "worker", |it| matches!(it, Event::Responsive { .. }));
            handle.stop("seen");
        });
        group.run().unwrap();
        watcher.join().unwrap();
    });
}

#[test]
fn s9_threads_that_the_unit_spawned_may_speak_for_it() {
    within(SOON, || {
        let (speak, said) = unbounded::<()>();
        let mut group = demo();
        group
            .register(service_fn("meter", move |ctx| {
                let said = said.clone();
                ctx.spawn("pump", move |ctx| {
                    while said.recv().is_ok() {
                        ctx.heartbeat();
                    }
                })?;
                ctx.stopped().wait();
                Ok(())
            }))
            .heartbeat(SHORT);
        let (handle, events) = (group.handle(), group.handle().events(64));
        let watcher = thread::spawn(move || {
            wait_for(&events, "meter", |it| matches!(it, Event::Unresponsive { .. }));
            speak.send(()).unwrap();
            wait_for(&events, "meter", |it| matches!(it, Event::Responsive { .. }));
            handle.stop("seen");
        });
        group.run().unwrap();
        watcher.join().unwrap();
    });
}

#[test]
fn s9_without_a_limit_a_heartbeat_does_nothing() {
    within(SOON, || {
        let mut group = demo();
        group.register(service_fn("meter", |ctx| {
            ctx.heartbeat();
            Ok(())
        }));
        let events = group.handle().events(64);
        group.run().unwrap();
        assert!(!events.iter().any(|event| matches!(event, Event::Responsive { .. })));
    });
}
