//! L4: a thread that cannot be spawned. A stack larger than the address space makes sure of it.

mod common;

use std::time::Duration;

use common::within;
use rungroup::{Bytes, Event, Group, Phase, service_fn};

const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn l4_a_thread_that_cannot_be_spawned_fails_its_unit_and_nobody_starts_behind_it() {
    within(LIMIT, || {
        let mut group = Group::new("demo").args(["demo"]);
        group.register(service_fn("first", |ctx| {
            ctx.stopped().wait();
            Ok(())
        }));
        let no_room = service_fn("no-room", |_ctx| Ok(()));
        group.register(no_room).stack_size(Bytes::new(1 << 60));
        group.register(service_fn("behind", |_ctx| unreachable!("it is not started")));
        let events = group.handle().events(64);
        let error = group.run().unwrap_err();

        let cause = error.cause().unwrap();
        assert_eq!((cause.unit(), cause.phase()), ("no-room", Phase::Start));
        let started = events.iter().filter_map(|event| match event {
            Event::Starting { unit, .. } => Some(unit.to_string()),
            _ => None,
        });
        assert_eq!(started.collect::<Vec<_>>(), ["first", "no-room"]);
        let failed =
            error.report().unwrap().failures().iter().map(|failure| failure.unit().to_owned());
        assert_eq!(failed.collect::<Vec<_>>(), ["no-room"]);
        let behind = &error.report().unwrap().units()[2];
        assert_eq!((behind.started, behind.told, behind.stopped), (None, None, None));
    });
}
